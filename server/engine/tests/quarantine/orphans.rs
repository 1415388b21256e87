use engine::quarantine::Job;
use shared::error_code::ErrorCode;
use shared::quarantine::{QuarantineState, Selection};

use crate::desk::{Desk, Target, all, in_column, on_both, states};

on_both! {
    parked_rows_go_with_their_parent;
    orphans_that_are_not_parked_wait_to_be_asked;
    parents_go_before_their_children_in_one_action;
    parents_and_children_of_one_table_go_together;
    a_row_that_keeps_its_orphans_key_goes_without_the_reference;
    a_replay_with_children_is_undone_from_the_children_on;
    a_parked_row_writes_over_the_one_that_is_there_and_is_undone;
}

/// Clinic 3 has a bad date, and person 30 and the visits 300 and 301 hang on it. Person 40 has a
/// clinic that never was.
const LEGACY: &str = "
create table clinic (id integer primary key, since text);
create table person (id integer primary key, clinic_id integer, chief_id integer, name text);
create table visit (id integer primary key, person_id integer, cost real, note text);
insert into clinic values (1, '2001-01-01'), (3, 'long ago');
insert into person values (10, 1, null, 'a'), (30, 3, 10, 'Quillon'), (40, 77, null, 'c');
insert into visit values (100, 10, 1.5, 'x'), (300, 30, 0.1, 'y'), (301, 30, 2, null);
";

fn plan(orphans: &str) -> String {
    format!(
        "
tables:
- source: clinic
  key: [id]
  target: clinics
  columns:
  - {{target: id, source: id, type: uuid, nullable: false, transform: [{{rule: uuid_v5, entity: clinic}}]}}
  - {{target: since, source: since, type: date, nullable: false}}
  create: {{primary_key: [id]}}
- source: person
  key: [id]
  target: people
  columns:
  - {{target: id, source: id, type: bigint, nullable: false}}
  - {{target: clinic_id, source: clinic_id, type: uuid, transform: [{{rule: uuid_v5, entity: clinic}}]}}
  - {{target: legacy_clinic_id, source: clinic_id, type: bigint}}
  - {{target: chief_id, source: chief_id, type: bigint}}
  - {{target: name, source: name, type: text}}
  create:
    primary_key: [id]
    foreign_keys:
    - {{name: people_clinic_fkey, columns: [clinic_id], references: clinics, referenced_columns: [id]}}
    - {{name: people_chief_fkey, columns: [chief_id], references: people, referenced_columns: [id]}}
  orphans: {{people_clinic_fkey: {orphans}}}
- source: visit
  key: [id]
  target: visits
  columns:
  - {{target: id, source: id, type: bigint, nullable: false}}
  - {{target: person_id, source: person_id, type: bigint}}
  - {{target: cost, source: cost, type: double precision}}
  - {{target: note, source: note, type: text}}
  create:
    primary_key: [id]
    foreign_keys:
    - {{name: visits_person_fkey, columns: [person_id], references: people, referenced_columns: [id]}}
  orphans: {{visits_person_fkey: park}}
"
    )
}

const MEND: &str = "{fix: set, column: since, value: '1999-01-01'}";

const VISITS: &str = "select count(*) || '/' || sum(cost) from visits";

async fn parked_rows_go_with_their_parent(target: Target) {
    let desk = Desk::new(target, LEGACY, &plan("park")).await;
    assert_eq!(
        states(&desk.rows().await),
        [QuarantineState::New].into_iter().chain([QuarantineState::Parked; 4]).collect::<Vec<_>>()
    );
    // Whoever asks for them alone is told that they wait.
    let early = desk.replay(in_column("person_id")).await.unwrap();
    assert_eq!((early.done(), early.tables[0].parked), (0, 2));
    desk.fix(MEND, in_column("since")).await.unwrap();

    let replayed = desk.replay(in_column("since")).await.unwrap();

    let told: Vec<_> =
        replayed.tables.iter().map(|table| (table.index, table.done, table.parked)).collect();
    assert_eq!(told, [(0, 1, 0), (1, 1, 0), (2, 2, 0)]);
    assert_eq!(desk.target.ask(VISITS), "3/3.6");
    assert_eq!(desk.target.ask("select name from people where id = 30"), "Quillon");
    assert_eq!((desk.books(1), desk.books(2)), ("2/1".to_owned(), "3/0".to_owned()));
    // The one whose parent never was still waits.
    let rows = desk.rows().await;
    let parked: Vec<_> = rows.iter().filter(|row| row.state == QuarantineState::Parked).collect();
    assert_eq!((parked.len(), parked[0].code), (1, ErrorCode::Data008));
}

async fn orphans_that_are_not_parked_wait_to_be_asked(target: Target) {
    let desk = Desk::new(target, LEGACY, &plan("quarantine")).await;
    desk.fix(MEND, in_column("since")).await.unwrap();

    let parent = desk.replay(in_column("since")).await.unwrap();
    assert_eq!(parent.done(), 1);
    let children = desk.replay(in_column("clinic_id")).await.unwrap();

    // Person 30 goes, and with it the visits, which are parked; 40 is refused again.
    let told: Vec<_> =
        children.tables.iter().map(|table| (table.index, table.done, table.again)).collect();
    assert_eq!(told, [(1, 1, 1), (2, 2, 0)]);
    assert_eq!(desk.target.ask(VISITS), "3/3.6");
}

async fn parents_go_before_their_children_in_one_action(target: Target) {
    let desk = Desk::new(target, LEGACY, &plan("quarantine")).await;
    desk.fix(MEND, in_column("since")).await.unwrap();

    let replayed = desk.replay(all()).await.unwrap();

    let told: Vec<_> =
        replayed.tables.iter().map(|table| (table.index, table.done, table.again)).collect();
    assert_eq!(told, [(0, 1, 0), (1, 1, 1), (2, 2, 0)]);
}

async fn parents_and_children_of_one_table_go_together(target: Target) {
    let legacy = LEGACY.replace(
        "(40, 77, null, 'c')",
        "(40, 77, null, 'c'), (50, 3, 60, 'd'), (60, 3, 70, 'e'), (70, 3, null, 'f'), (80, 3, 40, 'g')",
    );
    let desk = Desk::new(target, &legacy, &plan("park")).await;
    desk.fix(MEND, in_column("since")).await.unwrap();

    let replayed = desk.replay(in_column("since")).await.unwrap();

    // 50 hangs on 60 and 60 on 70, which go at once; 80 hangs on 40, which stays.
    assert_eq!(replayed.tables[1].done, 4);
    let ids = "select sum(id) from people";
    assert_eq!(desk.target.ask(ids), (10 + 30 + 50 + 60 + 70).to_string());
}

async fn a_row_that_keeps_its_orphans_key_goes_without_the_reference(target: Target) {
    let legacy = LEGACY.replace("(40, 77, null, 'c')", "(40, 77, 30, 'c')");
    let desk = Desk::new(target, &legacy, &plan("{keep_in: legacy_clinic_id}")).await;
    // Clinic 3 is in quarantine, and those that hang on it stayed without it.
    assert_eq!(desk.books(1), "3/0");
    let rows = desk.rows().await;
    assert_eq!(rows.len(), 1);
    assert_eq!(desk.target.ask("select count(*) from people where clinic_id is null"), "2");

    let waived = desk.work(Job::Waive { selection: &all() }).await.unwrap();

    assert_eq!(waived.done(), 1);
}

async fn a_replay_with_children_is_undone_from_the_children_on(target: Target) {
    let desk = Desk::new(target, LEGACY, &plan("quarantine")).await;
    desk.fix(MEND, in_column("since")).await.unwrap();
    let parent = desk.replay(in_column("since")).await.unwrap();
    let rows = desk.rows().await;
    let person = rows.iter().find(|row| {
        row.column.as_deref() == Some("clinic_id") && row.state == QuarantineState::New
    });
    let both = Selection {
        rows: rows
            .iter()
            .filter(|row| row.column.as_deref() == Some("clinic_id"))
            .map(|row| row.id.clone())
            .collect(),
        ..Selection::default()
    };
    assert!(person.is_some());
    let children = desk.replay(both).await.unwrap();
    assert_eq!(children.done(), 3);

    if let Target::Postgres(_) = desk.target {
        let refused = desk.undo(&parent.action.id).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::Load052);
    }
    desk.undo(&children.action.id).await.unwrap();
    desk.undo(&parent.action.id).await.unwrap();

    assert_eq!(desk.target.ask(VISITS), "1/1.5");
    assert_eq!(
        (desk.books(0), desk.books(1), desk.books(2)),
        ("1/1".to_owned(), "1/2".to_owned(), "1/2".to_owned())
    );
}

/// People who were there before the run.
const THERE: &str = "
create table people (id bigint primary key, clinic_id bigint, name text);
insert into people values (30, null, 'before'), (99, null, 'theirs');
";

const OVER: &str = "
tables:
- source: clinic
  key: [id]
  target: clinics
  columns:
  - {target: id, source: id, type: bigint, nullable: false}
  - {target: since, source: since, type: date, nullable: false}
  create: {primary_key: [id]}
- source: person
  key: [id]
  target: people
  existing: update
  columns:
  - {target: id, source: id, type: bigint, nullable: false}
  - {target: clinic_id, source: clinic_id, type: bigint}
  - {target: name, source: name, type: text}
  left_behind: {chief_id: not needed}
  create:
    primary_key: [id]
    foreign_keys:
    - {name: people_clinic_fkey, columns: [clinic_id], references: clinics, referenced_columns: [id]}
  orphans: {people_clinic_fkey: park}
- source: visit
  key: [id]
  target: visits
  columns:
  - {target: id, source: id, type: bigint, nullable: false}
  left_behind: {person_id: not needed, cost: not needed, note: not needed}
  create: {primary_key: [id]}
";

async fn a_parked_row_writes_over_the_one_that_is_there_and_is_undone(target: Target) {
    target.execute(THERE);
    let desk = Desk::new(target, LEGACY, OVER).await;
    let thirty = "select coalesce(clinic_id, 0) || name from people where id = 30";
    let books = "select sum(loaded) || '/' || sum(merged) || '/' || sum(quarantined)
        from own.ledger where table_index = 1";
    // 30 is as it was, and waits; so does 40, whose clinic never was.
    assert_eq!(
        (desk.target.ask(thirty), desk.target.ask(books)),
        ("0before".into(), "1/0/2".into())
    );
    desk.fix(MEND, in_column("since")).await.unwrap();

    let replayed = desk.replay(in_column("since")).await.unwrap();

    let told: Vec<_> = replayed.tables.iter().map(|table| (table.index, table.done)).collect();
    assert_eq!(told, [(0, 1), (1, 1)]);
    assert_eq!(
        (desk.target.ask(thirty), desk.target.ask(books)),
        ("3Quillon".into(), "1/1/1".into())
    );

    desk.undo(&replayed.action.id).await.unwrap();
    assert_eq!(
        (desk.target.ask(thirty), desk.target.ask(books)),
        ("0before".into(), "1/0/2".into())
    );
    let again = desk.replay(in_column("since")).await.unwrap();
    assert_eq!(again.tables.iter().map(|table| table.done).sum::<u64>(), 2);
    assert_eq!(desk.target.ask(thirty), "3Quillon");
    assert_eq!(desk.target.ask("select name from people where id = 99"), "theirs");
}
