//! Connections to a target.

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use super::{Address, Purpose, address};
use crate::error::Result;

/// One connection to a PostgreSQL target.
pub async fn postgres(url: &str) -> Result<PgConnection> {
    super::postgres::connect(url, Purpose::Write).await
}

/// How a pool connects to a PostgreSQL target; run [`super::postgres::settle`] on each
/// connection.
pub fn postgres_options(url: &str) -> Result<PgConnectOptions> {
    match Address::parse(url)? {
        Address::Postgres(server) => Ok(server.options()),
        _ => Err(address::unreadable("it is not one of postgres://")),
    }
}

/// One connection to a SQLite target, which is made when it is missing.
pub async fn sqlite(url: &str) -> Result<SqliteConnection> {
    super::sqlite::connect(url, Purpose::Write).await
}

/// How a pool connects to a SQLite target.
pub fn sqlite_options(url: &str) -> Result<SqliteConnectOptions> {
    match Address::parse(url)? {
        Address::Sqlite(path) => Ok(super::sqlite::writing(&path)),
        _ => Err(address::unreadable("it is not one of sqlite:PATH")),
    }
}
