//! Rows in PostgreSQL's own form of COPY, which pass through as they are.

use super::with_some_more;

/// Rows one after the other, without what begins and ends a copy. In its binary form each is the
/// number of its columns, and every cell after its length.
#[derive(Debug, Default)]
pub struct Packed {
    bytes: Vec<u8>,
    /// Where each row ends.
    ends: Vec<usize>,
}

impl Packed {
    pub(super) fn following(&self) -> Self {
        Self {
            bytes: Vec::with_capacity(with_some_more(self.bytes.len())),
            ends: Vec::with_capacity(with_some_more(self.ends.len())),
        }
    }

    pub(super) fn push(&mut self, row: &[u8]) {
        self.bytes.extend_from_slice(row);
        self.ends.push(self.bytes.len());
    }

    /// Adds a row that is written where it is to stand. An error leaves the rows as they were.
    pub(crate) fn push_with<E>(
        &mut self,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        let start = self.bytes.len();
        let written = write(&mut self.bytes);
        match written {
            Ok(()) => self.ends.push(self.bytes.len()),
            Err(_) => self.bytes.truncate(start),
        }
        written
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    pub const fn rows(&self) -> usize {
        self.ends.len()
    }

    /// How much memory the rows take.
    pub const fn bytes(&self) -> usize {
        self.bytes.len() + self.ends.len() * size_of::<usize>()
    }

    pub fn content(&self) -> &[u8] {
        &self.bytes
    }

    /// Where each row ends in the content.
    pub fn ends(&self) -> &[usize] {
        &self.ends
    }

    pub(super) fn row(&self, index: usize) -> &[u8] {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start..self.ends[index]]
    }
}

/// The bytes of one cell of a row; none where it is null.
pub(super) fn cell(row: &[u8], column: usize) -> Option<&[u8]> {
    let mut rest = row.get(2..)?;
    for _ in 0..column {
        rest = split(rest)?.1;
    }
    split(rest)?.0
}

/// The first cell, and what comes after it.
fn split(cells: &[u8]) -> Option<(Option<&[u8]>, &[u8])> {
    let (length, rest) = cells.split_first_chunk::<4>()?;
    let Ok(length) = usize::try_from(i32::from_be_bytes(*length)) else {
        return Some((None, rest));
    };
    let (cell, rest) = rest.split_at_checked(length)?;
    Some((Some(cell), rest))
}

#[cfg(test)]
mod tests {
    use crate::value::{Batch, Value};

    #[test]
    fn cells_are_found_in_rows_that_nobody_decoded() {
        let mut batch = Batch::packed(3);
        batch.push_packed(b"\0\x03\0\0\0\x01a\xff\xff\xff\xff\0\0\0\x02bc");
        batch.push_packed(b"\0\x03\xff\xff\xff\xff\0\0\0\0\xff\xff\xff\xff");

        let rows: Vec<Vec<Value<'_>>> =
            batch.iter().map(|row| (0..3).map(|column| row.value(column)).collect()).collect();

        let raw = |bytes: &'static [u8]| Value::Raw(bytes.into());
        assert_eq!(rows[0], [raw(b"a"), Value::Null, raw(b"bc")]);
        assert_eq!(rows[1], [Value::Null, raw(b""), Value::Null]);
        assert_eq!(batch.rows(), 2);
    }
}
