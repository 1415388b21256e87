//! Signing a run off: people drawn, looked at side by side, judged, and signed for.

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::{Data, Json, Path, Query};
use shared::id::SignOffId;
use shared::page::Page;
use shared::problem::Problem;
use shared::quarantine::RevealRequest;
use shared::route;
use shared::sign_off::{NewJudgement, NewSignOff, RevealedPerson, SampledPerson, SignOff};

use super::cursor::OfRun;
use super::extract::{Authorized, reason};
use super::{ApiError, Services, cursor};
use crate::auth::permission::{ControlRuns, Read, ReadUnmasked, SignOff as SignsOff};
use crate::jobs::rollbacks::By;
use crate::jobs::sign_offs::SignOffError;
use crate::store::Place;

/// All sign-offs, the newest first.
#[utoipa::path(
    get, path = route::SIGN_OFFS, tag = "sign-offs", params(OfRun),
    responses((status = 200, body = Page<SignOff>)),
)]
pub(super) async fn list(
    _: Authorized<Read>,
    services: Data<Services>,
    query: Query<OfRun>,
) -> Result<Json<Page<SignOff>>, ApiError> {
    let (after, limit) = query.page()?;
    let found = services.sign_offs.list(query.run.as_ref(), after.as_ref(), limit + 1).await?;
    Ok(Json(cursor::page(found, limit, |sign_off| {
        Place::of(sign_off.requested_at, sign_off.id.as_str())
    })))
}

/// Draw people of a completed run: some of every kind, the same for the same seed. They are being
/// drawn when this answers.
#[utoipa::path(
    post, path = route::SIGN_OFFS, tag = "sign-offs", request_body = NewSignOff,
    responses(
        (status = 201, body = SignOff),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn start(
    Authorized { user, .. }: Authorized<ControlRuns>,
    services: Data<Services>,
    body: Json<NewSignOff>,
) -> Result<HttpResponse, ApiError> {
    let problems = body.problems();
    if !problems.is_empty() {
        return Err(ApiError::InvalidFields(problems));
    }
    let sign_off = services.sign_offs.start(&By::from(&user), &body).await?;
    let location = route::of_sign_off(route::SIGN_OFF, &sign_off.id);
    Ok(HttpResponse::Created().insert_header((header::LOCATION, location)).json(sign_off))
}

/// One sign-off: what was drawn, and what the judgements say of everybody.
#[utoipa::path(
    get, path = route::SIGN_OFF, tag = "sign-offs", params(("id" = SignOffId, Path)),
    responses(
        (status = 200, body = SignOff),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn read(
    _: Authorized<Read>,
    services: Data<Services>,
    id: Path<SignOffId>,
) -> Result<Json<SignOff>, ApiError> {
    Ok(Json(services.sign_offs.find(&id).await?))
}

/// Everybody of a sample, without a value: of what kind they are, and what was said of them.
#[utoipa::path(
    get, path = route::SIGN_OFF_PEOPLE, tag = "sign-offs", params(("id" = SignOffId, Path)),
    responses(
        (status = 200, body = Vec<SampledPerson>),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn people(
    _: Authorized<Read>,
    services: Data<Services>,
    id: Path<SignOffId>,
) -> Result<Json<Vec<SampledPerson>>, ApiError> {
    Ok(Json(services.sign_offs.people(&id).await?))
}

/// Somebody's rows on both sides, over all tables that refer to them, as they are now. Who asked,
/// and the reason, go into the audit trail first.
#[utoipa::path(
    post, path = route::SIGN_OFF_REVEAL, tag = "sign-offs",
    params(("id" = SignOffId, Path), ("number" = u32, Path)), request_body = RevealRequest,
    responses(
        (status = 200, body = RevealedPerson),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 502, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn reveal(
    Authorized { user, .. }: Authorized<ReadUnmasked>,
    services: Data<Services>,
    path: Path<(SignOffId, String)>,
    body: Json<RevealRequest>,
) -> Result<Json<RevealedPerson>, ApiError> {
    let (id, number) = person(path)?;
    let reason = reason(&body.reason)?;
    Ok(Json(services.sign_offs.reveal(&By::from(&user), &reason, &id, number).await?))
}

/// Say that what both sides have of somebody is right, or that it is not, and why. Whoever says it
/// has looked at both sides. Until the sign-off is signed, it can be said anew.
#[utoipa::path(
    post, path = route::SIGN_OFF_JUDGEMENT, tag = "sign-offs",
    params(("id" = SignOffId, Path), ("number" = u32, Path)), request_body = NewJudgement,
    responses(
        (status = 200, body = SampledPerson),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn judge(
    Authorized { user, .. }: Authorized<SignsOff>,
    services: Data<Services>,
    path: Path<(SignOffId, String)>,
    body: Json<NewJudgement>,
) -> Result<Json<SampledPerson>, ApiError> {
    let (id, number) = person(path)?;
    let reason = reason(&body.reason)?;
    Ok(Json(
        services.sign_offs.judge(&By::from(&user), &id, number, body.judgement, &reason).await?,
    ))
}

/// Sign for a sample of which everybody was judged. What was said stands from then on.
#[utoipa::path(
    post, path = route::SIGN_OFF_SIGNATURE, tag = "sign-offs",
    params(("id" = SignOffId, Path)),
    responses(
        (status = 200, body = SignOff),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn sign(
    Authorized { user, .. }: Authorized<SignsOff>,
    services: Data<Services>,
    id: Path<SignOffId>,
) -> Result<Json<SignOff>, ApiError> {
    Ok(Json(services.sign_offs.sign(&By::from(&user), &id).await?))
}

/// Whom a path names.
fn person(path: Path<(SignOffId, String)>) -> Result<(SignOffId, u32), ApiError> {
    let (id, number) = path.into_inner();
    let number = number.parse().map_err(|_| ApiError::SignOff(SignOffError::PersonNotFound))?;
    Ok((id, number))
}
