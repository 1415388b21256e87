//! Values that are looked up and computed, from every engine, and found equal afterwards.

use shared::error_code::ErrorCode;
use shared::verification::VerificationState;

use crate::support::{books, compare, plan, run, sqlite};

const SOURCE: &str = "
create table ward (code varchar(10) primary key, title varchar(20));
create table visit (id integer primary key, ward varchar(10), unit integer, temperature decimal(6,2), born date);
insert into ward values ('N', 'North'), ('S', null), ('E', 'East');
insert into visit values
    (1, 'N', 1, 98.60, '1980-02-29'), (2, 'E', 2, 100.04, '1999-12-31'), (3, null, 1, null, null),
    (4, 'S', 1, 99.50, '2000-01-01'), (5, 'X', 2, 97.70, '2001-05-05'), (6, 'N', 9, 98.60, '2000-06-06');
";

const PLAN: &str = "
options: {chunk_rows: 2, workers: 2}
lookups:
  wards: {from: {table: {name: ward, key: code, value: title}}}
  units: {from: {csv: {text: \"code,unit\\n1,C\\n2,F\\n\", key: code, value: unit}}}
tables:
- source: visit
  key: [id]
  target: visits
  columns:
  - {target: id, source: id, type: bigint, nullable: false}
  - {target: ward, source: ward, type: text, transform: [{rule: lookup, from: wards}, {rule: case, to: upper}], signed: {by: x, reason: y}}
  - {target: ward_or, source: ward, type: text, transform: [{rule: lookup, from: wards, otherwise: keep}]}
  - {target: unit, source: unit, type: text, transform: [{rule: lookup, from: units, otherwise: 'null'}], signed: {by: x, reason: y}}
  - target: celsius
    source: temperature
    type: numeric(4,1)
    signed: {by: x, reason: y}
    transform: [{rule: expression, cel: 'value == null ? null : round((value - 32) * 5 / 9, 1)'}]
  - target: born_in
    type: text
    signed: {by: x, reason: y}
    transform: [{rule: expression, cel: 'born == null ? \"?\" : text(year(date(born))) + \"/\" + text(id)', columns: [born, id]}]
  create: {primary_key: [id]}
";

async fn arrives(source: &str) {
    arrives_by(source, PLAN).await;
}

async fn arrives_by(source: &str, rest: &str) {
    let target = testbed::postgres().create_database();
    let plan = plan(source, target.url(), rest);

    let outcome = run(&plan).await.unwrap();

    assert_eq!(outcome.failure, None, "{source}");
    // Ward S has no title and ward X is not there: the values are looked for in vain.
    assert_eq!(books(&outcome, "visits"), [6, 4, 0, 2]);
    assert_eq!(target.query("select distinct code from transfuse.quarantine"), "DATA-011");
    assert_eq!(
        target.query("select * from visits order by id"),
        "1\tNORTH\tNorth\tC\t37.0\t1980/1\n2\tEAST\tEast\tF\t37.8\t1999/2\n\
         3\tNULL\tNULL\tC\tNULL\t?\n6\tNORTH\tNorth\tNULL\t37.0\t2000/6"
    );
    let compared = compare(&plan).await.unwrap();
    assert_eq!(compared.status, VerificationState::Equal, "{source}");
}

#[tokio::test(flavor = "multi_thread")]
async fn values_are_looked_up_and_computed_from_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    arrives(&sqlite(&folder, "legacy.db", SOURCE)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn values_are_looked_up_and_computed_from_mariadb() {
    let source = testbed::mariadb().create_database();
    source.execute(SOURCE);
    arrives(source.url()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn values_are_looked_up_and_computed_from_postgresql() {
    let source = testbed::postgres().create_database();
    source.execute(SOURCE);
    arrives(source.url()).await;
}

const WARDS: &str = "code,title\nN,North\nS,\nE,East\nE,East\n";
const VISITS: &str = "id,ward,unit,temperature,born\n1,N,1,98.60,1980-02-29\n\
    2,E,2,100.04,1999-12-31\n3,,1,,\n4,S,1,99.50,2000-01-01\n5,X,2,97.70,2001-05-05\n\
    6,N,9,98.60,2000-06-06\n";

fn folder(wards: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ward.csv"), wards).unwrap();
    std::fs::write(folder.path().join("visit.csv"), VISITS).unwrap();
    let url = format!("csv:{}", folder.path().display());
    (folder, url)
}

#[tokio::test(flavor = "multi_thread")]
async fn values_are_looked_up_and_computed_from_files() {
    let (_folder, url) = folder(WARDS);
    // Numbers of files are texts.
    arrives_by(&url, &PLAN.replace("(value - 32)", "(number(value) - 32)")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_a_file_with_two_values_stops_the_run_before_it_writes() {
    let (_folder, url) = folder("code,title\nN,North\nN,Nord\n");
    let target = testbed::postgres().create_database();

    let outcome = run(&plan(&url, target.url(), PLAN)).await;

    let code = match outcome {
        Ok(outcome) => outcome.failure.map(|failure| failure.code),
        Err(error) => Some(error.code()),
    };
    assert_eq!(code, Some(ErrorCode::Map001));
    assert_eq!(target.query("select count(*) from visits"), "0");
}
