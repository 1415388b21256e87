use crate::support::{Desk, people};

#[test]
fn equal_sides_end_with_0_and_a_difference_with_4() {
    let desk = Desk::new();
    let source = desk.sqlite("legacy.db", &people(1_000));
    desk.draft(&source, "sqlite:modern.db");
    assert_eq!(desk.run(&["migrate", "plan.yaml"]).status, 0);

    let equal = desk.run(&["verify", "plan.yaml", "--json", "-"]);
    desk.sqlite("modern.db", "update person set name = 'Secret Name' where id = 7");
    let different = desk.run(&["verify", "plan.yaml", "--json", "out.json"]);

    assert_eq!(equal.status, 0, "{}", equal.stderr);
    let outcome: serde_json::Value = serde_json::from_str(&equal.stdout).unwrap();
    let table = serde_json::json!({
        "source": "person", "target": "person", "source_rows": 1000, "target_rows": 1000,
        "compared": 1000, "missing": 0, "extra": 0, "different": 0
    });
    assert_eq!(
        (&outcome["status"], &outcome["tables"]),
        (&"equal".into(), &serde_json::json!([table]))
    );
    assert_eq!(different.status, 4, "{}", different.stderr);
    let outcome = desk.json("out.json");
    assert_eq!(
        (&outcome["status"], &outcome["tables"][0]["different"]),
        (&"different".into(), &1.into())
    );
    assert!(different.stderr.contains("VER-001"), "{}", different.stderr);
    assert!(!different.stderr.contains("Secret"), "{}", different.stderr);
}

#[test]
fn a_target_that_the_plan_never_ran_against_is_refused_with_3() {
    let desk = Desk::new();
    let source = desk.sqlite("legacy.db", &people(10));
    desk.draft(&source, "sqlite:modern.db");
    desk.sqlite("modern.db", "create table something (id integer)");

    let refused = desk.run(&["verify", "plan.yaml"]);

    assert_eq!(refused.status, 3, "{}", refused.stderr);
    assert!(refused.stderr.contains("VER-002"), "{}", refused.stderr);
}

#[test]
fn a_repair_is_shown_first_and_then_done() {
    let desk = Desk::new();
    let source = desk.sqlite("legacy.db", &people(100));
    desk.draft(&source, "sqlite:modern.db");
    assert_eq!(desk.run(&["migrate", "plan.yaml"]).status, 0);
    desk.sqlite("modern.db", "update person set name = 'Other' where id = 7");
    assert_eq!(desk.run(&["verify", "plan.yaml"]).status, 4);

    let listed = desk.run(&["verify", "list", "plan.yaml"]);
    assert!(listed.stdout.contains("different") && listed.stdout.contains("name"), "{listed:?}");
    let shown = desk.run(&["verify", "repair", "plan.yaml"]);
    assert_eq!(shown.status, 0, "{}", shown.stderr);
    assert!(shown.stderr.contains("nothing was changed"), "{}", shown.stderr);
    assert_eq!(desk.run(&["verify", "plan.yaml"]).status, 4);

    let done = desk.run(&["verify", "repair", "plan.yaml", "--apply", "--json", "out.json"]);
    assert_eq!(done.status, 0, "{}", done.stderr);
    let outcome = desk.json("out.json");
    assert_eq!((&outcome["done"], &outcome["tables"][0]["updated"]), (&true.into(), &1.into()));
    assert_eq!(desk.run(&["verify", "plan.yaml"]).status, 0);

    let id = outcome["repair_id"].as_str().unwrap();
    assert_eq!(desk.run(&["verify", "take-back", "plan.yaml", id]).status, 0);
    assert_eq!(desk.run(&["verify", "plan.yaml"]).status, 4);
}

const CHECKS: &str = "
checks:
  own:
  - {key: born, table: person, test: {template: range, column: born, max: '1990-01-01'}, severity: blocking}
  - {key: named, table: person, test: {template: filled, column: name}}
";

#[test]
fn a_blocking_check_ends_with_3_and_another_threshold_needs_no_rows() {
    let desk = Desk::new();
    let source = desk.sqlite("legacy.db", &people(100));
    desk.draft(&source, "sqlite:modern.db");
    desk.sqlite("legacy.db", "update person set born = '2014-07-08' where id = 7");
    let plan = desk.read("plan.yaml");
    desk.write("plan.yaml", &(plan.clone() + CHECKS));
    assert_eq!(desk.run(&["plan", "check", "plan.yaml"]).status, 0);
    assert_eq!(desk.run(&["migrate", "plan.yaml", "--json", "run.json"]).status, 0);
    desk.run(&["verify", "checks", "plan.yaml", "--kept"]).assert_failed(3, "VER-009");

    let failed = desk.run(&["verify", "checks", "plan.yaml", "--json", "out.json"]);
    failed.assert_failed(3, "VER-008");
    assert!(failed.stdout.contains("so in the source already"), "{}", failed.stdout);
    assert!(!(failed.stdout.clone() + &failed.stderr).contains("2014-07-08"), "{failed:?}");
    let outcome = desk.json("out.json");
    assert_eq!(outcome["checks"][0]["status"], "fail");
    assert_eq!(outcome["checks"][0]["target"]["violated"], 1);
    assert_eq!(outcome["checks"][0]["target"]["denominator"], 100);
    assert_eq!(outcome["checks"][1]["status"], "pass");

    // Nothing is left to ask.
    desk.sqlite("modern.db", "delete from person");
    let lenient = CHECKS.replace("severity: blocking", "severity: blocking, threshold: {rows: 1}");
    desk.write("plan.yaml", &(plan + &lenient));
    let passed = desk.run(&["verify", "checks", "plan.yaml", "--kept", "--json", "-"]);
    assert_eq!(passed.status, 0, "{}", passed.stderr);
    let outcome: serde_json::Value = serde_json::from_str(&passed.stdout).unwrap();
    assert_eq!(outcome["checks"][0]["status"], "pass_with_failures");

    let run = desk.json("run.json")["run_id"].as_str().unwrap().to_owned();
    for out in ["one", "two"] {
        let made = desk.run(&["report", &run, "--plan", "plan.yaml", "--out", out]);
        assert_eq!(made.status, 0, "{}", made.stderr);
    }
    let evidence = desk.json("one/evidence.json");
    let judged: Vec<_> =
        evidence["checks"].as_array().unwrap().iter().map(|it| &it["passed"]).collect();
    assert_eq!(judged, [false, true]);
    assert!(desk.read("one/report.html").contains("Pass with failures"));
    assert!(desk.read("one/checks.csv").starts_with("judged_at,check,"));
    assert_eq!(desk.read("one/manifest.json"), desk.read("two/manifest.json"));
}

#[test]
fn a_check_of_what_will_not_be_there_is_refused_with_the_closest_name() {
    let desk = Desk::new();
    let source = desk.sqlite("legacy.db", &people(10));
    desk.draft(&source, "sqlite:modern.db");
    let plan = desk.read("plan.yaml")
        + &CHECKS.replace("column: born", "column: bron").replace(
            "table: person, test: {template: filled",
            "table: persn, test: {template: filled",
        );
    desk.write("plan.yaml", &plan);

    let refused = desk.run(&["plan", "check", "plan.yaml"]);

    refused.assert_failed(2, "MAP-002");
    assert!(
        refused.stderr.contains("person will have no column bron; the closest is born"),
        "{}",
        refused.stderr
    );
    assert!(refused.stderr.contains("no table persn; the closest is person"), "{}", refused.stderr);
    let listed = desk.run(&["verify", "checks", "--list"]);
    assert!(listed.stdout.contains("kept_apart") && listed.stdout.contains("fhir"), "{listed:?}");
}
