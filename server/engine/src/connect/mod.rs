//! Opens a source, read-only, and a target.
//!
//! Every source is opened so that its own engine refuses to write; nothing here relies on
//! statements being harmless.

mod address;
mod at_once;
pub mod failure;
pub mod postgres;
pub mod mysql;
pub mod sqlite;
pub mod csv;
pub mod target;
pub mod probe;

pub use address::{Address, Place, at_address, names_files, place};
pub use failure::{Refusal, classify, refusal};

use std::fmt;
use std::time::Duration;

use shared::connection::Engine;

use crate::error::Result;
use sqlite::SqliteFile;

/// What a connection is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The engine at the other end refuses to write.
    Read,
    Write,
}

/// A database that is read and never written to. It can be connected to any number of times.
#[derive(Debug, Clone)]
pub enum Source {
    Postgres(postgres::PostgresServer),
    Mysql(mysql::MysqlServer),
    Sqlite(SqliteFile),
    Csv(csv::CsvFolder),
}

impl Source {
    /// Reaches the database and proves that it can be signed in to.
    pub async fn open(url: &str) -> Result<Self> {
        Ok(match Address::parse(url)? {
            Address::Postgres(server) => {
                drop(server.connect(Purpose::Read).await?);
                Self::Postgres(server)
            }
            Address::Sqlite(path) => Self::Sqlite(SqliteFile::open(path).await?),
            Address::Csv(address) => Self::Csv(csv::CsvFolder::open(address).await?),
            Address::Mysql(server) => {
                drop(server.connect(Purpose::Read).await?);
                Self::Mysql(server)
            }
        })
    }

    pub const fn engine(&self) -> Engine {
        match self {
            Self::Postgres(_) => Engine::Postgres,
            Self::Mysql(_) => Engine::Mysql,
            Self::Sqlite(_) => Engine::Sqlite,
            Self::Csv(_) => Engine::Csv,
        }
    }
}

/// Where it is, without user and password.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Postgres(server) => server.fmt(f),
            Self::Mysql(server) => server.fmt(f),
            Self::Sqlite(file) => write!(f, "the SQLite file {}", file.path().display()),
            Self::Csv(folder) => write!(f, "the files in {}", folder.path().display()),
        }
    }
}

/// How long a server may take to answer before it counts as unreachable.
pub const REACH_TIMEOUT: Duration = Duration::from_secs(10);
