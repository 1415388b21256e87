//! Undoes a run, one of its tables, or a chunk, and leaves everybody else's rows alone.
//!
//! What would happen is found out first, as a whole. As long as something of somebody else stands
//! on what would go, nothing is changed. Then rows go in portions, each a transaction of its own:
//! nobody waits for longer than a chunk takes, and what is killed halfway is finished by the same
//! command.

mod scope;
mod references;
mod survey;
mod rows;
mod objects;
mod undo;

use std::sync::Arc;

use shared::connection::{Engine, without_secret};
use shared::error_code::ErrorCode;
use shared::id::RunId;
use shared::rollback::{Changed, RollbackOutcome, Scope};
use shared::run::RunState;

use crate::clock::Clock;
use crate::error::{EngineError, Result};
use crate::load::{PostgresTarget, Session, SqliteTarget, Target, ledger};
use crate::seal::Key;

pub(crate) use scope::foreign_key_name;
pub(crate) use undo::take_back;

/// What is to be undone, and how.
pub struct Request {
    pub target_url: String,
    pub run_id: RunId,
    pub scope: Scope,
    pub changed: Changed,
    pub effect: Effect,
    /// The key of the installation that made the run.
    pub key: Key,
    pub clock: Arc<dyn Clock>,
}

/// Whether it is done or only looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    Preview,
    Undo,
}

/// Undoes what the request says, or says what undoing it would do.
///
/// A preview names the obstacles; undoing with an obstacle in the way is an error that names the
/// first. Repeating a command that was interrupted goes on where it stopped.
pub async fn roll_back(request: &Request) -> Result<RollbackOutcome> {
    match Engine::of_url(&request.target_url) {
        Some(Engine::Postgres) => {
            in_target(&PostgresTarget::new(&request.target_url), request).await
        }
        Some(Engine::Sqlite) => in_target(&SqliteTarget::new(&request.target_url), request).await,
        _ => Err(EngineError::new(
            ErrorCode::Conn006,
            format!("opening the target {}", without_secret(&request.target_url)),
        )),
    }
}

/// What a target says of a run: one that is being undone is not what it was, also if that did not
/// come to its end. None when the run is not there.
pub async fn run_state(target_url: &str, run: &RunId) -> Result<Option<RunState>> {
    match Engine::of_url(target_url) {
        Some(Engine::Postgres) => told(&PostgresTarget::new(target_url), run).await,
        Some(Engine::Sqlite) => told(&SqliteTarget::new(target_url), run).await,
        _ => Ok(None),
    }
}

async fn told<T: Target>(target: &T, run: &RunId) -> Result<Option<RunState>> {
    let mut session = target.session().await?;
    if !ledger::is_there(&mut session).await? {
        return Ok(None);
    }
    Ok(ledger::run(&mut session, run.as_str()).await?.map(|run| run.state))
}

async fn in_target<T: Target>(target: &T, request: &Request) -> Result<RollbackOutcome> {
    let mut session = target.session().await?;
    if !has_ledger(&mut session).await? {
        return Err(nothing_of(&request.run_id));
    }
    match request.effect {
        Effect::Preview => {
            session.run_script("begin").await?;
            let outcome = undo::preview(&mut session, request).await;
            session.run_script("rollback").await?;
            outcome
        }
        Effect::Undo => {
            let _lock = target.lock().await?.ok_or_else(|| {
                let doing = format!("opening {}", without_secret(&request.target_url));
                EngineError::new(ErrorCode::Load009, doing)
            })?;
            undo::undo(&mut session, request).await
        }
    }
}

/// A target to which nothing was ever loaded has no tables of ours, and gets none by asking.
async fn has_ledger<S: Session>(session: &mut S) -> Result<bool> {
    let engine = session.engine();
    let name = ledger::table(engine, "tables");
    let sql = match engine {
        Engine::Postgres => format!("select to_regclass('{name}')::text"),
        _ => format!("select name from sqlite_master where name = '{name}'"),
    };
    let found = session.fetch(&sql, &[]).await?;
    Ok(found.into_iter().flatten().flatten().next().is_some())
}

fn nothing_of(run: &RunId) -> EngineError {
    EngineError::new(ErrorCode::Load023, format!("undoing run {run}"))
}
