//! Clinical checks of runs: made, or judged again under other thresholds.

use chrono::{DateTime, Utc};
use shared::clinical::{Checking, CheckingCounts, CheckingItem, CheckingState, ClinicalOutcome};
use shared::id::{CheckingId, RunId};
use shared::run::Failure;
use sqlx::any::AnyRow;

use super::signs::Abandoned;
use super::{Executor, Place, StoreError, column, document};

/// A checking that begins.
#[derive(Debug, Clone, Copy)]
pub struct BegunChecking<'a> {
    pub id: &'a CheckingId,
    pub run_id: &'a RunId,
    pub started_by: &'a str,
    pub owner: &'a str,
}

/// Numbers that were judged again.
#[derive(Debug, Clone, Copy)]
pub struct JudgedAgain<'a> {
    pub id: &'a CheckingId,
    /// The checking that asked the databases.
    pub numbers_of: &'a CheckingId,
    pub run_id: &'a RunId,
    pub by: &'a str,
    pub outcome: &'a ClinicalOutcome,
}

/// Checkings with the plans of their runs: `$more` columns, and which of them.
macro_rules! checkings {
    ($more:literal, $which:literal) => {
        concat!(
            "select checkings.id, run_id, plan_versions.name as plan_name, checkings.state,
                    checkings.started_by, checkings.started_at, checkings.ended_at, numbers_of,
                    counts, checkings.failure_code, checkings.failure_message",
            $more,
            " from checkings
             join runs on runs.id = run_id
             join plan_versions
                 on plan_versions.plan_id = runs.plan_id
                 and plan_versions.version = runs.plan_version ",
            $which
        )
    };
}

/// Adds a checking that is under way. False when one of the run is already.
pub async fn insert(
    executor: impl Executor<'_>,
    new: &BegunChecking<'_>,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    sqlx::query(
        "insert into checkings (id, run_id, state, started_by, started_at, owner)
         select $1, $2, 'running', $3, $4, $5
         where not exists (select 1 from checkings where run_id = $2 and state = 'running')",
    )
    .bind(new.id.as_str())
    .bind(new.run_id.as_str())
    .bind(new.started_by)
    .bind(now.timestamp_micros())
    .bind(new.owner)
    .execute(executor)
    .await
    .map(|done| done.rows_affected() == 1)
    .map_err(StoreError::while_doing("adding clinical checks"))
}

/// Adds what the numbers of another one come to under other thresholds.
pub async fn insert_judged(
    executor: impl Executor<'_>,
    new: &JudgedAgain<'_>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let doing = "keeping clinical checks that were judged again";
    sqlx::query(
        "insert into checkings
             (id, run_id, state, started_by, started_at, ended_at, numbers_of, counts, outcome)
         values ($1, $2, 'completed', $3, $4, $4, $5, $6, $7)",
    )
    .bind(new.id.as_str())
    .bind(new.run_id.as_str())
    .bind(new.by)
    .bind(now.timestamp_micros())
    .bind(new.numbers_of.as_str())
    .bind(document(&CheckingCounts::of(new.outcome), doing)?)
    .bind(document(new.outcome, doing)?)
    .execute(executor)
    .await
    .map(drop)
    .map_err(StoreError::while_doing(doing))
}

/// Ends one that is under way. False when it was not.
pub async fn end(
    executor: impl Executor<'_>,
    id: &CheckingId,
    found: Result<&ClinicalOutcome, &Failure>,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let doing = "keeping what clinical checks found";
    let state = if found.is_ok() { CheckingState::Completed } else { CheckingState::Failed };
    let outcome = found.ok().map(|outcome| document(outcome, doing)).transpose()?;
    let counts = found.ok().map(|outcome| document(&CheckingCounts::of(outcome), doing));
    let failure = found.err();
    sqlx::query(
        "update checkings
         set state = $1, ended_at = $2, counts = $3, outcome = $4, failure_code = $5,
             failure_message = $6, owner = null
         where id = $7 and state = 'running'",
    )
    .bind(state.as_str())
    .bind(now.timestamp_micros())
    .bind(counts.transpose()?)
    .bind(outcome)
    .bind(failure.map(|failure| failure.code.as_str()))
    .bind(failure.map(|failure| failure.message.as_str()))
    .bind(id.as_str())
    .execute(executor)
    .await
    .map(|done| done.rows_affected() == 1)
    .map_err(StoreError::while_doing(doing))
}

pub async fn find(
    executor: impl Executor<'_>,
    id: &CheckingId,
) -> Result<Option<Checking>, StoreError> {
    sqlx::query(checkings!(", outcome", "where checkings.id = $1"))
        .bind(id.as_str())
        .fetch_optional(executor)
        .await
        .and_then(|row| row.as_ref().map(checking_of).transpose())
        .map_err(StoreError::while_doing("finding clinical checks"))
}

/// The newest first; those of one run where one is named.
pub async fn list(
    executor: impl Executor<'_>,
    run: Option<&RunId>,
    after: Option<&Place>,
    limit: u32,
) -> Result<Vec<CheckingItem>, StoreError> {
    let (started_at, id) = Place::bounds(after);
    sqlx::query(checkings!(
        "",
        "where (checkings.started_at < $1
                or (checkings.started_at = $1 and checkings.id < $2))
             and ($3 = '' or run_id = $3)
         order by checkings.started_at desc, checkings.id desc
         limit $4"
    ))
    .bind(started_at)
    .bind(id)
    .bind(run.map_or("", RunId::as_str))
    .bind(i64::from(limit))
    .fetch_all(executor)
    .await
    .and_then(|rows| rows.iter().map(item_of).collect())
    .map_err(StoreError::while_doing("listing clinical checks"))
}

/// What was judged again of one run, the oldest first. The target knows the others.
pub async fn list_judged_of_run(
    executor: impl Executor<'_>,
    run: &RunId,
) -> Result<Vec<ClinicalOutcome>, StoreError> {
    sqlx::query(
        "select outcome from checkings
         where run_id = $1 and numbers_of is not null
         order by started_at, id",
    )
    .bind(run.as_str())
    .fetch_all(executor)
    .await
    .and_then(|rows| rows.iter().map(|row| column::json(row, "outcome")).collect())
    .map_err(StoreError::while_doing("listing the clinical checks of a run"))
}

/// Checkings that are said to be made and that nobody works on.
pub async fn list_abandoned(
    executor: impl Executor<'_>,
    abandoned: Abandoned<'_>,
) -> Result<Vec<(CheckingId, RunId)>, StoreError> {
    sqlx::query(
        "select id, run_id from checkings
         where state = 'running' and (owner = $1 or heartbeat_at < $2)
         order by started_at, id",
    )
    .bind(abandoned.owner)
    .bind(abandoned.silent_since.timestamp_micros())
    .fetch_all(executor)
    .await
    .and_then(|rows| rows.iter().map(column::with_run).collect())
    .map_err(StoreError::while_doing("looking for abandoned clinical checks"))
}

fn item_of(row: &AnyRow) -> Result<CheckingItem, sqlx::Error> {
    Ok(CheckingItem {
        id: column::parsed(row, "id")?,
        run_id: column::parsed(row, "run_id")?,
        plan_name: column::text(row, "plan_name")?,
        state: column::named(row, "state", CheckingState::from_name)?,
        started_by: column::text(row, "started_by")?,
        started_at: column::time(row, "started_at")?,
        ended_at: column::optional_time(row, "ended_at")?,
        numbers_of: column::optional_parsed(row, "numbers_of")?,
        failure: column::failure(row)?,
        counts: column::optional_json(row, "counts")?,
    })
}

fn checking_of(row: &AnyRow) -> Result<Checking, sqlx::Error> {
    Ok(Checking { item: item_of(row)?, outcome: column::optional_json(row, "outcome")? })
}

#[cfg(test)]
mod tests {
    use shared::error_code::ErrorCode;

    use super::*;
    use crate::store::Store;
    use crate::store::signs::Work;
    use crate::store::testing::{at, check_signs, on_both};
    use crate::store::verifications::tests::add_run;

    fn outcome(seconds: i64) -> ClinicalOutcome {
        ClinicalOutcome {
            passed: true,
            measured_at: at(1),
            judged_at: at(seconds),
            checks: Vec::new(),
            left_out: Vec::new(),
            seconds: 0.5,
        }
    }

    async fn begin(store: &Store, id: &str, run: &RunId, second: i64) -> Option<CheckingId> {
        let id = CheckingId::parse(id).expect("an id");
        let new = BegunChecking { id: &id, run_id: run, started_by: "Ada Example", owner: "here" };
        insert(store.pool(), &new, at(second)).await.expect("a row").then_some(id)
    }

    #[tokio::test]
    async fn checks_read_back_as_they_were_written() {
        on_both(async |store| {
            let (first, second) = (add_run(&store, "r1").await, add_run(&store, "r2").await);
            let one = begin(&store, "c1", &first, 1).await.unwrap();
            let two = begin(&store, "c2", &second, 2).await.unwrap();
            assert!(end(store.pool(), &one, Ok(&outcome(1)), at(3)).await.unwrap());
            assert!(!end(store.pool(), &one, Ok(&outcome(2)), at(4)).await.unwrap());
            let failure = Failure { code: ErrorCode::Sys006, message: "checking".to_owned() };
            assert!(end(store.pool(), &two, Err(&failure), at(4)).await.unwrap());
            let three = CheckingId::parse("c3").unwrap();
            let judged = outcome(5);
            let again = JudgedAgain {
                id: &three,
                numbers_of: &one,
                run_id: &first,
                by: "Ada Example",
                outcome: &judged,
            };
            insert_judged(store.pool(), &again, at(5)).await.unwrap();

            let found = find(store.pool(), &one).await.unwrap().unwrap();
            assert_eq!(found.outcome, Some(outcome(1)));
            assert_eq!(found.item.counts, Some(CheckingCounts::of(&outcome(1))));
            assert_eq!((found.item.plan_name.as_str(), found.item.ended_at), ("plan", Some(at(3))));
            let failed = find(store.pool(), &two).await.unwrap().unwrap();
            assert_eq!((failed.item.failure, failed.outcome), (Some(failure), None));
            let again = find(store.pool(), &three).await.unwrap().unwrap();
            assert_eq!((again.item.numbers_of, again.outcome), (Some(one.clone()), Some(judged)));
            assert_eq!(list_judged_of_run(store.pool(), &first).await.unwrap(), [outcome(5)]);
            let all = list(store.pool(), None, None, 9).await.unwrap();
            assert_eq!(all.iter().map(|it| &it.id).collect::<Vec<_>>(), [&three, &two, &one]);
            let of_first = list(store.pool(), Some(&first), None, 1).await.unwrap();
            assert_eq!(of_first[0].id, three);
            let place = Place::of(at(5), three.as_str());
            let older = list(store.pool(), Some(&first), Some(&place), 9).await.unwrap();
            assert_eq!(older, [found.item]);
        })
        .await;
    }

    #[tokio::test]
    async fn a_run_is_checked_once_at_a_time_and_what_was_left_is_found() {
        on_both(async |store| {
            let run = add_run(&store, "r1").await;
            let one = begin(&store, "c1", &run, 1).await.unwrap();
            assert_eq!(begin(&store, "c2", &run, 2).await, None);
            check_signs(&store, Work::Checking, one.as_str(), async |abandoned| {
                list_abandoned(store.pool(), abandoned).await.unwrap().len()
            })
            .await;
            end(store.pool(), &one, Ok(&outcome(1)), at(3)).await.unwrap();
            assert!(begin(&store, "c2", &run, 4).await.is_some());
        })
        .await;
    }
}
