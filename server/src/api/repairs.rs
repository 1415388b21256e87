//! Making alike what a verification found different: tried out, carried out, taken back.

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::{Data, Json, Path, Query};
use shared::id::{RepairId, VerificationId};
use shared::page::{Page, PageQuery};
use shared::problem::Problem;
use shared::route;
use shared::verification::{Repair, RepairSelection};

use super::extract::{Approved, Authorized};
use super::{ApiError, Services, cursor};
use crate::auth::permission::{Read, RepairTargets};
use crate::jobs::rollbacks::By;
use crate::store::{Place, repairs};

/// The repairs from one verification, the newest first.
#[utoipa::path(
    get, path = route::VERIFICATION_REPAIRS, tag = "repairs",
    params(("id" = VerificationId, Path), PageQuery),
    responses(
        (status = 200, body = Page<Repair>),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn list(
    _: Authorized<Read>,
    services: Data<Services>,
    id: Path<VerificationId>,
    page: Query<PageQuery>,
) -> Result<Json<Page<Repair>>, ApiError> {
    let after = cursor::decode(page.after.as_ref())?;
    let limit = page.limit();
    services.verifications.find(&id).await?;
    let found = repairs::list(services.store.pool(), &id, after.as_ref(), limit + 1).await?;
    Ok(Json(cursor::page(found, limit, |repair| {
        Place::of(repair.requested_at, repair.id.as_str())
    })))
}

/// Try out what would make alike what a verification found, all of it or some tables and kinds:
/// everything is done in the target and taken back again. It is under way when this answers.
#[utoipa::path(
    post, path = route::VERIFICATION_REPAIRS, tag = "repairs",
    params(("id" = VerificationId, Path)), request_body = RepairSelection,
    responses(
        (status = 201, body = Repair),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn preview(
    Authorized { user, .. }: Authorized<RepairTargets>,
    services: Data<Services>,
    id: Path<VerificationId>,
    body: Json<RepairSelection>,
) -> Result<HttpResponse, ApiError> {
    let repair = services.verifications.preview(&By::from(&user), &id, &body).await?;
    let location = route::of_repair(route::REPAIR, &repair.id);
    Ok(HttpResponse::Created().insert_header((header::LOCATION, location)).json(repair))
}

/// One repair: what it would do, or what it did.
#[utoipa::path(
    get, path = route::REPAIR, tag = "repairs", params(("id" = RepairId, Path)),
    responses(
        (status = 200, body = Repair),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn read(
    _: Authorized<Read>,
    services: Data<Services>,
    id: Path<RepairId>,
) -> Result<Json<Repair>, ApiError> {
    Ok(Json(services.verifications.find_repair(&id).await?))
}

/// Carry out a repair that was tried out, or go on with one that failed; what it changed is verified
/// again afterwards. Where nobody may do this alone, the header `Transfuse-Approval` names the
/// approval.
#[utoipa::path(
    post, path = route::REPAIR_START, tag = "repairs", params(("id" = RepairId, Path)),
    responses(
        (status = 202, body = Repair),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn start(
    Authorized { user, .. }: Authorized<RepairTargets>,
    services: Data<Services>,
    Approved(approval): Approved,
    id: Path<RepairId>,
) -> Result<HttpResponse, ApiError> {
    let Services { verifications, settings, .. } = &**services;
    let repair = verifications.start_repair(&user, settings, &id, approval.as_ref()).await?;
    Ok(HttpResponse::Accepted().json(repair))
}

/// Take a repair back: its rows become what they were. Rows that somebody changed since stay, and
/// are counted.
#[utoipa::path(
    post, path = route::REPAIR_TAKE_BACK, tag = "repairs", params(("id" = RepairId, Path)),
    responses(
        (status = 200, body = Repair),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn take_back(
    Authorized { user, .. }: Authorized<RepairTargets>,
    services: Data<Services>,
    id: Path<RepairId>,
) -> Result<Json<Repair>, ApiError> {
    Ok(Json(services.verifications.take_back(&By::from(&user), &id).await?))
}
