use engine::connect::Source;
use engine::extract::{Form, Snapshot};
use shared::assessment::{ReferentialAction, TableName};

use crate::reading::{catalog_of, only_row, read_of, rows_of, same};

const TYPES: &str = r#"
    create type "Mood" as enum ('sad', 'so so', 'it''s');
    create domain positive as numeric(8,3) check (value > 0);
    create type pair as (a int, b text);
    create table types (
        id bigint primary key,
        small smallint, small_low smallint, int_low integer, int_high integer,
        big_low bigint, big_high bigint,
        single real, single_nan real, double_tiny double precision, double_inf double precision,
        exact numeric(38,10), any_exact numeric, nan numeric, zero numeric(5,2),
        tiny numeric, huge numeric, in_domain positive, money money,
        yes boolean, no boolean,
        text text, varchar varchar(10), padded char(5), one "char", name name,
        bytes bytea,
        day date, day_bc date, day_inf date, day_far date,
        at_time time, at_midnight time, at_time_zone timetz,
        stamp timestamp, stamp_bc timestamp, stamp_inf timestamp,
        stamp_zone timestamptz, stamp_zone_minus timestamptz,
        span interval, uuid uuid, json json, jsonb jsonb,
        bits bit(10), var_bits varbit(20), oid oid,
        mood "Mood", address inet, ints integer[], texts text[], moods "Mood"[],
        span_of_ints int4range, pair pair, point point, xml xml,
        nothing text, twice bigint generated always as (id * 2) stored
    );
    insert into types values (
        -4611686018427387903,
        32767, -32768, -2147483648, 2147483647,
        -9223372036854775808, 9223372036854775807,
        0.1, 'NaN', 5e-324, '-Infinity',
        '-1234567890123456789012345678.0123456789', 100.500, 'NaN', 0,
        '0.000000000000000000001', 1e30, 1.250, '$1,234.50',
        true, false,
        'Zoë 🏥 "quoted" \ ', 'ten chars!', 'ab', 'x', 'a_name',
        '\x00ff',
        '2024-02-29', '0044-03-15 BC', 'infinity', '5874897-12-31',
        '23:59:59.999999', '24:00', '12:00:00+05:30',
        '1999-12-31 23:59:59.999999', '4713-01-01 00:00:00 BC', '-infinity',
        '2024-03-31 02:30:00+02', '0001-01-01 00:00:00-12',
        '-1 year 2 mons -3 days 04:05:06.789', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
        '{"a" :  1, "a":2}', '{"b": [1, null]}',
        B'1010101011', B'101', 4294967295,
        'it''s', '10.0.0.1/8', '{1,NULL,3}', '{"a,b",""}', '{sad}',
        '[1,5)', '(1,"x y")', '(1.5,-2)', '<a/>',
        null
    );
"#;

#[tokio::test]
async fn every_type_of_postgres_arrives_as_it_is() {
    let database = testbed::postgres().create_database();
    database.execute(TYPES);

    let row = only_row(database.url(), "types").await;

    same(
        &row,
        &[
            ("id", "Int(-4611686018427387903)"),
            ("small", "Int(32767)"),
            ("small_low", "Int(-32768)"),
            ("int_low", "Int(-2147483648)"),
            ("int_high", "Int(2147483647)"),
            ("big_low", "Int(-9223372036854775808)"),
            ("big_high", "Int(9223372036854775807)"),
            ("single", "Float32(0.1)"),
            ("single_nan", "Float32(NaN)"),
            ("double_tiny", "Float(5e-324)"),
            ("double_inf", "Float(-inf)"),
            ("exact", r#"Decimal("-1234567890123456789012345678.0123456789")"#),
            ("any_exact", r#"Decimal("100.500")"#),
            ("nan", r#"Decimal("NaN")"#),
            ("zero", r#"Decimal("0.00")"#),
            ("tiny", r#"Decimal("0.000000000000000000001")"#),
            ("huge", r#"Decimal("1000000000000000000000000000000")"#),
            ("in_domain", r#"Decimal("1.250")"#),
            ("money", r#"Decimal("1234.50")"#),
            ("yes", "Bool(true)"),
            ("no", "Bool(false)"),
            ("text", r#"Text("Zoë 🏥 \"quoted\" \\ ")"#),
            ("varchar", r#"Text("ten chars!")"#),
            ("padded", r#"Text("ab")"#),
            ("one", r#"Text("x")"#),
            ("name", r#"Text("a_name")"#),
            ("bytes", "Bytes([0, 255])"),
            ("day", "Date(8825)"),
            ("day_bc", "Date(-746117)"),
            ("day_inf", "Date(2147483647)"),
            ("day_far", "Date(2145031948)"),
            ("at_time", "Time(86399999999)"),
            ("at_midnight", "Time(86400000000)"),
            ("at_time_zone", "TimeTz(43200000000, -19800)"),
            ("stamp", "Timestamp(-1)"),
            ("stamp_bc", "Timestamp(-211810204800000000)"),
            ("stamp_inf", "Timestamp(-9223372036854775808)"),
            ("stamp_zone", "TimestampTz(765160200000000)"),
            ("stamp_zone_minus", "TimestampTz(-63082238400000000)"),
            ("span", "Interval { months: -10, days: -3, microseconds: 14706789000 }"),
            (
                "uuid",
                "Uuid([160, 238, 188, 153, 156, 11, 78, 248, 187, 109, 107, 185, 189, 56, 10, 17])",
            ),
            ("json", r#"Json("{\"a\" :  1, \"a\":2}")"#),
            ("jsonb", r#"Json("{\"b\": [1, null]}")"#),
            ("bits", "Bits { length: 10, bytes: [170, 192] }"),
            ("var_bits", "Bits { length: 3, bytes: [160] }"),
            ("oid", "Int(4294967295)"),
            ("mood", r#"Text("it's")"#),
            ("address", r#"Text("10.0.0.1/8")"#),
            ("ints", r#"Text("{1,NULL,3}")"#),
            ("texts", r#"Text("{\"a,b\",\"\"}")"#),
            ("moods", r#"Text("{sad}")"#),
            ("span_of_ints", r#"Text("[1,5)")"#),
            ("pair", r#"Text("(1,\"x y\")")"#),
            ("point", r#"Text("(1.5,-2)")"#),
            ("xml", r#"Text("<a/>")"#),
            ("nothing", "Null"),
            ("twice", "Int(-9223372036854775806)"),
        ],
    );
}

#[tokio::test]
async fn the_catalog_of_postgres_proposes_types_that_hold_every_value() {
    let database = testbed::postgres().create_database();
    database.execute(TYPES);

    let catalog = catalog_of(database.url()).await;

    let table = catalog.table(&TableName::new(Some("public"), "types")).expect("is found");
    let types: Vec<_> = table
        .columns
        .iter()
        .map(|column| format!("{} {} -> {}", column.name, column.native_type, column.data_type))
        .collect();
    insta::assert_debug_snapshot!(types);
    assert_eq!(catalog.enums[0].labels, ["sad", "so so", "it's"]);
    let mood = &table.column("mood").expect("is found").data_type;
    assert_eq!(
        engine::assess::catalog::enum_of(&catalog, mood),
        Some(&catalog.enums[0]),
        "{mood} names the enum"
    );
    assert!(table.column("twice").expect("is found").generated);
}

#[tokio::test]
async fn keys_indexes_references_and_defaults_of_postgres_are_found() {
    let database = testbed::postgres().create_database();
    database.execute(
        r#"
        create schema "Old Clinic";
        create schema transfuse;
        create table transfuse.ledger (id int);
        set search_path = public;
        create table parent (a int, b text, primary key (b, a));
        comment on table parent is 'those who come first';
        create table "Old Clinic"."select" (
            "order" serial primary key,
            "On" integer generated by default as identity,
            a int, b text default 'x''y', at timestamptz default now(),
            flag boolean not null default true, amount numeric(5,2) default 1.50,
            code text unique, other int,
            foreign key (b, a) references parent (b, a) on delete cascade on update set null
        );
        comment on column "Old Clinic"."select".code is 'a code';
        create index by_a on "Old Clinic"."select" (a, "On");
        create index by_lower on "Old Clinic"."select" (lower(b));
        create unique index by_some on "Old Clinic"."select" (other) where other > 0;
        create table parted (id int primary key, v text) partition by range (id);
        create table parted_1 partition of parted for values from (0) to (10);
        create table parted_2 partition of parted for values from (10) to (20);
        create table base (id int); create table derived () inherits (base);
        create view a_view as select 1;
        "#,
    );

    let catalog = catalog_of(database.url()).await;

    let names: Vec<_> = catalog.tables.iter().map(|table| table.name.to_string()).collect();
    assert_eq!(
        names,
        ["Old Clinic.select", "public.base", "public.derived", "public.parent", "public.parted"]
    );
    assert!(catalog.server.starts_with("PostgreSQL 1"));
    let parent = catalog.table(&TableName::new(Some("public"), "parent")).expect("is found");
    assert_eq!(parent.primary_key, ["b", "a"]);
    assert_eq!(parent.comment.as_deref(), Some("those who come first"));
    let child = &catalog.tables[0];
    assert_eq!(child.primary_key, ["order"]);
    let [key] = child.foreign_keys.as_slice() else { panic!("one reference") };
    assert_eq!(key.columns, ["b", "a"]);
    assert_eq!(key.references, parent.name);
    assert_eq!(key.referenced_columns, ["b", "a"]);
    assert_eq!(key.on_delete, ReferentialAction::Cascade);
    assert_eq!(key.on_update, ReferentialAction::SetNull);
    let indexes: Vec<_> = child
        .indexes
        .iter()
        .map(|index| (index.name.as_str(), index.columns.join(","), index.unique))
        .collect();
    assert_eq!(
        indexes,
        [
            ("by_a", "a,On".to_owned(), false),
            ("by_lower", String::new(), false),
            ("by_some", String::new(), true),
            ("select_code_key", "code".to_owned(), true),
        ]
    );
    let defaults: Vec<_> =
        child.columns.iter().map(|column| (column.identity, column.default.as_deref())).collect();
    assert_eq!(
        defaults,
        [
            (true, None),
            (true, None),
            (false, None),
            (false, Some("'x''y'")),
            (false, Some("now()")),
            (false, Some("true")),
            (false, Some("1.50")),
            (false, None),
            (false, None),
        ]
    );
    assert_eq!(child.columns[7].comment.as_deref(), Some("a code"));
}

#[tokio::test]
async fn partitions_are_read_once_and_heirs_apart_from_their_parent() {
    let database = testbed::postgres().create_database();
    database.execute(
        "create table parted (id int, v text) partition by range (id);
         create table parted_1 partition of parted for values from (0) to (1000);
         create table parted_2 partition of parted for values from (1000) to (9000);
         insert into parted select n, 'x' from generate_series(0, 4999) as n;
         create table base (id int primary key); create table derived () inherits (base);
         insert into base values (1); insert into derived values (1), (2);",
    );
    let source = Source::open(database.url()).await.expect("opens");
    let catalog = catalog_of(database.url()).await;

    for (table, expected) in [("parted", 5000), ("base", 1), ("derived", 2)] {
        let table = catalog.table(&TableName::new(Some("public"), table)).expect("is found");
        let (rows, chunks) = rows_of(&source, &read_of(table), 700).await;
        let distinct: std::collections::BTreeSet<_> = rows.iter().collect();

        assert_eq!((rows.len(), distinct.len()), (expected, expected));
        assert!(expected < 700 || chunks.len() > 1, "{chunks:?}");
    }
}

#[tokio::test]
async fn bytes_pass_through_and_texts_are_as_the_engine_writes_them() {
    let database = testbed::postgres().create_database();
    database.execute("create table t (a numeric, b int); insert into t values (1.50, 7)");
    let source = Source::open(database.url()).await.expect("opens");
    let catalog = catalog_of(database.url()).await;
    let mut read = read_of(&catalog.tables[0]);
    read.columns[0].form = Form::Text;
    read.columns[1].form = Form::Raw;
    read.filter = Some("b > 7 -- not this one".to_owned());

    let (rows, _) = rows_of(&source, &read, 10).await;

    assert_eq!(rows, [[r#"Text("1.50")"#, "Raw([0, 0, 0, 7])", "Bool(false)"]]);
}

#[tokio::test]
async fn all_readers_see_the_moment_in_which_the_snapshot_was_opened() {
    let database = testbed::postgres().create_database();
    database.execute("create table t (id int primary key); insert into t values (1), (2), (3)");
    let source = Source::open(database.url()).await.expect("opens");
    let catalog = catalog_of(database.url()).await;
    let read = read_of(&catalog.tables[0]);
    let mut snapshot = Snapshot::open(&source, 3).await.expect("opens");

    database.execute("delete from t where id = 2; insert into t values (4)");

    let chunks = snapshot.plan_chunks(&read, 1).await.expect("plans");
    assert_eq!(chunks.len(), 3);
    for (reader, chunk) in snapshot.into_readers().iter_mut().zip(&chunks) {
        let (sender, mut receiver) = tokio::sync::mpsc::channel(1);
        let read = reader.read(&read, chunk, 100, sender).await;
        assert_eq!(read.expect("reads"), 1);
        assert_eq!(receiver.recv().await.expect("a batch").rows(), 1);
    }
}

#[tokio::test]
async fn a_reader_whose_listener_went_away_can_be_used_again() {
    let database = testbed::postgres().create_database();
    database.execute(
        "create table t (id int primary key); insert into t select generate_series(1, 10000)",
    );
    let source = Source::open(database.url()).await.expect("opens");
    let catalog = catalog_of(database.url()).await;
    let read = read_of(&catalog.tables[0]);
    let mut snapshot = Snapshot::open(&source, 1).await.expect("opens");
    let chunks = snapshot.plan_chunks(&read, 10_000).await.expect("plans");
    let mut reader = snapshot.into_readers().remove(0);

    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    drop(receiver);
    let refused = reader.read(&read, &chunks[0], 100, sender).await;
    let (sender, mut receiver) = tokio::sync::mpsc::channel(1);
    let (count, ()) = tokio::join!(reader.read(&read, &chunks[0], 100, sender), async {
        while receiver.recv().await.is_some() {}
    });

    assert_eq!(refused.expect_err("nobody listens").code().as_str(), "SYS-004");
    assert_eq!(count.expect("reads"), 10_000);
}

#[tokio::test]
async fn rows_that_a_policy_hides_are_refused_rather_than_left_out() {
    let database = testbed::postgres().create_database();
    let user = format!("reader_{}", database.name());
    database.execute(&format!(
        "create table t (id int primary key); insert into t values (1);
         alter table t enable row level security;
         create role {user} login password 'secret'; grant select on t to {user};"
    ));
    let source = Source::open(&database.url_as(&user, "secret")).await.expect("opens");
    let catalog = catalog_of(database.url()).await;
    let read = read_of(&catalog.tables[0]);

    let mut snapshot = Snapshot::open(&source, 1).await.expect("opens");
    let refused = snapshot.plan_chunks(&read, 10).await.expect_err("hidden rows");

    assert_eq!(refused.code().as_str(), "CONN-004");
    database.execute(&format!("drop owned by {user}; drop role {user};"));
}
