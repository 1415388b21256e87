//! What is found before anything moves: asked for, listed, read and stopped.

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::{Data, Json, Path, Query};
use serde::Deserialize;
use shared::assessment::{AssessmentItem, KeptAssessment, NewAssessment};
use shared::check::{Check, Description};
use shared::id::{AssessmentId, PlanId};
use shared::page::{Cursor, Page, PageQuery};
use shared::problem::Problem;
use shared::route;

use super::extract::Authorized;
use super::{ApiError, Services, cursor};
use crate::auth::permission::{AssessPlans, Read};
use crate::store::{Place, assessments};

/// Which assessments are wanted, and from where on.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
pub(super) struct AssessmentQuery {
    /// Only those of this plan.
    plan: Option<PlanId>,
    after: Option<Cursor>,
    limit: Option<u32>,
}

/// All assessments, the newest first.
#[utoipa::path(
    get, path = route::ASSESSMENTS, tag = "assessments", params(AssessmentQuery),
    responses((status = 200, body = Page<AssessmentItem>)),
)]
pub(super) async fn list(
    _: Authorized<Read>,
    services: Data<Services>,
    query: Query<AssessmentQuery>,
) -> Result<Json<Page<AssessmentItem>>, ApiError> {
    let page = PageQuery { after: query.after.clone(), limit: query.limit };
    let after = cursor::decode(page.after.as_ref())?;
    let limit = page.limit();
    let pool = services.store.pool();
    let found = assessments::list(pool, query.plan.as_ref(), after.as_ref(), limit + 1).await?;
    Ok(Json(cursor::page(found, limit, |item| Place::of(item.started_at, item.id.as_str()))))
}

/// Assess a plan: make checks, foretell what a run would come to, look at the values. Nothing is
/// changed in either database. It is under way when this answers.
#[utoipa::path(
    post, path = route::ASSESSMENTS, tag = "assessments", request_body = NewAssessment,
    responses(
        (status = 201, body = AssessmentItem),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn start(
    Authorized { user, .. }: Authorized<AssessPlans>,
    services: Data<Services>,
    body: Json<NewAssessment>,
) -> Result<HttpResponse, ApiError> {
    let Services { assessments, settings, .. } = &**services;
    let item = assessments.start(&user, settings, &body).await?;
    let location = route::assessment(&item.id);
    Ok(HttpResponse::Created().insert_header((header::LOCATION, location)).json(item))
}

/// One assessment: findings by their weight, each with what to do, what was foretold, what the
/// values look like and what changed in them. No value is in it.
#[utoipa::path(
    get, path = route::ASSESSMENT, tag = "assessments", params(("id" = AssessmentId, Path)),
    responses((status = 200, body = KeptAssessment)),
)]
pub(super) async fn read(
    _: Authorized<Read>,
    services: Data<Services>,
    id: Path<AssessmentId>,
) -> Result<Json<KeptAssessment>, ApiError> {
    Ok(Json(services.assessments.find(&id).await?))
}

/// Stop an assessment that is under way. Nothing is kept of what it found.
#[utoipa::path(
    post, path = route::ASSESSMENT_STOP, tag = "assessments", params(("id" = AssessmentId, Path)),
    responses(
        (status = 200, body = AssessmentItem),
        (status = 409, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn stop(
    Authorized { user, .. }: Authorized<AssessPlans>,
    services: Data<Services>,
    id: Path<AssessmentId>,
) -> Result<Json<AssessmentItem>, ApiError> {
    Ok(Json(services.assessments.stop(&user, &id).await?))
}

/// The checks that there are, in the order in which they are made.
#[utoipa::path(
    get, path = route::CHECKS, tag = "assessments",
    responses((status = 200, body = [Description])),
)]
pub(super) async fn checks(_: Authorized<Read>) -> Json<Vec<Description>> {
    Json(Check::ALL.iter().map(|check| check.description()).collect())
}
