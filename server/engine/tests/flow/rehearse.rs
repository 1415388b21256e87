//! A rehearsal does everything, tells what came of it, and leaves the target as it was.

use std::sync::Arc;

use engine::clock::SystemClock;
use engine::error::Result;
use engine::run::{Request, Start, Stop, rehearse};
use engine::seal::Key;
use shared::error_code::ErrorCode;
use shared::plan::Plan;
use shared::rehearsal::Rehearsal;
use shared::run::{Books, OutcomeStatus, RunOutcome};
use testbed::Database;

use crate::support::{KEY, plan, run, sqlite};

const LEGACY: &str = "
create table clinic (id integer primary key, since text);
create table person (id integer primary key, clinic_id integer, name text, born text);
insert into clinic values (1, '2001-01-01'), (2, 'Quillon');
insert into person
with recursive n(i) as (select 1 union all select i + 1 from n where i < 500)
select i, case when i = 7 then 2 else 1 end, 'Person ' || i, '1980-01-01' from n;
update person set born = '31.12.1999' where id in (10, 20, 30);
update person set name = null where id = 40;
";

const STATEMENTS: &str = "
target_sql:
  before: create function public.stamp() returns trigger language plpgsql as $$ begin return new; end $$;
  after: create view public.born_people as select id from public.people where born is not null;
";

const PLAN: &str = "
options: {chunk_rows: 50, workers: 2}
tables:
- source: clinic
  key: [id]
  target: public.clinics
  columns:
  - {target: id, source: id, type: bigint, nullable: false}
  - {target: since, source: since, type: date, nullable: false}
  create: {primary_key: [id]}
- source: person
  key: [id]
  target: public.people
  columns:
  - {target: id, source: id, type: bigint, nullable: false, identity: true}
  - {target: clinic_id, source: clinic_id, type: bigint}
  - {target: name, source: name, type: text, nullable: false, transform: [{rule: case, to: upper}],
     signed: {by: Ada, reason: the new system shouts}}
  - {target: born, source: born, type: date}
  create:
    primary_key: [id]
    indexes: [{name: people_born_idx, columns: [born]}]
    foreign_keys:
    - {name: people_clinic_fkey, columns: [clinic_id], references: public.clinics, referenced_columns: [id]}
";

async fn rehearsed(plan: &Plan, start: Start) -> Result<Rehearsal> {
    rehearse(Request {
        plan: plan.clone(),
        source_url: plan.source.clone(),
        target_url: plan.target.clone(),
        run_id: "rehearsal-1".parse().expect("an id"),
        workers: None,
        start,
        key: Key::new(KEY),
        progress: tokio::sync::watch::channel(None).0,
        stop: Stop::default(),
        clock: Arc::new(SystemClock),
        matcher: None,
    })
    .await
}

/// Everything that a database holds: relations, functions, constraints, sequences with their
/// places, and a hash over the rows of every table.
fn everything(database: &Database) -> String {
    let tables = database.query(
        "select string_agg(format(
             'select %L, count(*), md5(string_agg(t::text, ''|'' order by t::text)) from %I.%I t',
             schemaname || tablename, schemaname, tablename
         ), ' union all ' order by schemaname, tablename)
         from pg_tables where schemaname not in ('pg_catalog', 'information_schema')",
    );
    let rows = if tables == "NULL" { String::new() } else { database.query(&tables) };
    let catalog = database.query(
        "select string_agg(x, ',' order by x) from (
             select n.nspname || '.' || relname || relkind::text as x
             from pg_class c join pg_namespace n on n.oid = relnamespace
             where nspname not like 'pg!_%' escape '!' and nspname <> 'information_schema'
             union all select 'f ' || proname from pg_proc p
             join pg_namespace n on n.oid = pronamespace where nspname = 'public'
             union all select 's ' || nspname from pg_namespace
             where nspname not like 'pg!_%' escape '!'
             union all select 'c ' || conname from pg_constraint c
             join pg_namespace n on n.oid = connamespace where nspname = 'public'
             union all select 'q ' || sequencename || coalesce(last_value, -1) from pg_sequences
         ) as all_of_it",
    );
    format!("{rows}\n{catalog}")
}

fn books(outcome: &RunOutcome) -> Vec<Books> {
    outcome.tables.iter().map(|table| table.books).collect()
}

#[track_caller]
fn check_report(report: &Rehearsal) {
    assert_eq!(report.outcome.failure, None);
    assert_eq!(report.outcome.status, OutcomeStatus::Completed);
    assert!(report.outcome.books_close);
    let mut found: Vec<_> = report
        .quarantine
        .iter()
        .map(|fault| (fault.code, fault.column.as_deref().unwrap_or_default(), fault.rows))
        .collect();
    found.sort_unstable();
    assert_eq!(
        found,
        [
            (ErrorCode::Data001, "born", 3),
            (ErrorCode::Data001, "since", 1),
            (ErrorCode::Data004, "name", 1),
            (ErrorCode::Data008, "clinic_id", 1),
        ]
    );
    let born = report.quarantine.iter().find(|fault| fault.rows == 3).unwrap();
    assert_eq!(born.examples.len(), 3);
    let cell = born.examples[0].iter().find(|cell| cell.column == "born").unwrap();
    assert_eq!(cell.original.as_deref(), Some("99.99.9999"));
    let [loss] = report.losses.as_slice() else { panic!("{:?}", report.losses) };
    assert_eq!((loss.rule.as_str(), loss.signed_by.as_deref()), ("case", Some("Ada")));
    assert!(report.forecast.seconds > 0.0 && report.forecast.copy_seconds > 0.0);
    assert!(!format!("{report:?}").contains("Quillon"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_database_stays_empty() {
    let folder = tempfile::tempdir().unwrap();
    let source = sqlite(&folder, "legacy.db", LEGACY);
    let target = testbed::postgres().create_database();
    let plan = plan(&source, target.url(), &format!("{STATEMENTS}{PLAN}"));
    let before = everything(&target);

    let report = rehearsed(&plan, Start::Continue).await.unwrap();

    check_report(&report);
    assert_eq!(everything(&target), before);
    // What was foretold is what then comes.
    let outcome = run(&plan).await.unwrap();
    assert_eq!(books(&outcome), books(&report.outcome));
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_that_are_there_keep_their_rows_and_their_sequences() {
    let folder = tempfile::tempdir().unwrap();
    let source = sqlite(&folder, "legacy.db", LEGACY);
    let target = testbed::postgres().create_database();
    target.execute(
        "create table public.clinics (id bigint primary key, since date not null);
         create table public.people (
             id bigint generated by default as identity primary key,
             clinic_id bigint references public.clinics, name text not null, born date);
         select nextval('people_id_seq');
         create table public.elsewhere (id bigint, note text);
         insert into public.elsewhere values (1, 'not ours');",
    );
    let plan = plan(&source, target.url(), PLAN);
    let before = everything(&target);

    let report = rehearsed(&plan, Start::Continue).await.unwrap();

    // The target's own key refuses the orphan.
    assert_eq!(report.outcome.failure, None);
    let people = report.outcome.tables.iter().find(|table| table.target.name == "people").unwrap();
    assert_eq!((people.books.loaded, people.books.quarantined), (495, 5));
    assert_eq!(everything(&target), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_there_is_rehearsed_afresh_and_stays() {
    let folder = tempfile::tempdir().unwrap();
    let source = sqlite(&folder, "legacy.db", LEGACY);
    let target = testbed::postgres().create_database();
    let plan = plan(&source, target.url(), PLAN);
    run(&plan).await.unwrap();
    let before = everything(&target);

    let refused = rehearsed(&plan, Start::Continue).await.unwrap_err();
    let report = rehearsed(&plan, Start::Fresh).await.unwrap();

    assert_eq!(refused.code(), ErrorCode::Load007);
    check_report(&report);
    assert_eq!(everything(&target), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_would_stop_says_why_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let source = sqlite(&folder, "legacy.db", LEGACY);
    let target = testbed::postgres().create_database();
    let limited = PLAN.replace("workers: 2}", "workers: 2, escalation: {table_rows: 1}}");
    let before = everything(&target);

    let report = rehearsed(&plan(&source, target.url(), &limited), Start::Continue).await.unwrap();

    assert_eq!(report.outcome.failure.unwrap().code, ErrorCode::Load006);
    assert_eq!(everything(&target), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_commit_would_refuse_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let source = sqlite(&folder, "legacy.db", LEGACY);
    let target = testbed::postgres().create_database();
    target.execute("create table public.wards (id bigint primary key)");
    let deferred = "
target_sql:
  after: |
    alter table public.people add constraint ward foreign key (id) references public.wards
        deferrable initially deferred not valid;
    update public.people set id = -id where id = 1;
";
    let before = everything(&target);

    let plan = plan(&source, target.url(), &format!("{deferred}{PLAN}"));
    let report = rehearsed(&plan, Start::Continue).await.unwrap();

    assert_eq!(report.outcome.failure.unwrap().code, ErrorCode::Data008);
    assert!(!report.outcome.books_close);
    assert_eq!(everything(&target), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sqlite_file_is_copied_and_the_copy_goes() {
    let folder = tempfile::tempdir().unwrap();
    let source = sqlite(&folder, "legacy.db", LEGACY);
    let new = folder.path().join("new.db");
    let plan = plan(&source, &format!("sqlite:{}", new.display()), PLAN);
    let names = || {
        let entries = std::fs::read_dir(folder.path()).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.retain(|name| !name.to_string_lossy().ends_with(".transfuse-lock"));
        names.sort();
        names
    };
    let before = names();

    check_report(&rehearsed(&plan, Start::Continue).await.unwrap());

    assert_eq!(names(), before);
    // With somebody else's rows in it.
    sqlite(&folder, "new.db", "create table theirs (id integer); insert into theirs values (7);");
    let bytes = std::fs::read(&new).unwrap();
    check_report(&rehearsed(&plan, Start::Continue).await.unwrap());
    assert_eq!(std::fs::read(&new).unwrap(), bytes);
}
