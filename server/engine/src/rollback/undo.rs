//! From what is asked for to what was done.

use std::sync::Arc;

use shared::error_code::ErrorCode;
use shared::id::RunId;
use shared::rollback::{Changed, RollbackOutcome, Scope};
use shared::run::RunState;

use super::references::refusal;
use super::scope::Undoing;
use super::{Effect, Request};
use crate::clock::Clock;
use crate::error::{EngineError, Result};
use crate::load::claim::{self, LeftBy};
use crate::load::ledger::{self, RunRecord};
use crate::load::{Session, mark};
use crate::map::target_name;
use crate::merge::{self, Graph};
use crate::seal::Key;

/// What undoing would do.
pub(super) async fn preview<S: Session>(
    session: &mut S,
    request: &Request,
) -> Result<RollbackOutcome> {
    mark::prepare(session, &request.key).await?;
    let undoing = Undoing::read(session, request).await?;
    let undoing = match undoing.take_merges_back(session, request, Within::Transaction).await? {
        0 => undoing,
        // The books are others now, and so are the rows.
        _ => Undoing::read(session, request).await?,
    };
    let tables = undoing.survey(session).await?;
    let obstacles = undoing.obstacles(session).await?;
    let run_state = if obstacles.is_empty() { undoing.state_after() } else { undoing.run.state };
    Ok(RollbackOutcome {
        run_id: request.run_id.clone(),
        scope: request.scope.clone(),
        dry_run: true,
        run_state,
        objects: undoing.survey_objects(&tables),
        tables,
        obstacles,
    })
}

/// Undoes it. The caller has the target's lock.
pub(super) async fn undo<S: Session>(
    session: &mut S,
    request: &Request,
) -> Result<RollbackOutcome> {
    mark::prepare(session, &request.key).await?;
    let undoing = Undoing::read(session, request).await?;
    take_over(session, &undoing.run.run_id, request).await?;
    let undoing = match undoing.take_merges_back(session, request, Within::Nothing).await? {
        0 => undoing,
        _ => Undoing::read(session, request).await?,
    };
    let run_id = &undoing.run.run_id;
    session.run_script("begin").await?;
    let looked = async {
        let tables = undoing.survey(session).await?;
        Ok::<_, EngineError>((tables, undoing.obstacles(session).await?))
    }
    .await;
    session.run_script("rollback").await?;
    let (mut tables, obstacles) = looked?;
    if let Some(refusal) = refusal(run_id, &obstacles) {
        return Err(refusal);
    }
    // From here on the run is not what it was, also if this does not come to its end.
    let under_way = if undoing.is_whole() { RunState::RollingBack } else { undoing.state_after() };
    ledger::set_state(session, run_id, under_way, request.clock.now()).await?;
    undoing.undo_rows(session, &mut tables).await?;
    let predicted: Vec<bool> = tables.iter().map(|table| table.dropped).collect();
    let objects = undoing.undo_objects(session, &mut tables).await?;
    for (place, was_to_go) in predicted.into_iter().enumerate() {
        // Somebody wrote to the table, or made something that needs it, at the last moment.
        if was_to_go && undoing.tables[place].exists && !tables[place].dropped {
            undoing.undo_table(session, &undoing.tables[place], &mut tables[place]).await?;
        }
    }
    let outcome = RollbackOutcome {
        run_id: request.run_id.clone(),
        scope: request.scope.clone(),
        dry_run: false,
        run_state: undoing.state_after(),
        tables,
        objects,
        obstacles,
    };
    if undoing.is_whole() {
        session.run_script("begin").await?;
        let ended = async {
            if outcome.is_whole() {
                ledger::forget(session, run_id).await?;
                merge::forget(session, run_id).await?;
            }
            let now = request.clock.now();
            ledger::set_state(session, run_id, outcome.run_state, now).await
        }
        .await;
        crate::load::end(session, ended).await?;
    }
    tracing::info!(run.id = %run_id, rows_left = outcome.rows_left(), "undid run {run_id}");
    Ok(outcome)
}

/// Makes the run nobody's else: a process that was stopped and comes back commits nothing into what
/// is undone, be it the run or a part of it.
async fn take_over<S: Session>(session: &mut S, run_id: &str, request: &Request) -> Result<()> {
    let claim = claim::take(session, run_id, "rollback", request.clock.now()).await?;
    if let Err(error) = claim::end_sessions(session, LeftBy::EarlierProcesses(&claim)).await {
        // Without the right to end them, they are waited for.
        tracing::warn!(run.id = %run_id, "sessions of an earlier process were left alone: {error}");
    }
    Ok(())
}

/// Whether a transaction is open already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Within {
    Transaction,
    Nothing,
}

impl Undoing {
    /// Takes back the merges that rows of the run took part in: then each row is what the run
    /// left, and is found as such. Gives how many there were.
    async fn take_merges_back<S: Session>(
        &self,
        session: &mut S,
        request: &Request,
        within: Within,
    ) -> Result<usize> {
        let run_id = &self.run.run_id;
        let table = request.scope.table().map(|table| target_name(self.catalog.engine, table));
        let merges = merge::standing_on(session, run_id, table.as_ref()).await?;
        if merges.is_empty() {
            return Ok(0);
        }
        let graph = Graph::new(&self.catalog, None);
        for id in &merges {
            if within == Within::Nothing {
                session.run_script("begin").await?;
            }
            let now = request.clock.now();
            let done = merge::take_back(session, &graph, id, &request.key, "rollback", now).await;
            match within {
                Within::Nothing => drop(crate::load::end(session, done).await?),
                Within::Transaction => drop(done?),
            }
        }
        Ok(merges.len())
    }

    /// A run of which a part was undone can do that part again.
    const fn state_after(&self) -> RunState {
        match self.scope {
            Scope::Run => RunState::RolledBack,
            Scope::Table { .. } | Scope::Chunk { .. } => RunState::Paused,
        }
    }
}

/// Undoes a run that is in the way of a fresh start. The caller has the target's lock.
pub(crate) async fn take_back<S: Session>(
    session: &mut S,
    run: &RunRecord,
    key: &Key,
    clock: Arc<dyn Clock>,
) -> Result<()> {
    let run_id = RunId::parse(&run.run_id).map_err(|error| {
        EngineError::new(ErrorCode::Sys001, "reading the id of an earlier run").because(error)
    })?;
    let request = Request {
        target_url: String::new(),
        run_id,
        scope: Scope::Run,
        changed: Changed::Leave,
        effect: Effect::Undo,
        key: key.clone(),
        clock,
    };
    undo(session, &request).await.map(drop)
}
