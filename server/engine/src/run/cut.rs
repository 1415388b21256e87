//! Every table in chunks, and which of them are still to be copied.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use shared::error_code::ErrorCode;

use super::conduct::{Work, place};
use super::copy::{Job, TableCopy};
use super::escalate::escalate;
use super::governor::Governor;
use super::transaction::end;
use crate::error::{EngineError, Result};
use crate::extract::{Chunk, Sameness, Snapshot, SourceState, TableRead};
use crate::load::claim;
use crate::load::ledger;
use crate::load::{Session, Target};

impl<T: Target + 'static> Work<T> {
    /// Cuts every table into chunks, as fast as the source bears it. A run that continues has to find
    /// the cuts that it made. None when somebody asked to stop.
    pub(super) async fn cut(
        &self,
        session: &mut T::Session,
        snapshot: &mut Snapshot,
        tables: &[Arc<TableCopy>],
        governor: &Governor,
    ) -> Result<Option<VecDeque<Job>>> {
        let (run_id, stop) = (&self.run.run_id, &self.request.stop);
        let chunk_rows = self.request.plan.options.chunk_rows;
        let entries = ledger::entries(session, run_id).await?;
        let committed: HashSet<(u32, i32)> =
            entries.iter().map(|entry| (entry.table_index, entry.ordinal)).collect();
        let now = snapshot.ticket().state.clone();
        let earlier = self.earlier_state(session, &now, !entries.is_empty()).await?;
        let mut cuts: Vec<(Arc<TableCopy>, Vec<Chunk>)> = Vec::new();
        let mut uncut: Vec<&Arc<TableCopy>> = Vec::new();
        for table in tables {
            let place = place(table.index);
            let before = ledger::chunks(session, run_id, place).await?;
            let is_copied = |chunk: &Chunk| committed.contains(&(place, ordinal(chunk)));
            match &earlier {
                // Every table was cut before the first chunk was copied.
                Some(_) if !entries.is_empty() && before.iter().all(is_copied) => {}
                Some(earlier) if !before.is_empty() => {
                    let same = snapshot.compare(&table.read, earlier, &before, chunk_rows);
                    let Some(same) = governor.spare(stop, same).await? else { return Ok(None) };
                    self.accept(table, same)?;
                }
                _ => {
                    uncut.push(table);
                    continue;
                }
            }
            cuts.push((Arc::clone(table), before));
        }
        let reads: Vec<&TableRead> = uncut.iter().map(|table| &table.read).collect();
        let planned = |table: &TableCopy, chunks: &[Chunk]| {
            let rows = chunks.iter().map(|chunk| chunk.rows).sum();
            self.board.planned(table.index, rows, chunks.len());
        };
        for (table, chunks) in &cuts {
            planned(table, chunks);
        }
        let is_cut = |place: usize, chunks: &[Chunk]| planned(uncut[place], chunks);
        let made = governor.cut(stop, snapshot, &reads, chunk_rows, is_cut).await?;
        let Some(made) = made else { return Ok(None) };
        session.run_script("begin").await?;
        let kept = async {
            for (table, chunks) in uncut.iter().zip(&made) {
                ledger::insert_chunks(session, run_id, place(table.index), chunks).await?;
            }
            Ok(())
        }
        .await;
        end(session, kept).await?;
        cuts.extend(uncut.into_iter().cloned().zip(made));
        for entry in &entries {
            self.board.committed(entry);
        }
        // A run that stopped for its bad rows does not go on under the limit that stopped it.
        for table in tables {
            escalate(
                &self.request.plan.options.escalation,
                &self.board,
                table.index,
                &table.source,
            )?;
        }
        // The largest table first: it is the one that everybody would wait for.
        cuts.sort_by_key(|(_, chunks)| {
            std::cmp::Reverse(chunks.iter().map(|chunk| chunk.rows).sum::<u64>())
        });
        let jobs = cuts
            .into_iter()
            .flat_map(|(table, chunks)| {
                chunks.into_iter().map(move |chunk| Job { table: Arc::clone(&table), chunk })
            })
            .filter(|job| !committed.contains(&(place(job.table.index), ordinal(&job.chunk))));
        Ok(Some(jobs.collect()))
    }

    /// The state of the source in which tables were cut; none when they are to be cut in this one.
    /// As long as nothing was copied, any state is as good as the first.
    async fn earlier_state(
        &self,
        session: &mut T::Session,
        now: &SourceState,
        is_begun: bool,
    ) -> Result<Option<SourceState>> {
        let run_id = &self.run.run_id;
        let written = claim::source_state(session, run_id).await?;
        let earlier = written.and_then(|text| serde_json::from_str::<SourceState>(&text).ok());
        if is_begun {
            return Ok(Some(earlier.unwrap_or(SourceState::Unknown)));
        }
        if let Some(earlier) = earlier
            && earlier.is_same(now)
        {
            return Ok(Some(earlier));
        }
        let text = serde_json::to_string(now).expect("a state has texts only");
        session.run_script("begin").await?;
        let begun_anew = async {
            ledger::forget_chunks(session, run_id).await?;
            claim::set_source_state(session, run_id, &text).await
        }
        .await;
        end(session, begun_anew).await.map(|()| None)
    }

    /// Goes on with a table that nobody wrote to, as far as can be seen.
    fn accept(&self, table: &TableCopy, same: Sameness) -> Result<()> {
        match same {
            Sameness::Proved => Ok(()),
            Sameness::Unproved(why) => {
                self.board.note(format!(
                    "Nothing proves that {} was not written to since the run began: {why}. \
                     Verify the target against the source.",
                    table.source
                ));
                Ok(())
            }
            Sameness::Changed(what) => Err(EngineError::new(
                ErrorCode::Load008,
                format!("continuing with {}: {what}", table.source),
            )),
        }
    }
}

/// A chunk's place in its table, as the ledger writes it.
fn ordinal(chunk: &Chunk) -> i32 {
    i32::try_from(chunk.ordinal).unwrap_or(i32::MAX)
}
