//! Who is drawn to be looked at, and what both sides have of them.

use std::sync::Arc;

use engine::run::Stop;
use engine::seal::{self, Key};
use engine::verify::{Ages, DrawRequest, Drawn, LookRequest, draw, look};
use shared::plan::{Plan, When};
use shared::sign_off::PairState::{self, Different, Extra, Filtered, Quarantined, Same};
use shared::sign_off::{SideBySide, Stratum};
use testbed::Database;

use crate::duplicates::{PEOPLE, matcher, plan_for};
use crate::support::{Given, KEY, plan, run, run_with, sqlite};

async fn drawn(plan: &Plan, table: &str, size: u32, seed: u64) -> Drawn {
    drawn_by(plan, table, size, seed, None).await
}

async fn drawn_by(plan: &Plan, table: &str, size: u32, seed: u64, ages: Option<Ages>) -> Drawn {
    draw(DrawRequest {
        plan: plan.clone(),
        source_url: plan.source.clone(),
        target_url: plan.target.clone(),
        table: table.parse().unwrap(),
        size,
        seed,
        ages,
        key: Key::new(KEY),
        stop: Stop::default(),
    })
    .await
    .unwrap()
}

async fn looked_at(plan: &Plan, table: &str, sealed: &[u8]) -> Vec<SideBySide> {
    look(LookRequest {
        plan,
        source_url: &plan.source,
        target_url: &plan.target,
        table: &table.parse().unwrap(),
        sealed,
        key: &Key::new(KEY),
    })
    .await
    .unwrap()
}

/// Who was drawn, as their seals say.
fn names(drawn: &Drawn) -> Vec<String> {
    let open = |sealed: &[u8]| seal::open(&Key::new(KEY), sealed).unwrap();
    let people = drawn.people.iter();
    people.map(|person| String::from_utf8(open(&person.sealed)).unwrap()).collect()
}

/// How somebody with this key in the source is found again.
fn handle(key: &str) -> Vec<u8> {
    let handle = format!(r#"{{"part": 0, "cells": [["id", "{key}"]]}}"#);
    seal::seal(&Key::new(KEY), handle.as_bytes()).unwrap()
}

/// Each table by its name, with what became of its rows.
fn states(tables: &[SideBySide]) -> Vec<(&str, Vec<PairState>)> {
    let states = |table: &SideBySide| table.rows.iter().map(|row| row.state).collect();
    tables.iter().map(|table| (table.target.name.as_str(), states(table))).collect()
}

async fn merged_people(target: &str, folder: &tempfile::TempDir) -> Plan {
    let source = sqlite(folder, "legacy.db", PEOPLE);
    let plan = plan_for(&source, target, When::AfterLoad);
    let given = Given { matcher: Some(matcher(&Arc::default(), None)), ..Given::default() };
    assert!(run_with(&plan, given).await.unwrap().books_close);
    plan
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seed_draws_the_same_people_again_and_some_of_every_kind() {
    let folder = tempfile::tempdir().unwrap();
    let target = testbed::postgres().create_database();
    let plan = merged_people(target.url(), &folder).await;

    let first = drawn(&plan, "public.people", 20, 7).await;

    let strata: Vec<_> =
        first.strata.iter().map(|it| (it.stratum, it.people, it.is_counted, it.drawn)).collect();
    // One was born on no day; of every three, two are one; the others have a visit each.
    let expected = [
        (Stratum::NotCarried, 1, true, 1),
        (Stratum::Merged, 200, true, 13),
        (Stratum::FewRecords, 100, true, 6),
    ];
    assert_eq!(strata, expected);
    assert_eq!(first.people.len(), 20);
    assert!(names(&first)[0].contains("301"));
    assert_eq!(names(&first), names(&drawn(&plan, "public.people", 20, 7).await));
    assert_ne!(names(&first), names(&drawn(&plan, "public.people", 20, 8).await));
    let written = "select count(*) from transfuse.verifications";
    let is_there = "select to_regclass('transfuse.verifications') is null";
    assert!(target.query(is_there) == "t" || target.query(written) == "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_every_age_somebody_is_drawn_the_same_for_the_same_seed() {
    let folder = tempfile::tempdir().unwrap();
    let server = testbed::postgres().create_database();
    let file = format!("sqlite:{}", folder.path().join("new.db").display());
    let mut names_of_both = Vec::new();
    for target in [server.url(), &file] {
        let folder = tempfile::tempdir().unwrap();
        let source = sqlite(&folder, "legacy.db", AGES);
        let plan = plan(&source, target, AGES_PLAN);
        assert!(run(&plan).await.unwrap().books_close);
        let ages = |on: &str| Some(Ages { born: "born".to_owned(), on: on.parse().unwrap() });

        let first = drawn_by(&plan, "people", 12, 7, ages("2020-01-01")).await;

        let strata: Vec<_> = first
            .strata
            .iter()
            .map(|it| (it.stratum, it.people, it.is_counted, it.drawn))
            .collect();
        // One was born on no day, one is not born yet, of one it is not known.
        let expected = [
            (Stratum::NotCarried, 1, true, 1),
            (Stratum::Under18, 17, true, 2),
            (Stratum::From18, 22, true, 2),
            (Stratum::From40, 25, true, 3),
            (Stratum::From65, 15, true, 2),
            (Stratum::From80, 20, true, 2),
            (Stratum::UnknownAge, 2, true, 1),
        ];
        assert_eq!(
            strata.iter().map(|it| (it.0, it.1, it.2)).collect::<Vec<_>>(),
            expected.map(|it| (it.0, it.1, it.2))
        );
        assert_eq!(first.people.len(), 12);
        assert!(strata.iter().all(|it| it.3 > 0), "{strata:?}");
        let again = drawn_by(&plan, "people", 12, 7, ages("2020-01-01")).await;
        assert_eq!(names(&first), names(&again));
        // Years later they are older.
        let later = drawn_by(&plan, "people", 12, 7, ages("2040-01-01")).await;
        assert_ne!(later.strata, first.strata);
        names_of_both.push(names(&first));
    }
    assert_eq!(names_of_both[0], names_of_both[1]);
}

/// Somebody of each year from 1921 to 2019, and three of whom no age is known.
const AGES: &str = "
create table person (id integer primary key, born text);
with recursive n(i) as (select 1921 union all select i + 1 from n where i < 2019)
insert into person select i, i || '-01-01' from n;
insert into person values (1, 'on no day'), (2, null), (3, '2999-01-01');
";

const AGES_PLAN: &str = "
tables:
- source: person
  key: [id]
  target: people
  columns:
  - {target: id, source: id, type: bigint, nullable: false}
  - {target: born, source: born, type: date}
  create: {primary_key: [id]}
";

#[tokio::test(flavor = "multi_thread")]
async fn a_merged_person_is_shown_with_where_their_rows_went() {
    let folder = tempfile::tempdir().unwrap();
    let file = format!("sqlite:{}", folder.path().join("new.db").display());
    let server = testbed::postgres().create_database();
    for target in [server.url(), &file] {
        let folder = tempfile::tempdir().unwrap();
        let plan = merged_people(target, &folder).await;
        let table = "public.people";
        let (same, merged, extra) = (PairState::Same, PairState::Merged, PairState::Extra);

        let gone = looked_at(&plan, table, &handle("3")).await;
        let own = [("people", vec![merged]), ("logins", vec![merged]), ("visits", vec![same])];
        assert_eq!(states(&gone), own);
        let survivor = looked_at(&plan, table, &handle("2")).await;
        let visits = vec![same, extra];
        assert_eq!(
            states(&survivor),
            [("people", vec![same]), ("logins", vec![same]), ("visits", visits)]
        );
        let nobody = looked_at(&plan, table, &handle("301")).await;
        assert_eq!(states(&nobody), [("people", vec![PairState::Quarantined])]);
        assert!(nobody[0].rows[0].source.is_some() && nobody[0].rows[0].target.is_none());
        assert!(looked_at(&plan, table, &handle("999")).await.is_empty());
    }
}

/// Patients, their visits and what was measured at them; the last patient has none.
const WARD: [&str; 6] = [
    "create table patient (id integer primary key, given varchar(40), born varchar(20))",
    "create table visit (id integer primary key, patient integer, note varchar(40))",
    "create table result (code varchar(10) primary key, visit integer, amount varchar(10))",
    "insert into patient values (1, ' Zoë ', '1950-03-04'), (2, 'Ada', '1960-01-01'),
        (3, 'Bea', '1970-01-01')",
    "insert into visit values (10, 1, 'first'), (11, 1, 'second'), (20, 2, 'of another')",
    "insert into result values ('a', 10, '1.50'), ('b', 11, '2'), ('c', 20, '3')",
];

const WARD_PLAN: &str = "
tables:
- source: patient
  key: [id]
  target: patients
  columns:
  - {target: id, source: id, type: uuid, nullable: false, transform: [{rule: uuid_v5, entity: patient}]}
  - {target: given, source: given, type: text, transform: [{rule: trim}]}
  - {target: born, source: born, type: date}
  create: {primary_key: [id]}
- source: visit
  key: [id]
  target: visits
  filter: visit.note <> 'second'
  columns:
  - {target: id, source: id, type: bigint, nullable: false}
  - {target: patient_id, source: patient, type: uuid, transform: [{rule: uuid_v5, entity: patient}]}
  - {target: note, source: note, type: text}
  create:
    primary_key: [id]
    foreign_keys:
    - {name: visits_patient_fkey, columns: [patient_id], references: patients, referenced_columns: [id]}
- source: result
  key: [code]
  target: results
  columns:
  - {target: code, source: code, type: text, nullable: false}
  - {target: visit_id, source: visit, type: bigint}
  - {target: amount, source: amount, type: 'numeric(6,2)'}
  create:
    primary_key: [code]
    foreign_keys:
    - {name: results_visit_fkey, columns: [visit_id], references: visits, referenced_columns: [id]}
";

/// Looks at the first patient after the target was tampered with.
async fn check_ward(source: &str, filters: bool) {
    let target: Database = testbed::postgres().create_database();
    let mut plan = plan(source, target.url(), WARD_PLAN);
    for mapping in &mut plan.tables {
        mapping.target.schema = Some("public".to_owned());
        let keys = mapping.create.iter_mut().flat_map(|shape| &mut shape.foreign_keys);
        keys.for_each(|key| key.references.schema = Some("public".to_owned()));
    }
    if !filters {
        plan.tables[1].filter = None;
    }
    let outcome = run(&plan).await.unwrap();
    assert!(outcome.books_close, "{:?}", outcome.failure);
    target.execute("update results set amount = 1.05 where code = 'a'");
    target
        .execute("insert into visits select 99, id, 'of nobody' from patients where given = 'Zoë'");

    let drawn = drawn(&plan, "public.patients", 30, 1).await;
    let strata: Vec<_> = drawn.strata.iter().map(|it| (it.stratum, it.people)).collect();
    assert_eq!(strata, [(Stratum::NoRecords, 1), (Stratum::FewRecords, 2)]);
    let place = names(&drawn).iter().position(|name| name.contains(r#""1""#)).unwrap();
    let found = looked_at(&plan, "public.patients", &drawn.people[place].sealed).await;

    let second = if filters { Filtered } else { Same };
    let (own, of_visit) = (vec![Same], vec![Same, second, Extra]);
    // Whose visit is left out has nowhere to go.
    let measured = vec![Different, if filters { Quarantined } else { Same }];
    assert_eq!(
        states(&found),
        [("patients", own), ("visits", of_visit), ("results", measured)],
        "{source}"
    );
    let cell = |cells: &Option<Vec<Option<String>>>, at: usize| cells.as_ref().unwrap()[at].clone();
    let own = &found[0].rows[0];
    assert_eq!(cell(&own.source, 0).as_deref(), Some("1"));
    assert_eq!(
        (cell(&own.source, 1).unwrap(), cell(&own.target, 1).unwrap()),
        (" Zoë ".to_owned(), "Zoë".to_owned())
    );
    let result = &found[2].rows[0];
    assert_eq!(
        (result.differs.as_slice(), cell(&result.target, 2)),
        ([2].as_slice(), Some("1.05".to_owned()))
    );
    assert_eq!(found[2].columns[2].source.as_deref(), Some("amount"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_differs_is_seen_cell_by_cell_in_tables_of_tables() {
    let folder = tempfile::tempdir().unwrap();
    check_ward(&sqlite(&folder, "ward.db", &(WARD.join(";\n") + ";")), true).await;
    let postgres = testbed::postgres().create_database();
    let mariadb = testbed::mariadb().create_database();
    for database in [&postgres, &mariadb] {
        for statement in WARD {
            database.execute(statement);
        }
        check_ward(database.url(), true).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_files_are_found_by_reading_them() {
    let folder = tempfile::tempdir().unwrap();
    let files = [
        ("patient", "id,given,born\n1, Zoë ,1950-03-04\n2,Ada,1960-01-01\n3,Bea,1970-01-01\n"),
        ("visit", "id,patient,note\n10,1,first\n11,1,second\n20,2,of another\n"),
        ("result", "code,visit,amount\na,10,1.50\nb,11,2\nc,20,3\n"),
    ];
    for (name, text) in files {
        std::fs::write(folder.path().join(format!("{name}.csv")), text).unwrap();
    }
    check_ward(&format!("csv:{}", folder.path().display()), false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_many_rows_is_shown_some_of_them_and_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let more = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 500)
        insert into visit select 100 + i, 2, 'n' from n;";
    let source = sqlite(&folder, "ward.db", &(WARD.join(";\n") + ";\n" + more));
    let target = format!("sqlite:{}", folder.path().join("new.db").display());
    let plan = plan(&source, &target, WARD_PLAN);
    assert!(run(&plan).await.unwrap().books_close);

    let drawn = drawn(&plan, "patients", 3, 1).await;
    let strata: Vec<_> = drawn.strata.iter().map(|it| it.stratum).collect();
    assert_eq!(strata, [Stratum::NoRecords, Stratum::FewRecords, Stratum::MostRecords]);
    let found = looked_at(&plan, "patients", &drawn.people[2].sealed).await;

    let visits = found.iter().find(|table| table.target.name == "visits").unwrap();
    assert!(visits.has_more && visits.rows.len() <= 400, "{}", visits.rows.len());
    let alike = visits.rows.iter().filter(|row| row.state == PairState::Same).count();
    assert_eq!(alike, 200, "what is shown of the source is found in the target");
}
