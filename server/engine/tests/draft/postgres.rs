use crate::support::{completed, drafted, read_and_quarantined, shown};

const LEGACY: &str = "
create schema archive;
create type state as enum ('new', 'old', 'it''s');
create domain code as varchar(3) check (value <> '');
create table \"Person\" (
    id bigint generated always as identity primary key,
    \"first name\" varchar(20) not null default 'Ann',
    state state default 'new',
    states state[],
    code code,
    mail text unique,
    born date,
    seen timestamptz default now(),
    length numeric(5,2) check (length > 0),
    twice numeric generated always as (length * 2) stored,
    tags text[],
    place point,
    address inet,
    extra jsonb default '{}',
    sound bytea,
    lasts interval,
    bits bit(3)
);
comment on table \"Person\" is 'Who is seen';
comment on column \"Person\".code is 'the old system''s';
create index person_born on \"Person\" (born, seen);
create index person_extra on \"Person\" using gin (extra);
create table archive.visit (
    person bigint references \"Person\" on delete cascade,
    no serial,
    after integer,
    primary key (person, no),
    unique (no),
    foreign key (after) references archive.visit (no)
);
insert into \"Person\" (\"first name\", state, states, code, mail, born, seen, length, tags, place, address, extra, sound, lasts, bits)
values
    ('Ann', 'it''s', '{new,old}', 'abc', 'a@example.org', '0044-03-15 BC', 'infinity', 1.75, '{a,NULL,\"b,c\"}', '(1,2)', '10.0.0.1/8', '{\"a\": 1}', '\\x00ff', '1 mon -3 days', '101'),
    ('Zoë', null, null, null, null, null, null, null, null, null, null, null, null, null, null);
insert into archive.visit values (1, 5, null), (1, 6, 5);
";

#[test]
fn a_postgresql_database_becomes_another_one() {
    let source = testbed::postgres().create_database();
    source.execute(LEGACY);
    let target = testbed::postgres().create_database();

    let plan = drafted(source.url(), target.url());
    insta::assert_snapshot!(shown(&plan));

    let outcome = completed(&plan);
    assert_eq!(read_and_quarantined(&outcome), (4, 0));
    for rows in ["select * from \"Person\" order by id", "select * from archive.visit order by no"]
    {
        assert_eq!(target.query(rows), source.query(rows));
    }
    assert_eq!(
        target.query("insert into \"Person\" (born) values (null) returning id, state"),
        "3\tnew"
    );
    assert_eq!(
        target.query("select col_description('\"Person\"'::regclass, 5)"),
        "the old system's"
    );
    assert_eq!(target.query("select count(*) from pg_constraint where contype = 'f'"), "2");
}

#[test]
fn a_postgresql_database_becomes_a_sqlite_file() {
    let source = testbed::postgres().create_database();
    source.execute(LEGACY);
    let folder = tempfile::tempdir().unwrap();
    let target = format!("sqlite:{}", folder.path().join("new.db").display());

    let plan = drafted(source.url(), &target);
    let outcome = completed(&plan);
    assert_eq!(read_and_quarantined(&outcome), (4, 0));
    let new = rusqlite::Connection::open(folder.path().join("new.db")).unwrap();
    let states: String = new
        .query_row("select states from Person where state = 'it''s'", [], |row| row.get(0))
        .unwrap();
    assert_eq!(states, "{new,old}");
}

#[test]
fn a_times_zone_is_assumed_in_sight() {
    let source = testbed::postgres().create_database();
    source.execute("create table t (a timestamp, b timestamptz); insert into t values ('2020-01-01', '2020-01-01 00:00Z')");
    let target = testbed::postgres().create_database();
    target.execute("create table t (a timestamptz, b timestamp)");

    let plan = drafted(source.url(), target.url());
    completed(&plan);

    assert!(plan.description.unwrap().contains("public.t.a: the zone"));
    assert_eq!(target.query("select a = '2020-01-01 00:00Z', b from t"), "t\t2020-01-01 00:00:00");
}
