//! Undoing what a run did: looked at first, then carried out.

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::{Data, Json, Path, Query};
use shared::id::RollbackId;
use shared::page::Page;
use shared::problem::Problem;
use shared::rollback::{NewRollback, Rollback};
use shared::route;

use super::cursor::OfRun;
use super::extract::{Approved, Authorized};
use super::{ApiError, Services, cursor};
use crate::auth::permission::{Read, RollBackRuns};
use crate::jobs::rollbacks::By;
use crate::store::{Place, rollbacks};

/// All rollbacks, the newest first.
#[utoipa::path(
    get, path = route::ROLLBACKS, tag = "rollbacks", params(OfRun),
    responses((status = 200, body = Page<Rollback>)),
)]
pub(super) async fn list(
    _: Authorized<Read>,
    services: Data<Services>,
    query: Query<OfRun>,
) -> Result<Json<Page<Rollback>>, ApiError> {
    let (after, limit) = query.page()?;
    let pool = services.store.pool();
    let found = rollbacks::list(pool, query.run.as_ref(), after.as_ref(), limit + 1).await?;
    Ok(Json(cursor::page(found, limit, |rollback| {
        Place::of(rollback.requested_at, rollback.id.as_str())
    })))
}

/// Look at what undoing a run, a table or a chunk would do. Nothing is undone.
#[utoipa::path(
    post, path = route::ROLLBACKS, tag = "rollbacks", request_body = NewRollback,
    responses(
        (status = 201, body = Rollback),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn preview(
    Authorized { user, .. }: Authorized<RollBackRuns>,
    services: Data<Services>,
    body: Json<NewRollback>,
) -> Result<HttpResponse, ApiError> {
    let rollback = services.rollbacks.preview(&By::from(&user), &body).await?;
    let location = route::rollback(&rollback.id);
    Ok(HttpResponse::Created().insert_header((header::LOCATION, location)).json(rollback))
}

/// One rollback: what it would do, or what it did.
#[utoipa::path(
    get, path = route::ROLLBACK, tag = "rollbacks", params(("id" = RollbackId, Path)),
    responses(
        (status = 200, body = Rollback),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn read(
    _: Authorized<Read>,
    services: Data<Services>,
    id: Path<RollbackId>,
) -> Result<Json<Rollback>, ApiError> {
    Ok(Json(services.rollbacks.find(&id).await?))
}

/// Carry out a rollback that was looked at, or go on with one that failed. Where nobody may do this
/// alone, the header `Transfuse-Approval` names the approval.
#[utoipa::path(
    post, path = route::ROLLBACK_START, tag = "rollbacks", params(("id" = RollbackId, Path)),
    responses(
        (status = 202, body = Rollback),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn start(
    Authorized { user, .. }: Authorized<RollBackRuns>,
    services: Data<Services>,
    Approved(approval): Approved,
    id: Path<RollbackId>,
) -> Result<HttpResponse, ApiError> {
    let Services { rollbacks, settings, .. } = &**services;
    let rollback = rollbacks.start(&user, settings, &id, approval.as_ref()).await?;
    Ok(HttpResponse::Accepted().json(rollback))
}
