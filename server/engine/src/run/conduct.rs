//! From opening both sides to closing the books.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use shared::assessment::Catalog;
use shared::connection::{Engine, without_secret};
use shared::error_code::ErrorCode;
use shared::run::{Phase, RunOutcome};
use tokio::sync::Mutex;
use tokio::time::sleep;

use super::begin::{Begun, begin, completed_before};
use super::board::Board;
use super::builders::{Builders, Built};
use super::close::causes;
use super::crew::{Crew, Order};
use super::governor::{Sparing, Watcher};
use super::patience::{Next, Patience, Tries};
use super::records::records;
use super::tables::tables;
use super::work::Copied;
use super::{Request, finish, watchdog};
use crate::assess::catalog;
use crate::connect::Source;
use crate::error::{EngineError, Result};
use crate::extract::Snapshot;
use crate::load::blueprint::{self, Blueprint};
use crate::load::claim::{self, Claim, LeftBy};
use crate::load::ledger::{self, RunRecord};
use crate::load::{Session, Target};
use crate::map::{self, check};
use crate::merge;

pub(super) async fn conduct<T: Target + 'static>(
    target: T,
    request: Request,
    crew: Option<Crew>,
) -> Result<RunOutcome> {
    let began = Instant::now();
    let board = Arc::new(Board::new(&request.plan, request.progress.clone()));
    let source = Source::open(&request.source_url).await?;
    let source_catalog = catalog::of_source(&source).await?;
    // Until the plan is found to be good, a target that is a file is not even made.
    let target_catalog = map::catalog_of_target(&request.target_url).await?;
    let unfinished = map::tables_of_unfinished_runs(&request.target_url).await?;
    let known = Some((&target_catalog, &unfinished));
    refuse_problems(&check::check(&request.plan, &source_catalog, known))?;
    let records = records(&request.plan, &target_catalog, &HashSet::new());
    tables(
        &request.plan,
        &request.key,
        source.engine(),
        &source_catalog,
        &target_catalog,
        &records,
    )?;
    let mut seat: Seat<T> = Seat { session: target.session().await?, lock: None };
    seat.lock = Some(lock(&target, &request).await?);
    let own = ledger::create_statements(target.engine());
    for statement in own.iter().chain(&merge::create_statements(target.engine())) {
        seat.session.run_script(statement).await?;
    }
    let (run, is_new) = match begin(&mut seat.session, &request).await? {
        Begun::Completed(run) => {
            return completed_before(&mut seat.session, &request, &run, began).await;
        }
        Begun::Continued(run) => (run, false),
        Begun::New(run) => (run, true),
    };
    let claim = take_over(&mut seat.session, &run.run_id, &request).await?;
    let patience = Arc::new(Patience::of_seconds(request.plan.options.patience_seconds));
    let target = Arc::new(target);
    let watch = watchdog::watch(target.as_ref(), Arc::clone(&board), claim.clone());
    // SQLite has one writer, which is this process.
    let crew = Mutex::new(crew.filter(|_| target.engine() == Engine::Postgres));
    let work =
        Work { request, target: Arc::clone(&target), board, patience, run, claim, is_new, crew };
    let done = tokio::select! {
        done = work.carry_out(&mut seat, &source, &source_catalog) => done,
        never = watch => match never {},
    };
    work.close(&mut seat, done, began).await
}

/// Takes the target's lock. A process that ended a moment ago may hold it until its server
/// notices.
async fn lock<T: Target>(target: &T, request: &Request) -> Result<Box<dyn Send>> {
    let since = Instant::now();
    loop {
        if let Some(lock) = target.lock().await? {
            return Ok(lock);
        }
        if since.elapsed() > LOCK_WAIT {
            let doing = format!("opening {}", without_secret(&request.target_url));
            return Err(EngineError::new(ErrorCode::Load009, doing));
        }
        sleep(LOCK_PAUSE).await;
    }
}

const LOCK_WAIT: Duration = Duration::from_secs(3);
const LOCK_PAUSE: Duration = Duration::from_millis(100);

/// Makes a run this process's own: what others still try to commit for it is refused, and what
/// they left open in the target is rolled back.
pub(super) async fn take_over<S: Session>(
    session: &mut S,
    run_id: &str,
    request: &Request,
) -> Result<Claim> {
    let claim = claim::take(session, run_id, &this_process(), request.clock.now()).await?;
    claim::name_session(session, &claim.session_name("conductor")).await?;
    if let Err(error) = claim::end_sessions(session, LeftBy::EarlierProcesses(&claim)).await {
        // Without the right to end them, they are waited for.
        tracing::warn!(run.id = %run_id, "sessions of an earlier process were left alone: {error}");
    }
    Ok(claim)
}

/// This process and its machine, for people.
pub fn this_process() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("process {} on {}", std::process::id(), host.trim())
}

/// The conductor's own place in the target.
pub(super) struct Seat<T: Target> {
    pub(super) session: T::Session,
    /// Keeps other runs out; none while it has to be taken again.
    lock: Option<Box<dyn Send>>,
}

/// A run under way, with everything that its steps share.
pub(super) struct Work<T: Target> {
    pub(super) request: Request,
    pub(super) target: Arc<T>,
    pub(super) board: Arc<Board>,
    pub(super) patience: Arc<Patience>,
    pub(super) run: RunRecord,
    pub(super) claim: Claim,
    pub(super) is_new: bool,
    /// Workers in other processes, if the run has any.
    pub(super) crew: Mutex<Option<Crew>>,
}

/// The conductor among those who try something again.
const CONDUCTOR: usize = usize::MAX;

/// How far the steps went.
pub(super) enum Done {
    Everything,
    /// Somebody asked the run to stop.
    Stopped,
}

impl<T: Target + 'static> Work<T> {
    /// Everything from the first statement that writes to the last. What fails for a passing
    /// reason is tried again as a whole, the way a run is continued.
    async fn carry_out(
        &self,
        seat: &mut Seat<T>,
        source: &Source,
        source_catalog: &Catalog,
    ) -> Result<Done> {
        self.board.enter(Phase::Preparing);
        self.prepare(&mut seat.session).await?;
        let mut tries = Tries::new();
        loop {
            let error = match self.attempt(seat, source, source_catalog, tries.count() > 0).await {
                Ok(Copied::Everything) => return Ok(Done::Everything),
                Ok(Copied::Stopped) => return Ok(Done::Stopped),
                Ok(Copied::SnapshotLost) => EngineError::new(
                    ErrorCode::Conn005,
                    format!("reading {source}: the state that the run reads is gone"),
                ),
                Err(error) => error,
            };
            let Next::Again { pause, retry } = self.patience.next(&error, &mut tries) else {
                return Err(error);
            };
            tracing::warn!(run.id = %self.run.run_id, code = %retry.code, tries = retry.tries,
                cause = ?causes(&error), "tried again in {pause:.1?}: {}", retry.message);
            self.board.retrying(CONDUCTOR, retry);
            tokio::select! {
                () = sleep(pause) => {}
                () = self.request.stop.requested() => return Ok(Done::Stopped),
            }
        }
    }

    async fn attempt(
        &self,
        seat: &mut Seat<T>,
        source: &Source,
        source_catalog: &Catalog,
        is_again: bool,
    ) -> Result<Copied> {
        if is_again {
            self.sit_again(seat).await?;
        }
        let plan = &self.request.plan;
        let workers = self.request.workers_into(self.target.engine());
        let session = &mut seat.session;
        let target_catalog = session.catalog().await?;
        let records = ledger::tables(session, &self.run.run_id).await?;
        let key = &self.request.key;
        let tables = tables(plan, key, source.engine(), source_catalog, &target_catalog, &records)?;
        let reads = tables.iter().map(|table| table.read.clone()).collect();
        blueprint::insert(session, &self.run.run_id, &Blueprint::new(plan, reads)).await?;
        let sparing = self.sparing();
        sparing.await_window(&self.request.stop).await?;
        if self.request.stop.is_requested() {
            return Ok(Copied::Stopped);
        }
        let governor = sparing.begin(source, workers, self.batch_bytes(workers));
        let mut snapshot = Snapshot::open(source, workers).await?;
        if let Some(note) = snapshot.note() {
            self.board.note(note);
        }
        let Some(jobs) = self.cut(session, &mut snapshot, &tables, &governor).await? else {
            return Ok(Copied::Stopped);
        };
        self.board.done_retrying(CONDUCTOR);
        self.decide_before_load(session, source, source_catalog, &mut snapshot).await?;
        self.board.enter(Phase::Copying);
        let levels = self.levels(session, jobs).await?;
        let ticket = snapshot.ticket().clone();
        let (readers, hold) = snapshot.into_parts();
        self.publish(Some(self.order(&ticket))).await;
        let builders = Builders::begin(self, session, &records, workers).await?;
        let copied = self.copy(source, &ticket, readers, levels, &governor).await;
        drop(governor);
        self.publish(None).await;
        drop(hold);
        if !matches!(copied, Ok(Copied::Everything)) {
            builders.break_off().await;
            return copied;
        }
        self.board.enter(Phase::Finishing);
        self.claim.hold(session).await?;
        let Built::Everything(references) = builders.finish(&self.request.stop).await? else {
            return Ok(Copied::Stopped);
        };
        let run = (&self.run, &self.claim);
        let request = &self.request;
        finish::finish(&self.target, session, request, run, &self.board, references).await?;
        if self.merge_duplicates(session).await? {
            return Ok(Copied::Stopped);
        }
        self.board.enter(Phase::Closing);
        copied
    }

    fn sparing(&self) -> Sparing {
        let Request { plan, source_url, clock, .. } = &self.request;
        Sparing::of(plan, source_url, clock, Arc::clone(&self.board) as Arc<dyn Watcher>)
    }

    /// Invites workers of other processes, or sends them away.
    async fn publish(&self, order: Option<Order>) {
        if let Some(crew) = self.crew.lock().await.as_ref() {
            crew.orders.send_replace(order);
        }
    }

    /// Opens the conductor's session anew and takes the lock again, if the run is still its own.
    async fn sit_again(&self, seat: &mut Seat<T>) -> Result<()> {
        seat.lock = None;
        seat.session = self.target.session().await?;
        claim::name_session(&mut seat.session, &self.claim.session_name("conductor")).await?;
        seat.lock = Some(lock(self.target.as_ref(), &self.request).await?);
        self.claim.hold(&mut seat.session).await
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
