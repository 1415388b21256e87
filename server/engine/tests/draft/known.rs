//! Databases that others made, where this machine has them.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use testbed::Database;

use crate::support::{completed, drafted, known_data, read_and_quarantined};

/// Runs a script without the statements that choose a database of its own.
fn load(database: &Database, script: &Path, settings: &str) {
    let text = fs::read(script).expect("a script");
    let text = String::from_utf8_lossy(&text);
    let own = ["DROP DATABASE", "CREATE DATABASE", "USE `", "\\c "];
    // To PostgreSQL such a literal is a `char`, without the blanks at its end.
    let text = text.replace(", N'", ", '");
    let lines: Vec<&str> =
        text.lines().filter(|line| !own.iter().any(|start| line.starts_with(start))).collect();
    let mut client =
        database.client().stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("a client");
    let script = format!("{settings}\n{}", lines.join("\n"));
    let mut input = client.stdin.take().expect("an input");
    input.write_all(script.as_bytes()).expect("a listener");
    drop(input);
    assert!(client.wait().expect("an end").success());
}

/// How many rows every table has, and a hash of them, whatever tables and columns are called.
fn content(database: &Database) -> String {
    let statements = database.query(
        "select string_agg(format(
             'select %L, count(*), md5(string_agg(t::text, ''|'' order by t::text collate \"C\")) from %I t',
             lower(replace(table_name, '_', '')), table_name
         ), ' union all ') || ' order by 1'
         from information_schema.tables where table_schema = 'public'",
    );
    database.query(&statements)
}

fn shape(database: &Database) -> String {
    database.query(
        "select contype, count(*) from pg_constraint
         where connamespace = 'public'::regnamespace group by 1 order by 1",
    ) + "\n"
        + &database.query("select count(*) from pg_indexes where schemaname = 'public'")
}

#[test]
fn chinook_is_the_same_from_three_sources() {
    let Some(folder) = known_data("chinook") else { return };
    let postgres = testbed::postgres().create_database();
    load(&postgres, &folder.join("Chinook_PostgreSql.sql"), "");
    let mysql = testbed::mariadb().create_database();
    load(&mysql, &folder.join("Chinook_MySql.sql"), "set sql_mode = 'NO_BACKSLASH_ESCAPES';");
    let sqlite = format!("sqlite:{}", folder.join("Chinook_Sqlite.sqlite").display());

    let arrived = [postgres.url(), mysql.url(), &sqlite].map(|source| {
        let target = testbed::postgres().create_database();
        let plan = drafted(source, target.url());
        assert_eq!(plan.tables.len(), 11);
        let outcome = completed(&plan);
        assert_eq!(read_and_quarantined(&outcome), (15_607, 0));
        (content(&target), shape(&target))
    });

    assert_eq!(arrived[0], arrived[1]);
    assert_eq!(arrived[0], arrived[2]);
    assert_eq!(arrived[0].1, "f\t11\np\t11\n22");
    assert_eq!(arrived[0].0, content(&postgres));
}

#[test]
fn chinook_becomes_another_sqlite_file() {
    let Some(source) = known_data("chinook") else { return };
    let folder = tempfile::tempdir().unwrap();
    let source = format!("sqlite:{}", source.join("Chinook_Sqlite.sqlite").display());
    let target = format!("sqlite:{}", folder.path().join("new.db").display());

    let outcome = completed(&drafted(&source, &target));

    assert_eq!(read_and_quarantined(&outcome), (15_607, 0));
}

#[test]
fn synthea_arrives_whole() {
    let Some(folder) = known_data("synthea") else { return };
    let target = testbed::postgres().create_database();

    let plan = drafted(&format!("csv:{}", folder.display()), target.url());

    assert_eq!(plan.tables.len(), 18);
    let outcome = completed(&plan);
    assert_eq!(read_and_quarantined(&outcome).1, 0);
    assert_eq!(target.query("select count(*) from claims_transactions"), "5228");
}

#[test]
fn openhospital_arrives_whole() {
    let Some(folder) = known_data("openhospital") else { return };
    let source = testbed::mariadb().create_database();
    load(&source, &folder.join("openhospital_demo.mysql.sql"), "set sql_mode = '';");
    let target = testbed::postgres().create_database();

    let plan = drafted(source.url(), target.url());

    assert_eq!(plan.tables.len(), 64);
    let patients = plan.tables.iter().find(|table| table.source.name == "oh_patient").unwrap();
    let signed: Vec<&str> = patients
        .columns
        .iter()
        .filter(|column| column.signed.is_some())
        .map(|column| column.target.as_str())
        .collect();
    assert!(signed.contains(&"PAT_LEDU"), "{signed:?}");

    let outcome = completed(&plan);
    // The dump holds rows whose patient is not in it.
    let orphans = "select count(*) from oh_patient_consensus
        left join oh_patient on PTC_PAT_ID = PAT_ID where PAT_ID is null";
    assert_eq!(source.query(orphans), "48");
    assert_eq!(read_and_quarantined(&outcome), (6_258, 49));
    assert_eq!(target.query("select distinct code from transfuse.quarantine"), "DATA-008");
    assert_eq!(target.query("select count(*) from oh_patient where \"PAT_LEDU\" = '␀'"), "462");
}
