//! The queue of a run's chunks, on apalis: in PostgreSQL where the control store is shared, in a
//! SQLite file where it is one.
//!
//! Each time that a run is taken up it has a queue of its own, so that nobody takes a chunk of a
//! claim that has ended. A chunk that is done twice does no harm: the ledger takes it once.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use apalis::prelude::{
    BoxDynError, Data, TaskBuilder, TaskId, TaskSink as _, WaitForCompletion as _, WorkerBuilder,
    WorkerBuilderExt as _, WorkerError,
};
use apalis_postgres::PostgresStorage;
use apalis_sqlite::SqliteStorage;
use engine::run::{Helper, Offer};
use serde::{Deserialize, Serialize};
use shared::error_code::ErrorCode;
use sqlx::postgres::PgPoolOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sqlx::{ConnectOptions as _, PgPool, SqlitePool};
use tokio::sync::Mutex;
use ulid::Ulid;

use crate::store::Address;

/// How often a worker of a queue says that it lives, and how often it may miss that before its
/// chunk is given to another one.
const HEARTBEAT: Duration = Duration::from_secs(3);
const MISSED_HEARTBEATS: usize = 4;

/// A hand takes the next chunk only when it has done the one before: others are for others.
const AT_ONCE: usize = 1;

/// Where queues are kept.
#[derive(Debug, Clone)]
pub enum Queues {
    Postgres(PgPool),
    Sqlite(SqlitePool),
}

/// What a worker answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    Copied,
    Failed { code: ErrorCode, message: String },
}

impl Queues {
    /// Beside the control store: in its database, or in a file next to its file.
    pub async fn open(store: &Address, data: &Path) -> Result<Self, QueueError> {
        if !store.is_sqlite() {
            let options: sqlx::postgres::PgConnectOptions = store.url().parse()?;
            let pool = PgPoolOptions::new()
                .max_connections(8)
                .connect_with(options.disable_statement_logging())
                .await?;
            PostgresStorage::<()>::setup(&pool).await.map_err(QueueError::queue)?;
            return Ok(Self::Postgres(pool));
        }
        let options = SqliteConnectOptions::new()
            .filename(Self::file(data))
            .create_if_missing(true)
            .busy_timeout(Duration::from_secs(10))
            .disable_statement_logging();
        let pool = SqlitePoolOptions::new().max_connections(4).connect_with(options).await?;
        SqliteStorage::<()>::setup(&pool).await.map_err(QueueError::queue)?;
        Ok(Self::Sqlite(pool))
    }

    fn file(data: &Path) -> PathBuf {
        data.join("jobs.db")
    }

    /// Adds a chunk to a queue, and gives the name under which its answer will be found.
    pub async fn push(&self, queue: &str, offer: Offer) -> Result<String, QueueError> {
        // The queue reads back only names of this form.
        let id = Ulid::from(rand::random::<u128>());
        // A chunk that failed is for its conductor to decide about.
        let task = TaskBuilder::new(offer).task_id(TaskId::from_ulid(id)).max_attempts(1).build();
        match self {
            Self::Postgres(pool) => {
                postgres(pool, queue).push_task(task).await.map_err(QueueError::queue)?;
            }
            Self::Sqlite(pool) => {
                sqlite(pool, queue).push_task(task).await.map_err(QueueError::queue)?;
            }
        }
        Ok(id.to_string())
    }

    /// What workers answered so far.
    pub async fn answers(
        &self,
        queue: &str,
        ids: impl Iterator<Item = String> + Send,
    ) -> Result<Vec<(String, Answer)>, QueueError> {
        let ids: Vec<TaskId> = ids.filter_map(|id| id.parse().ok()).collect();
        let results = match self {
            Self::Postgres(pool) => {
                postgres(pool, queue).check_status(ids).await.map_err(QueueError::queue)?
            }
            Self::Sqlite(pool) => {
                sqlite(pool, queue).check_status(ids).await.map_err(QueueError::queue)?
            }
        };
        Ok(results
            .into_iter()
            .map(|result: apalis::prelude::TaskResult<Answer>| {
                // A worker that was lost leaves a note of the queue's own: the ledger knows more.
                let answer = result.result.unwrap_or(Answer::Copied);
                (result.task_id.to_string(), answer)
            })
            .collect())
    }

    /// Forgets a queue's chunks.
    pub async fn clear(&self, queue: &str) -> Result<(), QueueError> {
        match self {
            Self::Postgres(pool) => sqlx::query("delete from apalis.jobs where job_type = $1")
                .bind(queue)
                .execute(pool)
                .await
                .map(drop)?,
            Self::Sqlite(pool) => sqlx::query("delete from Jobs where job_type = $1")
                .bind(queue)
                .execute(pool)
                .await
                .map(drop)?,
        }
        Ok(())
    }

    /// Takes chunks from a queue and copies them, one after the other, until `end` comes; the one
    /// under way is finished first.
    pub async fn work(
        &self,
        queue: &str,
        name: &str,
        helper: Helper,
        end: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), QueueError> {
        let helper = Arc::new(Mutex::new(helper));
        let end = async move {
            end.await;
            Ok::<_, WorkerError>(())
        };
        let done = match self {
            Self::Postgres(pool) => {
                WorkerBuilder::new(name)
                    .backend(postgres(pool, queue).with_pubsub())
                    .data(helper)
                    .concurrency(AT_ONCE)
                    .build(copy)
                    .run_until(end)
                    .await
            }
            Self::Sqlite(pool) => {
                WorkerBuilder::new(name)
                    .backend(sqlite(pool, queue))
                    .data(helper)
                    .concurrency(AT_ONCE)
                    .build(copy)
                    .run_until(end)
                    .await
            }
        };
        done.map_err(QueueError::queue)
    }

    pub async fn close(&self) {
        match self {
            Self::Postgres(pool) => pool.close().await,
            Self::Sqlite(pool) => pool.close().await,
        }
    }
}

/// Why a queue cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the queue of chunks failed")]
pub enum QueueError {
    Database(#[from] sqlx::Error),
    Queue(#[source] BoxDynError),
}

impl QueueError {
    fn queue(error: impl Into<BoxDynError>) -> Self {
        Self::Queue(error.into())
    }
}

async fn copy(offer: Offer, helper: Data<Arc<Mutex<Helper>>>) -> Result<Answer, BoxDynError> {
    Ok(match helper.lock().await.copy(offer).await {
        Ok(()) => Answer::Copied,
        Err(error) => Answer::Failed { code: error.code(), message: error.to_string() },
    })
}

fn postgres(pool: &PgPool, queue: &str) -> PostgresStorage<Offer> {
    let config = apalis_postgres::Config::default()
        .queue(queue)
        .batch_size(AT_ONCE)
        .heartbeat_interval(HEARTBEAT)
        .missed_heartbeats(MISSED_HEARTBEATS);
    PostgresStorage::new(pool).with_config(config)
}

fn sqlite(pool: &SqlitePool, queue: &str) -> SqliteStorage<Offer> {
    let config = apalis_sqlite::Config::default()
        .queue(queue)
        .batch_size(AT_ONCE)
        .heartbeat_interval(HEARTBEAT)
        .missed_heartbeats(MISSED_HEARTBEATS);
    SqliteStorage::new(pool).with_config(config)
}
