//! Who did what.

use actix_web::web::{Data, Json, Query};
use shared::audit::Entry;
use shared::page::{Page, PageQuery};
use shared::problem::Problem;
use shared::route;

use super::extract::Authorized;
use super::{ApiError, Services, cursor};
use crate::auth::permission::ReadAudit;
use crate::store::audit;

/// The audit trail, the latest entry first.
#[utoipa::path(
    get, path = route::AUDIT, tag = "audit", params(PageQuery),
    responses(
        (status = 200, body = Page<Entry>),
        (status = 403, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn list(
    _: Authorized<ReadAudit>,
    services: Data<Services>,
    query: Query<PageQuery>,
) -> Result<Json<Page<Entry>>, ApiError> {
    let before = cursor::decode(query.after.as_ref())?.unwrap_or(u64::MAX);
    let limit = query.limit();
    let found = audit::list_before(services.store.pool(), before, limit + 1).await?;
    Ok(Json(cursor::page(found, limit, |entry| entry.number)))
}
