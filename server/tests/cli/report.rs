use std::fs;

use crate::support::{Desk, people};

/// A run that is through, and was verified.
fn migrated(desk: &Desk) -> String {
    let source = desk.sqlite("legacy.db", &people(100));
    desk.draft(&source, "sqlite:modern.db");
    desk.sqlite("legacy.db", "update person set born = 'Person 7 knows' where id = 7");
    let done = desk.run(&["migrate", "plan.yaml", "--json", "run.json"]);
    assert_eq!(done.status, 0, "{}", done.stderr);
    assert_eq!(desk.run(&["verify", "plan.yaml"]).status, 0);
    desk.json("run.json")["run_id"].as_str().expect("an id").to_owned()
}

fn make(desk: &Desk, run: &str, out: &str) -> serde_json::Value {
    let json = format!("{out}.json");
    let done = desk.run(&["report", run, "--plan", "plan.yaml", "--out", out, "--json", &json]);
    assert_eq!(done.status, 0, "{}", done.stderr);
    desk.json(&json)
}

#[test]
fn a_pack_made_twice_has_one_hash_and_no_value_in_it() {
    let desk = Desk::new();
    let run = migrated(&desk);

    let (first, second) = (make(&desk, &run, "one"), make(&desk, &run, "two"));

    assert_eq!(first, second);
    assert_eq!(first["hash"].as_str().map(str::len), Some(64));
    for entry in fs::read_dir(desk.path("one")).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        assert!(!text.contains("Person 7"), "{} tells a value", path.display());
    }
    let page = desk.read("one/report.html");
    assert!(page.contains(&run) && page.contains("The books of every table close"), "{page}");
    let evidence = desk.json("one/evidence.json");
    assert_eq!(evidence["tables"][0]["loaded"], 99);
    assert_eq!(evidence["quarantine"][0]["rows"], 1);
    assert_eq!(evidence["verifications"][0]["state"], "equal");
    assert!(evidence["run"]["source_position"].is_string(), "{evidence}");
    // What changes afterwards is told by another hash.
    desk.sqlite("modern.db", "update person set name = 'Other' where id = 9");
    assert_eq!(desk.run(&["verify", "plan.yaml"]).status, 4);
    assert_ne!(make(&desk, &run, "three")["hash"], first["hash"]);
}

#[test]
fn what_was_foretold_before_a_run_stands_beside_what_came() {
    let desk = Desk::new();
    let source = desk.sqlite("legacy.db", &people(100));
    desk.draft(&source, "sqlite:modern.db");
    desk.sqlite("legacy.db", "update person set born = 'Person 7 knows' where id = 7");
    assert_eq!(desk.run(&["assess", "plan.yaml"]).status, 0);
    let done = desk.run(&["migrate", "plan.yaml", "--json", "run.json"]);
    assert_eq!(done.status, 0, "{}", done.stderr);
    let run = desk.json("run.json")["run_id"].as_str().expect("an id").to_owned();

    let first = make(&desk, &run, "one");

    let forecast = &desk.json("one/evidence.json")["forecast"];
    let table = &forecast["tables"][0];
    assert_eq!((&table["loaded_foretold"], &table["loaded"]), (&99.into(), &99.into()));
    let fault = &forecast["quarantine"][0];
    assert_eq!((&fault["foretold"], &fault["came"]), (&1.into(), &1.into()), "{forecast}");
    assert!(desk.read("one/report.html").contains("What was foretold, and what came"));
    assert!(desk.read("one/forecast.csv").starts_with("table,looked_at,read,"));
    // An assessment made later says nothing of this run.
    assert_eq!(desk.run(&["assess", "plan.yaml", "--rows", "5"]).status, 0);
    assert_eq!(make(&desk, &run, "two")["hash"], first["hash"]);
}

#[test]
fn one_changed_byte_fails_and_so_does_another_installations_key() {
    let desk = Desk::new();
    let run = migrated(&desk);
    make(&desk, &run, "pack");

    let good = desk.run(&["report", "verify", "pack"]);
    assert_eq!(good.status, 0, "{}", good.stderr);
    let key = desk.run(&["report", "key"]).stdout;
    let elsewhere = ["--data", "elsewhere", "report", "verify", "pack"];
    desk.run(&elsewhere).assert_failed(4, "VER-007");
    let told = [&elsewhere[..], &["--key", key.trim()]].concat();
    assert_eq!(desk.run(&told).status, 0);

    let books = desk.read("pack/tables.csv").replacen("99", "98", 1);
    desk.write("pack/tables.csv", &books);
    let changed = desk.run(&["report", "verify", "pack"]);
    changed.assert_failed(4, "VER-007");
    assert!(changed.stderr.contains("tables.csv"), "{}", changed.stderr);
}

#[test]
fn a_run_that_nobody_knows_is_refused() {
    let desk = Desk::new();
    migrated(&desk);
    let done = desk.run(&["report", "no-such-run", "--plan", "plan.yaml", "--out", "pack"]);
    assert_eq!(done.status, 2, "{}", done.stderr);
    assert!(!desk.path("pack").exists());
}
