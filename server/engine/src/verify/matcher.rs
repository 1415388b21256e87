//! Finds, among the rows of two sides, those that are not on both alike. Memory stays the same
//! however many there are: what does not fit lies in a file without a name, sealed with a key that
//! nobody has but this process.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};

use shared::error_code::ErrorCode;
use shared::verification::MismatchKind;

use super::hash::hash;
use crate::error::{EngineError, Result};
use crate::seal::{self, Key};

/// Takes the rows of both sides, in any order, and names the differences.
pub(super) struct Matcher {
    columns: usize,
    parts: Vec<Part>,
    held: usize,
    limit: usize,
    file: Option<Spool>,
}

/// A row that is not on both sides alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Difference {
    pub(super) kind: MismatchKind,
    /// What tells the row apart.
    pub(super) identity: Vec<u8>,
    /// The chunk of the source that the row is in; none for a row that the source does not have.
    pub(super) ordinal: Option<u32>,
    /// Places of the columns that differ.
    pub(super) columns: Vec<usize>,
    /// Counts rows that nothing tells apart, from 0.
    pub(super) copy: u32,
}

/// Which side a row is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// The rows that should be there, with the chunk of the source that each is from.
    Expected(u32),
    Actual,
}

#[derive(Default)]
struct Part {
    expected: Vec<u8>,
    actual: Vec<u8>,
}

/// Rows are spread over so many parts, one of which is looked at at a time.
const PARTS: usize = 128;

/// Bytes held before they go to the file.
const LIMIT: usize = 24 << 20;

impl Matcher {
    /// For rows of so many columns.
    pub(super) fn new(columns: usize) -> Self {
        Self::with_limit(columns, LIMIT)
    }

    fn with_limit(columns: usize, limit: usize) -> Self {
        let mut parts = Vec::new();
        parts.resize_with(PARTS, Part::default);
        Self { columns, parts, held: 0, limit, file: None }
    }

    /// Takes a row: what tells it apart, and the text of each of its columns.
    pub(super) fn take<'f>(
        &mut self,
        side: Side,
        identity: &[u8],
        fields: impl Iterator<Item = &'f [u8]>,
    ) -> Result<()> {
        let place = usize::try_from(hash(identity, 2) % PARTS as u64).unwrap_or(0);
        let part = &mut self.parts[place];
        let (out, ordinal) = match side {
            Side::Expected(ordinal) => (&mut part.expected, ordinal),
            Side::Actual => (&mut part.actual, 0),
        };
        let before = out.len();
        out.extend(u32::try_from(identity.len()).unwrap_or(u32::MAX).to_le_bytes());
        out.extend_from_slice(identity);
        out.extend(ordinal.to_le_bytes());
        for field in fields {
            out.extend(hash(field, 3).to_le_bytes());
        }
        self.held += out.len() - before;
        if self.held >= self.limit { self.spill() } else { Ok(()) }
    }

    /// Names the differences, part by part: the rows of one part are held at a time.
    pub(super) fn differences(mut self) -> impl Iterator<Item = Result<Vec<Difference>>> {
        (0..PARTS).map(move |place| {
            let mut part = std::mem::take(&mut self.parts[place]);
            if let Some(file) = &mut self.file {
                file.read(place, &mut part)?;
            }
            Ok(self.compare(&part))
        })
    }

    fn compare(&self, part: &Part) -> Vec<Difference> {
        // Rows that nothing tells apart but their values are there as often as on the other side.
        let mut waiting: HashMap<&[u8], Vec<Entry<'_>>> = HashMap::new();
        for entry in self.entries(&part.expected) {
            waiting.entry(entry.identity).or_default().push(entry);
        }
        let mut extra = Vec::new();
        for actual in self.entries(&part.actual) {
            let same = waiting.get_mut(actual.identity).and_then(|entries| {
                let place = entries.iter().position(|entry| entry.fields == actual.fields)?;
                Some(entries.swap_remove(place))
            });
            if same.is_none() {
                extra.push(actual);
            }
        }
        let mut differences = Vec::new();
        let mut copies: HashMap<&[u8], u32> = HashMap::new();
        for actual in extra {
            let expected = waiting.get_mut(actual.identity).and_then(Vec::pop);
            differences.push(match expected {
                Some(expected) => Difference {
                    kind: MismatchKind::Different,
                    identity: actual.identity.to_vec(),
                    ordinal: Some(expected.ordinal),
                    columns: differing(expected.fields, actual.fields),
                    copy: 0,
                },
                None => Difference {
                    kind: MismatchKind::Extra,
                    identity: actual.identity.to_vec(),
                    ordinal: None,
                    columns: Vec::new(),
                    copy: next(copies.entry(actual.identity).or_default()),
                },
            });
        }
        for (copy, expected) in waiting.into_values().flat_map(|entries| (0..).zip(entries)) {
            differences.push(Difference {
                kind: MismatchKind::Missing,
                identity: expected.identity.to_vec(),
                ordinal: Some(expected.ordinal),
                columns: Vec::new(),
                copy,
            });
        }
        differences
    }

    fn entries<'b>(&self, mut bytes: &'b [u8]) -> impl Iterator<Item = Entry<'b>> + use<'b> {
        let width = self.columns * FIELD;
        std::iter::from_fn(move || {
            let (length, rest) = bytes.split_first_chunk::<4>()?;
            let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
            let (identity, rest) = rest.split_at_checked(length)?;
            let (ordinal, rest) = rest.split_first_chunk::<4>()?;
            let (fields, rest) = rest.split_at_checked(width)?;
            bytes = rest;
            Some(Entry { identity, ordinal: u32::from_le_bytes(*ordinal), fields })
        })
    }

    fn spill(&mut self) -> Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(Spool::new()?),
        };
        for (place, part) in self.parts.iter_mut().enumerate() {
            file.write(place, part)?;
            part.expected.clear();
            part.actual.clear();
        }
        self.held = 0;
        Ok(())
    }
}

/// Bytes of a column's hash.
const FIELD: usize = 8;

struct Entry<'b> {
    identity: &'b [u8],
    ordinal: u32,
    fields: &'b [u8],
}

/// The count, which then goes on.
fn next(count: &mut u32) -> u32 {
    let now = *count;
    *count += 1;
    now
}

fn differing(left: &[u8], right: &[u8]) -> Vec<usize> {
    let pairs = left.chunks(FIELD).zip(right.chunks(FIELD)).enumerate();
    pairs.filter(|(_, (left, right))| left != right).map(|(place, _)| place).collect()
}

/// A file that has no name and goes with the process.
struct Spool {
    file: File,
    key: Key,
    end: u64,
    /// For each part, where its blocks lie, and whether they are of the expected side.
    blocks: Vec<Vec<Block>>,
}

#[derive(Clone, Copy)]
struct Block {
    at: u64,
    length: usize,
    is_expected: bool,
}

impl Spool {
    fn new() -> Result<Self> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(|error| failed().because(error))?;
        let file = tempfile::tempfile().map_err(|error| failed().because(error))?;
        Ok(Self { file, key: Key::new(key), end: 0, blocks: vec![Vec::new(); PARTS] })
    }

    fn write(&mut self, place: usize, part: &Part) -> Result<()> {
        for (bytes, is_expected) in [(&part.expected, true), (&part.actual, false)] {
            if bytes.is_empty() {
                continue;
            }
            let sealed = seal::seal(&self.key, bytes)?;
            self.file.write_all(&sealed).map_err(|error| failed().because(error))?;
            self.blocks[place].push(Block { at: self.end, length: sealed.len(), is_expected });
            self.end += sealed.len() as u64;
        }
        Ok(())
    }

    fn read(&mut self, place: usize, part: &mut Part) -> Result<()> {
        for block in &self.blocks[place] {
            let mut sealed = vec![0; block.length];
            self.file
                .seek(SeekFrom::Start(block.at))
                .and_then(|_| self.file.read_exact(&mut sealed))
                .map_err(|error| failed().because(error))?;
            let bytes = seal::open(&self.key, &sealed)?;
            if block.is_expected {
                part.expected.extend(bytes);
            } else {
                part.actual.extend(bytes);
            }
        }
        Ok(())
    }
}

fn failed() -> EngineError {
    EngineError::new(ErrorCode::Sys003, "keeping rows that are compared in a scratch file")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    type Rows = BTreeMap<u8, [u8; 2]>;

    fn differences(expected: &Rows, actual: &Rows, limit: usize) -> Vec<Difference> {
        let mut matcher = Matcher::with_limit(2, limit);
        for (side, rows) in [(Side::Expected(7), expected), (Side::Actual, actual)] {
            for (key, fields) in rows {
                let fields = fields.each_ref().map(std::slice::from_ref);
                matcher.take(side, &[*key], fields.into_iter()).unwrap();
            }
        }
        let mut found: Vec<_> = matcher.differences().flat_map(Result::unwrap).collect();
        found.sort_by(|left, right| left.identity.cmp(&right.identity));
        found
    }

    fn naive(expected: &Rows, actual: &Rows) -> Vec<Difference> {
        let keys: std::collections::BTreeSet<u8> =
            expected.keys().chain(actual.keys()).copied().collect();
        keys.into_iter()
            .filter_map(|key| {
                let (kind, ordinal, columns) = match (expected.get(&key), actual.get(&key)) {
                    (Some(left), Some(right)) if left == right => return None,
                    (Some(left), Some(right)) => (
                        MismatchKind::Different,
                        Some(7),
                        (0..2).filter(|place| left[*place] != right[*place]).collect(),
                    ),
                    (Some(_), None) => (MismatchKind::Missing, Some(7), Vec::new()),
                    _ => (MismatchKind::Extra, None, Vec::new()),
                };
                Some(Difference { kind, identity: vec![key], ordinal, columns, copy: 0 })
            })
            .collect()
    }

    proptest! {
        #[test]
        fn every_difference_is_named_and_nothing_else(
            expected: Rows,
            actual: Rows,
            limit in 1_usize..2_000,
        ) {
            let mut mixed = expected.clone();
            mixed.extend(actual);
            prop_assert_eq!(differences(&expected, &mixed, limit), naive(&expected, &mixed));
            prop_assert_eq!(differences(&expected, &expected, limit), Vec::new());
        }
    }

    #[test]
    fn equal_rows_without_a_key_are_counted() {
        let mut matcher = Matcher::new(1);
        for (side, times) in [(Side::Expected(0), 3), (Side::Actual, 1)] {
            for _ in 0..times {
                matcher.take(side, b"same", [b"same".as_slice()].into_iter()).unwrap();
            }
        }
        let missing: Vec<_> = matcher.differences().flat_map(Result::unwrap).collect();
        assert_eq!(
            missing.iter().map(|row| (row.kind, row.copy)).collect::<Vec<_>>(),
            [(MismatchKind::Missing, 0), (MismatchKind::Missing, 1)]
        );
    }
}
