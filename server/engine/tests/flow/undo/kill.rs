//! Undoing that is killed at any instant is finished by the same command.

use std::process::{Command, Stdio};
use std::time::Duration;

use super::*;

const MANY: &str = "
insert into person
with recursive n(i) as (select 101 union all select i + 1 from n where i < 20000)
select i, i % 3 + 1, 'Person ' || i from n;
";

const THERE: &str = "
insert into people values (5, null, 'x'), (17, null, 'y'), (100000, null, 'Somebody else');
";

const CHILD: &str = "TRANSFUSE_UNDO_KILL_TEST_TARGET";

/// Not a claim of its own: what the other test starts and kills.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_may_be_killed() {
    let Ok(target) = std::env::var(CHILD) else { return };
    let outcome = Undo::all_of(&target).of("run-1").await;
    // The lock of the process that was killed goes when the server notices that it is gone.
    let done = outcome.map_or_else(
        |error| error.code() == ErrorCode::Load023,
        |outcome| outcome.run_state == RunState::RolledBack,
    );
    std::process::exit(if done { 0 } else { 3 });
}

async fn check(url: &str, picture: impl Fn() -> String, source: &str) {
    let before = picture();
    let rest = INTO_TABLES_THAT_ARE_THERE
        .replace("chunk_rows: 10", "chunk_rows: 400")
        .replace("target: people\n", "target: people\n  existing: update\n");
    let whole = run(&plan(source, url, &rest)).await.unwrap();
    assert_eq!(whole.failure, None);
    let child = || {
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "undo::kill::a_process_that_may_be_killed"])
            .env(CHILD, url)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };

    let mut killed = 0;
    for step in 0..12 {
        let mut process = child();
        std::thread::sleep(Duration::from_millis(60 + step * 37 % 350));
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

    assert!(ended, "the rollback never came to its end");
    assert!(killed > 0, "nothing was killed");
    assert_eq!(picture(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn undoing_that_is_killed_again_and_again_leaves_postgresql_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let source = sqlite(&folder, "legacy.db", &format!("{SOURCE}{MANY}"));
    let target = testbed::postgres().create_database();
    target.execute(TABLES);
    target.execute(THERE);

    check(target.url(), || picture::of_postgres(&target), &source).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn undoing_that_is_killed_again_and_again_leaves_sqlite_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let source = sqlite(&folder, "legacy.db", &format!("{SOURCE}{MANY}"));
    let target = sqlite(&folder, "new.db", &format!("{SQLITE_TABLES}{THERE}"));
    let path = folder.path().join("new.db");

    check(&target, || picture::of_sqlite(&path), &source).await;
}
