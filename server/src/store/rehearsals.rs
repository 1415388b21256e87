//! Rehearsals that somebody asked for, and what they found.

use chrono::{DateTime, Utc};
use shared::id::{PlanId, RehearsalId};
use shared::rehearsal::{Rehearsal, RehearsalRecord, RehearsalState};
use shared::run::Failure;
use sqlx::any::AnyRow;

use super::signs::Abandoned;
use super::{Executor, Place, StoreError, column, document};

/// Adds a rehearsal that an installation begins.
pub async fn insert(
    executor: impl Executor<'_>,
    rehearsal: &RehearsalRecord,
    owner: &str,
) -> Result<(), StoreError> {
    sqlx::query(
        "insert into rehearsals
             (id, plan_id, plan_version, state, started_by, started_at, owner)
         values ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(rehearsal.id.as_str())
    .bind(rehearsal.plan_id.as_str())
    .bind(i64::from(rehearsal.plan_version))
    .bind(rehearsal.state.as_str())
    .bind(&rehearsal.started_by)
    .bind(rehearsal.started_at.timestamp_micros())
    .bind(owner)
    .execute(executor)
    .await
    .map(drop)
    .map_err(StoreError::while_doing("adding a rehearsal"))
}

pub async fn find(
    executor: impl Executor<'_>,
    id: &RehearsalId,
) -> Result<Option<RehearsalRecord>, StoreError> {
    sqlx::query(
        "select rehearsals.id, rehearsals.plan_id, plan_version, plan_versions.name as plan_name,
             state, started_by, started_at, ended_at, report, failure_code, failure_message
         from rehearsals
         join plan_versions on plan_versions.plan_id = rehearsals.plan_id
             and plan_versions.version = rehearsals.plan_version
         where rehearsals.id = $1",
    )
    .bind(id.as_str())
    .fetch_optional(executor)
    .await
    .and_then(|row| row.as_ref().map(rehearsal_of).transpose())
    .map_err(StoreError::while_doing("finding a rehearsal"))
}

/// The newest first, without their reports; those of one plan where one is named.
pub async fn list(
    executor: impl Executor<'_>,
    plan: Option<&PlanId>,
    after: Option<&Place>,
    limit: u32,
) -> Result<Vec<RehearsalRecord>, StoreError> {
    let (started_at, id) = Place::bounds(after);
    sqlx::query(
        "select rehearsals.id, rehearsals.plan_id, plan_version, plan_versions.name as plan_name,
             state, started_by, started_at, ended_at, null as report, failure_code, failure_message
         from rehearsals
         join plan_versions on plan_versions.plan_id = rehearsals.plan_id
             and plan_versions.version = rehearsals.plan_version
         where (started_at < $1 or (started_at = $1 and rehearsals.id < $2))
             and ($3 = '' or rehearsals.plan_id = $3)
         order by started_at desc, rehearsals.id desc
         limit $4",
    )
    .bind(started_at)
    .bind(id)
    .bind(plan.map_or("", PlanId::as_str))
    .bind(i64::from(limit))
    .fetch_all(executor)
    .await
    .and_then(|rows| rows.iter().map(rehearsal_of).collect())
    .map_err(StoreError::while_doing("listing rehearsals"))
}

/// Ends a rehearsal that is under way. False when it was not.
pub async fn end(
    executor: impl Executor<'_>,
    id: &RehearsalId,
    ended: Result<&Rehearsal, &Failure>,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let doing = "ending a rehearsal";
    let state = if ended.is_ok() { RehearsalState::Completed } else { RehearsalState::Failed };
    let report = ended.ok().map(|report| document(report, doing)).transpose()?;
    let failure = ended.err();
    sqlx::query(
        "update rehearsals
         set state = $1, ended_at = $2, report = $3, failure_code = $4, failure_message = $5
         where id = $6 and state = $7",
    )
    .bind(state.as_str())
    .bind(now.timestamp_micros())
    .bind(report)
    .bind(failure.map(|failure| failure.code.as_str()))
    .bind(failure.map(|failure| failure.message.as_str()))
    .bind(id.as_str())
    .bind(RehearsalState::Running.as_str())
    .execute(executor)
    .await
    .map(|done| done.rows_affected() == 1)
    .map_err(StoreError::while_doing(doing))
}

/// Rehearsals that are said to be under way and that nobody works on.
pub async fn list_abandoned(
    executor: impl Executor<'_>,
    abandoned: Abandoned<'_>,
) -> Result<Vec<RehearsalId>, StoreError> {
    sqlx::query(
        "select id from rehearsals
         where state = $1 and (owner = $2 or heartbeat_at < $3)
         order by started_at, id",
    )
    .bind(RehearsalState::Running.as_str())
    .bind(abandoned.owner)
    .bind(abandoned.silent_since.timestamp_micros())
    .fetch_all(executor)
    .await
    .and_then(|rows| rows.iter().map(|row| column::parsed(row, "id")).collect())
    .map_err(StoreError::while_doing("looking for abandoned rehearsals"))
}

fn rehearsal_of(row: &AnyRow) -> Result<RehearsalRecord, sqlx::Error> {
    Ok(RehearsalRecord {
        id: column::parsed(row, "id")?,
        plan_id: column::parsed(row, "plan_id")?,
        plan_name: column::text(row, "plan_name")?,
        plan_version: column::number(row, "plan_version")?,
        state: column::named(row, "state", RehearsalState::from_name)?,
        started_by: column::text(row, "started_by")?,
        started_at: column::time(row, "started_at")?,
        ended_at: column::optional_time(row, "ended_at")?,
        report: column::optional_json(row, "report")?,
        failure: column::failure(row)?,
    })
}

#[cfg(test)]
mod tests {
    use shared::error_code::ErrorCode;
    use shared::run::{OutcomeStatus, RunOutcome};

    use super::*;
    use crate::store::signs::Work;
    use crate::store::testing::{add_plan, at, check_signs, on_both};

    fn running(id: &str, plan: &str, seconds: i64) -> RehearsalRecord {
        RehearsalRecord {
            id: id.parse().unwrap(),
            plan_id: plan.parse().unwrap(),
            plan_name: "plan".to_owned(),
            plan_version: 1,
            state: RehearsalState::Running,
            started_by: "Ada Example".to_owned(),
            started_at: at(seconds),
            ended_at: None,
            report: None,
            failure: None,
        }
    }

    fn report() -> Rehearsal {
        Rehearsal {
            outcome: RunOutcome {
                run_id: "run-1".parse().unwrap(),
                status: OutcomeStatus::Completed,
                tables: Vec::new(),
                books_close: true,
                seconds: 1.5,
                rows_per_second: 10.0,
                peak_rss_bytes: 1,
                failure: None,
            },
            quarantine: Vec::new(),
            losses: Vec::new(),
            forecast: shared::rehearsal::Forecast::default(),
        }
    }

    #[tokio::test]
    async fn a_rehearsal_reads_back_as_it_was_written_and_a_list_goes_without_reports() {
        on_both(async |store| {
            add_plan(&store, "plan-1", 1).await;
            add_plan(&store, "plan-2", 1).await;
            let (first, second) = (running("re-1", "plan-1", 1), running("re-2", "plan-2", 2));
            insert(store.pool(), &first, "here").await.unwrap();
            insert(store.pool(), &second, "here").await.unwrap();

            assert!(end(store.pool(), &first.id, Ok(&report()), at(5)).await.unwrap());

            let done = find(store.pool(), &first.id).await.unwrap().unwrap();
            assert_eq!((done.state, done.ended_at), (RehearsalState::Completed, Some(at(5))));
            assert_eq!(done.report, Some(report()));
            let all = list(store.pool(), None, None, 9).await.unwrap();
            let short = RehearsalRecord { report: None, ..done };
            assert_eq!(all, [second.clone(), short.clone()]);
            let of_one = list(store.pool(), Some(&first.plan_id), None, 9).await.unwrap();
            assert_eq!(of_one, std::slice::from_ref(&short));
            let place = Place::of(second.started_at, second.id.as_str());
            assert_eq!(list(store.pool(), None, Some(&place), 9).await.unwrap(), [short]);
        })
        .await;
    }

    #[tokio::test]
    async fn a_rehearsal_ends_once_and_one_that_was_left_is_found_by_its_installation() {
        on_both(async |store| {
            add_plan(&store, "plan-1", 1).await;
            let rehearsal = running("re-1", "plan-1", 1);
            insert(store.pool(), &rehearsal, "here").await.unwrap();
            let abandoned =
                async |abandoned| list_abandoned(store.pool(), abandoned).await.unwrap().len();
            check_signs(&store, Work::Rehearsal, rehearsal.id.as_str(), abandoned).await;
            let failure =
                Failure { code: ErrorCode::Sys006, message: "rehearsing the plan".to_owned() };

            assert!(end(store.pool(), &rehearsal.id, Err(&failure), at(5)).await.unwrap());

            assert!(!end(store.pool(), &rehearsal.id, Ok(&report()), at(6)).await.unwrap());
            let own = Abandoned { owner: Some("here"), silent_since: at(999) };
            assert_eq!(abandoned(own).await, 0);
            let failed = find(store.pool(), &rehearsal.id).await.unwrap().unwrap();
            assert_eq!((failed.state, failed.failure), (RehearsalState::Failed, Some(failure)));
        })
        .await;
    }
}
