//! What tests of other crates rely on.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use testbed::{Database, Durability, Product, Server};

#[test]
fn a_postgres_database_keeps_what_is_written() {
    check_round_trip(&testbed::postgres().create_database());
}

#[test]
fn a_mariadb_database_keeps_what_is_written() {
    check_round_trip(&testbed::mariadb().create_database());
}

#[test]
fn a_postgres_database_is_dropped_though_a_client_is_connected() {
    check_dropped_in_use(testbed::postgres(), "select datname from pg_database");
}

#[test]
fn a_mariadb_database_is_dropped_though_a_client_is_connected() {
    check_dropped_in_use(testbed::mariadb(), "show databases");
}

#[test]
fn a_script_may_hold_many_statements_and_any_text() {
    let script = tempfile::NamedTempFile::new().unwrap();
    fs::write(&script, "create table t (a text);\ninsert into t values ('ä;ö');\n").unwrap();

    for server in [testbed::postgres(), testbed::mariadb()] {
        let database = server.create_database();
        database.run_script(&script);

        assert_eq!(database.query("select a from t"), "ä;ö");
    }
}

#[test]
fn sql_that_the_server_refuses_is_an_error() {
    for server in [testbed::postgres(), testbed::mariadb()] {
        let refused = server.create_database().try_query("select * from missing; select 1");

        assert!(refused.unwrap_err().to_string().contains("missing"));
    }
}

#[test]
fn a_wrong_password_is_refused() {
    for server in [testbed::postgres(), testbed::mariadb()] {
        let database = server.create_database();

        assert!(database.try_query_as("transfuse", "transfuse", "select 1").is_ok());
        assert!(database.try_query_as("transfuse", "wrong", "select 1").is_err());
    }
}

#[test]
fn a_table_that_outgrows_a_small_disk_is_refused_and_the_server_lives() {
    let Some(server) = testbed::small_disk(8 << 20) else {
        eprintln!("skipped: this process may not mount file systems");
        return;
    };
    server.execute("create table t as select 1 as a");

    let refused = server
        .create_database()
        .try_query("create table t as select repeat('x', 1000) from generate_series(1, 50000)");

    assert!(refused.unwrap_err().to_string().contains("No space left on device"));
    assert_eq!(server.query("select a from t"), "1");
}

#[test]
fn a_private_server_ends_with_its_last_handle() {
    for product in [Product::Postgres, Product::MariaDb] {
        let server = testbed::private(product, Durability::Durable);
        let port = server.port();
        let second_handle = server.clone();
        drop(server);
        assert_eq!(second_handle.query("select 1"), "1");

        second_handle.end();

        assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    }
}

#[test]
fn a_killed_server_comes_back_with_what_was_committed() {
    for product in [Product::Postgres, Product::MariaDb] {
        let server = testbed::private(product, Durability::Durable);
        let database = server.create_database();
        database.execute("create table t (a int); insert into t values (1)");

        server.kill();
        assert!(database.try_query("select a from t").is_err());
        server.start();

        assert_eq!(database.query("select a from t"), "1");
    }
}

#[test]
fn a_way_is_cut_when_so_many_bytes_have_passed_and_is_open_again_after() {
    let database = testbed::postgres().create_database();
    let proxy = testbed::Proxy::to(database.url());
    let through = |sql: &str| {
        let mut client = Command::new("psql");
        client.args(["--no-psqlrc", "--tuples-only", "--no-align", "-c", sql]);
        let output = client.arg(proxy.url(database.url())).output().expect("psql");
        (output.status.success(), String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    assert_eq!(through("select 1"), (true, "1".to_owned()));

    proxy.cut_after(10_000);
    let cut = through("select repeat('x', 100000)");

    assert!(!cut.0);
    assert_eq!(proxy.cuts(), 1);
    assert_eq!(through("select 2"), (true, "2".to_owned()));
}

#[test]
fn servers_end_when_their_holder_is_killed() {
    let mut holder = Command::new(env!("CARGO_BIN_EXE_testbed"))
        .args(["run", "--", "sh", "-c", "env; exec sleep 600"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let ports = ports_told_by(&mut holder);
    assert_eq!(ports.len(), 2);
    assert!(ports.iter().all(|port| TcpStream::connect(("127.0.0.1", *port)).is_ok()));

    holder.kill().unwrap();
    holder.wait().unwrap();

    let limit = Instant::now() + Duration::from_secs(20);
    while ports.iter().any(|port| TcpStream::connect(("127.0.0.1", *port)).is_ok()) {
        assert!(Instant::now() < limit, "a server survived its holder");
        thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_command_is_run_with_both_servers_and_its_exit_code_is_kept() {
    let mut run = Command::new(env!("CARGO_BIN_EXE_testbed"))
        .args(["run", "--", "sh", "-c", "env; exit 7"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();

    let ports = ports_told_by(&mut run);

    assert_eq!(ports.len(), 2);
    assert_eq!(run.wait().unwrap().code(), Some(7));
    assert!(ports.iter().all(|port| TcpStream::connect(("127.0.0.1", *port)).is_err()));
}

#[track_caller]
fn check_round_trip(database: &Database) {
    database.execute("create table t (a int, b varchar(20)); insert into t values (1, null)");
    database.execute("insert into t values (2, 'two')");

    assert_eq!(database.query("select a, b from t order by a"), "1\tNULL\n2\ttwo");
    assert_eq!(database.query("select a from t where a > 9"), "");
}

#[track_caller]
fn check_dropped_in_use(server: &Server, list: &str) {
    let database = server.create_database();
    let name = database.name().to_owned();
    database.execute("create table t (a int)");
    assert!(server.query(list).contains(&name));
    let mut client = database.client().stdin(Stdio::piped()).spawn().expect("the client starts");
    let mut input = client.stdin.take().expect("its input is a pipe");
    input.write_all(b"begin;\ninsert into t values (1);\n").expect("the client reads");
    thread::sleep(Duration::from_millis(500));

    drop(database);

    assert!(!server.query(list).contains(&name));
    drop(input);
    client.wait().expect("the client ends");
}

/// The ports of PostgreSQL and MariaDB, from the environment that a command prints.
fn ports_told_by(command: &mut Child) -> Vec<u16> {
    let output = command.stdout.take().expect("its output is a pipe");
    BufReader::new(output)
        .lines()
        .map_while(Result::ok)
        .filter(|line| line.starts_with("TRANSFUSE_TEST_"))
        .filter_map(|line| line.rsplit([':', '/']).nth(1)?.parse().ok())
        .take(2)
        .collect()
}
