//! Loading into a table that users already write to, and undoing it without touching their rows.

use engine::run::Stop;
use shared::error_code::ErrorCode;
use shared::id::RunId;
use shared::run::RunOutcome;

use super::*;

/// People of whom some are there already: 1 says the same, 2 to 5 something else.
const THERE: &str = "
insert into people (id, clinic_id, name) values
    (1, 2, 'Person 1'), (2, 3, 'Pers. 2'), (3, null, 'Person 3'), (4, 2, null), (5, 3, 'x'),
    (1000, null, 'Somebody else');
";

const PEOPLE: &str = "
create table people (id bigint primary key, clinic_id bigint, name text, note text default 'n');
";

fn plan_of(existing: &str, source: &str, target: &str) -> shared::plan::Plan {
    let rest = format!(
        "
options: {{chunk_rows: 10, workers: 2}}
tables:
- source: person
  key: [id]
  target: people
  existing: {existing}
  columns:
  - {{target: id, source: id, type: bigint}}
  - {{target: clinic_id, source: clinic_id, type: bigint}}
  - {{target: name, source: name, type: text}}
"
    );
    plan(source, target, &rest)
}

/// Read, loaded, merged, quarantined.
fn books(outcome: &RunOutcome) -> [u64; 4] {
    let books = outcome.tables[0].books;
    [books.read, books.loaded, books.merged, books.quarantined]
}

async fn codes(target: &str) -> Vec<(ErrorCode, u64)> {
    let run: RunId = "run-1".parse().unwrap();
    let counts = engine::quarantine::counts(target, &run).await.unwrap();
    counts.into_iter().map(|count| (count.code, count.rows)).collect()
}

/// A PostgreSQL and a SQLite target with the same people in them.
struct Targets {
    folder: tempfile::TempDir,
    postgres: testbed::Database,
    lite: String,
    source: String,
}

impl Targets {
    fn with(sql: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let source = sqlite(&folder, "legacy.db", SOURCE);
        let postgres = testbed::postgres().create_database();
        let lite = sqlite(&folder, "new.db", &format!("{PEOPLE}{sql}"));
        postgres.execute(PEOPLE);
        postgres.execute(sql);
        Self { folder, postgres, lite, source }
    }

    fn urls(&self) -> [&str; 2] {
        [self.postgres.url(), &self.lite]
    }

    fn execute(&self, target: &str, sql: &str) {
        if target == self.lite {
            let file = rusqlite::Connection::open(self.folder.path().join("new.db")).unwrap();
            file.execute_batch(sql).unwrap();
        } else {
            self.postgres.execute(sql);
        }
    }

    fn ask(&self, target: &str, sql: &str) -> String {
        if target == self.lite {
            let file = rusqlite::Connection::open(self.folder.path().join("new.db")).unwrap();
            file.query_row(&format!("select cast(({sql}) as text)"), [], |row| row.get(0)).unwrap()
        } else {
            self.postgres.query(sql)
        }
    }

    fn picture(&self, target: &str) -> String {
        if target == self.lite {
            picture::of_sqlite(&self.folder.path().join("new.db"))
        } else {
            picture::of_postgres(&self.postgres)
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_added_to_those_of_others_and_taken_away_again() {
    let targets = Targets::with(THERE);
    for target in targets.urls() {
        let before = targets.picture(target);

        let outcome = run(&plan_of("append", &targets.source, target)).await.unwrap();

        assert_eq!(outcome.failure, None, "{target}");
        assert!(outcome.books_close);
        assert_eq!(books(&outcome), [100, 95, 0, 5]);
        assert_eq!(codes(target).await, [(ErrorCode::Data009, 5)]);
        let undone = Undo::all_of(target).of("run-1").await.unwrap();
        assert_eq!(counts(&undone, "people"), [95, 0, 0, 0, 0, 6]);
        assert_eq!(targets.picture(target), before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_are_there_are_written_over_and_become_what_they_were() {
    let targets = Targets::with(THERE);
    for target in targets.urls() {
        let before = targets.picture(target);

        let outcome = run(&plan_of("update", &targets.source, target)).await.unwrap();

        assert_eq!(outcome.failure, None, "{target}");
        assert_eq!(books(&outcome), [100, 95, 5, 0]);
        assert!(outcome.books_close);
        let undone = Undo::all_of(target).of("run-1").await.unwrap();
        assert_eq!(counts(&undone, "people"), [95, 4, 0, 0, 0, 2], "{target}");
        assert_eq!(targets.picture(target), before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_are_there_stay_and_what_differs_is_told() {
    let targets = Targets::with(THERE);
    for target in targets.urls() {
        let before = targets.picture(target);

        let outcome = run(&plan_of("skip", &targets.source, target)).await.unwrap();

        assert_eq!(outcome.failure, None, "{target}");
        assert_eq!(books(&outcome), [100, 95, 1, 4]);
        assert!(outcome.books_close);
        assert_eq!(codes(target).await, [(ErrorCode::Data020, 4)]);
        let undone = Undo::all_of(target).of("run-1").await.unwrap();
        assert_eq!(counts(&undone, "people"), [95, 0, 0, 0, 0, 6]);
        assert_eq!(targets.picture(target), before);
    }
}

/// People of the source refer to clinics 1 to 3, of which the target has 2 and 3. A row of
/// somebody else has lost its clinic long ago.
const CLINICS: &str = "
create table clinics (id bigint primary key);
insert into clinics values (2), (3);
insert into people (id, clinic_id, name) values (1000, 77, 'Somebody else'), (1001, 2, 'x');
";

fn plan_with_a_key(
    existing: &str,
    orphans: &str,
    source: &str,
    target: &str,
) -> shared::plan::Plan {
    let mut yaml = plan_of(existing, source, target).to_yaml();
    yaml = yaml.replace(
        "  existing:",
        &format!(
            "  create:
    primary_key: [id]
    foreign_keys:
    - {{name: people_clinic_fkey, columns: [clinic_id], references: clinics, referenced_columns: [id]}}
  orphans: {{people_clinic_fkey: {orphans}}}
  existing:"
        ),
    );
    shared::plan::Plan::from_yaml(&yaml).unwrap()
}

const THEIRS: &str =
    "select count(*) || ' ' || coalesce(sum(clinic_id), 0) from people where id >= 1000";

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_others_that_refer_to_nothing_are_left_to_them() {
    for orphans in ["quarantine", "{keep_in: name}"] {
        let targets = Targets::with(CLINICS);
        for target in targets.urls() {
            let before = targets.picture(target);
            let plan = plan_with_a_key("append", orphans, &targets.source, target);

            let outcome = run(&plan).await.unwrap();

            // Their row keeps PostgreSQL from making the key, which the plan asks for.
            let failure = outcome.failure.as_ref().map(|failure| failure.code);
            let expected = (target != targets.lite).then_some(ErrorCode::Load004);
            assert_eq!(failure, expected, "{orphans} {:?}", outcome.failure);
            let kept = orphans != "quarantine";
            let expected = if kept { [100, 100, 0, 0] } else { [100, 67, 0, 33] };
            assert_eq!(books(&outcome), expected, "{target} {orphans}");
            assert_eq!(targets.ask(target, THEIRS), "2 79");
            let without = "select count(*) from people where id < 1000 and clinic_id is null";
            assert_eq!(targets.ask(target, without), if kept { "33" } else { "0" });
            Undo::all_of(target).of("run-1").await.unwrap();
            assert_eq!(targets.picture(target), before, "{target} {orphans}");
        }
    }
}

/// Of the people who are there, 3 is about to refer to clinic 1, which is not.
const CLINICS_OF_ALL: &str =
    "create table clinics (id bigint primary key); insert into clinics values (2), (3);";

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_are_written_over_and_lose_their_parent_go_the_way_of_orphans() {
    let third = "select coalesce(clinic_id, 0) || name from people where id = 3";
    for (orphans, expected, then) in [
        ("quarantine", [100, 63, 4, 33], "0before"),
        ("park", [100, 63, 4, 33], "0before"),
        ("{keep_in: name}", [100, 95, 5, 0], "0Person 3"),
    ] {
        let targets = Targets::with(&format!("{CLINICS_OF_ALL}{THERE}"));
        for target in targets.urls() {
            targets.execute(target, "update people set name = 'before' where id = 3");
            let before = targets.picture(target);
            let plan = plan_with_a_key("update", orphans, &targets.source, target);

            let outcome = run(&plan).await.unwrap();

            assert_eq!(outcome.failure, None, "{target} {orphans}");
            assert!(outcome.books_close, "{target} {orphans}");
            assert_eq!(books(&outcome), expected, "{target} {orphans}");
            assert_eq!(targets.ask(target, third), then, "{target} {orphans}");
            let quarantined = expected[3];
            let codes = codes(target).await;
            assert_eq!(codes.iter().map(|(_, rows)| rows).sum::<u64>(), quarantined);
            assert!(codes.iter().all(|(code, _)| *code == ErrorCode::Data008), "{codes:?}");
            let undone = Undo::all_of(target).of("run-1").await.unwrap();
            // A row that is what it was is nobody's but its owner's.
            let (restored, others) = if quarantined == 0 { (4, 2) } else { (3, 3) };
            let expected = [expected[1], restored, 0, 0, 0, others];
            assert_eq!(counts(&undone, "people"), expected, "{target} {orphans}");
            assert_eq!(targets.picture(target), before, "{target} {orphans}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_were_written_over_and_changed_since_stay_until_somebody_says_so() {
    let targets = Targets::with(THERE);
    for target in targets.urls() {
        run(&plan_of("update", &targets.source, target)).await.unwrap();
        targets.execute(
            target,
            "update people set note = 'seen' where id = 2;
             delete from people where id = 3;",
        );

        let undone = Undo::all_of(target).of("run-1").await.unwrap();
        assert_eq!(counts(&undone, "people"), [95, 2, 1, 0, 1, 2], "{target}");
        let discard = Undo { changed: Changed::Discard, ..Undo::all_of(target) };
        let undone = discard.of("run-1").await.unwrap();

        assert_eq!(counts(&undone, "people"), [0, 0, 1, 1, 0, 4], "{target}");
        assert!(undone.is_whole());
        let picture = targets.picture(target);
        assert!(picture.contains("Pers. 2") && !picture.contains("seen"), "{picture}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trigger_of_the_target_does_not_write_into_a_row_that_is_put_back() {
    let targets = Targets::with(THERE);
    targets.postgres.execute(
        "create function stamp() returns trigger language plpgsql as $$
         begin new.note := 'changed'; return new; end $$;
         create trigger stamp before update on people for each row execute function stamp();",
    );
    let target = targets.postgres.url();
    let before = targets.picture(target);
    run(&plan_of("update", &targets.source, target)).await.unwrap();
    assert!(targets.picture(target).contains("changed"));

    let undone = Undo::all_of(target).of("run-1").await.unwrap();

    assert_eq!(counts(&undone, "people"), [95, 4, 0, 0, 0, 2]);
    assert_eq!(targets.picture(target), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_rows_of_the_source_for_one_row_of_the_target_are_told() {
    let targets = Targets::with(THERE);
    for target in targets.urls() {
        // Everybody of one clinic falls on one row, across pieces and chunks.
        let one = plan_of("update", &targets.source, target);
        let yaml = one.to_yaml().replace("source: clinic_id", "source: id_");
        let yaml = yaml.replace("source: id\n", "source: clinic_id\n").replace("id_", "id");
        let plan = shared::plan::Plan::from_yaml(&yaml).unwrap();

        let outcome = run(&plan).await.unwrap();

        assert_eq!(outcome.failure, None, "{target}");
        assert_eq!(books(&outcome), [100, 0, 3, 97]);
        assert_eq!(codes(target).await, [(ErrorCode::Data009, 97)]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_the_target_refuses_is_found_among_those_that_it_takes() {
    let targets = Targets::with(THERE);
    let target = targets.postgres.url();
    targets
        .postgres
        .execute("alter table people add constraint no_thirteen check (name not like '%13')");

    let outcome = run(&plan_of("update", &targets.source, target)).await.unwrap();

    assert_eq!(books(&outcome), [100, 94, 5, 1]);
    assert_eq!(codes(target).await, [(ErrorCode::Data010, 1)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_not_unique_is_refused_before_anything_is_written() {
    let targets = Targets::with(THERE);
    let target = targets.postgres.url();
    let mut plan = plan_of("update", &targets.source, target);
    plan.tables[0].existing_key = vec!["name".to_owned()];

    let refused = run(&plan).await.unwrap_err();

    assert_eq!(refused.code(), ErrorCode::Map001);
    assert!(refused.to_string().contains("no unique index on just name"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn others_write_while_a_run_loads_and_the_books_close() {
    let targets = Targets::with(THERE);
    let target = targets.postgres.url().to_owned();
    let plan = plan_of("update", &targets.source, &target);
    let writing = {
        let (stop, target) = (Stop::default(), target.clone());
        let asked = stop.clone();
        let writer = std::thread::spawn(move || {
            let mut wrote = 0;
            while !asked.is_requested() {
                wrote += 1;
                let sql = format!(
                    "insert into people values ({}, null, 'Somebody else');
                     update people set note = 'touched' where id = {};",
                    2000 + wrote,
                    wrote % 120
                );
                client(&target, &sql);
            }
            wrote
        });
        (stop, writer)
    };

    let outcome = run(&plan).await.unwrap();
    writing.0.request();
    let wrote = writing.1.join().unwrap();

    assert_eq!(outcome.failure, None);
    assert!(outcome.books_close);
    let theirs = targets.postgres.query("select count(*) from people where id > 2000");
    assert_eq!(theirs, wrote.to_string());
    Undo::all_of(&target).of("run-1").await.unwrap();
    let theirs = targets.postgres.query("select count(*) from people where id > 2000");
    assert_eq!(theirs, wrote.to_string());
}

fn client(target: &str, sql: &str) {
    let done = std::process::Command::new("psql").arg(target).args(["-qc", sql]).status();
    assert!(done.unwrap().success());
}
