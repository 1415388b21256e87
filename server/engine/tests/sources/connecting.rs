use std::error::Error as _;

use engine::EngineError;
use engine::connect::{self, Purpose, Source};

use crate::sqlite::file;

/// The code and the whole story, which never tells the password.
fn story(error: &EngineError) -> (&'static str, String) {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(" / ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    assert!(!text.contains("s3cret"), "{text}");
    assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
    (error.code().as_str(), text)
}

async fn refused(url: &str) -> (&'static str, String) {
    story(&Source::open(url).await.expect_err("it is refused"))
}

#[tokio::test]
async fn a_wrong_password_is_told_from_an_unknown_database() {
    let database = testbed::postgres().create_database();
    let unknown = testbed::postgres().url("no_such_database");

    let password = refused(&database.url_as("transfuse", "s3cret")).await;
    let user = refused(&database.url_as("nobody", "s3cret")).await;
    let database = refused(&unknown).await;

    assert_eq!((password.0, user.0, database.0), ("CONN-002", "CONN-002", "CONN-003"));
    assert!(database.1.contains("no_such_database"), "{}", database.1);
}

#[tokio::test]
async fn mariadb_tells_a_wrong_password_from_an_unknown_database() {
    let database = testbed::mariadb().create_database();
    let unknown = testbed::mariadb().url("no_such_database");

    let password = refused(&database.url_as("transfuse", "s3cret")).await;
    let database = refused(&unknown).await;
    let port = refused("mysql://ann:s3cret@127.0.0.1:1/mdw").await;
    let nameless = refused("mysql://ann:s3cret@127.0.0.1:1").await;

    assert_eq!((password.0, database.0), ("CONN-002", "CONN-003"));
    assert_eq!((port.0, nameless.0), ("CONN-001", "CONN-006"));
}

#[tokio::test]
async fn a_password_may_hold_any_character() {
    let password = "a@b:c/d?e#f%g h";
    let encoded = "a%40b%3Ac%2Fd%3Fe%23f%25g%20h";
    let postgres = testbed::postgres().create_database();
    let mariadb = testbed::mariadb().create_database();
    let user = format!("odd_{}", std::process::id());
    postgres.execute(&format!("create role {user} login password '{password}'"));
    mariadb.execute(&format!(
        "create or replace user {user}@'%' identified by '{password}';
         grant select on *.* to {user}@'%'"
    ));

    for database in [&postgres, &mariadb] {
        let url = database.url_as("USER", "PASSWORD");
        let url = url.replace("USER", &user).replace("PASSWORD", encoded);
        assert!(Source::open(&url).await.is_ok());
    }
    let mariadb_scheme = mariadb.url().replacen("mysql:", "mariadb:", 1);
    assert!(Source::open(&mariadb_scheme).await.is_ok());
    postgres.execute(&format!("drop role {user}"));
    mariadb.execute(&format!("drop user {user}@'%'"));
}

#[tokio::test]
async fn a_port_where_nobody_listens_cannot_be_reached() {
    let refused_port = refused("postgres://ann:s3cret@127.0.0.1:1/mdw").await;
    let unknown_host = refused("postgres://ann:s3cret@no-such-host.invalid/mdw").await;

    assert_eq!((refused_port.0, unknown_host.0), ("CONN-001", "CONN-001"));
    assert!(refused_port.1.contains("127.0.0.1:1"), "{}", refused_port.1);
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_given_up() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = silent.local_addr().expect("its address").port();

    let (code, text) = refused(&format!("postgres://ann:s3cret@127.0.0.1:{port}/mdw")).await;

    assert_eq!(code, "CONN-001");
    assert!(text.contains("no answer within"), "{text}");
}

#[tokio::test]
async fn a_channel_that_must_be_secure_is_not_made_without_tls() {
    let postgres = testbed::postgres().create_database();
    let mariadb = testbed::mariadb().create_database();

    let postgres = refused(&format!("{}?sslmode=require", postgres.url())).await;
    let mariadb = refused(&format!("{}?ssl-mode=REQUIRED", mariadb.url())).await;

    assert_eq!((postgres.0, mariadb.0), ("CONN-007", "CONN-007"));
}

#[tokio::test]
async fn a_url_that_names_nothing_is_refused() {
    for url in ["", "mdw", "oracle://ann:s3cret@db/mdw", "postgres://ann:s3/cret@db/mdw"] {
        assert_eq!(refused(url).await.0, "CONN-006", "{url}");
    }
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_not_made() {
    let folder = tempfile::tempdir().expect("a folder");
    let missing = folder.path().join("missing.db");
    let text = folder.path().join("notes.txt");
    std::fs::write(&text, "no database").expect("writes");

    for path in [missing.as_path(), &text, folder.path()] {
        assert_eq!(refused(&format!("sqlite:{}", path.display())).await.0, "CONN-008");
    }
    assert!(!missing.exists());
}

#[tokio::test]
async fn a_source_refuses_to_be_written_to() {
    let database = testbed::postgres().create_database();
    database.execute("create table t (id int)");
    let (_folder, _, url) = file("create table t (id integer)");

    let mut postgres =
        connect::postgres::connect(database.url(), Purpose::Read).await.expect("connects");
    let error = sqlx::query("insert into t values (1)").execute(&mut postgres).await;
    let error = connect::classify(error.expect_err("is refused"), "writing");
    assert_eq!(story(&error).0, "CONN-004");

    let mariadb = testbed::mariadb().create_database();
    mariadb.execute("create table t (id int)");
    let Source::Mysql(server) = Source::open(mariadb.url()).await.expect("opens") else {
        panic!("it is MariaDB")
    };
    let mut connection = server.connect(Purpose::Read).await.expect("connects");
    let error = sqlx::query("insert into t values (1)").execute(&mut connection).await;
    let error = connect::classify(error.expect_err("is refused"), "writing");
    assert_eq!(story(&error).0, "CONN-004");

    let mut sqlite = connect::sqlite::connect(&url, Purpose::Read).await.expect("connects");
    let error = sqlx::query("insert into t values (1)").execute(&mut sqlite).await;
    let error = connect::classify(error.expect_err("is refused"), "writing");
    assert_eq!(story(&error).0, "CONN-004");
}

#[tokio::test]
async fn a_missing_right_is_named_and_a_value_is_not() {
    let database = testbed::postgres().create_database();
    let user = format!("clerk_{}", database.name());
    database.execute(&format!(
        "create table secrets (id int, name text);
         create role {user} login password 'clerk';"
    ));
    let url = database.url_as(&user, "clerk");
    let mut connection = connect::postgres::connect(&url, Purpose::Read).await.expect("connects");

    let right = sqlx::query("select * from secrets").execute(&mut connection).await;
    let value = sqlx::query("select 's3cret'::int").execute(&mut connection).await;

    let right = connect::classify(right.expect_err("no right"), "reading secrets");
    let value = connect::classify(value.expect_err("no number"), "reading secrets");
    assert_eq!(story(&right).0, "CONN-004");
    assert!(story(&right).1.contains("permission denied for table secrets"));
    assert_eq!(story(&value).0, "DATA-001");
    database.execute(&format!("drop role {user};"));
}

#[tokio::test]
async fn a_connection_that_the_server_ends_is_lost() {
    let database = testbed::postgres().create_database();
    let mut connection =
        connect::postgres::connect(database.url(), Purpose::Read).await.expect("connects");
    database.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity
         where application_name = 'transfuse' and datname = current_database()",
    );

    let error = sqlx::query("select 1").execute(&mut connection).await.expect_err("it is gone");

    assert_eq!(story(&connect::classify(error, "reading")).0, "CONN-005");

    let mariadb = testbed::mariadb().create_database();
    let Source::Mysql(server) = Source::open(mariadb.url()).await.expect("opens") else {
        panic!("it is MariaDB")
    };
    let mut connection = server.connect(Purpose::Read).await.expect("connects");
    let id: u64 = sqlx::query_scalar("select connection_id()")
        .fetch_one(&mut connection)
        .await
        .expect("answers");
    mariadb.execute(&format!("kill {id}"));

    let error = sqlx::query("select 1").execute(&mut connection).await.expect_err("it is gone");

    assert_eq!(story(&connect::classify(error, "reading")).0, "CONN-005");
}

#[tokio::test]
async fn targets_are_opened_for_writing() {
    let database = testbed::postgres().create_database();
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite:{}/new.db", folder.path().display());

    let mut postgres = connect::target::postgres(database.url()).await.expect("connects");
    let mut sqlite = connect::target::sqlite(&url).await.expect("is made");

    let make = "create table t (id integer primary key, t integer references t (id))";
    sqlx::query(make).execute(&mut postgres).await.expect("writes");
    sqlx::query(make).execute(&mut sqlite).await.expect("writes");
    let mode: String =
        sqlx::query_scalar("pragma journal_mode").fetch_one(&mut sqlite).await.expect("answers");
    let orphan = sqlx::query("insert into t values (1, 2)").execute(&mut sqlite).await;
    let orphan = connect::classify(orphan.expect_err("keys are enforced"), "writing");
    assert_eq!((mode.as_str(), story(&orphan).0), ("wal", "DATA-008"));
}
