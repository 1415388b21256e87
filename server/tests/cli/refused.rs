//! What a database refuses: message, code and exit status of each.

use crate::support::{Desk, Done, people};

#[test]
fn a_wrong_password_exits_with_5() {
    for server in [testbed::postgres(), testbed::mariadb()] {
        let database = server.create_database();
        let url = database.url_as("transfuse", "wr0ng");

        let done = draft_from(&url);

        done.assert_failed(5, "CONN-002");
        assert!(!done.stderr.contains("wr0ng"), "{}", done.stderr);
    }
}

#[test]
fn a_host_that_does_not_answer_exits_with_5() {
    for url in ["postgres://ann:s3cret@127.0.0.1:1/mdw", "mysql://ann:s3cret@127.0.0.1:1/mdw"] {
        let done = draft_from(url);

        done.assert_failed(5, "CONN-001");
        assert!(done.stderr.contains("127.0.0.1"), "{}", done.stderr);
        assert!(!done.stderr.contains("s3cret"), "{}", done.stderr);
    }
}

#[test]
fn an_unknown_database_exits_with_5() {
    for server in [testbed::postgres(), testbed::mariadb()] {
        let done = draft_from(&server.url("nowhere"));

        done.assert_failed(5, "CONN-003");
        assert!(done.stderr.contains("nowhere"), "{}", done.stderr);
    }
}

#[test]
fn a_file_that_is_not_there_exits_with_5() {
    for url in ["sqlite:missing.db", "csv:missing"] {
        let done = draft_from(url);

        done.assert_failed(5, "CONN-008");
        assert!(done.stderr.contains("missing"), "{}", done.stderr);
    }
}

#[test]
fn a_target_without_rights_exits_with_5_and_nothing_is_written() {
    let desk = Desk::new();
    let source = desk.sqlite("legacy.db", &people(10));
    let database = testbed::postgres().create_database();
    let user = format!("guest_{}", database.name());
    database.execute(&format!(
        "create role {user} login password 'guest';
         revoke create on schema public from public;
         revoke create on database {name} from public;
         revoke all on schema public from public;",
        name = database.name()
    ));
    desk.draft(&source, &database.url_as(&user, "guest"));

    let done = desk.run(&["migrate", "plan.yaml"]);

    done.assert_failed(5, "CONN-004");
    let tables = "select count(*) from pg_class join pg_namespace n on n.oid = relnamespace
                  where nspname in ('public', 'transfuse')";
    assert_eq!(database.query(tables), "0");
    database.execute(&format!("drop owned by {user}; drop role {user};"));
}

#[test]
fn a_full_disk_exits_with_5_and_the_same_command_goes_on_when_there_is_room() {
    let Some(server) = testbed::small_disk(6 << 20) else {
        eprintln!("skipped: this process may not mount file systems");
        return;
    };
    let desk = Desk::new();
    let wide = "create table note (id integer primary key, body text not null);
         with recursive n (i) as (select 1 union all select i + 1 from n where i < 4000)
         insert into note select i, hex(randomblob(1500)) from n;";
    let source = desk.sqlite("legacy.db", wide);
    let database = server.create_database();
    desk.draft(&source, database.url());
    let small =
        desk.read("plan.yaml").replacen("tables:", "options: {chunk_rows: 200}\ntables:", 1);
    desk.write("plan.yaml", &small);

    let done = desk.run(&["migrate", "plan.yaml", "--json", "out.json"]);

    done.assert_failed(5, "LOAD-003");
    let committed: u64 = database.query("select count(*) from note").parse().unwrap();
    let outcome = desk.json("out.json");
    assert_eq!(outcome["status"], "failed");
    assert_eq!(outcome["tables"][0]["loaded"], committed);
}

/// Drafting is the first thing that opens a source.
fn draft_from(url: &str) -> Done {
    Desk::new().run(&["plan", "draft", "--source", url, "--target", "sqlite:modern.db"])
}
