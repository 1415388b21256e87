use crate::support::{Desk, file_url, people};

#[test]
fn a_drafted_plan_is_complete_and_can_run() {
    let desk = Desk::new();
    let source = desk.sqlite("legacy.db", &people(10));
    desk.draft(&source, &file_url(&desk.path("modern.db")));

    let plan = desk.read("plan.yaml");
    assert!(plan.contains("target: born") && plan.contains("legacy.db"), "{plan}");
    let checked = desk.run(&["plan", "check", "plan.yaml", "--json", "-"]);
    assert_eq!(checked.status, 0, "{}", checked.stderr);
    let problems: serde_json::Value = serde_json::from_str(&checked.stdout).unwrap();
    assert_eq!(problems, serde_json::json!({"problems": []}));
    assert!(!desk.path("modern.db").exists(), "a draft or a check made the target");
}

#[test]
fn a_variable_in_a_url_stays_one_in_the_plan() {
    let desk = Desk::new();
    let source = desk.sqlite("legacy.db", &people(10));
    let run = |arguments: &[&str]| {
        let output = desk.command(arguments).env("SOURCE_URL", &source).output().unwrap();
        crate::support::done(&output)
    };

    let drafted = run(&[
        "plan",
        "draft",
        "--source",
        "${SOURCE_URL}",
        "--target",
        "sqlite:modern.db",
        "--out",
        "plan.yaml",
    ]);
    assert_eq!(drafted.status, 0, "{}", drafted.stderr);
    assert!(desk.read("plan.yaml").contains("source: ${SOURCE_URL}"), "{}", desk.read("plan.yaml"));

    assert_eq!(run(&["plan", "check", "plan.yaml"]).status, 0);
    let without = desk.run(&["plan", "check", "plan.yaml"]);
    without.assert_failed(2, "SYS-005");
    assert!(without.stderr.contains("${SOURCE_URL}"), "{}", without.stderr);
}

#[test]
fn a_misspelt_column_exits_with_2_and_names_the_one_that_is_there() {
    let desk = Desk::new();
    let source = desk.sqlite("legacy.db", &people(10));
    desk.draft(&source, "sqlite:modern.db");
    let misspelt = desk.read("plan.yaml").replace("source: born", "source: borm");
    desk.write("plan.yaml", &misspelt);

    for command in ["plan check", "migrate"] {
        let words: Vec<_> = command.split(' ').chain(["plan.yaml"]).collect();
        let done = desk.run(&words);
        assert_eq!(done.status, 2, "{}", done.stderr);
        assert!(done.stderr.contains("error MAP-"), "{}", done.stderr);
        assert!(done.stderr.contains("borm") && done.stderr.contains("born"), "{}", done.stderr);
    }
}

#[test]
fn a_diff_says_what_would_change() {
    let desk = Desk::new();
    let source = desk.sqlite("legacy.db", &people(10));
    desk.draft(&source, "sqlite:modern.db");
    let other = desk.read("plan.yaml").replace("target: sqlite:modern.db", "target: sqlite:b.db");
    desk.write("other.yaml", &other);

    let same = desk.run(&["plan", "diff", "plan.yaml", "plan.yaml"]);
    assert_eq!((same.status, same.stdout.as_str()), (0, ""));
    let differs = desk.run(&["plan", "diff", "plan.yaml", "other.yaml"]);
    assert_eq!(differs.status, 0, "{}", differs.stderr);
    assert!(differs.stdout.contains("sqlite:b.db"), "{}", differs.stdout);
}

#[test]
fn rules_are_tried_and_no_value_is_told() {
    let desk = Desk::new();
    let source = desk.sqlite("legacy.db", &people(3));
    desk.draft(&source, "sqlite:modern.db");

    let tried = desk.run(&["plan", "try", "plan.yaml", "--table", "person", "--rows", "2"]);

    assert_eq!(tried.status, 0, "{}", tried.stderr);
    assert!(tried.stdout.contains("row 2 would be loaded\n  id: `9` → `9`"), "{}", tried.stdout);
    assert!(!tried.stdout.contains("row 3"), "{}", tried.stdout);
    assert!(!desk.path("modern.db").exists());
    let unknown = desk.run(&["plan", "try", "plan.yaml", "--table", "nobody"]);
    assert_eq!(unknown.status, 2, "{}", unknown.stderr);
    assert!(unknown.stderr.contains("error MAP-002"), "{}", unknown.stderr);
}

#[test]
fn a_plan_with_a_password_in_it_is_its_owners_only() {
    use std::os::unix::fs::PermissionsExt as _;

    let desk = Desk::new();
    let source = desk.sqlite("legacy.db", &people(10));
    let database = testbed::postgres().create_database();
    desk.write("plan.yaml", "an older file that anybody may read");

    desk.draft(&source, &database.url_as("transfuse", "transfuse"));

    let mode = std::fs::metadata(desk.path("plan.yaml")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}
