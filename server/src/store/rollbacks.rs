//! What was asked to be undone, and what came of it.

use chrono::{DateTime, Utc};
use shared::id::{RollbackId, RunId};
use shared::rollback::{Changed, Rollback, RollbackOutcome, RollbackState};
use shared::run::Failure;
use sqlx::any::AnyRow;

use super::signs::Abandoned;
use super::{Executor, Place, StoreError, column, document};

/// Adds a rollback. One that is under way at once has an installation that carries it out.
pub async fn insert(
    executor: impl Executor<'_>,
    rollback: &Rollback,
    owner: Option<&str>,
) -> Result<(), StoreError> {
    let doing = "adding a rollback";
    sqlx::query(
        "insert into rollbacks
             (id, run_id, scope, changed, state, requested_by, requested_at, outcome, owner)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(rollback.id.as_str())
    .bind(rollback.run_id.as_str())
    .bind(document(&rollback.scope, doing)?)
    .bind(rollback.changed.as_str())
    .bind(rollback.state.as_str())
    .bind(&rollback.requested_by)
    .bind(rollback.requested_at.timestamp_micros())
    .bind(rollback.outcome.as_ref().map(|outcome| document(outcome, doing)).transpose()?)
    .bind(owner)
    .execute(executor)
    .await
    .map(drop)
    .map_err(StoreError::while_doing(doing))
}

pub async fn find(
    executor: impl Executor<'_>,
    id: &RollbackId,
) -> Result<Option<Rollback>, StoreError> {
    sqlx::query(
        "select id, run_id, scope, changed, state, requested_by, requested_at, ended_at, outcome,
             failure_code, failure_message
         from rollbacks
         where id = $1",
    )
    .bind(id.as_str())
    .fetch_optional(executor)
    .await
    .and_then(|row| row.as_ref().map(rollback_of).transpose())
    .map_err(StoreError::while_doing("finding a rollback"))
}

/// The newest first; those of one run where one is named.
pub async fn list(
    executor: impl Executor<'_>,
    run: Option<&RunId>,
    after: Option<&Place>,
    limit: u32,
) -> Result<Vec<Rollback>, StoreError> {
    let (requested_at, id) = Place::bounds(after);
    sqlx::query(
        "select id, run_id, scope, changed, state, requested_by, requested_at, ended_at, outcome,
             failure_code, failure_message
         from rollbacks
         where (requested_at < $1 or (requested_at = $1 and id < $2))
             and ($3 = '' or run_id = $3)
         order by requested_at desc, id desc
         limit $4",
    )
    .bind(requested_at)
    .bind(id)
    .bind(run.map_or("", RunId::as_str))
    .bind(i64::from(limit))
    .fetch_all(executor)
    .await
    .and_then(|rows| rows.iter().map(rollback_of).collect())
    .map_err(StoreError::while_doing("listing rollbacks"))
}

/// Moves a rollback to `running` on behalf of an installation. False when it was no longer in
/// `from`.
pub async fn start(
    executor: impl Executor<'_>,
    id: &RollbackId,
    from: RollbackState,
    owner: &str,
) -> Result<bool, StoreError> {
    sqlx::query(
        "update rollbacks
         set state = $1, owner = $2, heartbeat_at = null, ended_at = null, failure_code = null,
             failure_message = null
         where id = $3 and state = $4",
    )
    .bind(RollbackState::Running.as_str())
    .bind(owner)
    .bind(id.as_str())
    .bind(from.as_str())
    .execute(executor)
    .await
    .map(|done| done.rows_affected() == 1)
    .map_err(StoreError::while_doing("starting a rollback"))
}

/// Ends a rollback that is under way. False when it was not.
pub async fn end(
    executor: impl Executor<'_>,
    id: &RollbackId,
    ended: Result<&RollbackOutcome, &Failure>,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let doing = "ending a rollback";
    let state = if ended.is_ok() { RollbackState::Completed } else { RollbackState::Failed };
    let outcome = ended.ok().map(|outcome| document(outcome, doing)).transpose()?;
    let failure = ended.err();
    sqlx::query(
        "update rollbacks
         set state = $1, ended_at = $2, outcome = coalesce($3, outcome), failure_code = $4,
             failure_message = $5, owner = null
         where id = $6 and state = $7",
    )
    .bind(state.as_str())
    .bind(now.timestamp_micros())
    .bind(outcome)
    .bind(failure.map(|failure| failure.code.as_str()))
    .bind(failure.map(|failure| failure.message.as_str()))
    .bind(id.as_str())
    .bind(RollbackState::Running.as_str())
    .execute(executor)
    .await
    .map(|done| done.rows_affected() == 1)
    .map_err(StoreError::while_doing(doing))
}

/// Rollbacks that are said to be under way and that nobody works on.
pub async fn list_abandoned(
    executor: impl Executor<'_>,
    abandoned: Abandoned<'_>,
) -> Result<Vec<Rollback>, StoreError> {
    sqlx::query(
        "select id, run_id, scope, changed, state, requested_by, requested_at, ended_at, outcome,
             failure_code, failure_message
         from rollbacks
         where state = $1 and (owner = $2 or heartbeat_at < $3)
         order by requested_at, id",
    )
    .bind(RollbackState::Running.as_str())
    .bind(abandoned.owner)
    .bind(abandoned.silent_since.timestamp_micros())
    .fetch_all(executor)
    .await
    .and_then(|rows| rows.iter().map(rollback_of).collect())
    .map_err(StoreError::while_doing("looking for abandoned rollbacks"))
}

fn rollback_of(row: &AnyRow) -> Result<Rollback, sqlx::Error> {
    Ok(Rollback {
        id: column::parsed(row, "id")?,
        run_id: column::parsed(row, "run_id")?,
        scope: column::json(row, "scope")?,
        changed: column::named(row, "changed", Changed::from_name)?,
        state: column::named(row, "state", RollbackState::from_name)?,
        requested_by: column::text(row, "requested_by")?,
        requested_at: column::time(row, "requested_at")?,
        ended_at: column::optional_time(row, "ended_at")?,
        outcome: column::optional_json(row, "outcome")?,
        failure: column::failure(row)?,
    })
}

#[cfg(test)]
mod tests {
    use shared::error_code::ErrorCode;
    use shared::rollback::Scope;
    use shared::run::RunState;

    use super::*;
    use crate::store::Store;
    use crate::store::signs::Work;
    use crate::store::testing::{at, check_signs, on_both};

    fn previewed(id: &str, run: &str, seconds: i64) -> Rollback {
        Rollback {
            id: id.parse().unwrap(),
            run_id: run.parse().unwrap(),
            scope: Scope::Chunk { target: "public.people".parse().unwrap(), ordinal: 3 },
            changed: Changed::Discard,
            state: RollbackState::Previewed,
            requested_by: "Ada Example".to_owned(),
            requested_at: at(seconds),
            ended_at: None,
            outcome: Some(outcome(true)),
            failure: None,
        }
    }

    fn outcome(dry_run: bool) -> RollbackOutcome {
        RollbackOutcome {
            run_id: "run-1".parse().unwrap(),
            scope: Scope::Run,
            dry_run,
            run_state: RunState::RolledBack,
            tables: Vec::new(),
            objects: Vec::new(),
            obstacles: Vec::new(),
        }
    }

    async fn begin(store: &Store, rollback: &Rollback) -> bool {
        let from = RollbackState::Previewed;
        start(store.pool(), &rollback.id, from, "here").await.unwrap()
    }

    #[tokio::test]
    async fn a_rollback_reads_back_as_it_was_written() {
        on_both(async |store| {
            let first = previewed("rb-1", "run-1", 1);
            let second = previewed("rb-2", "run-2", 2);
            insert(store.pool(), &first, None).await.unwrap();
            insert(store.pool(), &second, None).await.unwrap();

            assert_eq!(find(store.pool(), &first.id).await.unwrap(), Some(first.clone()));
            let all = list(store.pool(), None, None, 9).await.unwrap();
            assert_eq!(all, [second.clone(), first.clone()]);
            let of_one = list(store.pool(), Some(&first.run_id), None, 9).await.unwrap();
            assert_eq!(of_one, std::slice::from_ref(&first));
            let place = Place::of(second.requested_at, second.id.as_str());
            assert_eq!(list(store.pool(), None, Some(&place), 9).await.unwrap(), [first]);
        })
        .await;
    }

    #[tokio::test]
    async fn only_one_installation_carries_a_rollback_out() {
        on_both(async |store| {
            let rollback = previewed("rb-1", "run-1", 1);
            insert(store.pool(), &rollback, None).await.unwrap();

            assert!(begin(&store, &rollback).await);
            assert!(!begin(&store, &rollback).await);
            check_signs(&store, Work::Rollback, rollback.id.as_str(), async |abandoned| {
                list_abandoned(store.pool(), abandoned).await.unwrap().len()
            })
            .await;
        })
        .await;
    }

    #[tokio::test]
    async fn a_rollback_that_failed_keeps_its_preview_and_says_why() {
        on_both(async |store| {
            let rollback = previewed("rb-1", "run-1", 1);
            insert(store.pool(), &rollback, None).await.unwrap();
            begin(&store, &rollback).await;
            let failure =
                Failure { code: ErrorCode::Load020, message: "undoing run run-1".to_owned() };

            assert!(end(store.pool(), &rollback.id, Err(&failure), at(5)).await.unwrap());
            let failed = find(store.pool(), &rollback.id).await.unwrap().unwrap();
            assert_eq!((failed.state, failed.ended_at), (RollbackState::Failed, Some(at(5))));
            assert_eq!((failed.failure, failed.outcome), (Some(failure), Some(outcome(true))));
            let from = RollbackState::Failed;
            assert!(start(store.pool(), &rollback.id, from, "here").await.unwrap());
            let done = outcome(false);
            assert!(end(store.pool(), &rollback.id, Ok(&done), at(6)).await.unwrap());
            assert!(!end(store.pool(), &rollback.id, Ok(&done), at(7)).await.unwrap());
            let done = find(store.pool(), &rollback.id).await.unwrap().unwrap();
            assert_eq!((done.failure, done.outcome), (None, Some(outcome(false))));
        })
        .await;
    }
}
