use engine::quarantine::{Job, Worker};
use shared::error_code::ErrorCode;
use shared::plan::Plan;
use shared::quarantine::QuarantineState;

use crate::desk::{Desk, Target, all, in_column, on_both, states};
use crate::support::run;

on_both! {
    a_row_that_is_refused_again_stays_with_its_new_reason;
    a_dry_run_tells_and_leaves_everything_as_it_was;
    a_replay_is_undone_and_the_target_is_as_before;
    a_row_that_was_changed_since_its_replay_stays;
    rows_without_a_key_are_taken_out_once_each;
    another_version_of_the_plan_gives_codes_their_meaning;
    the_run_that_was_continued_finds_its_books_in_order;
    a_run_that_is_not_there_is_named;
}

const LEGACY: &str = "
create table person (id integer primary key, code text, born text, sex text);
insert into person values
    (1, 'A', '1980-01-01', '1'), (2, 'B', 'soon', '2'), (3, 'A', 'later', '1'),
    (4, 'D', '1980-02-31', '9'), (5, 'E', '1980-01-05', '2');
create table log (line text, at text);
insert into log values ('same', 'x'), ('same', 'x'), ('same', 'x'), ('other', '2020-01-01');
";

const PLAN: &str = "
code_tables:
  sex: {entries: {'1': male, '2': female}}
tables:
- source: person
  key: [id]
  target: people
  columns:
  - {target: id, source: id, type: bigint, nullable: false, identity: true}
  - {target: code, source: code, type: varchar(3)}
  - {target: born, source: born, type: date}
  - {target: sex, source: sex, type: text, transform: [{rule: code_table, table: sex}]}
  create:
    primary_key: [id]
    indexes: [{name: people_code_key, columns: [code], unique: true}]
- source: log
  target: log
  columns:
  - {target: line, source: line, type: text}
  - {target: at, source: at, type: date}
  create: {}
";

const MEND: &str = "{fix: set, column: born, value: '1999-12-31'}";

const CONTENT: &str = "select count(*) || '/' || coalesce(sum(id), 0) from people";

async fn a_row_that_is_refused_again_stays_with_its_new_reason(target: Target) {
    let desk = Desk::new(target, LEGACY, PLAN).await;
    // 2 and 3 have no date, 4 has no such day and no such code.
    assert_eq!(desk.books(0), "2/3");

    desk.fix(MEND, in_column("born")).await.unwrap();
    let replayed = desk.replay(all()).await.unwrap();

    let people = &replayed.tables[0];
    assert_eq!((people.selected, people.done, people.again), (3, 1, 2));
    let mut codes: Vec<_> = desk.counts().await.iter().map(|count| count.code).collect();
    codes.sort_unstable();
    codes.dedup();
    // The code A is taken, 9 is no code, and x is no date of the other table.
    assert_eq!(codes, [ErrorCode::Data001, ErrorCode::Data009, ErrorCode::Data011]);
    let rows = desk.rows().await;
    let again = rows.iter().filter(|row| row.state == QuarantineState::Again).count();
    assert_eq!((again, rows.len()), (5, 6));
    assert_eq!(desk.books(0), "3/2");
    assert_eq!(desk.target.ask(CONTENT), "3/8");
    let code = "{fix: set, column: code, value: C}";
    desk.fix(code, in_column_of(ErrorCode::Data009)).await.unwrap();
    assert_eq!(desk.replay(all()).await.unwrap().done(), 1);
    assert_eq!(desk.books(0), "4/1");
}

fn in_column_of(code: ErrorCode) -> shared::quarantine::Selection {
    let mut selection = all();
    selection.filter.code = Some(code);
    selection
}

async fn a_dry_run_tells_and_leaves_everything_as_it_was(target: Target) {
    let desk = Desk::new(target, LEGACY, PLAN).await;
    desk.fix(MEND, in_column("born")).await.unwrap();
    let worker = || Worker { dry_run: true, ..Worker::named("Ada") };
    let job = Job::Replay { selection: &all(), rules: None };

    let tried = desk.work_as(job, worker()).await.unwrap();

    assert!(tried.dry_run);
    assert_eq!((tried.tables[0].done, tried.tables[0].again), (1, 2));
    assert_eq!(tried.refused.iter().map(|count| count.rows).sum::<u64>(), 5);
    assert_eq!(desk.books(0), "2/3");
    assert_eq!(desk.target.ask(CONTENT), "2/6");
    assert_eq!(desk.target.ask("select count(*) from own.quarantine_actions"), "1");
}

async fn a_replay_is_undone_and_the_target_is_as_before(target: Target) {
    let desk = Desk::new(target, LEGACY, PLAN).await;
    desk.fix(MEND, in_column("born")).await.unwrap();
    let (before, states_before) = (desk.target.ask(CONTENT), states(&desk.rows().await));
    let replayed = desk.replay(all()).await.unwrap();
    assert_ne!(desk.target.ask(CONTENT), before);

    let undone = desk.undo(&replayed.action.id).await.unwrap();

    assert_eq!((undone.selected(), undone.done()), (6, 6));
    assert_eq!(desk.target.ask(CONTENT), before);
    assert_eq!(states(&desk.rows().await), states_before);
    assert_eq!((desk.books(0), desk.books(1)), ("2/3".to_owned(), "1/3".to_owned()));
    // And forth again.
    assert_eq!(desk.replay(all()).await.unwrap().done(), 1);
}

async fn a_row_that_was_changed_since_its_replay_stays(target: Target) {
    let desk = Desk::new(target, LEGACY, PLAN).await;
    desk.fix(MEND, in_column("born")).await.unwrap();
    desk.fix("{fix: set, column: code, value: C}", in_id(3, &desk).await).await.unwrap();
    let replayed = desk.replay(all()).await.unwrap();
    assert_eq!(replayed.done(), 2);
    desk.target.execute("update people set code = 'Z' where id = 2");

    let undone = desk.undo(&replayed.action.id).await.unwrap();

    assert_eq!((undone.tables[0].done, undone.tables[0].left), (2, 1));
    assert_eq!(desk.target.ask(CONTENT), "3/8");
    assert_eq!(desk.books(0), "3/2");
}

/// The row of quarantine with the date `later`: the only one whose fix by code works.
async fn in_id(id: i64, desk: &Desk) -> shared::quarantine::Selection {
    let (url, key) = (desk.target.url(), engine::seal::Key::new(crate::support::KEY));
    for row in desk.rows().await {
        let shown = desk.quarantine(&url, &key).reveal(row.id.as_str()).await.unwrap().unwrap();
        let is_it = shown.cells.iter().any(|cell| {
            cell.column == "id" && cell.original.as_deref() == Some(id.to_string().as_str())
        });
        if is_it {
            return shared::quarantine::Selection { rows: vec![row.id], ..all() };
        }
    }
    panic!("no row {id}")
}

async fn rows_without_a_key_are_taken_out_once_each(target: Target) {
    let desk = Desk::new(target, LEGACY, PLAN).await;
    desk.fix("{fix: set, column: at, value: '2020-05-05'}", in_column("at")).await.unwrap();
    let two = shared::quarantine::Selection {
        rows: desk
            .rows()
            .await
            .into_iter()
            .filter(|row| row.source.name == "log")
            .map(|row| row.id)
            .take(2)
            .collect(),
        ..all()
    };
    let first = desk.replay(two).await.unwrap();
    let second = desk.replay(in_column("at")).await.unwrap();
    assert_eq!((first.done(), second.done()), (2, 1));
    assert_eq!(desk.target.ask("select count(*) from log"), "4");

    desk.undo(&first.action.id).await.unwrap();

    // Three rows are equal; two of them went.
    assert_eq!(desk.target.ask("select count(*) from log where line = 'same'"), "1");
    assert_eq!(desk.books(1), "2/2");
}

async fn another_version_of_the_plan_gives_codes_their_meaning(target: Target) {
    let desk = Desk::new(target, LEGACY, PLAN).await;
    desk.fix(MEND, in_column("born")).await.unwrap();
    let rules = Plan::from_yaml(
        &desk.plan.to_yaml().replace("'2': female", "'2': female\n      '9': unknown"),
    )
    .unwrap();
    assert_ne!(rules, desk.plan);
    let job = Job::Replay { selection: &in_column("born"), rules: Some(&rules) };

    let replayed = desk.work(job).await.unwrap();

    // 4 goes by the new code; 3 is still in the way of 1.
    assert_eq!((replayed.done(), replayed.tables[0].again), (2, 1));
    assert_eq!(desk.target.ask("select sex from people where id = 4"), "unknown");
    assert!(replayed.action.what.contains("another version"));
}

async fn the_run_that_was_continued_finds_its_books_in_order(target: Target) {
    let desk = Desk::new(target, LEGACY, PLAN).await;
    desk.fix(MEND, in_column("born")).await.unwrap();
    desk.replay(all()).await.unwrap();

    let again = run(&desk.plan).await.unwrap();

    assert!(again.books_close);
    let people = &again.tables[0].books;
    assert_eq!((people.read, people.loaded, people.quarantined), (5, 3, 2));
}

async fn a_run_that_is_not_there_is_named(target: Target) {
    let mut desk = Desk::new(target, LEGACY, PLAN).await;
    desk.rename_run("elsewhere");

    let refused = desk.replay(all()).await.unwrap_err();

    assert_eq!(refused.code(), ErrorCode::Load050);
    assert!(refused.to_string().contains("elsewhere"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sequence_goes_on_after_a_replayed_row_and_never_back() {
    let legacy = LEGACY.replace("(5, 'E', '1980-01-05', '2')", "(50, 'E', 'never', '2')");
    let desk = Desk::new(Target::postgres(), &legacy, PLAN).await;
    let next = "insert into people (code) values (null) returning id";
    assert_eq!(desk.target.ask(next), "2");
    desk.fix(MEND, in_column("born")).await.unwrap();

    // 2 is taken by now.
    assert_eq!(desk.replay(all()).await.unwrap().done(), 1);

    assert_eq!(desk.target.ask(next), "51");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_postgresql_come_back_as_they_were() {
    let source = testbed::postgres().create_database();
    source.execute(
        "create table visit (id bigint primary key, words text[], born date, extra jsonb,
                             size numeric, code text);
         insert into visit values
             (1, '{a,NULL,\"b,c\"}', '1980-01-01', '{\"a\": 1}', 1.50, 'X'),
             (2, '{}', '0044-03-15 BC', 'null', 'NaN', 'Quillon'),
             (3, null, null, null, null, 'X');",
    );
    let target = testbed::postgres().create_database();
    target.execute(
        "create table visit (id bigint primary key, words text[], born date, extra jsonb,
                             size numeric, code text check (code <> 'Quillon'))",
    );
    let plan = engine::map::draft::draft(source.url(), target.url(), None).await.unwrap();
    let outcome = run(&plan).await.unwrap();
    assert_eq!(outcome.tables[0].books.quarantined, 1);
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::of(Target::Postgres(target), plan, outcome, folder);

    let row = desk.rows().await.swap_remove(0);
    let (url, key) = (desk.target.url(), engine::seal::Key::new(crate::support::KEY));
    let shown = desk.quarantine(&url, &key).show(row.id.as_str()).await.unwrap().unwrap();
    let forms: Vec<_> = shown.cells.iter().map(|cell| cell.original.as_deref()).collect();
    assert_eq!(forms[0], Some("9"));
    assert_eq!(forms[5], Some("Xxxxxxx"));
    desk.fix("{fix: regex, column: code, pattern: Quill, replacement: Y}", all()).await.unwrap();
    let replayed = desk.replay(all()).await.unwrap();

    assert_eq!(replayed.done(), 1, "{replayed:?}");
    assert_eq!(
        desk.target.ask("select words, born, extra, size, code from visit where id = 2"),
        "{}\t0044-03-15 BC\tnull\tNaN\tYon"
    );
    desk.undo(&replayed.action.id).await.unwrap();
    assert_eq!(desk.target.ask("select count(*) from visit"), "2");
}
