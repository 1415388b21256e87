//! Writes the tables into a database, in bulk and within a memory that does not grow with them.

mod rows;
mod postgres;
mod mysql;
mod sqlite;

use shared::connection::{Engine, without_secret};
use shared::error_code::ErrorCode;
use tokio::sync::mpsc;

use super::schema::{TABLES, Table};
use crate::error::{EngineError, Result};

pub(super) use rows::{Rows, Stopped};

/// Full buffers that may wait for the database.
const WAITING: usize = 4;

/// What the making of rows hands to the writing of them.
pub(super) enum Part {
    /// The rows that follow belong to this table.
    Table(&'static Table),
    /// Rows in the form in which the engine takes them.
    Rows(String),
    /// That was all. Without it the making of rows broke off.
    Done,
}

/// Makes the tables and fills them with what `make` pushes; what `make` returns comes back.
///
/// A failure leaves no table behind.
pub(super) async fn database<T, F>(url: &str, make: F) -> Result<T>
where
    T: Send + 'static,
    F: FnOnce(&mut Rows) -> Result<T, Stopped> + Send + 'static,
{
    let engine = Engine::of_url(url).filter(|engine| *engine != Engine::Csv).ok_or_else(|| {
        EngineError::new(
            ErrorCode::Conn006,
            "the sample goes into postgres://, mysql:// or sqlite:PATH",
        )
    })?;
    let (sender, receiver) = mpsc::channel(WAITING);
    let producer = tokio::task::spawn_blocking(move || {
        let mut rows = Rows::new(engine, sender);
        let result = make(&mut rows)?;
        rows.done()?;
        Ok(result)
    });
    match engine {
        Engine::Postgres => postgres::write(url, receiver).await?,
        Engine::Mysql => mysql::write(url, receiver).await?,
        Engine::Sqlite | Engine::Csv => sqlite::write(url, receiver).await?,
    }
    let outcome: Result<T, Stopped> = producer.await.map_err(|error| {
        EngineError::new(ErrorCode::Sys001, "making the rows of the sample").because(error)
    })?;
    outcome.map_err(|Stopped| {
        EngineError::new(ErrorCode::Sys001, "the rows of the sample were not taken")
    })
}

async fn next(parts: &mut mpsc::Receiver<Part>) -> Result<Part> {
    parts.recv().await.ok_or_else(|| {
        EngineError::new(ErrorCode::Sys001, "the making of the sample's rows broke off")
    })
}

/// Refuses a database that has one of the tables already.
fn refuse_if_there(present: &[String]) -> Result<()> {
    match TABLES.iter().find(|table| present.iter().any(|name| name == table.name)) {
        Some(table) => Err(EngineError::new(
            ErrorCode::Load010,
            format!("the database already has a table `{}`", table.name),
        )),
        None => Ok(()),
    }
}

/// What sqlx says, in our words.
fn failed(doing: impl Into<String>) -> impl FnOnce(sqlx::Error) -> EngineError {
    let doing = doing.into();
    move |error| {
        let code = match &error {
            sqlx::Error::Database(database) => match database.code().as_deref() {
                Some("28P01" | "28000" | "1045") => ErrorCode::Conn002,
                Some("3D000" | "1049") => ErrorCode::Conn003,
                Some("42501" | "1044" | "1142" | "8") => ErrorCode::Conn004,
                Some("53100" | "1114" | "13") => ErrorCode::Load003,
                Some("14" | "26") => ErrorCode::Conn008,
                _ => ErrorCode::Load002,
            },
            sqlx::Error::Configuration(_) => ErrorCode::Conn006,
            sqlx::Error::Tls(_) => ErrorCode::Conn007,
            sqlx::Error::Io(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
                ErrorCode::Conn001
            }
            sqlx::Error::Io(_) => ErrorCode::Conn005,
            _ => ErrorCode::Load002,
        };
        EngineError::new(code, doing).because(error)
    }
}

fn opening(url: &str) -> impl FnOnce(sqlx::Error) -> EngineError {
    failed(format!("opening {}", without_secret(url)))
}
