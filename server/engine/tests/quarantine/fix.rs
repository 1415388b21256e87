use engine::quarantine::{Job, Worker};
use engine::seal::Key;
use shared::error_code::ErrorCode;
use shared::quarantine::{ActionKind, QuarantineState, Selection};

use crate::desk::{Desk, Target, all, in_column, on_both, states};
use crate::support::KEY;

on_both! {
    a_rule_mends_ten_thousand_rows_in_one_action;
    what_was_done_with_a_row_is_told_without_its_values;
    a_fix_is_undone_and_the_original_was_never_touched;
    a_waiver_needs_a_name_and_keeps_the_row_behind;
    a_preview_tells_what_would_pass_and_writes_nothing;
    two_people_do_not_work_on_a_row_at_once;
    an_action_that_is_not_approved_did_not_happen;
    a_fix_of_a_column_that_no_row_has_is_refused;
}

/// 10,020 people of whom most were born on a day written the wrong way round.
const PEOPLE: &str = "
create table person (id integer primary key, name text, birth_dt text, weight text);
insert into person
with recursive n(i) as (select 1 union all select i + 1 from n where i < 10020)
select i, 'Quillon ' || i,
       case when i <= 10000 then printf('%02d/%02d/19%02d', i % 12 + 1, i % 28 + 1, i % 100)
            else '1980-01-01' end,
       case when i = 10005 then 'heavy' else '70' end
from n;
";

const PLAN: &str = "
options: {chunk_rows: 2000}
tables:
- source: person
  key: [id]
  target: people
  columns:
  - {target: id, source: id, type: bigint, nullable: false}
  - {target: name, source: name, type: text}
  - {target: born, source: birth_dt, type: date}
  - {target: weight, source: weight, type: 'numeric(6,2)'}
  create: {primary_key: [id]}
";

const MEND: &str =
    "{fix: regex, column: born, pattern: '^(..)/(..)/(....)$', replacement: '$3-$1-$2'}";

async fn a_rule_mends_ten_thousand_rows_in_one_action(target: Target) {
    let desk = Desk::new(target, PEOPLE, PLAN).await;
    assert_eq!(desk.books(0), "19/10001");

    let fixed = desk.fix(MEND, in_column("born")).await.unwrap();
    let replayed = desk.replay(in_column("born")).await.unwrap();

    assert_eq!((fixed.selected(), fixed.done()), (10_000, 10_000));
    assert_eq!((replayed.selected(), replayed.done()), (10_000, 10_000));
    assert_eq!(desk.books(0), "10019/1");
    assert_eq!(desk.target.ask("select count(*) from people"), "10019");
    let born = desk.target.ask("select born from people where id = 123");
    assert_eq!(born, "1923-04-12");
    // Two actions, however many rows.
    assert_eq!(desk.target.ask("select count(*) from own.quarantine_actions"), "2");
}

async fn what_was_done_with_a_row_is_told_without_its_values(target: Target) {
    let desk = Desk::new(target, &PEOPLE.replace("10020", "30"), PLAN).await;
    let row = desk.rows().await.swap_remove(0);
    let one = Selection { rows: vec![row.id.clone()], ..Selection::default() };
    desk.work(Job::Triage { selection: &one }).await.unwrap();
    desk.fix(MEND, one.clone()).await.unwrap();
    desk.replay(one).await.unwrap();

    let (url, key) = (desk.target.url(), Key::new(KEY));
    let quarantine = desk.quarantine(&url, &key);
    let shown = quarantine.show(row.id.as_str()).await.unwrap().unwrap();

    let kinds: Vec<_> = shown.steps.iter().map(|step| (step.kind, step.from, step.to)).collect();
    assert_eq!(
        kinds,
        [
            (ActionKind::Triage, QuarantineState::New, QuarantineState::Triaged),
            (ActionKind::Fix, QuarantineState::Triaged, QuarantineState::Fixed),
            (ActionKind::Replay, QuarantineState::Fixed, QuarantineState::Replayed),
        ]
    );
    assert_eq!(shown.steps[1].by, "Ada");
    assert_eq!(shown.steps[1].what, "regex on born");
    let born = shown.cells.iter().find(|cell| cell.column == "birth_dt").unwrap();
    assert_eq!(
        (born.original.as_deref(), born.current.as_deref(), born.is_changed),
        (Some("99/99/9999"), Some("9999-99-99"), true)
    );
    assert_eq!(shown.row.steps, 3);
    let told = format!("{shown:?} {:?}", quarantine.actions().await.unwrap());
    assert!(!told.contains("Quillon") && !told.contains("/19"), "{told}");

    let revealed = quarantine.reveal(row.id.as_str()).await.unwrap().unwrap();
    let name = revealed.cells.iter().find(|cell| cell.column == "name").unwrap();
    assert!(name.original.as_ref().unwrap().starts_with("Quillon "));
    assert!(!format!("{revealed:?}").contains("Quillon"));
}

async fn a_fix_is_undone_and_the_original_was_never_touched(target: Target) {
    let desk = Desk::new(target, &PEOPLE.replace("10020", "30"), PLAN).await;
    let sealed = "select count(distinct sealed) || '/' || min(length(sealed)) from own.quarantine";
    let before = desk.target.ask(sealed);

    let first = desk.fix("{fix: set, column: born, value: 'soon'}", all()).await.unwrap();
    let second = desk.fix("{fix: set, column: born, value: '1999-12-31'}", all()).await.unwrap();
    let refused = desk.undo(&first.action.id).await.unwrap_err();
    let undone = desk.undo(&second.action.id).await.unwrap();
    let again = desk.undo(&second.action.id).await.unwrap_err();
    desk.undo(&first.action.id).await.unwrap();

    assert_eq!((refused.code(), again.code()), (ErrorCode::Load051, ErrorCode::Load051));
    assert_eq!((undone.selected(), undone.done()), (30, 30));
    assert!(states(&desk.rows().await).iter().all(|state| *state == QuarantineState::New));
    assert_eq!(desk.target.ask(sealed), before);
    // As they are now, none of them passes.
    let replayed = desk.replay(all()).await.unwrap();
    assert_eq!((replayed.done(), replayed.tables[0].again), (0, 30));
}

async fn a_waiver_needs_a_name_and_keeps_the_row_behind(target: Target) {
    let desk = Desk::new(target, &PEOPLE.replace("10020", "30"), PLAN).await;
    let worker = Worker { note: Some("test people"), ..Worker::named("Bea") };

    let waived = desk.work_as(Job::Waive { selection: &all() }, worker).await.unwrap();
    let replayed = desk.replay(all()).await.unwrap();
    let fixed = desk.fix(MEND, all()).await.unwrap();

    assert_eq!((waived.action.by.as_str(), waived.done()), ("Bea", 30));
    assert_eq!(waived.action.note.as_deref(), Some("test people"));
    assert_eq!((replayed.selected(), fixed.selected()), (0, 0));
    assert_eq!(desk.books(0), "0/30");
    desk.undo(&waived.action.id).await.unwrap();
    assert_eq!(desk.fix(MEND, all()).await.unwrap().done(), 30);
}

async fn a_preview_tells_what_would_pass_and_writes_nothing(target: Target) {
    let desk = Desk::new(target, PEOPLE, PLAN).await;
    let steps = "select count(*) from own.quarantine_steps";

    let preview = desk.preview(MEND, all()).await;

    assert_eq!((preview.selected, preview.changed, preview.passes), (10_001, 10_000, 10_000));
    let left: Vec<_> =
        preview.refused.iter().map(|c| (c.code, c.column.as_deref(), c.rows)).collect();
    assert_eq!(left, [(ErrorCode::Data001, Some("weight"), 1)]);
    assert_eq!(preview.examples.len(), 3);
    let cell = &preview.examples[0].cells[0];
    assert_eq!(
        (cell.original.as_deref(), cell.current.as_deref()),
        (Some("99/99/9999"), Some("9999-99-99"))
    );
    assert_eq!(preview.examples[0].code, None);
    assert!(!format!("{preview:?}").contains("Quillon"));
    assert_eq!(desk.target.ask(steps), "0");
}

async fn two_people_do_not_work_on_a_row_at_once(target: Target) {
    let desk = Desk::new(target, &PEOPLE.replace("10020", "30"), PLAN).await;
    let both = all();
    // The second one reads before the first one is through.
    let worker = Worker {
        approval: Box::new(|_| {
            Box::pin(async {
                tokio::time::sleep(std::time::Duration::from_millis(300)).await;
                Ok(())
            })
        }),
        ..Worker::named("Ada")
    };
    let first = desk.work_as(Job::Triage { selection: &both }, worker);
    let second = async {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        desk.work(Job::Triage { selection: &both }).await
    };

    let (first, second) = tokio::join!(first, second);

    assert_eq!(first.unwrap().done(), 30);
    // It is refused, or it waited and found nothing left to do.
    match second {
        Ok(outcome) => assert_eq!(outcome.done(), 0),
        Err(error) => {
            assert!(matches!(error.code(), ErrorCode::Load051 | ErrorCode::Load041), "{error}");
        }
    }
    assert_eq!(desk.target.ask("select max(steps) from own.quarantine"), "1");
}

async fn an_action_that_is_not_approved_did_not_happen(target: Target) {
    let desk = Desk::new(target, &PEOPLE.replace("10020", "30"), PLAN).await;
    desk.fix(MEND, all()).await.unwrap();
    let refuse = || Worker {
        approval: Box::new(|_| {
            Box::pin(async {
                Err(engine::EngineError::new(ErrorCode::Sys007, "writing the audit entry"))
            })
        }),
        ..Worker::named("Ada")
    };

    let job = Job::Replay { selection: &all(), rules: None };
    let refused = desk.work_as(job, refuse()).await.unwrap_err();

    assert_eq!(refused.code(), ErrorCode::Sys007);
    assert_eq!(desk.target.ask("select count(*) from people"), "0");
    assert_eq!(desk.books(0), "0/30");
    assert_eq!(desk.target.ask("select count(*) from own.quarantine_actions"), "1");
}

async fn a_fix_of_a_column_that_no_row_has_is_refused(target: Target) {
    let desk = Desk::new(target, &PEOPLE.replace("10020", "30"), PLAN).await;

    let refused = desk.fix("{fix: set, column: height}", all()).await.unwrap_err();

    assert_eq!(refused.code(), ErrorCode::Map002);
    assert!(refused.to_string().contains("height"), "{refused}");
    assert_eq!(desk.target.ask("select count(*) from own.quarantine_actions"), "0");
}
