//! Rehearsals: runs that are done and taken back.

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::{Data, Json, Path, Query};
use serde::Deserialize;
use shared::id::{PlanId, RehearsalId};
use shared::page::{Cursor, Page, PageQuery};
use shared::problem::Problem;
use shared::rehearsal::{NewRehearsal, RehearsalRecord};
use shared::route;

use super::extract::Authorized;
use super::{ApiError, Services, cursor};
use crate::auth::permission::{ControlRuns, Read};
use crate::store::{Place, rehearsals};

/// Which rehearsals are wanted, and from where on.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
pub(super) struct RehearsalQuery {
    /// Only those of this plan.
    plan: Option<PlanId>,
    after: Option<Cursor>,
    limit: Option<u32>,
}

/// All rehearsals, the newest first, without their reports.
#[utoipa::path(
    get, path = route::REHEARSALS, tag = "rehearsals", params(RehearsalQuery),
    responses((status = 200, body = Page<RehearsalRecord>)),
)]
pub(super) async fn list(
    _: Authorized<Read>,
    services: Data<Services>,
    query: Query<RehearsalQuery>,
) -> Result<Json<Page<RehearsalRecord>>, ApiError> {
    let page = PageQuery { after: query.after.clone(), limit: query.limit };
    let after = cursor::decode(page.after.as_ref())?;
    let limit = page.limit();
    let pool = services.store.pool();
    let found = rehearsals::list(pool, query.plan.as_ref(), after.as_ref(), limit + 1).await?;
    Ok(Json(cursor::page(found, limit, |rehearsal| {
        Place::of(rehearsal.started_at, rehearsal.id.as_str())
    })))
}

/// Rehearse a plan's latest version: everything that a run does, and nothing stays.
#[utoipa::path(
    post, path = route::REHEARSALS, tag = "rehearsals", request_body = NewRehearsal,
    responses(
        (status = 202, body = RehearsalRecord),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn start(
    Authorized { user, .. }: Authorized<ControlRuns>,
    services: Data<Services>,
    body: Json<NewRehearsal>,
) -> Result<HttpResponse, ApiError> {
    let rehearsal = services.rehearsals.start(&user, &body).await?;
    let location = route::rehearsal(&rehearsal.id);
    Ok(HttpResponse::Accepted().insert_header((header::LOCATION, location)).json(rehearsal))
}

/// One rehearsal, with what it found.
#[utoipa::path(
    get, path = route::REHEARSAL, tag = "rehearsals", params(("id" = RehearsalId, Path)),
    responses(
        (status = 200, body = RehearsalRecord),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn read(
    _: Authorized<Read>,
    services: Data<Services>,
    id: Path<RehearsalId>,
) -> Result<Json<RehearsalRecord>, ApiError> {
    Ok(Json(services.rehearsals.find(&id).await?))
}

/// End a rehearsal soon. What it did so far is taken back.
#[utoipa::path(
    post, path = route::REHEARSAL_STOP, tag = "rehearsals", params(("id" = RehearsalId, Path)),
    responses(
        (status = 202, body = RehearsalRecord),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn stop(
    _: Authorized<ControlRuns>,
    services: Data<Services>,
    id: Path<RehearsalId>,
) -> Result<HttpResponse, ApiError> {
    Ok(HttpResponse::Accepted().json(services.rehearsals.stop(&id).await?))
}
