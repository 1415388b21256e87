//! Clinical checks of runs: begun, listed, read, and judged again under other thresholds.

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::{Data, Json, Path, Query};
use shared::clinical::{Checking, CheckingItem, NewChecking, OtherThresholds};
use shared::id::CheckingId;
use shared::page::Page;
use shared::problem::Problem;
use shared::route;

use super::cursor::OfRun;
use super::extract::{Authorized, reason};
use super::{ApiError, Services, cursor};
use crate::auth::permission::{ControlRuns, Read, SignOff};
use crate::jobs::rollbacks::By;
use crate::store::Place;

/// All clinical checks that were made or judged again, the newest first.
#[utoipa::path(
    get, path = route::CHECKINGS, tag = "clinical checks", params(OfRun),
    responses((status = 200, body = Page<CheckingItem>)),
)]
pub(super) async fn list(
    _: Authorized<Read>,
    services: Data<Services>,
    query: Query<OfRun>,
) -> Result<Json<Page<CheckingItem>>, ApiError> {
    let (after, limit) = query.page()?;
    let found = services.checkings.list(query.run.as_ref(), after.as_ref(), limit + 1).await?;
    Ok(Json(cursor::page(found, limit, |item| Place::of(item.started_at, item.id.as_str()))))
}

/// Make the clinical checks of a completed run's plan: each counts, inside both databases, what
/// violates it. They are being made when this answers.
#[utoipa::path(
    post, path = route::CHECKINGS, tag = "clinical checks", request_body = NewChecking,
    responses(
        (status = 201, body = CheckingItem),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn start(
    Authorized { user, .. }: Authorized<ControlRuns>,
    services: Data<Services>,
    body: Json<NewChecking>,
) -> Result<HttpResponse, ApiError> {
    let item = services.checkings.start(&By::from(&user), &body).await?;
    let location = route::of_checking(route::CHECKING, &item.id);
    Ok(HttpResponse::Created().insert_header((header::LOCATION, location)).json(item))
}

/// The clinical checks of a run, each with what both databases counted and what that means. No row
/// is in it.
#[utoipa::path(
    get, path = route::CHECKING, tag = "clinical checks", params(("id" = CheckingId, Path)),
    responses(
        (status = 200, body = Checking),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn read(
    _: Authorized<Read>,
    services: Data<Services>,
    id: Path<CheckingId>,
) -> Result<Json<Checking>, ApiError> {
    Ok(Json(services.checkings.find(&id).await?))
}

/// Judge the same numbers under other thresholds, for a reason. No table is asked, and what was said
/// before stays beside it.
#[utoipa::path(
    post, path = route::CHECKING_THRESHOLDS, tag = "clinical checks",
    params(("id" = CheckingId, Path)), request_body = OtherThresholds,
    responses(
        (status = 201, body = Checking),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn judge(
    Authorized { user, .. }: Authorized<SignOff>,
    services: Data<Services>,
    id: Path<CheckingId>,
    body: Json<OtherThresholds>,
) -> Result<HttpResponse, ApiError> {
    let reason = reason(&body.reason)?;
    let counted = services.checkings.find(&id).await?.outcome;
    let problems = counted.map(|counted| body.problems(&counted)).unwrap_or_default();
    if !problems.is_empty() {
        return Err(ApiError::InvalidFields(problems));
    }
    let checking = services.checkings.judge(&user, &id, &body.thresholds, &reason).await?;
    let location = route::of_checking(route::CHECKING, &checking.item.id);
    Ok(HttpResponse::Created().insert_header((header::LOCATION, location)).json(checking))
}
