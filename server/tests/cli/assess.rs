use serde_json::Value;

use crate::support::{Desk, people};

#[test]
fn a_plan_that_is_ready_ends_with_0_and_makes_nothing() {
    let desk = Desk::new();
    let source = desk.sqlite("legacy.db", &people(100));
    desk.draft(&source, "sqlite:modern.db");

    let done = desk.run(&["assess", "plan.yaml", "--json", "out.json"]);

    assert_eq!(done.status, 0, "{}", done.stderr);
    let assessment = desk.json("out.json");
    assert_eq!(assessment["status"], "ready");
    assert_eq!(assessment["forecast"]["tables"][0]["loaded"], 100);
    assert!(!desk.path("modern.db").exists(), "an assessment made the target");
}

#[test]
fn what_blocks_ends_with_3_and_is_told_with_what_to_do() {
    let desk = Desk::new();
    let source = desk.sqlite("legacy.db", &people(10));
    desk.draft(&source, "sqlite:modern.db");
    desk.sqlite(
        "modern.db",
        "create table person (id integer primary key, name text not null, born date);
         insert into person values (1, 'Pseudonymia', null)",
    );

    let done = desk.run(&["assess", "plan.yaml", "--check", "rows-there", "--json", "out.json"]);

    done.assert_failed(3, "VER-006");
    assert!(
        done.stdout.contains("BLOCKING") && done.stdout.contains("existing"),
        "{}",
        done.stdout
    );
    let assessment = desk.json("out.json");
    assert_eq!(assessment["status"], "blocked");
    assert_eq!(assessment["checks"].as_array().map(Vec::len), Some(1));
    assert_eq!(assessment["findings"][0]["check"], "rows-there");
}

#[test]
fn bad_rows_are_foretold_without_their_values() {
    let desk = Desk::new();
    let source = desk.sqlite("legacy.db", &people(100));
    desk.draft(&source, "sqlite:modern.db");
    desk.sqlite("legacy.db", "update person set born = 'Person 7 knows' where id = 7");

    let done = desk.run(&["assess", "plan.yaml", "--profile", "--json", "-"]);

    assert_eq!(done.status, 0, "{}", done.stderr);
    let assessment: Value = serde_json::from_str(&done.stdout).unwrap();
    let faults = &assessment["forecast"]["quarantine"];
    assert_eq!((&faults[0]["column"], &faults[0]["rows"]), (&"born".into(), &1.into()), "{faults}");
    assert!(!done.stdout.contains("Person 7"), "a value was told");
    assert_eq!(assessment["profile"][0]["columns"][2]["values"][0]["rows"], 99);
}

#[test]
fn a_check_that_does_not_exist_is_a_bad_command_line() {
    let desk = Desk::new();
    let done = desk.run(&["assess", "plan.yaml", "--check", "everything"]);
    assert_eq!(done.status, 2, "{}", done.stderr);
    let listed = desk.run(&["assess", "--list"]);
    assert!(listed.status == 0 && listed.stdout.contains("source-rights"), "{listed:?}");
}
