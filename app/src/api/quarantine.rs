//! Rows that could not be carried over.

use shared::id::RunId;
use shared::page::{Cursor, Page};
use shared::quarantine::{QuarantineCount, QuarantineFilter, QuarantineState, QuarantinedRow};
use shared::route;

use super::{ApiError, get, send, with_query};

/// One page of a run's quarantine.
pub(crate) async fn list(
    run: &RunId,
    filter: &QuarantineFilter,
    after: Option<&Cursor>,
    limit: u32,
) -> Result<Page<QuarantinedRow>, ApiError> {
    let table = filter.table.as_ref().map(ToString::to_string);
    let limit = limit.to_string();
    let path = with_query(
        &route::run_quarantine(run),
        [
            ("table", table.as_deref()),
            ("code", filter.code.map(shared::error_code::ErrorCode::as_str)),
            ("column", filter.column.as_deref()),
            ("state", filter.state.map(QuarantineState::as_str)),
            ("limit", Some(limit.as_str())),
            ("after", after.map(|after| after.0.as_str())),
        ],
    );
    send(get(&path)).await
}

/// How many rows there are, by what is wrong with them.
pub(crate) async fn counts(run: &RunId) -> Result<Vec<QuarantineCount>, ApiError> {
    send(get(&route::run_quarantine_counts(run))).await
}
