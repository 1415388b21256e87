//! What a verification finds: nothing in what arrived well, and every damage where it is.

use std::fmt::Write as _;

use engine::EngineError;
use engine::load::{PostgresTarget, Session as _, Target as _};
use engine::run::Stop;
use engine::seal::Key;
use engine::verify::{Effect, GoingOn};
use futures::FutureExt as _;
use shared::error_code::ErrorCode;
use shared::plan::Plan;
use shared::verification::{
    Mode, Progress, RepairOutcome, TakenBack, VerificationOutcome, VerificationState,
};
use testbed::Database;

use crate::support::{KEY, compare, compared, comparison, plan, repair, run, sqlite};

/// People whose key is kept, and their visits under keys made of the legacy ones.
const CLINIC: &str = "
create table person (id integer primary key, given text, family text, born text);
create table visit (id integer primary key, person_id integer, at text, weight real, note text);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 2000)
insert into person select i, 'Zoë ' || i, 'Family ' || (i % 300), '1950-01-01' from n;
with recursive n(i) as (select 1 union all select i + 1 from n where i < 3000)
insert into visit
select i, 1 + i % 2000, '2024-03-' || printf('%02d', 1 + i % 28) || ' 08:30:00', i / 7.0,
       case when i % 3 = 0 then null else 'a longer note on visit ' || i end
from n;
";

const PLAN: &str = "
options: {chunk_rows: 250, workers: 2}
tables:
- source: person
  key: [id]
  target: public.people
  columns:
  - {target: id, source: id, type: bigint, nullable: false, identity: true}
  - {target: given, source: given, type: text}
  - {target: family, source: family, type: text}
  - {target: born, source: born, type: date}
  create: {primary_key: [id]}
- source: visit
  key: [id]
  target: public.visits
  columns:
  - {target: id, source: id, type: uuid, nullable: false, transform: [{rule: uuid_v5, entity: visit}]}
  - {target: legacy_id, source: id, type: bigint}
  - {target: person_id, source: person_id, type: bigint}
  - {target: at, source: at, type: timestamptz, transform: [{rule: assume_zone, zone: Europe/Berlin}]}
  - {target: weight, source: weight, type: double precision}
  - {target: note, source: note, type: text}
  create:
    primary_key: [id]
    foreign_keys:
    - {name: visits_person_fkey, columns: [person_id], references: public.people, referenced_columns: [id]}
";

struct Clinic {
    target: Database,
    plan: Plan,
    _folder: tempfile::TempDir,
}

async fn clinic() -> Clinic {
    let folder = tempfile::tempdir().unwrap();
    let source = sqlite(&folder, "legacy.db", CLINIC);
    let target = testbed::postgres().create_database();
    let plan = plan(&source, target.url(), PLAN);
    let outcome = run(&plan).await.unwrap();
    assert!(outcome.books_close, "{:?}", outcome.failure);
    Clinic { target, plan, _folder: folder }
}

const FOUND: &str = "
    select string_agg(concat_ws(' ', target, kind, columns), '; ' order by target, kind, columns)
    from transfuse.mismatches";

/// Does the damage and looks whether it, and nothing else, is found; whether a rehearsal leaves
/// everything as it is; and whether a repair makes both sides equal.
#[track_caller]
fn check(damage: &'static str, found: &'static str) {
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let clinic = clinic().await;
        clinic.target.execute(damage);

        let outcome = compare(&clinic.plan).await.unwrap();

        assert_eq!(outcome.status, VerificationState::Different);
        assert_eq!(clinic.target.query(FOUND), found);

        let damaged = clinic.target.query(CONTENT);
        let rehearsed = repair(&clinic.plan, Effect::Rehearse).await.unwrap();
        assert_eq!(clinic.target.query(CONTENT), damaged);

        let repaired = repair(&clinic.plan, Effect::Write).await.unwrap();
        assert!(repaired.is_whole(), "{repaired:?}");
        assert_eq!(repaired.tables, rehearsed.tables);
        assert_eq!(compare(&clinic.plan).await.unwrap().status, VerificationState::Equal);

        let taken = take_back(&clinic.plan, &repaired).await;
        assert_eq!(taken.changed_since, 0);
        assert_eq!(clinic.target.query(CONTENT), damaged);
    });
}

async fn take_back(plan: &Plan, repaired: &RepairOutcome) -> TakenBack {
    let (id, key) = (&repaired.repair_id, Key::new(KEY));
    let approval = Box::new(|_| async { Ok(()) }.boxed());
    engine::verify::take_back(&plan.target, id, &key, approval).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_compared_right_after_it_was_written_stays_fresh() {
    let clinic = clinic().await;
    let plan = &clinic.plan;
    clinic.target.execute("delete from visits where legacy_id < 500");
    compare(plan).await.unwrap();
    repair(plan, Effect::Write).await.unwrap();
    let id = compare(plan).await.unwrap().id.unwrap();

    // By then whoever wrote before has told the server's statistics of it.
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let (source, target) = (&plan.source, &plan.target);
    let stale = engine::verify::stale_tables(plan, source, target, &id).await.unwrap();

    assert_eq!(stale, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repair_whose_audit_entry_cannot_be_written_is_not_taken_back() {
    let clinic = clinic().await;
    clinic.target.execute("delete from visits where legacy_id < 500");
    compare(&clinic.plan).await.unwrap();
    let repaired = repair(&clinic.plan, Effect::Write).await.unwrap();
    let whole = clinic.target.query(CONTENT);

    let refused = |taken: TakenBack| {
        assert_eq!((taken.restored, taken.changed_since), (499, 0));
        async { Err(EngineError::new(ErrorCode::Sys007, "writing an entry")) }.boxed()
    };
    let (id, key) = (&repaired.repair_id, Key::new(KEY));
    let error = engine::verify::take_back(&clinic.plan.target, id, &key, Box::new(refused)).await;

    assert_eq!(error.unwrap_err().code(), ErrorCode::Sys007);
    assert_eq!(clinic.target.query(CONTENT), whole);
    assert_eq!(take_back(&clinic.plan, &repaired).await.restored, 499);
}

const CONTENT: &str = "
    select md5(string_agg(t, '|' order by t)) from (
        select p::text as t from people p union all select v::text from visits v) as all_rows";

macro_rules! damages {
    ($($name:ident: $damage:literal => $found:literal;)+) => {
        $(
            #[test]
            fn $name() {
                check($damage, $found);
            }
        )+
    };
}

mod damage {
    use super::check;

    damages! {
        a_changed_value: "update people set family = 'Other' where id = 1234"
            => "public.people different [\"family\"]";
        a_missing_row: "delete from visits where legacy_id = 77" => "public.visits missing []";
        an_extra_row: "insert into people values (5000, 'Somebody', 'Else', null)"
            => "public.people extra []";
        a_truncated_text: "update visits set note = left(note, 10) where legacy_id = 2000"
            => "public.visits different [\"note\"]";
        a_shifted_time_zone: "update visits set at = at - interval '1 hour' where legacy_id = 9"
            => "public.visits different [\"at\"]";
        a_rounded_float: "update visits set weight = round(weight::numeric, 6) where legacy_id = 10"
            => "public.visits different [\"weight\"]";
        a_swapped_pair_of_columns: "update people set given = family, family = given where id = 3"
            => "public.people different [\"given\",\"family\"]";
        two_rows_with_each_others_values: "
            update people set given = case id when 5 then 'Zoë 6' else 'Zoë 5' end where id in (5, 6)"
            => "public.people different [\"given\"]; public.people different [\"given\"]";
        a_lost_diacritic: "update people set given = replace(given, 'ë', 'e') where id = 8"
            => "public.people different [\"given\"]";
        another_unicode_form: "update people set given = normalize(given, NFD) where id = 8"
            => "public.people different [\"given\"]";
        a_duplicated_child: "
            insert into visits select gen_random_uuid(), legacy_id, person_id, at, weight, note
            from visits where legacy_id = 12" => "public.visits extra []";
        a_null_in_place_of_nothing: "update visits set note = '' where legacy_id = 3"
            => "public.visits different [\"note\"]";
        a_key_that_changed: "
            alter table visits drop constraint visits_person_fkey;
            update people set id = 9000 where id = 2000"
            => "public.people extra []; public.people missing []";
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_arrived_well_is_equal() {
    let clinic = clinic().await;

    let outcome = compare(&clinic.plan).await.unwrap();

    assert_eq!(outcome.status, VerificationState::Equal);
    assert_eq!(compared(&outcome, "people"), [2000, 0, 0, 0]);
    assert_eq!(compared(&outcome, "visits"), [3000, 0, 0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_comparison_that_was_stopped_goes_on_where_it_was() {
    let clinic = clinic().await;
    let mut first = comparison(&clinic.plan, Mode::Full);
    first.stop = Stop::default();
    first.stop.request();

    let stopped = engine::verify::verify(first).await.unwrap();
    let outcome = compare(&clinic.plan).await.unwrap();

    assert_eq!(stopped.status, VerificationState::Paused);
    assert_eq!(outcome.status, VerificationState::Equal);
    assert_eq!(stopped.id, outcome.id);
    assert_eq!(compared(&outcome, "visits"), [3000, 0, 0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_comparison_whose_process_is_gone_goes_on() {
    let clinic = clinic().await;
    let stopped = stopped(&clinic.plan).await;
    // As a process leaves it that is gone.
    clinic.target.execute(UNDER_WAY);

    let gone_on = compare(&clinic.plan).await.unwrap();

    assert_eq!((gone_on.id, gone_on.status), (stopped.id, VerificationState::Equal));
    assert_eq!(clinic.target.query(STATES), "equal");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_comparison_that_is_under_way_elsewhere_is_left_alone_unless_somebody_knows_better() {
    let clinic = clinic().await;
    let stopped = stopped(&clinic.plan).await;
    clinic.target.execute(UNDER_WAY);
    let elsewhere = PostgresTarget::new(&clinic.plan.target).join_verifications().await.unwrap();

    let other = compare(&clinic.plan).await.unwrap();
    assert_ne!(other.id, stopped.id);
    assert_eq!(clinic.target.query(STATES), "equal\nrunning");
    let mut knowing = comparison(&clinic.plan, Mode::Full);
    knowing.going_on = GoingOn::This(stopped.id.clone().unwrap());
    let gone_on = engine::verify::verify(knowing).await.unwrap();
    drop(elsewhere);

    assert_eq!(gone_on.id, stopped.id);
    assert_eq!([gone_on.status, other.status], [VerificationState::Equal; 2]);
}

async fn stopped(plan: &Plan) -> VerificationOutcome {
    let first = comparison(plan, Mode::Full);
    first.stop.request();
    engine::verify::verify(first).await.unwrap()
}

const UNDER_WAY: &str = "update transfuse.verifications set state = 'running'";
const STATES: &str = "select state from transfuse.verifications order by 1";

#[tokio::test(flavor = "multi_thread")]
async fn a_comparison_that_fails_while_its_chunks_are_cut_says_so_and_can_go_on() {
    let clinic = clinic().await;
    clinic.target.execute("update transfuse.chunks set cut = '?' || cut");

    let error = compare(&clinic.plan).await.unwrap_err();

    assert_eq!(error.code(), ErrorCode::Sys001, "{error}");
    assert_eq!(clinic.target.query(STATES), "failed");
    clinic.target.execute("update transfuse.chunks set cut = substr(cut, 2)");
    assert_eq!(compare(&clinic.plan).await.unwrap().status, VerificationState::Equal);
    assert_eq!(clinic.target.query(STATES), "equal");
}

/// Texts that each rule can turn, and a plan with all the rules.
const TEXTS: &[[&str; 9]] = &[
    [
        "1",
        "  Zoë  Müller ",
        "31.12.1999",
        "12.50",
        "yes",
        "1",
        "{'a': True,}",
        "030 123456",
        "A@B.Example",
    ],
    ["2", "", "", "0", "no", "2", "[1, 2]", "", ""],
    [
        "3",
        "e\u{301}clair, soft",
        "01.02.2003",
        "100",
        "yes",
        "9",
        "{\"b\": 1e2, \"a\": \"\\u00e9\"}",
        "+49 30 765432",
        "x@y.example",
    ],
];

const RULES: &str = "
code_tables:
  sex: {entries: {'1': male, '2': female}, otherwise: {value: unknown}}
tables:
- source: texts
  key: [id]
  target: public.rules
  columns:
  - {target: id, source: id, type: uuid, nullable: false, transform: [{rule: uuid_v5, entity: text}]}
  - {target: legacy_id, source: id, type: bigint}
  - {target: trimmed, source: name, type: text, transform: [{rule: trim, inner: true}, {rule: nfc}]}
  - {target: upper, source: name, type: text, keep_raw_in: raw, transform: [{rule: case, to: upper}]}
  - {target: short, source: name, type: varchar(3), signed: {by: x, reason: y}, transform: [{rule: trim}, {rule: truncate, length: 3}]}
  - {target: part, source: name, type: text, signed: {by: x, reason: y}, transform: [{rule: split, separator: ',', index: 1}]}
  - {target: padded, source: id, type: char(6), transform: [{rule: pad, length: 5, with: '0'}]}
  - {target: prefixed, source: id, type: text, transform: [{rule: prefix, text: 'L-'}]}
  - {target: empty, source: name, type: text, transform: [{rule: empty_to_null}, {rule: replace_nul, with: ' '}]}
  - {target: day, source: day, type: date, transform: [{rule: empty_to_null}, {rule: parse_date, format: '%d.%m.%Y'}]}
  - {target: at, source: day, type: timestamptz, transform: [{rule: empty_to_null}, {rule: prefix, text: '10:30 '}, {rule: parse_timestamp, format: '%H:%M %d.%m.%Y', zone: Europe/Berlin}]}
  - {target: local, source: day, type: timestamp, transform: [{rule: empty_to_null}, {rule: prefix, text: '10:30 '}, {rule: parse_timestamp, format: '%H:%M %d.%m.%Y'}]}
  - {target: share, source: amount, type: 'numeric(9,6)', transform: [{rule: percent_to_fraction}]}
  - {target: whole, source: amount, type: integer, signed: {by: x, reason: y}, transform: [{rule: round, scale: 0}]}
  - {target: is_so, source: flag, type: boolean, transform: [{rule: boolean, 'yes': ['yes'], 'no': ['no']}]}
  - {target: flag, source: flag, type: text, transform: [{rule: map, entries: {'yes': ja}, otherwise: keep}]}
  - {target: sex, source: code, type: text, signed: {by: x, reason: y}, transform: [{rule: code_table, table: sex}]}
  - {target: document, source: document, type: jsonb, transform: [{rule: json, repair: true}]}
  - {target: source_document, source: document, type: text}
  - {target: phone, source: phone, type: text, signed: {by: x, reason: y}, transform: [{rule: empty_to_null}, {rule: phone, region: DE, otherwise: 'null'}]}
  - {target: email, source: email, type: text, transform: [{rule: empty_to_null}, {rule: email}]}
  - {target: both, type: text, transform: [{rule: concat, columns: [flag, code], separator: '/'}]}
  - {target: origin, type: text, signed: {by: x, reason: y}, transform: [{rule: constant, value: legacy}]}
  - {target: filled, source: email, type: text, signed: {by: x, reason: y}, transform: [{rule: empty_to_null}, {rule: default, value: none}]}
  - {target: hashed, source: name, type: text, signed: {by: x, reason: y}, transform: [{rule: hash}]}
  - {target: masked, source: phone, type: text, signed: {by: x, reason: y}, transform: [{rule: mask, keep_last: 2}]}
  create: {primary_key: [id]}
";

const NAMES: [&str; 9] =
    ["id", "name", "day", "amount", "flag", "code", "document", "phone", "email"];

fn statements(quote: &str) -> String {
    let columns: Vec<String> = NAMES.map(|name| format!("{quote}{name}{quote} varchar(60)")).into();
    let mut sql =
        format!("create table texts ({}, primary key ({quote}id{quote}));", columns.join(", "));
    for row in TEXTS {
        let cells: Vec<String> =
            row.iter().map(|text| format!("'{}'", text.replace('\'', "''"))).collect();
        let _ = write!(sql, "insert into texts values ({});", cells.join(", "));
    }
    sql
}

/// Runs every rule into both kinds of targets, and looks for false alarms.
async fn every_rule_is_found_equal(source: &str) {
    let modern = testbed::postgres().create_database();
    let folder = tempfile::tempdir().unwrap();
    let file = format!("sqlite:{}", folder.path().join("modern.db").display());
    for target in [modern.url(), &file] {
        let plan = plan(source, target, RULES);
        let outcome = run(&plan).await.unwrap();
        assert!(outcome.books_close, "{:?}", outcome.failure);
        let loaded = outcome.tables[0].books.loaded;
        assert!(loaded > 0, "{:?}", outcome.tables);

        let outcome = compare(&plan).await.unwrap();

        assert_eq!(compared(&outcome, "rules"), [loaded, 0, 0, 0], "{source} to {target}");
        assert_eq!(outcome.status, VerificationState::Equal);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_rule_from_postgres_is_found_equal() {
    let source = testbed::postgres().create_database();
    source.execute(&statements("\""));
    every_rule_is_found_equal(source.url()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_rule_from_mysql_is_found_equal() {
    let source = testbed::mariadb().create_database();
    source.execute(&format!("set sql_mode = 'NO_BACKSLASH_ESCAPES'; {}", statements("`")));
    every_rule_is_found_equal(source.url()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_rule_from_sqlite_is_found_equal() {
    let folder = tempfile::tempdir().unwrap();
    every_rule_is_found_equal(&sqlite(&folder, "legacy.db", &statements("\""))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_rule_from_csv_is_found_equal() {
    let folder = tempfile::tempdir().unwrap();
    let quoted =
        |row: &[&str; 9]| row.map(|text| format!("\"{}\"", text.replace('"', "\"\""))).join(",");
    let rows: Vec<String> =
        std::iter::once(NAMES.join(",")).chain(TEXTS.iter().map(quoted)).collect();
    std::fs::write(folder.path().join("texts.csv"), rows.join("\n")).unwrap();
    every_rule_is_found_equal(&format!("csv:{}", folder.path().display())).await;
}

/// Bad rows, filtered rows, orphans of both kinds and losers of a unique key.
const TRAPS: &str = "
create table clinic (id integer primary key, name text);
create table person (id integer primary key, clinic_id integer, code text, weight text);
create table stay (id integer primary key, person_id integer, clinic_id integer, note text);
insert into clinic values (1, 'North'), (2, 'South'), (3, null);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 600)
insert into person
select i, 1 + i % 5, case when i % 50 = 0 then 'same' else 'c' || i end,
       case when i % 40 = 0 then 'heavy' else i end from n;
with recursive n(i) as (select 1 union all select i + 1 from n where i < 900)
insert into stay select i, 1 + i % 650, 1 + i % 4, 'stay ' || i from n;
";

const TRAP_PLAN: &str = "
options: {chunk_rows: 100, workers: 2}
tables:
- source: clinic
  key: [id]
  target: public.clinics
  columns:
  - {target: id, source: id, type: uuid, nullable: false, transform: [{rule: uuid_v5, entity: clinic}]}
  - {target: name, source: name, type: text, nullable: false}
  create: {primary_key: [id]}
- source: person
  key: [id]
  target: public.people
  filter: id % 7 <> 0
  columns:
  - {target: id, source: id, type: bigint, nullable: false}
  - {target: clinic_id, source: clinic_id, type: uuid, transform: [{rule: uuid_v5, entity: clinic}]}
  - {target: legacy_clinic_id, source: clinic_id, type: bigint}
  - {target: code, source: code, type: text}
  - {target: weight, source: weight, type: integer}
  create:
    primary_key: [id]
    indexes: [{name: people_code_key, columns: [code], unique: true}]
    foreign_keys:
    - {name: people_clinic_fkey, columns: [clinic_id], references: public.clinics, referenced_columns: [id]}
  orphans: {people_clinic_fkey: {keep_in: legacy_clinic_id}}
- source: stay
  key: [id]
  target: public.stays
  columns:
  - {target: id, source: id, type: uuid, nullable: false, transform: [{rule: uuid_v5, entity: stay}]}
  - {target: person_id, source: person_id, type: bigint}
  - {target: clinic_id, source: clinic_id, type: uuid, transform: [{rule: uuid_v5, entity: clinic}]}
  - {target: legacy_clinic_id, source: clinic_id, type: bigint}
  - {target: note, source: note, type: text}
  create:
    primary_key: [id]
    foreign_keys:
    - {name: stays_person_fkey, columns: [person_id], references: public.people, referenced_columns: [id]}
    - {name: stays_clinic_fkey, columns: [clinic_id], references: public.clinics, referenced_columns: [id]}
  orphans: {stays_clinic_fkey: {keep_in: legacy_clinic_id}}
";

async fn trapped(target: &str, folder: &tempfile::TempDir) -> Plan {
    let source = sqlite(folder, "legacy.db", TRAPS);
    let plan = plan(&source, target, TRAP_PLAN);
    let outcome = run(&plan).await.unwrap();
    assert!(outcome.books_close, "{:?}", outcome.failure);
    plan
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_are_accounted_for_elsewhere_are_not_missed() {
    let modern = testbed::postgres().create_database();
    let other = tempfile::tempdir().unwrap();
    let file = format!("sqlite:{}", other.path().join("modern.db").display());

    for target in [modern.url(), &file] {
        let folder = tempfile::tempdir().unwrap();
        let plan = trapped(target, &folder).await;

        let outcome = compare(&plan).await.unwrap();

        assert_eq!(outcome.status, VerificationState::Equal, "{target}: {:?}", outcome.findings);
        assert!(compared(&outcome, "people")[0] > 300);
        assert!(compared(&outcome, "stays")[0] > 300);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_is_in_no_quarantine_any_more_is_missed() {
    let target = testbed::postgres().create_database();
    let folder = tempfile::tempdir().unwrap();
    let plan = trapped(target.url(), &folder).await;
    target.execute(
        "delete from transfuse.quarantine where id = (
             select min(id) from transfuse.quarantine where target = 'public.people')",
    );

    let outcome = compare(&plan).await.unwrap();

    assert_eq!(outcome.status, VerificationState::Different);
    assert_eq!(compared(&outcome, "people")[1..], [1, 0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reference_that_was_lost_although_its_parent_is_there_is_found() {
    let target = testbed::postgres().create_database();
    let folder = tempfile::tempdir().unwrap();
    let plan = trapped(target.url(), &folder).await;
    target.execute(
        "update people set clinic_id = null where id = 1;
         update stays set clinic_id = null where note = 'stay 8'",
    );

    let outcome = compare(&plan).await.unwrap();

    assert_eq!(
        target.query(FOUND),
        "public.people different [\"clinic_id\"]; public.stays different [\"clinic_id\"]"
    );
    assert_eq!(outcome.status, VerificationState::Different);
}

#[tokio::test(flavor = "multi_thread")]
async fn references_that_lead_nowhere_and_sequences_that_are_behind_are_named() {
    let clinic = clinic().await;
    clinic.target.execute(
        "alter table visits drop constraint visits_person_fkey;
         update visits set person_id = 70000 where legacy_id = 5;
         select setval('people_id_seq', 1990)",
    );

    let findings = compare(&clinic.plan).await.unwrap().findings;

    let broken = &findings.references[0];
    assert_eq!((broken.foreign_key.as_str(), broken.rows), ("visits_person_fkey", 1));
    let behind = &findings.sequences[0];
    assert_eq!((behind.column.as_str(), behind.behind), ("id", 10));

    let repaired = repair(&clinic.plan, Effect::Write).await.unwrap();

    assert_eq!(repaired.sequences.len(), 1);
    let next = "insert into people (given) values ('New') returning id";
    assert_eq!(clinic.target.query(next), "2001");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_the_target_refuses_is_named_and_the_others_are_repaired() {
    let clinic = clinic().await;
    clinic.target.execute(
        "delete from visits where legacy_id in (1, 2, 3);
         alter table visits add constraint late check (legacy_id <> 2)",
    );
    compare(&clinic.plan).await.unwrap();

    let repaired = repair(&clinic.plan, Effect::Write).await.unwrap();

    let visits = repaired.tables.iter().find(|table| table.target.name == "visits").unwrap();
    assert_eq!((visits.inserted, visits.refused), (2, 1));
    let refused = "select refused from transfuse.mismatches where state = 'open'";
    assert_eq!(clinic.target.query(refused), "DATA-010");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_changed_since_the_repair_is_not_taken_back() {
    let clinic = clinic().await;
    clinic.target.execute("update people set family = 'Wrong' where id in (1, 2)");
    compare(&clinic.plan).await.unwrap();
    let repaired = repair(&clinic.plan, Effect::Write).await.unwrap();
    clinic.target.execute("update people set family = 'By hand' where id = 2");

    let taken = take_back(&clinic.plan, &repaired).await;

    assert_eq!((taken.restored, taken.changed_since), (1, 1));
    let names = "select string_agg(family, ', ' order by id) from people where id in (1, 2)";
    assert_eq!(clinic.target.query(names), "Wrong, By hand");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sqlite_target_is_repaired_too() {
    let folder = tempfile::tempdir().unwrap();
    let source = sqlite(&folder, "legacy.db", CLINIC);
    let target = format!("sqlite:{}", folder.path().join("modern.db").display());
    let plan = plan(&source, &target, PLAN);
    assert!(run(&plan).await.unwrap().books_close);
    sqlite(
        &folder,
        "modern.db",
        "update people set given = 'Other', born = null where id = 7;
         delete from visits where legacy_id = 9;
         update visits set weight = weight + 1e-9 where legacy_id = 10;
         insert into people (id, given) values (9999, 'Extra')",
    );
    let found = compare(&plan).await.unwrap();
    assert_eq!(compared(&found, "people"), [2000, 0, 1, 1]);
    assert_eq!(compared(&found, "visits"), [3000, 1, 0, 1]);

    let repaired = repair(&plan, Effect::Write).await.unwrap();

    assert!(repaired.is_whole(), "{repaired:?}");
    assert_eq!(compare(&plan).await.unwrap().status, VerificationState::Equal);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_mismatch_there_is_nothing_to_repair() {
    let clinic = clinic().await;

    let refused = repair(&clinic.plan, Effect::Write).await.unwrap_err();

    assert_eq!(refused.code(), shared::error_code::ErrorCode::Ver003);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sample_says_how_sure_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let source = sqlite(
        &folder,
        "legacy.db",
        "create table person (id integer primary key, name text);
         with recursive n(i) as (select 1 union all select i + 1 from n where i < 60000)
         insert into person select i, 'name ' || i from n",
    );
    let target = testbed::postgres().create_database();
    let rest = "
tables:
- source: person
  key: [id]
  target: public.people
  columns:
  - {target: id, source: id, type: bigint, nullable: false}
  - {target: name, source: name, type: text}
  create: {primary_key: [id]}
";
    let plan = plan(
        &source,
        target.url(),
        &rest.replace("\ntables", "\noptions: {chunk_rows: 20000}\ntables"),
    );
    run(&plan).await.unwrap();
    let mut request = comparison(&plan, Mode::Sample);
    request.sample.tolerance = 0.1;
    request.sample.confidence = 0.9;

    let outcome = engine::verify::verify(request).await.unwrap();

    let table = &outcome.findings.tables[0];
    let said = table.sample.unwrap();
    assert_eq!(outcome.status, VerificationState::Equal);
    assert_eq!(said.segments, 60);
    assert!(said.drawn < 30 && said.may_differ <= 6, "{said:?}");
    assert_eq!(table.compared, said.drawn * 1000);
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_that_did_not_change_are_not_compared_again() {
    let clinic = clinic().await;
    compare(&clinic.plan).await.unwrap();
    // The server hands its counters in when a session ends.
    clinic.target.execute("update visits set note = 'changed' where legacy_id = 1");
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;

    let request = comparison(&clinic.plan, Mode::SinceLast);
    let outcome = engine::verify::verify(request).await.unwrap();

    let [people, visits] = outcome.findings.tables.as_slice() else { panic!("two tables") };
    assert!(people.carried_over && !visits.carried_over, "{:?}", outcome.findings);
    assert_eq!((people.compared, visits.different), (2000, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mismatch_of_a_change_under_way_does_not_count() {
    let clinic = clinic().await;
    clinic.target.execute("update people set given = 'late' where id = 700");
    let mut request = comparison(&clinic.plan, Mode::Full);
    let (progress, mut pictures) = tokio::sync::watch::channel(None);
    request.progress = progress;
    let url = clinic.target.url().to_owned();
    let write = async move |sql: &str| {
        let target = PostgresTarget::new(url.as_str());
        // The server hands its counters in when a session ends.
        target.session().await.unwrap().run_script(sql).await.unwrap();
    };
    // Somebody writes all the time; once the mismatch was seen, the change that lacked arrives.
    let arrives = tokio::spawn(async move {
        let seen = |picture: &Option<Progress>| {
            picture.as_ref().is_some_and(|picture| picture.tables.iter().any(|t| t.mismatches > 0))
        };
        while !seen(&pictures.borrow_and_update()) {
            write("update people set given = given where id = 1").await;
        }
        write("update people set given = 'Zoë 700' where id = 700").await;
    });

    let outcome = engine::verify::verify(request).await.unwrap();

    arrives.await.unwrap();
    assert_eq!(outcome.status, VerificationState::Equal, "{:?}", outcome.findings);
    assert_eq!(clinic.target.query("select count(*) from transfuse.mismatches"), "0");
}

/// Servers find what is equal by hashes that leave out more than a verification may: each of these
/// damages is one that the hash of its type, or a sum over rows, would not tell.
#[tokio::test(flavor = "multi_thread")]
async fn what_servers_hash_alike_is_told_apart() {
    let (source, target) =
        (testbed::postgres().create_database(), testbed::postgres().create_database());
    source.execute(
        "create table reading (
             id bigint primary key, large bigint, at timestamp, on_day time, amount numeric,
             weight double precision, span interval, name text, other text);
         insert into reading
         select i, 0, '2020-01-01', '10:00', 5, 0, '1 month', 'name ' || i, 'other'
         from generate_series(1, 1000) as i;
         update reading set amount = 'NaN' where id = 650;",
    );
    let plan = plan(
        source.url(),
        target.url(),
        "
options: {chunk_rows: 100, workers: 2}
tables:
- source: public.reading
  key: [id]
  target: public.reading
  columns:
  - {target: id, source: id, type: bigint}
  - {target: large, source: large, type: bigint}
  - {target: at, source: at, type: timestamp}
  - {target: on_day, source: on_day, type: time}
  - {target: amount, source: amount, type: numeric}
  - {target: weight, source: weight, type: double precision}
  - {target: span, source: span, type: interval}
  - {target: name, source: name, type: text}
  - {target: other, source: other, type: text}
  create: {primary_key: [id]}
",
    );
    run(&plan).await.unwrap();
    assert_eq!(compare(&plan).await.unwrap().status, VerificationState::Equal);

    // One in each chunk, so that none is found by another.
    let folds = "interval '4294.967297 seconds'";
    target.execute(&format!(
        "update reading set large = 4294967297 where id = 50;
         update reading set at = at + {folds} where id = 150;
         update reading set on_day = on_day + {folds} where id = 250;
         update reading set amount = -5 where id = 350;
         update reading set weight = '-0' where id = 450;
         update reading set span = '30 days' where id = 550;
         update reading set amount = 'Infinity' where id = 650;
         update reading set name = case id when 750 then 'name 751' else 'name 750' end
         where id in (750, 751);
         update reading set name = other, other = name where id = 850;"
    ));

    let outcome = compare(&plan).await.unwrap();
    assert_eq!(compared(&outcome, "reading"), [1000, 0, 0, 10]);
    assert_eq!(
        target.query(FOUND).replace("public.reading different ", ""),
        "[\"amount\"]; [\"amount\"]; [\"at\"]; [\"large\"]; [\"name\",\"other\"]; [\"name\"]; \
         [\"name\"]; [\"on_day\"]; [\"span\"]; [\"weight\"]"
    );
}
