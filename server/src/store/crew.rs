//! Workers of other processes, by the queue whose chunks they take.

use shared::error_code::ErrorCode;
use sqlx::any::AnyRow;

use super::{Executor, StoreError, column};

/// One worker process in one queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub worker: String,
    /// Machine and process, for people.
    pub place: String,
    /// How many chunks it copies at once; none when it could not take part.
    pub hands: u32,
    pub refusal: Option<ErrorCode>,
    /// Counts up while it lives.
    pub beats: u64,
}

pub async fn insert(
    executor: impl Executor<'_>,
    queue: &str,
    member: &Member,
) -> Result<(), StoreError> {
    sqlx::query(
        "insert into crew (queue, worker, place, hands, refusal_code, beats)
         values ($1, $2, $3, $4, $5, $6)",
    )
    .bind(queue)
    .bind(&member.worker)
    .bind(&member.place)
    .bind(i64::from(member.hands))
    .bind(member.refusal.map(ErrorCode::as_str))
    .bind(member.beats.cast_signed())
    .execute(executor)
    .await
    .map(drop)
    .map_err(StoreError::while_doing("joining the crew of a run"))
}

/// The worker lives. False when it is no longer counted in.
pub async fn beat(
    executor: impl Executor<'_>,
    queue: &str,
    worker: &str,
) -> Result<bool, StoreError> {
    sqlx::query("update crew set beats = beats + 1 where queue = $1 and worker = $2")
        .bind(queue)
        .bind(worker)
        .execute(executor)
        .await
        .map(|done| done.rows_affected() == 1)
        .map_err(StoreError::while_doing("giving a sign of life"))
}

pub async fn list(executor: impl Executor<'_>, queue: &str) -> Result<Vec<Member>, StoreError> {
    sqlx::query(
        "select worker, place, hands, refusal_code, beats
         from crew
         where queue = $1
         order by worker",
    )
    .bind(queue)
    .fetch_all(executor)
    .await
    .and_then(|rows| rows.iter().map(member_of).collect())
    .map_err(StoreError::while_doing("looking at the crew of a run"))
}

/// Counts a worker out.
pub async fn delete(
    executor: impl Executor<'_>,
    queue: &str,
    worker: &str,
) -> Result<(), StoreError> {
    sqlx::query("delete from crew where queue = $1 and worker = $2")
        .bind(queue)
        .bind(worker)
        .execute(executor)
        .await
        .map(drop)
        .map_err(StoreError::while_doing("leaving the crew of a run"))
}

/// Counts everybody out, when the queue ends.
pub async fn delete_all(executor: impl Executor<'_>, queue: &str) -> Result<(), StoreError> {
    sqlx::query("delete from crew where queue = $1")
        .bind(queue)
        .execute(executor)
        .await
        .map(drop)
        .map_err(StoreError::while_doing("dismissing the crew of a run"))
}

fn member_of(row: &AnyRow) -> Result<Member, sqlx::Error> {
    let refusal = match column::optional_text(row, "refusal_code")? {
        Some(_) => Some(column::named(row, "refusal_code", ErrorCode::from_name)?),
        None => None,
    };
    Ok(Member {
        worker: column::text(row, "worker")?,
        place: column::text(row, "place")?,
        hands: column::number(row, "hands")?,
        refusal,
        beats: column::number(row, "beats")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::on_both;

    #[tokio::test]
    async fn a_crew_has_who_joined_it_and_did_not_leave() {
        on_both(async |store| {
            let member = |worker: &str, hands, refusal| Member {
                worker: worker.to_owned(),
                place: "process 7 on legacy.example".to_owned(),
                hands,
                refusal,
                beats: 0,
            };
            let (able, unable) = (member("a", 2, None), member("b", 0, Some(ErrorCode::Load044)));
            for one in [&able, &unable, &member("c", 1, None)] {
                insert(store.pool(), "run-1", one).await.unwrap();
            }
            assert!(beat(store.pool(), "run-1", "a").await.unwrap());
            delete(store.pool(), "run-1", "c").await.unwrap();

            let crew = list(store.pool(), "run-1").await.unwrap();
            delete_all(store.pool(), "run-1").await.unwrap();

            assert_eq!(crew, [Member { beats: 1, ..able }, unable]);
            assert_eq!(list(store.pool(), "run-1").await.unwrap(), []);
            assert!(!beat(store.pool(), "run-1", "a").await.unwrap());
        })
        .await;
    }
}
