//! Comparisons of the two sides of runs: who asked, how far each came, and what it came to.

use chrono::{DateTime, Utc};
use shared::id::{RunId, VerificationId};
use shared::run::Failure;
use shared::verification::{Findings, Mode, Progress, SampleSize, Verification, VerificationState};
use sqlx::any::AnyRow;

use super::{Executor, Place, StoreError, column, document};

/// A verification with what only the server needs to know about it.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredVerification {
    pub verification: Verification,
    /// What is asked of a sample, whatever the mode.
    pub sample: SampleSize,
    /// Its id in the target.
    pub ledger_id: VerificationId,
}

/// A verification that begins.
#[derive(Debug, Clone)]
pub struct BegunVerification<'a> {
    pub id: &'a VerificationId,
    pub run_id: &'a RunId,
    pub mode: Mode,
    pub sample: SampleSize,
    pub started_by: &'a str,
    pub owner: &'a str,
}

/// Adds a verification that is under way. False when one of the run is already.
pub async fn insert(
    executor: impl Executor<'_>,
    new: &BegunVerification<'_>,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let doing = "adding a verification";
    sqlx::query(
        "insert into verifications
             (id, run_id, mode, sample, state, started_by, started_at, ledger_id, owner,
              heartbeat_at)
         select $1, $2, $3, $4, 'running', $5, $6, $1, $7, $6
         where not exists (select 1 from verifications where run_id = $2 and state = 'running')",
    )
    .bind(new.id.as_str())
    .bind(new.run_id.as_str())
    .bind(new.mode.as_str())
    .bind(document(&new.sample, doing)?)
    .bind(new.started_by)
    .bind(now.timestamp_micros())
    .bind(new.owner)
    .execute(executor)
    .await
    .map(|done| done.rows_affected() == 1)
    .map_err(StoreError::while_doing(doing))
}

pub async fn find(
    executor: impl Executor<'_>,
    id: &VerificationId,
) -> Result<Option<StoredVerification>, StoreError> {
    sqlx::query(
        "select verifications.id, run_id, plan_versions.name as plan_name, mode, sample,
             verifications.state, verifications.started_by, verifications.started_at,
             verifications.ended_at, ledger_id, verifications.progress, findings,
             verifications.failure_code, verifications.failure_message
         from verifications
         join runs on runs.id = run_id
         join plan_versions
             on plan_versions.plan_id = runs.plan_id and plan_versions.version = runs.plan_version
         where verifications.id = $1",
    )
    .bind(id.as_str())
    .fetch_optional(executor)
    .await
    .and_then(|row| row.as_ref().map(stored_of).transpose())
    .map_err(StoreError::while_doing("finding a verification"))
}

/// The newest first; those of one run where one is named.
pub async fn list(
    executor: impl Executor<'_>,
    run: Option<&RunId>,
    after: Option<&Place>,
    limit: u32,
) -> Result<Vec<Verification>, StoreError> {
    let (started_at, id) = Place::bounds(after);
    sqlx::query(
        "select verifications.id, run_id, plan_versions.name as plan_name, mode, sample,
             verifications.state, verifications.started_by, verifications.started_at,
             verifications.ended_at, ledger_id, verifications.progress, findings,
             verifications.failure_code, verifications.failure_message
         from verifications
         join runs on runs.id = run_id
         join plan_versions
             on plan_versions.plan_id = runs.plan_id and plan_versions.version = runs.plan_version
         where (verifications.started_at < $1
                or (verifications.started_at = $1 and verifications.id < $2))
             and ($3 = '' or run_id = $3)
         order by verifications.started_at desc, verifications.id desc
         limit $4",
    )
    .bind(started_at)
    .bind(id)
    .bind(run.map_or("", RunId::as_str))
    .bind(i64::from(limit))
    .fetch_all(executor)
    .await
    .and_then(|rows| rows.iter().map(|row| Ok(stored_of(row)?.verification)).collect())
    .map_err(StoreError::while_doing("listing verifications"))
}

/// Moves a verification to `running` on behalf of an installation. False when it was no longer in
/// `from`, or another one of the run is under way.
pub async fn start(
    executor: impl Executor<'_>,
    id: &VerificationId,
    from: VerificationState,
    owner: &str,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    sqlx::query(
        "update verifications
         set state = 'running', owner = $1, heartbeat_at = $2, ended_at = null,
             failure_code = null, failure_message = null
         where id = $3 and state = $4
             and not exists (
                 select 1 from verifications as other
                 where other.run_id = verifications.run_id and other.state = 'running'
             )",
    )
    .bind(owner)
    .bind(now.timestamp_micros())
    .bind(id.as_str())
    .bind(from.as_str())
    .execute(executor)
    .await
    .map(|done| done.rows_affected() == 1)
    .map_err(StoreError::while_doing("resuming a verification"))
}

/// Keeps a picture of a verification under way, which is its sign of life as well.
pub async fn record_picture(
    executor: impl Executor<'_>,
    id: &VerificationId,
    progress: Option<&Progress>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let doing = "keeping the picture of a verification";
    sqlx::query(
        "update verifications
         set progress = coalesce($1, progress), heartbeat_at = $2
         where id = $3 and state = 'running'",
    )
    .bind(progress.map(|progress| document(progress, doing)).transpose()?)
    .bind(now.timestamp_micros())
    .bind(id.as_str())
    .execute(executor)
    .await
    .map(drop)
    .map_err(StoreError::while_doing(doing))
}

/// How a verification ended, or where it stopped.
#[derive(Debug, Clone, Copy)]
pub struct Ending<'a> {
    pub state: VerificationState,
    pub progress: Option<&'a Progress>,
    pub findings: Option<&'a Findings>,
    pub failure: Option<&'a Failure>,
    /// Its id in the target, where it got so far.
    pub ledger_id: Option<&'a VerificationId>,
}

/// Ends a verification that is under way. False when it was not.
pub async fn end(
    executor: impl Executor<'_>,
    id: &VerificationId,
    ending: Ending<'_>,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let doing = "ending a verification";
    sqlx::query(
        "update verifications
         set state = $1, ended_at = $2, progress = coalesce($3, progress), findings = $4,
             failure_code = $5, failure_message = $6, ledger_id = coalesce($7, ledger_id),
             owner = null, heartbeat_at = null
         where id = $8 and state = 'running'",
    )
    .bind(ending.state.as_str())
    .bind(now.timestamp_micros())
    .bind(ending.progress.map(|progress| document(progress, doing)).transpose()?)
    .bind(ending.findings.map(|findings| document(findings, doing)).transpose()?)
    .bind(ending.failure.map(|failure| failure.code.as_str()))
    .bind(ending.failure.map(|failure| failure.message.as_str()))
    .bind(ending.ledger_id.map(VerificationId::as_str))
    .bind(id.as_str())
    .execute(executor)
    .await
    .map(|done| done.rows_affected() == 1)
    .map_err(StoreError::while_doing(doing))
}

/// Verifications that an installation had under way when it ended, and those of others that gave
/// no sign of life since `silent_since`.
pub async fn list_abandoned(
    executor: impl Executor<'_>,
    owner: &str,
    silent_since: DateTime<Utc>,
) -> Result<Vec<(VerificationId, RunId)>, StoreError> {
    sqlx::query(
        "select id, run_id from verifications
         where state = 'running' and (owner = $1 or heartbeat_at < $2)
         order by started_at, id",
    )
    .bind(owner)
    .bind(silent_since.timestamp_micros())
    .fetch_all(executor)
    .await
    .and_then(|rows| rows.iter().map(column::with_run).collect())
    .map_err(StoreError::while_doing("looking for abandoned verifications"))
}

fn stored_of(row: &AnyRow) -> Result<StoredVerification, sqlx::Error> {
    let mode = column::named(row, "mode", Mode::from_name)?;
    let sample = column::json(row, "sample")?;
    let verification = Verification {
        id: column::parsed(row, "id")?,
        run_id: column::parsed(row, "run_id")?,
        plan_name: column::text(row, "plan_name")?,
        mode,
        sample: (mode == Mode::Sample).then_some(sample),
        state: column::named(row, "state", VerificationState::from_name)?,
        started_by: column::text(row, "started_by")?,
        started_at: column::time(row, "started_at")?,
        ended_at: column::optional_time(row, "ended_at")?,
        failure: column::failure(row)?,
        progress: column::optional_json(row, "progress")?,
        findings: column::optional_json(row, "findings")?,
    };
    Ok(StoredVerification { verification, sample, ledger_id: column::parsed(row, "ledger_id")? })
}

#[cfg(test)]
pub(super) mod tests {
    use chrono::TimeDelta;
    use shared::verification::TableProgress;

    use super::*;
    use crate::store::Store;
    use crate::store::runs::{self, PlannedRun};
    use crate::store::testing::{add_plan, at, on_both};

    /// A run that verifications can be about.
    pub(in crate::store) async fn add_run(store: &Store, id: &str) -> RunId {
        let plan = add_plan(store, &format!("plan-of-{id}"), 1).await;
        let run = PlannedRun {
            id: id.parse().expect("an id"),
            plan_id: plan.id,
            plan_version: 1,
            started_by: "Ada Example".to_owned(),
            created_at: at(0),
        };
        runs::insert(store.pool(), &run).await.expect("a run");
        run.id
    }

    /// A verification that is under way here, if none of the run is already.
    pub(in crate::store) async fn add(
        store: &Store,
        id: &str,
        run: &RunId,
        second: i64,
    ) -> Option<VerificationId> {
        let id = VerificationId::parse(id).expect("an id");
        let new = BegunVerification {
            id: &id,
            run_id: run,
            mode: Mode::Sample,
            sample: SampleSize { seed: 7, ..SampleSize::default() },
            started_by: "Ada Example",
            owner: "here",
        };
        insert(store.pool(), &new, at(second)).await.expect("a verification").then_some(id)
    }

    fn ending(state: VerificationState) -> Ending<'static> {
        Ending { state, progress: None, findings: None, failure: None, ledger_id: None }
    }

    #[tokio::test]
    async fn a_verification_reads_back_as_it_was_written() {
        on_both(async |store| {
            let (first, second) = (add_run(&store, "r1").await, add_run(&store, "r2").await);
            let one = add(&store, "v1", &first, 1).await.unwrap();
            let two = add(&store, "v2", &second, 2).await.unwrap();
            let table = TableProgress {
                target: "public.people".parse().unwrap(),
                segments_total: 4,
                segments_done: 1,
                rows_compared: 10,
                mismatches: 0,
            };
            let progress = Progress { tables: vec![table], elapsed_seconds: 0.5, held: None };
            record_picture(store.pool(), &one, Some(&progress), at(3)).await.unwrap();
            let (findings, other) = (Findings::default(), "v9".parse().unwrap());
            let ended = Ending {
                findings: Some(&findings),
                ledger_id: Some(&other),
                ..ending(VerificationState::Equal)
            };
            assert!(end(store.pool(), &one, ended, at(4)).await.unwrap());
            assert!(!end(store.pool(), &one, ended, at(5)).await.unwrap());

            let stored = find(store.pool(), &one).await.unwrap().unwrap();
            let verification = &stored.verification;
            assert_eq!((stored.ledger_id, stored.sample.seed), (other, 7));
            assert_eq!(verification.state, VerificationState::Equal);
            assert_eq!(verification.progress, Some(progress));
            assert_eq!(verification.findings, Some(findings));
            assert_eq!(verification.ended_at, Some(at(4)));
            assert_eq!(verification.plan_name, "plan");
            let all = list(store.pool(), None, None, 9).await.unwrap();
            assert_eq!(all.iter().map(|it| &it.id).collect::<Vec<_>>(), [&two, &one]);
            let of_one = list(store.pool(), Some(&first), None, 9).await.unwrap();
            assert_eq!(of_one, std::slice::from_ref(verification));
            let place = Place::of(at(2), two.as_str());
            assert_eq!(list(store.pool(), None, Some(&place), 9).await.unwrap(), of_one);
        })
        .await;
    }

    #[tokio::test]
    async fn a_run_is_compared_once_at_a_time() {
        on_both(async |store| {
            let run = add_run(&store, "r1").await;
            let one = add(&store, "v1", &run, 1).await.unwrap();
            assert_eq!(add(&store, "v2", &run, 2).await, None);
            let paused = VerificationState::Paused;
            end(store.pool(), &one, ending(paused), at(3)).await.unwrap();
            let two = add(&store, "v2", &run, 4).await.unwrap();

            assert!(!start(store.pool(), &one, paused, "here", at(5)).await.unwrap());
            end(store.pool(), &two, ending(VerificationState::Equal), at(6)).await.unwrap();
            assert!(start(store.pool(), &one, paused, "here", at(7)).await.unwrap());
            assert!(!start(store.pool(), &one, paused, "here", at(8)).await.unwrap());
        })
        .await;
    }

    #[tokio::test]
    async fn what_gives_no_sign_of_life_is_found() {
        on_both(async |store| {
            let run = add_run(&store, "r1").await;
            let one = add(&store, "v1", &run, 100).await.unwrap();
            let abandoned = async |owner, second| {
                list_abandoned(store.pool(), owner, at(second)).await.unwrap()
            };

            assert_eq!(abandoned("elsewhere", 99).await, []);
            assert_eq!(abandoned("here", 99).await, [(one.clone(), run.clone())]);
            assert_eq!(abandoned("elsewhere", 101).await, [(one.clone(), run.clone())]);
            let later = at(100) + TimeDelta::seconds(10);
            record_picture(store.pool(), &one, None, later).await.unwrap();
            assert_eq!(abandoned("elsewhere", 101).await, []);
        })
        .await;
    }
}
