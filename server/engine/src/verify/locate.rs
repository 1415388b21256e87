//! From sums that differ to the rows that do.

use std::collections::BTreeSet;
use std::ops::Range;

use shared::verification::MismatchKind;

use super::canonical::RowText;
use super::compare::{Readers, Table, Work, segment};
use super::kept::Kept;
use super::matcher::{Matcher, Side};
use super::record::{self, Counts, MismatchWriter};
use super::rows::{self, Expected, Tally};
use super::sums::Buckets;
use super::table::Comparison;
use crate::error::Result;
use crate::extract::ChunkRange;
use crate::load::{Session, end};

/// The rows of a segment as they were compared, one by one.
pub(super) struct Matched {
    pub(super) counts: Counts,
    pub(super) matcher: Matcher,
}

/// Both sides of a table that is compared as a whole.
#[derive(Debug, Clone, Default)]
pub(super) struct WholeSums {
    pub(super) tally: Tally,
    pub(super) expected: Buckets,
    pub(super) actual: Buckets,
    /// For each part and reference, parents that are there although rows stayed without them.
    pub(super) found: Vec<Vec<Kept>>,
}

impl WholeSums {
    pub(super) fn new(buckets: usize) -> Self {
        Self { expected: Buckets::new(buckets), actual: Buckets::new(buckets), ..Self::default() }
    }

    /// The buckets whose rows have to be looked at.
    fn differing(&self) -> Vec<usize> {
        // Sums say nothing of rows that stayed without a parent that is there.
        if self.tally.lost > 0 || self.found.iter().flatten().any(Kept::has_found) {
            return (0..self.expected.len()).collect();
        }
        self.expected.differing(&self.actual)
    }
}

impl<S: Session + 'static> Work<S> {
    /// Compares the rows of one chunk one by one.
    pub(super) async fn match_chunk(
        &self,
        readers: &mut Readers,
        table: &Table,
        place: usize,
    ) -> Result<Matched> {
        let comparison = &table.comparison;
        let part = &comparison.parts[0];
        let chunk = &table.cuts[0].chunks[place];
        let mut matcher = Matcher::new(comparison.columns.len());
        let mut exceptions = self.exceptions(&mut readers.target, table, 0, place).await?;
        if !part.kept.is_empty() {
            self.learn_parents(readers, table, 0, place, &mut exceptions).await?;
        }
        let Readers { source, target } = readers;
        let tally = rows::expected(source, comparison, part, chunk, &mut exceptions, |row| {
            take_expected(comparison, &mut matcher, chunk.ordinal, row)
        })
        .await?;
        let range =
            &table.ranges.as_ref().map_or(ChunkRange::Whole, |ranges| ranges[place].clone());
        let target_rows = rows::actual(target, comparison, &comparison.actual, range, |text| {
            take_actual(comparison, &mut matcher, text)
        })
        .await?;
        let counts = Counts {
            source_rows: tally.read,
            compared: tally.expected,
            target_rows,
            ..Counts::default()
        };
        Ok(Matched { counts, matcher })
    }

    /// Compares, one by one, the rows of a table that is compared as a whole, as far as the sums
    /// do not acquit them.
    pub(super) async fn match_whole(
        &self,
        readers: &mut Readers,
        table: &Table,
        sums: &WholeSums,
    ) -> Result<Matched> {
        let comparison = &table.comparison;
        let mut matcher = Matcher::new(comparison.columns.len());
        let counts = Counts {
            source_rows: sums.tally.read,
            compared: sums.tally.expected,
            target_rows: sums.actual.rows(),
            ..Counts::default()
        };
        let differing = if comparison.is_shared {
            (0..sums.expected.len()).collect()
        } else {
            sums.differing()
        };
        if differing.is_empty() {
            return Ok(Matched { counts, matcher });
        }
        let wanted: BTreeSet<usize> = differing.iter().copied().collect();
        let is_wanted = |text: &RowText| wanted.contains(&sums.expected.of(text.hash()));
        for (number, part) in comparison.parts.iter().enumerate() {
            for (place, chunk) in table.cuts[number].chunks.iter().enumerate() {
                let mut exceptions =
                    self.exceptions(&mut readers.target, table, number, place).await?;
                if let Some(found) = sums.found.get(number) {
                    let pairs = exceptions.kept.iter_mut().zip(found);
                    pairs.for_each(|(kept, found)| kept.learn(found));
                }
                let source = &mut readers.source;
                rows::expected(source, comparison, part, chunk, &mut exceptions, |row| match row {
                    Expected::Row(text) if !is_wanted(text) => Ok(()),
                    row => take_expected(comparison, &mut matcher, chunk.ordinal, row),
                })
                .await?;
            }
        }
        let read =
            rows::read_of_buckets(comparison, &sums.expected, &differing, self.target_computes);
        rows::actual(&mut readers.target, comparison, &read, &ChunkRange::Whole, |text| {
            if is_wanted(text) {
                take_actual(comparison, &mut matcher, text)?;
            }
            Ok(())
        })
        .await?;
        Ok(Matched { counts, matcher })
    }

    /// Writes down what differs in a segment, and that it was compared, in one transaction.
    pub(super) async fn write_down(
        &self,
        table: &Table,
        chunks: Range<usize>,
        matched: Matched,
    ) -> Result<()> {
        let Matched { mut counts, matcher } = matched;
        let comparison = &table.comparison;
        let now = self.request.clock.now();
        let of = segment(table, &chunks, counts);
        let mut session = self.session.lock().await;
        session.run_script("begin").await?;
        let written = async {
            let key = &self.request.key;
            let mut writer =
                MismatchWriter::new(&*session, &self.verification, comparison, &of, key, now);
            for differences in matcher.differences() {
                for difference in differences? {
                    if comparison.is_shared && difference.kind == MismatchKind::Extra {
                        continue;
                    }
                    counts.add(difference.kind);
                    if writer.push(comparison, &difference)? {
                        writer.write(&mut session).await?;
                    }
                }
            }
            writer.write(&mut session).await?;
            let segment = record::Segment { counts, ..of };
            record::insert_segment(&mut *session, &self.verification, &segment).await
        }
        .await;
        end(&mut *session, written).await?;
        drop(session);
        self.done(table, chunks.len(), counts);
        Ok(())
    }
}

impl Counts {
    pub(super) fn add(&mut self, kind: MismatchKind) {
        match kind {
            MismatchKind::Missing => self.missing += 1,
            MismatchKind::Extra => self.extra += 1,
            MismatchKind::Different => self.different += 1,
        }
    }
}

fn take_expected(
    comparison: &Comparison,
    matcher: &mut Matcher,
    ordinal: u32,
    row: Expected<'_>,
) -> Result<()> {
    let mut identity = Vec::new();
    match row {
        Expected::Row(text) => {
            rows::identity_bytes(comparison, text, &mut identity);
            matcher.take(Side::Expected(ordinal), &identity, text.fields())
        }
        Expected::Lost(key) => {
            // No row of the target is told apart by anything that begins so.
            identity.push(NOWHERE);
            identity.extend(key.fields().collect::<Vec<_>>().join(&b'|'));
            let fields = std::iter::repeat_n([].as_slice(), comparison.columns.len());
            matcher.take(Side::Expected(ordinal), &identity, fields)
        }
    }
}

/// What the identity of a row begins with that the rules cannot turn: its source's key follows.
pub(super) const NOWHERE: u8 = 0;

fn take_actual(
    comparison: &Comparison,
    matcher: &mut Matcher,
    text: &super::canonical::RowText,
) -> Result<()> {
    let mut identity = Vec::new();
    rows::identity_bytes(comparison, text, &mut identity);
    matcher.take(Side::Actual, &identity, text.fields())
}
