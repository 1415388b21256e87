//! The manuals.

use shared::manual::{Manual, ManualHit, ManualSummary};
use shared::route;

use super::{ApiError, get, send, with_query};

pub(crate) async fn list() -> Result<Vec<ManualSummary>, ApiError> {
    send(get(route::MANUALS)).await
}

pub(crate) async fn find(name: &str) -> Result<Manual, ApiError> {
    send(get(&route::manual(name))).await
}

/// Parts of manuals that have all of the words.
pub(crate) async fn search(words: &str) -> Result<Vec<ManualHit>, ApiError> {
    send(get(&with_query(route::MANUALS_SEARCH, [("words", Some(words))]))).await
}
