use crate::Moved;
use crate::support::sqlite_with;

fn moved(sql: &str) -> Moved {
    let folder = tempfile::tempdir().unwrap();
    let url = sqlite_with(folder.path(), "legacy.db", sql);
    Moved::from(&url)
}

#[test]
fn a_column_of_numbers_that_holds_texts_becomes_text() {
    let moved = moved(
        "create table n (id integer primary key, weight integer, size integer, plain integer);
         insert into n values (1, 70, 1, 1), (2, 'about 70', 1.75, 2), (3, x'ff', 2, 3);",
    );

    assert_eq!(moved.named(), ["fractions", "no_number"]);
    let types = ["weight", "size", "plain"].map(|name| moved.type_of("n", name));
    assert_eq!(types, ["text", "numeric", "bigint"]);
    assert_eq!(moved.query("select weight, size from n where id = 2"), "about 70\t1.75");
    // Bytes that are no text have no place in a text.
    assert_eq!(moved.quarantined(), 1);
    assert_eq!(moved.query("select code from transfuse.quarantine"), "DATA-007");
}

#[test]
fn brackets_in_a_types_name_are_read() {
    let moved = moved(
        "create table n (id integer primary key, a varchar ( 20 ), b \"DECIMAL(10, 2)\",
             c unsigned big int (20), d \"nvarchar(max)\", e numeric(7,3));
         insert into n values (1, 'x', 1.25, 3, 'y', 2.5);",
    );

    let types = ["a", "b", "c", "d", "e"].map(|name| moved.type_of("n", name));
    assert_eq!(types, ["varchar(20)", "numeric(10,2)", "bigint", "varchar", "numeric(7,3)"]);
    assert_eq!(moved.query("select * from n"), "1\tx\t1.25\t3\ty\t2.500");
}

#[test]
fn a_table_that_never_gave_out_a_number_begins_with_one() {
    let moved = moved(
        "create table n (id integer primary key autoincrement, a text);
         create table m (id integer primary key autoincrement, a text);
         insert into m values (7, 'x'); delete from m where id = 7; insert into m (a) values ('y');",
    );

    assert_eq!(moved.query("insert into n (a) values ('x') returning id"), "1");
    assert_eq!(moved.query("insert into m (a) values ('x') returning id"), "9");
}

#[test]
fn times_of_every_spelling_are_one_time() {
    let moved = moved(
        "create table n (id integer primary key, at datetime);
         insert into n values (1, '2020-02-29 10:00:00'), (2, '2020-02-29T10:00:00.5'),
             (3, '2020-02-29'), (4, 'yesterday'), (5, '2020-02-29 10:00');",
    );

    assert_eq!(
        moved.query("select id, at from n order by id"),
        "1\t2020-02-29 10:00:00\n2\t2020-02-29 10:00:00.5\n3\t2020-02-29 00:00:00\n5\t2020-02-29 10:00:00"
    );
    assert_eq!(moved.query("select code from transfuse.quarantine"), "DATA-001");
}

#[test]
fn defaults_that_ask_the_clock_go_on_asking_or_are_named() {
    let moved = moved(
        "create table n (id integer primary key, a datetime default current_timestamp,
             b datetime default (strftime('%Y-%m-%d %H:%M:%S', 'now')), c text default (strftime('%s', 'now')),
             d date default (date('now')));
         insert into n (id) values (1);",
    );

    assert_eq!(moved.named(), ["default_left"]);
    assert_eq!(
        moved.query(
            "insert into n (id) values (2) returning a is null, b is null, c is null, d is null"
        ),
        "f\tf\tt\tf"
    );
}

#[test]
fn the_text_null_is_not_null() {
    let moved = moved(
        "create table n (id integer primary key, a text default 'null', b text default null);
         insert into n (id) values (1);",
    );

    assert_eq!(moved.query("insert into n (id) values (2) returning a, b is null"), "null\tt");
    assert_eq!(moved.query("select a, b is null from n where id = 1"), "null\tt");
}

#[test]
fn bytes_are_bytes_and_base64_is_a_text() {
    let moved = moved(
        "create table n (id integer primary key, a blob, b text);
         insert into n values (1, x'00ff', 'AP8='), (2, 'a text', 'x');",
    );

    assert_eq!(
        moved.query("select encode(a, 'hex'), b from n order by id"),
        "00ff\tAP8=\n612074657874\tx"
    );
}

#[test]
fn generated_columns_keep_their_values() {
    let moved = moved(
        "create table n (id integer primary key, a integer, b integer generated always as (a * 2) stored,
             c integer as (a * 3));
         insert into n (id, a) values (1, 7);",
    );

    assert_eq!(moved.named(), ["generated"]);
    assert_eq!(moved.query("select * from n"), "1\t7\t14\t21");
}

#[test]
fn references_are_found_whatever_signs_their_names_have() {
    let moved = moved(
        "create table \"My Parent\" (\"Id No\" integer primary key);
         create table [child] (id integer primary key, [a parent] integer references `my parent`(\"ID NO\"),
             other integer references \"My Parent\");
         insert into \"My Parent\" values (1); insert into child values (1, 1, null);",
    );

    assert_eq!(moved.query("select count(*) from pg_constraint where contype = 'f'"), "2");
}

#[test]
fn an_empty_text_in_a_column_of_numbers_is_null_or_stays_a_text() {
    let moved = moved(
        "create table n (id integer primary key, age integer, fee decimal(6,2), born date);
         insert into n values (1, '', '', ''), (2, 30, 1.5, '2000-01-01'), (3, null, null, null);",
    );

    assert_eq!(moved.named(), ["empty_text"]);
    // Decimals and days with other values among them become texts.
    assert_eq!(["fee", "born"].map(|name| moved.type_of("n", name)), ["text", "text"]);
    assert_eq!(moved.quarantined(), 0);
    assert_eq!(
        moved.query("select * from n order by id"),
        "1\tNULL\t\t\n2\t30\t1.5\t2000-01-01\n3\tNULL\tNULL\tNULL"
    );
}

#[test]
fn shapes_and_packed_documents_are_kept_as_bytes() {
    let moved = moved(
        "create table features (fid integer primary key autoincrement not null, geom point, doc jsonb);
         insert into features values (1, x'47500001e6100000', jsonb('{\"a\": 1}'));
         insert into features values (2, null, '{\"b\": 2}');",
    );

    // A packed document is no text: its row waits for somebody to say what becomes of it.
    assert_eq!(moved.quarantined(), 1);
    assert_eq!(moved.query("select code from transfuse.quarantine"), "DATA-007");
    assert_eq!(moved.query("select doc::json->>'b' from features"), "2");
}

#[test]
fn a_key_that_may_be_null_becomes_a_unique_index() {
    let moved = moved(
        "create table n (a text primary key, b integer) ; insert into n values (null, 1), (null, 2), ('x', 3);",
    );

    assert_eq!(moved.named(), ["null_in_key"]);
    assert_eq!(moved.query("select count(*) from n"), "3");
}
