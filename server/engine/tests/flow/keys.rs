//! Keys are made after the data: what they do not allow is found then, row by row.

use std::time::Duration;

use crate::support::{Given, books, plan, run, run_with, sqlite};
use engine::run::Stop;
use shared::error_code::ErrorCode;
use shared::run::OutcomeStatus;
use sqlx::{Connection as _, Executor as _, PgConnection};

/// Visits of whom some share a number, some share a badge, and some both.
const VISITS: &str = "
create table person (number integer, badge text, name text);
insert into person
with recursive n(i) as (select 1 union all select i + 1 from n where i < 3000)
select i % 2900, case when i % 10 > 0 then 'badge ' || (i % 2950) end, 'Person ' || i from n;
create table visit (id integer, person integer);
insert into visit
with recursive n(i) as (select 1 union all select i + 1 from n where i < 500)
select i, i % 2900 from n;
";

const PLAN: &str = "
options: {chunk_rows: CHUNK, workers: WORKERS}
tables:
- source: person
  target: public.person
  columns:
  - {target: number, source: number, type: bigint, nullable: false}
  - {target: badge, source: badge, type: text}
  - {target: name, source: name, type: text}
  create:
    primary_key: [number]
    indexes:
    - {name: person_badge_key, columns: [badge], unique: true}
    - {name: person_name_idx, columns: [name]}
- source: visit
  target: public.visit
  columns:
  - {target: id, source: id, type: bigint, nullable: false}
  - {target: person, source: person, type: bigint}
  create:
    primary_key: [id]
    foreign_keys:
    - {name: visit_person_fkey, columns: [person], references: public.person, referenced_columns: [number]}
";

const CONTENT: &str = "select md5(string_agg(p::text, '|' order by p::text)) from person p";

fn cut(chunk_rows: u32, workers: u32) -> String {
    PLAN.replace("CHUNK", &chunk_rows.to_string()).replace("WORKERS", &workers.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn of_rows_that_a_key_holds_to_be_one_the_same_one_stays_however_they_came() {
    let folder = tempfile::tempdir().unwrap();
    let source = sqlite(&folder, "legacy.db", VISITS);
    let mut contents = Vec::new();
    for (chunk_rows, workers) in [(5000, 1), (100, 3)] {
        let target = testbed::postgres().create_database();

        let outcome = run(&plan(&source, target.url(), &cut(chunk_rows, workers))).await.unwrap();

        assert_eq!(outcome.failure, None);
        assert!(outcome.books_close);
        let [read, loaded, _, quarantined] = books(&outcome, "person");
        assert_eq!((read, loaded + quarantined), (3000, 3000));
        assert_eq!(target.query("select count(*) from person"), loaded.to_string());
        // 100 numbers are there twice; of the rows that are left, some share their badge.
        assert!(quarantined > 100, "{quarantined}");
        let keys = "select string_agg(conname || contype::text, ' ' order by conname)
                    from pg_constraint where conrelid = 'person'::regclass";
        assert_eq!(target.query(keys), "person_badge_keyu person_pkeyp");
        contents.push(target.query(CONTENT));
    }
    assert_eq!(contents[0], contents[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_a_key_takes_out_says_which_key_and_takes_its_children_along() {
    let folder = tempfile::tempdir().unwrap();
    let legacy = "
        create table person (number integer, badge text, name text);
        insert into person values (1, 'a', 'Ann'), (2, 'b', 'Bea'), (3, 'b', 'Cas'), (4, null, 'Dan'),
            (5, null, 'Eve');
        create table visit (id integer, person integer);
        insert into visit values (10, 1), (11, 2), (12, 3), (13, 3), (10, 4);
    ";
    let source = sqlite(&folder, "legacy.db", legacy);
    let target = testbed::postgres().create_database();

    let outcome = run(&plan(&source, target.url(), &cut(2, 2))).await.unwrap();

    assert_eq!(outcome.failure, None);
    assert!(outcome.books_close);
    assert_eq!(
        target.query("select string_agg(name, ' ' order by name) from person"),
        "Ann Bea Dan Eve"
    );
    assert_eq!(books(&outcome, "person"), [5, 4, 0, 1]);
    assert_eq!(books(&outcome, "visit"), [5, 2, 0, 3]);
    let kept =
        "select string_agg(target || ' ' || code || ' ' || reason, ', ' order by target, code)
                from transfuse.quarantine";
    let found = target.query(kept);
    let expected = [
        ("public.person", ErrorCode::Data009, "constraint person_badge_key"),
        (
            "public.visit",
            ErrorCode::Data008,
            "the row that visit_person_fkey refers to is not in public.person",
        ),
        (
            "public.visit",
            ErrorCode::Data008,
            "the row that visit_person_fkey refers to is not in public.person",
        ),
        ("public.visit", ErrorCode::Data009, "constraint visit_pkey"),
    ];
    let expected: Vec<String> = expected
        .iter()
        .map(|(table, code, reason)| format!("{table} {} {reason}", code.as_str()))
        .collect();
    assert_eq!(found, expected.join(", "));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_stops_while_a_key_is_made_and_makes_it_when_it_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let source = sqlite(&folder, "legacy.db", VISITS);
    let target = testbed::postgres().create_database();
    let plan = plan(&source, target.url(), &cut(1000, 2));
    let stop = Stop::default();
    stop.request();
    run_with(&plan, Given { stop, ..Given::default() }).await.unwrap();
    // Rows can be copied beside this lock, keys cannot be made.
    let mut other = PgConnection::connect(target.url()).await.unwrap();
    other.execute("begin; lock table person in row exclusive mode").await.unwrap();
    let stop = Stop::default();
    let running = tokio::spawn({
        let (plan, stop) = (plan.clone(), stop.clone());
        async move { run_with(&plan, Given { stop, ..Given::default() }).await }
    });
    let waits = "select count(*) > 0 from pg_locks
                 where not granted and relation = 'person'::regclass";
    while target.query(waits) != "t" {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    stop.request();
    let stopped = running.await.unwrap().unwrap();
    other.execute("rollback").await.unwrap();
    let resumed = run(&plan).await.unwrap();

    assert_eq!(stopped.status, OutcomeStatus::Paused);
    assert_eq!(resumed.failure, None);
    assert!(resumed.books_close);
    assert_eq!(
        target.query("select count(*) from pg_index where indrelid = 'person'::regclass"),
        "3"
    );
}
