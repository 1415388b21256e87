use std::collections::BTreeSet;

use engine::connect::Source;
use proptest::prelude::*;
use shared::assessment::Catalog;

use crate::reading::{catalog_of, check_that_large_rows_are_cut_apart, read_of, rows_of};
use crate::sqlite::file;

/// Tables of every kind of key, in words that every engine understands.
const TABLES: &str = "
    create table one_key (id bigint primary key, v varchar(20));
    create table two_keys (a varchar(20) not null, b int not null, v varchar(20), primary key (b, a));
    create table text_key (id varchar(20) primary key);
    create table no_key (v varchar(20));
    create table unique_key (v varchar(20) not null unique, other int);
    create table empty_table (id int primary key);
    insert into one_key values (-3, 'c'), (-1, 'a'), (0, 'zero'), (1, 'b'), (7, null), (9, 'i'),
        (9223372036854775807, 'max');
    insert into two_keys values ('a', 1, 'x'), ('b', 1, 'y'), ('a', 2, 'z'), ('it''s', 2, 'q'),
        ('', 0, 'e'), ('back\\slash', 3, 'r');
    insert into text_key values ('a'), ('B'), ('c d'), ('é'), ('o''x'), ('%_'), ('Z'), ('10'), ('9');
    insert into no_key values ('same'), ('same'), (null), ('other'), (null);
    insert into unique_key values ('a', 1), ('b', 2), ('C', 3);
";

async fn every_row_is_in_one_chunk(url: &str, catalog: &Catalog, expected: &[(&str, usize)]) {
    let source = Source::open(url).await.expect("opens");
    for (name, count) in expected {
        let table = catalog.tables.iter().find(|table| table.name.name == *name).expect("is found");
        let read = read_of(table);
        let (whole, _) = rows_of(&source, &read, 1000).await;
        assert_eq!(whole.len(), *count, "{name}");
        for chunk_rows in [1, 3] {
            let (rows, chunks) = rows_of(&source, &read, chunk_rows).await;
            if read.key.is_empty() {
                let (mut left, mut right) = (rows, whole.clone());
                left.sort();
                right.sort();
                assert_eq!(left, right, "{name} by {chunk_rows}");
            } else {
                assert_eq!(rows, whole, "{name} by {chunk_rows}, in the order of the key");
                assert!(chunks.iter().all(|chunk| chunk.rows <= chunk_rows), "{chunks:?}");
            }
            assert!(chunks.iter().all(|chunk| chunk.rows > 0), "{chunks:?}");
            let ordinals: Vec<_> = chunks.iter().map(|chunk| chunk.ordinal as usize).collect();
            assert_eq!(ordinals, (0..chunks.len()).collect::<Vec<_>>());
        }
    }
}

const COUNTS: &[(&str, usize)] = &[
    ("one_key", 7),
    ("two_keys", 6),
    ("text_key", 9),
    ("no_key", 5),
    ("unique_key", 3),
    ("empty_table", 0),
];

/// Rows 1,101 to 1,400 are large.
const SIZE: &str = "case when n between 1101 and 1400 then 10000 else 10 end";

#[tokio::test]
async fn large_rows_of_postgres_are_cut_by_their_bytes() {
    let database = testbed::postgres().create_database();
    database.execute(&format!(
        "create table t (id int primary key, note text);
         alter table t alter note set storage external;
         insert into t select n, repeat('x', {SIZE}) from generate_series(1, 3000) as n"
    ));
    check_that_large_rows_are_cut_apart(database.url()).await;
}

#[tokio::test]
async fn large_rows_of_mariadb_are_cut_by_their_bytes() {
    let database = testbed::mariadb().create_database();
    database.execute(&format!(
        "create table t (id int primary key, note text);
         insert into t select n, repeat('x', {SIZE}) from (select seq as n from seq_1_to_3000) as s"
    ));
    check_that_large_rows_are_cut_apart(database.url()).await;
}

#[tokio::test]
async fn large_rows_of_sqlite_are_cut_by_their_bytes() {
    let (_folder, _, url) = file(&format!(
        "create table t (id integer primary key, note text);
         with recursive s (n) as (select 1 union all select n + 1 from s where n < 3000)
         insert into t select n, printf('%.*c', {SIZE}, 'x') from s"
    ));
    check_that_large_rows_are_cut_apart(&url).await;
}

#[tokio::test]
async fn large_rows_of_a_file_are_cut_by_their_bytes() {
    let folder = tempfile::tempdir().expect("a folder");
    let rows: Vec<String> = (1..=3000)
        .map(|n| {
            let size = if (1101..=1400).contains(&n) { 10_000 } else { 10 };
            format!("{n},{}\n", "x".repeat(size))
        })
        .collect();
    let rows = rows.concat();
    std::fs::write(folder.path().join("t.csv"), format!("id,note\n{rows}")).expect("is written");
    check_that_large_rows_are_cut_apart(&format!("csv:{}", folder.path().display())).await;
}

#[tokio::test]
async fn every_row_of_postgres_is_in_one_chunk() {
    let database = testbed::postgres().create_database();
    database.execute(&TABLES.replace("\\\\", "\\"));
    database.execute(
        "create type grade as enum ('low', 'high', 'b');
         create table odd_key (g grade, d date, n numeric, f float8, u uuid, at timestamptz,
                               b boolean, y bytea, primary key (g, d, n, f, u, at, b, y));
         insert into odd_key
         select g, date '2024-01-01' + n, n / 3.0, n / 7.0::float8,
                md5(n::text)::uuid, timestamptz '2024-03-31 00:30:00.123456+00' + n * interval '1h',
                n % 2 = 0, decode(md5(n::text), 'hex')
         from unnest(enum_range(null::grade)) as g, generate_series(-2, 2) as n;
         create table dead (v int); insert into dead select generate_series(1, 3000);
         delete from dead where v between 100 and 2500;",
    );

    let catalog = catalog_of(database.url()).await;

    let mut counts = COUNTS.to_vec();
    counts.extend([("odd_key", 15), ("dead", 599)]);
    every_row_is_in_one_chunk(database.url(), &catalog, &counts).await;
    database.execute("create view a_view as select * from dead");
    let dead = catalog.tables.iter().find(|table| table.name.name == "dead");
    let mut view = read_of(dead.expect("is found"));
    "a_view".clone_into(&mut view.table.name);
    let source = Source::open(database.url()).await.expect("opens");
    assert_eq!(rows_of(&source, &view, 3).await.0.len(), 599);
}

#[tokio::test]
async fn every_row_of_mariadb_is_in_one_chunk() {
    let database = testbed::mariadb().create_database();
    database.execute(TABLES);
    database.execute(
        "create table odd_key (
             d date, n decimal(20,10), y binary(2), at datetime(6), l varchar(9)
                 character set latin1, u uuid, c varchar(9) collate utf8mb4_general_ci,
             primary key (d, n, y, at, l, u, c)
         );
         insert into odd_key
         select '2024-01-01' + interval (seq % 2) day, seq / 3, unhex('00ff'),
                '2024-03-31 00:30:00.123456', 'é', uuid(), if(seq % 2, 'A', 'b')
         from seq_1_to_9;
         create table kinds (k enum('z', 'a') primary key); insert into kinds values ('z'), ('a');
         create table floats (k float primary key); insert into floats values (0.1), (0.2);
         create table nullable_key (k int, unique (k)); insert into nullable_key values (null),
             (null), (3);",
    );

    let catalog = catalog_of(database.url()).await;

    let mut counts = COUNTS.to_vec();
    counts.push(("odd_key", 9));
    every_row_is_in_one_chunk(database.url(), &catalog, &counts).await;
    let source = Source::open(database.url()).await.expect("opens");
    for (name, count) in [("kinds", 2), ("floats", 2), ("nullable_key", 3)] {
        let table = catalog.tables.iter().find(|table| table.name.name == name).expect("is found");
        let mut read = read_of(table);
        read.key = vec!["k".to_owned()];
        assert_eq!(rows_of(&source, &read, 1).await.0.len(), count, "{name}");
    }
}

#[tokio::test]
async fn every_row_of_sqlite_is_in_one_chunk() {
    let (_folder, _, url) = file(&format!(
        "{}
         create table keyless_key (id text primary key); insert into keyless_key values (null),
             (null), ('a');
         create table odd_key (a, b blob, primary key (a, b)) without rowid;
         insert into odd_key values (1, x'00'), ('a' || char(0), x''), (x'ff', 'text'), (2.5, 1);
         create table hidden (_rowid_ text, rowid text); insert into hidden values ('a', 'b'),
             ('c', 'd');
         create table hidden_all (_rowid_, rowid, oid); insert into hidden_all values (1, 2, 3);
         create view a_view as select * from no_key;
         create table apart (id text primary key) without rowid; insert into apart values ('a');",
        TABLES.replace("\\\\", "\\")
    ));

    let catalog = catalog_of(&url).await;

    let mut counts = COUNTS.to_vec();
    counts.extend([("keyless_key", 3), ("hidden", 2), ("hidden_all", 1)]);
    every_row_is_in_one_chunk(&url, &catalog, &counts).await;
    let odd = catalog.tables.iter().find(|table| table.name.name == "odd_key").expect("is found");
    let source = Source::open(&url).await.expect("opens");
    assert_eq!(rows_of(&source, &read_of(odd), 1).await.0.len(), 4);
    let no_key = catalog.tables.iter().find(|table| table.name.name == "no_key");
    let mut view = read_of(no_key.expect("is found"));
    "a_view".clone_into(&mut view.table.name);
    assert_eq!(rows_of(&source, &view, 1).await.0.len(), 5);
    let apart = catalog.tables.iter().find(|table| table.name.name == "apart");
    let mut apart = read_of(apart.expect("is found"));
    apart.key.clear();
    assert_eq!(rows_of(&source, &apart, 1).await.0.len(), 1);
}

/// Two tables whose names need quotes, `"` standing for the engine's own.
const ODD_NAMES: &str = r#"
    create table "order" ("select" int, "On" int, "Mixed Case" varchar(9), "it's" varchar(9),
        "semi;colon -- x" varchar(9), primary key ("select", "On"));
    insert into "order" values (1, 1, 'a', 'b', 'c'), (1, 2, 'd', 'e', 'f'), (-1, 0, 'g', 'h', 'i');
"#;

#[tokio::test]
async fn names_of_any_kind_are_read() {
    let postgres = testbed::postgres().create_database();
    postgres.execute(ODD_NAMES);
    postgres.execute(
        r#"create table "a""b.c" ("d""e" int primary key); insert into "a""b.c" values (1);"#,
    );
    let mariadb = testbed::mariadb().create_database();
    mariadb.execute(&ODD_NAMES.replace('"', "`"));
    mariadb.execute(
        "create table `a``b.c` (`d``e` int primary key); insert into `a``b.c` values (1);",
    );
    let (_folder, _, sqlite) = file(&format!(
        r#"{ODD_NAMES} create table "a""b.c" ("d""e" int primary key not null);
           insert into "a""b.c" values (1);"#
    ));

    for url in [postgres.url(), mariadb.url(), &sqlite] {
        let catalog = catalog_of(url).await;
        let odd = catalog.tables.iter().find(|table| table.name.name.contains("b.c"));
        let odd = odd.expect("is found").name.name.clone();
        every_row_is_in_one_chunk(url, &catalog, &[("order", 3), (&odd, 1)]).await;
    }
}

#[tokio::test]
async fn a_key_that_only_the_plan_claims_is_cut_where_it_changes() {
    let (_folder, _, url) = file(
        "create table t (k text, v integer);
         insert into t values ('a', 1), ('a', 2), ('a', 3), ('b', 4), ('c', 5), ('c', 6);",
    );
    let catalog = catalog_of(&url).await;
    let source = Source::open(&url).await.expect("opens");
    let mut read = read_of(&catalog.tables[0]);
    read.query = Some("select k, v from t where v < 6 -- all but one".to_owned());
    read.key = vec!["k".to_owned()];
    read.filter = Some("v <> 4".to_owned());

    let (rows, chunks) = rows_of(&source, &read, 2).await;

    assert_eq!(chunks.iter().map(|chunk| chunk.rows).collect::<Vec<_>>(), [3, 1, 1]);
    let passing: Vec<_> = rows.iter().map(|row| row[2].as_str()).collect();
    assert_eq!(passing, ["Bool(true)", "Bool(true)", "Bool(true)", "Bool(false)", "Bool(true)"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_set_of_keys_is_cut_without_a_gap(
        keys in proptest::collection::btree_set(("\\PC{0,3}", any::<i64>()), 0..40),
        chunk_rows in 1_u64..9,
    ) {
        let (_folder, path, url) =
            file("create table t (a text not null, b integer not null, primary key (a, b))");
        let database = rusqlite::Connection::open(path).expect("opens");
        for (a, b) in &keys {
            database.execute("insert into t values (?1, ?2)", (a, b)).expect("writes");
        }
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let rows = runtime.block_on(async {
            let catalog = catalog_of(&url).await;
            let source = Source::open(&url).await.expect("opens");
            rows_of(&source, &read_of(&catalog.tables[0]), chunk_rows).await.0
        });
        let read: BTreeSet<_> = rows.iter().cloned().collect();
        prop_assert_eq!(rows.len(), keys.len());
        prop_assert_eq!(read.len(), keys.len());
    }
}
