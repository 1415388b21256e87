//! What tells a run's rows from everybody else's, for as long as the run can be undone.
//!
//! PostgreSQL writes into every row version which transaction made it. A run notes the numbers of
//! its transactions, chunk by chunk: a row that bears one of them is the run's, and is as the run
//! left it. This costs nothing a row. SQLite keeps no such number, so each row is noted by its row
//! id and a digest of what it holds.
//!
//! In a PostgreSQL table that was there before the run, digests of the rows' keys are noted too:
//! they tell a row of the run that somebody changed since from a row that never was the run's.
//! Digests are made with the installation's key; nobody else can tell values from them.

mod digest;
mod part;
mod transactions;
mod rows;
mod keys;
mod own;
mod rewrite;
mod back;

use shared::assessment::TableName;
use shared::connection::Engine;
use shared::error_code::ErrorCode;
use shared::plan::Existing;

use super::ledger::{self, table};
use super::{Param, Session};
use crate::error::{EngineError, Result};
use crate::seal::Key;

pub use back::{WrittenBy, keep_as, written_by};
pub use digest::key_check;
pub use keys::{Keys, has_noted_key, key_text, prepare};
pub(crate) use own::numbers;
pub use own::{Count, count, is_own};
pub use rewrite::rewrite;
pub use rows::{gather, is_noted};
pub(super) use transactions::HELD;

/// The ordinal under which rows are noted that a run wrote after its chunks.
pub const AFTER_THE_DATA: i32 = i32::MIN;

/// A table as a run found it or made it: what is needed to find the run's rows in it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableRecord {
    /// The table's place in the plan.
    pub table_index: u32,
    pub source: TableName,
    pub target: TableName,
    /// The run made the table.
    pub made: bool,
    pub existing: Existing,
    /// The columns by which one of its rows is told from another; empty when the run does not
    /// fill such columns.
    pub key: Vec<String>,
    pub columns: Vec<String>,
}

/// How a run came to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// It was not there before.
    Brought,
    /// It was there before, with other values.
    Changed,
}

impl Change {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Brought => "brought",
            Self::Changed => "changed",
        }
    }
}

/// What wrote rows: a chunk of a run, or its work after the data.
#[derive(Debug, Clone, Copy)]
pub struct Writer<'a> {
    pub run_id: &'a str,
    pub table_index: u32,
    pub ordinal: i32,
}

/// From here on the session notes which rows of the table it writes. To be called within the
/// transaction that writes them.
pub async fn begin<S: Session>(session: &mut S, run_id: &str, record: &TableRecord) -> Result<()> {
    session.take_transactions();
    match session.engine() {
        Engine::Postgres => Ok(()),
        _ => rows::begin(session, run_id, record).await,
    }
}

/// Notes the rows that were written since [`begin`], in the same transaction. On PostgreSQL they
/// count as brought; see [`keep_changed`].
pub async fn keep<S: Session>(
    session: &mut S,
    key: &Key,
    writer: Writer<'_>,
    record: &TableRecord,
) -> Result<()> {
    match session.engine() {
        Engine::Postgres => {
            let own = transactions::Numbers::AllOfIt;
            transactions::keep(session, writer, &record.target, Change::Brought, own).await
        }
        _ => rows::keep(session, key, writer, record).await,
    }
}

/// Notes on PostgreSQL that what was written since the last savepoint, which is still open, are
/// rows that were there before. SQLite tells them apart by itself.
pub async fn keep_changed<S: Session>(
    session: &mut S,
    writer: Writer<'_>,
    record: &TableRecord,
) -> Result<()> {
    if session.engine() != Engine::Postgres {
        return Ok(());
    }
    let own = transactions::Numbers::OfTheSavepoint;
    transactions::keep(session, writer, &record.target, Change::Changed, own).await
}

/// Forgets that a run changed rows which are what they were before it, by their row ids on SQLite.
/// On PostgreSQL whoever wrote them back is no writer of the run, and that is enough.
pub async fn forget_changed<S: Session>(
    session: &mut S,
    run_id: &str,
    record: &TableRecord,
    ids: &[i64],
) -> Result<()> {
    match session.engine() {
        Engine::Postgres => Ok(()),
        _ => rows::forget_changed(session, run_id, record, ids).await,
    }
}

/// The records of a run that are about one table of the target.
pub fn records_of<'a>(records: &'a [TableRecord], target: &TableName) -> Vec<&'a TableRecord> {
    records.iter().filter(|record| record.target == *target).collect()
}

/// Forgets how rows of a run are found: all of a table's, or those of one chunk.
pub async fn forget<S: Session>(
    session: &mut S,
    run_id: &str,
    table_index: u32,
    ordinal: Option<i32>,
) -> Result<()> {
    let engine = session.engine();
    let narrowed = ordinal.map_or_else(String::new, |ordinal| format!(" and ordinal = {ordinal}"));
    for name in ledger::marks(engine) {
        let sql = format!(
            "delete from {} where run_id = $1 and table_index = $2{narrowed}",
            table(engine, name)
        );
        let params = [Param::Text(run_id), Param::Int(table_index.into())];
        session.execute(&sql, &params).await?;
    }
    Ok(())
}

fn unreadable() -> EngineError {
    EngineError::new(ErrorCode::Sys001, "reading which rows a run wrote")
}
