//! The control store: the only module that names its tables.
//!
//! One text of SQL serves SQLite and PostgreSQL. Functions take the executor, so that the caller
//! decides what is one transaction.

mod column;
mod place;
mod guard;
pub mod signs;
pub mod users;
pub mod sessions;
pub mod sign_in_failures;
pub mod password_links;
pub mod second_factors;
pub mod settings;
pub mod approvals;
pub mod alerts;
pub mod notifications;
pub mod connections;
pub mod plans;
pub mod assessments;
pub mod runs;
pub mod matchings;
pub mod matching_memory;
pub mod matches;
pub mod clusters;
pub mod match_decisions;
pub mod merges;
pub mod work_orders;
pub mod crew;
pub mod rehearsals;
pub mod rollbacks;
pub mod verifications;
pub mod repairs;
pub mod checkings;
pub mod sign_offs;
pub mod audit;
#[cfg(test)]
pub(crate) mod testing;

use std::path::Path;
use std::time::Duration;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::migrate::Migrator;
use sqlx::{AnyPool, ConnectOptions as _, Executor as _};
use url::Url;

#[cfg(test)]
pub(crate) use guard::lift;
pub use place::{InvalidPlace, Place};

/// What functions of the store run on: the pool, a connection, or a transaction.
pub trait Executor<'c>: sqlx::Executor<'c, Database = sqlx::Any> {}

impl<'c, T: sqlx::Executor<'c, Database = sqlx::Any>> Executor<'c> for T {}

/// Changes that become visible together or not at all.
pub type Transaction = sqlx::Transaction<'static, sqlx::Any>;

static MIGRATOR: Migrator = sqlx::migrate!("./migrations");

/// Where the control store is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address(Url);

impl Address {
    /// A SQLite file, made where it is missing.
    pub fn file(path: &Path) -> Result<Self, StoreError> {
        let path = std::path::absolute(path)
            .map_err(|error| StoreError::new("finding the control store", error.into()))?;
        let mut url = Url::from_file_path(&path).map_err(|()| {
            StoreError::new(
                "finding the control store",
                sqlx::Error::Configuration("the path is not absolute".into()),
            )
        })?;
        url.set_query(Some("mode=rwc"));
        let url = url.as_str().replacen("file:", "sqlite:", 1);
        Self::parse(&url)
    }

    /// A `postgres://…` or `sqlite:…` URL.
    pub fn parse(url: &str) -> Result<Self, StoreError> {
        let address = url.parse::<Url>().map_err(|error| {
            StoreError::new(
                "reading the control store's URL",
                sqlx::Error::Configuration(error.into()),
            )
        })?;
        match address.scheme() {
            "postgres" | "postgresql" | "sqlite" => Ok(Self(address)),
            _ => Err(StoreError::new(
                "reading the control store's URL",
                sqlx::Error::Configuration("it starts with neither postgres:// nor sqlite:".into()),
            )),
        }
    }

    /// Fit to show: without a password.
    pub fn shown(&self) -> String {
        shared::connection::without_secret(self.0.as_str())
    }

    /// With its password: for whoever connects.
    pub(crate) fn url(&self) -> &str {
        self.0.as_str()
    }

    pub(crate) fn is_sqlite(&self) -> bool {
        self.0.scheme() == "sqlite"
    }
}

/// An open control store, with its schema in place.
#[derive(Debug, Clone)]
pub struct Store {
    pool: AnyPool,
    begin: &'static str,
}

impl Store {
    /// Opens the store and brings its schema up to date.
    pub async fn open(address: &Address) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        let sqlite = address.is_sqlite();
        let options = AnyConnectOptions::from_url(&address.0)
            .map_err(StoreError::while_doing("reading the control store's URL"))?
            // Statements of this store have no values in them, but their log says nothing either.
            .disable_statement_logging();
        let pool = AnyPoolOptions::new()
            .max_connections(if sqlite { 4 } else { 8 })
            .acquire_timeout(Duration::from_secs(10))
            .after_connect(move |connection, _| {
                Box::pin(async move {
                    if sqlite {
                        // Readers and the one writer do not wait for each other, and a commit
                        // survives a power cut.
                        connection.execute("pragma journal_mode = wal").await?;
                        connection.execute("pragma synchronous = full").await?;
                        connection.execute("pragma busy_timeout = 10000").await?;
                    }
                    Ok(())
                })
            })
            .connect_with(options)
            .await
            .map_err(StoreError::while_doing("opening the control store"))?;
        MIGRATOR.run(&pool).await.map_err(|error| {
            StoreError::new("bringing the control store's schema up to date", error.into())
        })?;
        guard::install(&pool, sqlite).await?;
        // SQLite refuses a reader that turns into a writer while another one writes; who says at
        // once that it will write waits its turn instead.
        let begin = if sqlite { "begin immediate" } else { "begin" };
        Ok(Self { pool, begin })
    }

    /// For single statements.
    pub fn pool(&self) -> &AnyPool {
        &self.pool
    }

    /// For statements that belong together.
    pub async fn begin(&self) -> Result<Transaction, StoreError> {
        self.pool
            .begin_with(self.begin)
            .await
            .map_err(StoreError::while_doing("beginning a transaction"))
    }

    /// Whether the store answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("select 1")
            .execute(&self.pool)
            .await
            .map(drop)
            .map_err(StoreError::while_doing("asking the control store for a sign of life"))
    }

    /// Waits until all connections are closed.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// Makes the changes of a transaction visible.
pub async fn commit(transaction: Transaction) -> Result<(), StoreError> {
    transaction.commit().await.map_err(StoreError::while_doing("committing"))
}

/// Something as a document of the store.
pub(crate) fn document(
    value: &impl serde::Serialize,
    doing: &'static str,
) -> Result<String, StoreError> {
    serde_json::to_string(value)
        .map_err(|error| StoreError::new(doing, sqlx::Error::Encode(error.into())))
}

/// What was being done with the store when it failed. The cause stays in `source`.
#[derive(Debug, thiserror::Error)]
#[error("the control store failed while {doing}")]
pub struct StoreError {
    doing: &'static str,
    source: sqlx::Error,
}

impl StoreError {
    /// Whether a unique constraint refused the change.
    pub fn is_taken(&self) -> bool {
        self.source.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation)
    }

    pub(crate) fn while_doing(doing: &'static str) -> impl Fn(sqlx::Error) -> Self {
        move |source| Self { doing, source }
    }

    fn new(doing: &'static str, source: sqlx::Error) -> Self {
        Self { doing, source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_store_that_is_opened_again_has_what_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a folder/with spaces?.db");
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let address = Address::file(&path).unwrap();
        let store = Store::open(&address).await.unwrap();
        sqlx::query("update audit_head set number = 7").execute(store.pool()).await.unwrap();
        store.close().await;

        let store = Store::open(&address).await.unwrap();

        assert_eq!(audit::find_head(store.pool()).await.unwrap().number, 7);
        assert!(path.exists());
    }

    #[tokio::test]
    async fn a_transaction_that_is_dropped_changes_nothing() {
        testing::on_both(async |store| {
            let mut tx = store.begin().await.unwrap();
            sqlx::query("update audit_head set number = 7").execute(&mut *tx).await.unwrap();
            drop(tx);

            assert_eq!(audit::find_head(store.pool()).await.unwrap().number, 0);
        })
        .await;
    }

    #[tokio::test]
    async fn writers_wait_for_each_other() {
        testing::on_both(async |store| {
            let writers = (0..20).map(|_| {
                let store = store.clone();
                tokio::spawn(async move {
                    let mut tx = store.begin().await.unwrap();
                    sqlx::query("update audit_head set number = number + 1")
                        .execute(&mut *tx)
                        .await
                        .unwrap();
                    commit(tx).await.unwrap();
                })
            });
            for writer in writers.collect::<Vec<_>>() {
                writer.await.unwrap();
            }

            assert_eq!(audit::find_head(store.pool()).await.unwrap().number, 20);
        })
        .await;
    }

    #[test]
    fn a_store_is_sqlite_or_postgres() {
        assert!(Address::parse("mysql://db/control").is_err());
        assert!(Address::parse("control.db").is_err());
        assert_eq!(
            Address::parse("postgres://ann:secret@db/control").unwrap().shown(),
            "postgres://ann:***@db/control"
        );
    }
}
