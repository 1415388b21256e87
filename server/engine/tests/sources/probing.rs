use engine::connect::probe::probe;
use shared::connection::{ConnectionTest, Role};

use crate::sqlite::file;

/// The steps, each with whether it passed.
fn steps(test: &ConnectionTest) -> Vec<(&str, bool)> {
    test.steps.iter().map(|step| (step.step.as_str(), step.passed)).collect()
}

fn last_detail(test: &ConnectionTest) -> &str {
    let detail = &test.steps.last().expect("there is a step").detail;
    assert!(!detail.contains("s3cret"), "{detail}");
    detail
}

#[tokio::test]
async fn a_connection_that_works_passes_every_step() {
    let postgres = testbed::postgres().create_database();
    let mariadb = testbed::mariadb().create_database();
    postgres.execute("create table t (id int)");
    mariadb.execute("create table t (id int)");
    let (folder, _, sqlite) = file("create table t (id integer)");
    let new = format!("sqlite:{}/new.db", folder.path().display());
    std::fs::write(folder.path().join("t.csv"), "a,b\n").expect("writes");
    let csv = format!("csv:{}", folder.path().display());

    for (url, role) in [
        (postgres.url(), Role::Source),
        (postgres.url(), Role::Target),
        (mariadb.url(), Role::Source),
        (&sqlite, Role::Source),
        (&sqlite, Role::Target),
        (&new, Role::Target),
        (&csv, Role::Source),
    ] {
        let test = probe(url, role).await;
        assert!(test.passed, "{test:?}");
        assert!(test.steps.iter().all(|step| step.passed && !step.detail.is_empty()));
    }
    assert!(!std::path::Path::new(&new["sqlite:".len()..]).exists());
    let server = probe(mariadb.url(), Role::Source).await.server;
    assert!(server.expect("is told").starts_with("MariaDB "));
}

#[tokio::test]
async fn a_probe_ends_at_the_first_step_that_fails_and_says_what_to_do() {
    let database = testbed::postgres().create_database();
    let nobody = probe("postgres://ann:s3cret@127.0.0.1:1/mdw", Role::Source).await;
    let password = probe(&database.url_as("transfuse", "s3cret"), Role::Source).await;
    let csv_target = probe("csv:folder", Role::Target).await;
    let mysql_target = probe("mysql://ann:s3cret@db/mdw", Role::Target).await;

    assert_eq!(steps(&nobody), [("read the URL", true), ("reach the server", false)]);
    assert!(last_detail(&nobody).contains("Correct the connection's URL"));
    assert_eq!(
        steps(&password)[1..],
        [("reach the server", true), ("sign in and open the database", false)]
    );
    assert!(last_detail(&password).contains("password"));
    assert_eq!(steps(&csv_target), [("read the URL", false)]);
    assert_eq!(steps(&mysql_target), [("read the URL", false)]);
    assert!(![nobody, password, csv_target, mysql_target].iter().any(|test| test.passed));
}

#[tokio::test]
async fn a_right_that_is_missing_is_named() {
    let database = testbed::postgres().create_database();
    let user = format!("clerk_{}", database.name());
    database.execute(&format!(
        "create table secrets (id int); create role {user} login password 'clerk';
         revoke create on schema public from public;"
    ));
    let url = database.url_as(&user, "clerk");

    let source = probe(&url, Role::Source).await;
    let target = probe(&url, Role::Target).await;

    assert!(last_detail(&source).contains("SELECT is missing on public.secrets"));
    assert!(last_detail(&target).contains("lacks CREATE on the database"));
    assert!(!source.passed && !target.passed);
    database.execute(&format!("drop role {user}"));
}
