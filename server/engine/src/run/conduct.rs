//! From opening both sides to closing the books.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use shared::assessment::Catalog;
use shared::connection::{Engine, without_secret};
use shared::error_code::ErrorCode;
use shared::run::{Phase, RunOutcome};

use super::begin::{Begun, begin, completed_before};
use super::board::Board;
use super::records::records;
use super::tables::tables;
use super::{Request, finish};
use crate::assess::catalog;
use crate::connect::Source;
use crate::error::{EngineError, Result};
use crate::extract::Snapshot;
use crate::load::ledger::{self, RunRecord};
use crate::load::{Session, Target};
use crate::map::{self, check};
use crate::merge;

pub(super) async fn conduct<T: Target + 'static>(
    target: T,
    request: Request,
) -> Result<RunOutcome> {
    let began = Instant::now();
    let board = Arc::new(Board::new(&request.plan, request.progress.clone()));
    let source = Source::open(&request.source_url).await?;
    let source_catalog = catalog::of_source(&source).await?;
    // Until the plan is found to be good, a target that is a file is not even made.
    let target_catalog = map::catalog_of_target(&request.target_url).await?;
    refuse_problems(&check::check(&request.plan, &source_catalog, Some(&target_catalog)))?;
    let records = records(&request.plan, &target_catalog, &HashSet::new());
    tables(&request, source.engine(), &source_catalog, &target_catalog, &records)?;
    let mut session = target.session().await?;
    let _lock = target.lock().await?.ok_or_else(|| {
        EngineError::new(
            ErrorCode::Load009,
            format!("opening {}", without_secret(&request.target_url)),
        )
    })?;
    let own = ledger::create_statements(target.engine());
    for statement in own.iter().chain(&merge::create_statements(target.engine())) {
        session.run_script(statement).await?;
    }
    let (run, is_new) = match begin(&mut session, &request).await? {
        Begun::Completed(run) => {
            return completed_before(&mut session, &request, &run, began).await;
        }
        Begun::Continued(run) => (run, false),
        Begun::New(run) => (run, true),
    };
    let work = Work { request, target: Arc::new(target), board, run, is_new };
    let done = work.carry_out(&mut session, &source, &source_catalog).await;
    work.close(&mut session, done, began).await
}

/// A run under way, with everything that its steps share.
pub(super) struct Work<T: Target> {
    pub(super) request: Request,
    pub(super) target: Arc<T>,
    pub(super) board: Arc<Board>,
    pub(super) run: RunRecord,
    pub(super) is_new: bool,
}

/// How far the steps went.
pub(super) enum Done {
    Everything,
    /// Somebody asked the run to stop.
    Stopped,
}

impl<T: Target + 'static> Work<T> {
    async fn carry_out(
        &self,
        session: &mut T::Session,
        source: &Source,
        source_catalog: &Catalog,
    ) -> Result<Done> {
        let plan = &self.request.plan;
        let workers = match self.target.engine() {
            // SQLite has one writer.
            Engine::Sqlite => 1,
            _ => usize::from(self.request.workers.unwrap_or(plan.options.workers).max(1)),
        };
        self.board.enter(Phase::Preparing);
        self.prepare(session).await?;
        let target_catalog = session.catalog().await?;
        let records = ledger::tables(session, &self.run.run_id).await?;
        let tables =
            tables(&self.request, source.engine(), source_catalog, &target_catalog, &records)?;
        let mut snapshot = Snapshot::open(source, workers).await?;
        let jobs = self.cut(session, &mut snapshot, &tables).await?;
        self.decide_before_load(session, source, source_catalog, &mut snapshot).await?;
        self.board.enter(Phase::Copying);
        let levels = self.levels(session, jobs).await?;
        if !levels.is_empty() && self.copy(snapshot.into_readers(), levels).await? {
            return Ok(Done::Stopped);
        }
        self.board.enter(Phase::Finishing);
        finish::finish(self.target.as_ref(), session, &self.request, &self.run, &self.board)
            .await?;
        if self.merge_duplicates(session).await? {
            return Ok(Done::Stopped);
        }
        self.board.enter(Phase::Closing);
        Ok(Done::Everything)
    }
}

/// A table's place in the plan, as the ledger writes it.
pub(super) fn place(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

fn refuse_problems(problems: &[shared::plan::PlanProblem]) -> Result<()> {
    let Some(first) = problems.first() else { return Ok(()) };
    let more = match problems.len() {
        1 => String::new(),
        count => format!(" (and {} more)", count - 1),
    };
    Err(EngineError::new(first.code, format!("{}: {}{more}", first.at, first.message)))
}
