//! Clinical checks of runs: made, and judged again under other thresholds.

use shared::clinical::{Checking, CheckingItem, NewChecking, OtherThresholds};
use shared::id::{CheckingId, RunId};
use shared::page::{Cursor, Page};
use shared::route;

use super::{ApiError, get, page_of_run, post, send};

/// One page of the clinical checks, latest first; those of one run where it is named.
pub(crate) async fn list(
    run: Option<&RunId>,
    after: Option<&Cursor>,
    limit: u32,
) -> Result<Page<CheckingItem>, ApiError> {
    send(get(&page_of_run(route::CHECKINGS, run, after, limit))).await
}

pub(crate) async fn start(new: &NewChecking) -> Result<CheckingItem, ApiError> {
    send(post(route::CHECKINGS).json(new)?).await
}

pub(crate) async fn find(id: &CheckingId) -> Result<Checking, ApiError> {
    send(get(&route::of_checking(route::CHECKING, id))).await
}

/// Judges the same numbers under other thresholds.
pub(crate) async fn judge(id: &CheckingId, other: &OtherThresholds) -> Result<Checking, ApiError> {
    send(post(&route::of_checking(route::CHECKING_THRESHOLDS, id)).json(other)?).await
}
