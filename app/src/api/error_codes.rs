//! The catalogue of errors.

use serde::Deserialize;
use shared::route;

use super::{ApiError, get, send};

/// What the catalogue says about a code.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Explanation {
    pub(crate) code: String,
    pub(crate) title: String,
    pub(crate) cause: String,
    pub(crate) hint: String,
    pub(crate) action: String,
}

pub(crate) async fn list() -> Result<Vec<Explanation>, ApiError> {
    send(get(route::ERROR_CODES)).await
}
