//! What goes wrong on the way: each ends complete, or stopped with a code and a run that goes on.

use std::sync::Arc;
use std::time::Duration;

use engine::run::{Stop, migrate};
use shared::error_code::ErrorCode;
use shared::plan::Plan;
use shared::run::{OutcomeStatus, Progress, RunOutcome};
use testbed::{Database, Durability, Product, Proxy};
use tokio::sync::watch;

use crate::support::{Given, chunks_done, plan, request, run, sqlite};

const ROWS: u32 = 12_000;

/// A table in the source, in SQL that PostgreSQL and MariaDB both understand.
fn fill(source: &Database) {
    source.execute(
        "create table visit (id integer primary key, note varchar(200));
         create table digit (d integer);
         insert into digit values (0), (1), (2), (3), (4), (5), (6), (7), (8), (9);
         insert into visit
         select a.d + 10 * b.d + 100 * c.d + 1000 * d.d + 10000 * e.d,
                concat('note ', a.d, b.d, c.d, d.d, e.d, repeat('x', 100))
         from digit as a, digit as b, digit as c, digit as d, digit as e
         where a.d + 10 * b.d + 100 * c.d + 1000 * d.d + 10000 * e.d < 12000;
         drop table digit;",
    );
}

const VISIT: &str = "
options: {chunk_rows: 300, workers: 2}
tables:
- source: visit
  key: [id]
  target: public.visit
  columns:
  - {target: id, source: id, type: bigint, nullable: false}
  - {target: note, source: note, type: text}
  create: {}
";

/// Without a key in the target, a row that comes twice would stay twice.
const CONTENT: &str = "select count(*), count(distinct id), sum(id), md5(string_agg(note, '' order by id)) from visit";

fn whole() -> String {
    let content = Database::query(&undisturbed(), CONTENT);
    assert!(content.starts_with(&format!("{ROWS}\t{ROWS}\t")), "{content}");
    content
}

/// The same rows in a database of the same product as the target.
fn undisturbed() -> Database {
    let database = testbed::postgres().create_database();
    fill(&database);
    database
}

/// A run under way, that something is done to.
struct UnderWay {
    stop: Stop,
    pictures: watch::Receiver<Option<Progress>>,
    running: tokio::task::JoinHandle<engine::error::Result<RunOutcome>>,
}

impl UnderWay {
    fn begin(plan: &Plan) -> Self {
        let stop = Stop::default();
        let (request, pictures) = request(plan, Given { stop: stop.clone(), ..Given::default() });
        Self { stop, pictures, running: tokio::spawn(migrate(request)) }
    }

    async fn until(&mut self, is_so: impl FnMut(&Option<Progress>) -> bool) {
        self.pictures.wait_for(is_so).await.expect("a picture before the run ends");
    }

    async fn until_chunks_are_done(&mut self, count: u32) {
        self.until(|picture| chunks_done(picture.as_ref()) >= count).await;
    }

    async fn end(self) -> (RunOutcome, Progress) {
        let outcome = self.running.await.expect("no panic").expect("an outcome");
        let picture = self.pictures.borrow().clone().expect("a picture");
        (outcome, picture)
    }
}

#[track_caller]
fn check_complete((outcome, picture): (RunOutcome, Progress), target: &Database) {
    assert_eq!(outcome.failure, None);
    assert_eq!((outcome.status, outcome.books_close), (OutcomeStatus::Completed, true));
    assert_eq!(target.query(CONTENT), whole());
    assert_eq!(target.query("select count(*) from transfuse.quarantine"), "0");
    assert!(picture.health.retries > 0, "nothing was tried again");
    assert_eq!(picture.health.retrying, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_to_the_target_that_is_cut_within_a_chunk_costs_that_chunk_only() {
    let source = testbed::postgres().create_database();
    fill(&source);
    let target = testbed::postgres().create_database();
    let way = Proxy::to(target.url());
    let mut run = UnderWay::begin(&plan(source.url(), &way.url(target.url()), VISIT));

    for chunks in [3, 9, 15] {
        run.until_chunks_are_done(chunks).await;
        // A chunk is about 40 kB: this is in the middle of one.
        way.cut_after(15_000);
    }

    check_complete(run.end().await, &target);
    assert!(way.cuts() >= 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_to_the_source_that_is_cut_within_a_chunk_costs_that_chunk_only() {
    for server in [testbed::postgres(), testbed::mariadb()] {
        let source = server.create_database();
        fill(&source);
        let target = testbed::postgres().create_database();
        let way = Proxy::to(source.url());
        // What exports PostgreSQL's snapshot is cut as well: another one has to be proved equal.
        let mut run = UnderWay::begin(&plan(&way.url(source.url()), target.url(), VISIT));

        run.until_chunks_are_done(3).await;
        way.cut_after(15_000);

        check_complete(run.end().await, &target);
        assert!(way.cuts() >= 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_is_restarted_is_read_on_where_nobody_wrote_to_it() {
    for product in [Product::Postgres, Product::MariaDb] {
        let server = testbed::private(product, Durability::Durable);
        let source = server.create_database();
        fill(&source);
        let target = testbed::postgres().create_database();
        let mut run = UnderWay::begin(&plan(source.url(), target.url(), VISIT));

        run.until_chunks_are_done(3).await;
        server.kill();
        run.until(|picture| picture.as_ref().is_some_and(|p| !p.health.retrying.is_empty())).await;
        server.start();

        let (outcome, picture) = run.end().await;
        assert_eq!(picture.health.notes, Vec::<String>::new(), "{product:?} proves it");
        check_complete((outcome, picture), &target);
        drop(source);
        server.end();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_was_written_to_while_it_restarted_stops_the_run_by_name() {
    let server = testbed::private(Product::Postgres, Durability::Durable);
    let source = server.create_database();
    fill(&source);
    let target = testbed::postgres().create_database();
    let plan = plan(source.url(), target.url(), VISIT);
    let mut run = UnderWay::begin(&plan);

    run.until_chunks_are_done(3).await;
    server.kill();
    server.start();
    // No row more or less, and no other key: cuts and counts are the same.
    source.execute("update visit set note = 'late' where id = 11999");

    let (outcome, _) = run.end().await;
    let failure = outcome.failure.expect("a failure");
    assert_eq!(failure.code, ErrorCode::Load008);
    assert!(failure.message.contains("visit"), "{}", failure.message);
    assert!(chunks(&target) > 0, "what was committed stays");
    let again = crate::support::run(&plan).await.unwrap();
    assert_eq!(again.failure.expect("a failure").code, ErrorCode::Load008);
    let fresh = Given { run_id: "run-2", start: engine::run::Start::Fresh, ..Given::default() };
    let fresh = crate::support::run_with(&plan, fresh).await.unwrap();
    assert!(fresh.books_close, "{:?}", fresh.failure);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_is_restarted_holds_the_run_up_and_no_more() {
    let server = testbed::private(Product::Postgres, Durability::Durable);
    let target = server.create_database();
    let source = testbed::postgres().create_database();
    fill(&source);
    let mut run = UnderWay::begin(&plan(source.url(), target.url(), VISIT));

    run.until_chunks_are_done(3).await;
    server.kill();
    run.until(|picture| picture.as_ref().is_some_and(|p| !p.health.retrying.is_empty())).await;
    server.start();

    check_complete(run.end().await, &target);
    drop(target);
    server.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_stays_away_stops_the_run_when_patience_ends() {
    let server = testbed::private(Product::Postgres, Durability::Durable);
    let target = server.create_database();
    let source = testbed::postgres().create_database();
    fill(&source);
    let impatient = VISIT.replace("workers: 2", "workers: 2, patience_seconds: 1");
    let plan = plan(source.url(), target.url(), &impatient);
    let mut run = UnderWay::begin(&plan);

    run.until_chunks_are_done(3).await;
    server.kill();

    let (outcome, _) = run.end().await;
    let code = outcome.failure.expect("a failure").code;
    assert!([ErrorCode::Conn001, ErrorCode::Conn005].contains(&code), "{code}");
    server.start();
    let again = crate::support::run(&plan).await.unwrap();
    assert_eq!(again.failure, None);
    assert_eq!(target.query(CONTENT), whole());
    drop(target);
    server.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_of_the_target_stops_the_run_which_goes_on_when_there_is_room() {
    let Some(server) = testbed::small_disk(3 << 20) else {
        eprintln!("skipped: this process may not mount file systems");
        return;
    };
    let target = server.create_database();
    let source = testbed::postgres().create_database();
    fill(&source);
    let plan = plan(source.url(), target.url(), VISIT);
    // Creating the database may have taken most of the room.
    server.leave_free(1 << 20);

    let full = run(&plan).await.unwrap();
    server.leave_free(64 << 20);
    let done = run(&plan).await.unwrap();

    let failure = full.failure.expect("a failure");
    assert_eq!(failure.code, ErrorCode::Load003, "{}", failure.message);
    assert_eq!(done.failure, None);
    assert_eq!(target.query(CONTENT), whole());
    drop(target);
    server.end();
}

/// The table is there already, with a trigger that misbehaves.
fn with_trigger(target: &Database, body: &str) {
    target.execute(&format!(
        "create table visit (id bigint, note text);
         create sequence calls;
         create function misbehave() returns trigger language plpgsql as $$
         begin
             {body}
             return null;
         end $$;
         create trigger misbehave after insert on visit
             for each statement execute function misbehave()"
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_takes_too_long_once_is_tried_again() {
    let source = testbed::postgres().create_database();
    fill(&source);
    let target = testbed::postgres().create_database();
    with_trigger(
        &target,
        "if nextval('calls') = 5 then perform set_config('statement_timeout', '50ms', false); end if;
         perform pg_sleep(case when currval('calls') between 5 and 7 then 0.2 else 0 end);",
    );
    let one = VISIT.replace("workers: 2", "workers: 1");
    let run = UnderWay::begin(&plan(source.url(), target.url(), &one));

    check_complete(run.end().await, &target);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_always_takes_too_long_stops_the_run_which_goes_on_without_the_limit() {
    let source = testbed::postgres().create_database();
    fill(&source);
    let target = testbed::postgres().create_database();
    with_trigger(
        &target,
        "if nextval('calls') > 6 then
             perform set_config('statement_timeout', '20ms', false);
             perform pg_sleep(0.02);
         end if;",
    );
    // The limit set by one statement holds for the next one of its session, within the chunk.
    let body = VISIT.replace("workers: 2", "workers: 1, batch_bytes: 4000, patience_seconds: 1");
    let plan = plan(source.url(), target.url(), &body);

    let stopped = run(&plan).await.unwrap();
    target.execute("drop trigger misbehave on visit");
    let done = run(&plan).await.unwrap();

    let failure = stopped.failure.expect("a failure");
    assert_eq!(failure.code, ErrorCode::Load042, "{}", failure.message);
    assert_eq!(done.failure, None);
    assert_eq!(target.query(CONTENT), whole());
}

#[tokio::test(flavor = "multi_thread")]
async fn chunks_that_lock_each_other_out_are_tried_again() {
    let source = testbed::postgres().create_database();
    fill(&source);
    let server = testbed::private(Product::Postgres, Durability::Fast);
    server.execute("alter system set deadlock_timeout = '50ms'");
    server.execute("select pg_reload_conf()");
    let target = server.create_database();
    target.execute(
        "create table tally (id int primary key, n int);
         insert into tally values (0, 0), (1, 0);",
    );
    with_trigger(
        &target,
        "if nextval('calls') % 2 = 0 then
             update tally set n = n + 1 where id = 0;
             perform pg_sleep(0.05);
             update tally set n = n + 1 where id = 1;
         else
             update tally set n = n + 1 where id = 1;
             perform pg_sleep(0.05);
             update tally set n = n + 1 where id = 0;
         end if;",
    );
    let body = VISIT.replace("chunk_rows: 300", "chunk_rows: 1000");
    let run = UnderWay::begin(&plan(source.url(), target.url(), &body));

    check_complete(run.end().await, &target);
    drop(target);
    server.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_emergency_stop_rolls_back_the_chunk_that_is_under_way() {
    let source = testbed::postgres().create_database();
    fill(&source);
    let target = testbed::postgres().create_database();
    // The fifth chunk never ends.
    with_trigger(&target, "if nextval('calls') = 5 then perform pg_advisory_lock(4711); end if;");
    let mut holder = target.client().stdin(std::process::Stdio::piped()).spawn().unwrap();
    let mut input = holder.stdin.take().unwrap();
    std::io::Write::write_all(&mut input, b"select pg_advisory_lock(4711);\n").unwrap();
    let held =
        "select count(*) from pg_locks where locktype = 'advisory' and objid = 4711 and granted";
    while target.query(held) != "1" {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let one = VISIT.replace("workers: 2", "workers: 1");
    let plan = plan(source.url(), target.url(), &one);
    let mut run = UnderWay::begin(&plan);
    run.until_chunks_are_done(4).await;

    run.stop.request_at_once();

    let (outcome, _) = run.end().await;
    assert_eq!((outcome.status, outcome.failure), (OutcomeStatus::Paused, None));
    drop(input);
    holder.wait().unwrap();
    assert_eq!(chunks(&target), 4);
    let done = crate::support::run(&plan).await.unwrap();
    assert_eq!(done.failure, None);
    assert_eq!(target.query(CONTENT), whole());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_run_the_same_plan_at_once_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let source = sqlite(
        &folder,
        "legacy.db",
        "create table visit (id integer primary key, note text);
         insert into visit with recursive n(i) as (select 0 union all select i + 1 from n where i < 60000)
         select i, 'note' from n;",
    );
    let target = testbed::postgres().create_database();
    with_trigger(&target, "perform pg_sleep(0.06);");
    let plan = Arc::new(plan(&source, target.url(), VISIT));

    let two = [0, 1].map(|_| {
        let plan = Arc::clone(&plan);
        tokio::spawn(async move { run(&plan).await })
    });
    let mut outcomes = Vec::new();
    for one in two {
        outcomes.push(one.await.unwrap());
    }

    let refused: Vec<_> = outcomes.iter().filter_map(|one| one.as_ref().err()).collect();
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0].code(), ErrorCode::Load009);
    assert!(outcomes.iter().flatten().all(|outcome| outcome.books_close));
}

fn chunks(target: &Database) -> u32 {
    target.query("select count(*) from transfuse.ledger").parse().expect("a number")
}
