use std::path::{Path, PathBuf};

use engine::connect::Source;
use engine::extract::Snapshot;
use rusqlite::Connection;
use shared::assessment::{ReferentialAction, TableName};
use tempfile::TempDir;

use crate::reading::{catalog_of, only_row, read_of, rows_of, same};

/// A database file in a folder of its own.
pub(crate) fn file(sql: &str) -> (TempDir, PathBuf, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("legacy clinic.db");
    Connection::open(&path).and_then(|db| db.execute_batch(sql)).expect("the file is made");
    let url = format!("sqlite:{}", path.display());
    (folder, path, url)
}

#[tokio::test]
async fn a_value_of_sqlite_is_what_it_was_stored_as() {
    let (_folder, _, url) = file(
        "create table types (
             id integer primary key, low integer, high integer, in_int integer, real_in_int integer,
             real real, huge real, decimal decimal(10,2), text text, nul text, bad text,
             blob blob, in_text text, yes boolean, day date, at datetime, epoch datetime,
             untyped, absent text, twice integer generated always as (id * 2) virtual
         );
         insert into types values (
             -5, -9223372036854775808, 9223372036854775807, 'abc', 1.5,
             0.1, 1e300, 12.34, 'Zoë', 'a' || char(0) || 'b', cast(x'ff41' as text),
             x'00ff', x'41', 1, '2024-02-29', '2024-02-29 12:00:00', 1700000000,
             x'01', null
         );",
    );

    let row = only_row(&url, "types").await;

    same(
        &row,
        &[
            ("id", "Int(-5)"),
            ("low", "Int(-9223372036854775808)"),
            ("high", "Int(9223372036854775807)"),
            ("in_int", r#"Text("abc")"#),
            ("real_in_int", "Float(1.5)"),
            ("real", "Float(0.1)"),
            ("huge", "Float(1e300)"),
            ("decimal", "Float(12.34)"),
            ("text", r#"Text("Zoë")"#),
            ("nul", r#"Text("a\0b")"#),
            ("bad", "Invalid(NotText, [255, 65])"),
            ("blob", "Bytes([0, 255])"),
            ("in_text", "Bytes([65])"),
            ("yes", "Int(1)"),
            ("day", r#"Text("2024-02-29")"#),
            ("at", r#"Text("2024-02-29 12:00:00")"#),
            ("epoch", "Int(1700000000)"),
            ("untyped", "Bytes([1])"),
            ("absent", "Null"),
            ("twice", "Int(-10)"),
        ],
    );
}

#[tokio::test]
async fn the_types_proposed_for_sqlite_hold_the_values_that_are_there() {
    let (_folder, _, url) = file(
        "create table t (
             kept varchar(5), long varchar(5), price decimal(4,2), odd decimal(4,2),
             flag boolean, code boolean, at datetime, epoch datetime, number, word, mixed, empty,
             key text primary key
         );
         insert into t values ('abcde', 'abcdef', 12.34, 12.345, 1, 7, '2024-01-01 00:00:00',
                               1700000000, 1, 'a', 1, null, 'k');
         insert into t values (null, 'x', 99, 1, 0, 0, '2024-01-02', 1700000001, 2, 'b', 'x', null,
                               'l');",
    );

    let catalog = catalog_of(&url).await;

    let table = &catalog.tables[0];
    let types: Vec<_> = table
        .columns
        .iter()
        .map(|column| format!("{} {}", column.name, column.data_type))
        .collect();
    assert_eq!(
        types,
        [
            "kept varchar(5)",
            "long text",
            "price numeric(4,2)",
            "odd numeric",
            "flag boolean",
            "code bigint",
            "at timestamp",
            "epoch bigint",
            "number bigint",
            "word text",
            "mixed text",
            "empty text",
            "key text",
        ]
    );
    assert!(!table.column("key").expect("is found").nullable);
    assert_eq!(engine::assess::catalog::reading_key(table), ["key"]);
}

#[tokio::test]
async fn keys_indexes_and_references_of_sqlite_are_found() {
    let (_folder, _, url) = file(
        "create table Parent (a integer, b text not null, primary key (b, a)) without rowid;
         create table \"order\" (
             id integer primary key autoincrement, \"On\" text unique default 'it''s',
             a integer, b text, at datetime default current_timestamp,
             parent_id integer references missing(id),
             foreign key (B, A) references parent on delete cascade
         );
         create index by_a on \"order\" (a, \"On\");
         create unique index by_some on \"order\" (a) where a > 0;
         create index by_lower on \"order\" (lower(b));
         create view v as select 1;
         create virtual table words using fts5(text);
         create table _transfuse_ledger (id);",
    );

    let catalog = catalog_of(&url).await;

    let names: Vec<_> = catalog.tables.iter().map(|table| table.name.name.as_str()).collect();
    assert_eq!(names, ["Parent", "order"]);
    assert_eq!(catalog.tables[0].primary_key, ["b", "a"]);
    assert!(catalog.tables[0].columns.iter().all(|column| !column.nullable));
    let order = &catalog.tables[1];
    assert!(order.columns[0].identity);
    assert_eq!(order.columns[1].default.as_deref(), Some("'it''s'"));
    assert_eq!(order.columns[4].default.as_deref(), Some("(now() at time zone 'utc')"));
    let [key] = order.foreign_keys.as_slice() else { panic!("one reference") };
    assert_eq!(key.columns, ["b", "a"]);
    assert_eq!(key.references, TableName::new(None, "Parent"));
    assert_eq!(key.referenced_columns, ["b", "a"]);
    assert_eq!(key.on_delete, ReferentialAction::Cascade);
    let indexes: Vec<_> = order
        .indexes
        .iter()
        .map(|index| (index.name.as_str(), index.columns.join(","), index.unique))
        .collect();
    assert_eq!(
        indexes,
        [
            ("order_On_key", "On".to_owned(), true),
            ("by_a", "a,On".to_owned(), false),
            ("by_some", String::new(), true),
            ("by_lower", String::new(), false),
        ]
    );
}

#[tokio::test]
async fn what_is_committed_after_the_snapshot_is_not_read() {
    let (_folder, path, url) = file(
        "pragma journal_mode = wal; create table t (id integer primary key);
         insert into t values (1), (2);",
    );
    let writer = Connection::open(&path).expect("opens");
    writer.execute_batch("insert into t values (3)").expect("writes");
    let source = Source::open(&url).await.expect("opens");
    let catalog = catalog_of(&url).await;
    let mut snapshot = Snapshot::open(&source, 3).await.expect("opens");

    writer.execute_batch("delete from t where id = 1; insert into t values (4)").expect("writes");

    let chunks = snapshot.plan_chunks(&read_of(&catalog.tables[0]), 1).await.expect("plans");
    assert_eq!(chunks.iter().map(|chunk| chunk.rows).collect::<Vec<_>>(), [1, 1, 1]);
}

#[tokio::test]
async fn a_file_beside_its_log_is_read_with_what_the_log_holds() {
    let (_folder, path, url) = file("pragma journal_mode = wal; create table t (id integer)");
    let writer = Connection::open(&path).expect("opens");
    writer
        .execute_batch("pragma wal_autocheckpoint = 0; insert into t values (7)")
        .expect("writes");
    let catalog = catalog_of(&url).await;
    let source = Source::open(&url).await.expect("opens");

    let (rows, _) = rows_of(&source, &read_of(&catalog.tables[0]), 10).await;

    assert_eq!(rows, [["Int(7)"]]);
}

#[tokio::test]
async fn chinook_is_read_whole() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/data/chinook/Chinook_Sqlite.sqlite");
    if !path.exists() {
        return;
    }
    let url = format!("sqlite:{}", path.display());
    let source = Source::open(&url).await.expect("opens");
    let catalog = catalog_of(&url).await;

    let mut total = 0;
    for table in &catalog.tables {
        total += rows_of(&source, &read_of(table), 500).await.0.len();
        assert!(!table.primary_key.is_empty());
    }

    assert_eq!((catalog.tables.len(), total), (11, 15_607));
}
