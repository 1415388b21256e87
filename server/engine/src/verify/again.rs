//! While changes flow, a mismatch is looked at again before it counts: a change may have reached
//! the one side and not yet the other.

use std::time::Duration;

use super::compare::{Readers, Table, Work, segment};
use super::freshness::{self, Marks};
use super::locate::{Matched, WholeSums};
use super::record::{self, Counts, MismatchWriter, Segment};
use super::rows::Tally;
use super::sums::Buckets;
use crate::connect::Source;
use crate::error::Result;
use crate::extract::Snapshot;
use crate::load::{Session, end};

/// How long a change may take to reach the other side, from look to look.
const BETWEEN_LOOKS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(4)];

impl<S: Session + 'static> Work<S> {
    /// Looks again at what was found in tables that changed since the verification began. What is
    /// not found each time does not count.
    pub(super) async fn look_again(
        &self,
        source: &Source,
        target: &Source,
        began: &Marks,
    ) -> Result<()> {
        for pause in BETWEEN_LOOKS {
            if self.request.stop.is_requested() {
                return Ok(());
            }
            let now = freshness::marks(&self.request.plan, source, target).await?.begun(target);
            let doubtful: Vec<(&Table, Segment)> = self.doubtful(began, &now).await?;
            if doubtful.is_empty() {
                return Ok(());
            }
            tokio::time::sleep(pause).await;
            let mut from = Snapshot::open(source, 1).await?.into_readers();
            let mut to = Snapshot::open(target, 1).await?.into_readers();
            let (Some(source), Some(target)) = (from.pop(), to.pop()) else { return Ok(()) };
            let mut readers = Readers { source, target };
            for (table, segment) in doubtful {
                let again = self.match_again(&mut readers, table, &segment);
                let Some(matched) = self.governor.spare(&self.request.stop, again).await? else {
                    return Ok(());
                };
                self.keep_what_stays(table, &segment, matched).await?;
            }
        }
        Ok(())
    }

    /// Segments with mismatches, of tables that changed.
    async fn doubtful(&self, began: &Marks, now: &Marks) -> Result<Vec<(&Table, Segment)>> {
        let mut session = self.session.lock().await;
        let segments = record::segments(&mut *session, &self.verification).await?;
        let changed = |table: &&Table| {
            table.comparison.parts.iter().any(|part| {
                let mapping = &self.request.plan.tables[part.index];
                began.changed(now, &mapping.source.to_string(), &mapping.target.to_string())
            })
        };
        let mut doubtful = Vec::new();
        for table in self.tables.iter().filter(changed) {
            let index = segment(table, &(0..1), Counts::default()).table_index;
            let found = segments.iter().filter(|segment| {
                let counts = segment.counts;
                segment.table_index == index && counts.missing + counts.extra + counts.different > 0
            });
            doubtful.extend(found.map(|segment| (table, *segment)));
        }
        Ok(doubtful)
    }

    async fn match_again(
        &self,
        readers: &mut Readers,
        table: &Table,
        segment: &Segment,
    ) -> Result<Matched> {
        if table.ranges.is_some() {
            let place = table.cuts[0].chunks.iter().position(|c| c.ordinal == segment.first_chunk);
            return self.match_chunk(readers, table, place.unwrap_or_default()).await;
        }
        let rows = table.cuts.iter().flat_map(|cut| &cut.chunks).map(|chunk| chunk.rows).sum();
        let mut sums = WholeSums::new(Buckets::count_for(rows));
        for (number, cut) in table.cuts.iter().enumerate() {
            for place in 0..cut.chunks.len() {
                let (expected, found) = (&mut sums.expected, &mut sums.found);
                let tally: Tally =
                    self.stream_expected(readers, table, number, place, expected, found).await?;
                sums.tally += tally;
            }
        }
        let count = sums.actual.len();
        sums.actual = self.whole_target(&mut readers.target, table, count).await?;
        self.match_whole(readers, table, &sums).await
    }

    /// Writes a segment down anew, with those mismatches only that were there before.
    async fn keep_what_stays(
        &self,
        table: &Table,
        before: &Segment,
        matched: Matched,
    ) -> Result<()> {
        let comparison = &table.comparison;
        let now = self.request.clock.now();
        let key = &self.request.key;
        let mut counts = matched.counts;
        let mut session = self.session.lock().await;
        let known = record::found_before(&mut *session, &self.verification, before).await?;
        session.run_script("begin").await?;
        let written = async {
            record::forget_segment(&mut *session, &self.verification, before).await?;
            let mut writer =
                MismatchWriter::new(&*session, &self.verification, comparison, before, key, now);
            for differences in matched.matcher.differences() {
                for difference in differences? {
                    if !writer.is_among(&known, comparison, &difference) {
                        continue;
                    }
                    counts.add(difference.kind);
                    if writer.push(comparison, &difference)? {
                        writer.write(&mut session).await?;
                    }
                }
            }
            writer.write(&mut session).await?;
            let segment = Segment { counts, ..*before };
            record::insert_segment(&mut *session, &self.verification, &segment).await
        }
        .await;
        end(&mut *session, written).await?;
        drop(session);
        table.lock().counts.replace(before.counts, counts);
        Ok(())
    }
}

impl Counts {
    /// Puts what a part came to in the place of what it came to before.
    fn replace(&mut self, before: Self, after: Self) {
        let put = |all: &mut u64, before: u64, after: u64| *all = *all + after - before;
        put(&mut self.source_rows, before.source_rows, after.source_rows);
        put(&mut self.compared, before.compared, after.compared);
        put(&mut self.target_rows, before.target_rows, after.target_rows);
        put(&mut self.missing, before.missing, after.missing);
        put(&mut self.extra, before.extra, after.extra);
        put(&mut self.different, before.different, after.different);
    }
}
