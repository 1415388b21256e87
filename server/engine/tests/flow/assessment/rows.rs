//! What is foretold is what then comes.

use std::collections::BTreeMap;

use engine::assessment::{Look, Request, assess};
use engine::map::draft::draft;
use engine::sample::mdw;
use shared::assessment::{Foretold, Readiness, Severity, TableName};
use shared::check::{Check, CheckSelection};
use shared::error_code::ErrorCode;
use shared::plan::Plan;
use shared::run::{OutcomeStatus, RunOutcome};

use super::{finding, request};
use crate::support::{plan, run, sqlite};
use crate::undo::picture;

const LEGACY: &str = "
create table clinic (id integer primary key, since text);
create table person (id integer primary key, clinic_id integer, boss_id integer, email text, born text);
insert into clinic values (1, '2001-01-01'), (2, 'Quillon');
insert into person
with recursive n(i) as (select 1 union all select i + 1 from n where i < 500)
select i, 1, case when i > 1 then i - 1 end, 'p' || i || '@mail.example', '1980-01-01' from n;
update person set born = '31.12.1999' where id in (10, 20, 30);
update person set clinic_id = 2 where id = 490;
update person set email = 'p1@mail.example' where id = 5;
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
  filter: 'id <> 500'
  target: public.people
  columns:
  - {target: id, source: id, type: bigint, nullable: false}
  - {target: clinic_id, source: clinic_id, type: integer}
  - {target: boss_id, source: boss_id, type: bigint}
  - {target: email, source: email, type: text, transform: [{rule: case, to: lower}],
     signed: {by: Ada, reason: addresses have no case}}
  - {target: born, source: born, type: date}
  create:
    primary_key: [id]
    indexes: [{name: people_email_key, columns: [email], unique: true}]
    foreign_keys:
    - {name: people_clinic_fkey, columns: [clinic_id], references: public.clinics, referenced_columns: [id]}
    - {name: people_boss_fkey, columns: [boss_id], references: public.people, referenced_columns: [id]}
  orphans: {ORPHANS}
";

type Quarantined = BTreeMap<(TableName, ErrorCode, Option<String>), u64>;

fn foretold(forecast: &Foretold) -> Quarantined {
    let faults = forecast.quarantine.iter();
    faults.map(|it| ((it.target.clone(), it.code, it.column.clone()), it.rows)).collect()
}

async fn quarantined(plan: &Plan, outcome: &RunOutcome) -> Quarantined {
    let counts = engine::quarantine::counts(&plan.target, &outcome.run_id).await.unwrap();
    counts.into_iter().map(|it| ((it.target, it.code, it.column), it.rows)).collect()
}

/// Foretells a run, runs it, and holds one against the other.
async fn check_foretold(plan: &Plan) -> Foretold {
    let selection = CheckSelection { checks: vec![Check::QuarantineForecast], groups: Vec::new() };
    let assessment = assess(Request { selection, ..request(plan) }).await.unwrap();
    let forecast = assessment.forecast.unwrap_or_else(|| panic!("{:?}", assessment.checks));
    let outcome = run(plan).await.unwrap();

    let is_tried = plan.target.starts_with("postgres");
    assert_eq!(forecast.index_seconds.is_some(), is_tried, "{:?}", forecast.notes);
    assert_eq!(outcome.failure, None);
    assert_eq!(outcome.status, OutcomeStatus::Completed);
    assert_eq!(foretold(&forecast), quarantined(plan, &outcome).await);
    for (foretold, table) in forecast.tables.iter().zip(&outcome.tables) {
        let books = table.books;
        assert_eq!(
            (foretold.rows, foretold.loaded, foretold.filtered, foretold.quarantined),
            (books.read, books.loaded, books.filtered, books.quarantined),
            "{}",
            foretold.target
        );
    }
    forecast
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_values_twins_and_orphans_of_orphans_are_foretold() {
    let folder = tempfile::tempdir().unwrap();
    let source = sqlite(&folder, "legacy.db", LEGACY);
    let target = testbed::postgres().create_database();
    let document = PLAN.replace("ORPHANS", "people_boss_fkey: {keep_in: email}");

    let forecast = check_foretold(&plan(&source, target.url(), &document)).await;

    let born = forecast.quarantine.iter().find(|it| it.column.as_deref() == Some("born")).unwrap();
    let cell = born.examples[0].iter().find(|cell| cell.column == "born").unwrap();
    assert_eq!(cell.original.as_deref(), Some("99.99.9999"));
    assert!(!format!("{forecast:?}").contains("Quillon"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_of_orphans_falls_as_it_would() {
    let folder = tempfile::tempdir().unwrap();
    let source = sqlite(&folder, "legacy.db", LEGACY);
    let target = testbed::postgres().create_database();

    // Whoever is in the chain behind the first bad row loses its boss, one after the other.
    let forecast = check_foretold(&plan(&source, target.url(), &PLAN.replace("ORPHANS", ""))).await;

    let people = forecast.tables.iter().find(|it| it.target.name == "people").unwrap();
    assert!(people.quarantined > 400, "{people:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_target_is_tried_and_stays_what_it_was() {
    let folder = tempfile::tempdir().unwrap();
    // More rows than are tried.
    let rows = "
        create table clinic (id integer primary key, since text);
        insert into clinic values (1, '2001-01-01');
        create table person (id integer primary key, clinic_id integer, boss_id integer,
                             email text, born text);
        insert into person
        with recursive n(i) as (select 1 union all select i + 1 from n where i < 60000)
        select i, 1, 1, 'p' || i || '@mail.example', '1980-01-01' from n;";
    let source = sqlite(&folder, "legacy.db", rows);
    let target = testbed::postgres().create_database();
    target.execute("create table public.clinics (id bigint primary key, since date not null)");
    let before = picture::of_postgres(&target);
    let document = PLAN.replace("ORPHANS", "");
    let document = document.replacen(
        "  create: {primary_key: [id]}\n",
        "  existing: update\n  existing_key: [id]\n  create: {primary_key: [id]}\n",
        1,
    );
    let plan = plan(&source, target.url(), &document);

    let assessment = assess(request(&plan)).await.unwrap();
    let forecast = assessment.forecast.unwrap();

    assert_eq!(picture::of_postgres(&target), before);
    for seconds in [forecast.index_seconds, forecast.verify_seconds] {
        assert!(seconds.unwrap() > 0.0, "{forecast:?}");
    }
    assert!(forecast.run_seconds() > forecast.copy_seconds);
    assert_eq!(run(&plan).await.unwrap().failure, None);
    let size: u64 = target
        .query(
            "select sum(pg_total_relation_size(c))
             from unnest(array['public.people'::regclass, 'public.clinics'::regclass]) as c",
        )
        .parse()
        .unwrap();
    let share = size.abs_diff(forecast.disk_bytes) * 100 / size;
    assert!(share < 25, "{size} bytes, foretold {}", forecast.disk_bytes);
}

/// Foretells and runs the sample, and holds one against the other.
async fn check_sample(source: &str, target: &str) {
    mdw::generate(source, 0.0003, 21, None).await.unwrap();
    let forecast = check_foretold(&draft(source, target, Some("mdw")).await.unwrap()).await;
    assert!(!forecast.quarantine.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sample_ends_as_foretold_from_postgresql() {
    let source = testbed::postgres().create_database();
    let target = testbed::postgres().create_database();
    check_sample(source.url(), target.url()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sample_ends_as_foretold_from_mariadb() {
    let source = testbed::mariadb().create_database();
    let target = testbed::postgres().create_database();
    check_sample(source.url(), target.url()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sample_ends_as_foretold_from_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let source = format!("sqlite:{}", folder.path().join("mdw.db").display());
    let target = testbed::postgres().create_database();
    check_sample(&source, target.url()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sample_ends_as_foretold_in_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let source = format!("sqlite:{}", folder.path().join("mdw.db").display());
    check_sample(&source, &format!("sqlite:{}", folder.path().join("new.db").display())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sample_says_that_it_is_one_and_limits_block_before_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let source = sqlite(&folder, "legacy.db", LEGACY);
    let target = testbed::postgres().create_database();
    let document = PLAN
        .replace("ORPHANS", "people_boss_fkey: {keep_in: email}")
        .replace("workers: 2}", "workers: 2, escalation: {table_rows: 3}}");
    let plan = plan(&source, target.url(), &document);

    let some = assess(Request { forecast: Look::Rows(100), ..request(&plan) }).await.unwrap();
    let all = assess(request(&plan)).await.unwrap();

    let forecast = some.forecast.unwrap();
    let people = forecast.tables.iter().find(|it| it.target.name == "people").unwrap();
    assert!(!forecast.is_complete && people.rows == 500 && people.looked_at < 500, "{people:?}");
    assert!(forecast.notes.iter().any(|note| note.contains("sample")), "{:?}", forecast.notes);
    let found = finding(&all, Check::Escalation);
    assert_eq!((found.severity, all.status), (Severity::Blocking, Readiness::Blocked));
    assert!(finding(&all, Check::LossyRules).message.contains("signed by Ada"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_tells_what_many_rows_share_and_of_nobody_else() {
    const PEOPLE: &str = "
create table person (id integer primary key, name varchar(40), born date, weight decimal(6,2));
insert into person values
    (1, 'Ann', '1931-07-04', 71.5), (2, 'Ann', '1950-01-01', 80), (3, 'Ann', '1960-01-01', 81),
    (4, 'Ann', '1970-01-01', 82), (5, 'Ann', '1980-02-02', 83), (6, 'Quillon', '1999-12-31', 123.4),
    (7, null, null, null);
";
    let folder = tempfile::tempdir().unwrap();
    let file = sqlite(&folder, "legacy.db", PEOPLE);
    let postgres = testbed::postgres().create_database();
    let mariadb = testbed::mariadb().create_database();
    postgres.execute(PEOPLE);
    mariadb.execute(PEOPLE);
    std::fs::create_dir(folder.path().join("files")).unwrap();
    std::fs::write(
        folder.path().join("files/person.csv"),
        "id,name,born,weight\n1,Ann,1931-07-04,71.5\n2,Ann,1950-01-01,80\n3,Ann,1960-01-01,81\n\
         4,Ann,1970-01-01,82\n5,Ann,1980-02-02,83\n6,Quillon,1999-12-31,123.4\n7,,,\n",
    )
    .unwrap();
    let files = format!("csv:{}", folder.path().join("files").display());
    for url in [file.as_str(), postgres.url(), mariadb.url(), &files] {
        let source = engine::connect::Source::open(url).await.unwrap();
        let catalog = engine::assess::catalog::of_source(&source).await.unwrap();

        let profiles = engine::assess::profile::of_source(&source, &catalog, 1_000).await.unwrap();

        let profile = profiles.iter().find(|it| it.table.name == "person").unwrap();
        assert_eq!((profile.rows, profile.is_sample), (7, false), "{url}");
        let column = |name: &str| profile.columns.iter().find(|it| it.name == name).unwrap();
        let name = column("name");
        assert_eq!((name.nulls, name.distinct), (1, 2), "{url}");
        assert_eq!((name.shortest, name.longest), (Some(3), Some(7)), "{url}");
        let told = |told: &[shared::assessment::Frequent]| {
            told.iter().map(|it| (it.text.clone(), it.rows)).collect::<Vec<_>>()
        };
        assert_eq!(told(&name.values), [("Ann".to_owned(), 5)], "{url}");
        assert_eq!(told(&name.formats), [("Xxx".to_owned(), 5)], "{url}");
        let born = column("born");
        assert_eq!(
            (born.least.as_deref(), born.greatest.as_deref()),
            (Some("1931"), Some("1999")),
            "{url}"
        );
        let weight = column("weight");
        assert_eq!(
            (weight.least.as_deref(), weight.greatest.as_deref()),
            (Some("70"), Some("200")),
            "{url}"
        );
        let all = format!("{profiles:?}");
        assert!(!all.contains("Quillon") && !all.contains("123.4") && !all.contains("07-04"));
    }
}
