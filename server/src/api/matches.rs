//! Pairs, clusters and merges of people: looked at, decided, and taken back.

use actix_web::web::{Data, Json, Path};
use shared::id::{ClusterKey, MatchId, MergeId};
use shared::matching::{
    ClusterDetail, DecisionOutcome, MatchDetail, Merge, NewDecision, NewMerge, NewUnmerge, Unmerged,
};
use shared::problem::Problem;
use shared::quarantine::RevealRequest;
use shared::route;

use super::extract::Authorized;
use super::quarantine::reason;
use super::{ApiError, Services};
use crate::auth::permission::{Read, ReviewDuplicates};
use crate::jobs::duplicates::Look;
use crate::jobs::rollbacks::By;

/// One pair: how far the two agree, field by field, without a value of theirs.
#[utoipa::path(
    get, path = route::MATCH, tag = "duplicates", params(("id" = MatchId, Path)),
    responses(
        (status = 200, body = MatchDetail),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 502, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn read_match(
    _: Authorized<Read>,
    services: Data<Services>,
    id: Path<MatchId>,
) -> Result<Json<MatchDetail>, ApiError> {
    Ok(Json(services.duplicates.pair(&id, Look::Masked).await?))
}

/// One pair side by side, with its values. Who asked, and the reason, go into the audit trail first.
#[utoipa::path(
    post, path = route::MATCH_REVEAL, tag = "duplicates", params(("id" = MatchId, Path)),
    request_body = RevealRequest,
    responses(
        (status = 200, body = MatchDetail),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 502, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn reveal_match(
    Authorized { user, .. }: Authorized<ReviewDuplicates>,
    services: Data<Services>,
    id: Path<MatchId>,
    body: Json<RevealRequest>,
) -> Result<Json<MatchDetail>, ApiError> {
    let reason = reason(Some(&body.reason), "reason")?;
    let by = By::from(&user);
    Ok(Json(services.duplicates.pair(&id, Look::Clear(&by, &reason)).await?))
}

/// Say of a pair that it is the same person, that it is not, or that somebody else should look. Who
/// is the same person becomes one row at once; what survives can be chosen field by field.
#[utoipa::path(
    put, path = route::MATCH_DECISION, tag = "duplicates", params(("id" = MatchId, Path)),
    request_body = NewDecision,
    responses(
        (status = 200, body = DecisionOutcome),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 502, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn decide(
    Authorized { user, .. }: Authorized<ReviewDuplicates>,
    services: Data<Services>,
    id: Path<MatchId>,
    body: Json<NewDecision>,
) -> Result<Json<DecisionOutcome>, ApiError> {
    Ok(Json(services.duplicates.decide(&By::from(&user), &id, &body).await?))
}

/// Take back what was said of a pair, and the merge that was made for it.
#[utoipa::path(
    delete, path = route::MATCH_DECISION, tag = "duplicates", params(("id" = MatchId, Path)),
    responses(
        (status = 200, body = DecisionOutcome),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 502, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn undo(
    Authorized { user, .. }: Authorized<ReviewDuplicates>,
    services: Data<Services>,
    id: Path<MatchId>,
) -> Result<Json<DecisionOutcome>, ApiError> {
    Ok(Json(services.duplicates.undo(&By::from(&user), &id).await?))
}

/// People whom a search found to be one, without a value of theirs.
#[utoipa::path(
    get, path = route::CLUSTER, tag = "duplicates", params(("id" = ClusterKey, Path)),
    responses((status = 200, body = ClusterDetail)),
)]
pub(super) async fn read_cluster(
    _: Authorized<Read>,
    services: Data<Services>,
    id: Path<ClusterKey>,
) -> Result<Json<ClusterDetail>, ApiError> {
    Ok(Json(services.duplicates.cluster(&id, Look::Masked).await?))
}

/// The same with their values. Who asked, and the reason, go into the audit trail first.
#[utoipa::path(
    post, path = route::CLUSTER_REVEAL, tag = "duplicates", params(("id" = ClusterKey, Path)),
    request_body = RevealRequest,
    responses(
        (status = 200, body = ClusterDetail),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 502, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn reveal_cluster(
    Authorized { user, .. }: Authorized<ReviewDuplicates>,
    services: Data<Services>,
    id: Path<ClusterKey>,
    body: Json<RevealRequest>,
) -> Result<Json<ClusterDetail>, ApiError> {
    let reason = reason(Some(&body.reason), "reason")?;
    let by = By::from(&user);
    Ok(Json(services.duplicates.cluster(&id, Look::Clear(&by, &reason)).await?))
}

/// Make a cluster, or some of it, one row. Whoever asks says that they are all the same person.
#[utoipa::path(
    post, path = route::CLUSTER_MERGE, tag = "duplicates", params(("id" = ClusterKey, Path)),
    request_body = NewMerge,
    responses(
        (status = 200, body = Merge),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 502, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn merge_cluster(
    Authorized { user, .. }: Authorized<ReviewDuplicates>,
    services: Data<Services>,
    id: Path<ClusterKey>,
    body: Json<NewMerge>,
) -> Result<Json<Merge>, ApiError> {
    Ok(Json(services.duplicates.merge_cluster(&By::from(&user), &id, &body).await?))
}

/// One merge: of how many rows, whose word it was, and what became of it.
#[utoipa::path(
    get, path = route::MERGE, tag = "duplicates", params(("id" = MergeId, Path)),
    responses((status = 200, body = Merge)),
)]
pub(super) async fn read_merge(
    _: Authorized<Read>,
    services: Data<Services>,
    id: Path<MergeId>,
) -> Result<Json<Merge>, ApiError> {
    Ok(Json(services.duplicates.find_merge(&id).await?))
}

/// Take a merge back: rows and references are what they were, and what was changed since stays. No
/// search merges its people again before somebody looked.
#[utoipa::path(
    post, path = route::MERGE_UNMERGE, tag = "duplicates", params(("id" = MergeId, Path)),
    request_body = NewUnmerge,
    responses(
        (status = 200, body = Unmerged),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 502, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn unmerge(
    Authorized { user, .. }: Authorized<ReviewDuplicates>,
    services: Data<Services>,
    id: Path<MergeId>,
    body: Json<NewUnmerge>,
) -> Result<Json<Unmerged>, ApiError> {
    let duplicates = &services.duplicates;
    let subject = duplicates.subject_of_merge(&id).await?;
    Ok(Json(duplicates.unmerge(&By::from(&user), &subject, &id, body.remember).await?))
}
