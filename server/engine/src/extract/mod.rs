//! Reads tables under one snapshot, by key range, in batches bounded by bytes.

mod state;
mod snapshot;
mod sql;
mod outlet;
mod chunk;
mod postgres;
mod mysql;
mod sqlite;
pub mod csv;

pub use outlet::Outlet;
pub use postgres::decode_raw;
pub use snapshot::{Answer, Hold, Reader, Snapshot};
pub use state::{Sameness, SourceState, Ticket};

use serde::{Deserialize, Serialize};
use shared::assessment::TableName;
use shared::data_type::DataType;

/// What is read of one table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TableRead {
    pub table: TableName,
    /// A statement that stands in the table's place.
    pub query: Option<String>,
    /// The columns that tell rows apart; empty when there are none.
    pub key: Vec<String>,
    pub columns: Vec<ReadColumn>,
    /// A condition in the source's SQL. Each batch then has one more column at its end, a
    /// `Bool`: false for rows that are filtered out.
    pub filter: Option<String>,
}

/// One column that is read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReadColumn {
    pub name: String,
    /// The type as the source spells it.
    pub native_type: String,
    /// The PostgreSQL type that the catalog proposed for it; values come as that type.
    pub data_type: DataType,
    pub form: Form,
    /// Where the source finds the value, for a column that is not its table's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lookup: Option<LookedUp>,
}

/// A value of another table that the source looks up by a column of the row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookedUp {
    pub table: TableName,
    pub key: String,
    pub value: String,
    /// The row's column.
    pub by: String,
}

impl ReadColumn {
    /// Has the column's values decoded where they would have been passed on as bytes.
    pub fn as_value(&mut self) {
        if self.form == Form::Raw {
            self.form = match self.data_type {
                DataType::Named(_) | DataType::Array(_) => Form::Text,
                _ => Form::Typed,
            };
        }
    }
}

/// In what form values of a column are handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// As a typed value.
    Typed,
    /// As PostgreSQL's own bytes, undecoded. Only from PostgreSQL, for a target column of the
    /// very same type.
    Raw,
    /// As the text that the source's engine writes for it.
    Text,
}

/// The value that stands in a column of PostgreSQL's, from bytes that were passed on undecoded.
pub fn decoded(data_type: &DataType, bytes: &[u8]) -> crate::value::Value<'static> {
    postgres::decoded(data_type, bytes)
}

/// How large chunks are to be: a chunk ends with whichever comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    pub rows: u64,
    pub bytes: u64,
}

impl From<u64> for Cut {
    /// Chunks of so many rows, and no more bytes than are soon copied once more.
    fn from(rows: u64) -> Self {
        Self { rows: rows.max(1), bytes: CHUNK_BYTES }
    }
}

const CHUNK_BYTES: u64 = 64 << 20;

/// A part of one table: the unit of work, of commit, of retry and of undo.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk {
    /// Counts from 0 within its table.
    pub ordinal: u32,
    pub range: ChunkRange,
    /// Rows that the source counted in it when it was planned.
    pub rows: u64,
}

/// Which rows a chunk has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChunkRange {
    Whole,
    /// Rows whose key comes after the one and not after the other, each a list of literals in
    /// the source's own SQL; an open end is none.
    Keys {
        after: Option<Vec<String>>,
        to: Option<Vec<String>>,
    },
    /// PostgreSQL's pages, the last one excluded.
    Pages {
        from: u64,
        to: Option<u64>,
    },
    /// Bytes of a file, from the start of a record to the end of one.
    Bytes {
        from: u64,
        to: u64,
    },
}
