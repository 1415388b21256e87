//! Whatever happens in whatever order, the target is what a plain model of it says.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use shared::plan::Existing;

use super::*;

/// People in the source: 1 to 30, in chunks of ten.
const PEOPLE: u32 = 30;
const CHUNK: u32 = 10;

#[derive(Debug, Clone, Copy)]
enum Step {
    /// The plan is run, or its run goes on.
    Load,
    /// Somebody else writes. Ids go beyond the source's.
    Insert(u32),
    Update(u32),
    Delete(u32),
    UndoChunk(u32),
    UndoTable,
    UndoRun(Changed),
}

fn step() -> impl Strategy<Value = Step> {
    let id = 1..=PEOPLE + 10;
    prop_oneof![
        3 => Just(Step::Load),
        3 => id.clone().prop_map(Step::Insert),
        3 => id.clone().prop_map(Step::Update),
        2 => id.prop_map(Step::Delete),
        3 => (0..PEOPLE / CHUNK).prop_map(Step::UndoChunk),
        1 => Just(Step::UndoTable),
        1 => Just(Step::UndoRun(Changed::Leave)),
        1 => Just(Step::UndoRun(Changed::Discard)),
    ]
}

fn existing() -> impl Strategy<Value = Existing> {
    prop_oneof![Just(Existing::Append), Just(Existing::Update), Just(Existing::Skip)]
}

/// What the target should be, and what the run did.
#[derive(Debug, Default)]
struct Model {
    rows: BTreeMap<u32, String>,
    /// Rows that the run brought or changed: what they were before, and how it left them.
    touched: BTreeMap<u32, (Option<String>, String)>,
    done: BTreeSet<u32>,
}

impl Model {
    fn load(&mut self, existing: Existing) {
        for id in 1..=PEOPLE {
            if self.done.contains(&((id - 1) / CHUNK)) {
                continue;
            }
            let new = format!("Person {id}");
            let there = self.rows.get(&id).cloned();
            let is_taken = there.is_some() && existing != Existing::Update;
            if is_taken || there.as_ref() == Some(&new) {
                continue;
            }
            self.rows.insert(id, new.clone());
            self.touched.insert(id, (there, new));
        }
        self.done.extend(0..PEOPLE / CHUNK);
    }

    fn undo(&mut self, chunks: impl IntoIterator<Item = u32>, changed: Changed) {
        for chunk in chunks {
            if !self.done.remove(&chunk) {
                continue;
            }
            for id in chunk * CHUNK + 1..=(chunk + 1) * CHUNK {
                let Some((before, left)) = self.touched.remove(&id) else { continue };
                let Some(now) = self.rows.get(&id) else { continue };
                if *now != left && changed == Changed::Leave {
                    continue;
                }
                match before {
                    Some(before) => self.rows.insert(id, before),
                    None => self.rows.remove(&id),
                };
            }
        }
    }

    fn text(&self) -> String {
        let rows: Vec<_> = self.rows.iter().map(|(id, name)| format!("{id}:{name}")).collect();
        rows.join("|")
    }
}

/// A target of either kind.
enum Target {
    Postgres(testbed::Database),
    Sqlite(rusqlite::Connection, String),
}

impl Target {
    fn url(&self) -> &str {
        match self {
            Self::Postgres(database) => database.url(),
            Self::Sqlite(_, url) => url,
        }
    }

    fn execute(&self, sql: &str) {
        match self {
            Self::Postgres(database) => database.execute(sql),
            Self::Sqlite(file, _) => file.execute_batch(sql).unwrap(),
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Postgres(database) => {
                let sql = "select coalesce(string_agg(id || ':' || name, '|' order by id), '')
                           from people";
                database.query(sql)
            }
            Self::Sqlite(file, _) => {
                let sql = "select coalesce(group_concat(id || ':' || name, '|'), '')
                           from (select * from people order by id)";
                file.query_row(sql, [], |row| row.get(0)).unwrap()
            }
        }
    }
}

async fn follow(target: &Target, source: &str, existing: Existing, steps: &[Step]) {
    target.execute("create table people (id integer primary key, name text)");
    let rest = format!(
        "
options: {{chunk_rows: {CHUNK}, workers: 2}}
tables:
- {{source: person, key: [id], target: people, existing: {}, columns: [
    {{target: id, source: id, type: integer}}, {{target: name, source: name, type: text}}]}}
",
        existing.as_str()
    );
    let plan = plan(source, target.url(), &rest);
    let mut model = Model::default();
    let mut run_id = None;
    for (number, step) in steps.iter().enumerate() {
        let theirs = format!("Theirs {number}");
        match *step {
            Step::Load => {
                let run_id = run_id.get_or_insert_with(|| format!("run-{number}"));
                let given = Given { run_id: run_id.clone().leak(), ..Given::default() };
                let outcome = run_with(&plan, given).await.unwrap();
                assert_eq!(outcome.failure, None, "{number} of {steps:?}");
                assert!(outcome.books_close);
                model.load(existing);
            }
            Step::Insert(id) if !model.rows.contains_key(&id) => {
                target.execute(&format!("insert into people values ({id}, '{theirs}')"));
                model.rows.insert(id, theirs);
            }
            Step::Update(id) if model.rows.contains_key(&id) => {
                target.execute(&format!("update people set name = '{theirs}' where id = {id}"));
                model.rows.insert(id, theirs);
            }
            Step::Delete(id) => {
                target.execute(&format!("delete from people where id = {id}"));
                model.rows.remove(&id);
            }
            Step::UndoChunk(chunk) if model.done.contains(&chunk) => {
                let undo = Undo::chunk(target.url(), "people", chunk);
                undo.of(run_id.as_ref().unwrap()).await.unwrap();
                model.undo([chunk], Changed::Leave);
            }
            Step::UndoTable if !model.done.is_empty() => {
                Undo::table(target.url(), "people").of(run_id.as_ref().unwrap()).await.unwrap();
                model.undo(0..PEOPLE / CHUNK, Changed::Leave);
            }
            Step::UndoRun(changed) => {
                let Some(id) = run_id.take() else { continue };
                let undo = Undo { changed, ..Undo::all_of(target.url()) };
                let outcome = undo.of(&id).await.unwrap();
                assert!(changed == Changed::Leave || outcome.is_whole(), "{outcome:?}");
                model.undo(0..PEOPLE / CHUNK, changed);
            }
            Step::Insert(_) | Step::Update(_) | Step::UndoChunk(_) | Step::UndoTable => {}
        }
        assert_eq!(target.text(), model.text(), "after {number} of {existing:?} {steps:?}");
    }
}

/// Runs so many histories against targets of one kind.
fn check(cases: u32, target: impl Fn(&tempfile::TempDir) -> Target) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let histories = (existing(), prop::collection::vec(step(), 4..12));
    TestRunner::new(config)
        .run(&histories, |(existing, steps)| {
            let folder = tempfile::tempdir().unwrap();
            let people = format!(
                "create table person (id integer primary key, name text);
                 insert into person
                 with recursive n(i) as (select 1 union all select i + 1 from n where i < {PEOPLE})
                 select i, 'Person ' || i from n;"
            );
            let source = sqlite(&folder, "legacy.db", &people);
            let target = target(&folder);
            runtime.block_on(follow(&target, &source, existing, &steps));
            Ok(())
        })
        .unwrap();
}

#[test]
fn postgresql_is_what_the_model_says() {
    check(6, |_| Target::Postgres(testbed::postgres().create_database()));
}

#[test]
fn sqlite_is_what_the_model_says() {
    check(24, |folder| {
        let url = sqlite(folder, "new.db", "");
        let file = rusqlite::Connection::open(folder.path().join("new.db")).unwrap();
        file.pragma_update(None, "journal_mode", "wal").unwrap();
        Target::Sqlite(file, url)
    });
}
