//! Connections to MySQL and MariaDB.

use std::fmt;
use std::str::FromStr;

use shared::error_code::ErrorCode;
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlRow, MySqlSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions, Decode, Executor, Row};
use tokio::time::timeout;
use url::Url;

use super::failure::{classify, classify_connecting};
use super::postgres::no_answer;
use super::{Purpose, REACH_TIMEOUT, address};
use crate::error::{EngineError, Result};

/// A MySQL or MariaDB database, and how to sign in to it.
#[derive(Clone)]
pub struct MysqlServer {
    options: MySqlConnectOptions,
    shown: String,
}

/// Which of the two a server is, and its version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Version {
    pub(crate) is_mariadb: bool,
    pub(crate) number: (u32, u32),
    /// `MariaDB 10.11.6`.
    pub(crate) shown: String,
}

impl MysqlServer {
    pub(crate) fn at(url: &Url) -> Result<Self> {
        let database = address::database(url);
        if database.is_empty() {
            return Err(address::unreadable("it names no database after the host"));
        }
        let shown = format!("database `{database}` on {}", address::shown(url, 3306));
        let known = address::keep_parameters(url, PARAMETERS);
        let options = MySqlConnectOptions::from_str(known.as_str())
            .map_err(|error| classify(error, "reading the database URL"))?;
        // The URL's brackets around an address of IPv6 are no part of it.
        let host = options.get_host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let options = options
            .host(&host)
            .charset("utf8mb4")
            .pipes_as_concat(false)
            .no_engine_substitution(false)
            .timezone("+00:00".to_owned())
            .disable_statement_logging();
        Ok(Self { options, shown })
    }

    pub async fn connect(&self, purpose: Purpose) -> Result<MySqlConnection> {
        let doing = || format!("connecting to {self}");
        let mut connection = timeout(REACH_TIMEOUT, self.options.connect())
            .await
            .map_err(|_| no_answer(doing()))?
            .map_err(|error| classify_connecting(error, doing()))?;
        connection.execute(SESSION).await.map_err(|error| classify(error, doing()))?;
        for limit in NO_TIME_LIMIT {
            // Each of them is a variable of one of the two products only.
            let _ = connection.execute(*limit).await;
        }
        if purpose == Purpose::Read {
            connection.execute(READ_ONLY).await.map_err(|error| classify(error, doing()))?;
        }
        Ok(connection)
    }

    /// Whether the server has to prove by its certificate that it is the host of the URL.
    pub(crate) fn proves_its_name(&self) -> bool {
        matches!(self.options.get_ssl_mode(), MySqlSslMode::VerifyIdentity)
    }

    /// Host and port; none when it is a socket of this machine.
    pub(crate) fn host_and_port(&self) -> Option<(&str, u16)> {
        let is_socket = self.options.get_socket().is_some();
        (!is_socket).then(|| (self.options.get_host(), self.options.get_port()))
    }
}

/// Host, port and database, without user and password.
impl fmt::Display for MysqlServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for MysqlServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MysqlServer({})", self.shown)
    }
}

/// Runs an unprepared statement: the answers are as the server writes them, nulls as none.
pub(crate) async fn ask(
    connection: &mut MySqlConnection,
    statement: String,
) -> Result<Vec<Vec<Option<String>>>, sqlx::Error> {
    let rows = sqlx::raw_sql(AssertSqlSafe(statement)).fetch_all(connection).await?;
    rows.iter()
        .map(|row| {
            (0..row.len())
                .map(|column| {
                    let text = bytes(row, column)?.map(String::from_utf8_lossy);
                    Ok(text.map(std::borrow::Cow::into_owned))
                })
                .collect()
        })
        .collect()
}

/// The bytes of a cell as they came, whatever its type.
pub(crate) fn bytes(row: &MySqlRow, column: usize) -> Result<Option<&[u8]>, sqlx::Error> {
    let value = row.try_get_raw(column)?;
    <Option<&[u8]> as Decode<sqlx::MySql>>::decode(value).map_err(sqlx::Error::Decode)
}

pub(crate) async fn version(connection: &mut MySqlConnection) -> Result<Version> {
    let doing = "asking for the server's version";
    let rows = ask(connection, "select version()".to_owned())
        .await
        .map_err(|error| classify(error, doing))?;
    let text = rows.into_iter().flatten().flatten().next().ok_or_else(|| {
        EngineError::new(ErrorCode::Sys001, doing).because("the server gave none")
    })?;
    Ok(Version::of(&text))
}

impl Version {
    fn of(text: &str) -> Self {
        let is_mariadb = text.to_ascii_lowercase().contains("mariadb");
        // Some servers put an older number before their own.
        let text = text.strip_prefix("5.5.5-").unwrap_or(text);
        let number = text.split('-').next().unwrap_or_default();
        let mut parts = number.split('.').map(|part| part.parse().unwrap_or(0));
        let product = if is_mariadb { "MariaDB" } else { "MySQL" };
        Self {
            is_mariadb,
            number: (parts.next().unwrap_or(0), parts.next().unwrap_or(0)),
            shown: format!("{product} {number}"),
        }
    }

    /// Whether `row_number() over (…)` is understood.
    pub(crate) fn has_windows(&self) -> bool {
        self.number >= if self.is_mariadb { (10, 2) } else { (8, 0) }
    }
}

const PARAMETERS: &[&str] = &[
    "sslmode", "ssl-mode", "sslca", "ssl-ca", "sslcert", "ssl-cert", "sslkey", "ssl-key", "socket",
];

/// Statements mean the same whatever the server's settings. A reader that waits for the target is
/// not to be taken for one that is gone.
const SESSION: &str = "set session sql_mode = '', session net_write_timeout = 31536000, \
    session net_read_timeout = 31536000, session wait_timeout = 31536000, \
    session sql_big_selects = 1, session lock_wait_timeout = 30";

const NO_TIME_LIMIT: &[&str] =
    &["set session max_statement_time = 0", "set session max_execution_time = 0"];

const READ_ONLY: &str = "set session transaction read only";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_products_are_told_apart() {
        let mariadb = Version::of("5.5.5-10.11.6-MariaDB-0+deb12u1-log");
        let mysql = Version::of("8.0.36-0ubuntu0.22.04.1");
        let old = Version::of("5.7.44-log");

        assert_eq!((mariadb.is_mariadb, mariadb.shown.as_str()), (true, "MariaDB 10.11.6"));
        assert_eq!((mysql.is_mariadb, mysql.shown.as_str()), (false, "MySQL 8.0.36"));
        assert!(mariadb.has_windows() && mysql.has_windows() && !old.has_windows());
    }
}
