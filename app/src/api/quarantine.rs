//! Rows that could not be carried over.

use shared::error_code::ErrorCode;
use shared::id::{QuarantineActionId, QuarantineId, RunId};
use shared::page::{Cursor, Page};
use shared::quarantine::{
    FixPreview, PreviewRequest, QuarantineAction, QuarantineCount, QuarantineFilter,
    QuarantineState, QuarantinedDetail, QuarantinedRow, RevealRequest, RevealedRow, WorkOutcome,
    WorkRequest,
};
use shared::route;

use super::{ApiError, download, get, post, send, with_query};

/// One page of a run's quarantine.
pub(crate) async fn list(
    run: &RunId,
    filter: &QuarantineFilter,
    after: Option<&Cursor>,
    limit: u32,
) -> Result<Page<QuarantinedRow>, ApiError> {
    let limit = limit.to_string();
    let table = table_of(filter);
    let page = [("limit", Some(limit.as_str())), ("after", after.map(|after| after.0.as_str()))];
    let parameters = narrowed(filter, table.as_deref()).into_iter().chain(page);
    send(get(&with_query(&route::run_quarantine(run), parameters))).await
}

/// How many rows there are, by what is wrong with them.
pub(crate) async fn counts(run: &RunId) -> Result<Vec<QuarantineCount>, ApiError> {
    send(get(&route::run_quarantine_counts(run))).await
}

/// One row with the form of its values, and all that was done with it.
pub(crate) async fn find(run: &RunId, row: &QuarantineId) -> Result<QuarantinedDetail, ApiError> {
    send(get(&route::run_quarantine_row(run, row))).await
}

/// One row with its values. That somebody looked, and why, is written down.
pub(crate) async fn reveal(
    run: &RunId,
    row: &QuarantineId,
    reason: &str,
) -> Result<RevealedRow, ApiError> {
    let request = RevealRequest { reason: reason.to_owned() };
    send(post(&route::run_quarantine_reveal(run, row)).json(&request)?).await
}

/// What a fix would do. Nothing is written.
pub(crate) async fn preview(run: &RunId, request: &PreviewRequest) -> Result<FixPreview, ApiError> {
    let path = route::run_quarantine_work(route::RUN_QUARANTINE_PREVIEW, run);
    send(post(&path).json(request)?).await
}

/// Says that somebody has looked at rows.
pub(crate) async fn triage(run: &RunId, request: &WorkRequest) -> Result<WorkOutcome, ApiError> {
    work(route::RUN_QUARANTINE_TRIAGE, run, request).await
}

/// Repairs rows by the request's rule.
pub(crate) async fn fix(run: &RunId, request: &WorkRequest) -> Result<WorkOutcome, ApiError> {
    work(route::RUN_QUARANTINE_FIX, run, request).await
}

/// Signs that rows stay behind.
pub(crate) async fn waive(run: &RunId, request: &WorkRequest) -> Result<WorkOutcome, ApiError> {
    work(route::RUN_QUARANTINE_WAIVE, run, request).await
}

/// Carries rows into the target.
pub(crate) async fn replay(run: &RunId, request: &WorkRequest) -> Result<WorkOutcome, ApiError> {
    work(route::RUN_QUARANTINE_REPLAY, run, request).await
}

/// All that was done with a run's quarantine, the latest first.
pub(crate) async fn actions(run: &RunId) -> Result<Vec<QuarantineAction>, ApiError> {
    send(get(&route::run_quarantine_work(route::RUN_QUARANTINE_ACTIONS, run))).await
}

/// Takes back what an action did.
pub(crate) async fn undo(
    run: &RunId,
    action: &QuarantineActionId,
) -> Result<WorkOutcome, ApiError> {
    send(post(&route::run_quarantine_undo(run, action))).await
}

/// Saves the rows that the filter leaves, masked, as a file.
pub(crate) async fn export(run: &RunId, filter: &QuarantineFilter) -> Result<(), ApiError> {
    let path = route::run_quarantine_work(route::RUN_QUARANTINE_EXPORT, run);
    let table = table_of(filter);
    download(&with_query(&path, narrowed(filter, table.as_deref())), "quarantine.csv").await
}

async fn work(path: &str, run: &RunId, request: &WorkRequest) -> Result<WorkOutcome, ApiError> {
    send(post(&route::run_quarantine_work(path, run)).json(request)?).await
}

fn table_of(filter: &QuarantineFilter) -> Option<String> {
    filter.table.as_ref().map(ToString::to_string)
}

fn narrowed<'a>(
    filter: &'a QuarantineFilter,
    table: Option<&'a str>,
) -> [(&'static str, Option<&'a str>); 4] {
    [
        ("table", table),
        ("code", filter.code.map(ErrorCode::as_str)),
        ("column", filter.column.as_deref()),
        ("state", filter.state.map(QuarantineState::as_str)),
    ]
}
