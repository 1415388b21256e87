//! A run with bad rows in it, in a target of either kind, and somebody who works on them.

use engine::clock::SystemClock;
use engine::error::Result;
use engine::quarantine::{Job, Quarantine, Worker};
use engine::seal::Key;
use shared::id::{QuarantineActionId, RunId};
use shared::plan::Plan;
use shared::quarantine::{
    Fix, FixPreview, PreviewRequest, QuarantineCount, QuarantineFilter, QuarantineState,
    QuarantinedRow, Selection, WorkOutcome,
};
use shared::run::RunOutcome;
use tempfile::TempDir;

use crate::support::{self, KEY, run};

/// A target that is asked by SQL that both kinds understand.
pub(crate) enum Target {
    Postgres(testbed::Database),
    Sqlite(TempDir),
}

impl Target {
    pub(crate) fn postgres() -> Self {
        Self::Postgres(testbed::postgres().create_database())
    }

    pub(crate) fn sqlite() -> Self {
        Self::Sqlite(tempfile::tempdir().unwrap())
    }

    pub(crate) fn url(&self) -> String {
        match self {
            Self::Postgres(database) => database.url().to_owned(),
            Self::Sqlite(folder) => format!("sqlite:{}", folder.path().join("new.db").display()),
        }
    }

    /// The one value that a statement yields, as text. `own.` stands before the engine's tables.
    pub(crate) fn ask(&self, sql: &str) -> String {
        match self {
            Self::Postgres(database) => database.query(&sql.replace("own.", "transfuse.")),
            Self::Sqlite(folder) => {
                let connection = rusqlite::Connection::open(folder.path().join("new.db")).unwrap();
                let sql = sql.replace("own.", "_transfuse_");
                let sql = format!("select cast(({}) as text)", sql.trim_end_matches(';'));
                connection
                    .query_row(&sql, [], |row| row.get::<_, Option<String>>(0))
                    .unwrap()
                    .unwrap_or_default()
            }
        }
    }

    pub(crate) fn execute(&self, sql: &str) {
        match self {
            Self::Postgres(database) => database.execute(sql),
            Self::Sqlite(folder) => {
                let connection = rusqlite::Connection::open(folder.path().join("new.db")).unwrap();
                connection.execute_batch(sql).unwrap();
            }
        }
    }
}

/// A run that is through, and its plan.
pub(crate) struct Desk {
    pub(crate) target: Target,
    pub(crate) plan: Plan,
    run: RunId,
    /// The legacy file, kept while the test lasts.
    _folder: TempDir,
}

impl Desk {
    /// Runs a plan over a SQLite file made by some SQL.
    pub(crate) async fn new(target: Target, legacy: &str, plan: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let source = support::sqlite(&folder, "legacy.db", legacy);
        let plan = support::plan(&source, &target.url(), plan);
        let outcome = run(&plan).await.unwrap();
        assert_eq!(outcome.failure, None);
        assert!(outcome.books_close);
        Self::of(target, plan, outcome, folder)
    }

    pub(crate) fn of(target: Target, plan: Plan, outcome: RunOutcome, folder: TempDir) -> Self {
        Self { target, plan, run: outcome.run_id, _folder: folder }
    }

    /// From now on another run is meant.
    pub(crate) fn rename_run(&mut self, run: &str) {
        self.run = run.parse().unwrap();
    }

    pub(crate) async fn fix(&self, fix: &str, selection: Selection) -> Result<WorkOutcome> {
        let fix: Fix = serde_norway::from_str(fix).unwrap();
        self.work(Job::Fix { selection: &selection, fix: &fix }).await
    }

    pub(crate) async fn replay(&self, selection: Selection) -> Result<WorkOutcome> {
        self.work(Job::Replay { selection: &selection, rules: None }).await
    }

    pub(crate) async fn undo(&self, action: &QuarantineActionId) -> Result<WorkOutcome> {
        self.work(Job::Undo { action }).await
    }

    pub(crate) async fn work(&self, job: Job<'_>) -> Result<WorkOutcome> {
        self.work_as(job, Worker::named("Ada")).await
    }

    pub(crate) async fn work_as(&self, job: Job<'_>, worker: Worker<'_>) -> Result<WorkOutcome> {
        let (url, key) = (self.target.url(), Key::new(KEY));
        self.quarantine(&url, &key).work(job, worker).await
    }

    pub(crate) async fn preview(&self, fix: &str, selection: Selection) -> FixPreview {
        let (url, key) = (self.target.url(), Key::new(KEY));
        let fix = Some(serde_norway::from_str(fix).unwrap());
        let request = PreviewRequest { selection, fix, examples: 3 };
        self.quarantine(&url, &key).preview(&request, None).await.unwrap()
    }

    pub(crate) async fn rows(&self) -> Vec<QuarantinedRow> {
        let filter = QuarantineFilter::default();
        let url = self.target.url();
        engine::quarantine::list(&url, &self.run, &filter, None, 1_000).await.unwrap().items
    }

    pub(crate) async fn counts(&self) -> Vec<QuarantineCount> {
        engine::quarantine::counts(&self.target.url(), &self.run).await.unwrap()
    }

    pub(crate) fn quarantine<'a>(&'a self, url: &'a str, key: &'a Key) -> Quarantine<'a> {
        Quarantine { target_url: url, run: &self.run, key, clock: &SystemClock }
    }

    /// The ledger's word on a table: loaded and quarantined.
    pub(crate) fn books(&self, table: usize) -> String {
        self.target.ask(&format!(
            "select sum(loaded) || '/' || sum(quarantined) from own.ledger where table_index = {table}"
        ))
    }
}

pub(crate) fn all() -> Selection {
    Selection::default()
}

pub(crate) fn in_column(column: &str) -> Selection {
    let column = Some(column.to_owned());
    Selection {
        filter: QuarantineFilter { column, ..QuarantineFilter::default() },
        ..Selection::default()
    }
}

pub(crate) fn states(rows: &[QuarantinedRow]) -> Vec<QuarantineState> {
    let mut states: Vec<_> = rows.iter().map(|row| row.state).collect();
    states.sort_unstable();
    states
}

/// Writes a test for a target of each kind.
macro_rules! on_both {
    ($($name:ident;)+) => {
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                Box::pin(super::$name(crate::desk::Target::postgres())).await;
            })+
        }
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                Box::pin(super::$name(crate::desk::Target::sqlite())).await;
            })+
        }
    };
}
pub(crate) use on_both;
