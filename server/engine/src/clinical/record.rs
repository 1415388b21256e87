//! What the target keeps of checks: what was counted, under which thresholds, and when.

use shared::clinical::ClinicalOutcome;
use shared::connection::Engine;
use shared::error_code::ErrorCode;
use shared::plan::Plan;

use crate::error::{EngineError, Result};
use crate::load::ledger::{self, work_hash};
use crate::load::{Param, Session};

pub(super) fn create_statements(engine: Engine) -> Vec<String> {
    let mut statements = ledger::create_statements(engine);
    statements.push(format!(
        "create table if not exists {} (
            id text primary key,
            -- The run by which the plan's rows came into the target, as far as it is known.
            run_id text,
            plan_hash text not null,
            plan_name text not null,
            judged_at text not null,
            outcome text not null
        )",
        ledger::table(engine, "clinical_checks")
    ));
    statements
}

pub(super) async fn insert<S: Session>(
    session: &mut S,
    id: &str,
    plan: &Plan,
    outcome: &ClinicalOutcome,
) -> Result<()> {
    let hash = work_hash(plan);
    let run = ledger::find_run(session, &hash).await?.map(|run| run.run_id);
    let document = serde_json::to_string(outcome).map_err(unreadable)?;
    let sql = format!(
        "insert into {} (id, run_id, plan_hash, plan_name, judged_at, outcome)
         values ($1, $2, $3, $4, $5, $6)",
        ledger::table(session.engine(), "clinical_checks")
    );
    let params = [
        Param::Text(id),
        Param::OptionalText(run.as_deref()),
        Param::Text(&hash),
        Param::Text(&plan.name),
        Param::Text(&outcome.judged_at.to_rfc3339()),
        Param::Text(&document),
    ];
    session.execute(&sql, &params).await.map(drop)
}

/// What was kept last for the plan; none when nothing was.
pub(super) async fn last<S: Session>(
    session: &mut S,
    plan: &Plan,
) -> Result<Option<ClinicalOutcome>> {
    if !is_kept(session).await? {
        return Ok(None);
    }
    let sql = format!(
        "select outcome from {} where plan_hash = $1 order by judged_at desc, id limit 1",
        ledger::table(session.engine(), "clinical_checks")
    );
    let rows = session.fetch(&sql, &[Param::Text(&work_hash(plan))]).await?;
    rows.into_iter().flatten().flatten().next().map(|text| read(&text)).transpose()
}

/// Everything that was kept for a run, in the order in which it was judged.
pub(crate) async fn of_run<S: Session>(session: &mut S, run: &str) -> Result<Vec<ClinicalOutcome>> {
    if !is_kept(session).await? {
        return Ok(Vec::new());
    }
    let sql = format!(
        "select outcome from {} where run_id = $1 order by judged_at, id",
        ledger::table(session.engine(), "clinical_checks")
    );
    let rows = session.fetch(&sql, &[Param::Text(run)]).await?;
    rows.into_iter().flatten().flatten().map(|text| read(&text)).collect()
}

async fn is_kept<S: Session>(session: &mut S) -> Result<bool> {
    let sql = match session.engine() {
        Engine::Postgres => "select to_regclass('transfuse.clinical_checks')::text",
        _ => "select max(name) from sqlite_schema where name = '_transfuse_clinical_checks'",
    };
    let found = session.fetch(sql, &[]).await?;
    Ok(found.into_iter().flatten().flatten().next().is_some())
}

fn read(text: &str) -> Result<ClinicalOutcome> {
    serde_json::from_str(text).map_err(unreadable)
}

fn unreadable(error: serde_json::Error) -> EngineError {
    EngineError::new(ErrorCode::Sys001, "reading what was kept of checks").because(error)
}
