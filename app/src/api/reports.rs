//! The evidence of runs.

use shared::evidence::Report;
use shared::id::RunId;
use shared::route;

use super::{ApiError, download, get, send};

/// What is known of a run, with what proves it.
pub(crate) async fn find(run: &RunId) -> Result<Report, ApiError> {
    send(get(&route::report(run))).await
}

/// Saves a file of a run's evidence.
pub(crate) async fn save(run: &RunId, name: &str) -> Result<(), ApiError> {
    download(&route::report_file(run, name), name).await
}
