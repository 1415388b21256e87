use crate::support::{completed, drafted, read_and_quarantined, shown, sqlite_with};

/// What SQLite lets people do.
const LEGACY: &str = "
create table Clinic (
    id integer primary key,
    name varchar(20) not null unique,
    open boolean default 1,
    fee decimal(6,2),
    since date default current_date
);
create table \"order\" (
    clinic integer references clinic,
    \"No.\" integer,
    said text,
    weight integer,
    size integer,
    age integer,
    seen datetime,
    twice integer generated always as (\"No.\" * 2) stored,
    primary key (clinic, \"No.\")
);
create table loose (anything, b blob);
create index order_by_time on \"order\" (seen, said);
create index order_lower on \"order\" (lower(said));
insert into Clinic values (1, 'North', 1, 10.25, '1999-05-04'), (7, 'South', 0, 3, null);
insert into \"order\" (clinic, \"No.\", said, weight, size, age, seen) values
    (1, 1, cast(x'610062' as text), 70, 1, 30, '2020-02-29 10:00:00'),
    (1, 2, 'plain', 'about 70', 1.75, '', '2020-02-29T10:00:00.5'),
    (7, 1, '', 70.5, null, null, null);
insert into loose values (1, x'00ff'), ('two', null), (3.5, x'');
";

#[test]
fn a_sqlite_file_becomes_a_postgresql_database() {
    let folder = tempfile::tempdir().unwrap();
    let source = sqlite_with(folder.path(), "legacy.db", LEGACY);
    let target = testbed::postgres().create_database();

    let plan = drafted(&source, target.url());
    insta::assert_snapshot!(shown(&plan));

    let outcome = completed(&plan);
    assert_eq!(read_and_quarantined(&outcome), (8, 0));
    assert_eq!(
        target.query("select * from \"Clinic\" order by id"),
        "1\tNorth\tt\t10.25\t1999-05-04\n7\tSouth\tf\t3.00\tNULL"
    );
    assert_eq!(
        target.query("select * from \"order\" order by clinic, \"No.\""),
        "1\t1\ta␀b\t70\t1\t30\t2020-02-29 10:00:00\t2\n\
         1\t2\tplain\tabout 70\t1.75\tNULL\t2020-02-29 10:00:00.5\t4\n\
         7\t1\t\t70.5\tNULL\tNULL\tNULL\t2"
    );
    assert_eq!(
        target.query(
            "insert into \"Clinic\" (name) values ('New') returning id, open, since = current_date"
        ),
        "8\tt\tt"
    );
    assert!(target.try_query("insert into \"order\" values (9, 1)").is_err());
}

#[test]
fn a_sqlite_file_becomes_another_one() {
    let folder = tempfile::tempdir().unwrap();
    let source = sqlite_with(folder.path(), "legacy.db", LEGACY);
    let target = format!("sqlite:{}", folder.path().join("new.db").display());

    let plan = drafted(&source, &target);
    assert!(!folder.path().join("new.db").exists());

    let outcome = completed(&plan);
    assert_eq!(read_and_quarantined(&outcome), (8, 0));
    let new = rusqlite::Connection::open(folder.path().join("new.db")).unwrap();
    let said: String = new
        .query_row("select said from \"order\" where weight = '70'", [], |row| row.get(0))
        .unwrap();
    assert_eq!(said, "a\0b");
}

#[test]
fn a_sign_that_people_use_themselves_stands_for_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let source = sqlite_with(
        folder.path(),
        "legacy.db",
        "create table t (id integer primary key, said text);
         insert into t values (1, cast(x'00' as text)), (2, '␀');",
    );
    let target = testbed::postgres().create_database();

    let plan = drafted(&source, target.url());
    completed(&plan);

    assert_eq!(plan.tables[0].columns[1].data_type.to_string(), "bytea");
    assert_eq!(target.query("select said from t order by id"), "\\x00\n\\xe29080");
}

#[test]
fn tables_that_are_there_are_filled() {
    let folder = tempfile::tempdir().unwrap();
    let source = sqlite_with(folder.path(), "legacy.db", LEGACY);
    let target = testbed::postgres().create_database();
    target.execute(
        "create table clinic (id bigint primary key, name text not null, is_open boolean,
            fee numeric(8,3), since timestamptz not null default now());",
    );

    let plan = drafted(&source, target.url());
    let clinic = plan.tables.iter().find(|table| table.source.name == "Clinic").unwrap();
    assert_eq!(clinic.target.to_string(), "public.clinic");
    assert_eq!(clinic.left_behind.keys().collect::<Vec<_>>(), ["open", "since"]);

    let outcome = completed(&plan);
    assert_eq!(read_and_quarantined(&outcome), (8, 0));
    assert_eq!(target.query("select id, fee from clinic order by id"), "1\t10.250\n7\t3.000");
    assert_eq!(
        target.query("select confrelid::regclass from pg_constraint where contype = 'f'"),
        "clinic"
    );
}
