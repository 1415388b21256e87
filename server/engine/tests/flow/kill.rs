//! `kill -9` at any instant, then the same again, gives the same target as an undisturbed run.

use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::{plan, run, sqlite};
use shared::run::OutcomeStatus;

const SOURCE: &str = "
create table clinic (id integer primary key, name text);
create table visit (clinic_id integer, number integer, note text, primary key (clinic_id, number));
create table note (body text);
insert into clinic
with recursive n(i) as (select 1 union all select i + 1 from n where i < 40)
select i, 'Clinic ' || i from n;
insert into visit
with recursive n(i) as (select 0 union all select i + 1 from n where i < 19999)
select i % 47, i, case when i % 100 = 7 then printf('%.*c', 31, 'x') else 'note ' || i end from n;
insert into note
with recursive n(i) as (select 1 union all select i + 1 from n where i < 5000)
select 'body ' || (i % 700) from n;
";

const PLAN: &str = "
options: {chunk_rows: 500, workers: 2}
tables:
- source: clinic
  key: [id]
  target: public.clinic
  columns:
  - {target: id, source: id, type: bigint, nullable: false}
  - {target: name, source: name, type: text}
  create: {primary_key: [id]}
- source: visit
  key: [clinic_id, number]
  target: public.visit
  columns:
  - {target: clinic_id, source: clinic_id, type: bigint}
  - {target: number, source: number, type: bigint}
  - {target: note, source: note, type: varchar(30)}
  create:
    indexes: [{name: visit_note_idx, columns: [note]}]
    foreign_keys:
    - {name: visit_clinic_fkey, columns: [clinic_id], references: public.clinic, referenced_columns: [id]}
- source: note
  target: public.note
  columns: [{target: body, source: body, type: text}]
  create: {}
";

const CONTENT: &str = "
select (select md5(string_agg(c::text, '|' order by c::text)) from clinic c),
       (select md5(string_agg(v::text, '|' order by v::text)) from visit v),
       (select md5(string_agg(n::text, '|' order by n::text)) from note n),
       (select md5(string_agg(q.source || q.code || coalesce(q.column_name, ''), '|'
                              order by q.source, q.code)) from transfuse.quarantine q),
       (select sum(loaded) || '/' || sum(quarantined) from transfuse.ledger)";

const CHILD: &str = "TRANSFUSE_KILL_TEST_TARGET";

/// Not a claim of its own: what the other test starts and kills.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_may_be_killed() {
    let Ok(target) = std::env::var(CHILD) else { return };
    let source = std::env::var("TRANSFUSE_KILL_TEST_SOURCE").expect("set with the target");
    let outcome = run(&plan(&source, &target, PLAN)).await;
    // The lock of the process that was killed goes when the server notices that it is gone.
    let done = outcome.is_ok_and(|outcome| outcome.status == OutcomeStatus::Completed);
    std::process::exit(if done { 0 } else { 3 });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_killed_again_and_again_ends_as_an_undisturbed_one() {
    let folder = tempfile::tempdir().unwrap();
    let source = sqlite(&folder, "legacy.db", SOURCE);
    let undisturbed = testbed::postgres().create_database();
    let whole = run(&plan(&source, undisturbed.url(), PLAN)).await.unwrap();
    assert_eq!(whole.failure, None);
    let target = testbed::postgres().create_database();
    let child = || {
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "kill::a_process_that_may_be_killed"])
            .env(CHILD, target.url())
            .env("TRANSFUSE_KILL_TEST_SOURCE", &source)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };

    // Instants that fall into preparing, copying, finishing and in between.
    let mut killed = 0;
    for step in 0..25 {
        let mut process = child();
        std::thread::sleep(Duration::from_millis(40 + step * 37 % 400));
        killed += u32::from(process.try_wait().unwrap().is_none());
        process.kill().unwrap();
        process.wait().unwrap();
    }
    let mut ended = false;
    for _ in 0..50 {
        if child().wait().unwrap().success() {
            ended = true;
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
    }

    assert!(ended, "the run never came to its end");
    assert!(killed > 0, "nothing was killed");
    assert_eq!(target.query(CONTENT), undisturbed.query(CONTENT));
    let run_ids = target.query("select count(distinct run_id) from transfuse.ledger");
    assert_eq!(run_ids, "1");
}
