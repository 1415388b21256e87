use crate::support::Desk;

#[test]
fn help_names_every_command_and_the_exit_statuses() {
    let done = Desk::new().run(&["--help"]);

    assert_eq!((done.status, done.stderr.as_str()), (0, ""));
    for command in ["serve", "plan", "migrate", "quarantine", "generate", "user", "audit"] {
        assert!(done.stdout.contains(&format!("\n  {command} ")), "{}", done.stdout);
    }
    assert!(done.stdout.contains("6 stopped and can be resumed"));
}

#[test]
fn a_bad_command_line_exits_with_2() {
    let desk = Desk::new();
    for arguments in [
        &["migrat"][..],
        &["migrate"],
        &["migrate", "a.yaml", "--workers", "0"],
        &["plan", "draft"],
    ] {
        assert_eq!(desk.run(arguments).status, 2, "{arguments:?}");
    }
}

#[test]
fn a_plan_that_is_not_there_or_is_none_exits_with_2() {
    let desk = Desk::new();
    desk.run(&["migrate", "plan.yaml"]).assert_failed(2, "MAP-004");

    desk.write("plan.yaml", "format: 1\nname: x\ntabels: []\n");
    let done = desk.run(&["migrate", "plan.yaml"]);
    done.assert_failed(2, "MAP-004");
    assert!(done.stderr.contains("tabels") && done.stderr.contains("line 3"), "{}", done.stderr);
}

#[test]
fn a_url_that_nobody_understands_exits_with_2() {
    let desk = Desk::new();
    desk.run(&["plan", "draft", "--source", "oracle://db", "--target", "sqlite:x.db"])
        .assert_failed(2, "CONN-006");
}

#[test]
fn a_data_folder_that_is_a_file_exits_with_2() {
    let desk = Desk::new();
    desk.write("data", "");
    desk.run(&["user", "list", "--data", "data"]).assert_failed(2, "SYS-003");
}

#[test]
fn a_key_that_is_none_exits_with_2_and_is_not_shown() {
    let desk = Desk::new();
    let output = desk
        .command(&["serve", "--listen", "127.0.0.1:0"])
        .env("TRANSFUSE_KEY", "not-a-key")
        .output()
        .unwrap();
    let done = crate::support::done(&output);
    done.assert_failed(2, "SYS-005");
    assert!(!done.stderr.contains("not-a-key"), "{}", done.stderr);
}

#[test]
fn a_control_store_that_cannot_be_reached_exits_with_5_and_its_password_stays_secret() {
    let store = "postgres://ann:s3cret@127.0.0.1:1/control";
    let done = Desk::new().run(&["user", "list", "--store", store]);
    done.assert_failed(5, "SYS-007");
    assert!(!done.stderr.contains("s3cret"), "{}", done.stderr);
}
