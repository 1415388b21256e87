//! Merging and taking back is the identity on the whole target, whatever else happens to it.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::Arc;

use engine::merge::MergeState;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use shared::connection::Engine;
use shared::error_code::ErrorCode;

use crate::support::{World, first_with_all};

/// Something that happens to the target.
#[derive(Debug, Clone)]
enum Event {
    /// Some of the people who are there, by their places among them; the first one stays.
    Merge(Vec<usize>),
    /// One of the merges made so far, by its place.
    TakeBack(usize),
    /// What others do meanwhile.
    Elsewhere(Elsewhere),
}

#[derive(Debug, Clone)]
enum Elsewhere {
    NewVisit { patient: usize },
    NewBill { patient: usize },
    NewLogLine { patient: usize },
    ChangedVisit { visit: i64, note: u8 },
    DeletedVisit { visit: i64 },
    ChangedReaction { reaction: i64, seen: u8 },
    RenamedClinic { clinic: i64, name: u8 },
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let elsewhere = prop_oneof![
        (0..8_usize).prop_map(|patient| Elsewhere::NewVisit { patient }),
        (0..8_usize).prop_map(|patient| Elsewhere::NewBill { patient }),
        (0..8_usize).prop_map(|patient| Elsewhere::NewLogLine { patient }),
        (0..12_i64, any::<u8>()).prop_map(|(visit, note)| Elsewhere::ChangedVisit { visit, note }),
        (0..12_i64).prop_map(|visit| Elsewhere::DeletedVisit { visit }),
        (0..12_i64, any::<u8>())
            .prop_map(|(reaction, seen)| Elsewhere::ChangedReaction { reaction, seen }),
        (1..3_i64, any::<u8>())
            .prop_map(|(clinic, name)| Elsewhere::RenamedClinic { clinic, name }),
    ];
    let event = prop_oneof![
        4 => proptest::collection::vec(0..8_usize, 2..4).prop_map(Event::Merge),
        2 => (0..6_usize).prop_map(Event::TakeBack),
        4 => elsewhere.prop_map(Event::Elsewhere),
    ];
    proptest::collection::vec(event, 1..12)
}

/// Rows of a clinic: eight people, of whom anybody may have anything.
fn rows() -> impl Strategy<Value = String> {
    let text = prop_oneof![
        Just("null".to_owned()),
        Just("''".to_owned()),
        Just("'null'".to_owned()),
        Just("'O''Neill \\ \"x\" é 東'".to_owned()),
        "[a-c]{1,3}".prop_map(|text| format!("'{text}'")),
    ];
    let person = (
        proptest::option::of(0..8_usize),
        proptest::option::of(1..8_usize),
        [text.clone(), text.clone(), text.clone()],
    );
    let things = proptest::collection::vec((0..8_usize, 0..4_u8, text, any::<f64>()), 0..24);
    (proptest::collection::vec(person, 8), things).prop_map(|(people, things)| {
        let mut sql = vec!["insert into clinic values (1, 'North'), (2, 'South')".to_owned()];
        for account in 0..8 {
            sql.push(format!(
                "insert into account values ({account}, 'a{account}@example.org', 'n{account}', null)"
            ));
        }
        for (id, (account, _, [born, phone, insured])) in people.iter().enumerate() {
            let account = account.map_or("null".to_owned(), |account| account.to_string());
            let clinic = id % 2 + 1;
            sql.push(format!(
                "insert into patient values ({id}, 'c{id}', {clinic}, {account}, null, {born}, \
                 {phone}, null, {insured})"
            ));
        }
        for (id, (_, guardian, _)) in people.iter().enumerate() {
            if let Some(guardian) = guardian {
                sql.push(format!("update patient set guardian_id = {guardian} where id = {id}"));
            }
        }
        let (mut allergies, mut consents) = (BTreeSet::new(), BTreeSet::new());
        for (number, (patient, kind, text, float)) in things.iter().enumerate() {
            let clinic = patient % 2 + 1;
            let float = if float.is_finite() { format!("{float:e}") } else { "0.1".to_owned() };
            match kind {
                0 => sql.push(format!(
                    "insert into visit values ({number}, {patient}, {text}, {float})"
                )),
                1 => {
                    sql.push(format!(
                        "insert into bill values ({number}, {clinic}, 'c{patient}', {text})"
                    ));
                    sql.push(format!("insert into log values ({patient}, {text})"));
                }
                2 => {
                    let substance = ["pollen", "nuts"][number % 2];
                    if allergies.insert((patient, substance)) {
                        sql.push(format!(
                            "insert into allergy values ({patient}, '{substance}', {text})"
                        ));
                    }
                    sql.push(format!(
                        "insert into reaction values ({number}, {patient}, '{substance}', {text})"
                    ));
                }
                _ if consents.insert(patient) => {
                    sql.push(format!("insert into consent values ({number}, {patient}, {text})"));
                    sql.push(format!(
                        "insert into consent_page values ({number}, {number}, {text})"
                    ));
                }
                _ => sql.push(format!("insert into login values ({number}, {patient})")),
            }
        }
        sql.push(String::new());
        sql.join(";\n")
    })
}

/// Lets the events happen to one world, those that are nobody's merge to another one as well, takes
/// everything back, and compares.
///
/// Gives how many merges were made.
async fn check(world: &World, untouched: &World, rows: &str, events: &[Event]) -> usize {
    let mut made = 0;
    world.reset(rows).await;
    untouched.reset(rows).await;
    let mut merges: Vec<String> = Vec::new();
    for (number, event) in events.iter().enumerate() {
        let there = world.ask("select id from patient order by id").await;
        let there: Vec<i64> = there.iter().map(|id| id.parse().unwrap()).collect();
        match event {
            Event::Merge(places) => {
                let members: Vec<i64> =
                    places.iter().map(|place| there[place % there.len()]).collect();
                let id = format!("m{number}");
                let merge = world.merge(&id, &members, Arc::new(first_with_all)).await;
                match merge.state {
                    MergeState::Applied => {
                        made += 1;
                        merges.push(id);
                    }
                    state => assert_eq!(state, MergeState::Refused),
                }
            }
            Event::TakeBack(place) => {
                let Some(id) = merges.get(*place) else { continue };
                let before = world.dump().await;
                match world.take_back(id).await {
                    Ok(_) => drop(merges.remove(*place)),
                    Err(error) => {
                        // Another merge stands on it; nothing was changed.
                        assert_eq!(error.code(), ErrorCode::Load031, "{error}");
                        assert_eq!(world.dump().await, before);
                    }
                }
            }
            Event::Elsewhere(elsewhere) => {
                let sql = elsewhere.sql(&there, 100 + number);
                world.run(&sql).await.unwrap();
                untouched.run(&sql).await.unwrap();
            }
        }
    }
    for id in merges.iter().rev() {
        world.take_back(id).await.unwrap();
    }
    assert_eq!(world.dump().await, untouched.dump().await);
    made
}

impl Elsewhere {
    fn sql(&self, there: &[i64], fresh: usize) -> String {
        let of = |place: &usize| there[place % there.len()];
        match self {
            Self::NewVisit { patient } => {
                format!("insert into visit values ({fresh}, {}, 'new', 0.3)", of(patient))
            }
            Self::NewBill { patient } => {
                let id = of(patient);
                format!("insert into bill values ({fresh}, {}, 'c{id}', 'new')", id % 2 + 1)
            }
            Self::NewLogLine { patient } => {
                format!("insert into log values ({}, 'new')", of(patient))
            }
            Self::ChangedVisit { visit, note } => {
                format!("update visit set note = 'changed {note}' where id = {visit}")
            }
            Self::DeletedVisit { visit } => format!("delete from visit where id = {visit}"),
            Self::ChangedReaction { reaction, seen } => {
                format!("update reaction set seen = 'changed {seen}' where id = {reaction}")
            }
            Self::RenamedClinic { clinic, name } => {
                format!("update clinic set name = 'renamed {name}' where id = {clinic}")
            }
        }
    }
}

fn identity(engine: Engine, cases: u32) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (world, untouched) =
        runtime.block_on(async { (World::new(engine, "").await, World::new(engine, "").await) });
    let config =
        Config { cases, failure_persistence: None, max_shrink_iters: 60, ..Config::default() };
    let made = Cell::new(0);
    TestRunner::new(config)
        .run(&(rows(), events()), |(rows, events)| {
            made.set(made.get() + runtime.block_on(check(&world, &untouched, &rows, &events)));
            Ok(())
        })
        .unwrap();
    assert!(made.get() >= cases as usize, "{} merges in {cases} cases", made.get());
}

#[test]
fn merging_and_taking_back_is_the_identity_on_sqlite() {
    identity(Engine::Sqlite, 48);
}

#[test]
fn merging_and_taking_back_is_the_identity_on_postgresql() {
    identity(Engine::Postgres, 12);
}
