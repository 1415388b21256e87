//! People who are there twice: searches, their queue, and what is decided.

use shared::duplicate::{ModelSummary, Simulation};
use shared::id::{ClusterKey, MatchId, MatchingId, MergeId, PlanId};
use shared::matching::{
    AutoMerge, ClusterDetail, ClusterItem, ClusterOrder, DecisionOutcome, MatchDetail, MatchItem,
    MatchOrder, Matching, Merge, ModelUse, NewDecision, NewMatching, NewMerge, NewUnmerge,
    Remember, ReviewState, Unmerged,
};
use shared::page::{Cursor, Page};
use shared::quarantine::RevealRequest;
use shared::route;

use super::{ApiError, delete, get, page_of, post, put, send, with_query};

/// One page of the searches, latest first.
pub(crate) async fn list(after: Option<&Cursor>, limit: u32) -> Result<Page<Matching>, ApiError> {
    send(get(&page_of(route::MATCHINGS, after, limit))).await
}

/// Looks for people who are in the plan's target twice.
pub(crate) async fn start(
    plan: &PlanId,
    model: ModelUse,
    merge: AutoMerge,
) -> Result<Matching, ApiError> {
    let new = NewMatching { plan_id: plan.clone(), model, merge };
    send(post(route::MATCHINGS).json(&new)?).await
}

pub(crate) async fn model(id: &MatchingId) -> Result<ModelSummary, ApiError> {
    send(get(&route::of_matching(route::MATCHING_MODEL, id))).await
}

/// What two thresholds would do.
pub(crate) async fn simulate(
    id: &MatchingId,
    automatic: f64,
    review: f64,
) -> Result<Simulation, ApiError> {
    let (automatic, review) = (automatic.to_string(), review.to_string());
    let path = with_query(
        &route::of_matching(route::MATCHING_SIMULATION, id),
        [("automatic", Some(automatic.as_str())), ("review", Some(review.as_str()))],
    );
    send(get(&path)).await
}

/// One page of a search's queue.
pub(crate) async fn queue(
    id: &MatchingId,
    sort: MatchOrder,
    state: Option<ReviewState>,
    after: Option<&Cursor>,
    limit: u32,
) -> Result<Page<MatchItem>, ApiError> {
    let limit = limit.to_string();
    let sort = match sort {
        MatchOrder::Doubt => "doubt",
        MatchOrder::Frequency => "frequency",
        MatchOrder::Weight => "weight",
    };
    let state = state.map(|state| match state {
        ReviewState::Open => "open",
        ReviewState::Decided => "decided",
        ReviewState::Merged => "merged",
    });
    let path = with_query(
        &route::of_matching(route::MATCHING_MATCHES, id),
        [
            ("sort", Some(sort)),
            ("state", state),
            ("limit", Some(limit.as_str())),
            ("after", after.map(|after| after.0.as_str())),
        ],
    );
    send(get(&path)).await
}

/// A pair without a value of its people.
pub(crate) async fn pair(id: &MatchId) -> Result<MatchDetail, ApiError> {
    send(get(&route::of_match(route::MATCH, id))).await
}

/// A pair with its people, for a reason that goes into the audit trail.
pub(crate) async fn reveal(id: &MatchId, reason: &str) -> Result<MatchDetail, ApiError> {
    let request = RevealRequest { reason: reason.to_owned() };
    send(post(&route::of_match(route::MATCH_REVEAL, id)).json(&request)?).await
}

pub(crate) async fn decide(id: &MatchId, new: &NewDecision) -> Result<DecisionOutcome, ApiError> {
    send(put(&route::of_match(route::MATCH_DECISION, id)).json(new)?).await
}

/// Takes back what was said of a pair.
pub(crate) async fn undo(id: &MatchId) -> Result<DecisionOutcome, ApiError> {
    send(delete(&route::of_match(route::MATCH_DECISION, id))).await
}

/// One page of the clusters of a search.
pub(crate) async fn clusters(
    id: &MatchingId,
    sort: ClusterOrder,
    after: Option<&Cursor>,
    limit: u32,
) -> Result<Page<ClusterItem>, ApiError> {
    let limit = limit.to_string();
    let sort = match sort {
        ClusterOrder::Size => "size",
        ClusterOrder::WeakestLink => "weakest_link",
    };
    let path = with_query(
        &route::of_matching(route::MATCHING_CLUSTERS, id),
        [
            ("sort", Some(sort)),
            ("limit", Some(limit.as_str())),
            ("after", after.map(|after| after.0.as_str())),
        ],
    );
    send(get(&path)).await
}

/// A cluster without a value of its people.
pub(crate) async fn cluster(key: &ClusterKey) -> Result<ClusterDetail, ApiError> {
    send(get(&route::of_cluster(route::CLUSTER, key))).await
}

/// A cluster with its people, for a reason that goes into the audit trail.
pub(crate) async fn reveal_cluster(
    key: &ClusterKey,
    reason: &str,
) -> Result<ClusterDetail, ApiError> {
    let request = RevealRequest { reason: reason.to_owned() };
    send(post(&route::of_cluster(route::CLUSTER_REVEAL, key)).json(&request)?).await
}

/// Makes a cluster, or some of it, one row.
pub(crate) async fn merge_cluster(key: &ClusterKey, new: &NewMerge) -> Result<Merge, ApiError> {
    send(post(&route::of_cluster(route::CLUSTER_MERGE, key)).json(new)?).await
}

/// One page of the merges of a search's people, latest first.
pub(crate) async fn merges(
    id: &MatchingId,
    after: Option<&Cursor>,
    limit: u32,
) -> Result<Page<Merge>, ApiError> {
    send(get(&page_of(&route::of_matching(route::MATCHING_MERGES, id), after, limit))).await
}

/// Takes a merge back. Somebody has to look before its people are merged again.
pub(crate) async fn unmerge(id: &MergeId) -> Result<Unmerged, ApiError> {
    let new = NewUnmerge { remember: Remember::Review };
    send(post(&route::of_merge(route::MERGE_UNMERGE, id)).json(&new)?).await
}
