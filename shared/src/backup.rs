//! A copy of what a run touches, and of the control store: what is in it, and whether it is whole.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::assessment::TableName;
use crate::connection::Engine;

/// The version of the format that this build writes and reads.
pub const FORMAT: u32 = 1;

/// What a backup holds. It lies beside the files in clear: names and numbers, no value of a row.
/// Its last field proves that nobody but the installation wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub format: u32,
    pub id: String,
    pub taken_at: DateTime<Utc>,
    /// The version of the program that took it.
    pub version: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanNamed>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<DatabaseBackup>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store: Option<DatabaseBackup>,
    pub files: Vec<BackupFile>,
    /// HMAC-SHA256 of everything above with a key of the installation, in hexadecimal digits.
    pub mac: String,
}

/// The plan whose tables a backup is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanNamed {
    pub name: String,
    pub hash: String,
}

/// One database's part of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseBackup {
    pub engine: Engine,
    /// The server's own name and version.
    pub server: String,
    /// Where it is, without a password.
    pub place: String,
    /// The whole database as one file, where the engine copies it so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    pub tables: Vec<TableBackup>,
    /// What makes the tables where they are missing.
    #[serde(default, skip_serializing_if = "Schema::is_empty")]
    pub schema: Schema,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sequences: Vec<SequencePosition>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableBackup {
    pub name: TableName,
    /// The columns that were copied, in the order of the file; those that the target computes are
    /// not among them.
    pub columns: Vec<String>,
    pub rows: u64,
    /// The file with the rows; none when they are in the whole database's file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}

/// Statements that make what is missing, in the order in which they run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schema {
    pub schemas: Vec<Made>,
    pub types: Vec<Made>,
    pub tables: Vec<TableMade>,
}

impl Schema {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Something by its name, and the statement that makes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    pub name: String,
    pub sql: String,
}

/// A table: what makes it, what is added once its rows are in, and its foreign keys, which come
/// when all tables are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableMade {
    pub name: TableName,
    pub before: Vec<String>,
    pub after: Vec<String>,
    pub foreign_keys: Vec<ForeignKeyMade>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignKeyMade {
    pub name: String,
    pub references: TableName,
    pub sql: String,
}

/// Where a sequence stood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SequencePosition {
    /// As the target writes it, quoted where it has to be.
    pub name: String,
    pub last_value: i64,
    pub is_called: bool,
}

/// A sealed file, as it lies on the disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupFile {
    pub name: String,
    pub bytes: u64,
    /// In hexadecimal digits.
    pub sha256: String,
}

/// What was put back: the answer of `transfuse restore --json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RestoreOutcome {
    pub id: String,
    pub tables: Vec<RestoredTable>,
    /// Foreign keys that were not made, because the target lacks the table that they refer to.
    pub missing_keys: Vec<String>,
    pub control_store: bool,
    pub seconds: f64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoredTable {
    pub name: TableName,
    pub rows: u64,
    /// It was not there before.
    pub made: bool,
}
