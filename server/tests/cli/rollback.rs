use crate::support::{Desk, people};

fn sqlite_rows(desk: &Desk, sql: &str) -> i64 {
    use sqlx::{AssertSqlSafe, Connection as _, Row as _, SqliteConnection};
    let url = format!("sqlite://{}", desk.path("modern.db").display());
    let sql = sql.to_owned();
    crate::support::block_on(async move {
        let mut connection = SqliteConnection::connect(&url).await.expect("a SQLite file");
        let row = sqlx::query(AssertSqlSafe(sql)).fetch_one(&mut connection).await.expect("a row");
        row.get(0)
    })
}

/// A desk with a run that is through, and the run's id.
fn migrated() -> (Desk, String) {
    let desk = Desk::new();
    let legacy = desk.sqlite("legacy.db", &people(100));
    desk.draft(&legacy, "sqlite:modern.db");
    let plan = desk.read("plan.yaml");
    desk.write("plan.yaml", &plan.replace("\ntables:", "\noptions: {chunk_rows: 10}\ntables:"));
    let run = desk.run(&["migrate", "plan.yaml", "--json", "out.json"]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    let id = desk.json("out.json")["run_id"].as_str().expect("the run has an id").to_owned();
    (desk, id)
}

#[test]
fn a_run_is_looked_at_undone_and_told_in_the_trail() {
    let (desk, run) = migrated();

    let dry =
        desk.run(&["rollback", &run, "--plan", "plan.yaml", "--dry-run", "--json", "dry.json"]);
    assert_eq!(dry.status, 0, "{}", dry.stderr);
    let looked = desk.json("dry.json");
    assert_eq!((&looked["dry_run"], &looked["tables"][0]["removed"]), (&true.into(), &100.into()));
    assert!(dry.stderr.contains("the table goes"), "{}", dry.stderr);
    assert_eq!(sqlite_rows(&desk, "select count(*) from person"), 100);

    let done = desk.run(&["rollback", &run, "--plan", "plan.yaml", "--json", "-"]);
    assert_eq!(done.status, 0, "{}", done.stderr);
    let outcome: serde_json::Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!(outcome["tables"][0]["removed"], 100);
    assert_eq!(outcome["run_state"], "rolled_back");
    let left = "select count(*) from sqlite_master where name = 'person'";
    assert_eq!(sqlite_rows(&desk, left), 0);
    let trail = desk.run(&["audit", "export"]);
    assert!(trail.stdout.contains("rollback_completed") && trail.stdout.contains(&run));
    let again = desk.run(&["rollback", &run, "--plan", "plan.yaml"]);
    again.assert_failed(2, "LOAD-023");
}

#[test]
fn a_chunk_is_undone_and_the_same_plan_does_it_again() {
    let (desk, run) = migrated();

    let chunk =
        ["rollback", &run, "--target", "sqlite:modern.db", "--table", "person", "--chunk", "3"];
    let done = desk.run(&chunk);
    assert_eq!(done.status, 0, "{}", done.stderr);
    assert_eq!(sqlite_rows(&desk, "select count(*) from person"), 90);
    let again = desk.run(&["migrate", "plan.yaml", "--json", "again.json"]);

    assert_eq!(again.status, 0, "{}", again.stderr);
    let outcome = desk.json("again.json");
    assert_eq!((&outcome["run_id"], &outcome["books_close"]), (&run.into(), &true.into()));
    assert_eq!(sqlite_rows(&desk, "select count(*) from person"), 100);
}

#[test]
fn rows_that_somebody_changed_stay_and_the_command_says_so() {
    let (desk, run) = migrated();
    desk.sqlite("modern.db", "update person set name = 'Quillon' where id = 7");

    let left = desk.run(&["rollback", &run, "--plan", "plan.yaml"]);
    left.assert_failed(4, "LOAD-025");
    assert!(!left.stderr.contains("Quillon"), "{}", left.stderr);
    assert_eq!(sqlite_rows(&desk, "select count(*) from person"), 1);
    let all = desk.run(&["rollback", &run, "--plan", "plan.yaml", "--discard-changes"]);

    assert_eq!(all.status, 0, "{}", all.stderr);
    let left = "select count(*) from sqlite_master where name = 'person'";
    assert_eq!(sqlite_rows(&desk, left), 0);
}

#[test]
fn a_chunk_without_its_table_is_a_bad_command_line() {
    let done = Desk::new().run(&["rollback", "run-1", "--chunk", "3"]);
    assert_eq!(done.status, 2, "{}", done.stderr);
    assert!(done.stderr.contains("--table"), "{}", done.stderr);
}
