//! Clinical checks on real databases: each finds the fault that is planted, passes what is clean,
//! and tells what was so in the source already.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use engine::clinical::{Request, judge_again, make};
use engine::clock::SystemClock;
use engine::seal::Key;
use shared::clinical::{CheckStatus, ClinicalOutcome, Measure};
use shared::plan::{Checks, Plan, When};
use shared::verification::Mode;

use crate::duplicates::{Heard, PEOPLE, matcher, plan_for};
use crate::support::{Given, KEY, compare, comparison, plan, run, run_with, sqlite};

/// Tables as all three engines take them, without a fault.
const SCHEMA: &str = "
create table person (id integer primary key, authority varchar(40), value varchar(40), sex varchar(10),
    legacy_sex varchar(10), born date, died date);
create table visit (id integer primary key, person_id integer, started date, ended date);
create table fact (id integer primary key, person_id integer, visit_id integer, status varchar(20),
    code varchar(20), code_system varchar(40), code_display varchar(40), amount numeric(10,2), unit varchar(10),
    seen date);
create table cover (id integer primary key, person_id integer, begins date, ends date);
insert into person values (1, 'mrn', 'A10', 'female', '2', '1960-05-01', null),
    (2, 'mrn', 'A20', 'male', '1', '1931-01-02', '2020-03-01'), (3, 'ssn', 'A10', 'male', '1', '2000-02-29', null);
insert into visit values (1, 1, '2019-04-01', '2019-04-05'), (2, 2, '2020-01-01', '2020-01-01'),
    (3, 3, '2021-07-07', null);
insert into fact values (1, 1, 1, 'final', '718-7', 'http://loinc.org', 'Hemoglobin', 12.5, 'g/dL', '2019-04-02'),
    (2, 2, 2, 'final', '718-7', 'http://loinc.org', 'Hemoglobin', 14, 'g/dL', '2020-01-05'),
    (3, 3, 3, 'amended', 'O80', 'icd', 'Delivery', null, null, null),
    (4, 1, null, 'final', '29463-7', 'http://loinc.org', 'Weight', 61.2, 'kg', '2019-05-02');
update fact set code = '8302-2', code_display = 'Height', amount = 170, unit = 'cm' where id = 3;
insert into cover values (1, 1, '2019-01-01', '2019-12-31'), (2, 1, '2020-01-01', null),
    (3, 2, '2019-01-01', '2019-12-31');
";

/// A check with its test, the damage that it finds, and how many of how many it then counts.
type Case = (&'static str, &'static str, &'static str, &'static str, (u64, u64));

const CASES: &[Case] = &[
    (
        "required",
        "fact",
        "{template: required, column: person_id}",
        "update fact set person_id = null where id = 1",
        (1, 4),
    ),
    (
        "form",
        "fact",
        "{template: form, column: code, form: loinc}",
        "update fact set code = '7187' where id = 1",
        (1, 4),
    ),
    (
        "form-case",
        "person",
        "{template: form, column: value, form: icd10}",
        "update person set value = 'a10' where id = 1",
        (1, 3),
    ),
    (
        "unique",
        "person",
        "{template: unique, columns: [authority, value]}",
        "update person set authority = 'mrn' where id = 3",
        (1, 3),
    ),
    (
        "reference",
        "fact",
        "{template: reference, columns: [visit_id], to: visit, to_columns: [id]}",
        "update fact set visit_id = 99 where id = 2",
        (1, 3),
    ),
    (
        "one-of",
        "fact",
        "{template: one_of, column: status, values: [final, amended]}",
        "update fact set status = 'Final' where id = 2",
        (1, 4),
    ),
    (
        "together",
        "fact",
        "{template: together, columns: [code, code_system, code_display]}",
        "update fact set code_display = ' ' where id = 2",
        (1, 4),
    ),
    (
        "filled",
        "person",
        "{template: filled, column: sex}",
        "update person set sex = '  ' where id = 1",
        (1, 3),
    ),
    (
        "has-record",
        "person",
        "{template: has_record, columns: [id], other: visit, other_columns: [person_id]}",
        "delete from visit where id = 3",
        (1, 3),
    ),
    (
        "mapped",
        "person",
        "{template: mapped, column: sex, raw: legacy_sex, unmapped: [unknown]}",
        "update person set sex = 'unknown' where id > 1",
        (2, 3),
    ),
    (
        "mapped-values",
        "person",
        "{template: mapped_values, column: sex, raw: legacy_sex, unmapped: [unknown]}",
        "update person set sex = 'unknown' where id > 1",
        (1, 2),
    ),
    (
        "range-days",
        "person",
        "{template: range, column: born, min: '1930-01-01', max: today}",
        "update person set born = '2999-01-01' where id = 3",
        (1, 3),
    ),
    (
        "range-numbers",
        "fact",
        "{template: range, column: amount, min: 0.5, max: 500}",
        "update fact set amount = 0.4 where id = 1",
        (1, 4),
    ),
    (
        "in-order",
        "visit",
        "{template: in_order, first: started, then: ended}",
        "update visit set ended = '2019-03-31' where id = 1",
        (1, 2),
    ),
    (
        "within",
        "fact",
        "{template: within, column: seen, at: {table: visit, columns: [visit_id], to_columns: [id]}, not_before: started, not_after: ended, days: 7}",
        "update fact set seen = '2020-01-09' where id = 2",
        (1, 2),
    ),
    (
        "in-life",
        "visit",
        "{template: within, column: started, at: {table: person, columns: [person_id], to_columns: [id]}, not_before: born, not_after: died}",
        "update visit set started = '2020-03-02' where id = 2",
        (1, 3),
    ),
    (
        "no-overlap",
        "cover",
        "{template: no_overlap, columns: [person_id], start: begins, end: ends}",
        "update cover set ends = null where id = 1",
        (1, 3),
    ),
    (
        "implies-here",
        "fact",
        "{template: implies, column: code, values: ['718-7'], then: unit, allowed: [g/dL]}",
        "update fact set unit = 'kg' where id = 1",
        (1, 2),
    ),
    (
        "implies-there",
        "fact",
        "{template: implies, column: code, prefixes: [O8, '294'], then: sex, allowed: [female], at: {table: person, columns: [person_id], to_columns: [id]}}",
        "update fact set code = 'O80' where id = 2",
        (1, 2),
    ),
];

fn checks() -> String {
    let mut text = "checks:\n  own:\n".to_owned();
    for (key, table, test, ..) in CASES {
        let _ =
            writeln!(text, "  - {{key: {key}, table: {table}, test: {test}, severity: blocking}}");
    }
    text
}

/// A plan that copies the four tables as they are.
fn copied(source: &str, target: &str, more: &str) -> Plan {
    let mut text = format!("{more}tables:\n");
    for (table, columns) in [
        (
            "person",
            "id bigint, authority text, value text, sex text, legacy_sex text, born date, died date",
        ),
        ("visit", "id bigint, person_id bigint, started date, ended date"),
        (
            "fact",
            "id bigint, person_id bigint, visit_id bigint, status text, code text, code_system text, code_display text, amount numeric, unit text, seen date",
        ),
        ("cover", "id bigint, person_id bigint, begins date, ends date"),
    ] {
        let _ = writeln!(text, "- source: {table}\n  key: [id]\n  target: {table}\n  columns:");
        for column in columns.split(", ") {
            let (name, data_type) = column.split_once(' ').expect("a name and a type");
            let nullable = name != "id";
            let _ = writeln!(
                text,
                "  - {{target: {name}, source: {name}, type: {data_type}, nullable: {nullable}}}"
            );
        }
        text.push_str("  create: {primary_key: [id]}\n");
    }
    plan(source, target, &text)
}

fn request(plan: &Plan) -> Request {
    Request {
        plan: plan.clone(),
        source_url: plan.source.clone(),
        target_url: plan.target.clone(),
        key: Key::new(KEY),
        clock: Arc::new(SystemClock),
    }
}

fn by_key(outcome: &ClinicalOutcome) -> BTreeMap<&str, (CheckStatus, &Measure, &Measure)> {
    let checks = outcome.checks.iter();
    checks.map(|it| (it.key.as_str(), (it.status, &it.target, &it.source))).collect()
}

/// Each damage alone is found by its check on both sides, and by no check that it does not touch.
async fn finds(plan: &Plan, execute: impl Fn(&str), restore: impl Fn()) {
    let clean = make(&request(plan)).await.unwrap();
    for (key, (status, target, source)) in by_key(&clean) {
        assert_eq!(status, CheckStatus::Pass, "{key}: {target:?}");
        assert_eq!(source.violated(), Some(0), "{key}: {source:?}");
    }
    assert!(clean.passed);
    for (key, _, _, damage, (violated, denominator)) in CASES {
        execute(damage);
        let damaged = make(&request(plan)).await.unwrap();
        let (status, target, source) = by_key(&damaged)[key];
        let expected = Measure::Counted { violated: *violated, denominator: *denominator };
        assert_eq!((status, target), (CheckStatus::Fail, &expected), "{key} after `{damage}`");
        assert_eq!(source.violated(), Some(0), "{key}");
        assert!(!damaged.passed);
        restore();
    }
}

const TABLES: [&str; 4] = ["person", "visit", "fact", "cover"];

fn emptied() -> String {
    TABLES.iter().fold(String::new(), |text, table| text + &format!("delete from {table};"))
}

fn rows() -> String {
    let start = SCHEMA.find("insert").expect("rows");
    SCHEMA[start..].to_owned()
}

#[tokio::test]
async fn every_template_finds_its_fault_in_postgresql_and_asks_mariadb_the_same() {
    let source = testbed::mariadb().create_database();
    for statement in SCHEMA.split(";\n").filter(|statement| !statement.trim().is_empty()) {
        source.execute(statement);
    }
    let target = testbed::postgres().create_database();
    let plan = copied(source.url(), target.url(), &checks());
    let outcome = run(&plan).await.unwrap();
    assert!(outcome.books_close, "{:?}", outcome.failure);

    finds(
        &plan,
        |damage| target.execute(damage),
        || {
            target.execute(&emptied());
            target.execute(&rows());
        },
    )
    .await;
}

#[tokio::test]
async fn every_template_finds_its_fault_in_sqlite_and_asks_postgresql_the_same() {
    let source = testbed::postgres().create_database();
    source.execute(SCHEMA);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new.db");
    let plan = copied(source.url(), &format!("sqlite:{}", path.display()), &checks());
    let outcome = run(&plan).await.unwrap();
    assert!(outcome.books_close, "{:?}", outcome.failure);

    let execute = |sql: &str| {
        rusqlite::Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    };
    finds(&plan, execute, || execute(&(emptied() + &rows()))).await;
}

#[tokio::test]
async fn what_was_so_in_the_source_is_told_and_another_threshold_asks_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let faulty = format!("{SCHEMA} update person set born = '1800-01-01' where id < 3;");
    let source = sqlite(&folder, "legacy.db", &faulty);
    let target = testbed::postgres().create_database();
    let mut plan = copied(&source, target.url(), &checks());
    run(&plan).await.unwrap();

    let outcome = make(&request(&plan)).await.unwrap();
    let born = outcome.checks.iter().find(|check| check.key == "range-days").unwrap();
    assert_eq!((born.status, born.was_so_in_the_source()), (CheckStatus::Fail, true));
    assert!(!outcome.passed);

    // The tables are gone; the numbers are not.
    target.execute("drop table person, visit, fact, cover");
    let place = plan.checks.own.iter().position(|check| check.key == "range-days").unwrap();
    plan.checks.own[place].threshold.rows = Some(2);
    let again = judge_again(&request(&plan)).await.unwrap().unwrap();
    let born = again.checks.iter().find(|check| check.key == "range-days").unwrap();
    assert_eq!(born.status, CheckStatus::PassWithFailures);
    assert_eq!(again.measured_at, outcome.measured_at);
    assert!(again.passed);
    assert_eq!(
        target.query("select count(*) from transfuse.clinical_checks where run_id = 'run-1'"),
        "2"
    );
}

#[tokio::test]
async fn a_check_that_is_refused_is_an_error_and_the_others_are_made() {
    let more = "checks:\n  sets: {fhir: {}}\n  own:\n  - {key: nonsense, table: person, test: {template: range, column: sex, min: 3}}\n  - {key: there, table: gone, test: {template: table_present}}\n";
    let folder = tempfile::tempdir().unwrap();
    let source = sqlite(&folder, "legacy.db", SCHEMA);
    let target = testbed::postgres().create_database();
    let plan = copied(&source, target.url(), more);
    run(&plan).await.unwrap();

    let outcome = make(&request(&plan)).await.unwrap();

    let found = by_key(&outcome);
    assert_eq!(found["nonsense"].0, CheckStatus::Error);
    assert_eq!(found["there"].0, CheckStatus::Fail);
    assert_eq!(found["fhir-allergy-criticality"].0, CheckStatus::NotApplicable);
    let text = serde_json::to_string(&outcome).unwrap();
    assert!(!text.contains("1931-01-02"), "a value in {text}");
}

#[tokio::test]
async fn critical_columns_are_guarded_and_never_left_to_a_sample() {
    let more = "options: {chunk_rows: 500}\nchecks:\n  critical:\n  - {data: results, table: fact, columns: [amount, unit]}\n  - {data: identifiers, table: person, columns: [value]}\n";
    let source = testbed::postgres().create_database();
    source.execute(SCHEMA);
    source.execute(
        "insert into visit select i, 1, '2019-04-01', null from generate_series(10, 3000) i",
    );
    source.execute("insert into fact (id, person_id, status) select i, 1, 'final' from generate_series(10, 3000) i");
    let target = testbed::postgres().create_database();
    let plan = copied(source.url(), target.url(), more);
    run(&plan).await.unwrap();
    target.execute("update fact set unit = null where id = 1");
    target.execute("alter table person rename column value to number");

    let outcome = make(&request(&plan)).await.unwrap();
    let found = by_key(&outcome);
    assert_eq!(found["critical-results-fact-amount-kept"].0, CheckStatus::Pass);
    assert_eq!(found["critical-results-fact-unit-kept"].0, CheckStatus::Fail);
    assert_eq!(found["critical-results-fact-amount-unit-together"].0, CheckStatus::Fail);
    assert_eq!(found["critical-identifiers-person-value-present"].0, CheckStatus::Fail);

    target.execute("alter table person rename column number to value");
    let sampled = engine::verify::verify(comparison(&plan, Mode::Sample)).await.unwrap();
    let of = |name: &str| sampled.findings.tables.iter().find(|it| it.target.name == name).unwrap();
    assert!(of("visit").sample.is_some());
    assert!(of("fact").sample.is_none());
    assert_eq!(of("fact").different, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_went_with_a_merged_row_is_not_lost() {
    let checks: Checks = serde_norway::from_str(
        "critical:\n- {data: problems, table: public.people, columns: [name, login_id]}\n\
         - {data: problems, table: public.logins, columns: [mail]}\n",
    )
    .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let source = sqlite(&folder, "legacy.db", PEOPLE);
    let modern = testbed::postgres().create_database();
    let file = folder.path().join("new.db");
    let url = format!("sqlite:{}", file.display());
    for target in [modern.url(), &url] {
        let mut plan = plan_for(&source, target, When::AfterLoad);
        plan.checks = checks.clone();
        let heard = Arc::<Heard>::default();
        let given = Given { matcher: Some(matcher(&heard, None)), ..Given::default() };
        run_with(&plan, given).await.unwrap();
        let damage = "update people set name = ' ' where id = 2; delete from visits;
                      update people set login_id = null where id in (5, 8)";

        // A hundred went into others; one lies in quarantine, without a login.
        let clean = make(&request(&plan)).await.unwrap();
        if target == url {
            rusqlite::Connection::open(&file).unwrap().execute_batch(damage).unwrap();
        } else {
            modern.execute(damage);
        }
        let damaged = make(&request(&plan)).await.unwrap();

        let kept = |outcome: &ClinicalOutcome| {
            ["people-name", "people-login_id", "logins-mail"].map(|column| {
                let key = format!("critical-problems-{column}-kept");
                let (_, target, _) = by_key(outcome)[key.as_str()];
                let Measure::Counted { violated, denominator } = target else {
                    panic!("{key}: {target:?}")
                };
                (*violated, *denominator)
            })
        };
        assert_eq!(kept(&clean), [(1, 301), (0, 300), (0, 300)]);
        assert_eq!(kept(&damaged), [(2, 301), (2, 300), (0, 300)]);
        // Whoever has another key is not told that all is well.
        let other = Request { key: Key::new([9; 32]), ..request(&plan) };
        let unknown = make(&other).await.unwrap();
        assert_eq!(by_key(&unknown)["critical-problems-people-name-kept"].0, CheckStatus::Error);
    }
}

#[tokio::test]
async fn what_is_kept_of_checks_leaves_a_verification_fresh() {
    let folder = tempfile::tempdir().unwrap();
    let source = sqlite(&folder, "legacy.db", SCHEMA);
    let target = format!("sqlite:{}", folder.path().join("new.db").display());
    let plan = copied(&source, &target, &checks());
    run(&plan).await.unwrap();
    compare(&plan).await.unwrap();

    make(&request(&plan)).await.unwrap();

    let again = engine::verify::verify(comparison(&plan, Mode::SinceLast)).await.unwrap();
    assert!(again.findings.tables.iter().all(|table| table.carried_over));
}

/// A small FHIR-shaped schema without a fault. `{s}` stands before each table's name.
const FHIR: &str = "
create table {s}patient (id integer primary key, identifier_system text, identifier text, gender text, birth_date date, deceased_at date);
create table {s}encounter (id integer primary key, patient_id integer, status text, started_at date, ended_at date);
create table {s}condition (id integer primary key, patient_id integer, encounter_id integer, clinical_status text,
    verification_status text, category text, code text, code_system text, code_display text, onset_at date, abated_at date);
create table {s}allergy_intolerance (id integer primary key, patient_id integer, clinical_status text,
    verification_status text, criticality text, code text, code_system text, code_display text);
create table {s}observation (id integer primary key, patient_id integer, encounter_id integer, status text, code text,
    code_system text, code_display text, value numeric, unit text, unit_code text, effective_at date);
insert into {s}patient values (1, 'mrn', '1', 'female', '1980-01-01', null), (2, 'mrn', '2', 'male', '1950-01-01', '2010-01-01');
insert into {s}encounter values (1, 1, 'finished', '2009-01-01', '2009-01-02'), (2, 2, 'finished', '2009-05-01', '2009-05-09');
insert into {s}condition values (1, 1, 1, 'active', 'confirmed', 'problem-list-item', 'O80', 'icd10', 'Delivery', '2009-01-01', null),
    (2, 2, 2, 'resolved', 'confirmed', 'encounter-diagnosis', 'E11.9', 'icd10', 'Diabetes', '2000-01-01', '2005-01-01');
insert into {s}allergy_intolerance values (1, 1, 'active', 'confirmed', 'high', '91936005', 'sct', 'Penicillin');
insert into {s}observation values (1, 1, 1, 'final', '718-7', 'loinc', 'Hemoglobin', 12.1, 'g/dl', 'g/dL', '2009-01-02'),
    (2, 2, 2, 'final', '29463-7', 'loinc', 'Weight', 80, 'kg', 'kg', '2009-05-02');
";

const FHIR_FAULTS: &[(&str, &str)] = &[
    ("fhir-patient-identifier-unique", "update {s}patient set identifier = '1' where id = 2"),
    ("fhir-patient-gender", "update {s}patient set gender = 'f' where id = 1"),
    ("fhir-observation-patient", "update {s}observation set patient_id = 9 where id = 1"),
    (
        "fhir-allergy-intolerance-patient-required",
        "update {s}allergy_intolerance set patient_id = null",
    ),
    ("fhir-allergy-criticality", "update {s}allergy_intolerance set criticality = 'severe'"),
    (
        "fhir-allergy-verification-status",
        "update {s}allergy_intolerance set verification_status = 'active'",
    ),
    (
        "fhir-condition-clinical-status",
        "update {s}condition set clinical_status = 'confirmed' where id = 1",
    ),
    ("fhir-condition-code", "update {s}condition set code_system = null where id = 1"),
    ("fhir-observation-unit", "update {s}observation set unit = null where id = 2"),
    ("fhir-hemoglobin-unit", "update {s}observation set unit_code = 'kg' where id = 1"),
    (
        "fhir-patient-birth-date-plausible",
        "update {s}patient set birth_date = '1820-01-01' where id = 2",
    ),
    ("fhir-patient-death", "update {s}patient set deceased_at = '1949-01-01' where id = 2"),
    ("fhir-condition-period", "update {s}condition set abated_at = '1999-01-01' where id = 2"),
    (
        "fhir-encounter-in-life",
        "update {s}encounter set started_at = '2010-04-01', ended_at = null where id = 2",
    ),
    (
        "fhir-observation-in-encounter",
        "update {s}observation set effective_at = '2009-02-01' where id = 1",
    ),
    ("fhir-pregnancy-female", "update {s}patient set gender = 'male' where id = 1"),
];

async fn fhir_faults_are_found(plan: &Plan, schema: &str, execute: impl Fn(&str)) {
    let put = || execute(&FHIR.replace("{s}", schema));
    put();
    let clean = make(&request(plan)).await.unwrap();
    for check in &clean.checks {
        let may = [CheckStatus::Pass, CheckStatus::NotApplicable];
        assert!(may.contains(&check.status), "{}: {:?}", check.key, check.target);
    }
    assert!(clean.count(CheckStatus::Pass) > 35, "{}", clean.count(CheckStatus::Pass));
    for (key, fault) in FHIR_FAULTS {
        execute(&fault.replace("{s}", schema));
        let found = make(&request(plan)).await.unwrap();
        let (status, target, _) = by_key(&found)[key];
        assert_eq!(status, CheckStatus::Fail, "{key}: {target:?}");
        for table in ["patient", "encounter", "condition", "allergy_intolerance", "observation"] {
            execute(&format!("drop table {schema}{table}"));
        }
        put();
    }
}

#[tokio::test]
async fn the_set_for_a_fhir_shaped_schema_finds_its_faults_on_both_targets() {
    let folder = tempfile::tempdir().unwrap();
    let source = sqlite(&folder, "legacy.db", SCHEMA);
    let target = testbed::postgres().create_database();
    target.execute("create schema clinical");
    let plan = copied(&source, target.url(), "checks: {sets: {fhir: {schema: clinical}}}\n");
    fhir_faults_are_found(&plan, "clinical.", |sql| target.execute(sql)).await;

    let path = folder.path().join("new.db");
    rusqlite::Connection::open(&path)
        .unwrap()
        .execute_batch("create table t (id integer)")
        .unwrap();
    let url = format!("sqlite:{}", path.display());
    let plan = copied(&source, &url, "checks: {sets: {fhir: {}}}\n");
    fhir_faults_are_found(&plan, "", |sql| {
        rusqlite::Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    })
    .await;
}
