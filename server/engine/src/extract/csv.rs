//! Reads files: a chunk is a range of bytes from the start of a record to the end of one.

mod lookup;

use std::borrow::Cow;
use std::sync::Arc;

use shared::error_code::ErrorCode;
use tokio::task::spawn_blocking;

use self::lookup::{Lookups, Values};
use super::outlet::Outlet;
use super::snapshot::nobody_listens;
use super::{Chunk, ChunkRange, Cut, Form, SourceState, TableRead, state};
use crate::connect::csv::{CsvFile, CsvFolder, Record, decode, unreadable};
use crate::error::{EngineError, Result};
use crate::value::{Batch, Flaw, Row, Value};

/// Whether a row stands for a line with more or fewer fields than the header. Its first cell then
/// has the whole line, and all others are null. No other row of a file has such a first cell.
pub fn is_ragged(row: &Row<'_>) -> bool {
    !row.is_empty() && matches!(row.value(0), Value::Invalid(Flaw::Malformed, _))
}

/// Files need no connection: a snapshot of them is that they stay as they are.
#[derive(Debug, Clone)]
pub(super) struct CsvReader {
    folder: CsvFolder,
    lookups: Lookups,
}

/// Where a column's values come from.
enum Place {
    /// A field of the record.
    Field(usize),
    /// What another file has for a field.
    LookedUp { by: usize, values: Arc<Values> },
}

/// Size and time of every file, by its table.
pub(super) fn state(folder: &CsvFolder) -> Result<SourceState> {
    let files = folder.files().iter().map(|file| {
        let seen = state::file(&file.path).map_err(|error| unreadable(&file.path, error))?;
        Ok((file.table.clone(), seen))
    });
    files.collect::<Result<_>>().map(SourceState::Files)
}

pub(super) fn open(folder: &CsvFolder, readers: usize) -> Result<Vec<CsvReader>> {
    for file in folder.files() {
        file.check_unchanged()?;
    }
    Ok(vec![CsvReader { folder: folder.clone(), lookups: Lookups::default() }; readers])
}

impl CsvReader {
    pub(super) async fn plan(&self, read: &TableRead, cut: Cut) -> Result<Vec<Chunk>> {
        refuse_statements(read)?;
        let file = self.folder.file(&read.table)?.clone();
        let (reader, read) = (self.clone(), read.clone());
        blocking(move || {
            // What cannot be looked up is said before any row is written.
            reader.places(&read, &file)?;
            plan(&file, cut)
        })
        .await
    }

    pub(super) async fn read(&self, read: &TableRead, chunk: &Chunk, out: Outlet) -> Result<u64> {
        refuse_statements(read)?;
        let file = self.folder.file(&read.table)?.clone();
        let (reader, read, range) = (self.clone(), read.clone(), chunk.range.clone());
        blocking(move || {
            let places = reader.places(&read, &file)?;
            read_range(&read, &file, &places, &range, &out)
        })
        .await
    }

    /// Where each column of the read comes from.
    fn places(&self, read: &TableRead, file: &CsvFile) -> Result<Vec<Place>> {
        let field = |name: &String| {
            file.columns.iter().position(|column| column == name).ok_or_else(|| {
                EngineError::new(ErrorCode::Map002, format!("reading {}", read.table))
                    .because(format!("its header has no column `{name}`"))
            })
        };
        read.columns
            .iter()
            .map(|column| match &column.lookup {
                None => field(&column.name).map(Place::Field),
                Some(lookup) => {
                    let values = self.lookups.values(&self.folder, lookup)?;
                    Ok(Place::LookedUp { by: field(&lookup.by)?, values })
                }
            })
            .collect()
    }
}

fn plan(file: &CsvFile, cut: Cut) -> Result<Vec<Chunk>> {
    let failed = |error| unreadable(&file.path, error);
    let mut records = file.records(file.rows_from, u64::MAX).map_err(failed)?;
    let mut chunks = Vec::new();
    let (mut from, mut rows, mut ordinal) = (file.rows_from, 0, 0);
    let mut end = from;
    while let Some(record) = records.next().map_err(failed)? {
        end = record.end;
        rows += 1;
        if rows == cut.rows || end - from >= cut.bytes {
            chunks.push(Chunk { ordinal, range: ChunkRange::Bytes { from, to: end }, rows });
            (from, rows, ordinal) = (end, 0, ordinal + 1);
        }
    }
    if rows > 0 {
        chunks.push(Chunk { ordinal, range: ChunkRange::Bytes { from, to: end }, rows });
    }
    file.check_unchanged()?;
    Ok(chunks)
}

fn read_range(
    read: &TableRead,
    file: &CsvFile,
    columns: &[Place],
    range: &ChunkRange,
    out: &Outlet,
) -> Result<u64> {
    let failed = |error| unreadable(&file.path, error);
    let (from, to) = match range {
        ChunkRange::Bytes { from, to } => (*from, *to),
        ChunkRange::Whole | ChunkRange::Keys { .. } | ChunkRange::Pages { .. } => {
            (file.rows_from, u64::MAX)
        }
    };
    let mut records = file.records(from, to).map_err(failed)?;
    let mut batch = Batch::new(columns.len());
    out.open_blocking(&mut batch, 0);
    let mut rows = 0;
    while let Some(record) = records.next().map_err(failed)? {
        push_record(file, columns, record, &mut batch);
        rows += 1;
        if out.is_full(&batch) {
            batch = out.pass_blocking(batch).ok_or_else(|| nobody_listens(read))?;
        }
    }
    // Before the last batch goes out: what was read of a file that changed is not to be kept.
    file.check_unchanged()?;
    if out.finish_blocking(batch) { Ok(rows) } else { Err(nobody_listens(read)) }
}

fn push_record(file: &CsvFile, columns: &[Place], record: Record<'_>, batch: &mut Batch) {
    if record.len() != file.columns.len() || record.is_broken {
        batch.push(&Value::Invalid(Flaw::Malformed, Cow::Borrowed(record.raw)));
        for _ in 1..columns.len() {
            batch.push(&Value::Null);
        }
        return;
    }
    for column in columns {
        batch.push(&match column {
            Place::Field(place) => cell(file, record.field(*place)),
            Place::LookedUp { by, values } => decode(file.encoding, record.field(*by))
                .and_then(|key| values.get(key.as_ref()))
                .map_or(Value::Null, |value| Value::Text(Cow::Borrowed(value))),
        });
    }
}

fn cell<'a>(file: &CsvFile, field: &'a [u8]) -> Value<'a> {
    if field.is_empty() {
        return Value::Null;
    }
    match decode(file.encoding, field) {
        Some(text) => Value::Text(text),
        None => Value::Invalid(Flaw::NotText, Cow::Borrowed(field)),
    }
}

fn refuse_statements(read: &TableRead) -> Result<()> {
    let refuse = |why: &'static str| {
        Err(EngineError::new(ErrorCode::Map006, format!("reading {}", read.table)).because(why))
    };
    if read.query.is_some() {
        return refuse("a file cannot answer a query");
    }
    if read.filter.is_some() {
        return refuse("a file cannot evaluate a filter in SQL");
    }
    if read.columns.iter().any(|column| column.form == Form::Raw) {
        return refuse("a file has no values in PostgreSQL's binary form");
    }
    Ok(())
}

async fn blocking<T: Send + 'static>(
    act: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    spawn_blocking(act)
        .await
        .map_err(|error| EngineError::new(ErrorCode::Sys001, "reading a file").because(error))?
}
