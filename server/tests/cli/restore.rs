use crate::support::{Desk, people};

fn number(desk: &Desk, file: &str, sql: &str) -> i64 {
    use sqlx::{AssertSqlSafe, Connection as _, Row as _, SqliteConnection};
    let url = format!("sqlite://{}", desk.path(file).display());
    let sql = sql.to_owned();
    crate::support::block_on(async move {
        let mut connection = SqliteConnection::connect(&url).await.expect("a SQLite file");
        let row = sqlx::query(AssertSqlSafe(sql)).fetch_one(&mut connection).await.expect("a row");
        row.get(0)
    })
}

/// A desk with a run that is through, and a backup of what it made.
fn backed_up() -> Desk {
    let desk = Desk::new();
    let legacy = desk.sqlite("legacy.db", &people(100));
    desk.draft(&legacy, "sqlite:modern.db");
    assert_eq!(desk.run(&["migrate", "plan.yaml"]).status, 0);
    let taken = desk.run(&["backup", "--plan", "plan.yaml", "--out", "backup"]);
    assert_eq!(taken.status, 0, "{}", taken.stderr);
    desk
}

#[test]
fn a_target_is_restored_over_what_is_there_only_when_somebody_says_so() {
    let desk = backed_up();
    desk.sqlite("modern.db", "delete from person where id > 50");

    let refused = desk.run(&["restore", "backup", "--plan", "plan.yaml"]);
    refused.assert_failed(3, "SYS-021");
    assert_eq!(number(&desk, "modern.db", "select count(*) from person"), 50);
    let done = desk.run(&["restore", "backup", "--plan", "plan.yaml", "--replace", "--json", "-"]);

    assert_eq!(done.status, 0, "{}", done.stderr);
    let outcome: serde_json::Value = serde_json::from_str(&done.stdout).unwrap();
    let person =
        outcome["tables"].as_array().unwrap().iter().find(|t| t["name"] == "person").unwrap();
    assert_eq!((&person["rows"], &person["made"]), (&100.into(), &false.into()));
    assert_eq!(number(&desk, "modern.db", "select count(*) from person"), 100);
    let again = desk.run(&["migrate", "plan.yaml"]);
    assert_eq!(again.status, 0, "{}", again.stderr);
}

#[test]
fn an_empty_database_gets_the_tables_that_it_lacks() {
    let desk = backed_up();

    let done = desk.run(&["restore", "backup", "--target", "sqlite:empty.db"]);

    assert_eq!(done.status, 0, "{}", done.stderr);
    assert!(done.stderr.contains("was made"), "{}", done.stderr);
    assert_eq!(number(&desk, "empty.db", "select count(*) from person"), 100);
}

#[test]
fn the_control_store_becomes_what_it_was_and_the_later_one_is_kept() {
    let desk = backed_up();
    let added = desk.run_with(
        &[
            "user",
            "add",
            "--email",
            "ann@clinic.example",
            "--name",
            "Ann",
            "--role",
            "member",
            "--password-stdin",
        ],
        "correct horse battery\n",
    );
    let users = "select count(*) from users";
    let before = number(&desk, "transfuse-data/control.db", users);

    let refused = desk.run(&["restore", "backup", "--control-store"]);
    refused.assert_failed(3, "SYS-021");
    let done = desk.run(&["restore", "backup", "--control-store", "--replace"]);

    assert_eq!(done.status, 0, "{} {}", done.stderr, added.stderr);
    assert_eq!(number(&desk, "transfuse-data/control.db", users), 0);
    let kept = std::fs::read_dir(desk.path("transfuse-data"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .find(|name| {
            name.starts_with("control.db.before-")
                && !name.ends_with("-wal")
                && !name.ends_with("-shm")
        })
        .unwrap();
    assert_eq!(number(&desk, &format!("transfuse-data/{kept}"), users), before);
    let trail = desk.run(&["audit", "verify"]);
    assert_eq!(trail.status, 0, "{}", trail.stderr);
    let export = desk.run(&["audit", "export"]);
    assert!(export.stdout.contains("backup_restored"), "{}", export.stdout);
}

#[test]
fn nothing_to_restore_is_a_bad_command_line() {
    let desk = backed_up();
    desk.run(&["restore", "backup"]).assert_failed(2, "SYS-005");
    desk.run(&["restore", "nowhere", "--control-store"]).assert_failed(4, "SYS-020");
}
