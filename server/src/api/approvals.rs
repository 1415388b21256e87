//! Requests that a second person answers.

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::{Data, Json, Path, Query};
use shared::approval::{Answer, Approval, ApprovalFilter, ApprovalState, NewApproval};
use shared::id::ApprovalId;
use shared::page::{Page, PageQuery};
use shared::problem::Problem;
use shared::route;

use super::extract::Authorized;
use super::{ApiError, Services, cursor};
use crate::auth::permission::{Approve, Read};
use crate::jobs::approvals as work;
use crate::store::{Place, approvals};

/// All requests, the newest first.
#[utoipa::path(
    get, path = route::APPROVALS, tag = "approvals", params(ApprovalFilter, PageQuery),
    responses(
        (status = 200, body = Page<Approval>),
        (status = 400, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn list(
    _: Authorized<Read>,
    services: Data<Services>,
    filter: Query<ApprovalFilter>,
    query: Query<PageQuery>,
) -> Result<Json<Page<Approval>>, ApiError> {
    let pool = services.store.pool();
    work::expire(&services.store, services.clock.now()).await?;
    let after = cursor::decode(query.after.as_ref())?;
    let limit = query.limit();
    let found = approvals::list(pool, filter.state, after.as_ref(), limit + 1).await?;
    Ok(Json(cursor::page(found, limit, |it| Place::of(it.requested_at, it.id.as_str()))))
}

/// Ask a second person for exactly one act. Once they agreed, the act is begun with its id in the
/// header `Transfuse-Approval`.
#[utoipa::path(
    post, path = route::APPROVALS, tag = "approvals", request_body = NewApproval,
    responses(
        (status = 201, body = Approval),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn request(
    Authorized { user, .. }: Authorized<Approve>,
    services: Data<Services>,
    body: Json<NewApproval>,
) -> Result<HttpResponse, ApiError> {
    let NewApproval { act, reason } = body.into_inner();
    let problems = act.problems();
    if !problems.is_empty() {
        return Err(ApiError::InvalidFields(problems));
    }
    let Services { store, settings, clock, .. } = &**services;
    let approval = work::request(store, settings, &**clock, &user, act, &reason).await?;
    let location = route::approval(&approval.id);
    Ok(HttpResponse::Created().insert_header((header::LOCATION, location)).json(approval))
}

/// One request.
#[utoipa::path(
    get, path = route::APPROVAL, tag = "approvals", params(("id" = ApprovalId, Path)),
    responses(
        (status = 200, body = Approval),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn read(
    _: Authorized<Read>,
    services: Data<Services>,
    id: Path<ApprovalId>,
) -> Result<Json<Approval>, ApiError> {
    let pool = services.store.pool();
    work::expire(&services.store, services.clock.now()).await?;
    Ok(Json(approvals::find(pool, &id).await?.ok_or(ApiError::ApprovalNotFound)?))
}

/// Agree to what somebody else asked for.
#[utoipa::path(
    post, path = route::APPROVAL_APPROVE, tag = "approvals",
    params(("id" = ApprovalId, Path)), request_body = Answer,
    responses(
        (status = 200, body = Approval),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn approve(
    Authorized { user, .. }: Authorized<Approve>,
    services: Data<Services>,
    id: Path<ApprovalId>,
    body: Json<Answer>,
) -> Result<Json<Approval>, ApiError> {
    let Services { store, clock, .. } = &**services;
    let state = ApprovalState::Approved;
    Ok(Json(work::answer(store, &**clock, &user, &id, state, &body.reason).await?))
}

/// Refuse what somebody else asked for.
#[utoipa::path(
    post, path = route::APPROVAL_REFUSE, tag = "approvals",
    params(("id" = ApprovalId, Path)), request_body = Answer,
    responses(
        (status = 200, body = Approval),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn refuse(
    Authorized { user, .. }: Authorized<Approve>,
    services: Data<Services>,
    id: Path<ApprovalId>,
    body: Json<Answer>,
) -> Result<Json<Approval>, ApiError> {
    let Services { store, clock, .. } = &**services;
    let state = ApprovalState::Refused;
    Ok(Json(work::answer(store, &**clock, &user, &id, state, &body.reason).await?))
}

/// Take one's own request back, answered or not.
#[utoipa::path(
    post, path = route::APPROVAL_WITHDRAW, tag = "approvals", params(("id" = ApprovalId, Path)),
    responses(
        (status = 200, body = Approval),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn withdraw(
    Authorized { user, .. }: Authorized<Approve>,
    services: Data<Services>,
    id: Path<ApprovalId>,
) -> Result<Json<Approval>, ApiError> {
    let Services { store, clock, .. } = &**services;
    Ok(Json(work::withdraw(store, &**clock, &user, &id).await?))
}
