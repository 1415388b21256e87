//! Runs under way that workers of other processes may take part in.

use shared::id::RunId;
use sqlx::any::AnyRow;

use super::{Executor, StoreError, column};

/// What a worker needs to take part in a run, sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkOrder {
    pub queue: String,
    pub run_id: RunId,
    pub sealed_order: String,
    /// Counts up while somebody conducts the run.
    pub beats: u64,
}

pub async fn insert(
    executor: impl Executor<'_>,
    queue: &str,
    run: &RunId,
    sealed_order: &str,
) -> Result<(), StoreError> {
    sqlx::query(
        "insert into work_orders (queue, run_id, sealed_order, beats) values ($1, $2, $3, 0)",
    )
    .bind(queue)
    .bind(run.as_str())
    .bind(sealed_order)
    .execute(executor)
    .await
    .map(drop)
    .map_err(StoreError::while_doing("offering work on a run"))
}

/// The conductor lives.
pub async fn beat(executor: impl Executor<'_>, queue: &str) -> Result<(), StoreError> {
    sqlx::query("update work_orders set beats = beats + 1 where queue = $1")
        .bind(queue)
        .execute(executor)
        .await
        .map(drop)
        .map_err(StoreError::while_doing("giving a sign of life"))
}

pub async fn list(executor: impl Executor<'_>) -> Result<Vec<WorkOrder>, StoreError> {
    sqlx::query("select queue, run_id, sealed_order, beats from work_orders order by queue")
        .fetch_all(executor)
        .await
        .and_then(|rows| rows.iter().map(order_of).collect())
        .map_err(StoreError::while_doing("looking for work"))
}

/// Takes back what was offered for a run, in whatever queue.
pub async fn delete(executor: impl Executor<'_>, run: &RunId) -> Result<(), StoreError> {
    sqlx::query("delete from work_orders where run_id = $1")
        .bind(run.as_str())
        .execute(executor)
        .await
        .map(drop)
        .map_err(StoreError::while_doing("taking back work on a run"))
}

fn order_of(row: &AnyRow) -> Result<WorkOrder, sqlx::Error> {
    Ok(WorkOrder {
        queue: column::text(row, "queue")?,
        run_id: column::parsed(row, "run_id")?,
        sealed_order: column::text(row, "sealed_order")?,
        beats: column::number(row, "beats")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::on_both;

    #[tokio::test]
    async fn work_is_offered_until_it_is_taken_back() {
        on_both(async |store| {
            let run = RunId::parse("run").unwrap();
            insert(store.pool(), "run-1", &run, "sealed").await.unwrap();
            beat(store.pool(), "run-1").await.unwrap();

            let offered = list(store.pool()).await.unwrap();
            delete(store.pool(), &run).await.unwrap();

            assert_eq!(offered.len(), 1);
            assert_eq!((offered[0].queue.as_str(), offered[0].beats), ("run-1", 1));
            assert_eq!(list(store.pool()).await.unwrap(), []);
        })
        .await;
    }
}
