//! What a plan's own statements make and change goes with the run.

use super::*;

fn with_statements(before: &str, after: &str, undo: &str) -> String {
    let text = |name: &str, sql: &str| {
        if sql.is_empty() {
            return String::new();
        }
        let lines: Vec<String> = sql.lines().map(|line| format!("    {line}")).collect();
        format!("  {name}: |\n{}\n", lines.join("\n"))
    };
    let statements = [text("before", before), text("after", after), text("undo", undo)].concat();
    format!("target_sql:\n{statements}{PLAN}")
}

/// A target in which somebody works already.
const IN_USE: &str = "
create type mood as enum ('good', 'bad');
create table public.ward (id bigint primary key, name text);
insert into public.ward values (1, 'A');
comment on table public.ward is 'Where people lie';
comment on column public.ward.name is 'As on the door';
create function public.greeting() returns text language sql as $$ select 'hello' $$;
create function public.stamp() returns trigger language plpgsql as $$ begin return new; end $$;
create sequence public.numbers;
grant usage on sequence public.numbers to public;
create view public.wards as select id from public.ward;
";

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_statements_make_and_change_goes_with_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let source = sqlite(&folder, "legacy.db", SOURCE);
    let target = testbed::postgres().create_database();
    target.execute(IN_USE);
    let before = picture::of_postgres(&target);
    let role = format!("role_of_{}", target.name());
    let first = format!(
        "create role {role} nologin;
         do $$
         begin
           begin
             create schema extra;
             create type extra.tint as enum ('red', 'blue');
             create domain extra.code as text check (value <> '');
           exception when duplicate_object then null;
           end;
         end
         $$;
         create or replace function public.greeting() returns text language sql as $$ select 'hi' $$;
         create function public.answer(n integer) returns integer language sql as $$ select 42 $$;
         create procedure public.nothing() language sql as $$ select 1 $$;
         create aggregate public.total(integer) (sfunc = int4pl, stype = integer);
         create extension pg_trgm;"
    );
    let last = format!(
        "alter table public.people enable row level security;
         create policy everybody on public.people using (true);
         grant select on public.people to {role};
         create view public.northerners as select * from public.people where clinic_id = 1;
         alter table public.ward enable row level security;
         create policy everybody on public.ward using (true);
         create trigger stamp before insert on public.ward for each row execute function public.stamp();
         create index ward_name_idx on public.ward (name);
         alter table public.ward add column tint extra.tint default 'red';
         alter table public.ward alter column name set default 'B';
         alter table public.ward add constraint ward_name_check check (name <> 'C');
         create rule quiet as on delete to public.ward do instead nothing;
         grant insert, select on public.ward to {role} with grant option;
         grant update (name) on public.ward to {role};
         grant usage on schema public to {role};
         grant execute on function public.greeting() to {role};
         revoke usage on sequence public.numbers from public;
         grant usage on type public.mood to {role};
         comment on table public.ward is 'Changed';
         comment on column public.ward.name is null;
         comment on view public.wards is 'New';
         create table extra.log (id serial primary key, what text, tint extra.tint);
         insert into extra.log (what) values ('made');
         create publication everything for table public.people;
         create statistics public.ward_numbers on id, name from public.ward;
         update public.people set name = upper(name) where id < 10;"
    );
    let rest = with_statements(&first, &last, "");

    let done = run(&plan(&source, target.url(), &rest)).await.unwrap();
    assert_eq!(done.failure, None);
    assert_ne!(picture::of_postgres(&target), before);
    let preview = Undo { effect: Effect::Preview, ..Undo::all_of(target.url()) };
    let preview = preview.of("run-1").await.unwrap();
    let undone = Undo::all_of(target.url()).of("run-1").await.unwrap();

    assert!(undone.is_whole(), "{:#?}", undone.objects);
    assert_eq!(picture::of_postgres(&target), before);
    assert_eq!(
        target.query(&format!("select count(*) from pg_roles where rolname = '{role}'")),
        "0"
    );
    assert_eq!(target.query("select count(*) from pg_publication"), "0");
    let names = |outcome: &RollbackOutcome| {
        let mut names: Vec<_> =
            outcome.objects.iter().map(|o| format!("{} {}", o.kind, o.name)).collect();
        names.sort();
        names
    };
    assert_eq!(names(&preview), names(&undone));
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_whose_work_cannot_be_told_are_refused_and_leave_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let source = sqlite(&folder, "legacy.db", SOURCE);
    for (statement, what) in [
        ("update public.ward set name = 'B';", "rows of public.ward"),
        ("insert into public.ward values (2, 'B');", "rows of public.ward"),
        ("alter table public.ward drop column name;", "public.ward.name"),
        ("alter table public.ward alter column name type varchar(40);", "public.ward.name"),
        ("alter type public.mood add value 'so-so';", "enum"),
        ("drop function public.stamp();", "proc"),
        ("create or replace view public.wards as select id, 1 as one from public.ward;", ""),
    ] {
        let target = testbed::postgres().create_database();
        target.execute(IN_USE);
        let before = picture::of_postgres(&target);

        let rest = with_statements(statement, "", "");
        let refused = run(&plan(&source, target.url(), &rest)).await.unwrap();

        let failure = refused.failure.unwrap_or_else(|| panic!("{statement}"));
        assert_eq!(failure.code, ErrorCode::Load021, "{statement}: {}", failure.message);
        assert!(failure.message.contains(what), "{}", failure.message);
        assert_eq!(picture::of_postgres(&target), before, "{statement}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_change_meanwhile_is_theirs() {
    let folder = tempfile::tempdir().unwrap();
    let source = sqlite(&folder, "legacy.db", SOURCE);
    for during in ["before", "after"] {
        let target = testbed::postgres().create_database();
        let leaving = format!("{}_leaving", target.name());
        let coming = format!("{}_coming", target.name());
        target.execute(IN_USE);
        target.execute(&format!("create extension dblink; create role {leaving} nologin"));
        let both = format!(
            "create table public.log (id bigint);
             select dblink_exec('{}', $$
                 create role {coming} nologin;
                 drop role {leaving};
                 create table public.desk (id bigint);
                 alter table public.ward add column tint text;
                 drop view public.wards;
                 comment on table public.ward is 'Changed by others'
             $$);",
            target.url()
        );
        let (first, last) = if during == "before" { (&*both, "") } else { ("", &*both) };

        let rest = with_statements(first, last, "");
        let done = run(&plan(&source, target.url(), &rest)).await.unwrap();
        assert_eq!(done.failure, None, "{during}");
        let undone = Undo::all_of(target.url()).of("run-1").await.unwrap();

        assert!(undone.is_whole(), "{during}: {:#?}", undone.objects);
        for (sql, is) in [
            ("select to_regclass('public.log') is null", "t"),
            ("select to_regclass('public.desk') is not null", "t"),
            ("select obj_description('public.ward'::regclass)", "Changed by others"),
            ("select count(tint) from public.ward", "0"),
            (&format!("select count(*) from pg_roles where rolname = '{coming}'"), "1"),
        ] {
            assert_eq!(target.query(sql), is, "{during}: {sql}");
        }
        target.execute(&format!("drop role {coming}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_plan_says_undoes_what_cannot_be_told() {
    let folder = tempfile::tempdir().unwrap();
    let source = sqlite(&folder, "legacy.db", SOURCE);
    let target = testbed::postgres().create_database();
    target.execute(IN_USE);
    let before = picture::of_postgres(&target);
    let rest = with_statements(
        "",
        "update public.ward set name = 'B' where id = 1;",
        "update public.ward set name = 'A' where id = 1;",
    );

    let done = run(&plan(&source, target.url(), &rest)).await.unwrap();
    assert_eq!(done.failure, None);
    assert_eq!(target.query("select name from public.ward"), "B");
    Undo::all_of(target.url()).of("run-1").await.unwrap();

    assert_eq!(picture::of_postgres(&target), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_else_needs_by_now_stays_and_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let source = sqlite(&folder, "legacy.db", SOURCE);
    let target = testbed::postgres().create_database();
    target.execute(IN_USE);
    let rest = with_statements(
        "create type public.tint as enum ('red');
         create function public.answer() returns integer language sql as $$ select 42 $$;",
        "",
        "",
    );
    run(&plan(&source, target.url(), &rest)).await.unwrap();
    target.execute("create table public.paint (tint public.tint)");

    let undone = Undo::all_of(target.url()).of("run-1").await.unwrap();

    let left: Vec<_> = undone
        .objects
        .iter()
        .filter(|object| object.fate == shared::rollback::Fate::Left)
        .map(|object| (object.kind.as_str(), object.name.as_str()))
        .collect();
    assert_eq!(left, [("type", "public.tint")]);
    assert!(!undone.is_whole());
    target.execute("drop table public.paint");
    let again = Undo::all_of(target.url()).of("run-1").await.unwrap();
    assert!(again.is_whole(), "{again:?}");
    assert_eq!(target.query("select count(*) from pg_type where typname = 'tint'"), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn indexes_keys_and_sequences_of_a_table_that_was_there_become_what_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let source = sqlite(&folder, "legacy.db", SOURCE);
    let target = testbed::postgres().create_database();
    target.execute(
        "create table public.clinics (id bigint generated by default as identity primary key, name text);
         create table public.people (id bigserial primary key, clinic_id bigint, name text);
         insert into public.clinics (name) values ('Old'), ('Older');
         delete from public.clinics;",
    );
    let before = picture::of_postgres(&target);

    let done = run(&plan(&source, target.url(), PLAN)).await.unwrap();
    assert_eq!(done.failure, None);
    let sequences = "select string_agg(sequencename || last_value, ' ' order by sequencename)
                     from pg_sequences where last_value is not null";
    assert_eq!(target.query(sequences), "clinics_id_seq3 people_id_seq100");
    assert_eq!(
        target.query("select count(*) from pg_indexes where indexname = 'people_name_idx'"),
        "1"
    );
    Undo::all_of(target.url()).of("run-1").await.unwrap();

    assert_eq!(picture::of_postgres(&target), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sequence_from_which_somebody_drew_since_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let source = sqlite(&folder, "legacy.db", SOURCE);
    let target = testbed::postgres().create_database();
    target.execute(
        "create table public.clinics (id bigint generated by default as identity primary key, name text);
         create table public.people (id bigserial primary key, clinic_id bigint, name text);",
    );
    run(&plan(&source, target.url(), PLAN)).await.unwrap();
    target.execute("insert into public.people (name) values ('Somebody else')");

    let undone = Undo::all_of(target.url()).of("run-1").await.unwrap();

    assert_eq!(target.query("select id from public.people"), "101");
    assert_eq!(target.query("select last_value from public.people_id_seq"), "101");
    let left: Vec<_> =
        undone.objects.iter().filter(|o| o.reason.is_some()).map(|o| o.name.as_str()).collect();
    assert_eq!(left, ["public.people_id_seq"]);
}
