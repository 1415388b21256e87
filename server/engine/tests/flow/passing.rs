//! Rows that go from one PostgreSQL into another as they are: nothing is decoded, and nothing less
//! is promised.

use shared::quarantine::QuarantineFilter;
use testbed::Database;

use crate::support::{books, compare, compared, plan, run, run_until_a_chunk_is_done};

/// Every third of some hundred rows breaks one of the target's conditions, in runs and apart.
const LEGACY: &str = "
create table reading (id integer primary key, kind smallint, label varchar(20), value numeric(10,3),
                      taken_at timestamp, body jsonb, marks integer[], truth boolean);
insert into reading
select i, i % 7, case when i % 11 > 0 then 'label ' || i end, i / 8.0,
       timestamp '2020-01-01' + i * interval '61 seconds', jsonb_build_object('i', i),
       array[i, null], i % 2 = 0
from generate_series(1, 3000) as i;
";

const COLUMNS: &str = "
  - {target: id, source: id, type: integer, nullable: false}
  - {target: kind, source: kind, type: smallint}
  - {target: label, source: label, type: varchar(20)}
  - {target: value, source: value, type: 'numeric(10,3)'}
  - {target: taken_at, source: taken_at, type: timestamp}
  - {target: body, source: body, type: jsonb}
  - {target: marks, source: marks, type: 'integer[]'}
  - {target: truth, source: truth, type: boolean}
";

const CONTENT: &str = "select md5(string_agg(r::text, '|' order by id)), count(*) from reading r";

fn source() -> Database {
    let source = testbed::postgres().create_database();
    source.execute(LEGACY);
    source
}

/// A plan whose table is made with what `create` says.
fn document(create: &str) -> String {
    format!(
        "options: {{chunk_rows: 700, workers: 2}}
tables:
- source: public.reading
  key: [id]
  target: public.reading
  columns:{COLUMNS}
  create: {{primary_key: [id]{create}}}
"
    )
}

/// Runs a plan, and compares what arrived with the rows of the source that `stays` names.
#[track_caller]
fn holds_what_stays(source: &Database, target: &Database, stays: &str) {
    let expected =
        CONTENT.replace("from reading", &format!("from (select * from reading where {stays})"));
    assert_eq!(target.query(CONTENT), source.query(&expected));
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_arrive_byte_for_byte_and_a_stopped_run_goes_on() {
    let (source, target) = (source(), testbed::postgres().create_database());
    let plan = plan(source.url(), target.url(), &document(""));

    run_until_a_chunk_is_done(&plan).await;
    let outcome = run(&plan).await.unwrap();

    assert_eq!(outcome.failure, None);
    assert_eq!(books(&outcome, "reading"), [3000, 3000, 0, 0]);
    holds_what_stays(&source, &target, "true");
    assert_eq!(compared(&compare(&plan).await.unwrap(), "reading"), [3000, 0, 0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_the_target_refuses_are_told_from_all_others() {
    let bad = "id % 100 = 7 or id between 500 and 560 or id % 450 in (0, 1, 2)";
    let (source, target) = (source(), testbed::postgres().create_database());
    let create = format!(", checks: {{reading_check: 'not ({bad})'}}");
    let plan = plan(source.url(), target.url(), &document(&create));

    let outcome = run(&plan).await.unwrap();

    assert_eq!(outcome.failure, None);
    let refused: u64 =
        source.query(&format!("select count(*) from reading where {bad}")).parse().unwrap();
    assert_eq!(books(&outcome, "reading"), [3000, 3000 - refused, 0, refused]);
    holds_what_stays(&source, &target, &format!("not ({bad})"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_is_refused_for_what_it_breaks_and_kept_as_it_was() {
    let (source, target) = (source(), testbed::postgres().create_database());
    target.execute(
        "create table reading (
             id integer not null, kind smallint not null, label varchar(20), value numeric(10,3),
             taken_at timestamp, body jsonb, marks integer[], truth boolean);
         create function refuse() returns trigger language plpgsql as $$ begin
             if new.id % 500 = 3 then return null; end if;
             if new.id % 500 = 4 then raise 'not this one'; end if;
             return new;
         end $$;
         create trigger refuse before insert on reading for each row execute function refuse();",
    );
    source.execute("update reading set kind = null where id in (10, 1999)");
    let document = document("").replace("create: {primary_key: [id]}", "");
    let plan = plan(source.url(), target.url(), &document);

    let outcome = run(&plan).await.unwrap();

    assert_eq!(outcome.failure, None);
    assert_eq!(books(&outcome, "reading"), [3000, 2986, 0, 14]);
    holds_what_stays(&source, &target, "kind is not null and id % 500 not in (3, 4)");
    let filter = QuarantineFilter::default();
    let page =
        engine::quarantine::list(target.url(), &outcome.run_id, &filter, None, 100).await.unwrap();
    let count = |code: &str| page.items.iter().filter(|row| row.code.as_str() == code).count();
    assert_eq!((count("DATA-004"), count("DATA-015")), (2, 12));
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_find_their_places_in_a_target_of_another_order() {
    let (source, target) = (source(), testbed::postgres().create_database());
    target.execute(
        "create table reading (truth boolean, marks integer[], body jsonb, taken_at timestamp,
                               value numeric(10,3), label varchar(20), kind smallint,
                               id integer not null)",
    );
    let document = document("").replace("create: {primary_key: [id]}", "");

    let outcome = run(&plan(source.url(), target.url(), &document)).await.unwrap();

    assert_eq!(books(&outcome, "reading"), [3000, 3000, 0, 0]);
    let content = "select md5(string_agg(concat_ws('|', id, kind, label, value, taken_at, body, marks, truth), ';' order by id)) from reading";
    assert_eq!(target.query(content), source.query(content));
}
