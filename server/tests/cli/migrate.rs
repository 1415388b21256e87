use std::time::{Duration, Instant};

use crate::support::{Desk, done, people};

#[test]
fn a_migration_ends_with_0_and_closed_books() {
    let desk = Desk::new();
    let source = desk.sqlite("legacy.db", &people(1_000));
    desk.draft(&source, "sqlite:modern.db");

    let run = desk.run(&["migrate", "plan.yaml", "--json", "out.json"]);

    assert_eq!((run.status, run.stdout.as_str()), (0, ""), "{}", run.stderr);
    let outcome = desk.json("out.json");
    assert_eq!((&outcome["status"], &outcome["books_close"]), (&"completed".into(), &true.into()));
    let table = &outcome["tables"][0];
    for (field, rows) in
        [("read", 1_000), ("loaded", 1_000), ("merged", 0), ("filtered", 0), ("quarantined", 0)]
    {
        assert_eq!(table[field], rows, "{outcome}");
    }
    for field in ["seconds", "rows_per_second", "peak_rss_bytes"] {
        assert!(outcome[field].is_number(), "{outcome}");
    }
    assert!(run.stderr.contains("the books close"), "{}", run.stderr);
}

#[test]
fn json_on_stdout_is_nothing_but_json() {
    let desk = Desk::new();
    let source = desk.sqlite("legacy.db", &people(10));
    desk.draft(&source, "sqlite:modern.db");

    let run = desk.run(&["migrate", "plan.yaml", "--json", "-"]);

    let outcome: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(outcome["status"], "completed");
}

#[test]
fn a_finished_run_stays_as_it_is_and_a_fresh_one_begins_again() {
    let desk = Desk::new();
    let source = desk.sqlite("legacy.db", &people(100));
    desk.draft(&source, "sqlite:modern.db");
    let run = |arguments: &[&str]| {
        let done = desk.run(arguments);
        assert_eq!(done.status, 0, "{}", done.stderr);
        desk.json("out.json")["run_id"].clone()
    };
    let first = run(&["migrate", "plan.yaml", "--json", "out.json"]);

    assert_eq!(run(&["migrate", "plan.yaml", "--json", "out.json"]), first);
    assert_ne!(run(&["migrate", "plan.yaml", "--fresh", "--json", "out.json"]), first);
}

#[test]
fn an_interrupted_migration_exits_with_6_and_the_same_command_goes_on() {
    let desk = Desk::new();
    let source = desk.sqlite("legacy.db", &people(40_000));
    desk.draft(&source, "sqlite:modern.db");
    let small = desk.read("plan.yaml").replacen(
        "tables:",
        "options: {chunk_rows: 10, batch_bytes: 65536, workers: 1}\ntables:",
        1,
    );
    desk.write("plan.yaml", &small);

    let child = desk.spawn(&["migrate", "plan.yaml", "--json", "out.json"]);
    wait_for_chunks(&desk);
    interrupt(child.id());
    let stopped = done(&child.wait_with_output().unwrap());

    stopped.assert_failed(6, "SYS-004");
    let paused = desk.json("out.json");
    assert_eq!(paused["status"], "paused");
    assert!(paused["tables"][0]["loaded"].as_u64() < Some(40_000), "{paused}");

    let resumed = desk.run(&["migrate", "plan.yaml", "--json", "out.json"]);
    assert_eq!(resumed.status, 0, "{}", resumed.stderr);
    let outcome = desk.json("out.json");
    assert_eq!(outcome["run_id"], paused["run_id"]);
    assert_eq!(outcome["tables"][0]["loaded"], 40_000);
}

#[test]
fn a_table_with_rows_of_somebody_else_exits_with_3_and_keeps_them() {
    let desk = Desk::new();
    let source = desk.sqlite("legacy.db", &people(100));
    let database = testbed::postgres().create_database();
    database.execute(
        "create table person (id bigint primary key, name text not null, born date);
         insert into person values (1, 'Somebody Else', null)",
    );
    desk.draft(&source, database.url());

    let run = desk.run(&["migrate", "plan.yaml"]);

    run.assert_failed(3, "LOAD-001");
    assert_eq!(database.query("select name from person"), "Somebody Else");
}

#[test]
fn a_password_in_a_plan_appears_nowhere() {
    let desk = Desk::new();
    let source = desk.sqlite("legacy.db", &people(100));
    let database = testbed::postgres().create_database();
    let url = database.url_as("transfuse", "transfuse");
    desk.draft(&source, &url);

    let run = desk.run(&["migrate", "plan.yaml", "--json", "-"]);

    assert_eq!(run.status, 0, "{}", run.stderr);
    assert_eq!(database.query("select count(*) from person"), "100");
    for text in [&run.stdout, &run.stderr] {
        assert!(!text.contains(":transfuse@"), "{text}");
    }
}

/// Until the run has begun to copy: its lock file is there and the target grows.
fn wait_for_chunks(desk: &Desk) {
    let limit = Instant::now() + Duration::from_secs(30);
    let target = desk.path("modern.db");
    let wal = desk.path("modern.db-wal");
    let size = |path: &std::path::Path| std::fs::metadata(path).map_or(0, |file| file.len());
    while size(&target) + size(&wal) < 60_000 {
        assert!(Instant::now() < limit, "the run does not begin");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn interrupt(process: u32) {
    let pid = i32::try_from(process).ok().and_then(rustix::process::Pid::from_raw);
    let pid = pid.expect("a process id");
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("a running process");
}

#[test]
fn a_rehearsal_tells_what_would_come_and_leaves_no_file_behind() {
    let desk = Desk::new();
    let bad = "update person set born = 'Quillon' where id in (3, 5);";
    desk.sqlite("legacy.db", &format!("{}{bad}", people(200)));
    desk.write("plan.yaml", REHEARSED);

    let rehearsal = desk.run(&["migrate", "plan.yaml", "--rehearse", "--json", "out.json"]);

    assert_eq!(rehearsal.status, 0, "{}", rehearsal.stderr);
    let report = desk.json("out.json");
    assert_eq!(report["tables"][0]["quarantined"], 2, "{report}");
    let fault = &report["quarantine"][0];
    assert_eq!((&fault["code"], &fault["rows"]), (&"DATA-001".into(), &2.into()), "{report}");
    assert_eq!(fault["examples"].as_array().unwrap().len(), 2);
    assert!(report["forecast"]["seconds"].is_number(), "{report}");
    assert!(rehearsal.stdout.contains("born=Xxxxxxx"), "{}", rehearsal.stdout);
    let told = format!("{report}{}{}", rehearsal.stdout, rehearsal.stderr);
    assert!(!told.contains("Quillon"), "{told}");
    let left: Vec<_> = std::fs::read_dir(desk.path(""))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("modern.db"))
        .collect();
    assert!(left.is_empty(), "{left:?}");

    let run = desk.run(&["migrate", "plan.yaml"]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    let again = desk.run(&["migrate", "plan.yaml", "--rehearse"]);
    again.assert_failed(3, "LOAD-007");
}

const REHEARSED: &str = "
format: 1
name: people
source: sqlite:legacy.db
target: sqlite:modern.db
tables:
- source: person
  key: [id]
  target: people
  columns:
  - {target: id, source: id, type: bigint, nullable: false}
  - {target: name, source: name, type: text}
  - {target: born, source: born, type: date}
  create: {primary_key: [id]}
";

#[test]
fn rows_larger_than_a_batch_share_the_memory_that_there_is() {
    const MIB: u64 = 1 << 20;
    let desk = Desk::new();
    let source = desk.sqlite(
        "legacy.db",
        "create table scan (id integer primary key, image blob);
         with recursive n (id) as (select 1 union all select id + 1 from n where id < 16)
         insert into scan select id, zeroblob(20 << 20) from n;",
    );
    let database = testbed::postgres().create_database();
    desk.draft(&source, database.url());
    let by_four = desk.read("plan.yaml").replacen("tables:", "options: {workers: 4}\ntables:", 1);
    desk.write("plan.yaml", &by_four);

    let run = desk.run(&["migrate", "plan.yaml", "--json", "out.json"]);

    assert_eq!(run.status, 0, "{}", run.stderr);
    let bytes = database.query("select sum(octet_length(image)) from scan");
    assert_eq!(bytes, (16 * 20 * MIB).to_string());
    // Each of the four has the row that it is reading, once more in SQLite, and one of them has one
    // on its way. Where nobody waits for room, it is 460 MiB.
    let peak = desk.json("out.json")["peak_rss_bytes"].as_u64().unwrap();
    assert!(peak < 380 * MIB, "{} MiB", peak / MIB);
}
