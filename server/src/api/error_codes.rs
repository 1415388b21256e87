//! The catalogue of errors.

use actix_web::web::Json;
use shared::error_code::{ErrorCode, Explanation};
use shared::route;

/// Every code with its cause, what to look at and what to do.
#[utoipa::path(
    get, path = route::ERROR_CODES, tag = "error codes", security(()),
    responses((status = 200, body = Vec<Explanation>)),
)]
pub(super) async fn list() -> Json<Vec<Explanation>> {
    Json(ErrorCode::ALL.iter().map(|code| code.explanation()).collect())
}
