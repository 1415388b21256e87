//! Several processes at one run.

use std::process::Child;
use std::time::{Duration, Instant};

use testbed::{Database, Durability, Product};

use crate::support::Desk;

const KEY: &str = "0f0e0d0c0b0a09080706050403020100f0e0d0c0b0a090807060504030201000";

const ROWS: u32 = 15_000;

const TABLES: &str = "
options: {chunk_rows: 250, workers: 1}
tables:
- source: visit
  key: [id]
  target: public.visit
  columns:
  - {target: id, source: id, type: bigint, nullable: false}
  - {target: note, source: note, type: text}
  create: {}
";

const CONTENT: &str = "select count(*), count(distinct id), sum(id), md5(string_agg(note, '' order by id)) from visit";

/// A run that several processes share.
struct Shared {
    desk: Desk,
    source: Database,
    target: Database,
    store: Database,
    workers: Vec<Child>,
}

impl Shared {
    fn new(source: Database) -> Self {
        source.execute("create table visit (id integer primary key, note text)");
        let numbers = (0..ROWS).map(|id| format!("({id}, 'note {id}')")).collect::<Vec<_>>();
        source.execute(&format!("insert into visit values {}", numbers.join(", ")));
        let target = testbed::postgres().create_database();
        // Who wrote a chunk is written with it; and a chunk takes a while, so that all get some.
        target.execute(
            "create table visit (id bigint, note text);
             create table written_by (name text);
             create function note_writer() returns trigger language plpgsql as $$
             begin
                 insert into written_by values (current_setting('application_name'));
                 perform pg_sleep(0.3);
                 return null;
             end $$;
             create trigger note_writer after insert on visit
                 for each statement execute function note_writer()",
        );
        let desk = Desk::new();
        let head = format!(
            "format: 1\nname: shared\nsource: '{}'\ntarget: '{}'\n",
            source.url(),
            target.url()
        );
        desk.write("plan.yaml", &(head + TABLES));
        let store = testbed::postgres().create_database();
        Self { desk, source, target, store, workers: Vec::new() }
    }

    fn spawn(&self, arguments: &[&str]) -> Child {
        let mut command = self.desk.command(arguments);
        command.args(["--store", self.store.url()]).env("TRANSFUSE_KEY", KEY);
        let log = |name: &str| {
            let path = self.desk.path(&format!("{name}.log"));
            std::fs::File::options().append(true).create(true).open(path).expect("a file")
        };
        command.stdin(std::process::Stdio::null());
        command.stdout(log(arguments[0])).stderr(log(arguments[0]));
        command.spawn().expect("it starts")
    }

    fn with_workers(mut self, count: usize) -> Self {
        self.workers = (0..count).map(|_| self.spawn(&["worker", "--workers", "1"])).collect();
        self
    }

    fn migrate(&self) -> Child {
        self.spawn(&["migrate", "plan.yaml", "--json", "out.json"])
    }

    /// Waits until so many processes have committed a chunk.
    #[track_caller]
    fn wait_for_writers(&self, count: usize) {
        let limit = Instant::now() + Duration::from_secs(90);
        while self.writers().len() < count {
            assert!(Instant::now() < limit, "{:?}\n{}", self.writers(), self.logs());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn writers(&self) -> Vec<String> {
        let names = self.target.query("select distinct name from written_by order by name");
        names.lines().map(str::to_owned).collect()
    }

    #[track_caller]
    fn check_complete(&self, mut migration: Child) {
        let status = migration.wait().expect("its end");
        assert!(status.success(), "{}", self.logs());
        let content = self.target.query(CONTENT);
        let whole = format!("{ROWS}\t{ROWS}\t{}", u64::from(ROWS) * u64::from(ROWS - 1) / 2);
        assert!(content.starts_with(&whole), "{content}");
        if self.source.server().product() == Product::Postgres {
            assert_eq!(content, self.source.query(CONTENT));
        }
        let committed = self.target.query("select count(*) from transfuse.ledger");
        assert_eq!(committed, (ROWS / 250).to_string());
        assert_eq!(self.desk.json("out.json")["books_close"], true);
    }

    fn logs(&self) -> String {
        ["migrate.log", "worker.log"]
            .map(|name| std::fs::read_to_string(self.desk.path(name)).unwrap_or_default())
            .join("\n--\n")
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        for worker in &mut self.workers {
            // One that has ended already is as good.
            let _ = worker.kill();
            let _ = worker.wait();
        }
    }
}

#[track_caller]
fn check_shared_by(count: usize) {
    let shared = Shared::new(testbed::postgres().create_database()).with_workers(count);

    let migration = shared.migrate();

    shared.wait_for_writers(count + 1);
    shared.check_complete(migration);
}

#[test]
fn two_workers_and_the_conductor_fill_one_target() {
    check_shared_by(2);
}

#[test]
fn four_workers_and_the_conductor_fill_one_target() {
    check_shared_by(4);
}

#[test]
fn a_worker_on_mariadb_proves_that_it_sees_the_same_state() {
    let server = testbed::private(Product::MariaDb, Durability::Fast);
    let shared = Shared::new(server.create_database()).with_workers(1);

    let migration = shared.migrate();

    shared.wait_for_writers(2);
    shared.check_complete(migration);
}

#[test]
fn a_worker_that_cannot_prove_the_state_takes_no_part_and_the_run_goes_on() {
    let server = testbed::private(Product::MariaDb, Durability::Fast);
    let mut shared = Shared::new(server.create_database());
    let migration = shared.migrate();
    shared.wait_for_writers(1);
    shared.source.execute("create table late (id integer); insert into late values (1)");

    let late = shared.spawn(&["worker", "--workers", "1"]);
    shared.workers.push(late);

    shared.check_complete(migration);
    assert_eq!(shared.writers().len(), 1);
    assert!(shared.logs().contains("LOAD-044"), "{}", shared.logs());
}

#[test]
fn a_worker_that_is_killed_costs_its_chunk_only_and_another_one_may_come() {
    let mut shared = Shared::new(testbed::postgres().create_database()).with_workers(2);
    let migration = shared.migrate();
    shared.wait_for_writers(3);

    shared.workers[0].kill().unwrap();
    shared.workers[0].wait().unwrap();
    let late = shared.spawn(&["worker", "--workers", "1"]);
    shared.workers.push(late);

    shared.check_complete(migration);
}

#[test]
fn a_worker_that_is_stopped_and_continued_later_commits_nothing_twice() {
    let mut shared = Shared::new(testbed::postgres().create_database()).with_workers(1);
    let migration = shared.migrate();
    shared.wait_for_writers(2);

    signal(&shared.workers[0], "STOP");
    shared.check_complete(migration);
    signal(&shared.workers[0], "CONT");

    // It finds out that its run is over, and waits for the next one.
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(shared.workers[0].try_wait().unwrap(), None);
    signal(&shared.workers[0], "TERM");
    assert!(shared.workers[0].wait().unwrap().success(), "{}", shared.logs());
    let content = shared.target.query(CONTENT);
    assert_eq!(content, shared.source.query(CONTENT));
}

fn signal(process: &Child, name: &str) {
    let sent = std::process::Command::new("kill")
        .args(["-s", name, &process.id().to_string()])
        .status()
        .expect("a signal");
    assert!(sent.success());
}
