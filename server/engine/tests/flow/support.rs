//! Runs plans the way a server or the command line would.

use std::sync::Arc;

use engine::clock::SystemClock;
use engine::error::Result;
use engine::run::{Matcher, Request, Start, Stop, migrate};
use engine::seal::Key;
use engine::verify;
use shared::plan::Plan;
use shared::run::{OutcomeStatus, Progress, RunOutcome};
use shared::verification::{Mode, RepairOutcome, RepairSelection, VerificationOutcome};
use tokio::sync::watch;

pub(crate) const KEY: [u8; 32] = [7; 32];

/// A run with settings of its own.
pub(crate) struct Given {
    pub(crate) run_id: &'static str,
    pub(crate) start: Start,
    pub(crate) stop: Stop,
    pub(crate) matcher: Option<Matcher>,
}

impl Default for Given {
    fn default() -> Self {
        Self { run_id: "run-1", start: Start::Continue, stop: Stop::default(), matcher: None }
    }
}

/// Runs a plan from its own URLs.
pub(crate) async fn run(plan: &Plan) -> Result<RunOutcome> {
    run_with(plan, Given::default()).await
}

pub(crate) async fn run_with(plan: &Plan, given: Given) -> Result<RunOutcome> {
    migrate(request(plan, given).0).await
}

/// A request, and the pictures of its run.
pub(crate) fn request(plan: &Plan, given: Given) -> (Request, watch::Receiver<Option<Progress>>) {
    let (progress, pictures) = watch::channel(None);
    let request = Request {
        plan: plan.clone(),
        source_url: plan.source.clone(),
        target_url: plan.target.clone(),
        run_id: given.run_id.parse().expect("an id"),
        workers: None,
        start: given.start,
        key: Key::new(KEY),
        progress,
        stop: given.stop,
        clock: Arc::new(SystemClock),
        matcher: given.matcher,
    };
    (request, pictures)
}

/// Runs a plan, and stops it when some of it is in the ledger and not all.
pub(crate) async fn run_until_a_chunk_is_done(plan: &Plan) -> RunOutcome {
    let stop = Stop::default();
    let (request, mut pictures) = request(plan, Given { stop: stop.clone(), ..Given::default() });
    let running = tokio::spawn(migrate(request));
    pictures.wait_for(|picture| chunks_done(picture.as_ref()) > 0).await.expect("a picture");
    stop.request();
    let outcome = running.await.expect("no panic").expect("an outcome");
    assert_eq!(outcome.status, OutcomeStatus::Paused, "{:?}", outcome.failure);
    outcome
}

/// How many chunks are in the ledger.
pub(crate) fn chunks_done(picture: Option<&Progress>) -> u32 {
    picture.map_or(0, |progress| progress.tables.iter().map(|table| table.chunks_done).sum())
}

/// A plan whose document leaves the two URLs open.
pub(crate) fn plan(source: &str, target: &str, rest: &str) -> Plan {
    let head = format!("format: 1\nname: test\nsource: '{source}'\ntarget: '{target}'\n");
    Plan::from_yaml(&(head + rest)).expect("a plan")
}

/// Makes a SQLite database from statements, and gives its URL.
pub(crate) fn sqlite(folder: &tempfile::TempDir, name: &str, sql: &str) -> String {
    let path = folder.path().join(name);
    // A legacy database has rows that refer to rows that are not there.
    let sql = format!("pragma foreign_keys = off; {sql}");
    rusqlite::Connection::open(&path).expect("a file").execute_batch(&sql).expect("statements");
    format!("sqlite:{}", path.display())
}

/// Books of a table as `read loaded filtered quarantined`.
pub(crate) fn books(outcome: &RunOutcome, target: &str) -> [u64; 4] {
    let table = outcome.tables.iter().find(|table| table.target.name == target).expect(target);
    let books = table.books;
    [books.read, books.loaded, books.filtered, books.quarantined]
}

/// Compares the two sides of a plan, row by row.
pub(crate) async fn compare(plan: &Plan) -> Result<VerificationOutcome> {
    verify::verify(comparison(plan, Mode::Full)).await
}

/// What asks for a comparison of the two sides of a plan.
pub(crate) fn comparison(plan: &Plan, mode: Mode) -> verify::Request {
    let clock = SystemClock;
    verify::Request {
        plan: plan.clone(),
        source_url: plan.source.clone(),
        target_url: plan.target.clone(),
        verification_id: engine::clock::Clock::fresh_id(&clock).to_string().parse().expect("an id"),
        mode,
        sample: shared::verification::SampleSize::default(),
        going_on: verify::GoingOn::Latest,
        workers: None,
        key: Key::new(KEY),
        progress: tokio::sync::watch::channel(None).0,
        stop: Stop::default(),
        clock: Arc::new(clock),
    }
}

/// A comparison's counts of a table as `compared missing extra different`.
pub(crate) fn compared(outcome: &VerificationOutcome, target: &str) -> [u64; 4] {
    let tables = &outcome.findings.tables;
    let table = tables.iter().find(|table| table.target.name == target).expect(target);
    [table.compared, table.missing, table.extra, table.different]
}

/// Repairs, or rehearses repairing, what the latest comparison of a plan found.
pub(crate) async fn repair(plan: &Plan, effect: verify::Effect) -> Result<RepairOutcome> {
    let clock = SystemClock;
    verify::repair(verify::RepairRequest {
        plan: plan.clone(),
        source_url: plan.source.clone(),
        target_url: plan.target.clone(),
        verification_id: None,
        repair_id: engine::clock::Clock::fresh_id(&clock).to_string().parse().expect("an id"),
        selection: RepairSelection::default(),
        effect,
        key: Key::new(KEY),
        stop: Stop::default(),
        clock: Arc::new(clock),
    })
    .await
}
