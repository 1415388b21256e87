//! PostgreSQL as a target: binary COPY, and text COPY where a type has no binary form.

use shared::assessment::Catalog;
use shared::connection::Engine;
use shared::error_code::ErrorCode;
use std::collections::BTreeSet;
use std::ops::Range;

use sqlx::postgres::PgDatabaseError;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};

use super::mark::HELD;
use super::{LoadTable, Param, Piece, Refused, Session, Target, encode};
use crate::assess::catalog;
use crate::connect::{classify, target};
use crate::error::Result;
use crate::ident;
use crate::value::Value;

/// How many rows are tried at once after one of them was refused. Small enough that a piece
/// full of bad rows is not sent again and again.
const ROWS_AFTER_REFUSAL: usize = 512;

/// "transfuse", so that nobody else's advisory lock is met.
const LOCK: i64 = 0x7472_616e_7366_7573;

#[derive(Debug, Clone)]
pub struct PostgresTarget {
    url: String,
}

impl PostgresTarget {
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into() }
    }
}

impl Target for PostgresTarget {
    type Session = PostgresSession;

    fn engine(&self) -> Engine {
        Engine::Postgres
    }

    async fn session(&self) -> Result<PostgresSession> {
        let connection = target::postgres(&self.url).await?;
        Ok(PostgresSession { connection, transactions: BTreeSet::new() })
    }

    async fn lock(&self) -> Result<Option<Box<dyn Send>>> {
        let mut session = self.session().await?;
        let taken =
            session.fetch("select pg_try_advisory_lock($1)::text", &[Param::Int(LOCK)]).await?;
        let taken = taken.first().and_then(|row| row.first()?.as_deref().map(|t| t == "true"));
        // The lock is the session's: it ends with the connection, however that ends.
        Ok((taken == Some(true)).then(|| Box::new(session) as Box<dyn Send>))
    }
}

pub struct PostgresSession {
    connection: PgConnection,
    /// Savepoints are transactions within the open one, with numbers of their own: rows bear them.
    transactions: BTreeSet<u32>,
}

impl PostgresSession {
    /// Ends the connection in good order.
    pub async fn close(self) -> Result<()> {
        self.connection.close().await.map_err(|error| classify(error, "closing the target"))
    }

    /// One COPY of some rows of a piece. The number is what the server counted.
    async fn copy(
        &mut self,
        table: &LoadTable,
        piece: &PostgresPiece,
        rows: &Range<usize>,
    ) -> Result<u64, sqlx::Error> {
        let columns =
            ident::quote_list(Engine::Postgres, table.columns.iter().map(|column| &column.name));
        let name = ident::quote_table(Engine::Postgres, &table.name);
        let format = if piece.binary { "binary" } else { "text" };
        let sql = format!("copy {name} ({columns}) from stdin (format {format})");
        let mut copy = self.connection.copy_in_raw(&sql).await?;
        let body = piece.slice(rows);
        let sent = async {
            if piece.binary {
                copy.send(BINARY_HEADER).await?;
            }
            copy.send(body).await?;
            if piece.binary {
                copy.send(BINARY_END).await?;
            }
            Ok::<_, sqlx::Error>(())
        }
        .await;
        match sent {
            Ok(()) => copy.finish().await,
            Err(error) => {
                // The connection must not stay in the middle of a COPY.
                let _ = copy.abort("the rows could not be sent").await;
                Err(error)
            }
        }
    }
}

impl Session for PostgresSession {
    type Piece = PostgresPiece;

    fn engine(&self) -> Engine {
        Engine::Postgres
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
        rows.iter()
            .map(|row| {
                (0..row.len())
                    .map(|column| row.try_get::<Option<String>, _>(column))
                    .collect::<Result<_, _>>()
                    .map_err(|error| classify(error, "reading the target's answer"))
            })
            .collect()
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

    fn take_transactions(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.transactions).into_iter().collect()
    }

    async fn note_transaction(&mut self) -> Result<()> {
        let held = format!("select transactionid::text from pg_locks where {HELD}");
        let rows = self.fetch(&held, &[]).await?;
        let numbers = rows.into_iter().flatten().flatten();
        self.transactions.extend(numbers.filter_map(|number| number.parse::<u32>().ok()));
        Ok(())
    }

    async fn catalog(&mut self) -> Result<Catalog> {
        catalog::of_postgres(&mut self.connection).await
    }

    fn piece(&self, table: &LoadTable) -> PostgresPiece {
        PostgresPiece {
            binary: table.goes_binary(),
            types: table.columns.iter().map(|column| column.data_type.clone()).collect(),
            bytes: Vec::new(),
            ends: Vec::new(),
        }
    }

    async fn write(&mut self, table: &LoadTable, piece: &PostgresPiece) -> Result<Vec<Refused>> {
        let mut refused = Vec::new();
        // Ranges still to be written, the next one last.
        let mut todo = Vec::new();
        push_blocks(&mut todo, 0..piece.rows(), piece.rows());
        while let Some(rows) = todo.pop() {
            if rows.is_empty() {
                continue;
            }
            self.run_script("savepoint transfuse_piece").await?;
            let fault = match self.copy(table, piece, &rows).await {
                Ok(count) if usize::try_from(count) == Ok(rows.len()) => {
                    self.note_transaction().await?;
                    self.run_script("release savepoint transfuse_piece").await?;
                    continue;
                }
                // A trigger that answers with nothing drops its row without an error.
                Ok(_) => Fault {
                    line: None,
                    code: ErrorCode::Data015,
                    column: None,
                    reason: "a trigger of the target dropped the row".to_owned(),
                },
                Err(error) => match row_fault(&error) {
                    Some(fault) => fault,
                    None => {
                        return Err(classify(error, format!("copying into {}", table.name)));
                    }
                },
            };
            self.run_script("rollback to savepoint transfuse_piece").await?;
            match fault.line.and_then(|line| rows.start.checked_add(line.checked_sub(1)?)) {
                Some(index) if rows.contains(&index) => {
                    push_blocks(&mut todo, index + 1..rows.end, ROWS_AFTER_REFUSAL);
                    push_blocks(&mut todo, rows.start..index, ROWS_AFTER_REFUSAL);
                    refused.push(fault.refuse(index));
                }
                _ if rows.len() == 1 => refused.push(fault.refuse(rows.start)),
                _ => {
                    let middle = rows.start + rows.len() / 2;
                    todo.push(middle..rows.end);
                    todo.push(rows.start..middle);
                }
            }
        }
        Ok(refused)
    }
}

/// Adds a range as blocks, the first one to be popped first.
fn push_blocks(todo: &mut Vec<Range<usize>>, rows: Range<usize>, at_once: usize) {
    let blocks = rows.len().div_ceil(at_once.max(1));
    for block in (0..blocks).rev() {
        let start = rows.start + block * at_once;
        todo.push(start..(start + at_once).min(rows.end));
    }
}

const BINARY_HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
const BINARY_END: &[u8] = &[0xff, 0xff];

/// Rows in the form of COPY, one after the other.
#[derive(Debug)]
pub struct PostgresPiece {
    binary: bool,
    types: Vec<shared::data_type::DataType>,
    bytes: Vec<u8>,
    /// Where each row ends.
    ends: Vec<usize>,
}

impl PostgresPiece {
    fn slice(&self, rows: &Range<usize>) -> &[u8] {
        let start = rows.start.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start..self.ends[rows.end - 1]]
    }
}

impl Piece for PostgresPiece {
    fn push(&mut self, row: &[Value<'_>]) -> Result<(), encode::Mismatch> {
        let start = self.bytes.len();
        let written = if self.binary {
            let count = i16::try_from(row.len()).map_err(|_| encode::Mismatch)?;
            self.bytes.extend(count.to_be_bytes());
            row.iter()
                .zip(&self.types)
                .try_for_each(|(value, to)| encode::binary(value, to, &mut self.bytes))
        } else {
            row.iter().enumerate().try_for_each(|(column, value)| {
                if column > 0 {
                    self.bytes.push(b'\t');
                }
                encode::text(value, &mut self.bytes)
            })
        };
        if written.is_err() {
            self.bytes.truncate(start);
            return written;
        }
        if !self.binary {
            self.bytes.push(b'\n');
        }
        self.ends.push(self.bytes.len());
        Ok(())
    }

    fn rows(&self) -> usize {
        self.ends.len()
    }

    fn bytes(&self) -> usize {
        self.bytes.len()
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }
}

/// What a row's refusal says, as far as it can be told without the row's values.
struct Fault {
    /// Counts from 1 within the COPY.
    line: Option<usize>,
    code: ErrorCode,
    column: Option<String>,
    reason: String,
}

impl Fault {
    fn refuse(self, index: usize) -> Refused {
        Refused { index, code: self.code, column: self.column, reason: self.reason }
    }
}

/// None when the failure is not one row's.
fn row_fault(error: &sqlx::Error) -> Option<Fault> {
    let database = error.as_database_error()?.try_downcast_ref::<PgDatabaseError>()?;
    let constraint = || {
        database
            .constraint()
            .map_or_else(|| "the row breaks a condition".to_owned(), |c| format!("constraint {c}"))
    };
    let (code, reason) = match database.code() {
        "23502" => (ErrorCode::Data004, "the column takes no null".to_owned()),
        "23503" => (ErrorCode::Data008, constraint()),
        "23505" | "23P01" => (ErrorCode::Data009, constraint()),
        "23514" => (ErrorCode::Data010, constraint()),
        "22001" => (ErrorCode::Data003, "the text is too long for the column".to_owned()),
        "22003" | "22008" | "22015" => {
            (ErrorCode::Data002, "the value is out of the column's range".to_owned())
        }
        "22021" | "22P05" => {
            (ErrorCode::Data007, "the text is not valid in the target's encoding".to_owned())
        }
        // The message of an exception that a trigger raises may carry values: it is not kept.
        code if code.starts_with("P0") => (ErrorCode::Data015, format!("a trigger raised {code}")),
        "42501" => (ErrorCode::Data015, "a policy of the target refuses the row".to_owned()),
        code if code.starts_with("22") => {
            (ErrorCode::Data001, format!("the target cannot read the value ({code})"))
        }
        code if code.starts_with("23") => (ErrorCode::Data010, constraint()),
        _ => return None,
    };
    // A missing right to the whole table is not a row's fault; a policy names no line either.
    if database.code() == "42501" && !database.message().contains("row-level security") {
        return None;
    }
    let (line, column) = database.r#where().map(place).unwrap_or_default();
    let column = database.column().map(str::to_owned).or(column);
    Some(Fault { line, code, column, reason })
}

/// Line and column out of `COPY patients, line 3, column born: "…"`. The rest is a value.
fn place(context: &str) -> (Option<usize>, Option<String>) {
    let Some(copy) = context.lines().find(|line| line.starts_with("COPY ")) else {
        return (None, None);
    };
    let Some((_, after)) = copy.split_once(", line ") else { return (None, None) };
    let digits = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
    let column = after[digits..]
        .strip_prefix(", column ")
        .and_then(|rest| rest.split([':', ',']).next())
        .map(str::to_owned);
    (after[..digits].parse().ok(), column)
}

fn bind<'a>(
    sql: &str,
    params: &[Param<'a>],
) -> sqlx::query::Query<'a, sqlx::Postgres, sqlx::postgres::PgArguments> {
    params.iter().fold(sqlx::query(AssertSqlSafe(sql.to_owned())), |query, param| match *param {
        Param::Text(text) => query.bind(text),
        Param::OptionalText(text) => query.bind(text),
        Param::Int(number) => query.bind(number),
        Param::Float(number) => query.bind(number),
        Param::Bytes(bytes) => query.bind(bytes),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_of_a_refusal_is_told_without_the_value() {
        assert_eq!(
            place("COPY patients, line 3, column born: \"x, line 9\""),
            (Some(3), Some("born".into()))
        );
        assert_eq!(place("COPY patients, line 12"), (Some(12), None));
        assert_eq!(place("PL/pgSQL function f() line 2 at RAISE\nCOPY t, line 4"), (Some(4), None));
        assert_eq!(place("SQL statement \"select 1\""), (None, None));
    }

    #[test]
    fn blocks_cover_a_range_once_and_in_order() {
        let mut todo = Vec::new();
        push_blocks(&mut todo, 3..1_100, 512);
        let mut next = 3;
        while let Some(block) = todo.pop() {
            assert_eq!(block.start, next);
            next = block.end;
        }
        assert_eq!(next, 1_100);
    }
}
