//! Words planted in the data come out nowhere, however talkative the commands are made.

use sqlx::{Connection as _, Executor as _};

use crate::support::{Desk, block_on};

const PLANTED: &[&str] = &["Pseudonymia", "Quillfeather", "9911-4242", "31.02.1980"];

#[test]
fn no_command_says_a_value_of_a_row_even_when_everything_goes_wrong() {
    let desk = Desk::new();
    let source = desk.sqlite(
        "legacy.db",
        "create table person (id integer primary key, name text, phone text, born date);
         insert into person values
             (1, 'Pseudonymia Quillfeather', '9911-4242', '1980-01-31'),
             (2, 'Pseudonymia Quillfeather', '9911-4242', '31.02.1980'),
             (3, 'Pseudonymia' || char(0) || 'Quillfeather', '9911-4242', '1980-01-31');",
    );
    let database = testbed::postgres().create_database();
    let target = database.url().to_owned();
    // The database itself quotes the value that it refuses.
    block_on(async {
        let mut connection = sqlx::PgConnection::connect(&target).await.expect("a database");
        let person = "create table person (
                id bigint primary key, name text unique, phone text check (phone not like '99%'),
                born date)";
        connection.execute(person).await.expect("a table");
    });
    let mut said = String::new();
    let mut run = |arguments: &[&str]| {
        let output = desk
            .command(arguments)
            .env("TRANSFUSE_LOG", "trace")
            .stdin(std::process::Stdio::null())
            .output()
            .expect("it runs");
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!errors.contains("panicked"), "{errors}");
        said.push_str(&errors);
    };

    run(&["plan", "draft", "--source", &source, "--target", &target, "--out", "plan.yaml"]);
    run(&["plan", "check", "plan.yaml"]);
    run(&["migrate", "plan.yaml", "--json", "outcome.json"]);
    run(&["migrate", "plan.yaml", "--fresh"]);
    let outcome = desk.read("outcome.json");
    let id = serde_json::from_str::<serde_json::Value>(&outcome).expect("JSON")["run_id"]
        .as_str()
        .unwrap_or("none")
        .to_owned();
    run(&["quarantine", "list", &id, "--plan", "plan.yaml"]);
    run(&["migrate", "plan.yaml"]);
    run(&["audit", "export"]);

    assert!(said.contains("TRACE") || said.contains("DEBUG"), "it was not talkative at all");
    for planted in PLANTED {
        let line = said.lines().find(|line| line.contains(planted));
        assert_eq!(line, None, "`{planted}` was said");
        assert!(!outcome.contains(planted), "{outcome}");
    }
}
