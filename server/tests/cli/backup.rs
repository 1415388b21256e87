use crate::support::{Desk, people};

/// A desk with a run that is through, and a backup from before it and one from after it.
fn migrated() -> Desk {
    let desk = Desk::new();
    let legacy = desk.sqlite("legacy.db", &people(100));
    desk.draft(&legacy, "sqlite:modern.db");
    let run = desk.run(&["migrate", "plan.yaml"]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    desk
}

#[test]
fn a_backup_is_taken_and_found_to_be_whole() {
    let desk = migrated();

    let taken =
        desk.run(&["backup", "--plan", "plan.yaml", "--out", "backup", "--json", "taken.json"]);
    assert_eq!(taken.status, 0, "{}", taken.stderr);
    let manifest = desk.json("taken.json");
    assert_eq!(
        manifest["target"]["tables"]
            .as_array()
            .unwrap()
            .iter()
            .find(|t| t["name"] == "person")
            .unwrap()["rows"],
        100
    );
    assert_eq!(manifest["plan"]["hash"].as_str().unwrap().len(), 64);
    assert!(!manifest["store"]["tables"].as_array().unwrap().is_empty());
    let verified = desk.run(&["backup", "verify", "backup", "--json", "-"]);

    assert_eq!(verified.status, 0, "{}", verified.stderr);
    let verdict: serde_json::Value = serde_json::from_str(&verified.stdout).unwrap();
    assert_eq!((&verdict["intact"], &verdict["manifest"]), (&true.into(), &manifest));
    let trail = desk.run(&["audit", "export"]);
    assert!(trail.stdout.contains("backup_taken"), "{}", trail.stdout);
    let again = desk.run(&["backup", "--plan", "plan.yaml", "--out", "backup"]);
    again.assert_failed(2, "SYS-003");
}

#[test]
fn a_backup_that_was_changed_or_is_anothers_is_not_whole() {
    let desk = migrated();
    desk.run(&["backup", "--plan", "plan.yaml", "--out", "backup"]);
    let other = desk.run(&["--data", "elsewhere", "backup", "verify", "backup"]);
    other.assert_failed(4, "SYS-020");
    let file = desk.path("backup/target.db.zst.sealed");
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, bytes).unwrap();

    let verified = desk.run(&["backup", "verify", "backup"]);

    verified.assert_failed(4, "SYS-020");
    assert!(verified.stderr.contains("target.db.zst.sealed"), "{}", verified.stderr);
}

#[test]
fn a_backup_of_nothing_is_a_bad_command_line() {
    let desk = Desk::new();
    desk.run(&["backup", "--no-store", "--out", "backup"]).assert_failed(2, "SYS-005");
    let without = desk.run(&["backup"]);
    assert_eq!(without.status, 2, "{}", without.stderr);
    assert!(without.stderr.contains("--out"), "{}", without.stderr);
}
