//! A wrong set-up for each check: it is found, named, and told how to mend.

mod setups;
mod rows;
mod trial;

use std::sync::Arc;

use chrono::TimeDelta;
use engine::assessment::{Look, Request, Surroundings, assess};
use engine::clock::{Clock, FixedClock, SystemClock};
use engine::seal::Key;
use shared::assessment::{Assessment, Finding, Readiness, Severity};
use shared::check::{Check, CheckSelection, CheckState, Group};
use shared::plan::Plan;

use crate::support::{KEY, plan, sqlite};

pub(crate) fn request(plan: &Plan) -> Request {
    Request {
        plan: plan.clone(),
        source_url: plan.source.clone(),
        target_url: plan.target.clone(),
        selection: CheckSelection::default(),
        forecast: Look::Everything,
        profile: Look::Nothing,
        workers: None,
        key: Key::new(KEY),
        clock: Arc::new(SystemClock),
        surroundings: Surroundings::default(),
        held: tokio::sync::watch::Sender::new(None),
    }
}

/// Makes some checks of a plan.
async fn only(plan: &Plan, checks: &[Check]) -> Assessment {
    let selection = CheckSelection { checks: checks.to_vec(), groups: Vec::new() };
    let assessment = assess(Request { selection, ..request(plan) }).await.unwrap();
    let made: Vec<_> = assessment.checks.iter().map(|result| result.check).collect();
    assert_eq!(made, checks, "just these were asked for");
    assert!(!assessment.checks.iter().any(|it| it.state == CheckState::Failed), "{assessment:?}");
    assessment
}

/// The one finding of a check. It says what to do.
#[track_caller]
fn finding(assessment: &Assessment, check: Check) -> &Finding {
    let mut found = assessment.findings.iter().filter(|finding| finding.check == check);
    let first = found.next().unwrap_or_else(|| panic!("{check} found nothing: {assessment:#?}"));
    assert!(found.next().is_none(), "{check} found more than one thing: {assessment:#?}");
    assert!(!first.message.is_empty() && !first.action.is_empty());
    first
}

/// The finding of one check of a plan, with its weight and a part of what it says.
async fn check_finds(plan: &Plan, check: Check, severity: Severity, says: &str, mends: &str) {
    let assessment = only(plan, &[check]).await;
    let found = finding(&assessment, check);
    assert_eq!(found.severity, severity, "{found:?}");
    assert!(found.message.contains(says), "{found:?}");
    assert!(found.action.contains(mends), "{found:?}");
}

const PEOPLE: &str = "
create table person (id integer primary key, name text not null, born date);
insert into person values (1, 'Ann', '1980-01-01'), (2, 'Bob', '1990-01-01');
";

/// People from any source into a table that the run makes.
fn people(source: &str, target: &str) -> Plan {
    plan(
        source,
        target,
        "
tables:
- source: person
  key: [id]
  target: public.people
  columns:
  - {target: id, source: id, type: bigint, nullable: false, identity: true}
  - {target: name, source: name, type: text, nullable: false}
  - {target: born, source: born, type: date}
  create: {primary_key: [id]}
",
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_set_up_is_ready_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let source = sqlite(&folder, "legacy.db", PEOPLE);
    let target = testbed::postgres().create_database();

    let mut plan = people(&source, target.url());
    plan.target_sql.after = "alter table public.people enable row level security".to_owned();

    let assessment = assess(request(&plan)).await.unwrap();

    let heavy: Vec<_> =
        assessment.findings.iter().filter(|it| it.severity > Severity::Info).collect();
    assert!(heavy.is_empty(), "{heavy:?}");
    assert_eq!(assessment.status, Readiness::Ready);
    assert_eq!(assessment.checks.len(), Check::ALL.len());
    let forecast = assessment.forecast.unwrap();
    assert_eq!((forecast.tables[0].rows, forecast.tables[0].loaded), (2, 2));
    assert!(forecast.is_complete && forecast.write_bytes_per_second.unwrap() > 0.0);
    assert_eq!(target.query("select count(*) from pg_tables where schemaname = 'public'"), "0");
    assert_eq!(target.query("select count(*) from pg_namespace where nspname = 'transfuse'"), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_does_not_answer_is_a_finding_and_the_rest_is_still_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let source = sqlite(&folder, "legacy.db", PEOPLE);
    let nowhere = "postgres://ann:s3cret@127.0.0.1:1/mdw";

    let target_gone = assess(request(&people(&source, nowhere))).await.unwrap();
    let source_gone = assess(request(&people(nowhere, &source))).await.unwrap();

    let found = finding(&target_gone, Check::TargetReachable);
    assert_eq!((found.severity, target_gone.status), (Severity::Blocking, Readiness::Blocked));
    assert!(target_gone.source.is_some() && target_gone.target.is_none());
    let integrity = target_gone.checks.iter().find(|it| it.check == Check::FileIntegrity);
    assert_eq!(integrity.unwrap().state, CheckState::Passed);
    finding(&source_gone, Check::SourceReachable);
    assert!(!format!("{target_gone:?}{source_gone:?}").contains("s3cret"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_the_installation_knows_is_judged_where_it_is_told() {
    let plan = people("sqlite:/nowhere/a.db", "sqlite:/nowhere/b.db");
    let governance = CheckSelection { groups: vec![Group::Governance], checks: Vec::new() };
    let with = |surroundings: Surroundings| Request {
        selection: governance.clone(),
        surroundings,
        ..request(&plan)
    };
    let day_before = SystemClock.now() - TimeDelta::hours(25);

    let unknown = assess(with(Surroundings::default())).await.unwrap();
    let wrong = assess(with(Surroundings {
        second_person: Some(false),
        notifications: Some(false),
        last_backup: Some(Some(day_before)),
        secret_in_plan: Some(true),
    }))
    .await
    .unwrap();
    let never = Surroundings { last_backup: Some(None), ..Surroundings::default() };
    let never = assess(with(never)).await.unwrap();

    assert!(unknown.findings.is_empty());
    for check in
        [Check::SecretsInPlan, Check::SecondPerson, Check::Notifications, Check::RecentBackup]
    {
        assert_eq!(finding(&wrong, check).severity, Severity::Warning);
    }
    finding(&never, Check::RecentBackup);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_off_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let source = sqlite(&folder, "legacy.db", PEOPLE);
    let target = testbed::postgres().create_database();
    let an_hour_ago = SystemClock.now() - TimeDelta::hours(1);

    let assessment = assess(Request {
        clock: Arc::new(FixedClock::at(an_hour_ago)),
        selection: CheckSelection { checks: vec![Check::ClockSkew], groups: Vec::new() },
        ..request(&people(&source, target.url()))
    })
    .await
    .unwrap();

    assert!(finding(&assessment, Check::ClockSkew).message.contains("s away"));
}
