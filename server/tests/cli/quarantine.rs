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

/// Twelve people whose dates are the wrong way round, and one of a clinic's own kind.
const WRONG_WAY: &str = "
    create table person (id integer primary key, name text, born text);
    with recursive n (i) as (select 1 union all select i + 1 from n where i < 12)
    insert into person select i, 'Quillon ' || i, printf('%02d/%02d/1980', i, i + 3) from n;
    insert into person values (13, 'Quillon 13', '1980-01-01');";

const PLAN: &str = "
format: 1
name: people
source: sqlite:legacy.db
target: sqlite:modern.db
tables:
- source: person
  key: [id]
  target: people
  columns:
  - {target: id, source: id, type: bigint, nullable: false}
  - {target: name, source: name, type: text}
  - {target: born, source: born, type: date}
  create: {primary_key: [id]}
";

/// A desk on which a run is through, and the run's id.
fn desk_with_run() -> (Desk, String) {
    let desk = Desk::new();
    desk.sqlite("legacy.db", WRONG_WAY);
    desk.write("plan.yaml", PLAN);
    let run = desk.run(&["migrate", "plan.yaml", "--json", "out.json"]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    let id = desk.json("out.json")["run_id"].as_str().expect("the run has an id").to_owned();
    (desk, id)
}

#[track_caller]
fn quarantine(desk: &Desk, what: &str, run: &str, rest: &[&str]) -> crate::support::Done {
    desk.run(&[&["quarantine", what, run][..], rest, &["--plan", "plan.yaml"]].concat())
}

fn json(done: &crate::support::Done) -> serde_json::Value {
    assert_eq!(done.status, 0, "{}", done.stderr);
    serde_json::from_str(&done.stdout).unwrap_or_else(|error| panic!("{error}: {}", done.stdout))
}

#[test]
fn rows_are_previewed_fixed_replayed_and_taken_back() {
    let (desk, run) = desk_with_run();
    desk.write(
        "rule.yaml",
        "{fix: regex, column: born, pattern: '(..)/(..)/(....)', replacement: '$3-$1-$2'}",
    );
    let rule = ["--rule", "rule.yaml", "--json", "-"];

    let preview = quarantine(&desk, "fix", &run, &[&rule[..], &["--dry-run"]].concat());
    let preview = json(&preview);
    assert_eq!((&preview["changed"], &preview["passes"]), (&12.into(), &12.into()));
    assert_eq!(preview["examples"][0]["cells"][0]["current"], "9999-99-99");

    let fixed = json(&quarantine(&desk, "fix", &run, &rule));
    assert_eq!(fixed["tables"][0]["done"], 12);
    let tried = json(&quarantine(&desk, "replay", &run, &["--dry-run", "--json", "-"]));
    let replayed = json(&quarantine(&desk, "replay", &run, &["--json", "-"]));
    assert_eq!((&tried["tables"][0]["done"], &tried["dry_run"]), (&12.into(), &true.into()));
    assert_eq!(replayed["tables"][0]["arrived"], 12);

    let action = replayed["action"]["id"].as_str().unwrap();
    let undone = json(&quarantine(&desk, "undo", &run, &[action, "--json", "-"]));
    assert_eq!(undone["tables"][0]["arrived"], -12);
    let actions = json(&quarantine(&desk, "actions", &run, &["--json", "-"]));
    let kinds: Vec<_> =
        actions.as_array().unwrap().iter().map(|action| action["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["undo", "replay", "fix"]);
    // What was done is in the audit trail of this installation.
    let trail = desk.run(&["audit", "export"]);
    for action in ["quarantine_fixed", "quarantine_replayed", "quarantine_undone"] {
        assert!(trail.stdout.contains(action), "{}", trail.stdout);
    }
    assert!(!trail.stdout.contains("Quillon"), "{}", trail.stdout);
}

#[test]
fn values_are_shown_only_with_a_reason_that_is_written_down() {
    let (desk, run) = desk_with_run();
    let list = json(&quarantine(&desk, "list", &run, &["--json", "-"]));
    let row = list["rows"][0]["id"].as_str().unwrap();

    let masked = quarantine(&desk, "show", &run, &[row]);
    let without_reason = quarantine(&desk, "show", &run, &[row, "--unmask"]);
    let seen = quarantine(&desk, "show", &run, &[row, "--unmask", "--reason", "a call came in"]);

    assert_eq!(masked.status, 0, "{}", masked.stderr);
    assert!(masked.stdout.contains("99/99/9999"), "{}", masked.stdout);
    assert!(!masked.stdout.contains("Quillon"), "{}", masked.stdout);
    assert_eq!(without_reason.status, 2);
    assert!(seen.stdout.contains("Quillon"), "{}", seen.stdout);
    let trail = desk.run(&["audit", "export"]).stdout;
    assert_eq!(trail.matches("row_unmasked").count(), 1, "{trail}");
    assert!(trail.contains("a call came in") && !trail.contains("Quillon"), "{trail}");
    let nowhere = quarantine(&desk, "show", &run, &["nowhere"]);
    nowhere.assert_failed(2, "LOAD-050");
}

#[test]
fn codes_are_mapped_from_a_file() {
    let (desk, run) = desk_with_run();
    desk.write("dates.csv", "from,to\n01/04/1980,1980-01-04\n02/05/1980,\n");
    desk.write("by_id.csv", "id,born\n3,1980-03-06\n");

    let map = ["--map", "born", "--entries", "dates.csv", "--json", "-"];
    let mapped = json(&quarantine(&desk, "fix", &run, &map));
    let lookup = ["--lookup", "born", "--by", "id", "--entries", "by_id.csv", "--json", "-"];
    let looked_up = json(&quarantine(&desk, "fix", &run, &lookup));

    assert_eq!(
        (&mapped["tables"][0]["done"], &mapped["tables"][0]["left"]),
        (&2.into(), &10.into())
    );
    assert_eq!(looked_up["tables"][0]["done"], 1);
    let list = json(&quarantine(&desk, "list", &run, &["--state", "mapped", "--json", "-"]));
    assert_eq!(list["rows"].as_array().unwrap().len(), 3);
    desk.write("dates.csv", "from,to\nQuillon,a,b\n");
    let refused = quarantine(&desk, "fix", &run, &map);
    refused.assert_failed(5, "CONN-008");
    assert!(!refused.stderr.contains("Quillon"), "{}", refused.stderr);
}

#[test]
fn a_mended_line_of_a_file_goes_in() {
    let desk = Desk::new();
    std::fs::create_dir(desk.path("csv")).unwrap();
    desk.write("csv/person.csv", RAGGED);
    desk.draft("csv:csv", "sqlite:modern.db");
    let run = desk.run(&["migrate", "plan.yaml", "--json", "out.json"]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    let run = desk.json("out.json")["run_id"].as_str().expect("the run has an id").to_owned();

    let mend = ["--line", "--pattern", ",of .*$", "--with", "", "--json", "-"];
    let fixed = json(&quarantine(&desk, "fix", &run, &mend));
    let replayed = json(&quarantine(&desk, "replay", &run, &["--json", "-"]));

    assert_eq!(fixed["tables"][0]["done"], 1);
    assert_eq!(replayed["tables"][0]["done"], 1);
}

#[test]
fn rows_are_written_masked_to_a_file() {
    let (desk, run) = desk_with_run();

    let done = quarantine(&desk, "export", &run, &["--out", "rows.csv"]);

    assert_eq!(done.status, 0, "{}", done.stderr);
    let lines = desk.read("rows.csv");
    assert_eq!(lines.lines().count(), 13, "{lines}");
    assert!(lines.contains("born=99/99/9999") && !lines.contains("Quillon"), "{lines}");
}

#[test]
fn what_stays_behind_is_signed() {
    let (desk, run) = desk_with_run();

    let unsigned = quarantine(&desk, "waive", &run, &[]);
    let waived = quarantine(&desk, "waive", &run, &["--reason", "people made up for a test"]);
    let looked_at = quarantine(&desk, "triage", &run, &[]);

    assert_eq!(unsigned.status, 2);
    assert_eq!(waived.status, 0, "{}", waived.stderr);
    assert!(looked_at.stderr.contains("no row is in a state for this"), "{}", looked_at.stderr);
}
