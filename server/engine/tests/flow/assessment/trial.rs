//! Rules are tried on rows of every kind of source, and what is shown tells no value.

use engine::assessment::try_rules;
use engine::seal::Key;
use shared::error_code::ErrorCode;
use shared::plan::{RulesTrial, TriedOutcome, TriedRules};

use crate::support::{KEY, plan, sqlite};

const SOURCE: &str = "
create table person (id integer primary key, name varchar(40), born varchar(20));
insert into person values (1, ' Ada Quillon ', '1980-02-29'), (2, 'BEA', '31.12.1999'), (3, null, null);
";

const RULES: &str = "
tables:
- source: person
  key: [id]
  target: public.people
  FILTER
  columns:
  - {target: id, source: id, type: bigint, nullable: false}
  - {target: name, source: name, type: text, transform: [{rule: trim}]}
  - {target: born, source: born, type: date}
  - {target: origin, type: text, transform: [{rule: constant, value: legacy}]}
";

async fn tried(source: &str, target: &str, rules: &str, rows: u32) -> TriedRules {
    let trial = RulesTrial { plan: plan(source, target, rules), table: 0, rows };
    try_rules(&trial, source, target, &Key::new(KEY)).await.unwrap()
}

/// The databases give the rows in the order in which they were written.
async fn check(source: &str, filter: &str) {
    let target = testbed::postgres().create_database();
    let rules = RULES.replace("FILTER", filter);

    let found = tried(source, target.url(), &rules, 10).await;

    let outcomes: Vec<_> = found.rows.iter().map(|row| row.outcome).collect();
    let last = if filter.is_empty() { TriedOutcome::Loaded } else { TriedOutcome::Filtered };
    assert_eq!(outcomes, [TriedOutcome::Loaded, TriedOutcome::Quarantined, last], "{source}");
    let [id, name, born, origin] = found.rows[0].cells.as_slice() else { panic!("{found:?}") };
    assert_eq!((id.before.as_deref(), id.after.as_deref()), (Some("9"), Some("9")));
    assert_eq!(name.before.as_deref(), Some(" Xxx Xxxxxxx "));
    assert_eq!((name.after.as_deref(), name.is_changed), (Some("Xxx Xxxxxxx"), true));
    assert_eq!((born.after.as_deref(), born.is_changed), (Some("9999-99-99"), false));
    assert_eq!((&origin.source, origin.after.as_deref()), (&None, Some("xxxxxx")));
    let wrong = found.rows[1].cells[2].fault.as_ref().unwrap();
    assert_eq!(wrong.code, ErrorCode::Data001);
    assert_eq!(found.rows[1].cells[1].fault, None);
    assert_eq!(found.rows[2].cells[1].before, None);
    assert!(!format!("{found:?}").contains("Quillon"));
    assert_eq!(tried(source, target.url(), &rules, 1).await.rows.len(), 1);
    assert_eq!(target.query("select count(*) from pg_tables where schemaname = 'public'"), "0");
}

const FILTER: &str = "filter: id < 3";

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_postgres_are_shown() {
    let source = testbed::postgres().create_database();
    source.execute(SOURCE);
    check(source.url(), FILTER).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_mysql_are_shown() {
    let source = testbed::mariadb().create_database();
    source.execute(SOURCE);
    check(source.url(), FILTER).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_sqlite_are_shown() {
    let folder = tempfile::tempdir().unwrap();
    check(&sqlite(&folder, "legacy.db", SOURCE), FILTER).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_a_file_are_shown() {
    let folder = tempfile::tempdir().unwrap();
    let rows = "id,name,born\n1, Ada Quillon ,1980-02-29\n2,BEA,31.12.1999\n3,,\n";
    std::fs::write(folder.path().join("person.csv"), rows).unwrap();
    check(&format!("csv:{}", folder.path().display()), "").await;
}
