//! What makes the differences that verifications found go away: who asked, who agreed, and what
//! each repair came to.

use chrono::{DateTime, Utc};
use shared::id::{RepairId, RunId, VerificationId};
use shared::run::Failure;
use shared::verification::{Repair, RepairOutcome, RepairState, TakenBack};
use sqlx::any::AnyRow;

use super::{Executor, Place, StoreError, column, document};

/// Adds a repair that is being tried out. False when one of the run is under way already.
pub async fn insert(
    executor: impl Executor<'_>,
    repair: &Repair,
    owner: &str,
) -> Result<bool, StoreError> {
    let doing = "adding a repair";
    sqlx::query(
        "insert into repairs
             (id, verification_id, run_id, selection, state, requested_by, requested_at, owner,
              heartbeat_at)
         select $1, $2, $3, $4, 'running', $5, $6, $7, $6
         where not exists (select 1 from repairs where run_id = $3 and state = 'running')",
    )
    .bind(repair.id.as_str())
    .bind(repair.verification_id.as_str())
    .bind(repair.run_id.as_str())
    .bind(document(&repair.selection, doing)?)
    .bind(&repair.requested_by)
    .bind(repair.requested_at.timestamp_micros())
    .bind(owner)
    .execute(executor)
    .await
    .map(|done| done.rows_affected() == 1)
    .map_err(StoreError::while_doing(doing))
}

pub async fn find(
    executor: impl Executor<'_>,
    id: &RepairId,
) -> Result<Option<Repair>, StoreError> {
    sqlx::query(
        "select id, verification_id, run_id, selection, state, requested_by, requested_at,
             approved_by, ended_at, outcome, failure_code, failure_message, verified_by, taken_back
         from repairs
         where id = $1",
    )
    .bind(id.as_str())
    .fetch_optional(executor)
    .await
    .and_then(|row| row.as_ref().map(repair_of).transpose())
    .map_err(StoreError::while_doing("finding a repair"))
}

/// Those from one verification, the newest first.
pub async fn list(
    executor: impl Executor<'_>,
    verification: &VerificationId,
    after: Option<&Place>,
    limit: u32,
) -> Result<Vec<Repair>, StoreError> {
    let (requested_at, id) = Place::bounds(after);
    sqlx::query(
        "select id, verification_id, run_id, selection, state, requested_by, requested_at,
             approved_by, ended_at, outcome, failure_code, failure_message, verified_by, taken_back
         from repairs
         where (requested_at < $1 or (requested_at = $1 and id < $2)) and verification_id = $3
         order by requested_at desc, id desc
         limit $4",
    )
    .bind(requested_at)
    .bind(id)
    .bind(verification.as_str())
    .bind(i64::from(limit))
    .fetch_all(executor)
    .await
    .and_then(|rows| rows.iter().map(repair_of).collect())
    .map_err(StoreError::while_doing("listing repairs"))
}

/// Those of one run, the oldest first.
pub async fn list_of_run(
    executor: impl Executor<'_>,
    run: &RunId,
) -> Result<Vec<Repair>, StoreError> {
    sqlx::query(
        "select id, verification_id, run_id, selection, state, requested_by, requested_at,
             approved_by, ended_at, outcome, failure_code, failure_message, verified_by, taken_back
         from repairs
         where run_id = $1
         order by requested_at, id",
    )
    .bind(run.as_str())
    .fetch_all(executor)
    .await
    .and_then(|rows| rows.iter().map(repair_of).collect())
    .map_err(StoreError::while_doing("listing the repairs of a run"))
}

/// Moves a repair to `running` on behalf of an installation. False when it was no longer in
/// `from`, or another one of the run is under way.
pub async fn start(
    executor: impl Executor<'_>,
    id: &RepairId,
    from: RepairState,
    owner: &str,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    sqlx::query(
        "update repairs
         set state = 'running', owner = $1, heartbeat_at = $2, ended_at = null,
             failure_code = null, failure_message = null
         where id = $3 and state = $4
             and not exists (
                 select 1 from repairs as other
                 where other.run_id = repairs.run_id and other.state = 'running'
             )",
    )
    .bind(owner)
    .bind(now.timestamp_micros())
    .bind(id.as_str())
    .bind(from.as_str())
    .execute(executor)
    .await
    .map(|done| done.rows_affected() == 1)
    .map_err(StoreError::while_doing("starting a repair"))
}

/// Keeps by whom a repair was approved.
pub async fn approve(
    executor: impl Executor<'_>,
    id: &RepairId,
    by: &str,
) -> Result<(), StoreError> {
    sqlx::query("update repairs set approved_by = $1 where id = $2")
        .bind(by)
        .bind(id.as_str())
        .execute(executor)
        .await
        .map(drop)
        .map_err(StoreError::while_doing("keeping who approved a repair"))
}

/// Ends a repair that is under way. What its preview said stays when it failed. False when it was
/// not under way.
pub async fn end(
    executor: impl Executor<'_>,
    id: &RepairId,
    ended: Result<&RepairOutcome, &Failure>,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let doing = "ending a repair";
    let state = match ended {
        Ok(outcome) if outcome.done => RepairState::Completed,
        Ok(_) => RepairState::Previewed,
        Err(_) => RepairState::Failed,
    };
    let outcome = ended.ok().map(|outcome| document(outcome, doing)).transpose()?;
    let failure = ended.err();
    sqlx::query(
        "update repairs
         set state = $1, ended_at = $2, outcome = coalesce($3, outcome), failure_code = $4,
             failure_message = $5, owner = null, heartbeat_at = null
         where id = $6 and state = 'running'",
    )
    .bind(state.as_str())
    .bind(now.timestamp_micros())
    .bind(outcome)
    .bind(failure.map(|failure| failure.code.as_str()))
    .bind(failure.map(|failure| failure.message.as_str()))
    .bind(id.as_str())
    .execute(executor)
    .await
    .map(|done| done.rows_affected() == 1)
    .map_err(StoreError::while_doing(doing))
}

/// Keeps which verification looked at the target afterwards.
pub async fn verify(
    executor: impl Executor<'_>,
    id: &RepairId,
    by: &VerificationId,
) -> Result<(), StoreError> {
    sqlx::query("update repairs set verified_by = $1 where id = $2")
        .bind(by.as_str())
        .bind(id.as_str())
        .execute(executor)
        .await
        .map(drop)
        .map_err(StoreError::while_doing("keeping what verified a repair"))
}

/// Writes down that a repair was taken back. False when it was not one that was done.
pub async fn take_back(
    executor: impl Executor<'_>,
    id: &RepairId,
    taken: &TakenBack,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let doing = "taking a repair back";
    sqlx::query(
        "update repairs
         set state = 'taken_back', ended_at = $1, taken_back = $2
         where id = $3 and state = 'completed'",
    )
    .bind(now.timestamp_micros())
    .bind(document(taken, doing)?)
    .bind(id.as_str())
    .execute(executor)
    .await
    .map(|done| done.rows_affected() == 1)
    .map_err(StoreError::while_doing(doing))
}

/// Repairs that an installation had under way when it ended, and those of others that gave no sign
/// of life since `silent_since`.
pub async fn list_abandoned(
    executor: impl Executor<'_>,
    owner: &str,
    silent_since: DateTime<Utc>,
) -> Result<Vec<(RepairId, RunId)>, StoreError> {
    sqlx::query(
        "select id, run_id from repairs
         where state = 'running' and (owner = $1 or heartbeat_at < $2)
         order by requested_at, id",
    )
    .bind(owner)
    .bind(silent_since.timestamp_micros())
    .fetch_all(executor)
    .await
    .and_then(|rows| rows.iter().map(column::with_run).collect())
    .map_err(StoreError::while_doing("looking for abandoned repairs"))
}

fn repair_of(row: &AnyRow) -> Result<Repair, sqlx::Error> {
    Ok(Repair {
        id: column::parsed(row, "id")?,
        verification_id: column::parsed(row, "verification_id")?,
        run_id: column::parsed(row, "run_id")?,
        selection: column::json(row, "selection")?,
        state: column::named(row, "state", RepairState::from_name)?,
        requested_by: column::text(row, "requested_by")?,
        requested_at: column::time(row, "requested_at")?,
        approved_by: column::optional_text(row, "approved_by")?,
        ended_at: column::optional_time(row, "ended_at")?,
        outcome: column::optional_json(row, "outcome")?,
        failure: column::failure(row)?,
        verified_by: column::optional_parsed(row, "verified_by")?,
        taken_back: column::optional_json(row, "taken_back")?,
    })
}

#[cfg(test)]
mod tests {
    use shared::error_code::ErrorCode;
    use shared::verification::RepairSelection;

    use super::*;
    use crate::store::Store;
    use crate::store::signs::{self, Work};
    use crate::store::testing::{at, on_both};
    use crate::store::verifications::tests::{add as add_verification, add_run};

    async fn add(store: &Store, id: &str, second: i64) -> Repair {
        let run = match crate::store::runs::find(store.pool(), &"r1".parse().unwrap()).await {
            Ok(Some(stored)) => stored.run.id,
            _ => add_run(store, "r1").await,
        };
        // One under way keeps others from being added, which is as well here.
        add_verification(store, "v1", &run, 0).await;
        let repair = Repair {
            id: id.parse().unwrap(),
            verification_id: "v1".parse().unwrap(),
            run_id: run,
            selection: RepairSelection::default(),
            state: RepairState::Running,
            requested_by: "Ada Example".to_owned(),
            requested_at: at(second),
            approved_by: None,
            ended_at: None,
            outcome: None,
            failure: None,
            verified_by: None,
            taken_back: None,
        };
        assert!(insert(store.pool(), &repair, "here").await.unwrap());
        repair
    }

    fn outcome(done: bool) -> RepairOutcome {
        RepairOutcome {
            repair_id: "m1".parse().unwrap(),
            verification_id: "v1".parse().unwrap(),
            done,
            tables: Vec::new(),
            sequences: Vec::new(),
            seconds: 0.5,
        }
    }

    #[tokio::test]
    async fn a_repair_is_tried_out_done_and_taken_back() {
        on_both(async |store| {
            let repair = add(&store, "m1", 1).await;
            assert!(!insert(store.pool(), &repair, "here").await.unwrap());
            assert_eq!(find(store.pool(), &repair.id).await.unwrap(), Some(repair.clone()));
            assert!(end(store.pool(), &repair.id, Ok(&outcome(false)), at(2)).await.unwrap());
            let looked = find(store.pool(), &repair.id).await.unwrap().unwrap();
            assert_eq!(looked.state, RepairState::Previewed);
            let back = TakenBack { restored: 3, changed_since: 1 };
            assert!(!take_back(store.pool(), &repair.id, &back, at(3)).await.unwrap());

            let from = RepairState::Previewed;
            assert!(start(store.pool(), &repair.id, from, "here", at(3)).await.unwrap());
            assert!(!start(store.pool(), &repair.id, from, "here", at(3)).await.unwrap());
            approve(store.pool(), &repair.id, "Bea Example").await.unwrap();
            assert!(end(store.pool(), &repair.id, Ok(&outcome(true)), at(4)).await.unwrap());
            verify(store.pool(), &repair.id, &repair.verification_id).await.unwrap();
            assert!(take_back(store.pool(), &repair.id, &back, at(5)).await.unwrap());

            let taken = find(store.pool(), &repair.id).await.unwrap().unwrap();
            assert_eq!((taken.state, taken.taken_back), (RepairState::TakenBack, Some(back)));
            assert_eq!(taken.approved_by.as_deref(), Some("Bea Example"));
            assert_eq!(taken.verified_by, Some(repair.verification_id.clone()));
            assert_eq!(taken.outcome, Some(outcome(true)));
            let all = list(store.pool(), &repair.verification_id, None, 9).await.unwrap();
            assert_eq!(list_of_run(store.pool(), &repair.run_id).await.unwrap(), all);
            assert_eq!(all, [taken]);
        })
        .await;
    }

    #[tokio::test]
    async fn a_repair_that_failed_keeps_its_preview_and_says_why() {
        on_both(async |store| {
            let repair = add(&store, "m1", 1).await;
            end(store.pool(), &repair.id, Ok(&outcome(false)), at(2)).await.unwrap();
            let from = RepairState::Previewed;
            start(store.pool(), &repair.id, from, "here", at(300)).await.unwrap();
            let silent = async |owner, second| {
                list_abandoned(store.pool(), owner, at(second)).await.unwrap().len()
            };
            assert_eq!(
                [silent("here", 0).await, silent("other", 299).await, silent("other", 301).await],
                [1, 0, 1]
            );
            let (work, id) = (Work::Repair, repair.id.as_str());
            signs::give(store.pool(), work, id, at(400)).await.unwrap();
            assert_eq!(silent("other", 301).await, 0);

            let failure = Failure { code: ErrorCode::Sys006, message: "repairing".to_owned() };
            end(store.pool(), &repair.id, Err(&failure), at(401)).await.unwrap();
            let failed = find(store.pool(), &repair.id).await.unwrap().unwrap();
            assert_eq!((failed.state, failed.failure), (RepairState::Failed, Some(failure)));
            assert_eq!(failed.outcome, Some(outcome(false)));
        })
        .await;
    }
}
