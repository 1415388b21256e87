//! Runs.

use shared::id::{PlanId, RunId};
use shared::page::{Cursor, Page};
use shared::route;
use shared::run::{NewRun, Run, Start};

use super::{ApiError, get, page_of, post, send};

/// One page of the runs, latest first.
pub(crate) async fn list(after: Option<&Cursor>, limit: u32) -> Result<Page<Run>, ApiError> {
    send(get(&page_of(route::RUNS, after, limit))).await
}

pub(crate) async fn find(id: &RunId) -> Result<Run, ApiError> {
    send(get(&route::run(id))).await
}

/// Starts a run of the plan's latest version.
pub(crate) async fn start(plan: &PlanId, start: Start) -> Result<Run, ApiError> {
    send(post(route::RUNS).json(&NewRun { plan_id: plan.clone(), start })?).await
}

/// Asks a run to stop between two chunks. Its events tell when it has.
pub(crate) async fn pause(id: &RunId) -> Result<Run, ApiError> {
    send(post(&route::run_pause(id))).await
}

/// Asks a run to stop at once: chunks under way are taken back, and copied again on resuming.
pub(crate) async fn stop(id: &RunId) -> Result<Run, ApiError> {
    send(post(&route::run_stop(id))).await
}

/// Lets a run go on where it stopped.
pub(crate) async fn resume(id: &RunId) -> Result<Run, ApiError> {
    send(post(&route::run_resume(id))).await
}
