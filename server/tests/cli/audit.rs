use crate::support::{Desk, people};

#[test]
fn an_intact_trail_exits_with_0_and_a_broken_one_with_4() {
    let desk = Desk::new();
    for email in ["ada@clinic.example", "bea@clinic.example"] {
        desk.run(&["user", "add", "--email", email, "--name", "Somebody", "--generate"]);
    }
    let intact = desk.run(&["audit", "verify", "--json", "-"]);
    assert_eq!(intact.status, 0, "{}", intact.stderr);
    let verdict: serde_json::Value = serde_json::from_str(&intact.stdout).unwrap();
    assert_eq!((&verdict["intact"], &verdict["entries"]), (&true.into(), &2.into()));

    desk.sqlite(
        "transfuse-data/control.db",
        "drop trigger audit_entries_stay;
         update audit_entries set subject = 'x' where number = 1",
    );

    let broken = desk.run(&["audit", "verify"]);
    broken.assert_failed(4, "SYS-008");
    assert!(broken.stderr.contains("entry 1"), "{}", broken.stderr);
}

#[test]
fn the_trail_is_exported_as_lines_or_as_a_table() {
    let desk = Desk::new();
    desk.run(&["user", "add", "--email", "ada@clinic.example", "--name", "Ada", "--generate"]);

    let json = desk.run(&["audit", "export", "--out", "trail.jsonl"]);
    assert_eq!(json.status, 0, "{}", json.stderr);
    assert_eq!(desk.json("trail.jsonl")["action"], "user_added");
    let csv = desk.run(&["audit", "export", "--format", "csv", "--to", "2020-01-01"]);
    assert_eq!(csv.stdout.lines().count(), 1, "{}", csv.stdout);
}

#[test]
fn the_trail_is_exported_for_a_repository_of_fhir_and_that_is_an_entry_too() {
    let desk = Desk::new();
    desk.run(&["user", "add", "--email", "ada@clinic.example", "--name", "Ada", "--generate"]);

    let fhir = desk.run(&["audit", "export", "--format", "fhir"]);
    let event: serde_json::Value = serde_json::from_str(&fhir.stdout).unwrap();
    assert_eq!(
        (&event["resourceType"], &event["subtype"][0]["code"]),
        (&"AuditEvent".into(), &"user_added".into())
    );

    let exports = desk.run(&["audit", "export", "--object", "audit"]);
    assert!(exports.stdout.contains("audit_exported"), "{}", exports.stdout);
}

#[test]
fn an_entry_of_the_command_line_names_the_account_that_ran_it() {
    let desk = Desk::new();
    let mut add = desk.command(&[
        "user",
        "add",
        "--email",
        "ada@clinic.example",
        "--name",
        "Ada",
        "--generate",
    ]);
    // Anybody can set these.
    add.env("USER", "mallory").env("LOGNAME", "mallory");
    assert!(add.output().unwrap().status.success());

    let export = desk.run(&["audit", "export", "--actor", "command-line"]);

    let entry: serde_json::Value = serde_json::from_str(&export.stdout).unwrap();
    let name = entry["actor_name"].as_str().unwrap();
    assert!(name.starts_with(&account()) && name.ends_with(", on the command line"), "{name}");
    assert_eq!(
        (&entry["role"], &entry["address"]),
        (&serde_json::Value::Null, &serde_json::Value::Null)
    );
}

#[test]
fn what_a_command_began_and_what_came_of_it_are_entries() {
    let desk = Desk::new();
    let source = desk.sqlite("legacy.db", &people(100));
    desk.draft(&source, "sqlite:modern.db");
    desk.run(&["migrate", "plan.yaml", "--rehearse"]);
    desk.run(&["migrate", "plan.yaml"]);
    desk.sqlite("modern.db", "update person set name = 'Other' where id = 7");
    desk.run(&["verify", "plan.yaml"]);
    // It is only tried out.
    desk.run(&["verify", "repair", "plan.yaml"]);
    desk.run(&["verify", "repair", "plan.yaml", "--apply"]);

    let export = desk.run(&["audit", "export"]);

    let entries: Vec<serde_json::Value> =
        export.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: Vec<String> = entries
        .iter()
        .map(|entry| format!("{}: {}", text(&entry["action"]), text(&entry["detail"])))
        .collect();
    let begins = [
        "rehearsal_started: plan ",
        "rehearsal_completed: all of it was taken back",
        "run_started: plan ",
        "run_completed: 100 read, 100 loaded, 0 in quarantine",
        "verification_started: plan ",
        "verification_completed: different, 100 rows compared, 0 missing, 0 extra, 1 different",
        "repair_started: plan ",
        "repair_completed: 0 rows put in, 1 corrected, 0 taken out, 0 refused",
    ];
    assert!(told.len() == begins.len(), "{told:#?}");
    assert!(told.iter().zip(begins).all(|(told, begin)| told.starts_with(begin)), "{told:#?}");
    assert!(entries.iter().all(|entry| text(&entry["actor_name"]).starts_with(&account())));
    assert_eq!(entries[2]["subject"], entries[3]["subject"]);
}

#[test]
fn a_run_that_cannot_begin_is_an_entry_that_says_why() {
    let desk = Desk::new();
    let source = desk.sqlite("legacy.db", &people(1));
    desk.draft(&source, "sqlite:modern.db");
    desk.sqlite(
        "modern.db",
        "create table person (id bigint primary key, name text not null, born date);
         insert into person values (7, 'Somebody Else', null)",
    );

    desk.run(&["migrate", "plan.yaml"]).assert_failed(3, "LOAD-001");

    let export = desk.run(&["audit", "export"]);
    let entry: serde_json::Value =
        serde_json::from_str(export.stdout.lines().last().unwrap()).unwrap();
    let (action, detail) = (text(&entry["action"]), text(&entry["detail"]));
    assert_eq!((action, &detail[..8]), ("run_failed", "LOAD-001"));
}

fn text(value: &serde_json::Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn account() -> String {
    let id = std::process::Command::new("id").arg("-un").output().expect("`id` runs");
    String::from_utf8(id.stdout).expect("a name").trim().to_owned()
}
