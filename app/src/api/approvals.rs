//! What nobody may do alone.

use shared::approval::{Answer, Approval, ApprovalState, NewApproval};
use shared::audit::Reason;
use shared::id::ApprovalId;
use shared::page::{Cursor, Page};
use shared::route;

use super::{ApiError, get, post, send, with_query};

/// One page of the requests, latest first.
pub(crate) async fn list(
    state: Option<ApprovalState>,
    after: Option<&Cursor>,
    limit: u32,
) -> Result<Page<Approval>, ApiError> {
    let limit = limit.to_string();
    let parameters = [
        ("state", state.map(ApprovalState::as_str)),
        ("limit", Some(limit.as_str())),
        ("after", after.map(|after| after.0.as_str())),
    ];
    send(get(&with_query(route::APPROVALS, parameters))).await
}

/// Asks a second person for exactly one act.
pub(crate) async fn request(new: &NewApproval) -> Result<Approval, ApiError> {
    send(post(route::APPROVALS).json(new)?).await
}

pub(crate) async fn approve(id: &ApprovalId, reason: Reason) -> Result<Approval, ApiError> {
    send(post(&route::approval_approve(id)).json(&Answer { reason })?).await
}

pub(crate) async fn refuse(id: &ApprovalId, reason: Reason) -> Result<Approval, ApiError> {
    send(post(&route::approval_refuse(id)).json(&Answer { reason })?).await
}

/// Takes one's own request back.
pub(crate) async fn withdraw(id: &ApprovalId) -> Result<Approval, ApiError> {
    send(post(&route::approval_withdraw(id))).await
}
