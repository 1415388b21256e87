//! People who are in the source twice, in a run.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use engine::clock::SystemClock;
use engine::merge::{By, Decided, Golden, Order, PersonRow, Surviving};
use engine::rollback::Effect;
use engine::run::{Matcher, PeopleStream, Stop};
use engine::seal::Key;
use shared::duplicate::Attribute;
use shared::plan::{Plan, When};
use shared::rollback::{Changed, Scope};
use shared::run::OutcomeStatus;

use shared::verification::VerificationState;

use crate::support::{Given, KEY, compare, compared, plan, run_with, sqlite};

/// Every third person is the one before, written with another case.
pub(crate) const PEOPLE: &str = "
create table login (id integer primary key, mail text);
create table person (id integer primary key, login_id integer, name text, born text);
create table visit (id integer primary key, person_id integer, at text);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 300)
insert into login select i, 'p' || i || '@example.org' from n;
with recursive n(i) as (select 1 union all select i + 1 from n where i < 300)
insert into person select i, i,
    case when i % 3 = 0 then upper('person ' || (i - 1)) else 'person ' || i end,
    date('1950-01-01', '+' || (case when i % 3 = 0 then i - 1 else i end) || ' days') from n;
insert into person values (301, null, 'person 298', 'on no day');
insert into visit select id * 10, id, born from person where id < 301;
";

const PLAN: &str = "
options: {chunk_rows: 100}
duplicates:
  table: public.people
  when: after_load
  columns: {full_name: name, birth_date: born, email: login_id.mail}
  together: [login_id]
tables:
- source: login
  key: [id]
  target: public.logins
  columns:
  - {target: id, source: id, type: uuid, nullable: false, transform: [{rule: uuid_v5, entity: login}]}
  - {target: mail, source: mail, type: text}
  create: {primary_key: [id]}
- source: person
  key: [id]
  target: public.people
  columns:
  - {target: id, source: id, type: bigint, nullable: false}
  - {target: login_id, source: login_id, type: uuid, transform: [{rule: uuid_v5, entity: login}]}
  - {target: name, source: name, type: text, transform: [{rule: trim}]}
  - {target: born, source: born, type: date}
  create:
    primary_key: [id]
    foreign_keys:
    - {name: people_login_fkey, columns: [login_id], references: public.logins, referenced_columns: [id]}
- source: visit
  key: [id]
  target: public.visits
  columns:
  - {target: id, source: id, type: bigint, nullable: false}
  - {target: person_id, source: person_id, type: bigint}
  - {target: at, source: at, type: date}
  create:
    primary_key: [id]
    foreign_keys:
    - {name: visits_person_fkey, columns: [person_id], references: public.people, referenced_columns: [id]}
";

/// What a matcher was told, and how often it was asked.
#[derive(Default)]
pub(crate) struct Heard {
    asked: AtomicU32,
    people: Mutex<Vec<(String, Vec<Option<String>>)>>,
}

/// Those of one name and day, whatever the case, are one; the first one survives.
pub(crate) fn matcher(heard: &Arc<Heard>, stop: Option<Stop>) -> Matcher {
    let heard = Arc::clone(heard);
    let decide = move |mut stream: PeopleStream| {
        let (heard, stop) = (Arc::clone(&heard), stop.clone());
        let deciding = async move {
            heard.asked.fetch_add(1, Ordering::Relaxed);
            let name = stream.attributes.iter().position(|a| *a == Attribute::FullName).unwrap();
            let born = stream.attributes.iter().position(|a| *a == Attribute::BirthDate).unwrap();
            let mut by_name: BTreeMap<_, Vec<_>> = BTreeMap::new();
            while let Some(rows) = stream.rows.recv().await {
                for row in rows {
                    let key = (
                        row.values[name].as_deref().map(str::to_lowercase),
                        row.values[born].clone(),
                    );
                    by_name.entry(key).or_default().push(row.id.clone());
                    heard.people.lock().unwrap().push((row.id.0, row.values));
                }
            }
            if let Some(stop) = stop {
                stop.request();
            }
            let mut orders: Vec<Order> = by_name
                .into_values()
                .filter(|members| members.len() > 1)
                .map(|mut members| {
                    members.sort_by_key(|id| id.as_str().parse::<u32>().ok());
                    Order {
                        id: format!("merge-{}", members[0]),
                        cluster: None,
                        members,
                        decision: Decided {
                            by: By::Policy,
                            at: chrono::DateTime::UNIX_EPOCH,
                            basis: "same name and day".to_owned(),
                        },
                    }
                })
                .collect();
            orders.sort_by(|a, b| a.id.cmp(&b.id));
            Ok(orders)
        };
        Box::pin(deciding) as std::pin::Pin<Box<dyn Future<Output = _> + Send>>
    };
    let survive = |_: &Order, members: &[PersonRow]| {
        let survivor = members.iter().enumerate().min_by_key(|(_, m)| m.id.0.len())?.0;
        let cells = vec![Surviving::Own; members[0].values.len()];
        Some(Golden { survivor, ranking: (0..members.len()).collect(), cells })
    };
    Matcher { decide: Arc::new(decide), survive: Arc::new(survive) }
}

pub(crate) fn plan_for(source: &str, target: &str, when: When) -> Plan {
    let mut plan = plan(source, target, PLAN);
    plan.duplicates.as_mut().unwrap().when = when;
    assert_eq!(plan.problems(), []);
    plan
}

/// Read, loaded, merged and quarantined of a table.
fn books(outcome: &shared::run::RunOutcome, table: &str) -> [u64; 4] {
    let table = outcome.tables.iter().find(|t| t.target.name == table).unwrap();
    [table.books.read, table.books.loaded, table.books.merged, table.books.quarantined]
}

const CONTENT: &str = "select md5(string_agg(t, '|' order by t)) from (
    select p::text || 'p' as t from people p union all select v::text || 'v' from visits v
    union all select l::text || 'l' from logins l) as all_rows";

#[tokio::test(flavor = "multi_thread")]
async fn merged_rows_are_in_the_books_and_children_follow_the_survivor() {
    let folder = tempfile::tempdir().unwrap();
    let source = sqlite(&folder, "legacy.db", PEOPLE);
    let mut contents = Vec::new();
    for when in [When::AfterLoad, When::BeforeLoad] {
        let target = testbed::postgres().create_database();
        let heard = Arc::default();
        let given = Given { matcher: Some(matcher(&heard, None)), ..Given::default() };

        let outcome = run_with(&plan_for(&source, target.url(), when), given).await.unwrap();

        assert_eq!(outcome.failure, None);
        assert!(outcome.books_close);
        // The last person was born on no day, and is nobody's double.
        assert_eq!(books(&outcome, "people"), [301, 200, 100, 1]);
        assert_eq!(books(&outcome, "logins"), [300, 200, 100, 0]);
        assert_eq!(books(&outcome, "visits"), [300, 300, 0, 0]);
        assert_eq!(target.query("select count(*) from people"), "200");
        let visits = "select string_agg(id::text, ' ' order by id) from visits where person_id = 2";
        assert_eq!(target.query(visits), "20 30");
        let heard: Vec<_> = heard.people.lock().unwrap().clone();
        assert_eq!(heard.len(), 300);
        let third = heard.iter().find(|(id, _)| id == "3").unwrap();
        let values: Vec<_> = third.1.iter().map(|value| value.as_deref().unwrap()).collect();
        assert_eq!(values, ["PERSON 2", "1950-01-03", "p3@example.org"]);
        contents.push(target.query(CONTENT));
    }
    // When it was decided makes no difference to what is there.
    assert_eq!(contents[0], contents[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_merges_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let source = sqlite(&folder, "legacy.db", PEOPLE);
    let target = format!("sqlite:{}", folder.path().join("new.db").display());
    let heard = Arc::default();
    let given = Given { matcher: Some(matcher(&heard, None)), ..Given::default() };

    let outcome = run_with(&plan_for(&source, &target, When::BeforeLoad), given).await.unwrap();

    assert_eq!(outcome.failure, None);
    assert!(outcome.books_close);
    assert_eq!(books(&outcome, "people"), [301, 200, 100, 1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_stopped_merges_what_it_had_decided_and_asks_nobody_again() {
    let folder = tempfile::tempdir().unwrap();
    let source = sqlite(&folder, "legacy.db", PEOPLE);
    let undisturbed = testbed::postgres().create_database();
    let heard = Arc::default();
    let given = Given { matcher: Some(matcher(&heard, None)), ..Given::default() };
    run_with(&plan_for(&source, undisturbed.url(), When::AfterLoad), given).await.unwrap();
    let target = testbed::postgres().create_database();
    let plan = plan_for(&source, target.url(), When::AfterLoad);
    let (stop, heard) = (Stop::default(), Arc::<Heard>::default());
    let given =
        Given { matcher: Some(matcher(&heard, Some(stop.clone()))), stop, ..Given::default() };

    let stopped = run_with(&plan, given).await.unwrap();
    assert_eq!(stopped.status, OutcomeStatus::Paused);
    assert_eq!(target.query("select count(*) from people"), "300");
    let given = Given { matcher: Some(matcher(&heard, None)), ..Given::default() };
    let resumed = run_with(&plan, given).await.unwrap();

    assert!(resumed.books_close);
    assert_eq!(books(&resumed, "people"), [301, 200, 100, 1]);
    assert_eq!(heard.asked.load(Ordering::Relaxed), 1);
    assert_eq!(target.query(CONTENT), undisturbed.query(CONTENT));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fresh_start_forgets_the_merges_of_the_run_before() {
    let folder = tempfile::tempdir().unwrap();
    let source = sqlite(&folder, "legacy.db", PEOPLE);
    let target = testbed::postgres().create_database();
    let plan = plan_for(&source, target.url(), When::AfterLoad);
    let heard = Arc::default();
    let given = || Given { matcher: Some(matcher(&heard, None)), ..Given::default() };
    run_with(&plan, given()).await.unwrap();
    let content = target.query(CONTENT);

    let fresh = Given { run_id: "run-2", start: engine::run::Start::Fresh, ..given() };
    let outcome = run_with(&plan, fresh).await.unwrap();

    assert!(outcome.books_close);
    assert_eq!(target.query(CONTENT), content);
    let runs = "select string_agg(distinct run_id, ' ') from transfuse.merges";
    assert_eq!(target.query(runs), "run-2");
}

#[tokio::test(flavor = "multi_thread")]
async fn people_who_became_one_are_found_equal_and_damage_in_them_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let source = sqlite(&folder, "legacy.db", PEOPLE);
    let modern = testbed::postgres().create_database();
    let file = format!("sqlite:{}", folder.path().join("new.db").display());
    for (target, when) in [(modern.url(), When::BeforeLoad), (&file, When::AfterLoad)] {
        let plan = plan_for(&source, target, when);
        let heard = Arc::default();
        let given = Given { matcher: Some(matcher(&heard, None)), ..Given::default() };
        run_with(&plan, given).await.unwrap();

        let outcome = compare(&plan).await.unwrap();

        assert_eq!(outcome.status, VerificationState::Equal, "{:?}", outcome.findings);
        assert_eq!(compared(&outcome, "people"), [200, 0, 0, 0]);
        assert_eq!(compared(&outcome, "visits"), [300, 0, 0, 0]);
    }
    modern.execute(
        "update people set name = 'Somebody else' where id = 2;
         update visits set person_id = 4 where id = 30;
         insert into people values (3, null, 'PERSON 2', '1950-01-03')",
    );

    let outcome = compare(&plan_for(&source, modern.url(), When::BeforeLoad)).await.unwrap();

    // The second survives of two, the third went into it and must not be there.
    assert_eq!(compared(&outcome, "people"), [200, 0, 1, 1]);
    assert_eq!(compared(&outcome, "visits"), [300, 0, 0, 1]);
}

/// Tables that are there, with somebody who comes again.
const THERE: &str = "
create table logins (id uuid primary key, mail text);
create table people (id bigint primary key, login_id uuid references logins, name text, born date);
create table visits (id bigint primary key, person_id bigint references people, at date);
insert into people values (9001, null, 'Person 4', '1950-01-05'), (9002, null, 'Alone', null);
insert into visits values (9001, 9001, '2020-01-01'), (9002, 9002, null);
";

async fn roll_back(target: &str, effect: Effect) -> shared::rollback::RollbackOutcome {
    engine::rollback::roll_back(&engine::rollback::Request {
        target_url: target.to_owned(),
        run_id: "run-1".parse().unwrap(),
        scope: Scope::Run,
        changed: Changed::Leave,
        effect,
        key: Key::new(KEY),
        clock: Arc::new(SystemClock),
    })
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn undoing_a_run_takes_its_merges_back_and_leaves_what_others_had() {
    let folder = tempfile::tempdir().unwrap();
    let source = sqlite(&folder, "legacy.db", PEOPLE);
    let append = PLAN.replace("\n  key: [id]\n", "\n  key: [id]\n  existing: append\n");
    let target = testbed::postgres().create_database();
    target.execute(THERE);
    let before = target.query(CONTENT);
    let heard = Arc::default();
    let mut plan = plan(&source, target.url(), &append);
    plan.duplicates.as_mut().unwrap().when = When::AfterLoad;
    let given = Given { matcher: Some(matcher(&heard, None)), ..Given::default() };

    let outcome = run_with(&plan, given).await.unwrap();
    assert_eq!(outcome.failure, None);
    // 9001 was there before: the books do not count it, though it went into person 4.
    assert_eq!(books(&outcome, "people"), [301, 200, 100, 1]);
    assert_eq!(target.query("select count(*) from people"), "201");
    let theirs = "select person_id from visits where id = 9001";
    assert_eq!(target.query(theirs), "4");

    let preview = roll_back(target.url(), Effect::Preview).await;
    let undone = roll_back(target.url(), Effect::Undo).await;

    assert_eq!(preview.tables, undone.tables);
    assert!(undone.obstacles.is_empty());
    assert_eq!(target.query(CONTENT), before);
    assert_eq!(target.query("select count(*) from transfuse.merges"), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn undoing_a_run_in_sqlite_takes_its_merges_back_too() {
    let folder = tempfile::tempdir().unwrap();
    let source = sqlite(&folder, "legacy.db", PEOPLE);
    let append = PLAN.replace("\n  key: [id]\n", "\n  key: [id]\n  existing: append\n");
    let there = THERE.replace("uuid", "text");
    let target = sqlite(&folder, "new.db", &there);
    let content = || {
        let file = rusqlite::Connection::open(folder.path().join("new.db")).unwrap();
        let sql = "select group_concat(t, '|') from (
            select id || name || coalesce(born, '-') || coalesce(login_id, '-') as t from people
            union all select id || person_id || coalesce(at, '-') from visits
            union all select id || mail from logins order by 1)";
        file.query_row(sql, [], |row| row.get::<_, String>(0)).unwrap()
    };
    let before = content();
    let heard = Arc::default();
    let given = Given { matcher: Some(matcher(&heard, None)), ..Given::default() };

    let outcome = run_with(&plan(&source, &target, &append), given).await.unwrap();
    assert_eq!(outcome.failure, None);
    assert_eq!(books(&outcome, "people"), [301, 200, 100, 1]);
    let undone = roll_back(&target, Effect::Undo).await;

    assert!(undone.obstacles.is_empty());
    assert_eq!(content(), before);
}
