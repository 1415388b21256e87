//! Sources and targets that are set up wrongly, each in one way.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::TimeDelta;
use engine::assessment::{Request, assess};
use engine::clock::{Clock as _, FixedClock, SystemClock};
use shared::assessment::{Severity, TableName};
use shared::check::{Check, CheckSelection, CheckState};
use sqlx::{Connection as _, Executor as _};
use testbed::Database;

use super::{PEOPLE, check_finds, finding, only, people, request};
use crate::support::{plan, run, sqlite};

/// A user of a test's own, gone with it.
struct User<'d> {
    database: &'d Database,
    name: String,
}

impl<'d> User<'d> {
    fn new(database: &'d Database, options: &str) -> Self {
        let name = format!("clerk_{}", database.name());
        database.execute(&format!("create role {name} login password 'clerk' {options}"));
        Self { database, name }
    }

    fn url(&self) -> String {
        self.database.url_as(&self.name, "clerk")
    }
}

impl Drop for User<'_> {
    fn drop(&mut self) {
        // A role that stays behind goes with the server.
        let _ = self.database.try_query(&format!("drop owned by {0}; drop role {0}", self.name));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_of_a_user_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let source = sqlite(&folder, "legacy.db", PEOPLE);
    let database = testbed::postgres().create_database();
    let user = User::new(&database, "connection limit 4");
    database.execute(&format!(
        "grant create on database {} to {name}; grant create on schema public to {name};
         alter role {name} set idle_session_timeout = '10min'",
        database.name(),
        name = user.name
    ));
    let plan = people(&source, &user.url());

    check_finds(&plan, Check::ConnectionHeadroom, Severity::Blocking, "are free", "workers").await;
    check_finds(&plan, Check::SessionLimits, Severity::Warning, "idle_session_timeout", "role")
        .await;
    database.execute(&format!(
        "alter role {0} reset idle_session_timeout; alter role {0} set statement_timeout = '8s'",
        user.name
    ));
    check_finds(&plan, Check::SessionLimits, Severity::Info, "lifted", "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_may_not_be_read_whole_is_found() {
    let database = testbed::postgres().create_database();
    let target = testbed::postgres().create_database();
    database.execute("create table person (id int primary key, name text not null, born date)");
    let user = User::new(&database, "");
    let plan = people(&user.url(), target.url());

    check_finds(&plan, Check::SourceRights, Severity::Blocking, "may not be read", "grant select")
        .await;
    database.execute(&format!(
        "grant select on person to {}; alter table person enable row level security;
         create policy one_of_them on person using (id = 1)",
        user.name
    ));
    let passed = only(&plan, &[Check::SourceRights]).await;
    assert_eq!(passed.checks[0].state, CheckState::Passed);
    check_finds(&plan, Check::SourceRowSecurity, Severity::Blocking, "policies", "BYPASSRLS").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_without_a_key_and_its_change_log_are_found() {
    let database = testbed::postgres().create_database();
    let target = testbed::postgres().create_database();
    database.execute("create table person (id int not null, name text not null, born date)");
    database.execute("create unique index on person (id)");
    let mut plan = people(database.url(), target.url());
    plan.tables[0].key.clear();

    check_finds(&plan, Check::TableKey, Severity::Warning, "without a key", "key: [id]").await;
    check_finds(&plan, Check::ChangeLog, Severity::Info, "no primary key", "wal_level").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_mysql_without_a_snapshot_and_texts_in_the_wrong_set_are_found() {
    let database = testbed::mariadb().create_database();
    let target = testbed::postgres().create_database();
    database.execute(
        "set names utf8mb4;
         create table person (id int primary key, name varchar(40) not null, born date) engine=MyISAM;
         insert into person values (1, 'J\u{c3}\u{bc}rgen', null), (2, 'Anna', null)",
    );
    let plan = people(database.url(), target.url());

    let engine = Check::SourceSnapshot;
    check_finds(&plan, engine, Severity::Warning, "MyISAM", "alter table `person` engine").await;
    check_finds(&plan, Check::Mojibake, Severity::Warning, "1 row of person.name", "copy").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_file_and_values_of_another_type_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let target = testbed::postgres().create_database();
    let words = sqlite(
        &folder,
        "words.db",
        "create table person (id integer primary key, name text not null, born date, age integer);
         insert into person values (1, 'Ann', null, 'seven'), (2, 'J\u{c3}\u{bc}rgen', null, 8);",
    );
    let words = plan(
        &words,
        target.url(),
        "
tables:
- source: person
  key: [id]
  target: public.people
  columns:
  - {target: id, source: id, type: bigint, nullable: false}
  - {target: name, source: name, type: text}
  - {target: born, source: born, type: date}
  - {target: age, source: age, type: integer}
  create: {primary_key: [id]}
",
    );
    check_finds(&words, Check::StoredTypes, Severity::Warning, "1 row of person.age", "rule").await;
    check_finds(&words, Check::Mojibake, Severity::Warning, "person.name", "").await;

    let many = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 3000)
                insert into person select i, 'Person ' || i, null from n;";
    let whole =
        PEOPLE.replace("insert into person values", &format!("{many} insert into person values"));
    let whole = whole.replace("(1, 'Ann'", "(9001, 'Ann'").replace("(2, 'Bob'", "(9002, 'Bob'");
    let broken = sqlite(&folder, "broken.db", &whole);
    let path = folder.path().join("broken.db");
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2 / 4096 * 4096;
    bytes[middle..middle + 200].fill(0xff);
    fs::write(&path, bytes).unwrap();
    let plan = people(&broken, target.url());
    check_finds(&plan, Check::FileIntegrity, Severity::Blocking, "damaged", "recover").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_do_not_say_how_they_are_written_are_found() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("person.csv"), b"id,name,name\n1,J\xfcrgen,x\n").unwrap();
    let target = testbed::postgres().create_database();
    let plan = plan(
        &format!("csv:{}", folder.path().display()),
        target.url(),
        "
tables:
- source: person
  target: public.people
  columns:
  - {target: id, source: id, type: bigint}
  - {target: name, source: name, type: text}
  - {target: more, source: name_2, type: text}
  create: {}
",
    );

    check_finds(&plan, Check::CsvEncoding, Severity::Warning, "windows-1252", "encoding=").await;
    check_finds(&plan, Check::CsvHeader, Severity::Warning, "name_2", "header").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_cannot_take_the_rows_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let source = sqlite(&folder, "legacy.db", PEOPLE);
    let database = testbed::postgres().create_database();
    let user = User::new(&database, "");
    database.execute("revoke create on schema public from public");
    let plan = people(&source, &user.url());

    let rights = only(&plan, &[Check::TargetRights]).await;
    let said: Vec<_> = rights.findings.iter().map(|it| it.action.as_str()).collect();
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said.iter().any(|it| it.starts_with("grant create, usage on schema \"public\"")));
    assert!(said.iter().any(|it| it.starts_with("grant create on database")), "{said:?}");

    database.execute(&format!("alter role {} set default_transaction_read_only = on", user.name));
    let read_only = "default_transaction_read_only";
    check_finds(&plan, Check::TargetWritable, Severity::Blocking, read_only, "primary").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_in_another_encoding_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let source = sqlite(&folder, "legacy.db", PEOPLE);
    let database = testbed::postgres().create_database();
    let name = format!("{}_latin", database.name());
    database.execute(&format!(
        "create database {name} encoding 'LATIN1' locale 'C' template template0"
    ));
    let plan = people(&source, &testbed::postgres().url(&name));

    check_finds(&plan, Check::TargetEncoding, Severity::Blocking, "LATIN1", "UTF8").await;

    database.execute(&format!("drop database {name} with (force)"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_extension_that_is_not_enabled_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let source = sqlite(&folder, "legacy.db", PEOPLE);
    let database = testbed::postgres().create_database();
    let mut plan = people(&source, database.url());
    plan.tables[0].columns[1].data_type = "public.citext".parse().unwrap();

    check_finds(&plan, Check::TargetExtensions, Severity::Blocking, "citext", "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_meet_the_rows_in_the_target_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let source = sqlite(&folder, "legacy.db", PEOPLE);
    let database = testbed::postgres().create_database();
    database.execute(
        "do $$ begin create role anon; exception when duplicate_object then null; end $$;
         create table public.people (id bigint generated by default as identity primary key,
             name text not null, born date);
         insert into public.people (id, name) values (7, 'Zoe');
         create function public.stamp() returns trigger language plpgsql as $$ begin return new; end $$;
         create trigger stamps before insert on public.people for each row execute function stamp();
         grant select on public.people to anon",
    );
    let plan = people(&source, database.url());

    check_finds(&plan, Check::RowsThere, Severity::Blocking, "has rows", "existing").await;
    check_finds(&plan, Check::LoadTriggers, Severity::Warning, "stamps", "disable trigger").await;
    check_finds(&plan, Check::SequencesBehind, Severity::Warning, "7 behind", "select setval")
        .await;
    check_finds(&plan, Check::ApiExposure, Severity::Warning, "public key", "enable row level")
        .await;
    check_finds(&plan, Check::DiskSpace, Severity::Info, "needs about", "").await;
    database.execute("alter table public.people enable row level security");
    let hidden = only(&plan, &[Check::TargetRowSecurity, Check::ApiExposure]).await;
    assert!(hidden.findings.is_empty(), "the administrator is bound by no policy: {hidden:?}");
    let user = User::new(&database, "");
    let bound = people(&source, &user.url());
    check_finds(&bound, Check::TargetRowSecurity, Severity::Blocking, "bind", "BYPASSRLS").await;
    database.execute("drop owned by anon");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_the_same_plans_run_are_expected() {
    let folder = tempfile::tempdir().unwrap();
    let source = sqlite(&folder, "legacy.db", PEOPLE);
    let database = testbed::postgres().create_database();
    let plan = people(&source, database.url());
    run(&plan).await.unwrap();

    let assessment = only(&plan, &[Check::RowsThere]).await;

    assert!(assessment.findings.is_empty());
    assert_eq!(assessment.checks[0].state, CheckState::NotApplicable);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_does_not_fit_is_found_before_any_row_is_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let source = sqlite(&folder, "legacy.db", PEOPLE);
    let database = testbed::postgres().create_database();
    let mut plan = people(&source, database.url());
    plan.tables[0].columns[1].source = Some("nome".to_owned());

    let assessment = only(&plan, &[Check::PlanFits, Check::QuarantineForecast]).await;

    let said: Vec<_> = assessment.findings.iter().map(|it| (it.check, it.severity)).collect();
    assert!(said.iter().all(|it| *it == (Check::PlanFits, Severity::Blocking)), "{said:?}");
    assert!(assessment.findings.iter().any(|it| it.message.contains("nome")));
    assert!(assessment.forecast.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_source_has_and_the_target_will_not_is_told_with_the_statement_that_mends_it() {
    let source = testbed::postgres().create_database();
    let target = testbed::postgres().create_database();
    source.execute(
        "create table clinic (id int primary key, name text);
         create table person (id int primary key, name text not null, born date,
             clinic_id int references clinic, constraint grown check (id > 0));
         create index person_born on person (born);
         comment on table person is 'Who was here';
         comment on column person.born is 'As told';
         create view old_people as select * from person where born < '1950-01-01';
         create function stamp() returns trigger language plpgsql as $$ begin return new; end $$;
         create trigger stamps before insert on person for each row execute function stamp();
         alter table person enable row level security",
    );
    let document = "
tables:
- source: public.clinic
  key: [id]
  target: public.clinics
  columns:
  - {target: id, source: id, type: bigint, nullable: false}
  - {target: name, source: name, type: text}
  create: {primary_key: [id]}
- source: public.person
  key: [id]
  target: public.people
  columns:
  - {target: id, source: id, type: bigint, nullable: false}
  - {target: name, source: name, type: text, nullable: false}
  - {target: born, source: born, type: date}
  - {target: clinic_id, source: clinic_id, type: bigint}
  create: {primary_key: [id]}
";
    let plan = plan(source.url(), target.url(), document);
    run(&plan).await.unwrap();
    // Somebody meddled with what the run made.
    target.execute(
        "alter table public.people alter column name drop not null;
         alter table public.clinics alter column name type varchar(80)",
    );

    let before = only(&plan, &[Check::SchemaComplete]).await;
    for item in &before.schema {
        if let Some(statement) = &item.statement {
            target.execute(
                &statement.replace("FROM person", "FROM people").replace("person.", "people."),
            );
        }
    }
    let after = only(&plan, &[Check::SchemaComplete]).await;

    let said = |assessment: &shared::assessment::Assessment| {
        let mut said: Vec<String> =
            assessment.findings.iter().map(|finding| finding.message.clone()).collect();
        said.sort_unstable();
        said
    };
    assert_eq!(
        said(&before),
        [
            "the check grown of public.people is missing",
            "the column name of public.clinics is varchar(80) and not text",
            "the column name of public.people takes nulls",
            "the comment born of public.people is missing",
            "the comment of public.people is missing",
            "the foreign key person_clinic_id_fkey of public.people is missing",
            "the index person_born of public.people is missing",
            "the row-level security of public.people is missing",
            "the trigger stamps of public.person is missing",
            "the view of public.old_people is missing",
        ]
    );
    // A trigger has to be written by somebody.
    assert_eq!(said(&after), ["the trigger stamps of public.person is missing"]);
    let people = TableName::new(Some("public"), "people");
    assert!(after.schema.iter().any(|item| item.table == people && item.detail.is_none()));
    finding(&after, Check::SchemaComplete);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pooler_in_transaction_mode_is_told_by_its_host() {
    let folder = tempfile::tempdir().unwrap();
    let source = sqlite(&folder, "legacy.db", PEOPLE);
    let pooled =
        people(&source, "postgres://ann:x@aws-0-nowhere.pooler.supabase.com:6543/postgres");
    let session =
        people(&source, "postgres://ann:x@aws-0-nowhere.pooler.supabase.com:5432/postgres");

    let (mode, blocking) = (Check::PoolerMode, Severity::Blocking);
    check_finds(&pooled, mode, blocking, "pooler in transaction mode", "session mode").await;
    assert!(only(&session, &[mode]).await.findings.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_ipv6_alone_is_found_where_there_is_no_way_to_it() {
    let folder = tempfile::tempdir().unwrap();
    let source = sqlite(&folder, "legacy.db", PEOPLE);
    // Of the range for documentation: nobody answers there, way or no way.
    let plan = people(&source, "postgres://ann:x@[2001:db8::1]:5432/postgres");
    let socket = std::net::UdpSocket::bind("[::]:0");
    let has_way = socket.and_then(|socket| socket.connect("[2001:db8::2]:9")).is_ok();

    if has_way {
        assert!(only(&plan, &[Check::AddressFamily]).await.findings.is_empty());
    } else {
        let assessment = only(&plan, &[Check::AddressFamily]).await;
        let found = finding(&assessment, Check::AddressFamily);
        assert!(found.message.contains("IPv6 only") && found.action.contains("session pooler"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_travels_in_clear_over_a_network_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let source = sqlite(&folder, "legacy.db", PEOPLE);
    let database = testbed::postgres().create_database();
    // Linux leads this address to the machine itself, which nothing of the address says.
    let far = people(&source, &database.url().replacen("127.0.0.1", "0.0.0.0", 1));
    assert!(far.target.contains("0.0.0.0"), "the test server has another address");
    let (encrypted, warning) = (Check::ChannelEncrypted, Severity::Warning);

    check_finds(&far, encrypted, warning, "is not encrypted", "sslmode=verify-full").await;
    let near = people(&source, database.url());
    assert!(only(&near, &[encrypted]).await.findings.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_is_open_for_hours_is_found() {
    let postgres = testbed::postgres().create_database();
    let mariadb = testbed::mariadb().create_database();
    let target = testbed::postgres().create_database();
    for database in [&postgres, &mariadb] {
        database.execute("create table person (id int primary key, name varchar(20), born date)");
        database.execute("insert into person values (1, 'Ann', null)");
    }
    let mut on_postgres = sqlx::PgConnection::connect(postgres.url()).await.unwrap();
    on_postgres.execute("begin; select * from person for update").await.unwrap();
    let mut on_mariadb = sqlx::MySqlConnection::connect(mariadb.url()).await.unwrap();
    on_mariadb.execute("start transaction").await.unwrap();
    on_mariadb.execute("update person set name = 'Bea'").await.unwrap();
    for database in [&postgres, &mariadb] {
        let plan = people(database.url(), target.url());
        let check = Check::LongTransactions;
        let at = async |hours| {
            let clock = Arc::new(FixedClock::at(SystemClock.now() + TimeDelta::hours(hours)));
            let selection = CheckSelection { checks: vec![check], groups: Vec::new() };
            assess(Request { clock, selection, ..request(&plan) }).await.unwrap()
        };

        assert!(at(0).await.findings.is_empty());
        let later = at(2).await;

        let found: Vec<_> = later.findings.iter().filter(|it| it.check == check).collect();
        assert!(!found.is_empty(), "{later:?}");
        assert!(found[0].message.contains("open for 1") && found[0].action.contains("End the"));
        assert_eq!(found[0].severity, Severity::Warning);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_is_written_to_meanwhile_is_found() {
    let database = Arc::new(testbed::postgres().create_database());
    let target = testbed::postgres().create_database();
    database.execute("create table person (id int primary key, name text not null, born date)");
    database.execute("insert into person select i, 'Ann', null from generate_series(1, 5000) i");
    let is_over = Arc::new(AtomicBool::new(false));
    let (busy, over) = (Arc::clone(&database), Arc::clone(&is_over));
    let writing = std::thread::spawn(move || {
        while !over.load(Ordering::Relaxed) {
            busy.execute("update person set name = name || 'e' where id % 100 = 1");
        }
    });
    let plan = people(database.url(), target.url());
    let (quiet, warning) = (Check::SourceQuiet, Severity::Warning);

    check_finds(&plan, quiet, warning, "was written to during the assessment", "").await;
    is_over.store(true, Ordering::Relaxed);
    writing.join().unwrap();
    assert!(only(&plan, &[quiet]).await.findings.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn how_fast_a_server_answers_is_told_and_its_version_passes() {
    let folder = tempfile::tempdir().unwrap();
    let source = sqlite(&folder, "legacy.db", PEOPLE);
    let database = testbed::postgres().create_database();
    let plan = people(&source, database.url());

    check_finds(&plan, Check::Speed, Severity::Info, "a round trip takes", "").await;
    let version = only(&plan, &[Check::ServerVersion]).await;
    assert_eq!(version.checks[0].state, CheckState::Passed);
}
