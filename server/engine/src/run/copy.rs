//! One chunk: read, turn, write, and the ledger row, in one transaction.

use std::sync::Arc;
use std::time::Instant;

use shared::assessment::TableName;
use shared::error_code::ErrorCode;
use shared::plan::Options;
use shared::quarantine::QuarantineState;
use tokio::sync::mpsc;

use super::Stop;
use super::board::{Board, Wait};
use super::escalate::escalate;
use super::governor::Gate;
use super::share::{self, BATCHES_AHEAD};
use super::transaction::end;
use crate::clock::Clock;
use crate::error::{EngineError, Result};
use crate::extract::{Chunk, Outlet, Reader, TableRead};
use crate::load::claim::Claim;
use crate::load::deferred::Deferred;
use crate::load::existing::{self, Placed};
use crate::load::ledger::{self, Entry, Origin, Quarantined, RowForm, SignedBooks};
use crate::load::mark::{self, Keys, TableRecord, Writer};
use crate::load::{LoadTable, Piece, Session};
use crate::seal::{self, Key};
use crate::transform::{BadValue, RowTransform, Verdict};
use crate::value::{self, Batch, Room, Row, Value};

/// What every worker of a run needs.
pub(super) struct Context {
    pub run_id: String,
    /// The right to commit, as long as no other process has taken the run.
    pub claim: Claim,
    pub options: Options,
    pub key: Key,
    pub clock: Arc<dyn Clock>,
    pub stop: Stop,
    pub board: Arc<Board>,
    /// How many chunks are copied at once, and how much is held of each.
    pub gate: Arc<Gate>,
    /// For all rows that are held at once.
    pub room: Room,
}

/// A chunk that is to be copied.
pub(super) struct Job {
    pub table: Arc<TableCopy>,
    pub chunk: Chunk,
}

/// What is read of one table, how it is turned, and where it goes.
pub(super) struct TableCopy {
    /// The table's place in the plan.
    pub index: usize,
    pub source: TableName,
    pub read: TableRead,
    pub turn: RowTransform,
    pub load: LoadTable,
    pub record: TableRecord,
    /// What is put in when all rows are there.
    pub deferred: Deferred,
    /// Rows go from one PostgreSQL into the other as they are, undecoded.
    pub passes_on: bool,
}

impl Job {
    fn writer<'a>(&self, run_id: &'a str) -> Writer<'a> {
        Writer {
            run_id,
            table_index: self.table.record.table_index,
            ordinal: i32::try_from(self.chunk.ordinal).unwrap_or(i32::MAX),
        }
    }
}

/// On which side a chunk failed, and why. What it had written is rolled back, or is when its
/// session ends.
#[derive(Debug)]
pub(super) enum Fault {
    Source(EngineError),
    Target(EngineError),
}

impl Fault {
    pub(super) fn into_error(self) -> EngineError {
        match self {
            Self::Source(error) | Self::Target(error) => error,
        }
    }

    pub(super) const fn error(&self) -> &EngineError {
        match self {
            Self::Source(error) | Self::Target(error) => error,
        }
    }
}

impl Context {
    /// Copies a chunk. The reader stays where it can be used for the next one.
    pub(super) async fn copy_chunk<S: Session>(
        &self,
        session: &mut S,
        reader: &mut Option<Reader>,
        job: &Job,
    ) -> Result<Entry, Fault> {
        let began = Instant::now();
        let lost = || EngineError::new(ErrorCode::Conn005, format!("reading {}", job.table.source));
        let mut lent = reader.take().ok_or_else(|| Fault::Source(lost()))?;
        session.run_script("begin").await.map_err(Fault::Target)?;
        let (send, receive) = mpsc::channel(BATCHES_AHEAD);
        let reading = tokio::spawn({
            let (table, chunk) = (Arc::clone(&job.table), job.chunk.clone());
            let out = Outlet::new(send, self.gate.batch_bytes()).within(self.room.clone());
            async move {
                let read = lent.read_into(&table.read, &chunk, out).await;
                (lent, read)
            }
        });
        let abort = reading.abort_handle();
        let copied = async {
            let written = match mark::begin(session, &self.run_id, &job.table.record).await {
                Ok(()) => self.write(session, receive, job).await,
                Err(error) => {
                    drop(receive);
                    Err(error)
                }
            };
            let (lent, read) = reading.await.map_err(|error| {
                let doing = format!("reading {}", job.table.source);
                Fault::Source(EngineError::new(ErrorCode::Sys001, doing).because(error))
            })?;
            // A reader that only says that nobody took its rows is as good as before.
            if read.as_ref().map_or_else(EngineError::code, |_| ErrorCode::Sys004)
                == ErrorCode::Sys004
            {
                *reader = Some(lent);
            }
            // When both sides failed, the reader only says that nobody took its rows.
            let accounted = match (written, read) {
                (Err(error), _) => Err(Fault::Target(error)),
                (Ok(_), Err(error)) => Err(Fault::Source(error)),
                (Ok(written), Ok(read)) => {
                    self.account(session, job, read, written, began).await.map_err(Fault::Target)
                }
            };
            match accounted {
                Ok(entry) => end(session, Ok(entry)).await.map_err(Fault::Target),
                Err(fault) => {
                    // The fault is what matters; a lost connection has rolled back by itself.
                    let _ = session.run_script("rollback").await;
                    Err(fault)
                }
            }
        };
        let entry = tokio::select! {
            copied = copied => copied?,
            () = self.stop.requested_at_once() => {
                // Whoever has the session ends it, and with it the transaction.
                abort.abort();
                return Err(Fault::Target(stopped(job)));
            }
        };
        tracing::debug!(run.id = %self.run_id, table.name = %job.table.load.name,
            chunk = job.chunk.ordinal, row_count = entry.books.read, "copied a chunk");
        Ok(entry)
    }

    /// Takes batches until there are no more, and writes what can be written of them.
    async fn write<S: Session>(
        &self,
        session: &mut S,
        mut batches: mpsc::Receiver<Batch>,
        job: &Job,
    ) -> Result<Written> {
        let table = &job.table;
        let record = &table.record;
        // Rows of a table that the run makes meet none that were there.
        let is_placed = record.existing.compares() || !table.deferred.columns.is_empty();
        let existing = (is_placed && !record.made).then(|| existing::Into {
            table: &table.load,
            record,
            writer: job.writer(&self.run_id),
            key: &self.key,
            deferred: &table.deferred,
        });
        let staged = existing.as_ref().map(|_| existing::staged(record, &table.load));
        let form = staged.as_ref().unwrap_or(&table.load);
        let mut piece = session.piece(form);
        let mut written = Written::default();
        let columns = table.load.columns.iter().map(|column| column.name.as_str());
        let mut keys = Keys::of(session.engine(), &self.key, &table.record, columns);
        // For every row of the piece, its place in the batch.
        let mut places = Vec::new();
        let mut bad = Vec::new();
        while let Some(mut batch) = self.board.waiting(Wait::Source, batches.recv()).await {
            piece.clear();
            let passes_on =
                table.passes_on && batch.as_packed_mut().is_some_and(|rows| piece.swap(rows));
            if !passes_on {
                batch = batch.unpacked();
                let numbered = existing.is_some();
                bad = self.fill(table, &batch, numbered, &mut piece, &mut keys, &mut places)?;
                written.books.filtered += count(batch.rows() - places.len() - bad.len());
            }
            written.bytes += piece.bytes() as u64;
            if piece.rows() > 0 {
                let outcome = if let Some(existing) = &existing {
                    let writing = existing.write(session, &piece, &mut keys);
                    self.board.waiting(Wait::Target, writing).await?
                } else {
                    let writing = session.write(&table.load, &piece);
                    let refused = self.board.waiting(Wait::Target, writing).await?;
                    if let Some(keys) = &mut keys {
                        keys.settle(refused.iter().map(|refused| refused.index));
                    }
                    let loaded = piece.rows() - refused.len();
                    Placed { loaded, merged: 0, refused }
                };
                written.books.loaded += count(outcome.loaded);
                written.books.merged += count(outcome.merged);
                if passes_on && let Some(rows) = batch.as_packed_mut() {
                    // Those that were refused are looked for where they came in.
                    piece.swap(rows);
                }
                for refused in outcome.refused {
                    let place = if passes_on { refused.index } else { places[refused.index] };
                    let row = batch.row(place);
                    let fault = BadValue {
                        code: refused.code,
                        column: refused.column.unwrap_or_default(),
                        reason: refused.reason,
                    };
                    bad.push(self.quarantine(table, &row, fault)?);
                }
            }
            if piece.bytes() > share::USUAL * self.gate.batch_bytes() {
                // It would keep the memory of its largest rows.
                piece = session.piece(form);
            }
            if !bad.is_empty() {
                written.books.quarantined += count(bad.len());
                let origin = Origin {
                    run_id: &self.run_id,
                    table_index: u32::try_from(table.index).unwrap_or(u32::MAX),
                    ordinal: i32::try_from(job.chunk.ordinal).unwrap_or(i32::MAX),
                    source: &table.source,
                    target: &table.load.name,
                };
                ledger::insert_quarantined(session, origin, &bad, self.clock.now()).await?;
                bad.clear();
            }
        }
        if let Some(mut keys) = keys {
            keys.keep(session, job.writer(&self.run_id)).await?;
        }
        Ok(written)
    }

    /// Turns the rows of a batch and puts those in a piece that are to be loaded. Gives the bad ones.
    fn fill<P: Piece>(
        &self,
        table: &TableCopy,
        batch: &Batch,
        numbered: bool,
        piece: &mut P,
        keys: &mut Option<Keys>,
        places: &mut Vec<usize>,
    ) -> Result<Vec<Quarantined>> {
        places.clear();
        let mut bad = Vec::new();
        let mut values = Vec::with_capacity(table.load.columns.len() + 1);
        for (place, row) in batch.iter().enumerate() {
            match table.turn.apply(&row, &mut values) {
                Ok(Verdict::Filtered) => {}
                Ok(Verdict::Load) => {
                    match keys {
                        _ if numbered => {
                            let number = i64::try_from(piece.rows()).unwrap_or(i64::MAX);
                            values.push(Value::Int(number));
                        }
                        Some(keys) => keys.push(&values),
                        None => {}
                    }
                    if piece.push(&values).is_ok() {
                        places.push(place);
                    } else {
                        if let Some(keys) = keys {
                            keys.pop();
                        }
                        bad.push(self.quarantine(table, &row, misfit())?);
                    }
                }
                Err(fault) => bad.push(self.quarantine(table, &row, fault)?),
            }
        }
        Ok(bad)
    }

    /// Writes the chunk's ledger row, if what was read is what the source had counted.
    async fn account<S: Session>(
        &self,
        session: &mut S,
        job: &Job,
        read: u64,
        written: Written,
        began: Instant,
    ) -> Result<Entry> {
        let mut books = written.books;
        books.read = i64::try_from(read).unwrap_or(i64::MAX);
        let accounted = books.loaded + books.merged + books.filtered + books.quarantined;
        if read != job.chunk.rows || accounted != books.read {
            return Err(EngineError::new(
                ErrorCode::Load008,
                format!(
                    "reading chunk {} of {}: {} rows were counted, {read} came, {accounted} are accounted for",
                    job.chunk.ordinal, job.table.source, job.chunk.rows
                ),
            ));
        }
        let entry = Entry {
            table_index: u32::try_from(job.table.index).unwrap_or(u32::MAX),
            ordinal: i32::try_from(job.chunk.ordinal).unwrap_or(i32::MAX),
            books,
            bytes: written.bytes,
            seconds: began.elapsed().as_secs_f64(),
        };
        let writer = job.writer(&self.run_id);
        mark::keep(session, &self.key, writer, &job.table.record).await?;
        self.claim.hold(session).await?;
        ledger::insert_entry(session, &self.run_id, &entry, self.clock.now()).await.map_err(
            |error| match error.code() {
                // It is committed already: by us, if the answer was lost, or by somebody else.
                ErrorCode::Data009 => {
                    let doing = format!("committing a chunk of {}", job.table.source);
                    EngineError::new(ErrorCode::Load041, doing).because(error)
                }
                _ => error,
            },
        )?;
        Ok(entry)
    }

    /// Seals a row of the source as it was read.
    fn quarantine(&self, table: &TableCopy, row: &Row<'_>, fault: BadValue) -> Result<Quarantined> {
        let cells = table
            .read
            .columns
            .iter()
            .enumerate()
            .map(|(column, read)| (read.name.as_str(), row.value(column)));
        Ok(Quarantined {
            id: self.clock.fresh_id().simple().to_string(),
            code: fault.code,
            column: (!fault.column.is_empty()).then_some(fault.column),
            reason: fault.reason,
            state: QuarantineState::New,
            form: RowForm::Source,
            sealed: seal::seal(&self.key, &value::to_sealed_form(cells))?,
        })
    }

    /// Stops the run when more rows are bad than the plan allows.
    pub(super) fn escalate(&self, job: &Job) -> Result<()> {
        escalate(&self.options.escalation, &self.board, job.table.index, &job.table.source)
    }
}

/// The chunk is given up because somebody asked for that.
pub(super) fn stopped(job: &Job) -> EngineError {
    EngineError::new(ErrorCode::Sys004, format!("copying {}", job.table.source))
}

/// What became of the rows of a chunk so far.
#[derive(Default)]
struct Written {
    books: SignedBooks,
    bytes: u64,
}

/// A value that passed its rules and still has no form in the target.
fn misfit() -> BadValue {
    BadValue {
        code: ErrorCode::Data001,
        column: String::new(),
        reason: "a value is not of its column's type".to_owned(),
    }
}

fn count(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}
