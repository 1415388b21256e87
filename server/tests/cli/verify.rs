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
