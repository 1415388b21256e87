//! The work of comparing: segment by segment, by as many workers as there are readers.

use std::collections::{BTreeSet, VecDeque};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use shared::error_code::ErrorCode;
use shared::verification::TableVerification;
use tokio::sync::OnceCell;

use super::Request;
use super::absent::{self, Absent, Ordinals, Quarantine};
use super::board::Board;
use super::kept::{self, Kept};
use super::locate::WholeSums;
use super::record::{self, Counts, Segment};
use super::rows::{self, Exceptions, Expected, Hash, Tally};
use super::sums::{Buckets, Sum};
use super::table::{Comparison, Part};
use crate::error::{EngineError, Result};
use crate::extract::{Chunk, ChunkRange, Reader};
use crate::load::Session;
use crate::run::governor::Governor;

/// One table under comparison.
pub(super) struct Table {
    /// Its place among the tables.
    pub(super) place: usize,
    pub(super) comparison: Comparison,
    /// How each mapping's source is cut.
    pub(super) cuts: Vec<Cut>,
    /// The same chunks on the target's side; none where the two do not go in step.
    pub(super) ranges: Option<Vec<ChunkRange>>,
    /// The chunks that are compared, where it is a sample.
    pub(super) drawn: Option<BTreeSet<usize>>,
    /// What the last verification found, where neither side changed since.
    pub(super) carried: Option<TableVerification>,
    pub(super) state: Mutex<State>,
}

/// How the rows of one mapping are cut.
pub(super) struct Cut {
    pub(super) chunks: Vec<Chunk>,
    /// They are the chunks by which the run was made, and quarantined rows are known by them.
    pub(super) is_of_run: bool,
    /// Chunks with rows in quarantine; negative ones were taken out of the target.
    pub(super) quarantined: BTreeSet<i32>,
    /// All rows of the mapping in quarantine, once they were asked for.
    pub(super) absent: OnceCell<Absent>,
    /// For each reference without which rows may stay, those of the whole table that did, once
    /// they were asked for.
    pub(super) kept: Vec<OnceCell<Kept>>,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) counts: Counts,
    /// Jobs of the table that have not ended, where it is compared as a whole.
    pub(super) left: usize,
    pub(super) sums: WholeSums,
}

impl Table {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The place in the plan of the table's first mapping.
    pub(super) fn index(&self) -> u32 {
        u32::try_from(self.comparison.parts[0].index).unwrap_or(u32::MAX)
    }

    /// Chunks that can be compared in one go, by their places.
    pub(super) fn units(&self) -> Vec<Range<usize>> {
        let chunks = &self.cuts[0].chunks;
        let mut units: Vec<Range<usize>> = Vec::new();
        let mut rows = 0;
        for (place, chunk) in chunks.iter().enumerate() {
            if self.drawn.as_ref().is_some_and(|drawn| !drawn.contains(&place)) {
                continue;
            }
            let joins = units.last().is_some_and(|unit| {
                rows + chunk.rows <= ROWS_A_UNIT
                    && unit.end == place
                    && self.is_pushed_down(0, unit.start)
                    && self.is_pushed_down(0, place)
            });
            match units.last_mut() {
                Some(unit) if joins => {
                    unit.end = place + 1;
                    rows += chunk.rows;
                }
                _ => {
                    units.push(place..place + 1);
                    rows = chunk.rows;
                }
            }
        }
        units
    }

    /// Whether the source's server can compute what the rows of a chunk come to: no rule is
    /// applied to them, and none of them lies in quarantine.
    pub(super) fn is_pushed_down(&self, part: usize, place: usize) -> bool {
        let cut = &self.cuts[part];
        self.comparison.parts[part].pushes_down
            && !self.comparison.is_shared
            && self.comparison.merged.is_empty()
            && self.comparison.parts[part].kept.is_empty()
            && match cut.chunks.get(place) {
                Some(chunk) if cut.is_of_run => {
                    let ordinal = i32::try_from(chunk.ordinal).unwrap_or(i32::MAX);
                    cut.quarantined.range(..0).next().is_none()
                        && !cut.quarantined.contains(&ordinal)
                }
                _ => cut.quarantined.is_empty(),
            }
    }
}

/// Rows that a server adds up in one statement: enough to make the statement worth while, few
/// enough to lose little when the work is stopped.
const ROWS_A_UNIT: u64 = 500_000;

/// A piece of work.
pub(super) enum Job {
    /// Chunks of a table that goes in step, by their places.
    Unit { table: usize, chunks: Range<usize> },
    /// A chunk of one of the sources of a table that is compared as a whole.
    Expected { table: usize, part: usize, chunk: usize },
    /// A source of a table that is compared as a whole, added up by its server.
    ExpectedByServer { table: usize, part: usize },
    /// The target's side of a table that is compared as a whole.
    Actual { table: usize },
}

/// Everything that workers share.
pub(super) struct Work<S: Session> {
    pub(super) request: Request,
    pub(super) verification: String,
    pub(super) run_id: Option<String>,
    pub(super) tables: Vec<Table>,
    pub(super) session: tokio::sync::Mutex<S>,
    pub(super) board: Arc<Board>,
    /// Lets as many workers read as the source bears.
    pub(super) governor: Governor,
    /// Whether the target's server computes what its rows come to.
    pub(super) target_computes: bool,
    /// By what two servers add up what none but them has to.
    pub(super) among_servers: Hash,
}

/// A worker's connections.
pub(super) struct Readers {
    pub(super) source: Reader,
    pub(super) target: Reader,
}

impl<S: Session + 'static> Work<S> {
    /// Works until no job is left. True when somebody asked to stop.
    pub(super) async fn carry_out(
        self: &Arc<Self>,
        readers: Vec<Readers>,
        jobs: VecDeque<Job>,
    ) -> Result<bool> {
        let jobs = Arc::new(Mutex::new(jobs));
        let mut workers = tokio::task::JoinSet::new();
        for readers in readers {
            workers.spawn(Arc::clone(self).work(readers, Arc::clone(&jobs)));
        }
        let mut failure = None;
        loop {
            let ended = tokio::select! {
                ended = workers.join_next() => ended,
                strained = self.governor.failed(), if failure.is_none() => {
                    // At once, and not at the end of their segments.
                    workers.shutdown().await;
                    return Err(strained);
                }
            };
            let Some(ended) = ended else { break };
            let ended = ended.unwrap_or_else(|panic| {
                Err(EngineError::new(ErrorCode::Sys001, "comparing").because(panic))
            });
            if let Err(error) = ended {
                // The others come to the end of their segments, which are then written down.
                self.request.stop.request();
                failure.get_or_insert(error);
            }
        }
        match failure {
            Some(error) => Err(error),
            None => Ok(!jobs.lock().unwrap_or_else(PoisonError::into_inner).is_empty()),
        }
    }

    async fn work(
        self: Arc<Self>,
        mut readers: Readers,
        jobs: Arc<Mutex<VecDeque<Job>>>,
    ) -> Result<()> {
        loop {
            let _slot = tokio::select! {
                slot = self.governor.gate().enter() => slot,
                () = self.request.stop.requested() => return Ok(()),
            };
            if self.request.stop.is_requested() {
                return Ok(());
            }
            let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            match job {
                None => return Ok(()),
                Some(Job::Unit { table, chunks }) => {
                    self.unit(&mut readers, &self.tables[table], chunks).await?;
                }
                Some(Job::Expected { table, part, chunk }) => {
                    let table = &self.tables[table];
                    let mut sums = Buckets::new(table.lock().sums.expected.len());
                    let mut found = Vec::new();
                    let tally = self
                        .stream_expected(&mut readers, table, part, chunk, &mut sums, &mut found)
                        .await?;
                    for (number, kept) in found.iter().enumerate() {
                        learn(&mut table.lock().sums.found, number, kept);
                    }
                    self.add_expected(&mut readers, table, &sums, tally).await?;
                }
                Some(Job::ExpectedByServer { table, part }) => {
                    let table = &self.tables[table];
                    let mut sums = Buckets::new(table.lock().sums.expected.len());
                    let part = &table.comparison.parts[part];
                    let asked = rows::expected_buckets(
                        &mut readers.source,
                        &table.comparison,
                        part,
                        &mut sums,
                    );
                    let tally = asked.await?.ok_or_else(cannot_compute)?;
                    self.add_expected(&mut readers, table, &sums, tally).await?;
                }
                Some(Job::Actual { table }) => {
                    let table = &self.tables[table];
                    let count = table.lock().sums.actual.len();
                    let sums = self.whole_target(&mut readers.target, table, count).await?;
                    table.lock().sums.actual.merge(&sums);
                    self.one_less(&mut readers, table).await?;
                }
            }
        }
    }

    /// Compares chunks of a table that goes in step: all at once, then one by one, then row by
    /// row.
    async fn unit(&self, readers: &mut Readers, table: &Table, chunks: Range<usize>) -> Result<()> {
        let mut todo = vec![chunks];
        while let Some(chunks) = todo.pop() {
            if let Some((tally, sum)) = self.sums_agree(readers, table, &chunks).await? {
                let counts = Counts {
                    source_rows: tally.read,
                    compared: tally.expected,
                    target_rows: sum.rows,
                    ..Counts::default()
                };
                let mut session = self.session.lock().await;
                let segment = segment(table, &chunks, counts);
                record::insert_segment(&mut *session, &self.verification, &segment).await?;
                drop(session);
                self.done(table, chunks.len(), counts);
            } else if chunks.len() > 1 {
                let half = chunks.start + chunks.len() / 2;
                todo.extend([half..chunks.end, chunks.start..half]);
            } else {
                let matched = self.match_chunk(readers, table, chunks.start).await?;
                self.write_down(table, chunks, matched).await?;
            }
        }
        Ok(())
    }

    /// What the rows come to, when they come to the same on both sides.
    async fn sums_agree(
        &self,
        readers: &mut Readers,
        table: &Table,
        chunks: &Range<usize>,
    ) -> Result<Option<(Tally, Sum)>> {
        let (comparison, part) = (&table.comparison, &table.comparison.parts[0]);
        if comparison.is_shared {
            // A sum has rows of others in it.
            return Ok(None);
        }
        let cut = &table.cuts[0];
        let is_pushed_down = table.is_pushed_down(0, chunks.start);
        let mut exceptions = Vec::new();
        if !is_pushed_down {
            for place in chunks.clone() {
                exceptions.push(self.exceptions(&mut readers.target, table, 0, place).await?);
            }
        }
        let Readers { source, target } = readers;
        let by = if is_pushed_down { self.among_servers } else { Hash::OfText };
        let expected = async {
            if is_pushed_down {
                let range = joined(cut.chunks[chunks.clone()].iter().map(|chunk| &chunk.range));
                let found = rows::expected_sum(source, comparison, part, &range, by).await?;
                return found.ok_or_else(cannot_compute);
            }
            let mut sum = Sum::default();
            let mut tally = Tally::default();
            for (chunk, exceptions) in cut.chunks[chunks.clone()].iter().zip(&mut exceptions) {
                tally += rows::expected(source, comparison, part, chunk, exceptions, |row| {
                    if let Expected::Row(text) = row {
                        sum.add(text.hash());
                    }
                    Ok(())
                })
                .await?;
            }
            Ok((tally, sum))
        };
        let range = joined(table.ranges.iter().flat_map(|ranges| &ranges[chunks.clone()]));
        let actual = async {
            if self.target_computes {
                let found = rows::actual_sum(target, comparison, &range, by).await?;
                return found.ok_or_else(cannot_compute);
            }
            let mut sum = Sum::default();
            rows::actual(target, comparison, &comparison.actual, &range, |text| {
                sum.add(text.hash());
                Ok(())
            })
            .await?;
            Ok(sum)
        };
        let ((tally, expected), actual) = tokio::try_join!(expected, actual)?;
        for exceptions in &mut exceptions {
            if self.finds_parents(comparison, part, exceptions).await? {
                return Ok(None);
            }
        }
        Ok((tally.lost == 0 && expected == actual).then_some((tally, actual)))
    }

    /// Adds up what a chunk should give, and remembers parents that are there although rows
    /// stayed without them.
    pub(super) async fn stream_expected(
        &self,
        readers: &mut Readers,
        table: &Table,
        number: usize,
        place: usize,
        sums: &mut Buckets,
        found: &mut Vec<Vec<Kept>>,
    ) -> Result<Tally> {
        let chunk = &table.cuts[number].chunks[place];
        let (comparison, part) = (&table.comparison, &table.comparison.parts[number]);
        let mut exceptions = self.exceptions(&mut readers.target, table, number, place).await?;
        let source = &mut readers.source;
        let tally = rows::expected(source, comparison, part, chunk, &mut exceptions, |row| {
            if let Expected::Row(text) = row {
                sums.add(text.hash());
            }
            Ok(())
        })
        .await?;
        if self.finds_parents(comparison, part, &mut exceptions).await? {
            learn(found, number, &exceptions.kept);
        }
        Ok(tally)
    }

    pub(super) async fn whole_target(
        &self,
        reader: &mut Reader,
        table: &Table,
        count: usize,
    ) -> Result<Buckets> {
        let comparison = &table.comparison;
        let mut sums = Buckets::new(count);
        if self.target_computes {
            if !rows::actual_buckets(reader, comparison, &mut sums).await? {
                return Err(cannot_compute());
            }
        } else {
            let whole = &ChunkRange::Whole;
            rows::actual(reader, comparison, &comparison.actual, whole, |text| {
                sums.add(text.hash());
                Ok(())
            })
            .await?;
        }
        Ok(sums)
    }

    async fn add_expected(
        &self,
        readers: &mut Readers,
        table: &Table,
        sums: &Buckets,
        tally: Tally,
    ) -> Result<()> {
        {
            let mut state = table.lock();
            state.sums.expected.merge(sums);
            state.sums.tally += tally;
        }
        self.one_less(readers, table).await
    }

    /// A job of a table that is compared as a whole has ended. Whoever does the last one compares.
    async fn one_less(&self, readers: &mut Readers, table: &Table) -> Result<()> {
        let sums = {
            let mut state = table.lock();
            state.left -= 1;
            if state.left > 0 {
                return Ok(());
            }
            std::mem::take(&mut state.sums)
        };
        let matched = self.match_whole(readers, table, &sums).await?;
        let segments = table.cuts.iter().map(|cut| cut.chunks.len()).sum();
        self.write_down(table, 0..segments, matched).await
    }

    /// What is known of a chunk's rows beyond the plan's rules.
    pub(super) async fn exceptions(
        &self,
        target: &mut Reader,
        table: &Table,
        number: usize,
        place: usize,
    ) -> Result<Exceptions> {
        let (cut, comparison) = (&table.cuts[number], &table.comparison);
        let part = &comparison.parts[number];
        let absent = self.absent(comparison, part, cut, &cut.chunks[place]).await?;
        let mut kept = Vec::new();
        for (reference, all) in part.kept.iter().zip(&cut.kept) {
            kept.push(if let Some(ranges) = &table.ranges {
                kept::load(target, reference, comparison, &ranges[place]).await?
            } else {
                let whole = &ChunkRange::Whole;
                let load = async || kept::load(target, reference, comparison, whole).await;
                all.get_or_try_init(load).await?.clone()
            });
        }
        Ok(Exceptions { absent, kept })
    }

    /// Finds out, of a chunk, which parents are there: it has to be known before the rows are
    /// compared.
    pub(super) async fn learn_parents(
        &self,
        readers: &mut Readers,
        table: &Table,
        number: usize,
        place: usize,
        exceptions: &mut Exceptions,
    ) -> Result<()> {
        let (comparison, part) = (&table.comparison, &table.comparison.parts[number]);
        let chunk = &table.cuts[number].chunks[place];
        let mut looked = exceptions.clone();
        let source = &mut readers.source;
        rows::expected(source, comparison, part, chunk, &mut looked, |_| Ok(())).await?;
        self.finds_parents(comparison, part, &mut looked).await?;
        exceptions.kept = looked.kept;
        Ok(())
    }

    /// Whether parents are there without which rows stayed all the same.
    pub(super) async fn finds_parents(
        &self,
        comparison: &Comparison,
        part: &Part,
        exceptions: &mut Exceptions,
    ) -> Result<bool> {
        let mut any = false;
        for (reference, kept) in part.kept.iter().zip(&mut exceptions.kept) {
            let mut session = self.session.lock().await;
            any |= kept.look(&mut *session, reference, comparison).await?;
        }
        Ok(any)
    }

    /// The rows in quarantine that a chunk may have.
    async fn absent(
        &self,
        comparison: &Comparison,
        part: &Part,
        cut: &Cut,
        chunk: &Chunk,
    ) -> Result<Absent> {
        let Some(run_id) = self.run_id.as_ref().filter(|_| !cut.quarantined.is_empty()) else {
            return Ok(Absent::default());
        };
        let load = async |ordinals| {
            let quarantine = Quarantine { run_id, key: &self.request.key, ordinals };
            let mut session = self.session.lock().await;
            absent::load(&mut *session, &quarantine, comparison, part).await
        };
        if cut.is_of_run {
            return load(Ordinals::Of(chunk.ordinal)).await;
        }
        cut.absent.get_or_try_init(|| load(Ordinals::All)).await.cloned()
    }

    pub(super) fn done(&self, table: &Table, segments: usize, counts: Counts) {
        table.lock().counts += counts;
        self.board.done(table.place, segments, counts);
    }
}

/// Adds what was learnt of one part's references to what is known of all.
fn learn(all: &mut Vec<Vec<Kept>>, number: usize, kept: &[Kept]) {
    all.resize_with(all.len().max(number + 1), Vec::new);
    let known = &mut all[number];
    known.resize_with(known.len().max(kept.len()), Kept::default);
    known.iter_mut().zip(kept).for_each(|(known, kept)| known.learn(kept));
}

pub(super) fn segment(table: &Table, chunks: &Range<usize>, counts: Counts) -> Segment {
    let ordinal = |place: usize| {
        let chunk = table.cuts[0].chunks.get(place);
        chunk.map_or(u32::MAX, |chunk| chunk.ordinal)
    };
    Segment {
        table_index: table.index(),
        first_chunk: ordinal(chunks.start),
        last_chunk: if table.ranges.is_some() {
            ordinal(chunks.end.saturating_sub(1))
        } else {
            // The whole table.
            i32::MAX.unsigned_abs()
        },
        counts,
    }
}

/// Ranges that follow one another, as one.
fn joined<'r>(ranges: impl Iterator<Item = &'r ChunkRange>) -> ChunkRange {
    let mut all: Option<ChunkRange> = None;
    for range in ranges {
        all = Some(match (all, range) {
            (Some(ChunkRange::Keys { after, .. }), ChunkRange::Keys { to, .. }) => {
                ChunkRange::Keys { after, to: to.clone() }
            }
            (_, range) => range.clone(),
        });
    }
    all.unwrap_or(ChunkRange::Whole)
}

fn cannot_compute() -> EngineError {
    EngineError::new(ErrorCode::Sys001, "letting a database add up its rows")
}
