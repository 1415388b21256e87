//! Runs that are done and taken back.

use shared::id::{PlanId, RehearsalId};
use shared::page::{Cursor, Page};
use shared::rehearsal::{NewRehearsal, RehearsalRecord};
use shared::route;
use shared::run::Start;

use super::{ApiError, get, page_of, post, send};

/// One page of the rehearsals, latest first, without what they found.
pub(crate) async fn list(
    after: Option<&Cursor>,
    limit: u32,
) -> Result<Page<RehearsalRecord>, ApiError> {
    send(get(&page_of(route::REHEARSALS, after, limit))).await
}

pub(crate) async fn find(id: &RehearsalId) -> Result<RehearsalRecord, ApiError> {
    send(get(&route::rehearsal(id))).await
}

/// Rehearses the plan's latest version.
pub(crate) async fn start(plan: &PlanId, start: Start) -> Result<RehearsalRecord, ApiError> {
    send(post(route::REHEARSALS).json(&NewRehearsal { plan_id: plan.clone(), start })?).await
}

/// Ends a rehearsal soon: what it did so far is taken back.
pub(crate) async fn stop(id: &RehearsalId) -> Result<RehearsalRecord, ApiError> {
    send(post(&route::rehearsal_stop(id))).await
}
