//! Copies of the tables that a run touches, sealed with the installation's key, and back again.
//!
//! A backup is taken under one snapshot while others write, and in a bounded memory. Rows of
//! PostgreSQL are written in the text form of COPY: any later version reads it, also into a column
//! whose type was widened, and nobody has to know the binary form of an extension's type. A SQLite
//! database is copied as a whole, the way SQLite itself does it.
//!
//! Before anything is restored, the manifest and every file are read to their end.

mod sealed;
mod folder;
mod schema;
mod postgres;
mod sqlite;

use std::fmt::Write as _;
use std::path::Path;

use shared::assessment::TableName;
use shared::backup::{DatabaseBackup, RestoredTable};
use shared::connection::Engine;
use shared::error_code::ErrorCode;

use crate::error::{EngineError, Result};

pub use folder::{Folder, NewFolder};

/// Which tables of a database are copied.
#[derive(Debug, Clone, Copy)]
pub enum Tables<'a> {
    /// These, as far as they are there, and the engine's own.
    OfAPlan(&'a [TableName]),
    /// All that are there: a control store.
    All,
}

/// What was put back.
#[derive(Debug, Default)]
pub struct Restored {
    pub tables: Vec<RestoredTable>,
    /// Foreign keys that were not made, because what they refer to is not there.
    pub missing_keys: Vec<String>,
}

/// Copies tables of a database into a backup. The names of its files begin with `part`.
pub async fn take(
    folder: NewFolder,
    part: &'static str,
    url: &str,
    tables: Tables<'_>,
) -> Result<(NewFolder, DatabaseBackup)> {
    match Engine::of_url(url) {
        Some(Engine::Postgres) => postgres::take(folder, part, url, tables).await,
        Some(Engine::Sqlite) => sqlite::take(folder, part, url, tables).await,
        _ => Err(EngineError::new(ErrorCode::Conn006, "opening the database to be backed up")),
    }
}

/// What becomes of rows that are in a table which is restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occupied {
    /// Nothing is restored.
    Refuse,
    /// They make way for what the backup has.
    Replace,
}

/// Puts a part of a backup back. Tables that are missing are made. The folder has to be
/// [verified](Folder::verify) before.
pub async fn restore(
    folder: Folder,
    part: &DatabaseBackup,
    url: &str,
    occupied: Occupied,
) -> Result<Restored> {
    let engine = Engine::of_url(url);
    if engine != Some(part.engine) {
        let doing = "restoring: the backup is of a database of another kind";
        return Err(EngineError::new(ErrorCode::Sys021, doing));
    }
    match part.engine {
        Engine::Postgres => postgres::restore(folder, part, url, occupied).await,
        _ => sqlite::restore(folder, part, url, occupied).await,
    }
}

/// Opens the whole copy of a SQLite database into a file that is not there yet, and has SQLite
/// look through it.
pub fn extract_sqlite(folder: &Folder, part: &DatabaseBackup, to: &Path) -> Result<()> {
    sqlite::extract(folder, part, to)
}

/// Rows that are in the way of a restore.
fn in_the_way(table: &TableName) -> EngineError {
    EngineError::new(ErrorCode::Sys021, format!("restoring {table}: there are rows in it"))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
