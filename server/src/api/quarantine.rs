//! Rows of a run that could not be carried over, without their values.

use actix_web::web::{Data, Json, Path, Query};
use shared::error_code::ErrorCode;
use shared::id::RunId;
use shared::page::{Page, PageQuery};
use shared::problem::Problem;
use shared::quarantine::{QuarantineCount, QuarantineFilter, QuarantinedRow};
use shared::route;

use super::extract::Authorized;
use super::{ApiError, Services};
use crate::auth::permission::Read;

/// A run's quarantine, narrowed to a table, a code or a column.
#[utoipa::path(
    get, path = route::RUN_QUARANTINE, tag = "quarantine",
    params(
        ("id" = RunId, Path),
        ("table" = Option<String>, Query, description = "the target table"),
        ("code" = Option<ErrorCode>, Query),
        ("column" = Option<String>, Query),
        PageQuery,
    ),
    responses(
        (status = 200, body = Page<QuarantinedRow>),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 502, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn list(
    _: Authorized<Read>,
    services: Data<Services>,
    id: Path<RunId>,
    filter: Query<QuarantineFilter>,
    page: Query<PageQuery>,
) -> Result<Json<Page<QuarantinedRow>>, ApiError> {
    let ledger = services.runs.ledger(&id).await?;
    let limit = page.limit();
    let mut found =
        engine::quarantine::list(&ledger.target, &ledger.run, &filter, page.after.as_ref(), limit)
            .await?;
    for row in &mut found.items {
        row.run_id = id.clone();
    }
    Ok(Json(found))
}

/// A run's quarantine, counted by table, code and column.
#[utoipa::path(
    get, path = route::RUN_QUARANTINE_COUNTS, tag = "quarantine", params(("id" = RunId, Path)),
    responses(
        (status = 200, body = Vec<QuarantineCount>),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 502, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn counts(
    _: Authorized<Read>,
    services: Data<Services>,
    id: Path<RunId>,
) -> Result<Json<Vec<QuarantineCount>>, ApiError> {
    let ledger = services.runs.ledger(&id).await?;
    Ok(Json(engine::quarantine::counts(&ledger.target, &ledger.run).await?))
}
