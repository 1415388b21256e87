//! SQLite as a target: the embedded default.
//!
//! SQLite has five storage classes. Dates, times, UUIDs and JSON are ISO texts there; a decimal
//! is a number where that keeps all its digits, and a text where it does not.

use std::fs::{File, TryLockError};

use shared::assessment::Catalog;
use shared::connection::Engine;
use shared::data_type::DataType;
use shared::error_code::ErrorCode;
use sqlx::sqlite::SqliteError;
use sqlx::{AssertSqlSafe, Row as _, SqliteConnection, TypeInfo as _, ValueRef as _};

use super::{LoadColumn, LoadTable, Param, Piece, Refused, Session, Target, encode};
use crate::assess::catalog;
use crate::connect::{Address, classify, target};
use crate::error::{EngineError, Result};
use crate::ident;
use crate::value::{self, Batch, Value};

/// How many values one statement binds. SQLite's own limit is 32,766.
const VALUES_A_STATEMENT: usize = 4_000;

#[derive(Debug, Clone)]
pub struct SqliteTarget {
    url: String,
}

impl SqliteTarget {
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into() }
    }
}

impl Target for SqliteTarget {
    type Session = SqliteSession;
    type Onlooker = SqliteSession;

    fn engine(&self) -> Engine {
        Engine::Sqlite
    }

    async fn session(&self) -> Result<SqliteSession> {
        let mut session = SqliteSession { connection: target::sqlite(&self.url).await? };
        // Keys are checked as a whole once everything is in, not row by row.
        session.run_script("pragma foreign_keys = off").await?;
        Ok(session)
    }

    async fn onlooker(&self) -> Result<SqliteSession> {
        self.session().await
    }

    async fn lock(&self) -> Result<Option<Box<dyn Send>>> {
        self.lock_file("transfuse-lock")?.try_lock()
    }

    async fn lock_verifications(&self) -> Result<Option<Box<dyn Send>>> {
        self.lock_file(VERIFICATIONS)?.try_lock()
    }

    async fn join_verifications(&self) -> Result<Box<dyn Send>> {
        let file = self.lock_file(VERIFICATIONS)?;
        tokio::task::spawn_blocking(move || file.lock_shared()).await.map_err(|panic| {
            EngineError::new(ErrorCode::Sys001, "locking the target").because(panic)
        })?
    }
}

/// Whose lock file beside the target the verifications under way share.
const VERIFICATIONS: &str = "transfuse-verify-lock";

impl SqliteTarget {
    fn lock_file(&self, ending: &str) -> Result<LockFile> {
        let Address::Sqlite(path) = Address::parse(&self.url)? else {
            return Err(EngineError::new(ErrorCode::Conn006, "locking the target"));
        };
        let path = format!("{}.{ending}", path.display());
        let file = File::create(&path).map_err(|error| unlocked(&path, error))?;
        Ok(LockFile { path, file })
    }
}

/// A file beside the target, whose lock ends with the process that has it.
struct LockFile {
    path: String,
    file: File,
}

impl LockFile {
    fn try_lock(self) -> Result<Option<Box<dyn Send>>> {
        match self.file.try_lock() {
            Ok(()) => Ok(Some(Box::new(self.file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(unlocked(&self.path, error)),
        }
    }

    fn lock_shared(self) -> Result<Box<dyn Send>> {
        self.file.lock_shared().map_err(|error| unlocked(&self.path, error))?;
        Ok(Box::new(self.file))
    }
}

fn unlocked(path: &str, error: std::io::Error) -> EngineError {
    EngineError::new(ErrorCode::Conn008, format!("locking {path}")).because(error)
}

pub struct SqliteSession {
    connection: SqliteConnection,
}

impl Session for SqliteSession {
    type Piece = SqlitePiece;

    fn engine(&self) -> Engine {
        Engine::Sqlite
    }

    async fn execute(&mut self, sql: &str, params: &[Param<'_>]) -> Result<u64> {
        bind(sql, params)
            .execute(&mut self.connection)
            .await
            .map(|done| done.rows_affected())
            .map_err(|error| classify(error, "running a statement in the target"))
    }

    async fn run_script(&mut self, sql: &str) -> Result<()> {
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
            .execute(&mut self.connection)
            .await
            .map(drop)
            .map_err(|error| classify(error, "running a statement in the target"))
    }

    async fn fetch(&mut self, sql: &str, params: &[Param<'_>]) -> Result<Vec<Vec<Option<String>>>> {
        let rows = bind(sql, params)
            .fetch_all(&mut self.connection)
            .await
            .map_err(|error| classify(error, "asking the target"))?;
        rows.iter().map(|row| (0..row.len()).map(|column| text_of(row, column)).collect()).collect()
    }

    async fn fetch_bytes(&mut self, sql: &str, params: &[Param<'_>]) -> Result<Option<Vec<u8>>> {
        let row = bind(sql, params)
            .fetch_optional(&mut self.connection)
            .await
            .map_err(|error| classify(error, "asking the target"))?;
        row.map(|row| row.try_get(0))
            .transpose()
            .map_err(|error| classify(error, "reading the target's answer"))
    }

    async fn catalog(&mut self) -> Result<Catalog> {
        catalog::of_sqlite(&mut self.connection).await
    }

    fn piece(&self, table: &LoadTable) -> SqlitePiece {
        SqlitePiece { rows: Batch::new(table.columns.len()) }
    }

    async fn write(&mut self, table: &LoadTable, piece: &SqlitePiece) -> Result<Vec<Refused>> {
        let mut refused = Vec::new();
        let at_once = (VALUES_A_STATEMENT / table.columns.len().max(1)).max(1);
        let mut start = 0;
        while start < piece.rows() {
            let rows = start..(start + at_once).min(piece.rows());
            start = rows.end;
            // A statement is all or nothing, so a refused one is tried again row by row.
            match self.insert(table, piece, rows.clone()).await {
                Ok(()) => continue,
                Err(error) if row_fault(&error).is_none() => {
                    return Err(classify(error, format!("inserting into {}", table.name)));
                }
                Err(_) => {}
            }
            for index in rows {
                let Err(error) = self.insert(table, piece, index..index + 1).await else {
                    continue;
                };
                match row_fault(&error) {
                    Some((code, reason)) => {
                        refused.push(Refused { index, code, column: None, reason });
                    }
                    None => {
                        return Err(classify(error, format!("inserting into {}", table.name)));
                    }
                }
            }
        }
        Ok(refused)
    }
}

impl SqliteSession {
    async fn insert(
        &mut self,
        table: &LoadTable,
        piece: &SqlitePiece,
        rows: std::ops::Range<usize>,
    ) -> Result<(), sqlx::Error> {
        let columns =
            ident::quote_list(Engine::Sqlite, table.columns.iter().map(|column| &column.name));
        let name = ident::quote_table(Engine::Sqlite, &table.name);
        let row = format!("({})", vec!["?"; table.columns.len()].join(", "));
        let sql = format!(
            "insert into {name} ({columns}) values {}",
            vec![row.as_str(); rows.len()].join(", ")
        );
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for index in rows {
            let row = piece.rows.row(index);
            for (column, LoadColumn { data_type, .. }) in table.columns.iter().enumerate() {
                query = match row.value(column) {
                    Value::Null => query.bind(None::<String>),
                    Value::Bool(value) => query.bind(i64::from(value)),
                    Value::Int(value) => query.bind(value),
                    Value::Float(value) => query.bind(value),
                    Value::Float32(value) => query.bind(f64::from(value)),
                    Value::Bytes(bytes) => query.bind(bytes.into_owned()),
                    // The column's affinity makes a number of it where that is exact.
                    Value::Decimal(text) if *data_type != DataType::Text => {
                        query.bind(text.into_owned())
                    }
                    other => query.bind(value::display(&other).map(std::borrow::Cow::into_owned)),
                };
            }
        }
        query.execute(&mut self.connection).await.map(drop)
    }
}

/// Rows as typed values.
#[derive(Debug)]
pub struct SqlitePiece {
    rows: Batch,
}

impl Piece for SqlitePiece {
    fn push(&mut self, row: &[Value<'_>]) -> Result<(), encode::Mismatch> {
        if row.iter().any(|value| matches!(value, Value::Raw(_) | Value::Invalid(..))) {
            return Err(encode::Mismatch);
        }
        for value in row {
            self.rows.push(value);
        }
        Ok(())
    }

    fn rows(&self) -> usize {
        self.rows.rows()
    }

    fn bytes(&self) -> usize {
        self.rows.bytes()
    }

    fn clear(&mut self) {
        self.rows.clear();
    }
}

/// The type that a column is declared with, so that SQLite stores what it is given.
pub fn declared_type(data_type: &DataType) -> String {
    match data_type {
        DataType::Boolean => "boolean".to_owned(),
        DataType::SmallInt | DataType::Integer | DataType::BigInt => "integer".to_owned(),
        DataType::Real | DataType::Double => "real".to_owned(),
        // SQLite counts a number as exact when its first 15 digits are: beyond, it stays text.
        DataType::Numeric(Some((precision, scale))) if *precision <= 15 => {
            format!("numeric({precision},{scale})")
        }
        DataType::Bytea => "blob".to_owned(),
        _ => "text".to_owned(),
    }
}

/// Code and reason when the failure is one row's.
fn row_fault(error: &sqlx::Error) -> Option<(ErrorCode, String)> {
    let database = error.as_database_error()?;
    database.try_downcast_ref::<SqliteError>()?;
    // SQLite names the constraint or the column in its message, never a value.
    let reason = database.message().to_owned();
    match database.code()?.as_ref() {
        "1299" => Some((ErrorCode::Data004, reason)),
        "787" => Some((ErrorCode::Data008, reason)),
        "1555" | "2067" | "2579" => Some((ErrorCode::Data009, reason)),
        "275" => Some((ErrorCode::Data010, reason)),
        // A trigger's own words may carry values.
        "1811" => Some((ErrorCode::Data015, "a trigger of the target refused the row".to_owned())),
        "3091" | "20" => Some((ErrorCode::Data001, "the target cannot store the value".to_owned())),
        _ => None,
    }
}

fn text_of(row: &sqlx::sqlite::SqliteRow, column: usize) -> Result<Option<String>> {
    let fault = |error| classify(error, "reading the target's answer");
    let value = row.try_get_raw(column).map_err(fault)?;
    if value.is_null() {
        return Ok(None);
    }
    match value.type_info().name() {
        "INTEGER" | "BOOLEAN" => {
            row.try_get_unchecked::<i64, _>(column).map(|number| Some(number.to_string()))
        }
        "REAL" => row.try_get_unchecked::<f64, _>(column).map(|number| Some(number.to_string())),
        _ => row.try_get_unchecked::<String, _>(column).map(Some),
    }
    .map_err(fault)
}

fn bind<'a>(
    sql: &str,
    params: &[Param<'a>],
) -> sqlx::query::Query<'a, sqlx::Sqlite, sqlx::sqlite::SqliteArguments> {
    params.iter().fold(sqlx::query(AssertSqlSafe(sql.to_owned())), |query, param| match *param {
        Param::Text(text) => query.bind(text.to_owned()),
        Param::OptionalText(text) => query.bind(text.map(str::to_owned)),
        Param::Int(number) => query.bind(number),
        Param::Float(number) => query.bind(number),
        Param::Bytes(bytes) => query.bind(bytes.to_vec()),
    })
}
