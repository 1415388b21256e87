//! The rows that a table should have, by the source and the plan's own rules, and those that it
//! has.

use shared::connection::Engine;
use shared::data_type::DataType;
use shared::error_code::ErrorCode;
use tokio::sync::mpsc;

use super::absent::Absent;
use super::canonical::{RowText, postgres_hash, postgres_own_hash};
use super::kept::Kept;
use super::merged::Fate;
use super::sums::{Buckets, Sum};
use super::table::{Comparison, Part};
use crate::error::{EngineError, Result};
use crate::extract::{Answer, Chunk, ChunkRange, Reader, TableRead};
use crate::ident;
use crate::transform::{Slot, Verdict, cast};
use crate::value::{Batch, Row, Value};

/// How many batches wait between reading and comparing.
const BATCHES_AHEAD: usize = 2;
pub(super) const BATCH_BYTES: usize = 1 << 20;

/// What a server makes of a row, to tell it from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hash {
    /// What this process makes of it too.
    OfText,
    /// What only servers of PostgreSQL make of it, and sooner.
    TheirOwn,
}

impl Hash {
    fn of<'a>(self, columns: impl IntoIterator<Item = (&'a str, &'a DataType)>) -> String {
        match self {
            Self::OfText => postgres_hash(columns),
            Self::TheirOwn => postgres_own_hash(columns),
        }
    }
}

/// A row that the target should have.
pub(super) enum Expected<'r> {
    Row(&'r RowText),
    /// The rules cannot turn it, and it lies in no quarantine: it is nowhere.
    Lost(&'r RowText),
}

/// What became of the rows of a part of the source.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) read: u64,
    /// Rows that have to be in the target.
    pub(super) expected: u64,
    /// Rows that have to be somewhere and are nowhere.
    pub(super) lost: u64,
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.read += other.read;
        self.expected += other.expected;
        self.lost += other.lost;
    }
}

/// What became of rows otherwise than the plan's rules say.
#[derive(Debug, Clone, Default)]
pub(super) struct Exceptions {
    pub(super) absent: Absent,
    /// For each reference without which rows may stay, those that did.
    pub(super) kept: Vec<Kept>,
}

/// Reads a chunk of the source and turns its rows with the rules that also load them.
pub(super) async fn expected(
    reader: &mut Reader,
    comparison: &Comparison,
    part: &Part,
    chunk: &Chunk,
    exceptions: &mut Exceptions,
    mut each: impl FnMut(Expected<'_>) -> Result<()>,
) -> Result<Tally> {
    let (send, mut receive) = mpsc::channel(BATCHES_AHEAD);
    let reading = reader.read(&part.read, chunk, BATCH_BYTES, send);
    let taking = async move {
        let mut tally = Tally::default();
        let mut text = RowText::default();
        while let Some(batch) = receive.recv().await {
            take_expected(&batch, comparison, part, exceptions, &mut text, &mut tally, &mut each)?;
        }
        Ok(tally)
    };
    both(tokio::join!(reading, taking))
}

fn take_expected(
    batch: &Batch,
    comparison: &Comparison,
    part: &Part,
    exceptions: &mut Exceptions,
    text: &mut RowText,
    tally: &mut Tally,
    each: &mut impl FnMut(Expected<'_>) -> Result<()>,
) -> Result<()> {
    let mut values = Vec::with_capacity(part.places.len());
    for row in batch.iter() {
        tally.read += 1;
        let turned = part.turn.apply(&row, &mut values);
        if turned == Ok(Verdict::Filtered) {
            continue;
        }
        let absent = &mut exceptions.absent;
        if !absent.is_empty() && absent.takes_source(source_text(part, &row, text).hash()) {
            continue;
        }
        if turned.is_err() {
            tally.lost += 1;
            each(Expected::Lost(key_text(part, &row, text)))?;
            continue;
        }
        write_target(comparison, part, &values, text);
        if absent.has_identities() && absent.takes_target(identity_hash(comparison, text)) {
            continue;
        }
        for (reference, kept) in part.kept.iter().zip(&mut exceptions.kept) {
            if kept.takes_out(reference, comparison, part, text, &mut values) {
                write_target(comparison, part, &values, text);
            }
        }
        if !comparison.merged.is_empty() && comparison.merged.lead(comparison, text) == Fate::Gone {
            continue;
        }
        tally.expected += 1;
        each(Expected::Row(text))?;
    }
    Ok(())
}

pub(super) fn write_target(
    comparison: &Comparison,
    part: &Part,
    values: &[Value<'_>],
    text: &mut RowText,
) {
    let fields = part.places.iter().zip(&comparison.columns);
    text.write(
        comparison.engine,
        fields.map(|(place, column)| (&values[*place], &column.data_type)),
    );
}

/// Reads rows of the target.
pub(super) async fn actual(
    reader: &mut Reader,
    comparison: &Comparison,
    read: &TableRead,
    range: &ChunkRange,
    mut each: impl FnMut(&RowText) -> Result<()>,
) -> Result<u64> {
    let (send, mut receive) = mpsc::channel(BATCHES_AHEAD);
    let chunk = Chunk { ordinal: 0, range: range.clone(), rows: 0 };
    let reading = reader.read(read, &chunk, BATCH_BYTES, send);
    let taking = async move {
        let mut rows = 0;
        let mut text = RowText::default();
        while let Some(batch) = receive.recv().await {
            for row in batch.iter() {
                actual_text(comparison, &row, &mut text);
                each(&text)?;
                rows += 1;
            }
        }
        Ok(rows)
    };
    both(tokio::join!(reading, taking))
}

fn actual_text(comparison: &Comparison, row: &Row<'_>, text: &mut RowText) {
    let values: Vec<Value<'_>> = comparison
        .columns
        .iter()
        .enumerate()
        .map(|(place, column)| {
            let value = row.value(place);
            if comparison.engine == Engine::Postgres {
                return value;
            }
            // SQLite has the value as it stored it; as what it is compared is the plan's to say.
            let slot =
                Slot { data_type: &column.data_type, labels: None, engine: comparison.engine };
            cast(value.clone(), slot).unwrap_or(value)
        })
        .collect();
    let types = comparison.columns.iter().map(|column| &column.data_type);
    text.write(comparison.engine, values.iter().zip(types));
}

/// The sum of the rows that a chunk should give, computed by the source's own server.
pub(super) async fn expected_sum(
    reader: &mut Reader,
    comparison: &Comparison,
    part: &Part,
    range: &ChunkRange,
    by: Hash,
) -> Result<Option<(Tally, Sum)>> {
    let hash = source_hash(comparison, part, by);
    let passes =
        part.read.filter.as_ref().map(|filter| format!(" filter (where ({filter}\n) is true)"));
    let passes = passes.unwrap_or_default();
    let answer = reader
        .ask(&part.read, range, |rows| {
            format!(
                "select count(*)::text, count(*){passes}::text, \
                 coalesce(sum({hash}){passes}, 0)::text from {rows}"
            )
        })
        .await?;
    let Some(answer) = answer else { return Ok(None) };
    let numbers = numbers(&answer, 3)?;
    let [read, expected, total] = numbers[0][..] else { return Err(unreadable()) };
    let tally = Tally { read: count(read)?, expected: count(expected)?, lost: 0 };
    Ok(Some((tally, Sum { rows: tally.expected, total })))
}

/// The sum of the rows that a range of the target has, computed by its own server.
pub(super) async fn actual_sum(
    reader: &mut Reader,
    comparison: &Comparison,
    range: &ChunkRange,
    by: Hash,
) -> Result<Option<Sum>> {
    let hash = target_hash(comparison, by);
    let answer = reader
        .ask(&comparison.actual, range, |rows| {
            format!("select count(*)::text, coalesce(sum({hash}), 0)::text from {rows}")
        })
        .await?;
    let Some(answer) = answer else { return Ok(None) };
    let numbers = numbers(&answer, 2)?;
    let [rows, total] = numbers[0][..] else { return Err(unreadable()) };
    Ok(Some(Sum { rows: count(rows)?, total }))
}

/// Like [`expected_sum`], by bucket and for the whole table.
pub(super) async fn expected_buckets(
    reader: &mut Reader,
    comparison: &Comparison,
    part: &Part,
    buckets: &mut Buckets,
) -> Result<Option<Tally>> {
    let hash = source_hash(comparison, part, Hash::OfText);
    let hash = match &part.read.filter {
        Some(filter) => format!("case when ({filter}\n) is true then {hash} end"),
        None => hash,
    };
    let question = by_bucket(hash, buckets.len());
    let answer = reader.ask(&part.read, &ChunkRange::Whole, question).await?;
    let Some(answer) = answer else { return Ok(None) };
    let (mut tally, before) = (Tally::default(), buckets.rows());
    tally.read = add_buckets(&answer, buckets)?;
    tally.expected = buckets.rows() - before;
    Ok(Some(tally))
}

/// Like [`actual_sum`], by bucket and for the whole table.
pub(super) async fn actual_buckets(
    reader: &mut Reader,
    comparison: &Comparison,
    buckets: &mut Buckets,
) -> Result<bool> {
    let question = by_bucket(target_hash(comparison, Hash::OfText), buckets.len());
    let answer = reader.ask(&comparison.actual, &ChunkRange::Whole, question).await?;
    let Some(answer) = answer else { return Ok(false) };
    add_buckets(&answer, buckets)?;
    Ok(true)
}

/// What to read of the target to have the rows of some buckets, and no others where its server
/// can tell.
pub(super) fn read_of_buckets(
    comparison: &Comparison,
    buckets: &Buckets,
    wanted: &[usize],
    computes: bool,
) -> TableRead {
    let mut read = comparison.actual.clone();
    if computes && wanted.len() < buckets.len() {
        let list = wanted.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        let table = ident::quote_table(Engine::Postgres, &comparison.target);
        read.query = Some(format!(
            "select * from {table} where ({} & {}) in ({list})",
            target_hash(comparison, Hash::OfText),
            buckets.len() - 1
        ));
    }
    read
}

/// The hash of what tells a row apart.
pub(super) fn identity_hash(comparison: &Comparison, text: &RowText) -> u64 {
    let mut bytes = Vec::new();
    identity_bytes(comparison, text, &mut bytes);
    super::hash::hash(&bytes, 1)
}

/// The fields that tell a row apart, as one text.
pub(super) fn identity_bytes(comparison: &Comparison, text: &RowText, out: &mut Vec<u8>) {
    for (number, place) in comparison.identity.iter().enumerate() {
        if number > 0 {
            out.push(b'|');
        }
        out.extend_from_slice(text.field(*place));
    }
}

/// A row of the source as it was read.
pub(super) fn source_text<'t>(part: &Part, row: &Row<'_>, text: &'t mut RowText) -> &'t RowText {
    let columns = &part.read.columns[..part.sealed_columns];
    write_source(columns.iter().enumerate(), row, text);
    text
}

/// The key of a row of the source; without a key, the row.
fn key_text<'t>(part: &Part, row: &Row<'_>, text: &'t mut RowText) -> &'t RowText {
    if part.read.key.is_empty() {
        return source_text(part, row, text);
    }
    let columns = part.read.columns.iter().enumerate();
    write_source(columns.filter(|(_, column)| part.read.key.contains(&column.name)), row, text);
    text
}

fn write_source<'c>(
    columns: impl Iterator<Item = (usize, &'c crate::extract::ReadColumn)>,
    row: &Row<'_>,
    text: &mut RowText,
) {
    let cells: Vec<_> =
        columns.map(|(place, column)| (row.value(place), &column.data_type)).collect();
    text.write(Engine::Sqlite, cells.iter().map(|(value, data_type)| (value, *data_type)));
}

fn source_hash(comparison: &Comparison, part: &Part, by: Hash) -> String {
    let names = part.places.iter().filter_map(|place| part.copied(*place));
    by.of(names.zip(comparison.columns.iter().map(|column| &column.data_type)))
}

fn target_hash(comparison: &Comparison, by: Hash) -> String {
    by.of(comparison.columns.iter().map(|column| (column.name.as_str(), &column.data_type)))
}

fn by_bucket(hash: String, buckets: usize) -> impl FnOnce(&str) -> String + Send {
    move |rows| {
        // Without the limit, the hash would be computed once for each place that it is used in.
        format!(
            "select (h & {mask})::text, count(*)::text, sum(h)::text \
             from (select {hash} as h from {rows} offset 0) as hashes group by h & {mask}",
            mask = buckets - 1
        )
    }
}

/// Adds an answer to the buckets, and says how many rows there were, those without a hash too.
fn add_buckets(answer: &Answer, buckets: &mut Buckets) -> Result<u64> {
    let mut read = 0;
    for row in answer {
        let [bucket, rows, total] = row.as_slice() else { return Err(unreadable()) };
        let rows = rows.as_deref().and_then(|text| text.parse().ok()).ok_or_else(unreadable)?;
        read += rows;
        if let (Some(bucket), Some(total)) = (bucket, total) {
            let bucket = bucket.parse().map_err(|_| unreadable())?;
            let total = total.parse().map_err(|_| unreadable())?;
            buckets.add_sum(bucket, Sum { rows, total });
        }
    }
    Ok(read)
}

fn numbers(answer: &Answer, columns: usize) -> Result<Vec<Vec<i128>>> {
    let rows: Option<Vec<Vec<i128>>> = answer
        .iter()
        .map(|row| row.iter().map(|cell| cell.as_deref()?.parse().ok()).collect())
        .collect();
    rows.filter(|rows| rows.len() == 1 && rows[0].len() == columns).ok_or_else(unreadable)
}

fn count(number: i128) -> Result<u64> {
    u64::try_from(number).map_err(|_| unreadable())
}

fn unreadable() -> EngineError {
    EngineError::new(ErrorCode::Sys001, "reading what a database computed")
}

/// When both failed, the reader only says that nobody took its rows.
pub(super) fn both<T>((read, taken): (Result<u64>, Result<T>)) -> Result<T> {
    let taken = taken?;
    read.map(|_| taken)
}
