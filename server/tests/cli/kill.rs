//! Killed at a random instant and continued by the same command, a run ends as an undisturbed one.
//!
//! A few rounds here; `TRANSFUSE_KILL_ROUNDS=100` is the full length, which `./dev bench` runs.

use std::process::Child;
use std::time::{Duration, Instant};

use testbed::{Database, Durability, Product, Server};

use crate::support::Desk;

const WORKERS: u64 = 2;

const SOURCE: &str = "
create table clinic (id integer primary key, name text);
create table visit (clinic_id integer, number integer, note text, primary key (clinic_id, number));
create table note (body text);
insert into clinic select i, 'Clinic ' || i from generate_series(1, 40) as i;
insert into visit
select i % 47, i, case when i % 500 = 7 then repeat('x', 31) else 'note ' || i end
from generate_series(0, 19999) as i;
insert into note select 'body ' || (i % 700) from generate_series(1, 6000) as i;
";

const TABLES: &str = "
options: {chunk_rows: 500, workers: 2}
tables:
- source: clinic
  key: [id]
  target: public.clinic
  columns:
  - {target: id, source: id, type: bigint, nullable: false}
  - {target: name, source: name, type: text}
  create: {primary_key: [id]}
- source: visit
  key: [clinic_id, number]
  target: public.visit
  columns:
  - {target: clinic_id, source: clinic_id, type: bigint}
  - {target: number, source: number, type: bigint}
  - {target: note, source: note, type: varchar(30)}
  create:
    indexes: [{name: visit_note_idx, columns: [note]}]
    foreign_keys:
    - {name: visit_clinic_fkey, columns: [clinic_id], references: public.clinic, referenced_columns: [id]}
- source: note
  target: public.note
  columns: [{target: body, source: body, type: text}]
  create: {}
";

/// No table of rows but `clinic` has a key in the target: what came twice would stay twice.
const CONTENT: &str = "
select (select md5(string_agg(c::text, '|' order by c::text)) from clinic c),
       (select md5(string_agg(v::text, '|' order by v::text)) from visit v),
       (select md5(string_agg(n::text, '|' order by n::text)) from note n),
       (select md5(string_agg(q.source || q.code || coalesce(q.column_name, ''), '|'
                              order by q.source, q.code)) from transfuse.quarantine q),
       (select sum(loaded) || '/' || sum(quarantined) from transfuse.ledger),
       (select count(*) from pg_indexes where indexname = 'visit_note_idx'),
       (select count(*) from pg_constraint where conname = 'visit_clinic_fkey')";

/// What is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Victim {
    Process,
    SourceServer,
    TargetServer,
}

#[test]
fn a_process_that_is_killed_is_continued_by_the_same_command() {
    check(Victim::Process);
}

#[test]
fn a_run_whose_source_server_is_killed_is_continued_by_the_same_command() {
    check(Victim::SourceServer);
}

#[test]
fn a_run_whose_target_server_is_killed_is_continued_by_the_same_command() {
    check(Victim::TargetServer);
}

#[track_caller]
fn check(victim: Victim) {
    let rounds: Option<u32> =
        std::env::var("TRANSFUSE_KILL_ROUNDS").ok().and_then(|text| text.parse().ok());
    // A server takes its time to come back.
    let rounds = rounds.unwrap_or(if victim == Victim::Process { 3 } else { 1 });
    // What is killed must be ours alone, and must keep what it committed.
    let private = (victim != Victim::Process)
        .then(|| testbed::private(Product::Postgres, Durability::Durable));
    let server_of = |role| match &private {
        Some(server) if role == victim => server,
        _ => testbed::postgres(),
    };
    let source = server_of(Victim::SourceServer).create_database();
    source.execute(SOURCE);
    let (expected, whole) = undisturbed(&source);

    let (mut hits, mut slowest) = (0, Duration::ZERO);
    for round in 0..rounds {
        let target = server_of(Victim::TargetServer).create_database();
        let desk = desk(&source, &target);
        let instant = whole.mul_f64(rand::random_range(0.05..0.95));
        let mut process = desk.spawn(&["migrate", "plan.yaml"]);
        std::thread::sleep(instant);
        let is_hit = process.try_wait().expect("a process").is_none();
        hits += u32::from(is_hit);
        let resumed = match &private {
            None => {
                process.kill().expect("a process that can be killed");
                process.wait().expect("its end");
                resume(&desk, &target)
            }
            Some(server) => restart(&desk, server, process),
        };
        slowest = slowest.max(resumed);

        assert_eq!(target.query(CONTENT), expected, "{victim:?}, killed after {instant:?}");
        assert_eq!(target.query("select count(distinct run_id) from transfuse.ledger"), "1");
        if victim == Victim::Process {
            check_at_most_a_chunk_again(&target);
        }
        eprintln!("{victim:?} {round}: killed after {instant:.2?}, went on after {resumed:.2?}");
    }
    eprintln!(
        "{victim:?}: {hits} of {rounds} killed under way; the slowest went on after {slowest:.2?}"
    );
    drop(source);
    if let Some(server) = private {
        server.end();
    }
}

/// The content of a target that nothing happened to, and how long it took.
fn undisturbed(source: &Database) -> (String, Duration) {
    let target = testbed::postgres().create_database();
    let desk = desk(source, &target);
    let began = Instant::now();
    let done = desk.run(&["migrate", "plan.yaml"]);
    assert_eq!(done.status, 0, "{}", done.stderr);
    (target.query(CONTENT), began.elapsed())
}

fn desk(source: &Database, target: &Database) -> Desk {
    let desk = Desk::new();
    let head =
        format!("format: 1\nname: kill\nsource: '{}'\ntarget: '{}'\n", source.url(), target.url());
    desk.write("plan.yaml", &(head + TABLES));
    desk
}

/// Runs the same command again, and says how long it took until it moved something.
fn resume(desk: &Desk, target: &Database) -> Duration {
    let before = moved(target);
    let began = Instant::now();
    let mut process = desk.spawn(&["migrate", "plan.yaml"]);
    let mut went_on = None;
    loop {
        if went_on.is_none() && moved(target) != before {
            went_on = Some(began.elapsed());
        }
        if let Some(status) = process.try_wait().expect("a process") {
            assert!(status.success(), "{}", errors_of(process));
            return went_on.unwrap_or_else(|| began.elapsed());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The run outlives its server, or else the same command goes on.
fn restart(desk: &Desk, server: &Server, process: Child) -> Duration {
    server.kill();
    std::thread::sleep(Duration::from_millis(200));
    server.start();
    let began = Instant::now();
    let output = process.wait_with_output().expect("its end");
    if !output.status.success() {
        let done = desk.run(&["migrate", "plan.yaml"]);
        assert_eq!(done.status, 0, "{}", done.stderr);
    }
    began.elapsed()
}

/// What changes in the target with the first chunk, or step, of a run that goes on.
fn moved(target: &Database) -> String {
    let sql =
        "select (select count(*) from transfuse.ledger), (select count(*) from transfuse.chunks),
                      (select string_agg(state, '') from transfuse.runs)";
    // Before the first statement of a run there are no such tables.
    target.try_query(sql).unwrap_or_default()
}

/// Rows that were written and rolled back are the work that was done again.
#[track_caller]
fn check_at_most_a_chunk_again(target: &Database) {
    let again: u64 = target
        .query(
            "select greatest(sum(n_tup_ins) - (select sum(loaded) from transfuse.ledger), 0)
             from pg_stat_user_tables where schemaname = 'public'",
        )
        .parse()
        .expect("a number");
    // Rows that were quarantined for want of a parent had been loaded before.
    let taken_out: u64 = target
        .query("select coalesce(-sum(loaded), 0) from transfuse.ledger where ordinal < 0")
        .parse()
        .expect("a number");
    // A table without a key is cut at pages, whose rows are not counted beforehand.
    let largest = format!(
        "select sum(rows_read) from (
             select rows_read from transfuse.ledger where ordinal >= 0
             order by rows_read desc limit {WORKERS}) as largest"
    );
    let largest: u64 = target.query(&largest).parse().expect("a number");
    let limit = largest + taken_out;
    assert!(again <= limit, "{again} rows were written and rolled back, and {limit} at most");
}

fn errors_of(mut process: Child) -> String {
    let mut text = String::new();
    if let Some(stderr) = process.stderr.as_mut() {
        // What cannot be read is not shown.
        let _ = std::io::Read::read_to_string(stderr, &mut text);
    }
    text
}
