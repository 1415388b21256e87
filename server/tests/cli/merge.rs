use serde_json::Value;

use crate::support::{Desk, Done, block_on};

/// Six records: one person three times, and three others, each with a visit.
const LEGACY: &str = "
create table patient (id text primary key, first_name text, last_name text, dob text, ssn text,
    phone text, address text, zip text);
create table visit (id integer primary key, patient_id text not null references patient (id));
insert into patient values
    ('a1', 'Idalia', 'Quillfeather', '1980-03-12', '455-67-1234', '617-555-0142', '12 Mill Road', '02155'),
    ('a2', 'Idalia', 'Quilfeather', '1980-03-12', '455-67-1234', '617-555-0142', '12 Mill Rd', '02155'),
    ('a3', 'Idalia', 'Quillfeather', '1980-03-12', '455-67-1234', null, '12 Mill Road', '02155'),
    ('b1', 'Maximilian', 'Oakley', '1951-11-30', '512-44-9876', '413-555-0199', '9 Hill Lane', '01002'),
    ('c1', 'Beatrix', 'Sandoval', '1967-07-01', null, '207-555-0123', '4 Ferry Street', '04101'),
    ('d1', 'Cornelius', 'Abernathy', '1990-05-21', '601-22-3344', null, '77 Station Road', '05401');
insert into visit select row_number() over (order by id), id from patient;
";

const DUPLICATES: &str = "
duplicates:
  table: public.patient
  when: WHEN
  columns: {given_name: first_name, surname: last_name, birth_date: dob, identifier: ssn,
            phone: phone, street: address, postcode: zip}
";

/// A plan whose people are in the target, and the target.
fn desk(when: &str) -> (Desk, testbed::Database) {
    let desk = Desk::new();
    let source = desk.sqlite("legacy.db", LEGACY);
    let target = testbed::postgres().create_database();
    desk.draft(&source, target.url());
    let plan = desk.read("plan.yaml") + &DUPLICATES.replace("WHEN", when);
    desk.write("plan.yaml", &plan);
    (desk, target)
}

fn lines(target: &testbed::Database) -> Vec<String> {
    block_on(async {
        let mut connection = <sqlx::PgConnection as sqlx::Connection>::connect(target.url())
            .await
            .expect("a target");
        let rows: Vec<(String,)> = sqlx::query_as(
            "select to_jsonb(p)::text from patient p
             union all select to_jsonb(v)::text from visit v order by 1",
        )
        .fetch_all(&mut connection)
        .await
        .expect("rows");
        rows.into_iter().map(|(line,)| line).collect()
    })
}

#[track_caller]
fn well(done: Done) -> Done {
    assert_eq!(done.status, 0, "{}", done.stderr);
    for value in ["Quillfeather", "617-555-0142"] {
        assert!(!done.stderr.contains(value), "{}", done.stderr);
    }
    done
}

fn told(done: &Done) -> Value {
    serde_json::from_str(&done.stdout).expect("JSON")
}

#[test]
fn people_are_merged_and_taken_apart_and_the_target_is_what_it_was() {
    let (desk, target) = desk("on_request");
    well(desk.run(&["migrate", "plan.yaml"]));
    let before = lines(&target);

    let looked = told(&well(desk.run(&["merge", "plan.yaml", "--dry-run", "--json", "-"])));
    assert_eq!((&looked["search"]["records"], &looked["merged"]), (&6.into(), &0.into()));
    assert_eq!(lines(&target), before);

    let args = ["merge", "plan.yaml", "--record", "a1", "--record", "a3", "--json", "-"];
    let merged = told(&well(desk.run(&args)));
    assert_eq!(merged["merged"], 1, "{merged}");
    assert_eq!(lines(&target).len(), before.len() - 1);
    let list = well(desk.run(&["merge", "plan.yaml", "--list"]));
    assert!(list.stderr.contains("merged"), "{}", list.stderr);

    let id = merged["merges"][0]["id"].as_str().unwrap().to_owned();
    well(desk.run(&["unmerge", "plan.yaml", &id, "--not-the-same"]));
    assert_eq!(lines(&target), before);
    desk.run(&["unmerge", "plan.yaml", &id]).assert_failed(5, "LOAD-031");

    // What was said is remembered.
    let again = told(&well(desk.run(&["merge", "plan.yaml", "--json", "-"])));
    for merge in again["merges"].as_array().unwrap() {
        let members = merge["members"].as_array().unwrap();
        assert!(!(members.contains(&"a1".into()) && members.contains(&"a3".into())), "{merge}");
    }
    well(desk.run(&["audit", "verify"]));
}

#[test]
fn what_people_decided_is_merged_and_stands_in_later_searches() {
    let (desk, target) = desk("on_request");
    well(desk.run(&["migrate", "plan.yaml"]));
    desk.write("said.csv", "left_id,right_id,decision\nb1,c1,match\na1,a2,no_match\n");

    let args = ["merge", "plan.yaml", "--decisions", "said.csv", "--json", "-"];
    let merged = told(&well(desk.run(&args)));

    let of = |members: [&str; 2]| {
        let all = merged["merges"].as_array().expect("merges").iter();
        let with = |merge: &&Value| {
            members.iter().all(|it| {
                merge["members"]
                    .as_array()
                    .is_some_and(|members| members.contains(&Value::from(*it)))
            })
        };
        all.filter(with).count()
    };
    assert_eq!((of(["b1", "c1"]), of(["a1", "a2"])), (1, 0), "{merged}");
    assert!(lines(&target).len() < 12);
}

#[test]
fn a_run_merges_by_its_plan_and_a_rehearsal_leaves_nothing() {
    let (desk, target) = desk("after_load");
    let rehearsed = well(desk.run(&["migrate", "plan.yaml", "--rehearse", "--json", "-"]));
    assert!(rehearsed.stdout.contains("merged"), "{}", rehearsed.stdout);

    let outcome = told(&well(desk.run(&["migrate", "plan.yaml", "--json", "-"])));

    let merged: u64 =
        outcome["tables"].as_array().unwrap().iter().filter_map(|it| it["merged"].as_u64()).sum();
    let list = told(&well(desk.run(&["merge", "plan.yaml", "--list", "--json", "-"])));
    let applied = list["merged"].as_u64().unwrap();
    assert_eq!(applied > 0, merged > 0, "{outcome} {list}");
    assert_eq!(lines(&target).len() as u64, 12 - merged);
}

#[test]
fn a_plan_without_people_and_keys_that_are_not_there_are_refused() {
    let (desk, _target) = desk("on_request");
    well(desk.run(&["migrate", "plan.yaml"]));
    let unknown = ["merge", "plan.yaml", "--record", "a1", "--record", "nobody"];
    desk.run(&unknown).assert_failed(5, "LOAD-030");
    desk.run(&["merge", "plan.yaml", "--record", "a1"]).assert_failed(2, "SYS-005");

    let plain = desk.read("plan.yaml").split("\nduplicates:").next().unwrap().to_owned();
    desk.write("plain.yaml", &plain);
    desk.run(&["merge", "plain.yaml"]).assert_failed(2, "MAP-001");
}
