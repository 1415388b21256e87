use crate::Moved;

fn moved(sql: &str) -> Moved {
    let source = testbed::mariadb().create_database();
    source.execute(sql);
    Moved::from(source.url())
}

#[test]
fn zero_dates_become_null_beside_what_stood_there() {
    let moved = moved(
        "set sql_mode = 'ALLOW_INVALID_DATES';
         create table visit (id int primary key, seen date not null, at datetime);
         insert into visit values (1, '0000-00-00', '2020-02-29 10:00:00'), (2, '2020-00-10', null);",
    );

    assert_eq!(moved.named(), ["zero_date"]);
    assert_eq!(
        moved.query("select id, seen, seen_raw, at from visit order by id"),
        "1\tNULL\t0000-00-00\t2020-02-29 10:00:00\n2\tNULL\t2020-00-10\tNULL"
    );
}

#[test]
fn unsigned_numbers_get_a_type_that_holds_the_largest() {
    let moved = moved(
        "create table n (id int primary key, a tinyint unsigned, b smallint unsigned,
             c mediumint unsigned, d int unsigned, e bigint unsigned);
         insert into n values (1, 255, 65535, 16777215, 4294967295, 18446744073709551615);",
    );

    let types = ["a", "b", "c", "d", "e"].map(|name| moved.type_of("n", name));
    assert_eq!(types, ["smallint", "integer", "integer", "bigint", "numeric(20,0)"]);
    assert_eq!(
        moved.query("select * from n"),
        "1\t255\t65535\t16777215\t4294967295\t18446744073709551615"
    );
}

#[test]
fn a_display_width_is_no_width() {
    let moved = moved(
        "create table n (id int primary key, a int(3), b int(5) zerofill, c tinyint(4));
         insert into n values (1, 123456, 42, 100);",
    );

    assert_eq!(moved.named(), ["zerofill"]);
    assert_eq!(moved.type_of("n", "a"), "integer");
    assert_eq!(moved.query("select * from n"), "1\t123456\t42\t100");
}

#[test]
fn a_tinyint_of_one_digit_is_a_boolean_only_where_all_its_values_are() {
    let moved = moved(
        "create table n (id int primary key, active tinyint(1), smoker tinyint(1));
         insert into n values (1, 1, 0), (2, 0, 2), (3, null, 1);",
    );

    assert_eq!(moved.type_of("n", "active"), "boolean");
    assert_eq!(moved.type_of("n", "smoker"), "smallint");
    assert_eq!(moved.query("select * from n order by id"), "1\tt\t0\n2\tf\t2\n3\tNULL\t1");
}

#[test]
fn labels_keep_their_signs_and_what_was_none_of_them() {
    let moved = moved(
        r"set sql_mode = '';
         create table n (id int primary key, plain enum('a', 'it''s', 'back\\slash', 'x,y'),
             mistaken enum('yes', 'no'), several set('a', 'b', 'c'));
         insert into n values (1, 'it''s', 'yes', 'a,c'), (2, 'back\\slash', 'maybe', ''), (3, 'x,y', null, 'b');",
    );

    assert_eq!(moved.named(), ["set"]);
    assert_eq!(moved.type_of("n", "plain"), "public.n_plain");
    // Where MySQL wrote an empty text for a label that it did not know, it stays to be seen.
    assert_eq!(moved.type_of("n", "mistaken"), "text");
    assert_eq!(
        moved.query("select id, plain::text, mistaken, several from n order by id"),
        "1\tit's\tyes\ta,c\n2\tback\\slash\t\t\n3\tx,y\tNULL\tb"
    );
}

#[test]
fn generated_columns_keep_their_values() {
    let moved = moved(
        "create table n (id int primary key, a int, b int as (a * 2) stored, c int as (a * 3) virtual);
         insert into n (id, a) values (1, 7);",
    );

    assert_eq!(moved.named(), ["generated"]);
    assert_eq!(moved.query("select * from n"), "1\t7\t14\t21");
}

#[test]
fn indexes_over_words_shapes_and_beginnings_are_left_and_named() {
    let moved = moved(
        "create table n (id int primary key, a varchar(200), b text, key part (a(10)), key a (a),
             fulltext key words (b)) engine InnoDB;
         insert into n values (1, 'x', 'y');",
    );

    assert_eq!(moved.named(), ["index_left"]);
    let description = moved.plan.description.as_deref().unwrap();
    assert!(description.contains("the index part") && description.contains("the index words"));
    assert_eq!(
        moved.query("select indexname from pg_indexes where tablename = 'n' order by 1"),
        "a\nn_pkey"
    );
}

#[test]
fn shapes_are_kept_as_bytes() {
    let moved = moved(
        "create table n (id int primary key, at point);
         insert into n values (1, st_geomfromtext('point(1 2)', 4326));",
    );

    assert_eq!(moved.named(), ["geometry"]);
    // Extended well-known binary, with its reference system: what PostGIS reads.
    assert_eq!(
        moved.query("select encode(substr(at, 1, 9), 'hex'), length(at) from n"),
        "0101000020e6100000\t25"
    );
}

#[test]
fn texts_of_any_character_set_arrive_as_they_read() {
    let moved = moved(
        "create table n (id int primary key, a varchar(20) character set utf8mb3,
             b varchar(20) character set latin1, c varchar(20) character set utf8mb4,
             d varchar(20) character set ucs2) default charset latin1;
         insert into n values (1, 'Zoë', 'naïve €', '👩‍⚕️', 'Ω');",
    );

    assert_eq!(moved.query("select * from n"), "1\tZoë\tnaïve €\t👩‍⚕️\tΩ");
}

#[test]
fn defaults_are_what_they_were_or_are_named() {
    let moved = moved(
        "create table n (id int auto_increment primary key, a varchar(20) default 'it''s',
             b varchar(20) default 'null', c varchar(20) default null, d int default '5',
             e timestamp default current_timestamp, f varchar(20) default (concat('a', 'b')));
         insert into n (id) values (1);",
    );

    assert_eq!(moved.named(), ["default_left"]);
    assert_eq!(
        moved.query("insert into n (id) values (9) returning a, b, c, d, e is null, f"),
        "it's\tnull\tNULL\t5\tf\tNULL"
    );
}

#[test]
fn names_keep_their_case_and_may_be_words_of_sql() {
    let moved = moved(
        "create table `PatientVisit` (`Id` int primary key, `interval` int, `user` int, `select` int,
             `no blanks please` int);
         insert into `PatientVisit` values (1, 2, 3, 4, 5);",
    );

    assert_eq!(
        moved.query(
            "select \"Id\", \"interval\", \"user\", \"select\", \"no blanks please\" from \"PatientVisit\""
        ),
        "1\t2\t3\t4\t5"
    );
}

#[test]
fn tables_come_into_public_and_not_into_a_schema_named_after_the_database() {
    let moved = moved("create table n (id int primary key); insert into n values (1);");

    assert_eq!(moved.plan.tables[0].target.to_string(), "public.n");
    assert_eq!(moved.query("select count(*) from public.n"), "1");
}

#[test]
fn indexes_of_one_name_on_two_tables_are_both_made() {
    let moved = moved(
        "create table a (id int primary key, code int, key code (code), unique key name (id, code));
         create table b (id int primary key, code int, key code (code), unique key name (id, code));
         insert into a values (1, 1); insert into b values (1, 1);",
    );

    assert_eq!(moved.query("select count(*) from pg_indexes where schemaname = 'public'"), "6");
}

#[test]
fn numbers_given_out_go_on_after_the_largest() {
    let moved = moved(
        "set sql_mode = 'NO_AUTO_VALUE_ON_ZERO';
         create table empty (id int auto_increment primary key, a int);
         create table zero (id int auto_increment primary key, a int);
         create table some (id int unsigned auto_increment primary key, a int) auto_increment = 500;
         insert into zero values (0, 1);
         insert into some (id, a) values (41, 1);",
    );

    for (table, next) in [("empty", "1"), ("zero", "1"), ("some", "42")] {
        let sql = format!("insert into \"{table}\" (a) values (2) returning id");
        assert_eq!(moved.query(&sql), next, "{table}");
    }
}

#[test]
fn tables_that_refer_to_each_other_in_a_circle_arrive() {
    let moved = moved(
        "set foreign_key_checks = 0;
         create table z_child (id int primary key, parent int not null, foreign key (parent) references a_parent (id));
         create table a_parent (id int primary key, favourite int, boss int,
             foreign key (favourite) references z_child (id), foreign key (boss) references a_parent (id));
         insert into a_parent values (1, 10, 2), (2, null, 1);
         insert into z_child values (10, 1), (11, 2), (12, 99);",
    );

    // Row 12 has a parent that never was.
    assert_eq!(moved.quarantined(), 1);
    assert_eq!(moved.query("select distinct code from transfuse.quarantine"), "DATA-008");
    assert_eq!(
        moved.query("select count(*) from pg_constraint where contype = 'f' and convalidated"),
        "3"
    );
}

#[test]
fn one_bit_is_a_boolean_and_several_are_bits() {
    let moved = moved(
        "create table n (id int primary key, a bit(1), b bit(8));
         insert into n values (1, b'1', b'00000101'), (2, b'0', null);",
    );

    assert_eq!(moved.query("select * from n order by id"), "1\tt\t00000101\n2\tf\tNULL");
}

#[test]
fn a_zero_byte_in_a_text_becomes_a_sign_that_somebody_signed_for() {
    let moved = moved(
        "create table n (id int primary key, a text); insert into n values (1, 'a\\0b'), (2, 'c');",
    );

    assert_eq!(moved.named(), ["zero_byte"]);
    assert!(moved.column("n", "a").signed.is_some());
    assert_eq!(moved.query("select a from n order by id"), "a\u{2400}b\nc");
}

#[test]
fn times_beyond_a_day_and_documents_stay_what_they_are() {
    let moved = moved(
        "create table n (id int primary key, lasts time, extra json, share double, amount decimal(30,10));
         insert into n values (1, '-25:00:00', '{\"a\": \"{}\"}', 0.1, 12345678901234567890.0123456789);",
    );

    assert_eq!(moved.type_of("n", "lasts"), "interval");
    assert_eq!(
        moved.query("select lasts, extra->>'a', share, amount from n"),
        "-25:00:00\t{}\t0.1\t12345678901234567890.0123456789"
    );
}

#[test]
fn signs_in_a_url_are_escaped_and_no_others() {
    let source = testbed::mariadb().create_database();
    source.execute(
        "create table n (id int primary key);
         create or replace user 'trap@user' identified by 'a@b:c&d--e/f#g%?';
         grant all on *.* to 'trap@user';",
    );
    let (scheme, rest) = source.url().split_once("://").unwrap();
    let (_, host) = rest.rsplit_once('@').unwrap();
    let url = format!("{scheme}://trap%40user:a%40b%3Ac&d--e%2Ff%23g%25%3F@{host}");

    let moved = Moved::from(&url);

    assert_eq!(moved.query("select count(*) from n"), "0");
}
