//! A run from its first chunk to its closed books, on real databases.

use crate::support::{Given, books, plan, run, run_until_a_chunk_is_done, run_with, sqlite};
use engine::run::{Start, Stop};
use shared::error_code::ErrorCode;
use shared::id::RunId;
use shared::quarantine::QuarantineFilter;
use shared::run::OutcomeStatus;

const PEOPLE: &str = "
create table clinic (id integer primary key, name text not null);
create table person (id integer primary key, clinic_id integer references clinic, name text,
                     weight numeric(6,2), born text);
insert into clinic values (1, 'North'), (2, 'South');
insert into person
with recursive n(i) as (select 1 union all select i + 1 from n where i < 1000)
select i * 3, i % 2 + 1, 'Person ' || i, i / 4.0, date('1950-01-01', '+' || i || ' days') from n;
";

const PLAN: &str = "
options: {chunk_rows: 100, workers: 2}
tables:
- source: clinic
  key: [id]
  target: public.clinics
  columns:
  - {target: id, source: id, type: uuid, nullable: false, transform: [{rule: uuid_v5, entity: clinic}]}
  - {target: legacy_id, source: id, type: bigint, nullable: false}
  - {target: name, source: name, type: text, nullable: false}
  create: {primary_key: [id]}
- source: person
  key: [id]
  target: public.people
  columns:
  - {target: id, source: id, type: bigint, nullable: false, identity: true}
  - {target: clinic_id, source: clinic_id, type: uuid, transform: [{rule: uuid_v5, entity: clinic}]}
  - {target: legacy_clinic_id, source: clinic_id, type: bigint}
  - {target: name, source: name, type: varchar(40)}
  - {target: weight, source: weight, type: 'numeric(6,2)'}
  - {target: born, source: born, type: date}
  create:
    primary_key: [id]
    indexes: [{name: people_born_idx, columns: [born]}]
    foreign_keys:
    - {name: people_clinic_fkey, columns: [clinic_id], references: public.clinics, referenced_columns: [id]}
    checks: {people_weight_check: weight < 5000}
";

const CONTENT: &str =
    "select md5(string_agg(p::text, '|' order by id)), count(*) from public.people p";

#[tokio::test(flavor = "multi_thread")]
async fn every_row_arrives_with_keys_indexes_and_sequences() {
    let folder = tempfile::tempdir().unwrap();
    let source = sqlite(&folder, "legacy.db", PEOPLE);
    let target = testbed::postgres().create_database();

    let outcome = run(&plan(&source, target.url(), PLAN)).await.unwrap();

    assert_eq!(outcome.status, OutcomeStatus::Completed);
    assert!(outcome.books_close);
    assert_eq!(books(&outcome, "people"), [1000, 1000, 0, 0]);
    assert_eq!(
        target.query(
            "select p.name, p.weight, p.born, c.name from people p join clinics c on c.id = p.clinic_id
             where p.id = 9"
        ),
        "Person 3\t0.75\t1950-01-04\tSouth"
    );
    assert_eq!(target.query("insert into people (name) values ('New') returning id"), "3001");
    assert_eq!(
        target.query("select count(*) from pg_indexes where indexname = 'people_born_idx'"),
        "1"
    );
    assert_eq!(
        target.query("select count(*) from pg_constraint where conname = 'people_clinic_fkey'"),
        "1"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_takes_the_same_plan() {
    let folder = tempfile::tempdir().unwrap();
    let source = sqlite(&folder, "legacy.db", PEOPLE);
    let target = format!("sqlite:{}", folder.path().join("new.db").display());

    let outcome = run(&plan(&source, &target, PLAN)).await.unwrap();

    assert_eq!(outcome.failure, None);
    assert!(outcome.books_close);
    let new = rusqlite::Connection::open(folder.path().join("new.db")).unwrap();
    let row: (String, f64, String, String) = new
        .query_row(
            "select p.name, p.weight, p.born, c.name
             from people p join clinics c on c.id = p.clinic_id
             where p.id = 9",
            [],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
        )
        .unwrap();
    assert_eq!(row, ("Person 3".into(), 0.75, "1950-01-04".into(), "South".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_rows_are_kept_counted_and_explained_and_the_others_arrive() {
    let folder = tempfile::tempdir().unwrap();
    let bad = "
        update person set weight = 9000 where id = 30;
        update person set weight = 'heavy' where id = 60;
        update person set born = '1999-02-31' where id = 90;
        update person set name = printf('%.*c', 41, 'x') where id = 120;
        update person set clinic_id = 77 where id in (150, 153);
        update person set weight = 1.234 where id = 180;
    ";
    let source = sqlite(&folder, "legacy.db", &format!("{PEOPLE}{bad}"));
    let target = testbed::postgres().create_database();

    let outcome = run(&plan(&source, target.url(), PLAN)).await.unwrap();

    assert_eq!(outcome.failure, None);
    assert!(outcome.books_close);
    assert_eq!(books(&outcome, "people"), [1000, 993, 0, 7]);
    assert_eq!(target.query("select count(*) from people"), "993");
    let run_id: RunId = "run-1".parse().unwrap();
    let counts = engine::quarantine::counts(target.url(), &run_id).await.unwrap();
    let mut found: Vec<_> =
        counts.iter().map(|count| (count.code, count.column.as_deref(), count.rows)).collect();
    found.sort_unstable();
    assert_eq!(
        found,
        [
            (ErrorCode::Data001, Some("weight"), 1),
            (ErrorCode::Data002, Some("born"), 1),
            (ErrorCode::Data003, Some("name"), 1),
            (ErrorCode::Data008, Some("clinic_id"), 2),
            (ErrorCode::Data010, None, 1),
            (ErrorCode::Data014, Some("weight"), 1),
        ]
    );
    let filter = QuarantineFilter { code: Some(ErrorCode::Data008), ..QuarantineFilter::default() };
    let page = engine::quarantine::list(target.url(), &run_id, &filter, None, 1).await.unwrap();
    assert_eq!(page.items.len(), 1);
    let rest = engine::quarantine::list(target.url(), &run_id, &filter, page.next.as_ref(), 1)
        .await
        .unwrap();
    assert_eq!((rest.items.len(), rest.next), (1, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn quarantine_shows_no_value() {
    let folder = tempfile::tempdir().unwrap();
    let bad = "update person set weight = 'Zanzibar', name = 'Quillon' where id = 60;";
    let source = sqlite(&folder, "legacy.db", &format!("{PEOPLE}{bad}"));
    let target = testbed::postgres().create_database();

    run(&plan(&source, target.url(), PLAN)).await.unwrap();

    let own = "select string_agg(t::text, ' ') from transfuse.";
    for table in ["quarantine", "ledger", "runs", "chunks", "objects"] {
        let text = target.query(&format!("{own}{table} t"));
        assert!(!text.contains("Zanzibar") && !text.contains("Quillon"), "{table}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_stopped_goes_on_to_the_same_target() {
    let folder = tempfile::tempdir().unwrap();
    let source = sqlite(&folder, "legacy.db", PEOPLE);
    let undisturbed = testbed::postgres().create_database();
    run(&plan(&source, undisturbed.url(), PLAN)).await.unwrap();
    let target = testbed::postgres().create_database();
    let plan = plan(&source, target.url(), PLAN);
    let stop = Stop::default();
    stop.request();

    let stopped = run_with(&plan, Given { stop, ..Given::default() }).await.unwrap();
    assert_eq!(stopped.status, OutcomeStatus::Paused);
    assert!(!stopped.books_close);
    let resumed = run_with(&plan, Given { run_id: "run-2", ..Given::default() }).await.unwrap();

    assert_eq!(resumed.run_id.as_str(), "run-1");
    assert!(resumed.books_close);
    assert_eq!(target.query(CONTENT), undisturbed.query(CONTENT));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_command_again_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let source = sqlite(&folder, "legacy.db", PEOPLE);
    let target = testbed::postgres().create_database();
    let plan = plan(&source, target.url(), PLAN);
    let first = run(&plan).await.unwrap();
    let content = target.query(CONTENT);

    let again = run_with(&plan, Given { run_id: "run-2", ..Given::default() }).await.unwrap();

    assert_eq!(again.run_id, first.run_id);
    assert_eq!(books(&again, "people"), books(&first, "people"));
    assert!(again.books_close);
    assert_eq!(target.query(CONTENT), content);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fresh_start_takes_back_what_the_run_made() {
    let folder = tempfile::tempdir().unwrap();
    let source = sqlite(&folder, "legacy.db", PEOPLE);
    let target = testbed::postgres().create_database();
    let plan = plan(&source, target.url(), PLAN);
    run(&plan).await.unwrap();
    let content = target.query(CONTENT);

    let fresh = Given { run_id: "run-2", start: Start::Fresh, ..Given::default() };
    let outcome = run_with(&plan, fresh).await.unwrap();

    assert_eq!(outcome.run_id.as_str(), "run-2");
    assert!(outcome.books_close);
    assert_eq!(target.query(CONTENT), content);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_plan_waits_for_a_fresh_start() {
    let folder = tempfile::tempdir().unwrap();
    let source = sqlite(&folder, "legacy.db", PEOPLE);
    let target = testbed::postgres().create_database();
    let stop = Stop::default();
    stop.request();
    let stopped = Given { stop, ..Given::default() };
    run_with(&plan(&source, target.url(), PLAN), stopped).await.unwrap();
    let changed = plan(&source, target.url(), &PLAN.replace("varchar(40)", "varchar(50)"));

    let refused = run(&changed).await.unwrap_err();
    let fresh = Given { run_id: "run-2", start: Start::Fresh, ..Given::default() };
    let outcome = run_with(&changed, fresh).await.unwrap();

    assert_eq!(refused.code(), ErrorCode::Load007);
    assert!(outcome.books_close);
    let states = "select string_agg(state, ' ' order by run_id) from transfuse.runs";
    assert_eq!(target.query(states), "rolled_back completed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_changed_is_named_before_a_run_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let source = sqlite(&folder, "legacy.db", PEOPLE);
    let target = testbed::postgres().create_database();
    let plan = plan(&source, target.url(), PLAN);
    run_until_a_chunk_is_done(&plan).await;
    sqlite(&folder, "legacy.db", "insert into person (id, name) values (1, 'Late')");

    let outcome = run(&plan).await.unwrap();

    let failure = outcome.failure.unwrap();
    assert_eq!(failure.code, ErrorCode::Load008);
    assert!(failure.message.contains("its file was written to"), "{}", failure.message);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_changed_before_anything_was_copied_is_read_as_it_is_now() {
    let folder = tempfile::tempdir().unwrap();
    let source = sqlite(&folder, "legacy.db", PEOPLE);
    let target = testbed::postgres().create_database();
    let plan = plan(&source, target.url(), PLAN);
    let stop = Stop::default();
    stop.request();
    run_with(&plan, Given { stop, ..Given::default() }).await.unwrap();
    sqlite(&folder, "legacy.db", "insert into person (id, name) values (1, 'Late')");

    let outcome = run(&plan).await.unwrap();

    assert_eq!(outcome.failure, None);
    assert_eq!(books(&outcome, "people"), [1001, 1001, 0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_with_rows_of_somebody_else_is_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    let source = sqlite(&folder, "legacy.db", PEOPLE);
    let target = testbed::postgres().create_database();
    target
        .execute("create table people (id bigint, name text); insert into people values (1, 'x')");
    let rest = PLAN.split("- source: person").next().unwrap().to_owned()
        + "- {source: person, key: [id], target: public.people,
              left_behind: {clinic_id: x, weight: x, born: x},
              columns: [{target: id, source: id, type: bigint}, {target: name, source: name, type: text}]}";

    let outcome = run(&plan(&source, target.url(), &rest)).await.unwrap();

    assert_eq!(outcome.failure.unwrap().code, ErrorCode::Load001);
    assert_eq!(target.query("select * from people"), "1\tx");
    assert_eq!(target.query("select to_regclass('public.clinics') is null"), "t");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_a_trigger_adds_keep_the_run_from_being_green() {
    let folder = tempfile::tempdir().unwrap();
    let source = sqlite(&folder, "legacy.db", PEOPLE);
    let target = testbed::postgres().create_database();
    target.execute(
        "create function doubled() returns trigger language plpgsql as $$
         begin
           insert into public.copies values (new.id);
           return new;
         end $$;
         create table public.copies (id bigint primary key);
         create table public.people (id bigint primary key, name text);
         create trigger doubled after insert on public.people for each row execute function doubled();",
    );
    let rest = "
tables:
- {source: person, key: [id], target: public.people,
   left_behind: {clinic_id: x, weight: x, born: x},
   columns: [{target: id, source: id, type: bigint}, {target: name, source: name, type: text}]}
- {source: clinic, key: [id], target: public.copies, left_behind: {name: x}, filter: id < 0,
   columns: [{target: id, source: id, type: bigint}]}
";

    let outcome = run(&plan(&source, target.url(), rest)).await.unwrap();

    assert_eq!(outcome.failure.unwrap().code, ErrorCode::Load005);
    assert!(!outcome.books_close);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_with_keys_of_its_own_gets_parents_first() {
    let folder = tempfile::tempdir().unwrap();
    let source = sqlite(&folder, "legacy.db", PEOPLE);
    let target = testbed::postgres().create_database();
    target.execute(
        "create table clinics (id bigint primary key, name text not null);
         create table people (id bigint primary key, clinic_id bigint references clinics)",
    );
    let rest = "
options: {chunk_rows: 50}
tables:
- {source: person, key: [id], target: people, left_behind: {name: x, weight: x, born: x},
   columns: [{target: id, source: id, type: bigint}, {target: clinic_id, source: clinic_id, type: bigint}]}
- {source: clinic, key: [id], target: clinics,
   columns: [{target: id, source: id, type: bigint}, {target: name, source: name, type: text}]}
";

    let outcome = run(&plan(&source, target.url(), rest)).await.unwrap();

    assert_eq!(outcome.failure, None);
    assert_eq!(books(&outcome, "people"), [1000, 1000, 0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn filtered_rows_are_counted_and_stay_behind() {
    let folder = tempfile::tempdir().unwrap();
    let source = sqlite(&folder, "legacy.db", PEOPLE);
    let target = testbed::postgres().create_database();
    let rest = PLAN.replace(
        "  target: public.people\n",
        "  target: public.people\n  filter: id % 2 = 0 and clinic_id is not null\n",
    );

    let outcome = run(&plan(&source, target.url(), &rest)).await.unwrap();

    assert_eq!(books(&outcome, "people"), [1000, 500, 500, 0]);
    assert!(outcome.books_close);
}

#[tokio::test(flavor = "multi_thread")]
async fn orphans_that_the_plan_keeps_stay_without_the_reference() {
    let folder = tempfile::tempdir().unwrap();
    let orphan = "update person set clinic_id = 77 where id = 150;";
    let source = sqlite(&folder, "legacy.db", &format!("{PEOPLE}{orphan}"));
    let target = testbed::postgres().create_database();
    let rest = format!("{PLAN}  orphans: {{people_clinic_fkey: {{keep_in: legacy_clinic_id}}}}\n");

    let outcome = run(&plan(&source, target.url(), &rest)).await.unwrap();

    assert_eq!(books(&outcome, "people"), [1000, 1000, 0, 0]);
    assert_eq!(
        target.query("select clinic_id, legacy_clinic_id from people where id = 150"),
        "NULL\t77"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_bad_rows_stop_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let bad = "update person set weight = 'heavy' where id < 60;";
    let source = sqlite(&folder, "legacy.db", &format!("{PEOPLE}{bad}"));
    let target = testbed::postgres().create_database();
    let rest = PLAN.replace("workers: 2}", "workers: 1, escalation: {table_rows: 10}}");

    let outcome = run(&plan(&source, target.url(), &rest)).await.unwrap();

    assert_eq!(outcome.failure.unwrap().code, ErrorCode::Load006);
    assert_eq!(outcome.status, OutcomeStatus::Failed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_bad_rows_stopped_goes_on_under_a_higher_limit() {
    let folder = tempfile::tempdir().unwrap();
    let bad = "update person set weight = 'heavy' where id < 60;";
    let source = sqlite(&folder, "legacy.db", &format!("{PEOPLE}{bad}"));
    let target = testbed::postgres().create_database();
    let limited = |limit: &str| {
        let options = format!("workers: 1, escalation: {{{limit}}}}}");
        plan(&source, target.url(), &PLAN.replace("workers: 2}", &options))
    };
    let ledger = "select count(*) from transfuse.ledger";

    let stopped = run(&limited("run_percent: 1.5")).await.unwrap();
    assert_eq!(stopped.failure.unwrap().code, ErrorCode::Load006);
    let committed = target.query(ledger);
    let again = run(&limited("run_percent: 1.5")).await.unwrap();
    assert_eq!(again.failure.unwrap().code, ErrorCode::Load006);
    assert_eq!(target.query(ledger), committed);
    let raised = Given { run_id: "run-2", ..Given::default() };
    let outcome = run_with(&limited("run_percent: 2, table_rows: 19"), raised).await.unwrap();

    assert_eq!(outcome.failure, None);
    assert_eq!(outcome.run_id, stopped.run_id);
    assert_eq!(books(&outcome, "people"), [1000, 981, 0, 19]);
    assert!(outcome.books_close);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_waits_for_nobody_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let source = sqlite(&folder, "legacy.db", PEOPLE);
    let target = testbed::postgres().create_database();
    let guard =
        engine::load::Target::lock(&engine::load::PostgresTarget::new(target.url())).await.unwrap();
    assert!(guard.is_some());

    let refused = run(&plan(&source, target.url(), PLAN)).await.unwrap_err();

    assert_eq!(refused.code(), ErrorCode::Load009);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_named_and_leaves_no_half_chunk() {
    let Some(server) = testbed::small_disk(16 << 20) else { return };
    let folder = tempfile::tempdir().unwrap();
    let many = "
        insert into person
        with recursive n(i) as (select 5001 union all select i + 1 from n where i < 150000)
        select i, 1, printf('%.*c', 40, 'y'), 1, null from n;
    ";
    let source = sqlite(&folder, "legacy.db", &format!("{PEOPLE}{many}"));
    let target = server.create_database();
    let rest = PLAN.replace("chunk_rows: 100", "chunk_rows: 10000");

    let outcome = run(&plan(&source, target.url(), &rest)).await.unwrap();

    assert_eq!(outcome.failure.unwrap().code, ErrorCode::Load003);
    assert!(!outcome.books_close);
    let committed = "select coalesce(sum(loaded), 0) from transfuse.ledger where table_index = 1";
    assert_eq!(target.query("select count(*) from people"), target.query(committed));
}
