//! Tables that are there already and refer to each other in a circle.

use engine::rollback::{Effect, Request, roll_back};
use engine::run::migrate;
use engine::seal::Key;
use shared::assessment::TableName;
use shared::error_code::ErrorCode;
use shared::rollback::{Changed, Scope};
use shared::verification::VerificationState;

use crate::support::{
    Given, KEY, books, compare, plan, request, run, run_until_a_chunk_is_done, sqlite,
};
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
    let undone = undo(&target, Scope::Run).await;
    assert!(undone.is_whole());
    assert_eq!(picture::of_postgres(&target), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_others_wrote_to_meanwhile_are_left_alone_and_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let source = sqlite(&folder, "legacy.db", SOURCE);
    let target = testbed::postgres().create_database();
    target.execute(TABLES);
    let plan = plan(&source, target.url(), PLAN);
    run_until_a_chunk_is_done(&plan).await;
    let rewrite = |table: &str, ids: &str| {
        let sql = format!(
            "with changed as (update {table} set name = upper(name) where id in ({ids}) returning 1)
             select count(*) from changed"
        );
        target.query(&sql).parse::<u32>().unwrap()
    };
    let changed = [
        ("public.people", rewrite("people", "10, 11, 20, 21, 32")),
        ("public.departments", rewrite("departments", "1, 2")),
    ];

    let (request, pictures) = request(&plan, Given::default());
    let outcome = migrate(request).await.unwrap();

    assert_eq!(outcome.failure, None);
    let notes = pictures.borrow().clone().unwrap().health.notes;
    for (table, rows) in changed {
        let told = notes.iter().any(|note| note.contains(&format!("{rows} rows of {table}")));
        assert_eq!(told, rows > 0, "{table}: {notes:?}");
    }
    assert!(changed.iter().any(|(_, rows)| *rows > 0), "{changed:?}");
    assert_eq!(compare(&plan).await.unwrap().status, VerificationState::Different);
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

/// Others have people and departments that the source has too, and one department that is only theirs.
const THERE: &str = "
insert into departments values (1, null, 'N'), (3, null, 'Old'), (5, null, 'Free');
insert into people values
    (10, 1, null, 'A.'), (12, 1, 10, 'Theirs'), (30, 900, 901, 'E.'), (40, 900, 901, 'Gil');
update departments set head = 12 where id in (1, 3);
";

/// What the source has of them: department 3 is led by nobody who is there, and so is 6, which is new.
const MORE: &str = "
insert into department values (5, 12, 'Free'), (6, 78, 'Void');
insert into person values (40, 6, 10, 'Gil'), (41, 6, null, 'Ida');
";

fn updating(rest: &str) -> String {
    PLAN.replace("existing: append", "existing: update")
        .replace("existing: update\n", &format!("existing: update\n{rest}"))
}

async fn undo(target: &testbed::Database, scope: Scope) -> shared::rollback::RollbackOutcome {
    roll_back(&Request {
        target_url: target.url().to_owned(),
        run_id: "run-1".parse().unwrap(),
        scope,
        changed: Changed::Leave,
        effect: Effect::Undo,
        key: Key::new(KEY),
        clock: std::sync::Arc::new(engine::clock::SystemClock),
    })
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_are_there_are_written_over_in_a_circle_and_become_what_they_were() {
    for (orphans, departments, people, content, codes) in [
        (
            "",
            [6, 2, 0, 2],
            [10, 5, 0, 3],
            "10:1:20 11:1:10 12:1:10 20:2:20 21:2:11 30:3:- 31:4:30 32:4:901 40:900:901 901:900:- / \
             1:10 2:20 3:12 4:- 5:12 900:901",
            "department department head head ?",
        ),
        (
            "  orphans: {departments_head_fkey: {keep_in: name}}\n",
            [6, 3, 0, 0],
            [10, 6, 0, 1],
            "10:1:20 11:1:10 12:1:10 20:2:20 21:2:11 30:3:- 31:4:30 32:4:901 40:6:10 41:6:- 901:900:- / \
             1:10 2:20 3:- 4:- 5:12 6:- 900:901",
            "?",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let source = sqlite(&folder, "legacy.db", &format!("{SOURCE}{MORE}"));
        let target = testbed::postgres().create_database();
        target.execute(&format!("{TABLES}{THERE}"));
        let before = picture::of_postgres(&target);
        let plan = plan(&source, target.url(), &updating(orphans));

        run_until_a_chunk_is_done(&plan).await;
        // Until all rows are there, a row that was keeps whom it refers to.
        assert_eq!(target.query("select name || head from departments where id = 1"), "North12");
        let outcome = run(&plan).await.unwrap();

        assert_eq!(outcome.failure, None);
        assert!(outcome.books_close);
        assert_eq!(target.query(CONTENT), content);
        assert_eq!(books(&outcome, "departments"), departments);
        assert_eq!(books(&outcome, "people"), people);
        assert_eq!(target.query("select string_agg(coalesce(column_name, '?'), ' ' order by column_name) from transfuse.quarantine"), codes);
        assert_eq!(target.query("select count(*) from transfuse.deferred"), "0");
        let undone = undo(&target, Scope::Run).await;
        assert!(undone.is_whole());
        assert_eq!(picture::of_postgres(&target), before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chunk_that_wrote_over_a_row_is_taken_back_and_done_again() {
    let folder = tempfile::tempdir().unwrap();
    let source = sqlite(&folder, "legacy.db", &format!("{SOURCE}{MORE}"));
    let target = testbed::postgres().create_database();
    target.execute(&format!("{TABLES}{THERE}"));
    let before = picture::of_postgres(&target);
    let plan = plan(&source, target.url(), &updating(""));
    run(&plan).await.unwrap();
    let after = target.query(CONTENT);
    let departments = TableName::new(Some("public"), "departments");

    undo(&target, Scope::Chunk { target: departments, ordinal: 0 }).await;
    assert_eq!(target.query("select name || head from departments where id = 1"), "N12");
    let outcome = run(&plan).await.unwrap();

    assert_eq!(outcome.failure, None);
    assert_eq!(target.query(CONTENT), after);
    assert!(undo(&target, Scope::Run).await.is_whole());
    assert_eq!(picture::of_postgres(&target), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn references_that_are_unique_change_places() {
    let folder = tempfile::tempdir().unwrap();
    let source = sqlite(
        &folder,
        "legacy.db",
        "create table bed (id integer primary key, beside integer);
         insert into bed values (1, 2), (2, 3), (3, 1), (4, 5), (5, 4);",
    );
    let target = testbed::postgres().create_database();
    target.execute(
        "create table beds (id bigint primary key, beside bigint unique references beds, note text);
         insert into beds values (1, null, 'a'), (2, null, 'b'), (3, null, 'c');
         update beds set beside = 4 - id;",
    );
    let before = picture::of_postgres(&target);
    let rest = "
options: {chunk_rows: 2, workers: 2}
tables:
- source: bed
  key: [id]
  target: beds
  existing: update
  columns:
  - {target: id, source: id, type: bigint}
  - {target: beside, source: beside, type: bigint}
";

    let outcome = run(&plan(&source, target.url(), rest)).await.unwrap();

    assert_eq!(outcome.failure, None);
    assert_eq!(books(&outcome, "beds"), [5, 2, 0, 0]);
    let beds = "select string_agg(concat_ws(':', id, beside, note), ' ' order by id) from beds";
    assert_eq!(target.query(beds), "1:2:a 2:3:b 3:1:c 4:5 5:4");
    assert!(undo(&target, Scope::Run).await.is_whole());
    assert_eq!(picture::of_postgres(&target), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_rows_that_claim_the_same_one_stays() {
    // Beds 1 and 3 both stand beside bed 2, and bed 6 beside one that somebody else's stands beside.
    for (existing, there, loaded, content, codes) in [
        ("append", "", 2, "1:2 2 900:901:y 901:x", "DATA-008 DATA-009 DATA-009"),
        // Bed 3 is what it was, so that bed 4 can stand beside it.
        (
            "update",
            "insert into beds values (3, null, 'c')",
            3,
            "1:2 2 3:c 4:3 900:901:y 901:x",
            "DATA-009 DATA-009",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let source = sqlite(
            &folder,
            "legacy.db",
            "create table bed (id integer primary key, beside integer);
             insert into bed values (1, 2), (2, null), (3, 2), (4, 3), (6, 901);",
        );
        let target = testbed::postgres().create_database();
        target.execute(&format!(
            "create table beds (id bigint primary key, beside bigint unique references beds, note text);
             insert into beds values (901, null, 'x'), (900, 901, 'y');
             {there}"
        ));
        let before = picture::of_postgres(&target);
        let rest = format!(
            "
options: {{chunk_rows: 2, workers: 2}}
tables:
- source: bed
  key: [id]
  target: beds
  existing: {existing}
  columns:
  - {{target: id, source: id, type: bigint}}
  - {{target: beside, source: beside, type: bigint}}
"
        );

        let outcome = run(&plan(&source, target.url(), &rest)).await.unwrap();

        assert_eq!(outcome.failure, None);
        assert!(outcome.books_close);
        assert_eq!(books(&outcome, "beds"), [5, loaded, 0, codes.split(' ').count() as u64]);
        let beds = "select string_agg(concat_ws(':', id, beside, note), ' ' order by id) from beds";
        assert_eq!(target.query(beds), content);
        assert_eq!(
            target.query("select string_agg(code, ' ' order by code) from transfuse.quarantine"),
            codes
        );
        assert_eq!(target.query("select count(*) from transfuse.deferred"), "0");
        assert!(undo(&target, Scope::Run).await.is_whole());
        assert_eq!(picture::of_postgres(&target), before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reference_of_which_a_part_is_null_keeps_the_rest() {
    for existing in ["append", "update"] {
        let folder = tempfile::tempdir().unwrap();
        let source = sqlite(
            &folder,
            "legacy.db",
            "create table node (tree integer, id integer, up_tree integer, up integer);
             insert into node values (1, 1, 9, null), (1, 2, 1, 1), (1, 3, null, 7), (1, 4, 1, 9);",
        );
        let target = testbed::postgres().create_database();
        target.execute(
            "create table nodes (tree bigint, id bigint, up_tree bigint, up bigint,
                 primary key (tree, id), foreign key (up_tree, up) references nodes);
             insert into nodes values (2, 1, null, null);",
        );
        if existing == "update" {
            target.execute("insert into nodes values (1, 1, 2, 1), (1, 3, 2, 1), (1, 4, 2, 1)");
        }
        let rest = format!(
            "
tables:
- source: node
  key: [tree, id]
  target: nodes
  existing: {existing}
  columns:
  - {{target: tree, source: tree, type: bigint}}
  - {{target: id, source: id, type: bigint}}
  - {{target: up_tree, source: up_tree, type: bigint}}
  - {{target: up, source: up, type: bigint}}
"
        );

        let outcome = run(&plan(&source, target.url(), &rest)).await.unwrap();

        assert_eq!(outcome.failure, None);
        let nodes =
            "select string_agg(format('%s:%s>%s:%s', tree, id, up_tree, up), ' ' order by tree, id)
                     from nodes";
        let fourth = if existing == "update" { " 1:4>2:1" } else { "" };
        assert_eq!(target.query(nodes), format!("1:1>9: 1:2>1:1 1:3>:7{fourth} 2:1>:"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_mappings_into_one_table_each_find_their_references() {
    let folder = tempfile::tempdir().unwrap();
    let source = sqlite(
        &folder,
        "legacy.db",
        "create table doctor (id integer primary key, chief integer);
         create table nurse (id integer primary key, chief integer);
         insert into doctor values (1, 11), (2, 1); insert into nurse values (11, 12), (12, 2);",
    );
    let target = testbed::postgres().create_database();
    target.execute("create table staff (id bigint primary key, chief bigint references staff)");
    let table = |name: &str| {
        format!(
            "- source: {name}\n  key: [id]\n  target: staff\n  existing: append\n  columns:\n  \
             - {{target: id, source: id, type: bigint}}\n  - {{target: chief, source: chief, type: bigint}}\n"
        )
    };
    let rest = format!("tables:\n{}{}", table("doctor"), table("nurse"));

    let outcome = run(&plan(&source, target.url(), &rest)).await.unwrap();

    assert_eq!(outcome.failure, None);
    let staff = "select string_agg(id || ':' || chief, ' ' order by id) from staff";
    assert_eq!(target.query(staff), "1:11 2:1 11:12 12:2");
}
