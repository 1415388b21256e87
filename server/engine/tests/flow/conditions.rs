//! Many rows break conditions of the target: each is told from the others, for what it breaks first.

use shared::run::RunOutcome;
use testbed::Database;

use crate::support::{books, plan, run};

const LEGACY: &str = "
create table reading (id integer primary key, kind smallint, label text, value integer);
insert into reading
select i, nullif(i % 7, 5), case when i % 11 > 0 then 'label ' || i end, i % 400
from generate_series(1, 3000) as i;
";

const PLAN: &str = "
options: {chunk_rows: 700, workers: 2}
tables:
- source: public.reading
  key: [id]
  target: public.reading
  columns:
  - {target: id, source: id, type: integer, nullable: false}
  - {target: kind, source: kind, type: smallint}
  - {target: label, source: label, type: text}
  - {target: value, source: value, type: integer}
";

/// Copies the legacy rows, changed by some statements, into the target that others made.
async fn copy(changes: &str, made: &str) -> (Database, Database, RunOutcome) {
    let (source, target) =
        (testbed::postgres().create_database(), testbed::postgres().create_database());
    source.execute(LEGACY);
    source.execute(changes);
    target.execute(made);
    let outcome = run(&plan(source.url(), target.url(), PLAN)).await.unwrap();
    assert_eq!(outcome.failure, None);
    (source, target, outcome)
}

/// `CODE column reason: rows`, for all that is in quarantine.
fn told(target: &Database) -> Vec<String> {
    let told = target.query(
        "select format('%s %s %s: %s', code, coalesce(column_name, '-'), reason, count(*))
         from transfuse.quarantine group by code, column_name, reason order by 1",
    );
    told.lines().map(str::to_owned).collect()
}

fn count(source: &Database, condition: &str) -> u64 {
    source.query(&format!("select count(*) from reading where {condition}")).parse().unwrap()
}

/// Both have the same of the rows for which something holds, and the target no others.
#[track_caller]
fn the_others_arrived(source: &Database, target: &Database, good: &str) {
    let rows = "select md5(string_agg(concat_ws('|', id, kind, label, value), ';' order by id)), count(*) from";
    assert_eq!(
        target.query(&format!("{rows} reading")),
        source.query(&format!("{rows} (select * from reading where {good}) as good"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_is_refused_for_the_first_condition_that_it_breaks() {
    let (source, target, outcome) = copy(
        "update reading set label = 'label 1' where id in (200, 2001)",
        "create table reading (
             id integer not null, kind smallint not null, label text not null unique, value integer,
             constraint small check (value < 350), constraint kinds check (kind <> 3))",
    )
    .await;

    let twice = 2;
    assert_eq!(
        told(&target),
        [
            format!("DATA-004 kind the column takes no null: {}", count(&source, "kind is null")),
            format!(
                "DATA-004 label the column takes no null: {}",
                count(&source, "kind is not null and label is null")
            ),
            format!("DATA-009 - constraint reading_label_key: {twice}"),
            format!(
                "DATA-010 - constraint kinds: {}",
                count(&source, "kind = 3 and label is not null")
            ),
            format!(
                "DATA-010 - constraint small: {}",
                count(&source, "kind <> 3 and label is not null and value >= 350")
            ),
        ]
    );
    let good = count(&source, "kind <> 3 and label is not null and value < 350") - twice;
    assert_eq!(books(&outcome, "reading"), [3000, good, 0, 3000 - good]);
    assert_eq!(
        target.query("select count(*), count(distinct id) from reading"),
        format!("{good}\t{good}")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_condition_that_fails_for_a_row_refuses_this_row_alone() {
    let (source, target, _) = copy(
        "",
        "create table reading (
             id integer not null, kind smallint not null, label text, value integer,
             constraint share check (100 / value >= 0))",
    )
    .await;

    the_others_arrived(&source, &target, "kind is not null and value <> 0");
    assert_eq!(
        told(&target),
        [
            format!(
                "DATA-001 - the target cannot read the value (22012): {}",
                count(&source, "kind is not null and value = 0")
            ),
            format!("DATA-004 kind the column takes no null: {}", count(&source, "kind is null")),
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_trigger_mends_breaks_no_condition() {
    let (source, target, outcome) = copy(
        "",
        "create table reading (
             id integer not null, kind smallint not null, label text, value integer check (value < 350));
         create function mend() returns trigger language plpgsql as $$ begin
             new.kind := coalesce(new.kind, 0);
             return new;
         end $$;
         create trigger mend before insert on reading for each row execute function mend();",
    )
    .await;

    let good = count(&source, "value < 350");
    assert_eq!(books(&outcome, "reading"), [3000, good, 0, 3000 - good]);
    assert_eq!(
        target.query("select count(*) from reading where kind = 0"),
        count(&source, "value < 350 and coalesce(kind, 0) = 0").to_string()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn conditions_that_cannot_be_asked_beforehand_are_the_targets_alone() {
    let (source, target, _) = copy(
        "",
        "create function fits(integer) returns boolean stable language sql as 'select $1 <> 349';
         create table reading (
             id integer not null, kind smallint not null, label text, value integer check (fits(value)),
             place text not null default 'North' check (place <> label),
             twice integer generated always as (value * 2) stored check (twice < 700))",
    )
    .await;

    the_others_arrived(&source, &target, "kind is not null and value < 349");
    let small = count(&source, "kind is not null and value >= 350");
    assert!(told(&target).contains(&format!("DATA-010 - constraint reading_twice_check: {small}")));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_parts_of_a_table_have_conditions_of_their_own() {
    let (source, target, outcome) = copy(
        "",
        "create table reading (id integer not null, kind smallint not null, label text, value integer)
             partition by range (id);
         create table reading_1 partition of reading for values from (0) to (1500);
         create table reading_2 partition of reading for values from (1500) to (2800);
         alter table reading_2 add constraint later check (value < 350);",
    )
    .await;

    the_others_arrived(
        &source,
        &target,
        "kind is not null and id < 2800 and (id < 1500 or value < 350)",
    );
    let [read, loaded, _, refused] = books(&outcome, "reading");
    assert_eq!(read, loaded + refused);
}
