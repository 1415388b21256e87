//! Undoing what runs did.

use shared::id::{ApprovalId, RollbackId, RunId};
use shared::page::{MAX_LIMIT, Page};
use shared::rollback::{NewRollback, Rollback};
use shared::route;

use super::{ApiError, get, post, send, with_query};

/// The rollbacks of a run, latest first: there are a handful.
pub(crate) async fn of_run(run: &RunId) -> Result<Page<Rollback>, ApiError> {
    let limit = MAX_LIMIT.to_string();
    let parameters = [("run", Some(run.as_str())), ("limit", Some(limit.as_str()))];
    send(get(&with_query(route::ROLLBACKS, parameters))).await
}

pub(crate) async fn find(id: &RollbackId) -> Result<Rollback, ApiError> {
    send(get(&route::rollback(id))).await
}

/// What undoing would do. Nothing is undone.
pub(crate) async fn preview(new: &NewRollback) -> Result<Rollback, ApiError> {
    send(post(route::ROLLBACKS).json(new)?).await
}

/// Carries out what was looked at.
pub(crate) async fn start(
    id: &RollbackId,
    approval: Option<&ApprovalId>,
) -> Result<Rollback, ApiError> {
    let mut call = post(&route::rollback_start(id));
    if let Some(approval) = approval {
        call = call.header("transfuse-approval", approval.to_string());
    }
    send(call).await
}
