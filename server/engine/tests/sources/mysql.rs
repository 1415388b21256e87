use std::path::Path;

use engine::assess::catalog::reading_key;
use engine::connect::Source;
use engine::extract::{Form, Snapshot};
use shared::assessment::{ReferentialAction, TableName};

use crate::reading::{catalog_of, only_row, read_of, rows_of, same};

const TYPES: &str = r#"
    set sql_mode = '';
    create table types (
        id int primary key,
        tiny tinyint, tiny_u tinyint unsigned, small smallint, small_u smallint unsigned,
        medium mediumint, medium_u mediumint unsigned, int_low int, int_u int unsigned,
        big bigint, big_u bigint unsigned, code tinyint(1), filled int(8) zerofill,
        exact decimal(65,30), exact_filled decimal(10,2) unsigned zerofill, whole decimal(10,0),
        single float, single_short float(7,4), dbl double, dbl_short double(10,2), tiny_dbl double,
        flag bit(1), bits bit(10), all_bits bit(64),
        a_year year, year_zero year,
        day date, zero_day date, zero_part date, bad_day date, first_day date, last_day date,
        at_time time(6), over_time time, minus_time time(3),
        stamp datetime(6), zero_stamp datetime, stamp_zone timestamp(6) null,
        zero_zone timestamp default 0,
        text text, latin varchar(20) character set latin1, bin_text varchar(20) collate utf8mb4_bin,
        nul text, wide char(5), greek varchar(20) character set greek, ucs text character set ucs2,
        kind enum('a','it''s','back\\slash',''), kind_bin enum('x','y') collate utf8mb4_bin,
        many set('x','y','z'),
        bytes varbinary(10), fixed binary(4), blb blob, big_blob longblob, big_text longtext,
        doc json, shape geometry, shape_ref point, uid uuid, addr inet6,
        absent text, twice bigint as (id * 2) virtual, thrice int as (id * 3) stored
    ) character set utf8mb4;
    set sql_mode = 'ALLOW_INVALID_DATES';
    insert into types (id, tiny, tiny_u, small, small_u, medium, medium_u, int_low, int_u, big,
        big_u, code, filled, exact, exact_filled, whole, single, single_short, dbl, dbl_short,
        tiny_dbl, flag, bits, all_bits, a_year, year_zero, day, zero_day, zero_part, bad_day,
        first_day, last_day, at_time, over_time, minus_time, stamp, zero_stamp, stamp_zone,
        zero_zone, text, latin, bin_text, nul, wide, greek, ucs, kind, kind_bin, many, bytes, fixed,
        blb, big_blob, big_text, doc, shape, shape_ref, uid, addr)
    values (0, -128, 255, -32768, 65535, -8388608, 16777215, -2147483648, 4294967295,
        -9223372036854775808, 18446744073709551615, 2, 42,
        -12345678901234567890123456789012345.123456789012345678901234567890, 12.3, 7,
        0.1, 123.4567, 0.1, 1234567.891, 5e-324, b'1', b'1010101011', 0xffffffffffffffff,
        1901, 0, '2024-02-29', '0000-00-00', '2024-00-10', '2023-02-30', '0001-01-01',
        '9999-12-31', '23:59:59.999999', '838:59:59', '-00:00:00.001',
        '1999-12-31 23:59:59.999999', '0000-00-00 00:00:00', '2024-03-31 00:30:00.5',
        '0000-00-00 00:00:00', 'Zoë 🏥 "q" \\ ''', 'Zoë €', 'ß', concat('a', char(0), 'b'), 'ab  ',
        'αβγ', 'žluť', 'it''s', 'y', 'x,z', x'00ff', x'0102', x'', x'ff', 'long',
        '{"a" :  1, "a":2}', st_geomfromtext('POINT(1 2)'), st_geomfromtext('POINT(1 2)', 4326),
        'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '::1');
"#;

#[tokio::test]
async fn every_type_of_mariadb_arrives_as_it_is() {
    let database = testbed::mariadb().create_database();
    database.execute(TYPES);

    let row = only_row(database.url(), "types").await;

    same(
        &row,
        &[
            ("id", "Int(0)"),
            ("tiny", "Int(-128)"),
            ("tiny_u", "Int(255)"),
            ("small", "Int(-32768)"),
            ("small_u", "Int(65535)"),
            ("medium", "Int(-8388608)"),
            ("medium_u", "Int(16777215)"),
            ("int_low", "Int(-2147483648)"),
            ("int_u", "Int(4294967295)"),
            ("big", "Int(-9223372036854775808)"),
            ("big_u", "Uint(18446744073709551615)"),
            ("code", "Int(2)"),
            ("filled", "Int(42)"),
            (
                "exact",
                r#"Decimal("-12345678901234567890123456789012345.123456789012345678901234567890")"#,
            ),
            ("exact_filled", r#"Decimal("12.30")"#),
            ("whole", r#"Decimal("7")"#),
            ("single", "Float32(0.1)"),
            ("single_short", "Float32(123.4567)"),
            ("dbl", "Float(0.1)"),
            ("dbl_short", "Float(1234567.89)"),
            ("tiny_dbl", "Float(5e-324)"),
            ("flag", "Bool(true)"),
            ("bits", "Bits { length: 10, bytes: [170, 192] }"),
            ("all_bits", "Bits { length: 64, bytes: [255, 255, 255, 255, 255, 255, 255, 255] }"),
            ("a_year", "Int(1901)"),
            ("year_zero", "Int(0)"),
            ("day", "Date(8825)"),
            ("zero_day", "Invalid(ZeroDate, [48, 48, 48, 48, 45, 48, 48, 45, 48, 48])"),
            ("zero_part", "Invalid(ZeroDate, [50, 48, 50, 52, 45, 48, 48, 45, 49, 48])"),
            ("bad_day", "Invalid(OutOfRange, [50, 48, 50, 51, 45, 48, 50, 45, 51, 48])"),
            ("first_day", "Date(-730119)"),
            ("last_day", "Date(2921939)"),
            ("at_time", "Interval { months: 0, days: 0, microseconds: 86399999999 }"),
            ("over_time", "Interval { months: 0, days: 0, microseconds: 3020399000000 }"),
            ("minus_time", "Interval { months: 0, days: 0, microseconds: -1000 }"),
            ("stamp", "Timestamp(-1)"),
            (
                "zero_stamp",
                "Invalid(ZeroDate, [48, 48, 48, 48, 45, 48, 48, 45, 48, 48, 32, 48, 48, 58, 48, 48, 58, 48, 48])",
            ),
            ("stamp_zone", "TimestampTz(765160200500000)"),
            (
                "zero_zone",
                "Invalid(ZeroDate, [48, 48, 48, 48, 45, 48, 48, 45, 48, 48, 32, 48, 48, 58, 48, 48, 58, 48, 48])",
            ),
            ("text", r#"Text("Zoë 🏥 \"q\" \\ '")"#),
            ("latin", r#"Text("Zoë €")"#),
            ("bin_text", r#"Text("ß")"#),
            ("nul", r#"Text("a\0b")"#),
            ("wide", r#"Text("ab")"#),
            ("greek", r#"Text("αβγ")"#),
            ("ucs", r#"Text("žluť")"#),
            ("kind", r#"Text("it's")"#),
            ("kind_bin", r#"Text("y")"#),
            ("many", r#"Text("x,z")"#),
            ("bytes", "Bytes([0, 255])"),
            ("fixed", "Bytes([1, 2, 0, 0])"),
            ("blb", "Bytes([])"),
            ("big_blob", "Bytes([255])"),
            ("big_text", r#"Text("long")"#),
            ("doc", r#"Text("{\"a\" :  1, \"a\":2}")"#),
            ("shape", "Bytes([1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 240, 63, 0, 0, 0, 0, 0, 0, 0, 64])"),
            (
                "shape_ref",
                "Bytes([1, 1, 0, 0, 32, 230, 16, 0, 0, 0, 0, 0, 0, 0, 0, 240, 63, 0, 0, 0, 0, 0, 0, 0, 64])",
            ),
            (
                "uid",
                "Uuid([160, 238, 188, 153, 156, 11, 78, 248, 187, 109, 107, 185, 189, 56, 10, 17])",
            ),
            ("addr", r#"Text("::1")"#),
            ("absent", "Null"),
            ("twice", "Int(0)"),
            ("thrice", "Int(0)"),
        ],
    );
}

#[tokio::test]
async fn the_catalog_of_mariadb_proposes_types_that_hold_every_value() {
    let database = testbed::mariadb().create_database();
    database.execute(TYPES);

    let catalog = catalog_of(database.url()).await;

    let table = &catalog.tables[0];
    let types: Vec<_> = table
        .columns
        .iter()
        .map(|column| format!("{} {} -> {}", column.name, column.native_type, column.data_type))
        .collect();
    insta::assert_debug_snapshot!(types);
    assert!(table.column("twice").expect("is found").generated);
    assert!(table.column("thrice").expect("is found").generated);
    assert!(!table.column("absent").expect("is found").generated);
    let kind = catalog.enums.iter().find(|known| known.name.name == "types_kind").expect("found");
    assert_eq!(kind.labels, ["a", "it's", "back\\slash", ""]);
    assert!(catalog.server.starts_with("MariaDB "), "{}", catalog.server);
}

#[tokio::test]
async fn keys_indexes_references_and_defaults_of_mariadb_are_found() {
    let database = testbed::mariadb().create_database();
    database.execute(
        "create table Parent (a int, b varchar(10), primary key (b, a)) comment 'the first';
         create table `order` (
             `select` bigint unsigned auto_increment primary key, `On` int unique, a int,
             b varchar(10) default 'x''y', at timestamp default current_timestamp,
             flag bit(1) not null default b'1', amount decimal(5,2) default 1.50,
             words text, code varchar(300) comment 'a code', zero datetime default 0,
             none varchar(5) default null,
             constraint to_parent foreign key (b, a) references Parent (b, a)
                 on delete cascade on update set null,
             key by_a (a, `On`), key by_beginning (code(10)), fulltext key by_words (words)
         );
         create view v as select 1 as one;
         create sequence numbers;",
    );

    let catalog = catalog_of(database.url()).await;

    let names: Vec<_> = catalog.tables.iter().map(|table| table.name.to_string()).collect();
    assert_eq!(names, ["order", "Parent"]);
    assert_eq!(catalog.tables[1].comment.as_deref(), Some("the first"));
    assert_eq!(catalog.tables[1].primary_key, ["b", "a"]);
    let order = &catalog.tables[0];
    assert_eq!(reading_key(order), ["select"]);
    let [key] = order.foreign_keys.as_slice() else { panic!("one reference") };
    assert_eq!((key.name.as_str(), &key.references), ("to_parent", &catalog.tables[1].name));
    assert_eq!((&key.columns, &key.referenced_columns), (&key.referenced_columns, &key.columns));
    assert_eq!(key.on_delete, ReferentialAction::Cascade);
    assert_eq!(key.on_update, ReferentialAction::SetNull);
    let indexes: Vec<_> = order
        .indexes
        .iter()
        .map(|index| (index.name.as_str(), index.columns.join(","), index.unique))
        .collect();
    assert_eq!(
        indexes,
        [
            ("by_a", "a,On".to_owned(), false),
            ("by_beginning", String::new(), false),
            ("by_words", String::new(), false),
            ("On", "On".to_owned(), true),
            ("to_parent", "b,a".to_owned(), false),
        ]
    );
    let defaults: Vec<_> =
        order.columns.iter().map(|column| (column.identity, column.default.as_deref())).collect();
    assert_eq!(
        defaults,
        [
            (true, None),
            (false, None),
            (false, None),
            (false, Some("'x''y'")),
            (false, Some("now()")),
            (false, Some("true")),
            (false, Some("1.50")),
            (false, None),
            (false, None),
            (false, None),
            (false, None),
        ]
    );
    assert_eq!(order.column("code").expect("is found").comment.as_deref(), Some("a code"));
}

#[tokio::test]
async fn all_readers_of_mariadb_see_one_moment() {
    let database = testbed::mariadb().create_database();
    database.execute("create table t (id int primary key); insert into t values (1), (2), (3)");
    let source = Source::open(database.url()).await.expect("opens");
    let catalog = catalog_of(database.url()).await;
    let read = read_of(&catalog.tables[0]);
    let mut snapshot = Snapshot::open(&source, 3).await.expect("opens");
    assert_eq!(snapshot.note(), None);

    database.execute("delete from t where id = 2; insert into t values (4)");

    let chunks = snapshot.plan_chunks(&read, 1).await.expect("plans");
    assert_eq!(chunks.len(), 3);
    for (reader, chunk) in snapshot.into_readers().iter_mut().zip(&chunks) {
        let (sender, mut receiver) = tokio::sync::mpsc::channel(1);
        assert_eq!(reader.read(&read, chunk, 100, sender).await.expect("reads"), 1);
        assert_eq!(receiver.recv().await.expect("a batch").rows(), 1);
    }
}

#[tokio::test]
async fn a_snapshot_that_cannot_be_one_says_so() {
    let database = testbed::mariadb().create_database();
    let name = database.name();
    let user = format!("u{}", name.len() + name.bytes().map(usize::from).sum::<usize>());
    database.execute(&format!(
        "create table t (id int primary key); create table loose (id int) engine = MyISAM;
         create or replace user {user}@'%' identified by 'clerk';
         grant select on {name}.* to {user}@'%';"
    ));
    let source = Source::open(&database.url_as(&user, "clerk")).await.expect("opens");

    let snapshot = Snapshot::open(&source, 2).await.expect("opens");

    // MariaDB shows that the snapshots stand at one place of its log, so that only the table
    // without transactions is left to be told.
    let note = snapshot.note().expect("there is a note");
    assert!(note.contains("loose") && !note.contains("RELOAD"), "{note}");
    database.execute(&format!("drop user {user}@'%'"));
}

#[tokio::test]
async fn a_reader_of_mariadb_whose_listener_went_away_can_be_used_again() {
    let database = testbed::mariadb().create_database();
    database.execute(
        "create table t (id int primary key); insert into t select seq from seq_1_to_9999",
    );
    let source = Source::open(database.url()).await.expect("opens");
    let catalog = catalog_of(database.url()).await;
    let mut read = read_of(&catalog.tables[0]);
    read.filter = Some("id > 5 -- not all".to_owned());
    read.columns[0].form = Form::Text;
    let mut snapshot = Snapshot::open(&source, 1).await.expect("opens");
    let chunks = snapshot.plan_chunks(&read, 9999).await.expect("plans");
    let mut reader = snapshot.into_readers().remove(0);

    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    drop(receiver);
    let refused = reader.read(&read, &chunks[0], 100, sender).await;
    let (sender, mut receiver) = tokio::sync::mpsc::channel(99);
    let (count, first) = tokio::join!(reader.read(&read, &chunks[0], 300, sender), async {
        let first = receiver.recv().await.expect("a batch");
        let row: Vec<_> = (0..2).map(|column| first.row(0).value(column).into_owned()).collect();
        while receiver.recv().await.is_some() {}
        format!("{row:?}")
    });

    assert_eq!(refused.expect_err("nobody listens").code().as_str(), "SYS-004");
    assert_eq!(count.expect("reads"), 9999);
    assert_eq!(first, r#"[Text("1"), Bool(false)]"#);
}

#[tokio::test]
async fn a_cell_of_more_than_16_mib_is_read_whole() {
    let database = testbed::mariadb().create_database();
    database.execute(
        "create table t (big longtext, id int primary key);
         insert into t values (repeat('x', 17000000), 1), ('y', 2);",
    );
    let source = Source::open(database.url()).await.expect("opens");
    let catalog = catalog_of(database.url()).await;

    let (rows, _) = rows_of(&source, &read_of(&catalog.tables[0]), 1).await;

    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0][0].len(), 17_000_000 + r#"Text("")"#.len());
}

#[tokio::test]
async fn open_hospital_is_read_whole() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/data/openhospital/openhospital_demo.mysql.sql");
    if !path.exists() {
        return;
    }
    let database = testbed::mariadb().create_database();
    let script = tempfile::NamedTempFile::new().expect("a file");
    let dump = std::fs::read(&path).expect("reads");
    std::fs::write(script.path(), [b"set sql_mode = '';\n".as_slice(), &dump].concat())
        .expect("writes");
    database.run_script(script.path());
    let source = Source::open(database.url()).await.expect("opens");
    let catalog = catalog_of(database.url()).await;

    let (mut total, mut references) = (0, 0);
    for table in &catalog.tables {
        let whole = rows_of(&source, &read_of(table), 10_000).await.0;
        let (cut, _) = rows_of(&source, &read_of(table), 37).await;
        assert_eq!(whole, cut, "{}", table.name);
        total += whole.len();
        references += table.foreign_keys.len();
    }

    assert_eq!((catalog.tables.len(), references, total), (64, 170, 6258));
    assert!(catalog.table(&TableName::new(None, "oh_patient")).is_some());
}
