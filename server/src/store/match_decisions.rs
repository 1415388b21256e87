//! What people said of pairs of records. It outlives searches and models.

use chrono::{DateTime, Utc};
use shared::duplicate::{DecidedPair, Decision, RecordId, Verdict};
use sqlx::any::AnyRow;

use super::{Executor, StoreError, column};

/// What somebody says of two records. The smaller id stands first.
#[derive(Debug, Clone)]
pub struct NewDecision<'a> {
    pub id: &'a str,
    pub people: &'a str,
    pub left_id: &'a RecordId,
    pub right_id: &'a RecordId,
    pub verdict: Verdict,
    pub decided_by: &'a str,
    pub weight: Option<f64>,
    pub is_vetoed: bool,
}

/// Adds a decision. One that stands has to be withdrawn before.
pub async fn insert(
    executor: impl Executor<'_>,
    new: &NewDecision<'_>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query(
        "insert into match_decisions (id, people, left_id, right_id, verdict, decided_by,
                                      decided_at, weight, is_vetoed)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(new.id)
    .bind(new.people)
    .bind(new.left_id.as_str())
    .bind(new.right_id.as_str())
    .bind(new.verdict.as_str())
    .bind(new.decided_by)
    .bind(now.timestamp_micros())
    .bind(new.weight)
    .bind(i64::from(new.is_vetoed))
    .execute(executor)
    .await
    .map(drop)
    .map_err(StoreError::while_doing("adding a decision"))
}

/// Withdraws what stands of a pair. False when nothing does.
pub async fn withdraw(
    executor: impl Executor<'_>,
    people: &str,
    left: &RecordId,
    right: &RecordId,
    by: &str,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    sqlx::query(
        "update match_decisions
         set withdrawn_by = $1, withdrawn_at = $2
         where people = $3 and left_id = $4 and right_id = $5 and withdrawn_at is null",
    )
    .bind(by)
    .bind(now.timestamp_micros())
    .bind(people)
    .bind(left.as_str())
    .bind(right.as_str())
    .execute(executor)
    .await
    .map(|done| done.rows_affected() == 1)
    .map_err(StoreError::while_doing("withdrawing a decision"))
}

/// The id and the verdict of what stands of a pair.
pub async fn find(
    executor: impl Executor<'_>,
    people: &str,
    left: &RecordId,
    right: &RecordId,
) -> Result<Option<(String, Verdict)>, StoreError> {
    sqlx::query(
        "select id, verdict
         from match_decisions
         where people = $1 and left_id = $2 and right_id = $3 and withdrawn_at is null",
    )
    .bind(people)
    .bind(left.as_str())
    .bind(right.as_str())
    .fetch_optional(executor)
    .await
    .and_then(|row| {
        let Some(row) = row else { return Ok(None) };
        let verdict = column::named(&row, "verdict", Verdict::from_name)?;
        Ok(Some((column::text(&row, "id")?, verdict)))
    })
    .map_err(StoreError::while_doing("finding a decision"))
}

/// All that stands about these people, in the order in which it was said.
pub async fn list(executor: impl Executor<'_>, people: &str) -> Result<Vec<Decision>, StoreError> {
    sqlx::query(
        "select left_id, right_id, verdict, decided_by, decided_at
         from match_decisions
         where people = $1 and withdrawn_at is null
         order by decided_at, id",
    )
    .bind(people)
    .fetch_all(executor)
    .await
    .and_then(|rows| rows.iter().map(decision_of).collect())
    .map_err(StoreError::while_doing("listing decisions"))
}

/// The pairs about which somebody said something, or took it back, from this moment on.
pub async fn list_touched(
    executor: impl Executor<'_>,
    people: &str,
    since: DateTime<Utc>,
) -> Result<Vec<(RecordId, RecordId)>, StoreError> {
    sqlx::query(
        "select left_id, right_id
         from match_decisions
         where people = $1 and (decided_at >= $2 or withdrawn_at >= $2)",
    )
    .bind(people)
    .bind(since.timestamp_micros())
    .fetch_all(executor)
    .await
    .and_then(|rows| {
        rows.iter()
            .map(|row| {
                let id = |name| column::text(row, name).map(RecordId);
                Ok((id("left_id")?, id("right_id")?))
            })
            .collect()
    })
    .map_err(StoreError::while_doing("listing pairs that were decided lately"))
}

/// The pairs that were decided, with what thresholds go by.
pub async fn list_weighed(
    executor: impl Executor<'_>,
    people: &str,
) -> Result<Vec<DecidedPair>, StoreError> {
    sqlx::query(
        "select verdict, weight, is_vetoed
         from match_decisions
         where people = $1 and withdrawn_at is null and weight is not null",
    )
    .bind(people)
    .fetch_all(executor)
    .await
    .and_then(|rows| {
        rows.iter()
            .map(|row| {
                Ok(DecidedPair {
                    weight: column::real(row, "weight")?,
                    is_vetoed: column::number::<i64>(row, "is_vetoed")? != 0,
                    verdict: column::named(row, "verdict", Verdict::from_name)?,
                })
            })
            .collect()
    })
    .map_err(StoreError::while_doing("listing decided pairs"))
}

fn decision_of(row: &AnyRow) -> Result<Decision, sqlx::Error> {
    Ok(Decision {
        left_id: RecordId(column::text(row, "left_id")?),
        right_id: RecordId(column::text(row, "right_id")?),
        verdict: column::named(row, "verdict", Verdict::from_name)?,
        decided_by: Some(column::text(row, "decided_by")?),
        decided_at: Some(column::time(row, "decided_at")?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::{at, on_both};

    #[tokio::test]
    async fn one_word_stands_of_a_pair_and_a_withdrawn_one_is_kept() {
        on_both(async |store| {
            let (left, right) = (RecordId::from("1"), RecordId::from("2"));
            let new = |id, verdict| NewDecision {
                id,
                people: "people",
                left_id: &left,
                right_id: &right,
                verdict,
                decided_by: "Ada Example",
                weight: Some(3.5),
                is_vetoed: true,
            };
            insert(store.pool(), &new("d1", Verdict::Match), at(1)).await.unwrap();

            let second = insert(store.pool(), &new("d2", Verdict::NoMatch), at(2)).await;
            assert!(second.unwrap_err().is_taken());
            let gone = withdraw(store.pool(), "people", &left, &right, "Bea", at(3)).await;
            assert!(gone.unwrap());
            insert(store.pool(), &new("d2", Verdict::NoMatch), at(4)).await.unwrap();

            let found = find(store.pool(), "people", &left, &right).await.unwrap().unwrap();
            assert_eq!(found, ("d2".to_owned(), Verdict::NoMatch));
            let all = list(store.pool(), "people").await.unwrap();
            assert_eq!((all.len(), all[0].decided_at), (1, Some(at(4))));
            let weighed = list_weighed(store.pool(), "people").await.unwrap();
            assert_eq!((weighed[0].is_vetoed, weighed[0].verdict), (true, Verdict::NoMatch));
            assert!(list(store.pool(), "others").await.unwrap().is_empty());
            let lately = async |second| {
                list_touched(store.pool(), "people", at(second)).await.unwrap().len()
            };
            assert_eq!((lately(1).await, lately(4).await, lately(5).await), (2, 1, 0));
            let rows = sqlx::query("select id from match_decisions").fetch_all(store.pool()).await;
            assert_eq!(rows.unwrap().len(), 2);
        })
        .await;
    }
}
