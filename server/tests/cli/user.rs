use crate::support::Desk;

#[test]
fn a_password_comes_from_the_input_or_is_made_and_shown_once() {
    let desk = Desk::new();
    let given = desk.run_with(&add("ada@clinic.example"), "correct horse battery\n");
    assert_eq!(given.status, 0, "{}", given.stderr);
    assert!(!given.stderr.contains("password"), "{}", given.stderr);

    let made = desk.run(&add("bea@clinic.example"));
    assert_eq!(made.status, 0, "{}", made.stderr);
    let password =
        made.stderr.lines().find_map(|line| line.strip_prefix("password (shown this once): "));
    assert!(password.is_some_and(|password| password.len() == 23), "{}", made.stderr);

    let list = desk.run(&["user", "list", "--json", "-"]);
    let users: serde_json::Value = serde_json::from_str(&list.stdout).unwrap();
    assert_eq!(
        (&users[0]["email"], &users[1]["role"]),
        (&"ada@clinic.example".into(), &"viewer".into())
    );
    assert!(!list.stdout.contains("argon2"), "{}", list.stdout);
}

#[test]
fn an_address_has_one_account() {
    let desk = Desk::new();
    desk.run(&add("ada@clinic.example"));

    let again = desk.run(&add("Ada@Clinic.example"));

    again.assert_failed(2, "SYS-005");
    assert!(again.stderr.contains("user reset"), "{}", again.stderr);
}

#[test]
fn a_short_password_and_a_bad_address_are_refused() {
    let desk = Desk::new();
    desk.run_with(&add("ada@clinic.example"), "short\n").assert_failed(2, "SYS-005");
    desk.run(&add("ada")).assert_failed(2, "SYS-005");
    assert_eq!(desk.run(&["user", "list", "--json", "-"]).stdout.trim(), "[]");
}

#[test]
fn a_reset_gives_another_password_to_somebody_who_is_there() {
    let desk = Desk::new();
    desk.run(&add("ada@clinic.example"));

    let reset = desk.run(&["user", "reset", "--email", "ada@clinic.example", "--generate"]);
    assert_eq!(reset.status, 0, "{}", reset.stderr);
    desk.run(&["user", "reset", "--email", "bea@clinic.example"]).assert_failed(2, "SYS-005");

    let trail = desk.run(&["audit", "export"]);
    assert!(trail.stdout.contains("password_reset"), "{}", trail.stdout);
    assert_eq!(trail.stdout.lines().count(), 2);
}

fn add(email: &str) -> [&str; 8] {
    ["user", "add", "--email", email, "--name", "Somebody", "--role", "viewer"]
}
