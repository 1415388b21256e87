//! One state of a source, seen by many readers.

use shared::error_code::ErrorCode;
use tokio::sync::mpsc::Sender;

use super::csv::CsvReader;
use super::mysql::MysqlReader;
use super::outlet::Outlet;
use super::postgres::PostgresReader;
use super::sqlite::SqliteReader;
use super::{
    Chunk, ChunkRange, Cut, Sameness, SourceState, TableRead, Ticket, csv, mysql, postgres, sqlite,
};
use crate::connect::Source;
use crate::error::{EngineError, Result};
use crate::value::Batch;

/// Readers that all see the source as it was at one instant.
#[derive(Debug)]
pub struct Snapshot {
    readers: Vec<Reader>,
    notes: Vec<String>,
    ticket: Ticket,
    hold: Hold,
}

/// Keeps a snapshot open for readers that join it later.
#[derive(Debug, Default)]
pub struct Hold {
    _exporter: Option<postgres::Exporter>,
}

impl Snapshot {
    pub async fn open(source: &Source, readers: usize) -> Result<Self> {
        let readers = readers.max(1);
        let mut notes = Vec::new();
        let mut hold = Hold::default();
        let mut exported = None;
        let state;
        let readers = match source {
            Source::Postgres(server) => {
                let opened = postgres::open(server, readers).await?;
                (state, exported) =
                    (SourceState::Transactions(opened.transactions), opened.exported);
                hold = Hold { _exporter: opened.exporter };
                opened.readers.into_iter().map(Inner::Postgres).map(Reader).collect()
            }
            Source::Mysql(server) => {
                let (opened, position) = mysql::open(server, readers, &mut notes).await?;
                state = position.map_or(SourceState::Unknown, SourceState::LogPosition);
                opened.into_iter().map(Inner::Mysql).map(Reader).collect()
            }
            Source::Sqlite(file) => {
                if file.is_immutable() {
                    notes.push(
                        "The SQLite file lies in a folder that cannot be written to. It is read \
                         on the assumption that nobody changes it meanwhile."
                            .to_owned(),
                    );
                }
                let (opened, seen) = sqlite::open(file, readers).await?;
                state = seen;
                opened.into_iter().map(Inner::Sqlite).map(Reader).collect()
            }
            Source::Csv(folder) => {
                for file in folder.files().iter().filter(|file| file.encoding_is_guessed) {
                    notes.push(format!(
                        "Nothing in {} says how it is encoded; it is read as {}.",
                        file.path.display(),
                        file.encoding.name()
                    ));
                }
                state = csv::state(folder)?;
                csv::open(folder, readers)?.into_iter().map(Inner::Csv).map(Reader).collect()
            }
        };
        Ok(Self { readers, notes, ticket: Ticket { state, exported }, hold })
    }

    /// What another connection needs to see the same state.
    pub const fn ticket(&self) -> &Ticket {
        &self.ticket
    }

    /// Whether a table is what it was in an earlier state of the source, in which it was cut so.
    pub async fn compare(
        &mut self,
        read: &TableRead,
        earlier: &SourceState,
        cuts: &[Chunk],
        cut: impl Into<Cut>,
    ) -> Result<Sameness> {
        if self.ticket.state.is_same(earlier) {
            return Ok(Sameness::Proved);
        }
        let counted: u64 = cuts.iter().map(|chunk| chunk.rows).sum();
        match earlier {
            SourceState::Files(files) => {
                let SourceState::Files(now) = &self.ticket.state else { return Ok(other_kind()) };
                // A database in one file has one entry, and a folder one for each table.
                let known = |files: &std::collections::BTreeMap<String, String>| {
                    files.get(&read.table.name).or_else(|| files.values().next()).cloned()
                };
                // What is looked up in another file is a part of the rows.
                let mut others =
                    read.columns.iter().filter_map(|c| c.lookup.as_ref()).map(|l| &l.table.name);
                let is_same = known(files) == known(now)
                    && files.len() == now.len()
                    && others.all(|name| files.get(name) == now.get(name));
                return Ok(if is_same {
                    Sameness::Proved
                } else {
                    Sameness::Changed("its file was written to".to_owned())
                });
            }
            SourceState::Transactions(snapshot) => {
                // Where rows lie by their place, the place may have changed and not the rows.
                let by_place =
                    cuts.iter().any(|chunk| matches!(chunk.range, ChunkRange::Pages { .. }));
                if let Some(Reader(Inner::Postgres(reader))) = self.readers.first_mut()
                    && !by_place
                    && let Some((rows, written)) = reader.written_since(read, snapshot).await?
                {
                    return Ok(match written {
                        0 if rows == counted => Sameness::Proved,
                        0 => Sameness::Changed(counts(counted, rows)),
                        _ => Sameness::Changed(format!("{written} of its rows were written")),
                    });
                }
            }
            SourceState::LogPosition(_) | SourceState::Unknown => {}
        }
        let again = self.plan_chunks(read, cut).await?;
        if again != cuts {
            let rows = again.iter().map(|chunk| chunk.rows).sum();
            return Ok(Sameness::Changed(counts(counted, rows)));
        }
        let why = match earlier {
            SourceState::Unknown => "the source does not tell whether it was written to",
            _ => "the source was written to somewhere",
        };
        Ok(Sameness::Unproved(format!("{why}; its keys and their number are the same")))
    }

    /// What limits the promise of one state; none when it holds without a limit.
    pub fn note(&self) -> Option<String> {
        (!self.notes.is_empty()).then(|| self.notes.join(" "))
    }

    /// Cuts a table into chunks, by the first reader.
    pub async fn plan_chunks(
        &mut self,
        read: &TableRead,
        cut: impl Into<Cut>,
    ) -> Result<Vec<Chunk>> {
        self.reader()?.plan_chunks(read, cut).await
    }

    /// One of the readers, for what is read before the copy.
    pub fn reader(&mut self) -> Result<&mut Reader> {
        self.readers.first_mut().ok_or_else(|| {
            EngineError::new(ErrorCode::Sys001, "reading ahead").because("no reader is open")
        })
    }

    /// All of them, for what is read side by side before the copy.
    pub fn readers(&mut self) -> &mut [Reader] {
        &mut self.readers
    }

    pub fn into_readers(self) -> Vec<Reader> {
        self.readers
    }

    /// The readers, and what has to live for as long as others may join them.
    pub fn into_parts(self) -> (Vec<Reader>, Hold) {
        (self.readers, self.hold)
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
    /// One more reader of a state that was opened elsewhere, or before a connection was lost.
    /// `LOAD-044` when that state is gone, or when nothing proves that it is the same.
    pub async fn join(source: &Source, ticket: &Ticket) -> Result<Self> {
        let gone = |why: &str| {
            EngineError::new(ErrorCode::Load044, format!("joining the snapshot of {source}"))
                .because(why.to_owned())
        };
        let (reader, state) = match source {
            Source::Postgres(server) => {
                let exported = ticket.exported.as_deref();
                let exported = exported.ok_or_else(|| gone("the server exported no snapshot"))?;
                return Ok(Self(Inner::Postgres(postgres::join(server, exported).await?)));
            }
            Source::Mysql(server) => {
                let (mut opened, position) = mysql::open(server, 1, &mut Vec::new()).await?;
                let state = position.map_or(SourceState::Unknown, SourceState::LogPosition);
                (opened.pop().map(Inner::Mysql), state)
            }
            Source::Sqlite(file) => {
                let (mut opened, state) = sqlite::open(file, 1).await?;
                (opened.pop().map(Inner::Sqlite), state)
            }
            Source::Csv(folder) => {
                (csv::open(folder, 1)?.pop().map(Inner::Csv), csv::state(folder)?)
            }
        };
        if !state.is_same(&ticket.state) {
            return Err(gone("nothing proves that the source is in the state of the run"));
        }
        reader.map(Self).ok_or_else(|| gone("no reader could be opened"))
    }

    /// Cuts a table into chunks of so many rows, or fewer where they are large. Every row is in
    /// exactly one of them, and `rows` is what the source itself counted. An empty table has no
    /// chunks.
    pub async fn plan_chunks(
        &mut self,
        read: &TableRead,
        cut: impl Into<Cut>,
    ) -> Result<Vec<Chunk>> {
        let cut = cut.into();
        match &mut self.0 {
            Inner::Postgres(reader) => reader.plan(read, cut).await,
            Inner::Mysql(reader) => reader.plan(read, cut).await,
            Inner::Sqlite(reader) => reader.plan(read, cut).await,
            Inner::Csv(reader) => reader.plan(read, cut).await,
        }
    }

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
        self.read_into(read, chunk, Outlet::new(out, batch_bytes)).await
    }

    /// The same into an outlet that may have to wait for room.
    pub async fn read_into(&mut self, read: &TableRead, chunk: &Chunk, out: Outlet) -> Result<u64> {
        match &mut self.0 {
            Inner::Postgres(reader) => reader.read(read, chunk, out).await,
            Inner::Mysql(reader) => reader.read(read, chunk, out).await,
            Inner::Sqlite(reader) => reader.read(read, chunk, out).await,
            Inner::Csv(reader) => reader.read(read, chunk, out).await,
        }
    }
}

fn counts(before: u64, now: u64) -> String {
    format!("it had {before} rows when the run began and has {now} now")
}

fn other_kind() -> Sameness {
    Sameness::Changed("it is a source of another kind".to_owned())
}

impl Reader {
    /// Asks the database about rows of a table instead of reading them. `question` is given what
    /// stands after `from`; answers come as texts. None from an engine that has to be read.
    pub async fn ask(
        &mut self,
        read: &TableRead,
        range: &ChunkRange,
        question: impl FnOnce(&str) -> String + Send,
    ) -> Result<Option<Answer>> {
        match &mut self.0 {
            Inner::Postgres(reader) => reader.ask(read, range, question).await.map(Some),
            Inner::Mysql(_) | Inner::Sqlite(_) | Inner::Csv(_) => Ok(None),
        }
    }
}

/// The rows of an answer, null cells as none.
pub type Answer = Vec<Vec<Option<String>>>;

/// The rows of a chunk are no longer wanted.
pub(super) fn nobody_listens(read: &TableRead) -> EngineError {
    EngineError::new(ErrorCode::Sys004, format!("reading {}", read.table))
}

/// An earlier read on this reader was dropped before its end.
pub(super) fn interrupted(read: &TableRead) -> EngineError {
    EngineError::new(ErrorCode::Sys001, format!("reading {}", read.table))
        .because("an earlier read on this reader was interrupted")
}
