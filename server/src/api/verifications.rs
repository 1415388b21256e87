//! Comparing what a run left with what it read: started, paused, resumed, and what it found.

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::{Data, Json, Path, Query};
use shared::id::VerificationId;
use shared::page::{Page, PageQuery};
use shared::problem::Problem;
use shared::quarantine::RevealRequest;
use shared::route;
use shared::verification::{
    FreshnessNow, Mismatch, MismatchFilter, MismatchKind, NewVerification, RevealedKey,
    Verification,
};

use super::cursor::OfRun;
use super::extract::{Authorized, reason};
use super::{ApiError, Services, cursor};
use crate::auth::permission::{ControlRuns, Read, ReadUnmasked};
use crate::jobs::rollbacks::By;
use crate::store::{Place, verifications};

/// All verifications, the newest first.
#[utoipa::path(
    get, path = route::VERIFICATIONS, tag = "verifications", params(OfRun),
    responses((status = 200, body = Page<Verification>)),
)]
pub(super) async fn list(
    _: Authorized<Read>,
    services: Data<Services>,
    query: Query<OfRun>,
) -> Result<Json<Page<Verification>>, ApiError> {
    let (after, limit) = query.page()?;
    let pool = services.store.pool();
    let found = verifications::list(pool, query.run.as_ref(), after.as_ref(), limit + 1).await?;
    Ok(Json(cursor::page(found, limit, |verification| {
        Place::of(verification.started_at, verification.id.as_str())
    })))
}

/// Compare the two sides of a completed run: every row, a sample, or what changed since it was last
/// found equal. It is under way when this answers.
#[utoipa::path(
    post, path = route::VERIFICATIONS, tag = "verifications", request_body = NewVerification,
    responses(
        (status = 201, body = Verification),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn start(
    Authorized { user, .. }: Authorized<ControlRuns>,
    services: Data<Services>,
    body: Json<NewVerification>,
) -> Result<HttpResponse, ApiError> {
    let problems = body.problems();
    if !problems.is_empty() {
        return Err(ApiError::InvalidFields(problems));
    }
    let verification = services.verifications.start(&By::from(&user), &body).await?;
    let location = route::of_verification(route::VERIFICATION, &verification.id);
    Ok(HttpResponse::Created().insert_header((header::LOCATION, location)).json(verification))
}

/// One verification: how far it is, or what it found, table by table.
#[utoipa::path(
    get, path = route::VERIFICATION, tag = "verifications",
    params(("id" = VerificationId, Path)),
    responses(
        (status = 200, body = Verification),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn read(
    _: Authorized<Read>,
    services: Data<Services>,
    id: Path<VerificationId>,
) -> Result<Json<Verification>, ApiError> {
    Ok(Json(services.verifications.find(&id).await?))
}

/// Stop a verification after what is being compared. It is paused a moment later and can go on.
#[utoipa::path(
    post, path = route::VERIFICATION_PAUSE, tag = "verifications",
    params(("id" = VerificationId, Path)),
    responses(
        (status = 202, body = Verification),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn pause(
    Authorized { user, .. }: Authorized<ControlRuns>,
    services: Data<Services>,
    id: Path<VerificationId>,
) -> Result<HttpResponse, ApiError> {
    let verification = services.verifications.pause(&By::from(&user), &id).await?;
    Ok(HttpResponse::Accepted().json(verification))
}

/// Go on with a verification that is paused or failed. What was compared is not compared again,
/// unless a side changed meanwhile.
#[utoipa::path(
    post, path = route::VERIFICATION_RESUME, tag = "verifications",
    params(("id" = VerificationId, Path)),
    responses(
        (status = 202, body = Verification),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn resume(
    Authorized { user, .. }: Authorized<ControlRuns>,
    services: Data<Services>,
    id: Path<VerificationId>,
) -> Result<HttpResponse, ApiError> {
    let verification = services.verifications.resume(&By::from(&user), &id).await?;
    Ok(HttpResponse::Accepted().json(verification))
}

/// Whether a verification still holds. Both databases are asked whether they changed since it
/// began; a side that cannot tell counts as changed.
#[utoipa::path(
    get, path = route::VERIFICATION_FRESHNESS, tag = "verifications",
    params(("id" = VerificationId, Path)),
    responses(
        (status = 200, body = FreshnessNow),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 502, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn freshness(
    _: Authorized<Read>,
    services: Data<Services>,
    id: Path<VerificationId>,
) -> Result<Json<FreshnessNow>, ApiError> {
    Ok(Json(services.verifications.freshness(&id).await?))
}

/// The rows that are not the same on both sides, in the order of the tables: by a digest of their
/// key, with the columns that differ and without a value.
#[utoipa::path(
    get, path = route::VERIFICATION_MISMATCHES, tag = "verifications",
    params(
        ("id" = VerificationId, Path),
        ("table" = Option<String>, Query, description = "the target table"),
        ("kind" = Option<MismatchKind>, Query),
        PageQuery,
    ),
    responses(
        (status = 200, body = Page<Mismatch>),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 502, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn mismatches(
    _: Authorized<Read>,
    services: Data<Services>,
    id: Path<VerificationId>,
    filter: Query<MismatchFilter>,
    page: Query<PageQuery>,
) -> Result<Json<Page<Mismatch>>, ApiError> {
    let (filter, after) = (filter.into_inner(), page.after.as_ref());
    Ok(Json(services.verifications.mismatches(&id, filter, after, page.limit()).await?))
}

/// The key of a row that is not the same. Who asked, and the reason, go into the audit trail first.
#[utoipa::path(
    post, path = route::VERIFICATION_REVEAL, tag = "verifications",
    params(("id" = VerificationId, Path), ("digest" = String, Path)),
    request_body = RevealRequest,
    responses(
        (status = 200, body = RevealedKey),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn reveal(
    Authorized { user, .. }: Authorized<ReadUnmasked>,
    services: Data<Services>,
    path: Path<(VerificationId, String)>,
    body: Json<RevealRequest>,
) -> Result<Json<RevealedKey>, ApiError> {
    let (id, digest) = path.into_inner();
    let reason = reason(&body.reason)?;
    let actor = (&user).into();
    Ok(Json(services.verifications.reveal(actor, &reason, &id, &digest).await?))
}
