//! Writes rows: a chunk's rows and its ledger row become visible together or not at all.

pub mod encode;
mod transaction;
pub mod ledger;
mod quarantine_tables;
pub mod blueprint;
pub mod claim;
pub mod mark;
pub mod before_image;
pub mod existing;
pub mod schema;
pub mod statements;
pub mod unique;
pub mod orphans;
pub mod deferred;
pub mod row_image;
pub mod postgres;
pub mod rehearsal;
pub mod sqlite;

use std::future::Future;

use shared::assessment::{Catalog, TableName};
use shared::connection::Engine;
use shared::data_type::DataType;
use shared::error_code::ErrorCode;

use crate::error::Result;
use crate::value::{Packed, Value};

pub use postgres::PostgresTarget;
pub use sqlite::SqliteTarget;
pub(crate) use transaction::end;

/// A database that receives rows.
pub trait Target: Send + Sync {
    type Session: Session;
    type Onlooker: Session;

    fn engine(&self) -> Engine;

    /// A connection of one's own.
    fn session(&self) -> impl Future<Output = Result<Self::Session>> + Send;

    /// A connection that sees what is committed, and nothing else.
    fn onlooker(&self) -> impl Future<Output = Result<Self::Onlooker>> + Send;

    /// Keeps every other run out of this target until the guard is dropped; none while another
    /// run is in.
    fn lock(&self) -> impl Future<Output = Result<Option<Box<dyn Send>>>> + Send;

    /// Keeps every verification out of this target until the guard is dropped; none while one is
    /// under way.
    fn lock_verifications(&self) -> impl Future<Output = Result<Option<Box<dyn Send>>>> + Send;

    /// Is one of the verifications under way in this target until the guard is dropped.
    fn join_verifications(&self) -> impl Future<Output = Result<Box<dyn Send>>> + Send;
}

/// One connection to a target. Values go in as parameters; results come back as text.
pub trait Session: Send {
    type Piece: Piece;

    fn engine(&self) -> Engine;

    /// Runs one statement, and says how many rows it changed.
    fn execute(
        &mut self,
        sql: &str,
        params: &[Param<'_>],
    ) -> impl Future<Output = Result<u64>> + Send;

    /// Runs statements that take no parameters, one after the other.
    fn run_script(&mut self, sql: &str) -> impl Future<Output = Result<()>> + Send;

    fn fetch(
        &mut self,
        sql: &str,
        params: &[Param<'_>],
    ) -> impl Future<Output = Result<Vec<Vec<Option<String>>>>> + Send;

    /// One column of bytes, of one row; none when there is no such row.
    fn fetch_bytes(
        &mut self,
        sql: &str,
        params: &[Param<'_>],
    ) -> impl Future<Output = Result<Option<Vec<u8>>>> + Send;

    /// Takes the numbers of the transactions within the open one that wrote rows since the last
    /// time. PostgreSQL writes them into the rows; elsewhere there are none.
    fn take_transactions(&mut self) -> Vec<u32> {
        Vec::new()
    }

    /// Notes the numbers of the transactions within the open one that wrote something and are still
    /// open. To be called before a savepoint ends under which rows of a run were written.
    fn note_transaction(&mut self) -> impl Future<Output = Result<()>> + Send {
        std::future::ready(Ok(()))
    }

    fn catalog(&mut self) -> impl Future<Output = Result<Catalog>> + Send;

    /// An empty piece for a table's rows.
    fn piece(&self, table: &LoadTable) -> Self::Piece;

    /// Writes the rows of a piece within the transaction that is open, and names those that the
    /// target refused; the others are in.
    fn write(
        &mut self,
        table: &LoadTable,
        piece: &Self::Piece,
    ) -> impl Future<Output = Result<Vec<Refused>>> + Send;
}

/// Rows in the form in which a target takes them.
pub trait Piece: Send + Sync {
    /// Adds a row. An error leaves the piece as it was.
    fn push(&mut self, row: &[Value<'_>]) -> Result<(), encode::Mismatch>;

    /// Exchanges the rows with some in PostgreSQL's binary form, whose columns are of the target's
    /// own types. False where the target does not take them.
    fn swap(&mut self, _rows: &mut Packed) -> bool {
        false
    }

    fn rows(&self) -> usize;

    fn bytes(&self) -> usize;

    /// Forgets the rows and keeps the memory.
    fn clear(&mut self);
}

/// The table that rows go into.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadTable {
    pub name: TableName,
    pub columns: Vec<LoadColumn>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct LoadColumn {
    pub name: String,
    pub data_type: DataType,
    /// A named type whose values go as their labels, in either form of COPY.
    pub is_enum: bool,
    /// Its values come as PostgreSQL's own bytes, from another PostgreSQL.
    pub is_raw: bool,
}

impl LoadTable {
    /// Whether every column can go in PostgreSQL's binary form.
    pub fn goes_binary(&self) -> bool {
        self.columns.iter().all(|column| match column.data_type {
            DataType::Named(_) => column.is_enum || column.is_raw,
            DataType::Array(_) => column.is_raw,
            _ => true,
        })
    }
}

/// A row of a piece that the target refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The row's place in the piece.
    pub index: usize,
    pub code: ErrorCode,
    pub column: Option<String>,
    /// What the target said, without values.
    pub reason: String,
}

/// A value bound to a statement.
#[derive(Debug, Clone, Copy)]
pub enum Param<'a> {
    Text(&'a str),
    OptionalText(Option<&'a str>),
    Int(i64),
    Float(f64),
    Bytes(&'a [u8]),
}
