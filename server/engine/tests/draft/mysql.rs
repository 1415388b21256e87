use crate::support::{completed, drafted, read_and_quarantined, shown};

/// What only MySQL lets people do.
const LEGACY: &str = "
set sql_mode = 'ALLOW_INVALID_DATES,NO_AUTO_VALUE_ON_ZERO';
create table `Ward` (
    id bigint unsigned auto_increment primary key,
    code char(3) not null default 'X',
    kind enum('open', 'shut') default 'open',
    mood enum('good', 'bad'),
    flags set('a', 'b'),
    active tinyint(1) not null default 1,
    beds tinyint(1) not null,
    opens time,
    lasts time(3),
    built year,
    words text comment 'in ''their'' words',
    big bigint unsigned,
    share decimal(20,10),
    picture longblob,
    bits bit(5),
    yes bit(1),
    extra json,
    unique key code (code)
) comment 'Where the beds are' default charset utf8mb4;
create table `select` (
    a int, b int,
    ward bigint unsigned not null,
    note varchar(300) character set latin1,
    born date not null,
    seen datetime,
    changed timestamp null,
    ab int as (a + b) stored,
    primary key (a, b),
    key code (note), key words (born),
    constraint `key` foreign key (ward) references `Ward` (id) on delete cascade on update cascade
);
insert into `Ward` values
    (0, 'N', 'open', 'good', 'a,b', 1, 2, '06:30', '-12:00:00.5', 1999, 'a\\0b', 18446744073709551615, 0.1234567890, x'00ff', b'10101', b'1', '{\"a\": 1}'),
    (3, 'é', 'shut', '', '', 0, 1, '23:59:59', '838:59:59', null, 'plain', 1, -1.5, null, null, b'0', null);
insert into `select` (a, b, ward, note, born, seen, changed) values
    (1, 2, 0, 'naïve', '2020-02-29', '2020-02-29 23:59:59', '2020-02-29 12:00:00'),
    (2, 1, 3, null, '0000-00-00', '2020-00-10 00:00:00', null);
";

#[test]
fn a_mysql_database_becomes_a_postgresql_database() {
    let source = testbed::mariadb().create_database();
    source.execute(LEGACY);
    let target = testbed::postgres().create_database();

    let plan = drafted(source.url(), target.url());
    insta::assert_snapshot!(shown(&plan));

    let outcome = completed(&plan);
    assert_eq!(read_and_quarantined(&outcome), (4, 0));
    assert_eq!(
        target.query("select * from \"Ward\" order by id"),
        "0\tN\topen\tgood\ta,b\tt\t2\t06:30:00\t-12:00:00.5\t1999\ta␀b\t18446744073709551615\t0.1234567890\t\\x00ff\t10101\tt\t{\"a\": 1}\n\
         3\té\tshut\t\t\tf\t1\t23:59:59\t838:59:59\tNULL\tplain\t1\t-1.5000000000\tNULL\tNULL\tf\tNULL"
    );
    assert_eq!(
        target.query(
            "select a, b, ward, note, born, born_raw, seen, seen_raw, ab from \"select\" order by a"
        ),
        "1\t2\t0\tnaïve\t2020-02-29\t2020-02-29\t2020-02-29 23:59:59\t2020-02-29 23:59:59\t3\n\
         2\t1\t3\tNULL\tNULL\t0000-00-00\tNULL\t2020-00-10 00:00:00\t3"
    );
    assert_eq!(
        target.query("insert into \"Ward\" (beds) values (1) returning id, kind, active, code"),
        "4\topen\tt\tX"
    );
    assert_eq!(
        target.query("delete from \"Ward\" where id = 3; select count(*) from \"select\""),
        "1"
    );
}

#[test]
fn a_mysql_database_becomes_a_sqlite_file() {
    let source = testbed::mariadb().create_database();
    source.execute(LEGACY);
    let folder = tempfile::tempdir().unwrap();
    let target = format!("sqlite:{}", folder.path().join("new.db").display());

    let plan = drafted(source.url(), &target);
    let outcome = completed(&plan);

    assert_eq!(read_and_quarantined(&outcome), (4, 0));
    let new = rusqlite::Connection::open(folder.path().join("new.db")).unwrap();
    let words: String =
        new.query_row("select words from Ward where id = 0", [], |row| row.get(0)).unwrap();
    assert_eq!(words, "a\0b");
}
