//! Searches for people who are there twice: started, listed, and what their models know.

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::{Data, Json, Path, Query};
use serde::Deserialize;
use shared::duplicate::{ModelSummary, Simulation, Verdict, Veto};
use shared::id::{MatchingId, PlanId};
use shared::matching::{
    ClusterItem, ClusterOrder, MatchFilter, MatchItem, MatchOrder, Matching, Merge, MergeState,
    NewMatching, ReviewState, TriedThresholds,
};
use shared::page::{Cursor, Page, PageQuery};
use shared::problem::Problem;
use shared::route;

use super::extract::Authorized;
use super::{ApiError, Services, cursor};
use crate::auth::permission::{Read, ReviewDuplicates};
use crate::jobs::rollbacks::By;
use crate::store::clusters::ClusterPlace;
use crate::store::matches::QueuePlace;
use crate::store::{Place, clusters, matches, matchings, merges};

/// Which searches are wanted, and from where on.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
pub(super) struct MatchingQuery {
    /// Only those of this plan.
    plan: Option<PlanId>,
    after: Option<Cursor>,
    limit: Option<u32>,
}

/// All searches, the newest first.
#[utoipa::path(
    get, path = route::MATCHINGS, tag = "duplicates", params(MatchingQuery),
    responses((status = 200, body = Page<Matching>)),
)]
pub(super) async fn list(
    _: Authorized<Read>,
    services: Data<Services>,
    query: Query<MatchingQuery>,
) -> Result<Json<Page<Matching>>, ApiError> {
    let page = PageQuery { after: query.after.clone(), limit: query.limit };
    let after = cursor::decode(page.after.as_ref())?;
    let limit = page.limit();
    let pool = services.store.pool();
    let found = matchings::list(pool, query.plan.as_ref(), after.as_ref(), limit + 1).await?;
    Ok(Json(cursor::page(found, limit, |matching| {
        Place::of(matching.started_at, matching.id.as_str())
    })))
}

/// Look for people who are in a plan's target twice. It is under way when this answers. What people
/// decided before stands; where the same was looked for before, only what changed is compared.
#[utoipa::path(
    post, path = route::MATCHINGS, tag = "duplicates", request_body = NewMatching,
    responses(
        (status = 201, body = Matching),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn start(
    Authorized { user, .. }: Authorized<ReviewDuplicates>,
    services: Data<Services>,
    body: Json<NewMatching>,
) -> Result<HttpResponse, ApiError> {
    let matching = services.duplicates.start(&By::from(&user), &body).await?;
    let location = route::of_matching(route::MATCHING, &matching.id);
    Ok(HttpResponse::Created().insert_header((header::LOCATION, location)).json(matching))
}

/// One search and what it came to.
#[utoipa::path(
    get, path = route::MATCHING, tag = "duplicates", params(("id" = MatchingId, Path)),
    responses((status = 200, body = Matching)),
)]
pub(super) async fn read(
    _: Authorized<Read>,
    services: Data<Services>,
    id: Path<MatchingId>,
) -> Result<Json<Matching>, ApiError> {
    Ok(Json(services.duplicates.find(&id).await?))
}

/// What the model of a search knows: chances of each agreement, what each pass found, and how many
/// pairs weigh how much.
#[utoipa::path(
    get, path = route::MATCHING_MODEL, tag = "duplicates", params(("id" = MatchingId, Path)),
    responses(
        (status = 200, body = ModelSummary),
        (status = 409, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn model(
    _: Authorized<Read>,
    services: Data<Services>,
    id: Path<MatchingId>,
) -> Result<Json<ModelSummary>, ApiError> {
    Ok(Json(services.duplicates.model(&id).await?))
}

/// What two thresholds would do with all pairs of a search, by the model's own count, and with
/// those that people decided. Nothing is changed.
#[utoipa::path(
    get, path = route::MATCHING_SIMULATION, tag = "duplicates",
    params(("id" = MatchingId, Path), TriedThresholds),
    responses(
        (status = 200, body = Simulation),
        (status = 409, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn simulate(
    _: Authorized<Read>,
    services: Data<Services>,
    id: Path<MatchingId>,
    tried: Query<TriedThresholds>,
) -> Result<Json<Simulation>, ApiError> {
    Ok(Json(services.duplicates.simulate(&id, *tried).await?))
}

/// Which pairs are wanted, and from where on.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
pub(super) struct QueueQuery {
    /// Pairs of this computed verdict: `match` or `review`.
    #[param(value_type = Option<String>)]
    verdict: Option<Verdict>,
    /// Pairs that stand so: `open`, `decided` or `merged`.
    #[param(value_type = Option<String>)]
    state: Option<ReviewState>,
    /// Pairs that this keeps from being merged unseen.
    #[param(value_type = Option<String>)]
    veto: Option<Veto>,
    /// Pairs of at least this weight, in bits.
    from: Option<f64>,
    /// Pairs of at most this weight, in bits.
    to: Option<f64>,
    /// `doubt`, the most doubtful first, unless asked otherwise; `frequency`; `weight`.
    #[param(value_type = Option<String>)]
    sort: MatchOrder,
    after: Option<Cursor>,
    limit: Option<u32>,
}

/// The pairs of a search as a queue. No value of a person is in it.
#[utoipa::path(
    get, path = route::MATCHING_MATCHES, tag = "duplicates",
    params(("id" = MatchingId, Path), QueueQuery),
    responses((status = 200, body = Page<MatchItem>)),
)]
pub(super) async fn queue(
    _: Authorized<Read>,
    services: Data<Services>,
    id: Path<MatchingId>,
    query: Query<QueueQuery>,
) -> Result<Json<Page<MatchItem>>, ApiError> {
    let QueueQuery { verdict, state, veto, from, to, sort, after, limit } = query.into_inner();
    let filter = MatchFilter { verdict, state, veto, from, to, sort };
    let after: Option<QueuePlace> = cursor::decode(after.as_ref())?;
    let limit = PageQuery { after: None, limit }.limit();
    services.duplicates.find(&id).await?;
    let pool = services.store.pool();
    let found = matches::list(pool, &id, &filter, after.as_ref(), limit + 1).await?;
    Ok(Json(cursor::page(found, limit, |item| QueuePlace::of(item, filter.sort))))
}

/// Which clusters are wanted, and from where on.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
pub(super) struct ClusterQuery {
    /// `size`, the largest first, unless asked otherwise; `weakest_link`.
    #[param(value_type = Option<String>)]
    sort: ClusterOrder,
    after: Option<Cursor>,
    limit: Option<u32>,
}

/// The people whom a search found to be there more than once.
#[utoipa::path(
    get, path = route::MATCHING_CLUSTERS, tag = "duplicates",
    params(("id" = MatchingId, Path), ClusterQuery),
    responses((status = 200, body = Page<ClusterItem>)),
)]
pub(super) async fn clusters(
    _: Authorized<Read>,
    services: Data<Services>,
    id: Path<MatchingId>,
    query: Query<ClusterQuery>,
) -> Result<Json<Page<ClusterItem>>, ApiError> {
    let ClusterQuery { sort, after, limit } = query.into_inner();
    let after: Option<ClusterPlace> = cursor::decode(after.as_ref())?;
    let limit = PageQuery { after: None, limit }.limit();
    services.duplicates.find(&id).await?;
    let pool = services.store.pool();
    let found = clusters::list(pool, &id, sort, after.as_ref(), limit + 1).await?;
    Ok(Json(cursor::page(found, limit, |item| ClusterPlace::of(item, sort))))
}

/// Which merges are wanted, and from where on.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
pub(super) struct MergeQuery {
    /// Only those that stand so.
    state: Option<MergeState>,
    after: Option<Cursor>,
    limit: Option<u32>,
}

/// Merges of the people among whom a search looked, the newest first.
#[utoipa::path(
    get, path = route::MATCHING_MERGES, tag = "duplicates",
    params(("id" = MatchingId, Path), MergeQuery),
    responses((status = 200, body = Page<Merge>)),
)]
pub(super) async fn merges(
    _: Authorized<Read>,
    services: Data<Services>,
    id: Path<MatchingId>,
    query: Query<MergeQuery>,
) -> Result<Json<Page<Merge>>, ApiError> {
    let page = PageQuery { after: query.after.clone(), limit: query.limit };
    let after: Option<Place> = cursor::decode(page.after.as_ref())?;
    let limit = page.limit();
    let people = services.duplicates.find(&id).await?.people;
    let pool = services.store.pool();
    let found = merges::list(pool, &people, query.state, after.as_ref(), limit + 1).await?;
    Ok(Json(cursor::page(found, limit, |merge| Place::of(merge.decided_at, merge.id.as_str()))))
}
