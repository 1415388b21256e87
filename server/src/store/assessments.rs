//! Assessments: asked for, under way, and what they found.

use chrono::{DateTime, Utc};
use shared::assessment::{
    Assessment, AssessmentCounts, AssessmentItem, AssessmentState, DriftSince, KeptAssessment,
    TableProfile,
};
use shared::id::{AssessmentId, PlanId};
use shared::run::Failure;
use sqlx::any::AnyRow;

use super::signs::Abandoned;
use super::{Executor, Place, StoreError, column, document};

/// An assessment that begins.
#[derive(Debug, Clone, Copy)]
pub struct Begun<'a> {
    pub item: &'a AssessmentItem,
    /// The plan's fingerprint, as its runs have it.
    pub plan_hash: &'a str,
    /// The source as the plan names it, without a secret.
    pub source: &'a str,
    pub owner: &'a str,
}

pub async fn insert(executor: impl Executor<'_>, begun: &Begun<'_>) -> Result<(), StoreError> {
    let doing = "adding an assessment";
    let item = begun.item;
    sqlx::query(
        "insert into assessments
             (id, plan_id, plan_version, plan_name, plan_hash, source, state, owner, started_by,
              started_at, selection, look)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    )
    .bind(item.id.as_str())
    .bind(item.plan_id.as_ref().map(PlanId::as_str))
    .bind(item.plan_version.map(i64::from))
    .bind(&item.plan_name)
    .bind(begun.plan_hash)
    .bind(begun.source)
    .bind(item.state.as_str())
    .bind(begun.owner)
    .bind(&item.started_by)
    .bind(item.started_at.timestamp_micros())
    .bind(document(&item.selection, doing)?)
    .bind(document(&item.look, doing)?)
    .execute(executor)
    .await
    .map(drop)
    .map_err(StoreError::while_doing(doing))
}

/// What an assessment found, as it is kept.
#[derive(Debug, Clone, Copy)]
pub struct Found<'a> {
    /// All of it but the profile.
    pub found: &'a Assessment,
    pub counts: AssessmentCounts,
    /// None where none was asked for.
    pub profile: Option<&'a [TableProfile]>,
    pub drift: Option<&'a DriftSince>,
}

/// Ends an assessment that found what it could. False when it was not running any more.
pub async fn complete(
    executor: impl Executor<'_>,
    id: &AssessmentId,
    found: &Found<'_>,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let doing = "ending an assessment";
    sqlx::query(
        "update assessments
         set state = $1, ended_at = $2, counts = $3, found = $4, profile = $5, drift = $6
         where id = $7 and state = $8",
    )
    .bind(AssessmentState::Completed.as_str())
    .bind(now.timestamp_micros())
    .bind(document(&found.counts, doing)?)
    .bind(document(found.found, doing)?)
    .bind(found.profile.map(|profile| document(&profile, doing)).transpose()?)
    .bind(found.drift.map(|drift| document(drift, doing)).transpose()?)
    .bind(id.as_str())
    .bind(AssessmentState::Running.as_str())
    .execute(executor)
    .await
    .map(|done| done.rows_affected() == 1)
    .map_err(StoreError::while_doing(doing))
}

/// Ends an assessment that could not be made. False when it was not running any more.
pub async fn fail(
    executor: impl Executor<'_>,
    id: &AssessmentId,
    failure: &Failure,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    sqlx::query(
        "update assessments
         set state = $1, ended_at = $2, failure_code = $3, failure_message = $4
         where id = $5 and state = $6",
    )
    .bind(AssessmentState::Failed.as_str())
    .bind(now.timestamp_micros())
    .bind(failure.code.as_str())
    .bind(failure.message.as_str())
    .bind(id.as_str())
    .bind(AssessmentState::Running.as_str())
    .execute(executor)
    .await
    .map(|done| done.rows_affected() == 1)
    .map_err(StoreError::while_doing("ending an assessment"))
}

/// Ends an assessment before it found anything. False when it was not running any more.
pub async fn stop(
    executor: impl Executor<'_>,
    id: &AssessmentId,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    sqlx::query("update assessments set state = $1, ended_at = $2 where id = $3 and state = $4")
        .bind(AssessmentState::Stopped.as_str())
        .bind(now.timestamp_micros())
        .bind(id.as_str())
        .bind(AssessmentState::Running.as_str())
        .execute(executor)
        .await
        .map(|done| done.rows_affected() == 1)
        .map_err(StoreError::while_doing("stopping an assessment"))
}

pub async fn find(
    executor: impl Executor<'_>,
    id: &AssessmentId,
) -> Result<Option<AssessmentItem>, StoreError> {
    sqlx::query(
        "select id, plan_id, plan_version, plan_name, state, started_by, started_at, ended_at,
             failure_code, failure_message, selection, look, counts
         from assessments
         where id = $1",
    )
    .bind(id.as_str())
    .fetch_optional(executor)
    .await
    .and_then(|row| row.as_ref().map(item_of).transpose())
    .map_err(StoreError::while_doing("finding an assessment"))
}

/// An assessment with all that it found.
pub async fn find_whole(
    executor: impl Executor<'_>,
    id: &AssessmentId,
) -> Result<Option<KeptAssessment>, StoreError> {
    sqlx::query(
        "select id, plan_id, plan_version, plan_name, state, started_by, started_at, ended_at,
             failure_code, failure_message, selection, look, counts, found, profile, drift
         from assessments
         where id = $1",
    )
    .bind(id.as_str())
    .fetch_optional(executor)
    .await
    .and_then(|row| {
        let Some(row) = row else { return Ok(None) };
        let profile: Option<Vec<TableProfile>> = column::optional_json(&row, "profile")?;
        Ok(Some(KeptAssessment::new(
            item_of(&row)?,
            column::optional_json(&row, "found")?,
            profile.unwrap_or_default(),
            column::optional_json(&row, "drift")?,
        )))
    })
    .map_err(StoreError::while_doing("reading an assessment"))
}

/// The newest first; of one plan when it is named.
pub async fn list(
    executor: impl Executor<'_>,
    plan: Option<&PlanId>,
    after: Option<&Place>,
    limit: u32,
) -> Result<Vec<AssessmentItem>, StoreError> {
    let (started_at, id) = Place::bounds(after);
    sqlx::query(
        "select id, plan_id, plan_version, plan_name, state, started_by, started_at, ended_at,
             failure_code, failure_message, selection, look, counts
         from assessments
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
    .and_then(|rows| rows.iter().map(item_of).collect())
    .map_err(StoreError::while_doing("listing assessments"))
}

/// The assessment of a plan that is under way, if one is.
pub async fn find_running(
    executor: impl Executor<'_>,
    plan: &PlanId,
) -> Result<Option<AssessmentId>, StoreError> {
    sqlx::query("select min(id) as id from assessments where plan_id = $1 and state = $2")
        .bind(plan.as_str())
        .bind(AssessmentState::Running.as_str())
        .fetch_one(executor)
        .await
        .and_then(|row| match column::optional_text(&row, "id")? {
            Some(_) => column::parsed(&row, "id").map(Some),
            None => Ok(None),
        })
        .map_err(StoreError::while_doing("finding an assessment that is under way"))
}

/// The latest profile of a source, with the assessment that has it and when that began.
pub async fn find_profile(
    executor: impl Executor<'_>,
    source: &str,
) -> Result<Option<(AssessmentId, DateTime<Utc>, Vec<TableProfile>)>, StoreError> {
    sqlx::query(
        "select id, started_at, profile
         from assessments
         where source = $1 and profile is not null
         order by started_at desc, id desc
         limit 1",
    )
    .bind(source)
    .fetch_optional(executor)
    .await
    .and_then(|row| {
        let Some(row) = row else { return Ok(None) };
        Ok(Some((
            column::parsed(&row, "id")?,
            column::time(&row, "started_at")?,
            column::json(&row, "profile")?,
        )))
    })
    .map_err(StoreError::while_doing("finding the profile of a source"))
}

/// The last completed assessment of a plan, by its fingerprint, that ended before a moment and
/// foretold something.
pub async fn find_foretold(
    executor: impl Executor<'_>,
    plan_hash: &str,
    before: DateTime<Utc>,
) -> Result<Option<KeptAssessment>, StoreError> {
    let found = sqlx::query(
        "select id, plan_id, plan_version, plan_name, state, started_by, started_at, ended_at,
             failure_code, failure_message, selection, look, counts, found
         from assessments
         where plan_hash = $1 and ended_at <= $2 and state = 'completed'
         order by ended_at desc, id desc
         limit 50",
    )
    .bind(plan_hash)
    .bind(before.timestamp_micros())
    .fetch_all(executor)
    .await
    .and_then(|rows| {
        for row in &rows {
            let item = item_of(row)?;
            if item.counts.is_some_and(|counts| counts.quarantined.is_some()) {
                let found = column::optional_json(row, "found")?;
                return Ok(Some(KeptAssessment::new(item, found, Vec::new(), None)));
            }
        }
        Ok(None)
    });
    found.map_err(StoreError::while_doing("finding what was foretold of a run"))
}

/// Assessments that are said to be under way and that nobody works on.
pub async fn list_abandoned(
    executor: impl Executor<'_>,
    abandoned: Abandoned<'_>,
) -> Result<Vec<AssessmentId>, StoreError> {
    sqlx::query(
        "select id from assessments
         where state = $1 and (owner = $2 or heartbeat_at < $3)
         order by started_at, id",
    )
    .bind(AssessmentState::Running.as_str())
    .bind(abandoned.owner)
    .bind(abandoned.silent_since.timestamp_micros())
    .fetch_all(executor)
    .await
    .and_then(|rows| rows.iter().map(|row| column::parsed(row, "id")).collect())
    .map_err(StoreError::while_doing("looking for abandoned assessments"))
}

fn item_of(row: &AnyRow) -> Result<AssessmentItem, sqlx::Error> {
    let plan_version = match column::optional_number(row, "plan_version")? {
        Some(_) => Some(column::number(row, "plan_version")?),
        None => None,
    };
    Ok(AssessmentItem {
        id: column::parsed(row, "id")?,
        plan_id: column::optional_parsed(row, "plan_id")?,
        plan_version,
        plan_name: column::text(row, "plan_name")?,
        selection: column::json(row, "selection")?,
        look: column::json(row, "look")?,
        state: column::named(row, "state", AssessmentState::from_name)?,
        started_by: column::text(row, "started_by")?,
        started_at: column::time(row, "started_at")?,
        ended_at: column::optional_time(row, "ended_at")?,
        failure: column::failure(row)?,
        counts: column::optional_json(row, "counts")?,
        held: None,
    })
}

#[cfg(test)]
mod tests {
    use shared::assessment::{Foretold, Readiness, TableName, Thoroughness};
    use shared::check::CheckSelection;
    use shared::error_code::ErrorCode;

    use super::*;
    use crate::store::Store;
    use crate::store::signs::{self, Work};
    use crate::store::testing::{add_plan, at, on_both};

    fn item(id: &str, plan: Option<&PlanId>, seconds: i64) -> AssessmentItem {
        AssessmentItem {
            id: id.parse().unwrap(),
            plan_id: plan.cloned(),
            plan_version: plan.map(|_| 1),
            plan_name: "plan".to_owned(),
            selection: CheckSelection::default(),
            look: Thoroughness { rows: Some(9), profile: None },
            state: AssessmentState::Running,
            started_by: "Ada Example".to_owned(),
            started_at: at(seconds),
            ended_at: None,
            failure: None,
            counts: None,
            held: None,
        }
    }

    fn found(forecast: Option<Foretold>) -> Assessment {
        Assessment {
            status: Readiness::Ready,
            plan: "plan".to_owned(),
            plan_hash: "hash".to_owned(),
            source: None,
            target: None,
            checks: Vec::new(),
            findings: Vec::new(),
            schema: Vec::new(),
            forecast,
            profile: Vec::new(),
            seconds: 1.5,
        }
    }

    fn foretold() -> Foretold {
        Foretold {
            tables: Vec::new(),
            quarantine: Vec::new(),
            is_complete: true,
            notes: Vec::new(),
            read_seconds: 1.0,
            write_bytes_per_second: None,
            copy_seconds: 2.0,
            index_seconds: Some(1.0),
            other_seconds: Some(0.5),
            verify_seconds: Some(3.0),
            disk_bytes: 3,
        }
    }

    async fn begin(store: &Store, item: &AssessmentItem) {
        let begun = Begun { item, plan_hash: "hash", source: "legacy", owner: "here" };
        insert(store.pool(), &begun).await.unwrap();
    }

    async fn end(store: &Store, id: &str, found: &Assessment, profile: Option<u64>, second: i64) {
        let table = |rows| TableProfile {
            table: TableName::new(None, "person"),
            rows,
            is_sample: false,
            columns: Vec::new(),
        };
        let profile = profile.map(|rows| vec![table(rows)]);
        let counts = AssessmentCounts::of(found);
        let kept = Found { found, counts, profile: profile.as_deref(), drift: None };
        let id = id.parse().unwrap();
        assert!(complete(store.pool(), &id, &kept, at(second)).await.unwrap());
    }

    #[tokio::test]
    async fn an_assessment_ends_once_and_keeps_what_it_found() {
        on_both(async |store| {
            let plan = add_plan(&store, "p1", 1).await.id;
            let begun = item("a1", Some(&plan), 1);
            begin(&store, &begun).await;
            assert_eq!(find(store.pool(), &begun.id).await.unwrap(), Some(begun.clone()));
            let running = find_running(store.pool(), &plan).await.unwrap();
            assert_eq!(running.as_ref(), Some(&begun.id));

            end(&store, "a1", &found(Some(foretold())), Some(7), 5).await;

            assert!(!stop(store.pool(), &begun.id, at(6)).await.unwrap());
            assert_eq!(find_running(store.pool(), &plan).await.unwrap(), None);
            let kept = find_whole(store.pool(), &begun.id).await.unwrap().unwrap();
            assert_eq!(kept.item.state, AssessmentState::Completed);
            assert_eq!(kept.item.counts.unwrap().quarantined, Some(0));
            assert_eq!((kept.forecast, kept.profile[0].rows), (Some(foretold()), 7));
        })
        .await;
    }

    #[tokio::test]
    async fn what_could_not_be_made_says_why_and_what_was_stopped_says_nothing() {
        on_both(async |store| {
            for id in ["a1", "a2"] {
                begin(&store, &item(id, None, 1)).await;
            }
            let failure = Failure { code: ErrorCode::Sys006, message: "assessing".to_owned() };
            let (first, second) = ("a1".parse().unwrap(), "a2".parse().unwrap());
            let own = Abandoned { owner: Some("here"), silent_since: at(0) };
            let abandoned = list_abandoned(store.pool(), own).await.unwrap();
            assert_eq!(abandoned, [first, second]);
            signs::give(store.pool(), Work::Assessment, "a1", at(50)).await.unwrap();
            let silent = |since| Abandoned { owner: None, silent_since: at(since) };
            assert!(list_abandoned(store.pool(), silent(50)).await.unwrap().is_empty());
            let abandoned_by_others = list_abandoned(store.pool(), silent(51)).await.unwrap();
            assert_eq!(abandoned_by_others, abandoned[..1]);
            let [first, second] = <[AssessmentId; 2]>::try_from(abandoned).unwrap();

            assert!(fail(store.pool(), &first, &failure, at(2)).await.unwrap());
            assert!(stop(store.pool(), &second, at(3)).await.unwrap());

            let failed = find(store.pool(), &first).await.unwrap().unwrap();
            assert_eq!((failed.state, failed.failure), (AssessmentState::Failed, Some(failure)));
            let stopped = find_whole(store.pool(), &second).await.unwrap().unwrap();
            assert_eq!(stopped.item.state, AssessmentState::Stopped);
            assert!(stopped.checks.is_empty() && stopped.plan_hash.is_none());
        })
        .await;
    }

    #[tokio::test]
    async fn pages_have_each_once_and_those_of_the_plan_only() {
        on_both(async |store| {
            let plan = add_plan(&store, "p1", 1).await.id;
            begin(&store, &item("a", Some(&plan), 1)).await;
            begin(&store, &item("b", None, 2)).await;
            begin(&store, &item("c", None, 2)).await;

            let first = list(store.pool(), None, None, 2).await.unwrap();
            let place = Place::of(first[1].started_at, first[1].id.as_str());
            let rest = list(store.pool(), None, Some(&place), 2).await.unwrap();

            let ids: Vec<_> = first.iter().chain(&rest).map(|it| it.id.as_str()).collect();
            assert_eq!(ids, ["c", "b", "a"]);
            let of_plan = list(store.pool(), Some(&plan), None, 9).await.unwrap();
            assert_eq!(of_plan.len(), 1);
        })
        .await;
    }

    #[tokio::test]
    async fn the_latest_profile_and_the_last_forecast_before_a_run_are_found() {
        on_both(async |store| {
            for (id, second) in [("a", 1), ("b", 2), ("c", 3)] {
                begin(&store, &item(id, None, second)).await;
            }
            end(&store, "a", &found(Some(foretold())), Some(1), 11).await;
            end(&store, "b", &found(None), Some(2), 12).await;
            end(&store, "c", &found(Some(foretold())), None, 13).await;

            let (id, began, profile) = find_profile(store.pool(), "legacy").await.unwrap().unwrap();
            assert_eq!((id.as_str(), began, profile[0].rows), ("b", at(2), 2));
            assert!(find_profile(store.pool(), "other").await.unwrap().is_none());
            let before = async |second| {
                let found = find_foretold(store.pool(), "hash", at(second)).await.unwrap();
                found.map(|it| it.item.id.to_string())
            };
            assert_eq!(before(10).await, None);
            assert_eq!(before(12).await.as_deref(), Some("a"));
            assert_eq!(before(13).await.as_deref(), Some("c"));
            assert!(find_foretold(store.pool(), "other", at(99)).await.unwrap().is_none());
        })
        .await;
    }
}
