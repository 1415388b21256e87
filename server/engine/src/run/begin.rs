//! What there is to do: a new run, one to go on with, or one that is through already.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use shared::error_code::ErrorCode;
use shared::run::{OutcomeStatus, Phase, RunOutcome, RunState};

use super::board::Board;
use super::close::outcome;
use super::conduct::{place, take_over};
use super::{Request, Start, work_hash};
use crate::error::{EngineError, Result};
use crate::load::Session;
use crate::load::ledger::{self, RunRecord};
use crate::load::schema::Kind;
use crate::map::target_name;
use crate::rollback::take_back;

/// What there is to do about earlier runs of the plan.
pub(super) enum Begun {
    New(RunRecord),
    Continued(RunRecord),
    Completed(RunRecord),
}

pub(super) async fn begin<S: Session>(session: &mut S, request: &Request) -> Result<Begun> {
    let hash = work_hash(&request.plan);
    let earlier = ledger::find_run(session, &hash).await?;
    let mut in_the_way = others_in_the_way(session, request, &hash).await?;
    match (request.start, earlier) {
        (Start::Fresh, earlier) => {
            in_the_way.extend(earlier);
            for run in &in_the_way {
                take_over(session, &run.run_id, request).await?;
                take_back(session, run, &request.key, Arc::clone(&request.clock)).await?;
            }
        }
        (Start::Continue, Some(run)) if run.state == RunState::Completed => {
            return Ok(Begun::Completed(run));
        }
        (Start::Continue, Some(run)) if run.state == RunState::RollingBack => {
            let doing = format!("continuing with run {}", run.run_id);
            return Err(EngineError::new(ErrorCode::Load022, doing));
        }
        (Start::Continue, Some(run)) => return Ok(Begun::Continued(run)),
        (Start::Continue, None) => {
            if let Some(other) = in_the_way.first() {
                let (id, plan) = (&other.run_id, &other.plan_name);
                let doing = format!("beginning a run: run {id} of the plan {plan} is unfinished");
                return Err(EngineError::new(ErrorCode::Load007, doing));
            }
        }
    }
    Ok(Begun::New(RunRecord {
        run_id: request.run_id.to_string(),
        plan_hash: hash,
        plan_name: request.plan.name.clone(),
        state: RunState::Running,
    }))
}

/// Unfinished runs of other plans that made a table into which this one would load, and of other
/// versions of this plan.
async fn others_in_the_way<S: Session>(
    session: &mut S,
    request: &Request,
    hash: &str,
) -> Result<Vec<RunRecord>> {
    let engine = session.engine();
    let plan = &request.plan;
    let targets: HashSet<String> =
        plan.tables.iter().map(|m| target_name(engine, &m.target).to_string()).collect();
    let mut others = Vec::new();
    for run in ledger::unfinished_runs(session).await? {
        if run.plan_hash == hash {
            continue;
        }
        let objects = ledger::objects(session, &run.run_id).await?;
        let shares_a_table = objects
            .iter()
            .any(|made| made.kind == Kind::Table.as_str() && targets.contains(&made.name));
        if shares_a_table || run.plan_name == plan.name {
            others.push(run);
        }
    }
    Ok(others)
}

/// The run of this very plan is through already: its outcome is told again.
pub(super) async fn completed_before<S: Session>(
    session: &mut S,
    request: &Request,
    run: &RunRecord,
    began: Instant,
) -> Result<RunOutcome> {
    let board = Board::new(&request.plan, request.progress.clone());
    let entries = ledger::entries(session, &run.run_id).await?;
    for index in 0..request.plan.tables.len() {
        let chunks = ledger::chunks(session, &run.run_id, place(index)).await?;
        board.planned(index, chunks.iter().map(|chunk| chunk.rows).sum(), chunks.len());
    }
    for entry in &entries {
        board.committed(entry);
    }
    board.enter(Phase::Done);
    outcome(&board, run, OutcomeStatus::Completed, None, began)
}
