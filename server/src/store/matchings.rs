//! Searches for people who are there twice.

use chrono::{DateTime, Utc};
use shared::duplicate::ModelSummary;
use shared::id::{MatchingId, PlanId};
use shared::matching::{Matching, MatchingCounts, MatchingState, Side};
use shared::run::Failure;
use sqlx::any::AnyRow;

use super::signs::Abandoned;
use super::{Executor, Place, StoreError, Transaction, column};

/// A search that begins.
#[derive(Debug, Clone)]
pub struct NewMatching<'a> {
    pub id: &'a MatchingId,
    pub plan_id: Option<&'a PlanId>,
    pub plan_name: &'a str,
    pub people: &'a str,
    pub side: Side,
    pub owner: &'a str,
    pub started_by: &'a str,
    /// As JSON.
    pub policy: &'a str,
}

pub async fn insert(
    executor: impl Executor<'_>,
    new: &NewMatching<'_>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query(
        "insert into matchings (id, plan_id, plan_name, people, side, state, owner, started_by,
                                started_at, counts, policy)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    )
    .bind(new.id.as_str())
    .bind(new.plan_id.map(PlanId::as_str))
    .bind(new.plan_name)
    .bind(new.people)
    .bind(new.side.as_str())
    .bind(MatchingState::Running.as_str())
    .bind(new.owner)
    .bind(new.started_by)
    .bind(now.timestamp_micros())
    .bind("{}")
    .bind(new.policy)
    .execute(executor)
    .await
    .map(drop)
    .map_err(StoreError::while_doing("adding a search for duplicates"))
}

/// What a search came to, as documents.
#[derive(Debug, Clone)]
pub struct Found<'a> {
    pub counts: MatchingCounts,
    pub fingerprint: &'a str,
    /// The model, as JSON.
    pub model: &'a str,
    pub summary: &'a ModelSummary,
}

/// Ends a search that found what it could. False when it was not running any more.
pub async fn complete(
    executor: impl Executor<'_>,
    id: &MatchingId,
    found: &Found<'_>,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let doing = "ending a search for duplicates";
    sqlx::query(
        "update matchings
         set state = $1, ended_at = $2, counts = $3, fingerprint = $4, model = $5, summary = $6
         where id = $7 and state = $8",
    )
    .bind(MatchingState::Completed.as_str())
    .bind(now.timestamp_micros())
    .bind(super::document(&found.counts, doing)?)
    .bind(found.fingerprint)
    .bind(found.model)
    .bind(super::document(found.summary, doing)?)
    .bind(id.as_str())
    .bind(MatchingState::Running.as_str())
    .execute(executor)
    .await
    .map(|done| done.rows_affected() == 1)
    .map_err(StoreError::while_doing(doing))
}

/// Ends a search that could not be made. False when it was not running any more.
pub async fn fail(
    executor: impl Executor<'_>,
    id: &MatchingId,
    failure: &Failure,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    sqlx::query(
        "update matchings
         set state = $1, ended_at = $2, failure_code = $3, failure_message = $4
         where id = $5 and state = $6",
    )
    .bind(MatchingState::Failed.as_str())
    .bind(now.timestamp_micros())
    .bind(failure.code.as_str())
    .bind(failure.message.as_str())
    .bind(id.as_str())
    .bind(MatchingState::Running.as_str())
    .execute(executor)
    .await
    .map(|done| done.rows_affected() == 1)
    .map_err(StoreError::while_doing("ending a search for duplicates"))
}

/// Searches that are said to be under way and that nobody works on.
pub async fn list_abandoned(
    executor: impl Executor<'_>,
    abandoned: Abandoned<'_>,
) -> Result<Vec<MatchingId>, StoreError> {
    sqlx::query(
        "select id from matchings
         where state = $1 and (owner = $2 or heartbeat_at < $3)
         order by started_at, id",
    )
    .bind(MatchingState::Running.as_str())
    .bind(abandoned.owner)
    .bind(abandoned.silent_since.timestamp_micros())
    .fetch_all(executor)
    .await
    .and_then(|rows| rows.iter().map(|row| column::parsed(row, "id")).collect())
    .map_err(StoreError::while_doing("looking for abandoned searches for duplicates"))
}

pub async fn find(
    executor: impl Executor<'_>,
    id: &MatchingId,
) -> Result<Option<Matching>, StoreError> {
    sqlx::query(
        "select id, plan_id, plan_name, people, side, state, started_by, started_at, ended_at,
                failure_code, failure_message, counts, fingerprint
         from matchings
         where id = $1",
    )
    .bind(id.as_str())
    .fetch_optional(executor)
    .await
    .and_then(|row| row.as_ref().map(matching_of).transpose())
    .map_err(StoreError::while_doing("finding a search for duplicates"))
}

/// The newest search first; of one plan when it is named.
pub async fn list(
    executor: impl Executor<'_>,
    plan: Option<&PlanId>,
    after: Option<&Place>,
    limit: u32,
) -> Result<Vec<Matching>, StoreError> {
    let (started_at, id) = Place::bounds(after);
    sqlx::query(
        "select id, plan_id, plan_name, people, side, state, started_by, started_at, ended_at,
                failure_code, failure_message, counts, fingerprint
         from matchings
         where (cast($1 as text) is null or plan_id = $1)
             and (started_at < $2 or (started_at = $2 and id < $3))
         order by started_at desc, id desc
         limit $4",
    )
    .bind(plan.map(PlanId::as_str))
    .bind(started_at)
    .bind(id)
    .bind(i64::from(limit))
    .fetch_all(executor)
    .await
    .and_then(|rows| rows.iter().map(matching_of).collect())
    .map_err(StoreError::while_doing("listing searches for duplicates"))
}

/// The latest search among these people that was completed, with its model.
pub async fn find_latest(
    executor: impl Executor<'_>,
    people: &str,
) -> Result<Option<(Matching, Option<String>)>, StoreError> {
    sqlx::query(
        "select id, plan_id, plan_name, people, side, state, started_by, started_at, ended_at,
                failure_code, failure_message, counts, fingerprint, model
         from matchings
         where people = $1 and state = 'completed'
         order by started_at desc, id desc
         limit 1",
    )
    .bind(people)
    .fetch_optional(executor)
    .await
    .and_then(|row| {
        let Some(row) = row else { return Ok(None) };
        Ok(Some((matching_of(&row)?, column::optional_text(&row, "model")?)))
    })
    .map_err(StoreError::while_doing("finding the latest search for duplicates"))
}

/// The search among these people that is under way, if one is.
pub async fn find_running(
    executor: impl Executor<'_>,
    people: &str,
) -> Result<Option<MatchingId>, StoreError> {
    sqlx::query("select min(id) as id from matchings where people = $1 and state = 'running'")
        .bind(people)
        .fetch_one(executor)
        .await
        .and_then(|row| match column::optional_text(&row, "id")? {
            Some(_) => column::parsed(&row, "id").map(Some),
            None => Ok(None),
        })
        .map_err(StoreError::while_doing("finding a search that is under way"))
}

/// A search that came to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    pub id: MatchingId,
    pub started_at: DateTime<Utc>,
    pub ended_at: DateTime<Utc>,
    pub state: MatchingState,
}

/// The searches among these people that came to an end, the newest first.
pub async fn list_ended(
    executor: impl Executor<'_>,
    people: &str,
) -> Result<Vec<Ended>, StoreError> {
    sqlx::query(
        "select id, state, started_at, ended_at
         from matchings
         where people = $1 and state <> 'running' and ended_at is not null
         order by started_at desc, id desc",
    )
    .bind(people)
    .fetch_all(executor)
    .await
    .and_then(|rows| {
        rows.iter()
            .map(|row| {
                Ok(Ended {
                    id: column::parsed(row, "id")?,
                    started_at: column::time(row, "started_at")?,
                    ended_at: column::time(row, "ended_at")?,
                    state: column::named(row, "state", MatchingState::from_name)?,
                })
            })
            .collect()
    })
    .map_err(StoreError::while_doing("listing ended searches for duplicates"))
}

/// All people among whom somebody looked.
pub async fn list_people(executor: impl Executor<'_>) -> Result<Vec<String>, StoreError> {
    sqlx::query("select distinct people from matchings order by people")
        .fetch_all(executor)
        .await
        .and_then(|rows| rows.iter().map(|row| column::text(row, "people")).collect())
        .map_err(StoreError::while_doing("listing people who were searched"))
}

/// Forgets an ended search with its pairs and its clusters. What people decided of them, and what was
/// merged, is no part of it. False when it is not there, or is under way.
pub async fn forget(tx: &mut Transaction, id: &MatchingId) -> Result<bool, StoreError> {
    let failed = StoreError::while_doing("forgetting a search for duplicates");
    let ended = sqlx::query("select id from matchings where id = $1 and state <> 'running'")
        .bind(id.as_str())
        .fetch_optional(&mut **tx)
        .await
        .map_err(&failed)?;
    if ended.is_none() {
        return Ok(false);
    }
    for statement in [
        "delete from matching_memory where matching_id = $1",
        "delete from matches where matching_id = $1",
        "delete from cluster_refusals where matching_id = $1",
        "delete from cluster_members
         where cluster_key in (select key from clusters where matching_id = $1)",
        "delete from clusters where matching_id = $1",
        "delete from matchings where id = $1",
    ] {
        sqlx::query(statement).bind(id.as_str()).execute(&mut **tx).await.map_err(&failed)?;
    }
    Ok(true)
}

/// The plan by which these people were searched last, where one of the store was.
pub async fn find_plan(
    executor: impl Executor<'_>,
    people: &str,
) -> Result<Option<PlanId>, StoreError> {
    sqlx::query(
        "select plan_id
         from matchings
         where people = $1 and plan_id is not null
         order by started_at desc, id desc
         limit 1",
    )
    .bind(people)
    .fetch_optional(executor)
    .await
    .and_then(|row| row.map(|row| column::parsed(&row, "plan_id")).transpose())
    .map_err(StoreError::while_doing("finding the plan of a search"))
}

/// Policy, model and the model as people look at it, each as JSON.
pub type Documents = (String, Option<String>, Option<ModelSummary>);

/// What a search went by.
pub async fn documents(
    executor: impl Executor<'_>,
    id: &MatchingId,
) -> Result<Option<Documents>, StoreError> {
    sqlx::query("select policy, model, summary from matchings where id = $1")
        .bind(id.as_str())
        .fetch_optional(executor)
        .await
        .and_then(|row| {
            let Some(row) = row else { return Ok(None) };
            Ok(Some((
                column::text(&row, "policy")?,
                column::optional_text(&row, "model")?,
                column::optional_json(&row, "summary")?,
            )))
        })
        .map_err(StoreError::while_doing("finding what a search for duplicates went by"))
}

fn matching_of(row: &AnyRow) -> Result<Matching, sqlx::Error> {
    Ok(Matching {
        id: column::parsed(row, "id")?,
        plan_id: column::optional_parsed(row, "plan_id")?,
        plan_name: column::text(row, "plan_name")?,
        people: column::text(row, "people")?,
        side: column::named(row, "side", Side::from_name)?,
        state: column::named(row, "state", MatchingState::from_name)?,
        started_by: column::text(row, "started_by")?,
        started_at: column::time(row, "started_at")?,
        ended_at: column::optional_time(row, "ended_at")?,
        failure: column::failure(row)?,
        counts: column::json(row, "counts")?,
        model: column::optional_text(row, "fingerprint")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::matches::NewMatch;
    use crate::store::signs::Work;
    use crate::store::testing::{add_matching, add_plan, at, check_signs, on_both};
    use crate::store::{Store, clusters, commit, matches};
    use shared::duplicate::{ClusterId, RecordId, Refusal, RefusalReason, Verdict};
    use shared::error_code::ErrorCode;
    use shared::matching::{ClusterItem, ClusterOrder, MatchFilter};

    #[tokio::test]
    async fn a_search_ends_once_and_keeps_what_it_found() {
        on_both(async |store| {
            let id = add_matching(&store, "m1", 1).await;
            let summary = summary();
            let found = Found {
                counts: MatchingCounts { records: 9, matches: 2, ..MatchingCounts::default() },
                fingerprint: "f1",
                model: "{}",
                summary: &summary,
            };

            assert!(complete(store.pool(), &id, &found, at(2)).await.unwrap());
            let failure = Failure { code: ErrorCode::Sys006, message: "gone".to_owned() };
            assert!(!fail(store.pool(), &id, &failure, at(3)).await.unwrap());

            let matching = find(store.pool(), &id).await.unwrap().unwrap();
            assert_eq!(matching.state, MatchingState::Completed);
            assert_eq!((matching.counts, matching.failure), (found.counts, None));
            let (policy, model, kept) = documents(store.pool(), &id).await.unwrap().unwrap();
            assert_eq!((policy.as_str(), model.as_deref()), ("{}", Some("{}")));
            assert_eq!(kept, Some(summary));
        })
        .await;
    }

    #[tokio::test]
    async fn an_ended_search_is_forgotten_with_all_that_is_its_own() {
        on_both(async |store| {
            let [first, second, running] = [1, 2, 3].map(|second| (format!("m{second}"), second));
            let mut ids = Vec::new();
            for (name, second) in [&first, &second, &running] {
                ids.push(add_matching(&store, name, *second).await);
            }
            for id in &ids {
                let mut tx = store.begin().await.unwrap();
                let pair = NewMatch {
                    id: format!("{id}-pair").parse().unwrap(),
                    left_id: RecordId::from("1"),
                    right_id: RecordId::from("2"),
                    weight: 9.0,
                    probability: 0.9,
                    verdict: Verdict::Match,
                    vetoes: Vec::new(),
                    frequency: 1,
                };
                let cluster = ClusterItem {
                    key: format!("{id}-cluster").parse().unwrap(),
                    id: ClusterId("1".to_owned()),
                    members: ["1", "2"].map(RecordId::from).to_vec(),
                    cohesion: 9.0,
                    decision: Verdict::Match,
                    merge: None,
                };
                matches::insert(&mut tx, id, &[pair]).await.unwrap();
                clusters::insert(&mut tx, id, &[cluster]).await.unwrap();
                let refusal = Refusal {
                    left_id: RecordId::from("1"),
                    right_id: RecordId::from("9"),
                    weight: 3.0,
                    reason: RefusalReason::WeakChain,
                };
                clusters::insert_refusals(&mut tx, id, &[refusal]).await.unwrap();
                commit(tx).await.unwrap();
            }
            let failure = Failure { code: ErrorCode::Sys006, message: "gone".to_owned() };
            for id in &ids[..2] {
                assert!(fail(store.pool(), id, &failure, at(9)).await.unwrap());
            }

            let mut tx = store.begin().await.unwrap();
            assert!(forget(&mut tx, &ids[0]).await.unwrap());
            assert!(!forget(&mut tx, &ids[0]).await.unwrap(), "it is gone");
            assert!(!forget(&mut tx, &ids[2]).await.unwrap(), "it is under way");
            commit(tx).await.unwrap();

            let ended = list_ended(store.pool(), "people").await.unwrap();
            let ended: Vec<_> = ended.iter().map(|search| search.id.clone()).collect();
            assert_eq!(ended, [ids[1].clone()]);
            assert_eq!(list_people(store.pool()).await.unwrap(), ["people"]);
            for (id, left) in ids.iter().zip([0, 1, 1]) {
                let filter = MatchFilter::default();
                let pairs = matches::list(store.pool(), id, &filter, None, 9).await.unwrap();
                let order = ClusterOrder::Size;
                let found = clusters::list(store.pool(), id, order, None, 9).await.unwrap();
                assert_eq!((pairs.len(), found.len()), (left, left), "{id}");
            }
        })
        .await;
    }

    #[tokio::test]
    async fn the_latest_completed_search_of_these_people_is_found() {
        on_both(async |store| {
            let summary = summary();
            for (id, second, fingerprint) in [("m1", 1, "f1"), ("m2", 2, "f2")] {
                let id = add_matching(&store, id, second).await;
                let counts = MatchingCounts::default();
                let found = Found { counts, fingerprint, model: "{}", summary: &summary };
                complete(store.pool(), &id, &found, at(second + 1)).await.unwrap();
            }
            add_matching(&store, "m3", 3).await;

            let (latest, _) = find_latest(store.pool(), "people").await.unwrap().unwrap();

            assert_eq!((latest.id.as_str(), latest.model.as_deref()), ("m2", Some("f2")));
            assert!(find_latest(store.pool(), "others").await.unwrap().is_none());
            // They were asked for on the command line.
            assert_eq!(find_plan(store.pool(), "people").await.unwrap(), None);
        })
        .await;
    }

    #[tokio::test]
    async fn what_a_crash_left_is_ended_and_others_go_on() {
        on_both(async |store| {
            let own = add_matching(&store, "m1", 1).await;
            let failure = Failure { code: ErrorCode::Sys006, message: "gone".to_owned() };

            let running = find_running(store.pool(), "people").await.unwrap();
            assert_eq!(running.as_ref(), Some(&own));
            let abandoned =
                async |abandoned| list_abandoned(store.pool(), abandoned).await.unwrap().len();
            check_signs(&store, Work::Matching, own.as_str(), abandoned).await;

            assert!(fail(store.pool(), &own, &failure, at(2)).await.unwrap());

            let of_here = Abandoned { owner: Some("here"), silent_since: at(999) };
            assert_eq!(abandoned(of_here).await, 0);
            assert_eq!(find_running(store.pool(), "people").await.unwrap(), None);
            let matching = find(store.pool(), &own).await.unwrap().unwrap();
            assert_eq!(matching.failure, Some(failure));
        })
        .await;
    }

    #[tokio::test]
    async fn pages_of_searches_have_each_once_and_those_of_the_plan_only() {
        on_both(async |store: Store| {
            for (id, second) in [("a", 1), ("b", 2), ("c", 2)] {
                add_matching(&store, id, second).await;
            }
            let plan = add_plan(&store, "other", 1).await.id;

            let first = list(store.pool(), None, None, 2).await.unwrap();
            let place = Place::of(first[1].started_at, first[1].id.as_str());
            let rest = list(store.pool(), None, Some(&place), 2).await.unwrap();

            let ids: Vec<_> = first.iter().chain(&rest).map(|m| m.id.as_str()).collect();
            assert_eq!(ids, ["c", "b", "a"]);
            assert!(list(store.pool(), Some(&plan), None, 2).await.unwrap().is_empty());
        })
        .await;
    }

    fn summary() -> ModelSummary {
        ModelSummary {
            fingerprint: "f1".to_owned(),
            origin: shared::duplicate::ModelOrigin::Shipped,
            records: 9,
            matches_per_record: 0.1,
            levels: Vec::new(),
            passes: Vec::new(),
            weights: Vec::new(),
            notes: Vec::new(),
        }
    }
}
