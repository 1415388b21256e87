//! The manuals.

use actix_web::web::{Json, Path, Query};
use shared::manual::{Manual, ManualHit, ManualQuery, ManualSummary};
use shared::problem::Problem;
use shared::route;

use super::ApiError;
use super::extract::Authorized;
use crate::auth::permission::Read;
use crate::manuals::{self, Book};

/// More hits than anybody reads.
const MOST_HITS: usize = 30;

/// All manuals, in the order of their titles.
#[utoipa::path(
    get, path = route::MANUALS, tag = "manuals",
    responses((status = 200, body = Vec<ManualSummary>)),
)]
pub(super) async fn list(_: Authorized<Read>) -> Json<Vec<ManualSummary>> {
    Json(manuals::all().iter().map(|book| book.summary.clone()).collect())
}

/// One manual, as elements of text.
#[utoipa::path(
    get, path = route::MANUAL, tag = "manuals", params(("id" = String, Path)),
    responses(
        (status = 200, body = Manual),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn read(
    _: Authorized<Read>,
    name: Path<String>,
) -> Result<Json<Manual>, ApiError> {
    let Book { manual, .. } = manuals::find(&name).ok_or(ApiError::ManualNotFound)?;
    Ok(Json(manual.clone()))
}

/// Parts of manuals that have all of the words, the best first.
#[utoipa::path(
    get, path = route::MANUALS_SEARCH, tag = "manuals", params(ManualQuery),
    responses((status = 200, body = Vec<ManualHit>)),
)]
pub(super) async fn search(_: Authorized<Read>, query: Query<ManualQuery>) -> Json<Vec<ManualHit>> {
    let words: String = query.words.chars().take(200).collect();
    Json(manuals::search(&words, MOST_HITS))
}
