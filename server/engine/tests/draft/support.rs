//! Drafts, checks and runs a plan the way the command line would.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use engine::clock::SystemClock;
use engine::map::{check, draft};
use engine::run::{Request, Start, Stop, migrate};
use engine::seal::Key;
use shared::plan::Plan;
use shared::run::RunOutcome;

/// Drafts a plan that has no problems.
#[track_caller]
pub(crate) fn drafted(source: &str, target: &str) -> Plan {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let plan = draft::draft(source, target, None).await.expect("a draft");
        let problems = check::against(&plan, source, target).await.expect("a check");
        assert_eq!(problems, []);
        let written = Plan::from_yaml(&plan.to_yaml()).expect("reads back");
        assert_eq!(written, plan);
        plan
    })
}

/// Runs a plan to its end; the books close.
#[track_caller]
pub(crate) fn completed(plan: &Plan) -> RunOutcome {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let outcome = runtime.block_on(migrate(Request {
        plan: plan.clone(),
        source_url: plan.source.clone(),
        target_url: plan.target.clone(),
        run_id: "run-1".parse().expect("an id"),
        workers: None,
        start: Start::Continue,
        key: Key::new([7; 32]),
        progress: tokio::sync::watch::channel(None).0,
        stop: Stop::default(),
        clock: Arc::new(SystemClock),
        matcher: None,
    }));
    let outcome = outcome.expect("a run");
    assert!(outcome.books_close, "{outcome:?}");
    outcome
}

/// Rows read and rows in quarantine, over all tables.
pub(crate) fn read_and_quarantined(outcome: &RunOutcome) -> (u64, u64) {
    let books = || outcome.tables.iter().map(|table| table.books);
    (books().map(|books| books.read).sum(), books().map(|books| books.quarantined).sum())
}

/// The plan without what differs from one machine to another.
pub(crate) fn shown(plan: &Plan) -> String {
    let hidden = || "…".to_owned();
    let description = plan.description.as_ref().map(|text| {
        let (first, rest) = text.split_once('.').unwrap_or((text, ""));
        let product = first.split_whitespace().nth(2).unwrap_or_default();
        // Versions have points as well.
        let rest = rest.split_once(" Worth").map_or("", |(_, rest)| rest);
        format!("Drafted from {product}. Worth{rest}")
    });
    let plan =
        Plan { name: hidden(), source: hidden(), target: hidden(), description, ..plan.clone() };
    plan.to_yaml()
}

/// Makes a SQLite database from statements, and gives its URL.
pub(crate) fn sqlite_with(folder: &Path, name: &str, sql: &str) -> String {
    let path = folder.join(name);
    rusqlite::Connection::open(&path).expect("a file").execute_batch(sql).expect("statements");
    format!("sqlite:{}", path.display())
}

/// A folder of data that is not the project's, where this machine has it.
pub(crate) fn known_data(name: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(name);
    folder.is_dir().then_some(folder)
}
