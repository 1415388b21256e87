//! One state of a source, seen by many readers.

use shared::error_code::ErrorCode;
use tokio::sync::mpsc::Sender;

use super::csv::CsvReader;
use super::mysql::MysqlReader;
use super::postgres::PostgresReader;
use super::sqlite::SqliteReader;
use super::{Chunk, TableRead, csv, mysql, postgres, sqlite};
use crate::connect::Source;
use crate::error::{EngineError, Result};
use crate::value::Batch;

/// Readers that all see the source as it was at one instant.
#[derive(Debug)]
pub struct Snapshot {
    readers: Vec<Reader>,
    notes: Vec<String>,
}

impl Snapshot {
    pub async fn open(source: &Source, readers: usize) -> Result<Self> {
        let readers = readers.max(1);
        let mut notes = Vec::new();
        let readers = match source {
            Source::Postgres(server) => postgres::open(server, readers)
                .await?
                .into_iter()
                .map(Inner::Postgres)
                .map(Reader)
                .collect(),
            Source::Mysql(server) => mysql::open(server, readers, &mut notes)
                .await?
                .into_iter()
                .map(Inner::Mysql)
                .map(Reader)
                .collect(),
            Source::Sqlite(file) => {
                if file.is_immutable() {
                    notes.push(
                        "The SQLite file lies in a folder that cannot be written to. It is read \
                         on the assumption that nobody changes it meanwhile."
                            .to_owned(),
                    );
                }
                sqlite::open(file, readers)
                    .await?
                    .into_iter()
                    .map(Inner::Sqlite)
                    .map(Reader)
                    .collect()
            }
            Source::Csv(folder) => {
                for file in folder.files().iter().filter(|file| file.encoding_is_guessed) {
                    notes.push(format!(
                        "Nothing in {} says how it is encoded; it is read as {}.",
                        file.path.display(),
                        file.encoding.name()
                    ));
                }
                csv::open(folder, readers)?.into_iter().map(Inner::Csv).map(Reader).collect()
            }
        };
        Ok(Self { readers, notes })
    }

    /// What limits the promise of one state; none when it holds without a limit.
    pub fn note(&self) -> Option<String> {
        (!self.notes.is_empty()).then(|| self.notes.join(" "))
    }

    /// Cuts a table into chunks of about `chunk_rows`. Every row is in exactly one of them, and
    /// `rows` is what the source itself counted. An empty table has no chunks.
    pub async fn plan_chunks(&mut self, read: &TableRead, chunk_rows: u64) -> Result<Vec<Chunk>> {
        let chunk_rows = chunk_rows.max(1);
        let reader = self.readers.first_mut().ok_or_else(|| {
            EngineError::new(ErrorCode::Sys001, "planning chunks").because("no reader is open")
        })?;
        match &mut reader.0 {
            Inner::Postgres(reader) => reader.plan(read, chunk_rows).await,
            Inner::Mysql(reader) => reader.plan(read, chunk_rows).await,
            Inner::Sqlite(reader) => reader.plan(read, chunk_rows).await,
            Inner::Csv(reader) => reader.plan(read, chunk_rows).await,
        }
    }

    /// One of the readers, for what is read before the copy.
    pub fn reader(&mut self) -> Result<&mut Reader> {
        self.readers.first_mut().ok_or_else(|| {
            EngineError::new(ErrorCode::Sys001, "reading ahead").because("no reader is open")
        })
    }

    pub fn into_readers(self) -> Vec<Reader> {
        self.readers
    }
}

/// One connection that reads chunks, one after the other.
#[derive(Debug)]
pub struct Reader(Inner);

#[derive(Debug)]
enum Inner {
    Postgres(PostgresReader),
    Mysql(MysqlReader),
    Sqlite(SqliteReader),
    Csv(CsvReader),
}

impl Reader {
    /// Sends the chunk's rows in batches of about `batch_bytes`, in the order of the key, and
    /// gives their number. A batch is larger only when a single row is.
    ///
    /// When the receiver goes away, the rest of the chunk is not sent and the read fails with
    /// `SYS-004`; the reader can be used again. A reader whose read was dropped halfway cannot.
    pub async fn read(
        &mut self,
        read: &TableRead,
        chunk: &Chunk,
        batch_bytes: usize,
        out: Sender<Batch>,
    ) -> Result<u64> {
        match &mut self.0 {
            Inner::Postgres(reader) => reader.read(read, chunk, batch_bytes, out).await,
            Inner::Mysql(reader) => reader.read(read, chunk, batch_bytes, out).await,
            Inner::Sqlite(reader) => reader.read(read, chunk, batch_bytes, out).await,
            Inner::Csv(reader) => reader.read(read, chunk, batch_bytes, out).await,
        }
    }
}

/// The rows of a chunk are no longer wanted.
pub(super) fn nobody_listens(read: &TableRead) -> EngineError {
    EngineError::new(ErrorCode::Sys004, format!("reading {}", read.table))
}

/// An earlier read on this reader was dropped before its end.
pub(super) fn interrupted(read: &TableRead) -> EngineError {
    EngineError::new(ErrorCode::Sys001, format!("reading {}", read.table))
        .because("an earlier read on this reader was interrupted")
}
