//! A database that can be asked questions in its own SQL; answers come as texts.

use rusqlite::types::ValueRef;
use shared::connection::Engine;
use shared::error_code::ErrorCode;
use sqlx::mysql::MySqlConnection;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Row as _, ValueRef as _};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::block_in_place;

use crate::connect::sqlite::classify_rows;
use crate::connect::{Purpose, Source, classify, mysql};
use crate::error::{EngineError, Result};

/// A connection that refuses to write.
pub(crate) enum Asked {
    Postgres(PgConnection),
    Mysql(MySqlConnection),
    Sqlite(rusqlite::Connection),
    /// Files cannot be asked.
    Csv,
}

/// The rows of an answer, null cells as none.
pub(crate) type Answer = Vec<Vec<Option<String>>>;

impl Asked {
    /// A connection to a source.
    pub(crate) async fn open(source: &Source) -> Result<Self> {
        Ok(match source {
            Source::Postgres(server) => Self::Postgres(server.connect(Purpose::Read).await?),
            Source::Mysql(server) => Self::Mysql(server.connect(Purpose::Read).await?),
            Source::Sqlite(file) => Self::Sqlite(file.connect_for_rows()?),
            Source::Csv(_) => Self::Csv,
        })
    }

    pub(crate) const fn engine(&self) -> Engine {
        match self {
            Self::Postgres(_) => Engine::Postgres,
            Self::Mysql(_) => Engine::Mysql,
            Self::Sqlite(_) => Engine::Sqlite,
            Self::Csv => Engine::Csv,
        }
    }

    pub(crate) async fn ask(&mut self, sql: impl Into<String>, doing: &str) -> Result<Answer> {
        let sql = sql.into();
        let failed = |error| classify(error, doing);
        match self {
            Self::Postgres(connection) => {
                let rows = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(connection).await;
                rows.map_err(failed)?
                    .iter()
                    .map(|row| {
                        (0..row.len())
                            .map(|column| {
                                let value = row.try_get_raw(column).map_err(failed)?;
                                if value.is_null() {
                                    return Ok(None);
                                }
                                let text = value.as_str().map_err(sqlx::Error::Decode);
                                text.map(|text| Some(text.to_owned())).map_err(failed)
                            })
                            .collect()
                    })
                    .collect()
            }
            Self::Mysql(connection) => mysql::ask(connection, sql).await.map_err(failed),
            Self::Sqlite(connection) => {
                let answer = aside(|| of_sqlite(connection, &sql));
                answer.map_err(|error| classify_rows(error, doing))
            }
            Self::Csv => {
                Err(EngineError::new(ErrorCode::Sys001, doing)
                    .because("files cannot be asked in SQL"))
            }
        }
    }

    /// The one cell of an answer; none for null and for no row.
    pub(crate) async fn cell(
        &mut self,
        sql: impl Into<String>,
        doing: &str,
    ) -> Result<Option<String>> {
        Ok(self.ask(sql, doing).await?.into_iter().flatten().next().flatten())
    }

    /// The one number of an answer; 0 for null.
    pub(crate) async fn number(&mut self, sql: impl Into<String>, doing: &str) -> Result<i64> {
        let cell = self.cell(sql, doing).await?;
        Ok(cell.and_then(|text| text.parse().ok()).unwrap_or(0))
    }
}

/// Does what takes long without holding up what else the thread has to do.
fn aside<T>(work: impl FnOnce() -> T) -> T {
    match Handle::try_current().map(|handle| handle.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => block_in_place(work),
        _ => work(),
    }
}

fn of_sqlite(connection: &rusqlite::Connection, sql: &str) -> rusqlite::Result<Answer> {
    let mut statement = connection.prepare(sql)?;
    let columns = statement.column_count();
    let rows = statement.query_map([], |row| {
        (0..columns)
            .map(|column| {
                Ok(match row.get_ref(column)? {
                    ValueRef::Null => None,
                    ValueRef::Integer(number) => Some(number.to_string()),
                    ValueRef::Real(number) => Some(number.to_string()),
                    ValueRef::Text(text) | ValueRef::Blob(text) => {
                        Some(String::from_utf8_lossy(text).into_owned())
                    }
                })
            })
            .collect()
    })?;
    rows.collect()
}

/// The texts of an answer's cell, empty for null.
pub(crate) fn text(row: &[Option<String>], column: usize) -> &str {
    row.get(column).and_then(Option::as_deref).unwrap_or_default()
}

/// `1 row`, `2 rows`.
pub(crate) fn rows(count: u64) -> String {
    format!("{count} row{}", if count == 1 { "" } else { "s" })
}
