//! Tables that are there already and refer to each other in a circle.

use engine::rollback::{Effect, Request, roll_back};
use engine::seal::Key;
use shared::error_code::ErrorCode;
use shared::rollback::{Changed, Scope};
use shared::verification::VerificationState;

use crate::support::{KEY, books, compare, plan, run, run_until_a_chunk_is_done, sqlite};
use crate::undo::picture;

/// Every department has a head, who is a person; every person has a department, and most a chief.
const TABLES: &str = "
create table people (
    id bigint primary key, department bigint not null, chief bigint references people, name text
);
create table departments (
    id bigint primary key, head bigint references people on delete cascade, name text not null
);
alter table people add foreign key (department) references departments;
insert into departments values (900, null, 'Theirs');
insert into people values (901, 900, null, 'Somebody else');
update departments set head = 901 where id = 900;
";

const SOURCE: &str = "
create table person (id integer primary key, department integer, chief integer, name text);
create table department (id integer primary key, head integer, name text);
insert into department values (1, 10, 'North'), (2, 20, 'South'), (3, 77, 'Lost'), (4, null, 'New');
insert into person values
    (10, 1, 20, 'Ann'), (11, 1, 10, 'Bea'), (20, 2, 20, 'Cas'), (21, 2, 11, 'Dan'),
    (30, 3, null, 'Eve'), (31, 4, 30, 'Fay'), (32, 4, 901, 'Gus'), (33, 99, null, 'Hal');
";

const PLAN: &str = "
options: {chunk_rows: 1, workers: 2}
tables:
- source: person
  key: [id]
  target: people
  existing: append
  columns:
  - {target: id, source: id, type: bigint}
  - {target: department, source: department, type: bigint}
  - {target: chief, source: chief, type: bigint}
  - {target: name, source: name, type: text}
- source: department
  key: [id]
  target: departments
  existing: append
  columns:
  - {target: id, source: id, type: bigint}
  - {target: head, source: head, type: bigint}
  - {target: name, source: name, type: text}
";

const CONTENT: &str = "
select string_agg(concat_ws(':', id, department, coalesce(chief::text, '-')), ' ' order by id)
    || ' / ' || (select string_agg(id || ':' || coalesce(head::text, '-'), ' ' order by id) from departments)
from people";

#[tokio::test(flavor = "multi_thread")]
async fn tables_in_a_circle_are_filled_while_the_target_checks_everybody() {
    let folder = tempfile::tempdir().unwrap();
    let source = sqlite(&folder, "legacy.db", SOURCE);
    let target = testbed::postgres().create_database();
    target.execute(TABLES);
    let before = picture::of_postgres(&target);
    let plan = plan(&source, target.url(), PLAN);

    run_until_a_chunk_is_done(&plan).await;
    // Somebody else's rows are held to every key all the time.
    let refused = target.try_query("insert into people values (999, 1000, null, 'x')");
    assert!(refused.is_err());
    let outcome = run(&plan).await.unwrap();

    assert_eq!(outcome.failure, None);
    assert!(outcome.books_close);
    // Department 3 has a head that never was, Eve is of it, and Fay's chief is Eve; Hal has no
    // department.
    assert_eq!(books(&outcome, "departments"), [4, 3, 0, 1]);
    assert_eq!(books(&outcome, "people"), [8, 5, 0, 3]);
    assert_eq!(
        target.query(CONTENT),
        "10:1:20 11:1:10 20:2:20 21:2:11 32:4:901 901:900:- / 1:10 2:20 4:- 900:901"
    );
    assert_eq!(
        target.query("select string_agg(code || ' ' || coalesce(column_name, '?'), ', ' order by column_name) from transfuse.quarantine"),
        "DATA-008 chief, DATA-008 department, DATA-008 head, DATA-008 ?"
    );
    assert_eq!(target.query("select count(*) from transfuse.deferred"), "0");
    let compared_both = compare(&plan).await.unwrap();
    assert_eq!(compared_both.status, VerificationState::Equal);
    let undone = roll_back(&Request {
        target_url: target.url().to_owned(),
        run_id: "run-1".parse().unwrap(),
        scope: Scope::Run,
        changed: Changed::Leave,
        effect: Effect::Undo,
        key: Key::new(KEY),
        clock: std::sync::Arc::new(engine::clock::SystemClock),
    })
    .await
    .unwrap();
    assert!(undone.is_whole());
    assert_eq!(picture::of_postgres(&target), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_circle_in_which_nothing_may_be_null_has_its_rows_in_quarantine() {
    let folder = tempfile::tempdir().unwrap();
    let source = sqlite(
        &folder,
        "legacy.db",
        "create table a (id integer primary key, other integer); insert into a values (1, 1);
         create table b (id integer primary key, other integer); insert into b values (1, 1);",
    );
    let target = testbed::postgres().create_database();
    target.execute(
        "create table a (id bigint primary key, other bigint not null);
         create table b (id bigint primary key, other bigint not null references a);
         alter table a add foreign key (other) references b;",
    );
    let table = |name: &str| {
        format!(
            "- source: {name}\n  key: [id]\n  target: {name}\n  columns:\n  \
             - {{target: id, source: id, type: bigint}}\n  - {{target: other, source: other, type: bigint}}\n"
        )
    };
    let rest = format!("tables:\n{}{}", table("a"), table("b"));

    let outcome = run(&plan(&source, target.url(), &rest)).await.unwrap();

    assert_eq!(outcome.failure, None);
    assert_eq!(books(&outcome, "a"), [1, 0, 0, 1]);
    assert_eq!(books(&outcome, "b"), [1, 0, 0, 1]);
    let run_id = "run-1".parse().unwrap();
    let codes = engine::quarantine::counts(target.url(), &run_id).await.unwrap();
    assert!(codes.iter().all(|count| count.code == ErrorCode::Data008));
}
