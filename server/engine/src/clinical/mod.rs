//! Clinical checks: counts, inside the databases, what cannot be true, is missing or has not the
//! form that it has to have.
//!
//! Each check is one statement that brings back two numbers; no row leaves a database. The same
//! question is asked of the source where the plan relates the columns one to one, so that it can be
//! told what was so before anything was moved. A check that a database refuses is a result like
//! others: the rest is made all the same.

mod form;
mod statement;
mod sides;
mod merged;
mod record;

use std::sync::Arc;
use std::time::Instant;

use chrono::{DateTime, Utc};
use shared::clinical::{CheckOutcome, ClinicalOutcome, Measure};
use shared::connection::Engine;
use shared::error_code::ErrorCode;
use shared::plan::{Plan, PlannedCheck};

use crate::clock::Clock;
use crate::connect::Source;
use crate::error::{EngineError, Result};
use crate::load::{PostgresTarget, Session, SqliteTarget, Target as _};
use crate::seal::Key;
use crate::verify;
use merged::Merged;
use sides::{Side, refused};

pub(crate) use record::of_run;

/// What is to be checked.
pub struct Request {
    pub plan: Plan,
    pub source_url: String,
    pub target_url: String,
    /// The key of the run: what merges took is sealed with it.
    pub key: Key,
    pub clock: Arc<dyn Clock>,
}

/// Makes every check of the plan, in full, and keeps what was counted in the target.
pub async fn make(request: &Request) -> Result<ClinicalOutcome> {
    let began = Instant::now();
    let at = request.clock.now();
    let mut target = Side::target(&request.plan, &request.target_url).await?;
    let mut source = Side::source(&request.plan, &request.source_url).await;
    let merged = Merged::load(request).await;
    let mut checks = Vec::new();
    for planned in request.plan.checks.all() {
        checks.push(outcome(planned, &mut target, &mut source, &merged, at).await);
    }
    // A SQLite file that somebody reads cannot be put in order.
    drop((target, source));
    let outcome = ClinicalOutcome {
        passed: !checks.iter().any(CheckOutcome::blocks),
        measured_at: at,
        judged_at: at,
        checks,
        left_out: request.plan.checks.left_out(),
        seconds: began.elapsed().as_secs_f64(),
    };
    keep(request, &outcome).await?;
    Ok(outcome)
}

/// Holds what was counted last against the thresholds and severities of the plan as it is now, and
/// keeps that. No table is asked. None when nothing was counted for the plan.
pub async fn judge_again(request: &Request) -> Result<Option<ClinicalOutcome>> {
    let Some(last) = last(request).await? else { return Ok(None) };
    let outcome = judged(&last, &request.plan, request.clock.now());
    keep(request, &outcome).await?;
    Ok(Some(outcome))
}

/// What was counted, under the thresholds and severities of a plan. A check that the plan has no
/// more is left out, and so is one that was not counted: it can only be made.
pub fn judged(last: &ClinicalOutcome, plan: &Plan, at: DateTime<Utc>) -> ClinicalOutcome {
    let planned = plan.checks.all();
    let checks: Vec<CheckOutcome> = last
        .checks
        .iter()
        .filter_map(|counted| {
            let now = planned.iter().find(|planned| planned.check.key == counted.key)?;
            let check = &now.check;
            let is_same = check.table == counted.table
                && check.test.description().template == counted.template
                && check.test.own_columns(&check.table) == counted.columns;
            is_same.then(|| {
                let titled = CheckOutcome {
                    title: check.title().to_owned(),
                    severity: check.severity,
                    ..counted.clone()
                };
                titled.under(check.threshold)
            })
        })
        .collect();
    ClinicalOutcome {
        passed: !checks.iter().any(CheckOutcome::blocks),
        measured_at: last.measured_at,
        judged_at: at,
        checks,
        left_out: plan.checks.left_out(),
        seconds: last.seconds,
    }
}

async fn outcome(
    planned: PlannedCheck,
    target: &mut Side,
    source: &mut Side,
    merged: &Result<Merged>,
    at: DateTime<Utc>,
) -> CheckOutcome {
    let PlannedCheck { check, set, guards } = planned;
    let began = Instant::now();
    let today = at.date_naive();
    let (mut there, sql) = target.ask(&check, today).await;
    let (before, _) = source.ask(&check, today).await;
    if check.test.compares_sides() {
        there = match merged {
            Ok(merged) => fewer(&before, there, merged.of(&check)),
            Err(error) => refused(error),
        };
    }
    let description = check.test.description();
    CheckOutcome {
        title: check.title().to_owned(),
        kind: description.kind,
        template: description.template.to_owned(),
        columns: check.test.own_columns(&check.table),
        status: there.judge(check.threshold),
        key: check.key,
        set,
        guards,
        table: check.table,
        severity: check.severity,
        threshold: check.threshold,
        target: there,
        source: before,
        sql,
        seconds: began.elapsed().as_secs_f64(),
    }
}

/// How many the target has fewer of than the source, of how many, but for those that merges took. Each
/// side counted as if nothing violated: its number is the denominator.
fn fewer(source: &Measure, target: Measure, merged: i64) -> Measure {
    match (source, target) {
        (
            Measure::Counted { denominator: before, .. },
            Measure::Counted { denominator: there, .. },
        ) => {
            let expected = before.saturating_add_signed(-merged);
            Measure::Counted { violated: expected.saturating_sub(there), denominator: *before }
        }
        (Measure::NotApplicable { why }, Measure::Counted { .. }) => {
            Measure::not_applicable(format!("the source cannot tell: {why}"))
        }
        (Measure::Error { .. }, Measure::Counted { .. }) => source.clone(),
        (_, other) => other,
    }
}

async fn keep(request: &Request, outcome: &ClinicalOutcome) -> Result<()> {
    let id = request.clock.fresh_id().to_string();
    match Engine::of_url(&request.target_url) {
        Some(Engine::Sqlite) => {
            let file = Source::open(&request.target_url).await?;
            let was_left = verify::is_as_it_was_left(&file);
            let mut session = SqliteTarget::new(&request.target_url).session().await?;
            kept_in(&mut session, &id, &request.plan, outcome).await?;
            // What is kept of checks does not make a verification stale.
            if was_left {
                session.run_script("pragma wal_checkpoint(truncate)").await?;
                verify::keep_beside(&file)?;
            }
            Ok(())
        }
        Some(Engine::Postgres) => {
            let mut session = PostgresTarget::new(&request.target_url).session().await?;
            kept_in(&mut session, &id, &request.plan, outcome).await
        }
        _ => Err(EngineError::new(ErrorCode::Conn006, "opening the target of checks")),
    }
}

async fn kept_in<S: Session>(
    session: &mut S,
    id: &str,
    plan: &Plan,
    outcome: &ClinicalOutcome,
) -> Result<()> {
    for statement in record::create_statements(session.engine()) {
        session.run_script(&statement).await?;
    }
    record::insert(session, id, plan, outcome).await
}

async fn last(request: &Request) -> Result<Option<ClinicalOutcome>> {
    match Engine::of_url(&request.target_url) {
        Some(Engine::Sqlite) => {
            let mut session = SqliteTarget::new(&request.target_url).session().await?;
            record::last(&mut session, &request.plan).await
        }
        Some(Engine::Postgres) => {
            let mut session = PostgresTarget::new(&request.target_url).session().await?;
            record::last(&mut session, &request.plan).await
        }
        _ => Err(EngineError::new(ErrorCode::Conn006, "opening the target of checks")),
    }
}

#[cfg(test)]
mod tests;
