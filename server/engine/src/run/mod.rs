//! The conductor: carries a plan out, from two URLs to books that close.

mod stop;
mod patience;
pub(crate) mod governor;
mod board;
mod transaction;
mod duplicates;
mod conduct;
mod watchdog;
mod begin;
mod prepare;
mod records;
pub(crate) mod tables;
mod cut;
mod levels;
mod queue;
mod share;
mod work;
mod crew;
mod helper;
mod escalate;
mod copy;
mod builders;
mod foreign_keys;
mod finish;
mod set_aside;
mod close;
mod rehearse;

use std::sync::Arc;

use shared::connection::{Engine, without_secret};
use shared::error_code::ErrorCode;
use shared::id::RunId;
use shared::plan::Plan;
use shared::run::{Progress, RunOutcome};
use tokio::sync::watch;

pub use conduct::this_process;
pub use crew::{Crew, Offer, Order, Report};
pub use duplicates::{Decide, Matcher, PeopleStream};
pub use helper::Helper;
pub(crate) use rehearse::at_once;
pub use rehearse::rehearse;
pub use stop::Stop;

pub use crate::load::ledger::{plan_hash, work_hash};

use crate::clock::Clock;
use crate::error::{EngineError, Result};
use crate::load::{PostgresTarget, SqliteTarget};
use crate::seal::Key;

/// What is to be run, and how.
pub struct Request {
    pub plan: Plan,
    pub source_url: String,
    pub target_url: String,
    /// The id of the run when it is a new one. A run that is continued keeps its own.
    pub run_id: RunId,
    /// How many chunks are copied at once; else as the plan says.
    pub workers: Option<u16>,
    pub start: Start,
    /// What rows in quarantine are sealed with.
    pub key: Key,
    /// Takes the latest picture of the run.
    pub progress: watch::Sender<Option<Progress>>,
    pub stop: Stop,
    pub clock: Arc<dyn Clock>,
    /// Who is the same person, which the engine cannot know; none leaves everybody as they are.
    pub matcher: Option<Matcher>,
}

impl Request {
    /// How many work at once in a target.
    fn workers_into(&self, target: Engine) -> usize {
        match target {
            // It has one writer.
            Engine::Sqlite => 1,
            _ => usize::from(self.workers.unwrap_or(self.plan.options.workers).max(1)),
        }
    }
}

/// What to do about an earlier run of the same plan.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Start {
    /// An unfinished run goes on where it stopped; a finished one stays as it is.
    #[default]
    Continue,
    /// What an unfinished or finished run of this plan made is taken back first.
    Fresh,
}

/// Runs a plan, or continues its unfinished run.
///
/// The outcome tells what came of it, also of a run that stopped or whose books do not close. An
/// error means that the run could not begin, or could not be written down.
pub async fn migrate(request: Request) -> Result<RunOutcome> {
    migrate_with(request, None).await
}

/// The same, with workers in other processes.
pub async fn migrate_with(request: Request, crew: Option<Crew>) -> Result<RunOutcome> {
    on_a_thread(move || conducted(request, crew)).await
}

/// Works on a thread of its own: what conducts a run borrows too much of itself to be passed from
/// one thread to another, as a task would be. It does not keep the process from ending.
async fn on_a_thread<F, V>(work: impl FnOnce() -> F + Send + 'static) -> Result<V>
where
    F: Future<Output = Result<V>>,
    V: Send + 'static,
{
    let runtime = tokio::runtime::Handle::current();
    let (done, outcome) = tokio::sync::oneshot::channel();
    let conductor = std::thread::Builder::new().name("conductor".to_owned()).spawn(move || {
        // An error means that nobody waits for the outcome any more.
        let _ = done.send(runtime.block_on(work()));
    });
    let doing = "carrying out the run";
    conductor.map_err(|error| EngineError::new(ErrorCode::Sys001, doing).because(error))?;
    outcome.await.map_err(|gone| EngineError::new(ErrorCode::Sys001, doing).because(gone))?
}

async fn conducted(request: Request, crew: Option<Crew>) -> Result<RunOutcome> {
    match Engine::of_url(&request.target_url) {
        Some(Engine::Postgres) => {
            let target = PostgresTarget::new(&request.target_url);
            Box::pin(conduct::conduct(target, request, crew)).await
        }
        Some(Engine::Sqlite) => {
            let target = SqliteTarget::new(&request.target_url);
            Box::pin(conduct::conduct(target, request, crew)).await
        }
        _ => Err(no_target(&request.target_url)),
    }
}

fn no_target(url: &str) -> EngineError {
    EngineError::new(
        ErrorCode::Conn006,
        format!(
            "opening the target {}: only PostgreSQL and SQLite can be written to",
            without_secret(url)
        ),
    )
}

/// The most memory that this process ever held, in bytes, as the system counts it.
pub fn peak_rss_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes =
        line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    kilobytes.unwrap_or_default() * 1024
}
