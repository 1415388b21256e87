//! Every table in chunks, and which of them are still to be copied.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use shared::error_code::ErrorCode;

use super::conduct::{Work, place};
use super::copy::{Job, TableCopy};
use super::transaction::end;
use crate::error::{EngineError, Result};
use crate::extract::{Chunk, Snapshot};
use crate::load::ledger;
use crate::load::{Session, Target};

impl<T: Target + 'static> Work<T> {
    /// Cuts every table into chunks. A run that continues has to find the cuts that it made.
    pub(super) async fn cut(
        &self,
        session: &mut T::Session,
        snapshot: &mut Snapshot,
        tables: &[Arc<TableCopy>],
    ) -> Result<VecDeque<Job>> {
        let run_id = &self.run.run_id;
        let entries = ledger::entries(session, run_id).await?;
        let committed: HashSet<(u32, i32)> =
            entries.iter().map(|entry| (entry.table_index, entry.ordinal)).collect();
        let mut cuts: Vec<(Arc<TableCopy>, Vec<Chunk>)> = Vec::new();
        for table in tables {
            let chunks =
                snapshot.plan_chunks(&table.read, self.request.plan.options.chunk_rows).await?;
            let before = ledger::chunks(session, run_id, place(table.index)).await?;
            if before.is_empty() {
                session.run_script("begin").await?;
                let kept =
                    ledger::insert_chunks(session, run_id, place(table.index), &chunks).await;
                end(session, kept).await?;
            } else if before != chunks {
                let count = |chunks: &[Chunk]| chunks.iter().map(|chunk| chunk.rows).sum::<u64>();
                return Err(EngineError::new(
                    ErrorCode::Load008,
                    format!(
                        "continuing with {}: it had {} rows when the run began and has {} now",
                        table.source,
                        count(&before),
                        count(&chunks)
                    ),
                ));
            }
            let rows = chunks.iter().map(|chunk| chunk.rows).sum();
            self.board.planned(table.index, rows, chunks.len());
            cuts.push((Arc::clone(table), chunks));
        }
        for entry in &entries {
            self.board.committed(entry);
        }
        // The largest table first: it is the one that everybody would wait for.
        cuts.sort_by_key(|(_, chunks)| {
            std::cmp::Reverse(chunks.iter().map(|chunk| chunk.rows).sum::<u64>())
        });
        Ok(cuts
            .into_iter()
            .flat_map(|(table, chunks)| {
                chunks.into_iter().map(move |chunk| Job { table: Arc::clone(&table), chunk })
            })
            .filter(|job| {
                let ordinal = i32::try_from(job.chunk.ordinal).unwrap_or(i32::MAX);
                !committed.contains(&(place(job.table.index), ordinal))
            })
            .collect())
    }
}
