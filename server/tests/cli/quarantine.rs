use crate::support::Desk;

const RAGGED: &str = "id,name\n1,Ada Example\n2,Bea Example,of Pseudonymia\n3,Cy Example\n";

#[test]
fn a_ragged_line_is_kept_and_explained_and_the_others_arrive() {
    let desk = Desk::new();
    std::fs::create_dir(desk.path("csv")).unwrap();
    desk.write("csv/person.csv", RAGGED);
    desk.draft("csv:csv", "sqlite:modern.db");

    let run = desk.run(&["migrate", "plan.yaml", "--json", "out.json"]);

    assert_eq!(run.status, 0, "{}", run.stderr);
    let outcome = desk.json("out.json");
    let table = &outcome["tables"][0];
    assert_eq!((&table["read"], &table["loaded"]), (&3.into(), &2.into()), "{outcome}");
    assert_eq!(table["quarantined"], 1);
    assert_eq!(outcome["books_close"], true);
    let run_id = outcome["run_id"].as_str().unwrap();

    let list = desk.run(&["quarantine", "list", run_id, "--plan", "plan.yaml", "--json", "-"]);
    assert_eq!(list.status, 0, "{}", list.stderr);
    let listed: serde_json::Value = serde_json::from_str(&list.stdout).unwrap();
    assert_eq!(listed["counts"][0]["code"], "DATA-013");
    assert_eq!(listed["rows"][0]["target"].as_str().unwrap().rsplit('.').next(), Some("person"));

    let target = ["quarantine", "list", run_id, "--target", "sqlite:modern.db"];
    let as_text = desk.run(&target);
    assert!(as_text.stdout.contains("DATA-013"), "{}", as_text.stdout);
    let none = desk.run(&[&target[..], &["--code", "data-001"]].concat());
    assert!(none.stderr.contains("0 shown"), "{}", none.stderr);
    for text in [run.stderr, list.stdout, as_text.stdout] {
        assert!(!text.contains("Pseudonymia"), "{text}");
    }
}

#[test]
fn a_run_that_nobody_knows_is_an_error_that_says_how_to_find_it() {
    let done = Desk::new().run(&["quarantine", "list", "nowhere"]);
    done.assert_failed(2, "SYS-005");
    assert!(done.stderr.contains("--plan FILE"), "{}", done.stderr);
}
