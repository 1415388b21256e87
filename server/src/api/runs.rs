//! Executions of plans.

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::{Data, Json, Path, Query};
use shared::id::RunId;
use shared::page::{Page, PageQuery};
use shared::problem::Problem;
use shared::route;
use shared::run::{NewRun, Run};

use super::extract::Authorized;
use super::{ApiError, Services, cursor};
use crate::auth::permission::{ControlRuns, Read};
use crate::store::{Place, runs};

/// All runs, the newest first.
#[utoipa::path(
    get, path = route::RUNS, tag = "runs", params(PageQuery),
    responses((status = 200, body = Page<Run>)),
)]
pub(super) async fn list(
    _: Authorized<Read>,
    services: Data<Services>,
    query: Query<PageQuery>,
) -> Result<Json<Page<Run>>, ApiError> {
    let after = cursor::decode(query.after.as_ref())?;
    let limit = query.limit();
    let found = runs::list(services.store.pool(), after.as_ref(), limit + 1).await?;
    Ok(Json(cursor::page(found, limit, |run| Place::of(run.created_at, run.id.as_str()))))
}

/// Start a run of the latest version of a plan.
#[utoipa::path(
    post, path = route::RUNS, tag = "runs", request_body = NewRun,
    responses(
        (status = 201, body = Run),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn start(
    Authorized { user, .. }: Authorized<ControlRuns>,
    services: Data<Services>,
    body: Json<NewRun>,
) -> Result<HttpResponse, ApiError> {
    let run = services.runs.start(&user, &body).await?;
    let location = route::run(&run.id);
    Ok(HttpResponse::Created().insert_header((header::LOCATION, location)).json(run))
}

/// One run with its latest picture.
#[utoipa::path(
    get, path = route::RUN, tag = "runs", params(("id" = RunId, Path)),
    responses(
        (status = 200, body = Run),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn read(
    _: Authorized<Read>,
    services: Data<Services>,
    id: Path<RunId>,
) -> Result<Json<Run>, ApiError> {
    Ok(Json(services.runs.find(&id).await?.run))
}

/// Ask a running run to stop after the chunks that are being copied. Its events tell when it has.
#[utoipa::path(
    post, path = route::RUN_PAUSE, tag = "runs", params(("id" = RunId, Path)),
    responses(
        (status = 202, body = Run),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn pause(
    Authorized { user, .. }: Authorized<ControlRuns>,
    services: Data<Services>,
    id: Path<RunId>,
) -> Result<HttpResponse, ApiError> {
    let run = services.runs.pause(&user, &id).await?;
    Ok(HttpResponse::Accepted().json(run))
}

/// Ask a running run to stop now: the chunks that are being copied are rolled back, and copied
/// again when the run is resumed. Its events tell when it has.
#[utoipa::path(
    post, path = route::RUN_STOP, tag = "runs", params(("id" = RunId, Path)),
    responses(
        (status = 202, body = Run),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn stop(
    Authorized { user, .. }: Authorized<ControlRuns>,
    services: Data<Services>,
    id: Path<RunId>,
) -> Result<HttpResponse, ApiError> {
    let run = services.runs.stop_at_once(&user, &id).await?;
    Ok(HttpResponse::Accepted().json(run))
}

/// Go on with a run that was paused or failed, after its last committed chunk.
#[utoipa::path(
    post, path = route::RUN_RESUME, tag = "runs", params(("id" = RunId, Path)),
    responses(
        (status = 200, body = Run),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn resume(
    Authorized { user, .. }: Authorized<ControlRuns>,
    services: Data<Services>,
    id: Path<RunId>,
) -> Result<Json<Run>, ApiError> {
    Ok(Json(services.runs.resume(&user, &id).await?))
}
