//! Connections to SQLite's files.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::OpenFlags;
use shared::error_code::ErrorCode;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Executor};

use super::failure::{classify, of_sqlite};
use super::{Address, Purpose, address};
use crate::error::{EngineError, Result};

/// A database file that is there and can be read.
#[derive(Debug, Clone)]
pub struct SqliteFile {
    path: PathBuf,
    immutable: bool,
}

impl SqliteFile {
    /// Finds out how the file can be read without changing anything, and reads its first page.
    pub async fn open(path: PathBuf) -> Result<Self> {
        let immutable = check(&path)?;
        let file = Self { path, immutable };
        let mut connection = file.connect().await?;
        connection
            .execute("select count(*) from sqlite_master")
            .await
            .map_err(|error| file.unreadable(error))?;
        Ok(file)
    }

    /// A connection on which SQLite refuses to write.
    pub async fn connect(&self) -> Result<SqliteConnection> {
        let options = quiet(&self.path)
            .read_only(true)
            .immutable(self.immutable)
            .create_if_missing(false)
            .pragma("query_only", "on");
        options.connect().await.map_err(|error| self.unreadable(error))
    }

    /// The same for reading many rows: this driver hands out values where they lie.
    pub(crate) fn connect_for_rows(&self) -> Result<rusqlite::Connection> {
        let doing = || self.opening();
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
            | OpenFlags::SQLITE_OPEN_NO_MUTEX
            | OpenFlags::SQLITE_OPEN_URI;
        let connection = rusqlite::Connection::open_with_flags(self.uri(), flags)
            .map_err(|error| classify_rows(error, doing()))?;
        connection
            .busy_timeout(BUSY_TIMEOUT)
            .and_then(|()| connection.pragma_update(None, "query_only", "on"))
            .map_err(|error| classify_rows(error, doing()))?;
        Ok(connection)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the file is read as one that nobody writes to, because its folder does not allow
    /// what SQLite needs to notice writers.
    pub const fn is_immutable(&self) -> bool {
        self.immutable
    }

    fn uri(&self) -> String {
        let path = percent_encoding::percent_encode(
            self.path.as_os_str().as_encoded_bytes(),
            percent_encoding::NON_ALPHANUMERIC,
        );
        let immutable = if self.immutable { "&immutable=1" } else { "" };
        format!("file:{path}?mode=ro{immutable}")
    }

    fn unreadable(&self, error: sqlx::Error) -> EngineError {
        classify(error, self.opening())
    }

    fn opening(&self) -> String {
        format!("opening the SQLite file {}", self.path.display())
    }
}

/// Opens one connection to the file that a `sqlite:` URL names.
pub async fn connect(url: &str, purpose: Purpose) -> Result<SqliteConnection> {
    let Address::Sqlite(path) = Address::parse(url)? else {
        return Err(address::unreadable("it is not one of sqlite:PATH"));
    };
    match purpose {
        Purpose::Read => SqliteFile::open(path).await?.connect().await,
        Purpose::Write => {
            let doing = || format!("opening the SQLite file {}", path.display());
            let mut connection =
                writing(&path).connect().await.map_err(|error| classify(error, doing()))?;
            connection
                .execute("select count(*) from sqlite_master")
                .await
                .map_err(|error| classify(error, doing()))?;
            Ok(connection)
        }
    }
}

/// How a target is opened: made when it is missing, readers beside one writer, keys enforced.
pub(crate) fn writing(path: &Path) -> SqliteConnectOptions {
    quiet(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
}

/// What rusqlite's failures amount to; the twin of [`classify`].
pub(crate) fn classify_rows(error: rusqlite::Error, doing: impl Into<String>) -> EngineError {
    let doing = doing.into();
    match error {
        rusqlite::Error::SqliteFailure(failure, message) => {
            let refusal = of_sqlite(failure.extended_code, &message.unwrap_or_default());
            EngineError::new(refusal.error_code, doing).because(refusal)
        }
        // What else there is may quote the statement.
        _ => EngineError::new(ErrorCode::Sys001, doing).because("the driver failed"),
    }
}

/// Refuses what is no database, and tells whether it can only be read as immutable.
fn check(path: &Path) -> Result<bool> {
    let doing = || format!("opening the SQLite file {}", path.display());
    let unreadable =
        |cause: std::io::Error| EngineError::new(ErrorCode::Conn008, doing()).because(cause);
    if fs::metadata(path).map_err(unreadable)?.is_dir() {
        return Err(EngineError::new(ErrorCode::Conn008, doing()).because("it is a folder"));
    }
    let mut header = Vec::new();
    File::open(path)
        .and_then(|file| file.take(100).read_to_end(&mut header))
        .map_err(unreadable)?;
    // An empty file is a database without tables.
    if header.is_empty() {
        return Ok(false);
    }
    if !header.starts_with(b"SQLite format 3\0") || header.len() < 100 {
        return Err(
            EngineError::new(ErrorCode::Conn008, doing()).because("it is no SQLite database")
        );
    }
    // With a write-ahead log, even readers need to write to the index beside it.
    let has_log = header[18] == 2 || header[19] == 2;
    if !has_log || beside(path, "-shm").exists() || may_write_beside(path) {
        return Ok(false);
    }
    match fs::metadata(beside(path, "-wal")) {
        Ok(log) if log.len() > 0 => Err(EngineError::new(ErrorCode::Conn008, doing()).because(
            "there is a write-ahead log beside it and its folder cannot be written to: \
             copy the file with its -wal to a folder of your own, or checkpoint it",
        )),
        _ => Ok(true),
    }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn may_write_beside(path: &Path) -> bool {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    rustix::fs::access(folder, rustix::fs::Access::WRITE_OK).is_ok()
}

/// No statement of it is logged: literals in it are values.
pub(crate) fn quiet(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(BUSY_TIMEOUT)
        .disable_statement_logging()
}

const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
