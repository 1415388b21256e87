//! A typed cell, and many of them in a batch without an allocation each.

mod display;
mod hex;
mod packed;
mod room;
mod sealed_form;

use std::borrow::Cow;

pub use display::display;
pub(crate) use hex::from_hex;
pub use packed::Packed;
pub use room::{Held, Room};
pub use sealed_form::{from_sealed_form, sealed_value, to_sealed_form};

/// One value on its way. Dates and times count as PostgreSQL counts them, from 2000-01-01.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    Null,
    Bool(bool),
    Int(i64),
    /// Beyond what `Int` holds.
    Uint(u64),
    Float32(f32),
    Float(f64),
    /// An exact decimal in plain notation: `-12.340`, or `NaN`, `Infinity`, `-Infinity`.
    Decimal(Cow<'a, str>),
    Text(Cow<'a, str>),
    Bytes(Cow<'a, [u8]>),
    /// Days since 2000-01-01.
    Date(i32),
    /// Microseconds since midnight.
    Time(i64),
    /// Microseconds since midnight, and seconds west of Greenwich.
    TimeTz(i64, i32),
    /// Microseconds since 2000-01-01 00:00:00, in no zone.
    Timestamp(i64),
    /// Microseconds since 2000-01-01 00:00:00 UTC.
    TimestampTz(i64),
    Interval {
        months: i32,
        days: i32,
        microseconds: i64,
    },
    Uuid([u8; 16]),
    /// A document whose text has been found to be JSON.
    Json(Cow<'a, str>),
    /// Bits, the first one highest in the first byte.
    Bits {
        length: u32,
        bytes: Cow<'a, [u8]>,
    },
    /// A value in PostgreSQL's binary form of the very type that its column has.
    Raw(Cow<'a, [u8]>),
    /// What the source holds in place of a value of its type: a date of zeros, a text in no
    /// character set, a word in a number's column. Its bytes are kept, for rules and quarantine.
    Invalid(Flaw, Cow<'a, [u8]>),
}

/// Why a source's value is not one of its column's type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Flaw {
    /// 0000-00-00, or a zero month or day.
    ZeroDate,
    /// Bytes that are no text in the declared character set.
    NotText,
    /// A date or time outside what the target's calendar has.
    OutOfRange,
    /// Anything else: `malformed`.
    Malformed,
}

impl Value<'_> {
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The same value, independent of where it was read from.
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(value),
            Self::Int(value) => Value::Int(value),
            Self::Uint(value) => Value::Uint(value),
            Self::Float32(value) => Value::Float32(value),
            Self::Float(value) => Value::Float(value),
            Self::Decimal(text) => Value::Decimal(Cow::Owned(text.into_owned())),
            Self::Text(text) => Value::Text(Cow::Owned(text.into_owned())),
            Self::Bytes(bytes) => Value::Bytes(Cow::Owned(bytes.into_owned())),
            Self::Date(days) => Value::Date(days),
            Self::Time(microseconds) => Value::Time(microseconds),
            Self::TimeTz(microseconds, west) => Value::TimeTz(microseconds, west),
            Self::Timestamp(microseconds) => Value::Timestamp(microseconds),
            Self::TimestampTz(microseconds) => Value::TimestampTz(microseconds),
            Self::Interval { months, days, microseconds } => {
                Value::Interval { months, days, microseconds }
            }
            Self::Uuid(bytes) => Value::Uuid(bytes),
            Self::Json(text) => Value::Json(Cow::Owned(text.into_owned())),
            Self::Bits { length, bytes } => {
                Value::Bits { length, bytes: Cow::Owned(bytes.into_owned()) }
            }
            Self::Raw(bytes) => Value::Raw(Cow::Owned(bytes.into_owned())),
            Self::Invalid(flaw, bytes) => Value::Invalid(flaw, Cow::Owned(bytes.into_owned())),
        }
    }
}

/// Rows that travel together. Texts and bytes share one allocation.
#[derive(Debug, Default)]
pub struct Batch {
    columns: usize,
    cells: Vec<Cell>,
    arena: Vec<u8>,
    /// Rows that nobody decoded yet, which have no cells.
    packed: Option<Packed>,
    /// The room that it takes.
    held: Option<Held>,
}

impl Batch {
    pub const fn new(columns: usize) -> Self {
        Self { columns, cells: Vec::new(), arena: Vec::new(), packed: None, held: None }
    }

    /// One whose rows stay in PostgreSQL's binary form. It takes rows, and no cells.
    pub fn packed(columns: usize) -> Self {
        Self { packed: Some(Packed::default()), ..Self::new(columns) }
    }

    /// One without rows for what comes next, with room for as much as this one has.
    #[must_use]
    pub fn following(&self) -> Self {
        Self {
            columns: self.columns,
            cells: Vec::with_capacity(with_some_more(self.cells.len())),
            arena: Vec::with_capacity(with_some_more(self.arena.len())),
            packed: self.packed.as_ref().map(Packed::following),
            held: None,
        }
    }

    /// Forgets the rows and keeps the memory.
    pub fn clear(&mut self) {
        self.cells.clear();
        self.arena.clear();
        if let Some(packed) = &mut self.packed {
            packed.clear();
        }
    }

    pub const fn columns(&self) -> usize {
        self.columns
    }

    pub fn rows(&self) -> usize {
        match &self.packed {
            Some(packed) => packed.rows(),
            None => self.cells.len().checked_div(self.columns).unwrap_or(0),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.rows() == 0
    }

    /// Bytes held, near enough to bound memory by.
    pub fn bytes(&self) -> usize {
        let packed = self.packed.as_ref().map_or(0, Packed::bytes);
        self.arena.len() + self.cells.len() * size_of::<Cell>() + packed
    }

    /// The room that it takes; none when nobody asked for any.
    pub const fn held(&self) -> Option<&Held> {
        self.held.as_ref()
    }

    pub fn hold(&mut self, held: Held) {
        self.held = Some(held);
    }

    pub fn let_go(&mut self) {
        self.held = None;
    }

    /// The rows as PostgreSQL wrote them; none where they were decoded.
    pub const fn as_packed(&self) -> Option<&Packed> {
        self.packed.as_ref()
    }

    pub const fn as_packed_mut(&mut self) -> Option<&mut Packed> {
        self.packed.as_mut()
    }

    /// The same rows with cells of their own.
    #[must_use]
    pub fn unpacked(mut self) -> Self {
        if self.packed.is_none() {
            return self;
        }
        let mut batch = Self { held: self.held.take(), ..Self::new(self.columns) };
        for row in self.iter() {
            (0..self.columns).for_each(|column| batch.push(&row.value(column)));
        }
        batch
    }

    /// Adds a row in PostgreSQL's binary form to a batch that is packed. The form has to be whole:
    /// the number of the columns, and each cell after its length.
    pub fn push_packed(&mut self, row: &[u8]) {
        self.packed.get_or_insert_default().push(row);
    }

    /// Adds a cell after the last one; every `columns` cells make a row.
    pub fn push(&mut self, value: &Value<'_>) {
        let cell = match value {
            Value::Null => Cell::Null,
            Value::Bool(value) => Cell::Bool(*value),
            Value::Int(value) => Cell::Int(*value),
            Value::Uint(value) => Cell::Uint(*value),
            Value::Float32(value) => Cell::Float32(*value),
            Value::Float(value) => Cell::Float(*value),
            Value::Decimal(text) => Cell::Decimal(self.keep(text.as_bytes())),
            Value::Text(text) => Cell::Text(self.keep(text.as_bytes())),
            Value::Bytes(bytes) => Cell::Bytes(self.keep(bytes)),
            Value::Date(days) => Cell::Date(*days),
            Value::Time(microseconds) => Cell::Time(*microseconds),
            Value::TimeTz(microseconds, west) => Cell::TimeTz(*microseconds, *west),
            Value::Timestamp(microseconds) => Cell::Timestamp(*microseconds),
            Value::TimestampTz(microseconds) => Cell::TimestampTz(*microseconds),
            Value::Interval { months, days, microseconds } => {
                Cell::Interval(*months, *days, *microseconds)
            }
            Value::Uuid(bytes) => Cell::Uuid(*bytes),
            Value::Json(text) => Cell::Json(self.keep(text.as_bytes())),
            Value::Bits { length, bytes } => Cell::Bits(*length, self.keep(bytes)),
            Value::Raw(bytes) => Cell::Raw(self.keep(bytes)),
            Value::Invalid(flaw, bytes) => Cell::Invalid(*flaw, self.keep(bytes)),
        };
        self.cells.push(cell);
    }

    pub fn row(&self, index: usize) -> Row<'_> {
        let cells = if let Some(packed) = &self.packed {
            Cells::Packed(packed.row(index))
        } else {
            let start = index * self.columns;
            Cells::Decoded(&self.cells[start..start + self.columns])
        };
        Row { batch: self, cells }
    }

    pub fn iter(&self) -> impl Iterator<Item = Row<'_>> {
        (0..self.rows()).map(|index| self.row(index))
    }

    fn keep(&mut self, bytes: &[u8]) -> Span {
        let start = self.arena.len();
        self.arena.extend_from_slice(bytes);
        Span { start, length: bytes.len() }
    }

    fn bytes_of(&self, span: Span) -> &[u8] {
        &self.arena[span.start..span.start + span.length]
    }

    /// Only what came in as text is kept as text.
    fn text_of(&self, span: Span) -> Cow<'_, str> {
        let bytes = self.bytes_of(span);
        // Which is quicker to tell than what `from_utf8_lossy` looks for.
        std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
    }
}

/// What is filled until it has so much mostly ends a little above: a list that has to grow takes
/// twice the room.
const fn with_some_more(length: usize) -> usize {
    length + length / 16
}

/// One row of a batch.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    batch: &'a Batch,
    cells: Cells<'a>,
}

#[derive(Debug, Clone, Copy)]
enum Cells<'a> {
    Decoded(&'a [Cell]),
    Packed(&'a [u8]),
}

impl<'a> Row<'a> {
    pub fn value(&self, column: usize) -> Value<'a> {
        let batch = self.batch;
        let cells = match self.cells {
            Cells::Decoded(cells) => cells,
            // Only rows that are refused are looked at, so nobody minds the steps up to the cell.
            Cells::Packed(row) => {
                return packed::cell(row, column)
                    .map_or(Value::Null, |cell| Value::Raw(Cow::Borrowed(cell)));
            }
        };
        match cells[column] {
            Cell::Null => Value::Null,
            Cell::Bool(value) => Value::Bool(value),
            Cell::Int(value) => Value::Int(value),
            Cell::Uint(value) => Value::Uint(value),
            Cell::Float32(value) => Value::Float32(value),
            Cell::Float(value) => Value::Float(value),
            Cell::Decimal(span) => Value::Decimal(batch.text_of(span)),
            Cell::Text(span) => Value::Text(batch.text_of(span)),
            Cell::Bytes(span) => Value::Bytes(Cow::Borrowed(batch.bytes_of(span))),
            Cell::Date(days) => Value::Date(days),
            Cell::Time(microseconds) => Value::Time(microseconds),
            Cell::TimeTz(microseconds, west) => Value::TimeTz(microseconds, west),
            Cell::Timestamp(microseconds) => Value::Timestamp(microseconds),
            Cell::TimestampTz(microseconds) => Value::TimestampTz(microseconds),
            Cell::Interval(months, days, microseconds) => {
                Value::Interval { months, days, microseconds }
            }
            Cell::Uuid(bytes) => Value::Uuid(bytes),
            Cell::Json(span) => Value::Json(batch.text_of(span)),
            Cell::Bits(length, span) => {
                Value::Bits { length, bytes: Cow::Borrowed(batch.bytes_of(span)) }
            }
            Cell::Raw(span) => Value::Raw(Cow::Borrowed(batch.bytes_of(span))),
            Cell::Invalid(flaw, span) => Value::Invalid(flaw, Cow::Borrowed(batch.bytes_of(span))),
        }
    }

    pub const fn len(&self) -> usize {
        self.batch.columns
    }

    pub const fn is_empty(&self) -> bool {
        self.batch.columns == 0
    }
}

#[derive(Debug, Clone, Copy)]
struct Span {
    start: usize,
    length: usize,
}

#[derive(Debug, Clone, Copy)]
enum Cell {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Float32(f32),
    Float(f64),
    Decimal(Span),
    Text(Span),
    Bytes(Span),
    Date(i32),
    Time(i64),
    TimeTz(i64, i32),
    Timestamp(i64),
    TimestampTz(i64),
    Interval(i32, i32, i64),
    Uuid([u8; 16]),
    Json(Span),
    Bits(u32, Span),
    Raw(Span),
    Invalid(Flaw, Span),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_gives_back_what_was_put_in() {
        let mut batch = Batch::new(3);
        let rows = [
            [Value::Int(1), Value::Text("Ann".into()), Value::Null],
            [Value::Uint(u64::MAX), Value::Bytes(vec![0, 255].into()), Value::Date(-7)],
        ];
        for value in rows.iter().flatten() {
            batch.push(value);
        }

        assert_eq!(batch.rows(), 2);
        for (row, expected) in batch.iter().zip(&rows) {
            for (column, value) in expected.iter().enumerate() {
                assert_eq!(row.value(column), *value);
            }
        }
    }
}
