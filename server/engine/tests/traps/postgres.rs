use crate::Moved;

fn moved(sql: &str) -> Moved {
    let source = testbed::postgres().create_database();
    source.execute(sql);
    Moved::from(source.url())
}

#[test]
fn a_number_without_scale_keeps_all_its_digits() {
    let moved = moved(
        "create table n (id int primary key, a numeric, b numeric(10,-2), c double precision);
         insert into n values (1, 0.611111104488373, 12345, 0.1), (2, 'NaN', null, 'Infinity');",
    );

    assert_eq!(
        moved.query("select a, b, c from n order by id"),
        "0.611111104488373\t12300\t0.1\nNaN\tNULL\tInfinity"
    );
}

#[test]
fn a_partitioned_table_arrives_once() {
    let moved = moved(
        "create table visit (id int, year int, primary key (id, year)) partition by range (year);
         create table visit_old partition of visit for values from (0) to (2000);
         create table visit_new partition of visit for values from (2000) to (3000);
         insert into visit values (1, 1999), (2, 2024);",
    );

    let tables: Vec<String> = moved.plan.tables.iter().map(|t| t.target.to_string()).collect();
    assert_eq!(tables, ["public.visit"]);
    assert_eq!(moved.query("select count(*) from visit"), "2");
}

#[test]
fn a_table_and_its_heirs_keep_their_own_rows() {
    let moved = moved(
        "create table parent (id int primary key); create table heir (extra int) inherits (parent);
         insert into parent values (1); insert into heir values (2, 3);",
    );

    assert_eq!(moved.query("select count(*) from parent"), "1");
    assert_eq!(moved.query("select count(*) from heir"), "1");
}

#[test]
fn sequences_go_on_after_the_largest() {
    let moved = moved(
        "create table a (id serial primary key, x int);
         create table b (id bigint generated always as identity primary key, x int);
         create table empty (id serial primary key, x int);
         insert into a (x) values (1), (2); insert into b (x) values (1), (2), (3);",
    );

    for (table, next) in [("a", "3"), ("b", "4"), ("empty", "1")] {
        let sql = format!("insert into \"{table}\" (x) values (9) returning id");
        assert_eq!(moved.query(&sql), next, "{table}");
    }
}

#[test]
fn arrays_documents_and_ids_stay_what_they_are() {
    let moved = moved(
        "create table n (ids uuid[], tags text[], id uuid primary key, doc jsonb, raw json, b bytea);
         insert into n values ('{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11,NULL}', '{\"a,b\",NULL,\"\"}',
             'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '{\"a\": \"{}\"}', '{\"a\":1,  \"a\":2}', '\\x00ff');",
    );

    let types = ["ids", "id", "b"].map(|name| moved.type_of("n", name));
    assert_eq!(types, ["uuid[]", "uuid", "bytea"]);
    assert_eq!(
        moved.query("select ids, tags, doc->>'a', raw, encode(b, 'hex') from n"),
        "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11,NULL}\t{\"a,b\",NULL,\"\"}\t{}\t{\"a\":1,  \"a\":2}\t00ff"
    );
}

#[test]
fn times_keep_their_zone_and_their_ends() {
    let moved = moved(
        "create table n (id int primary key, a timestamptz, b timestamp, c date, d timestamp(0));
         insert into n values (1, '2020-02-29 12:00+05:30', 'infinity', '0044-03-15 BC', '2020-01-01 00:00:01');",
    );

    assert_eq!(
        moved.query("select a at time zone 'UTC', b, c, d from n"),
        "2020-02-29 06:30:00\tinfinity\t0044-03-15 BC\t2020-01-01 00:00:01"
    );
}

#[test]
fn a_table_without_a_key_arrives_with_its_equal_rows() {
    let moved = moved(
        "create table n (a int, b text); insert into n values (1, 'x'), (1, 'x'), (null, null);",
    );

    assert_eq!(moved.query("select count(*) from n"), "3");
}

#[test]
fn indexes_on_expressions_and_defaults_of_functions_are_left_and_named() {
    let moved = moved(
        "create function code() returns text language sql as $$ select 'x' $$;
         create table n (id int primary key, a text default code(), b text default 'y');
         create index n_lower on n (lower(a)); create index n_some on n (b) where b <> '';
         insert into n values (1, 'A', 'B');",
    );

    assert_eq!(moved.named(), ["default_left", "index_left"]);
    assert_eq!(moved.query("insert into n (id) values (2) returning a is null, b"), "t\ty");
}

#[test]
fn generated_columns_keep_their_values() {
    let moved = moved(
        "create table n (id int primary key, a int, b int generated always as (a * 2) stored);
         insert into n (id, a) values (1, 7);",
    );

    assert_eq!(moved.named(), ["generated"]);
    assert_eq!(moved.query("select * from n"), "1\t7\t14");
}

#[test]
fn types_of_the_sources_own_become_texts_or_are_made_again() {
    let moved = moved(
        "create type mood as enum ('good', 'it''s bad');
         create type pair as (a int, b text);
         create domain code as varchar(3) check (value <> '');
         create table n (id int primary key, m mood, ms mood[], p pair, c code);
         insert into n values (1, 'it''s bad', '{good}', '(1,x)', 'abc');",
    );

    let types = ["m", "p", "c"].map(|name| moved.type_of("n", name));
    assert_eq!(types, ["public.mood", "text", "varchar(3)"]);
    assert_eq!(moved.query("select m, ms, p, c from n"), "it's bad\t{good}\t(1,x)\tabc");
}

#[test]
fn names_of_two_schemas_stay_apart() {
    let moved = moved(
        "create schema archive; create table n (id int primary key); create table archive.n (id int primary key);
         insert into n values (1); insert into archive.n values (1), (2);",
    );

    assert_eq!(moved.query("select count(*) from archive.n"), "2");
    assert_eq!(moved.query("select count(*) from public.n"), "1");
}

#[test]
fn orphans_of_a_key_that_nobody_checks_are_found() {
    let moved = moved(
        "create table parent (id int primary key); create table child (id int primary key, parent int);
         insert into parent values (1); insert into child values (1, 1), (2, 9);
         alter table child add constraint child_parent foreign key (parent) references parent not valid;",
    );

    assert_eq!(moved.quarantined(), 1);
    assert_eq!(moved.query("select code from transfuse.quarantine"), "DATA-008");
}
