//! Executions of plan versions, and the last picture of each.

use chrono::{DateTime, Utc};
use shared::id::{PlanId, RunId};
use shared::run::{Failure, Progress, Run, RunState};
use sqlx::any::AnyRow;

use super::{Executor, Place, StoreError, column, document};

/// A run that has not started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedRun {
    pub id: RunId,
    pub plan_id: PlanId,
    pub plan_version: u32,
    pub started_by: String,
    pub created_at: DateTime<Utc>,
}

/// A run with what only the server needs to know about it.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredRun {
    pub run: Run,
    /// The number of the last event that was written down.
    pub event_number: u64,
    /// The run's id in the target's ledger.
    pub ledger_run_id: RunId,
}

pub async fn insert(executor: impl Executor<'_>, run: &PlannedRun) -> Result<(), StoreError> {
    sqlx::query(
        "insert into runs
             (id, plan_id, plan_version, state, started_by, created_at, event_number,
              ledger_run_id)
         values ($1, $2, $3, $4, $5, $6, 0, $1)",
    )
    .bind(run.id.as_str())
    .bind(run.plan_id.as_str())
    .bind(i64::from(run.plan_version))
    .bind(RunState::Planned.as_str())
    .bind(&run.started_by)
    .bind(run.created_at.timestamp_micros())
    .execute(executor)
    .await
    .map(drop)
    .map_err(StoreError::while_doing("adding a run"))
}

pub async fn find(
    executor: impl Executor<'_>,
    id: &RunId,
) -> Result<Option<StoredRun>, StoreError> {
    sqlx::query(
        "select runs.id, runs.plan_id, plan_version, plan_versions.name as plan_name, state,
             started_by, created_at, started_at, ended_at, failure_code, failure_message,
             progress, event_number, ledger_run_id
         from runs
         join plan_versions
             on plan_versions.plan_id = runs.plan_id
             and plan_versions.version = runs.plan_version
         where runs.id = $1",
    )
    .bind(id.as_str())
    .fetch_optional(executor)
    .await
    .and_then(|row| row.as_ref().map(stored_of).transpose())
    .map_err(StoreError::while_doing("finding a run"))
}

/// The newest first.
pub async fn list(
    executor: impl Executor<'_>,
    after: Option<&Place>,
    limit: u32,
) -> Result<Vec<Run>, StoreError> {
    let (created_at, id) = Place::bounds(after);
    sqlx::query(
        "select runs.id, runs.plan_id, plan_version, plan_versions.name as plan_name, state,
             started_by, created_at, started_at, ended_at, failure_code, failure_message,
             progress, event_number, ledger_run_id
         from runs
         join plan_versions
             on plan_versions.plan_id = runs.plan_id
             and plan_versions.version = runs.plan_version
         where created_at < $1 or (created_at = $1 and runs.id < $2)
         order by created_at desc, runs.id desc
         limit $3",
    )
    .bind(created_at)
    .bind(id)
    .bind(i64::from(limit))
    .fetch_all(executor)
    .await
    .and_then(|rows| rows.iter().map(|row| Ok(stored_of(row)?.run)).collect())
    .map_err(StoreError::while_doing("listing runs"))
}

/// The ids of runs that are under way, anywhere.
pub async fn list_running(executor: impl Executor<'_>) -> Result<Vec<RunId>, StoreError> {
    sqlx::query("select id from runs where state = 'running' order by id limit 100")
        .fetch_all(executor)
        .await
        .and_then(|rows| rows.iter().map(|row| column::parsed(row, "id")).collect())
        .map_err(StoreError::while_doing("listing runs under way"))
}

/// How many runs are in which state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunCounts {
    pub running: u64,
    /// Paused or failed.
    pub stopped: u64,
}

pub async fn count(executor: impl Executor<'_>) -> Result<RunCounts, StoreError> {
    sqlx::query(
        "select count(case when state = 'running' then 1 end) as running,
             count(case when state in ('paused', 'failed') then 1 end) as stopped
         from runs",
    )
    .fetch_one(executor)
    .await
    .and_then(|row| {
        let number = |name| column::number(&row, name);
        Ok(RunCounts { running: number("running")?, stopped: number("stopped")? })
    })
    .map_err(StoreError::while_doing("counting runs"))
}

/// Moves a run to `running` on behalf of an installation. False when it was no longer in `from`.
pub async fn start(
    executor: impl Executor<'_>,
    id: &RunId,
    from: RunState,
    owner: &str,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    sqlx::query(
        "update runs
         set state = $1, owner = $2, heartbeat_at = $3, started_at = coalesce(started_at, $3),
             ended_at = null, failure_code = null, failure_message = null
         where id = $4 and state = $5",
    )
    .bind(RunState::Running.as_str())
    .bind(owner)
    .bind(now.timestamp_micros())
    .bind(id.as_str())
    .bind(from.as_str())
    .execute(executor)
    .await
    .map(|done| done.rows_affected() == 1)
    .map_err(StoreError::while_doing("starting a run"))
}

/// The latest run of a plan version, if it has not come to its end.
pub async fn find_unfinished(
    executor: impl Executor<'_>,
    plan_id: &PlanId,
    plan_version: u32,
) -> Result<Option<RunId>, StoreError> {
    sqlx::query(
        "select id, state
         from runs
         where plan_id = $1 and plan_version = $2
         order by created_at desc, id desc
         limit 1",
    )
    .bind(plan_id.as_str())
    .bind(i64::from(plan_version))
    .fetch_optional(executor)
    .await
    .and_then(|row| {
        let Some(row) = row else { return Ok(None) };
        let state = column::named(&row, "state", RunState::from_name)?;
        let unfinished = matches!(state, RunState::Running | RunState::Paused | RunState::Failed);
        unfinished.then(|| column::parsed(&row, "id")).transpose()
    })
    .map_err(StoreError::while_doing("finding an unfinished run"))
}

/// Writes down how far a running run has come, and that somebody still works on it.
pub async fn record_picture(
    executor: impl Executor<'_>,
    id: &RunId,
    progress: Option<&Progress>,
    event_number: u64,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let doing = "noting a run's progress";
    sqlx::query(
        "update runs
         set progress = coalesce($1, progress), event_number = $2, heartbeat_at = $3
         where id = $4 and state = $5",
    )
    .bind(progress.map(|progress| document(progress, doing)).transpose()?)
    .bind(event_number.cast_signed())
    .bind(now.timestamp_micros())
    .bind(id.as_str())
    .bind(RunState::Running.as_str())
    .execute(executor)
    .await
    .map(|done| done.rows_affected() == 1)
    .map_err(StoreError::while_doing(doing))
}

/// Replaces the last picture of a run that is not running: what was done with its rows afterwards
/// changed its books.
pub async fn correct_picture(
    executor: impl Executor<'_>,
    id: &RunId,
    progress: &Progress,
) -> Result<bool, StoreError> {
    let doing = "correcting a run's books";
    sqlx::query("update runs set progress = $1 where id = $2 and state <> $3")
        .bind(document(progress, doing)?)
        .bind(id.as_str())
        .bind(RunState::Running.as_str())
        .execute(executor)
        .await
        .map(|done| done.rows_affected() == 1)
        .map_err(StoreError::while_doing(doing))
}

/// How a run ended, for now or for good.
#[derive(Debug, Clone, Copy)]
pub struct Ending<'a> {
    pub state: RunState,
    pub failure: Option<&'a Failure>,
    pub progress: Option<&'a Progress>,
    pub event_number: u64,
    pub ledger_run_id: &'a RunId,
}

/// Ends a running run. False when it was not running any more.
pub async fn end(
    executor: impl Executor<'_>,
    id: &RunId,
    ending: Ending<'_>,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let doing = "ending a run";
    sqlx::query(
        "update runs
         set state = $1, ended_at = $2, failure_code = $3, failure_message = $4,
             progress = coalesce($5, progress), event_number = $6, ledger_run_id = $7,
             owner = null, heartbeat_at = null
         where id = $8 and state = $9",
    )
    .bind(ending.state.as_str())
    .bind(now.timestamp_micros())
    .bind(ending.failure.map(|failure| failure.code.as_str()))
    .bind(ending.failure.map(|failure| failure.message.as_str()))
    .bind(ending.progress.map(|progress| document(progress, doing)).transpose()?)
    .bind(ending.event_number.cast_signed())
    .bind(ending.ledger_run_id.as_str())
    .bind(id.as_str())
    .bind(RunState::Running.as_str())
    .execute(executor)
    .await
    .map(|done| done.rows_affected() == 1)
    .map_err(StoreError::while_doing(doing))
}

/// Says what a run is after it, or a part of it, was undone. False when it is not in this store.
pub async fn undone(
    executor: impl Executor<'_>,
    id: &RunId,
    state: RunState,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    sqlx::query(
        "update runs
         set state = $1, ended_at = $2, failure_code = null, failure_message = null
         where id = $3 and state in ('paused', 'failed', 'completed')",
    )
    .bind(state.as_str())
    .bind(now.timestamp_micros())
    .bind(id.as_str())
    .execute(executor)
    .await
    .map(|done| done.rows_affected() == 1)
    .map_err(StoreError::while_doing("noting that a run was undone"))
}

/// Says that a run is neither whole nor undone. False when it is not in this store.
pub async fn half_undone(
    executor: impl Executor<'_>,
    id: &RunId,
    failure: &Failure,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    sqlx::query(
        "update runs
         set state = 'failed', ended_at = $1, failure_code = $2, failure_message = $3
         where id = $4 and state in ('paused', 'failed', 'completed')",
    )
    .bind(now.timestamp_micros())
    .bind(failure.code.as_str())
    .bind(failure.message.as_str())
    .bind(id.as_str())
    .execute(executor)
    .await
    .map(|done| done.rows_affected() == 1)
    .map_err(StoreError::while_doing("noting that a run is half undone"))
}

/// Runs that are said to be running though nobody works on them: this installation's own, from
/// before it ended, and others' that gave no sign of life since some moment.
pub async fn list_abandoned(
    executor: impl Executor<'_>,
    owner: &str,
    silent_since: DateTime<Utc>,
) -> Result<Vec<StoredRun>, StoreError> {
    sqlx::query(
        "select runs.id, runs.plan_id, plan_version, plan_versions.name as plan_name, state,
             started_by, created_at, started_at, ended_at, failure_code, failure_message,
             progress, event_number, ledger_run_id
         from runs
         join plan_versions
             on plan_versions.plan_id = runs.plan_id
             and plan_versions.version = runs.plan_version
         where state = $1 and (owner = $2 or heartbeat_at < $3)
         order by created_at, runs.id",
    )
    .bind(RunState::Running.as_str())
    .bind(owner)
    .bind(silent_since.timestamp_micros())
    .fetch_all(executor)
    .await
    .and_then(|rows| rows.iter().map(stored_of).collect())
    .map_err(StoreError::while_doing("looking for abandoned runs"))
}

fn stored_of(row: &AnyRow) -> Result<StoredRun, sqlx::Error> {
    Ok(StoredRun {
        run: Run {
            id: column::parsed(row, "id")?,
            plan_id: column::parsed(row, "plan_id")?,
            plan_name: column::text(row, "plan_name")?,
            plan_version: column::number(row, "plan_version")?,
            state: column::named(row, "state", RunState::from_name)?,
            started_by: column::text(row, "started_by")?,
            created_at: column::time(row, "created_at")?,
            started_at: column::optional_time(row, "started_at")?,
            ended_at: column::optional_time(row, "ended_at")?,
            failure: column::failure(row)?,
            progress: column::optional_json(row, "progress")?,
        },
        event_number: column::number(row, "event_number")?,
        ledger_run_id: column::parsed(row, "ledger_run_id")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;
    use crate::store::testing::{add_plan, at, on_both};
    use shared::error_code::ErrorCode;
    use shared::run::Phase;

    #[tokio::test]
    async fn a_run_starts_from_the_state_it_is_in_and_no_other() {
        on_both(async |store| {
            let id = add_run(&store, "run", 1).await;

            let paused = start(store.pool(), &id, RunState::Paused, "here", at(2)).await.unwrap();
            let planned = start(store.pool(), &id, RunState::Planned, "here", at(2)).await.unwrap();

            assert_eq!((paused, planned), (false, true));
            let run = find(store.pool(), &id).await.unwrap().unwrap().run;
            assert_eq!((run.state, run.started_at), (RunState::Running, Some(at(2))));
            assert_eq!((run.plan_name.as_str(), run.plan_version), ("plan", 1));
        })
        .await;
    }

    async fn complete(store: &Store, id: &RunId) {
        let ending = Ending {
            state: RunState::Completed,
            failure: None,
            progress: None,
            event_number: 9,
            ledger_run_id: id,
        };
        end(store.pool(), id, ending, at(3)).await.unwrap();
    }

    #[tokio::test]
    async fn the_picture_of_a_run_is_corrected_once_it_stands_still() {
        on_both(async |store| {
            let id = add_run(&store, "run", 1).await;
            start(store.pool(), &id, RunState::Planned, "here", at(2)).await.unwrap();
            assert!(!correct_picture(store.pool(), &id, &picture()).await.unwrap());
            complete(&store, &id).await;

            assert!(correct_picture(store.pool(), &id, &picture()).await.unwrap());

            let run = find(store.pool(), &id).await.unwrap().unwrap().run;
            assert_eq!(run.progress, Some(picture()));
        })
        .await;
    }

    #[tokio::test]
    async fn a_run_that_is_half_undone_failed_until_it_is_undone() {
        on_both(async |store| {
            let id = add_run(&store, "run", 1).await;
            let failure = Failure { code: ErrorCode::Load022, message: "undoing".to_owned() };
            assert!(!half_undone(store.pool(), &id, &failure, at(2)).await.unwrap());
            start(store.pool(), &id, RunState::Planned, "here", at(2)).await.unwrap();
            complete(&store, &id).await;

            assert!(half_undone(store.pool(), &id, &failure, at(4)).await.unwrap());
            let run = find(store.pool(), &id).await.unwrap().unwrap().run;
            assert_eq!((run.state, run.failure), (RunState::Failed, Some(failure)));

            assert!(undone(store.pool(), &id, RunState::RolledBack, at(5)).await.unwrap());
            let run = find(store.pool(), &id).await.unwrap().unwrap().run;
            assert_eq!((run.state, run.failure), (RunState::RolledBack, None));
        })
        .await;
    }

    #[tokio::test]
    async fn a_resumed_run_forgets_its_failure_and_keeps_its_first_start_and_its_picture() {
        on_both(async |store| {
            let id = add_run(&store, "run", 1).await;
            start(store.pool(), &id, RunState::Planned, "here", at(2)).await.unwrap();
            let failure = Failure { code: ErrorCode::Conn005, message: "copying".to_owned() };
            let progress = picture();
            let ending = Ending {
                state: RunState::Failed,
                failure: Some(&failure),
                progress: Some(&progress),
                event_number: 9,
                ledger_run_id: &RunId::parse("earlier").unwrap(),
            };
            assert!(end(store.pool(), &id, ending, at(3)).await.unwrap());
            assert!(!end(store.pool(), &id, ending, at(4)).await.unwrap());
            let failed = find(store.pool(), &id).await.unwrap().unwrap();
            assert_eq!(failed.run.failure.as_ref(), Some(&failure));
            assert_eq!((failed.run.ended_at, failed.event_number), (Some(at(3)), 9));
            assert_eq!(failed.ledger_run_id.as_str(), "earlier");

            assert!(start(store.pool(), &id, RunState::Failed, "here", at(5)).await.unwrap());

            let run = find(store.pool(), &id).await.unwrap().unwrap().run;
            assert_eq!((run.failure, run.ended_at), (None, None));
            assert_eq!((run.started_at, run.progress), (Some(at(2)), Some(progress)));
        })
        .await;
    }

    #[tokio::test]
    async fn a_picture_is_written_down_while_the_run_is_running_only() {
        on_both(async |store| {
            let id = add_run(&store, "run", 1).await;
            let progress = picture();
            let record = async |number| {
                record_picture(store.pool(), &id, Some(&progress), number, at(3)).await
            };

            assert!(!record(1).await.unwrap());
            start(store.pool(), &id, RunState::Planned, "here", at(2)).await.unwrap();
            assert!(record(2).await.unwrap());

            let stored = find(store.pool(), &id).await.unwrap().unwrap();
            assert_eq!((stored.event_number, stored.run.progress), (2, Some(progress.clone())));
        })
        .await;
    }

    #[tokio::test]
    async fn a_run_is_abandoned_when_its_owner_restarted_or_went_silent() {
        on_both(async |store| {
            for (run, owner, second) in [("own", "here", 50), ("silent", "a", 1), ("live", "b", 50)]
            {
                let id = add_run(&store, run, second).await;
                start(store.pool(), &id, RunState::Planned, owner, at(second)).await.unwrap();
            }

            let abandoned = list_abandoned(store.pool(), "here", at(20)).await.unwrap();

            let ids: Vec<_> = abandoned.iter().map(|stored| stored.run.id.as_str()).collect();
            assert_eq!(ids, ["silent", "own"]);
        })
        .await;
    }

    #[tokio::test]
    async fn an_unfinished_run_is_found_by_its_plan_version() {
        on_both(async |store| {
            let id = add_run(&store, "run", 1).await;
            let plan = PlanId::parse("plan").unwrap();
            let find = async |version| find_unfinished(store.pool(), &plan, version).await.unwrap();
            assert_eq!(find(1).await, None);

            start(store.pool(), &id, RunState::Planned, "here", at(2)).await.unwrap();

            assert_eq!(find(1).await, Some(id));
            assert_eq!(find(2).await, None);
        })
        .await;
    }

    #[tokio::test]
    async fn pages_of_runs_have_each_once() {
        on_both(async |store| {
            for (id, second) in [("a", 1), ("b", 2), ("c", 2)] {
                add_run(&store, id, second).await;
            }

            let first = list(store.pool(), None, 2).await.unwrap();
            let place = Place::of(first[1].created_at, first[1].id.as_str());
            let rest = list(store.pool(), Some(&place), 2).await.unwrap();

            let ids: Vec<_> = first.iter().chain(&rest).map(|run| run.id.as_str()).collect();
            assert_eq!(ids, ["c", "b", "a"]);
        })
        .await;
    }

    /// A planned run of a plan that is added with the first one.
    async fn add_run(store: &Store, id: &str, second: i64) -> RunId {
        let plan_id = PlanId::parse("plan").expect("an id");
        if crate::store::plans::find(store.pool(), &plan_id).await.expect("an answer").is_none() {
            add_plan(store, "plan", 1).await;
        }
        let run = PlannedRun {
            id: RunId::parse(id).expect("an id"),
            plan_id,
            plan_version: 1,
            started_by: "Ada Example".to_owned(),
            created_at: at(second),
        };
        insert(store.pool(), &run).await.expect("a run");
        run.id
    }

    fn picture() -> Progress {
        Progress {
            phase: Phase::Copying,
            tables: Vec::new(),
            rows_per_second: 1.5,
            eta_seconds: None,
            elapsed_seconds: 2.0,
            health: shared::run::Health::default(),
        }
    }
}
