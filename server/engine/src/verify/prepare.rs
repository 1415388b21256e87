//! What there is to compare, and in what pieces.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Mutex;

use shared::assessment::{Catalog, TableName};
use shared::connection::Engine;
use shared::data_type::DataType;
use shared::error_code::ErrorCode;
use shared::verification::{Mode, TableVerification};
use tokio::sync::OnceCell;

use super::board::Board;
use super::canonical::postgres_own_hash;
use super::compare::{Cut, Job, Readers, State, Table};
use super::conduct::Opened;
use super::locate::WholeSums;
use super::record::{Counts, Segment};
use super::rows::Hash;
use super::sums::Buckets;
use super::table::{Comparison, Part};
use super::{Request, hash, sample};
use crate::error::{EngineError, Result};
use crate::extract::{Chunk, ChunkRange, Reader, Snapshot, TableRead};
use crate::load::{Param, Session, ledger};
use crate::run::governor::Governor;

/// Tables in pieces, and the readers that see both sides as they were at one instant.
pub(super) struct Prepared {
    pub(super) tables: Vec<Table>,
    pub(super) readers: Vec<Readers>,
    /// Whether the target's server computes what its rows come to.
    pub(super) target_computes: bool,
    /// By what both servers add up what none but them has to.
    pub(super) among_servers: Hash,
    /// What limits the statement.
    pub(super) notes: Vec<String>,
}

/// Cuts the tables. `unchanged` is what was found before, of tables that are not looked at again.
pub(super) async fn prepare<S: Session>(
    opened: &mut Opened<S>,
    request: &Request,
    unchanged: Vec<TableVerification>,
    governor: &Governor,
) -> Result<Prepared> {
    let workers = workers(request);
    let mut from = Snapshot::open(&opened.source, workers).await?;
    let to = Snapshot::open(&opened.target, workers).await?;
    let notes: Vec<String> = from.note().into_iter().collect();
    let mut to = to.into_readers();
    let target_computes = match to.first_mut() {
        Some(reader) => computes(reader).await,
        None => false,
    };
    let among_servers = match (from.readers().first_mut(), to.first_mut()) {
        (Some(source), Some(target))
            if target_computes && opened.source.engine() == Engine::Postgres =>
        {
            by_their_own(source, target).await?
        }
        _ => Hash::OfText,
    };
    let mut preparation = Preparation {
        request,
        governor,
        run_id: opened.run.as_ref().map(|run| run.run_id.as_str()),
        source: opened.source.engine(),
        target: &opened.catalog,
        unchanged,
        notes,
    };
    let comparisons = std::mem::take(&mut opened.comparisons);
    let mut tables = Vec::with_capacity(comparisons.len());
    for (place, mut comparison) in comparisons.into_iter().enumerate() {
        if !target_computes {
            comparison.compute_here();
        }
        let session = &mut opened.session;
        let Some(table) = preparation.table(session, &mut from, place, comparison).await? else {
            // Of what is not cut, nothing is compared.
            tables.clear();
            break;
        };
        tables.push(table);
    }
    let notes = preparation.notes;
    let readers = from.into_readers().into_iter().zip(to);
    let readers = readers.map(|(source, target)| Readers { source, target }).collect();
    Ok(Prepared { tables, readers, target_computes, among_servers, notes })
}

/// How many segments are compared at once.
pub(super) fn workers(request: &Request) -> usize {
    usize::from(request.workers.unwrap_or(request.plan.options.workers).max(1))
}

/// What cutting tables takes.
struct Preparation<'a> {
    request: &'a Request,
    governor: &'a Governor,
    run_id: Option<&'a str>,
    source: Engine,
    target: &'a Catalog,
    unchanged: Vec<TableVerification>,
    notes: Vec<String>,
}

impl Preparation<'_> {
    async fn table<S: Session>(
        &mut self,
        session: &mut S,
        snapshot: &mut Snapshot,
        place: usize,
        mut comparison: Comparison,
    ) -> Result<Option<Table>> {
        let name = comparison.target.clone();
        let there = self
            .target
            .table(&name)
            .ok_or_else(|| EngineError::new(ErrorCode::Ver002, format!("looking for {name}")))?;
        let carried = self.unchanged.iter().find(|table| table.target == name).cloned();
        let mut cuts = Vec::with_capacity(comparison.parts.len());
        for part in &comparison.parts {
            let cut = match carried {
                Some(_) => Some(Cut::nothing()),
                None => self.cut(session, snapshot, part).await?,
            };
            let Some(cut) = cut else { return Ok(None) };
            cuts.push(cut);
        }
        let mut ranges = comparison.in_step(&cuts[0].chunks, there, self.source);
        let mut drawn = None;
        // A sample leaves out nothing of what harms somebody when it is wrong.
        let may_draw =
            self.request.mode == Mode::Sample && !self.request.plan.checks.has_critical(&name);
        if may_draw && cuts[0].chunks.len() > 1 && ranges.is_some() {
            let read = &comparison.parts[0].read;
            let chunks = snapshot.plan_chunks(read, sample::SEGMENT_ROWS);
            let chunks = self.governor.spare(&self.request.stop, chunks).await?;
            let Some(chunks) = chunks else { return Ok(None) };
            drawn = Some(sample::draw(self.request.sample, &name.to_string(), chunks.len()));
            ranges = comparison.in_step(&chunks, there, self.source);
            cuts[0].chunks = chunks;
            cuts[0].is_of_run = false;
        }
        self.note(&comparison);
        let state = Mutex::new(State::default());
        Ok(Some(Table { place, comparison, cuts, ranges, drawn, carried, state }))
    }

    /// How a mapping's source is cut: by the chunks of the run where they still stand, so that rows
    /// in quarantine are found by chunk. None when somebody asked to stop.
    async fn cut<S: Session>(
        &self,
        session: &mut S,
        snapshot: &mut Snapshot,
        part: &Part,
    ) -> Result<Option<Cut>> {
        let index = u32::try_from(part.index).unwrap_or(u32::MAX);
        let of_run = match self.run_id {
            Some(run_id) => ledger::chunks(session, run_id, index).await?,
            None => Vec::new(),
        };
        // A range of keys is one whatever the table holds; places in a file or of pages are not.
        let stands = !of_run.is_empty()
            && of_run.iter().all(|chunk| matches!(chunk.range, ChunkRange::Keys { .. }));
        let chunks = if stands {
            of_run.clone()
        } else {
            let cut = snapshot.plan_chunks(&part.read, self.request.plan.options.chunk_rows);
            let cut = self.governor.spare(&self.request.stop, cut).await?;
            let Some(chunks) = cut else { return Ok(None) };
            chunks
        };
        let is_of_run = !of_run.is_empty() && chunks == of_run;
        let quarantined = match self.run_id {
            Some(run_id) => quarantined(session, run_id, index).await?,
            None => BTreeSet::new(),
        };
        let chunks = if chunks.is_empty() {
            vec![Chunk { ordinal: 0, range: ChunkRange::Whole, rows: 0 }]
        } else {
            chunks
        };
        let kept = part.kept.iter().map(|_| OnceCell::new()).collect();
        Ok(Some(Cut { chunks, is_of_run, quarantined, absent: OnceCell::new(), kept }))
    }

    fn note(&mut self, comparison: &Comparison) {
        let name = &comparison.target;
        if comparison.is_shared {
            self.notes.push(format!(
                "{name} may have rows of others: rows that are there and not in the source were \
                 not looked for."
            ));
        }
        if comparison.parts.len() > 1 {
            self.notes.push(format!(
                "{name} is filled by several tables of the source: only the columns that all of \
                 them fill were compared."
            ));
        }
    }
}

/// Whether the server hashes as this process does.
async fn computes(reader: &mut Reader) -> bool {
    const TEXT: &str = "1.5|5:prüf";
    let hash = "hashtextextended(concat(trim_scale(n),'|',octet_length(t),':',t) collate \"C\",0)";
    let expected = hash::hash(TEXT.as_bytes(), 0).cast_signed().to_string();
    match computed(reader, hash).await {
        Ok(answer) => answer == Some(expected),
        Err(error) => {
            tracing::warn!(
                "the target's server does not hash as needed; its rows are read: {error}"
            );
            false
        }
    }
}

/// Whether two servers have hashes of their own, and the same: PostgreSQL has them of records from
/// version 14 on.
async fn by_their_own(source: &mut Reader, target: &mut Reader) -> Result<Hash> {
    let types = [("n", DataType::Numeric(None)), ("t", DataType::Text)];
    let hash = postgres_own_hash(types.iter().map(|(name, data_type)| (*name, data_type)));
    let mut said = Vec::new();
    for reader in [source, target] {
        // Asked for what it lacks, a server would end the transaction.
        let has = "to_regprocedure('pg_catalog.hash_record_extended(record,bigint)') is not null";
        if computed(reader, has).await?.as_deref() != Some("true") {
            return Ok(Hash::OfText);
        }
        said.push(computed(reader, &hash).await?);
    }
    Ok(if said[0] == said[1] { Hash::TheirOwn } else { Hash::OfText })
}

/// What a server makes of two values; none where none is asked.
async fn computed(reader: &mut Reader, expression: &str) -> Result<Option<String>> {
    let read = TableRead {
        table: TableName::new(None, "transfuse_nothing"),
        query: Some("select 1.50 as n, 'prüf'::text as t".to_owned()),
        key: Vec::new(),
        columns: Vec::new(),
        filter: None,
    };
    let question = |rows: &str| format!("select ({expression})::text from {rows}");
    let answer = reader.ask(&read, &ChunkRange::Whole, question).await?;
    Ok(answer.into_iter().flatten().flatten().flatten().next())
}

/// What there is to do, the largest table first: it is the one that everybody would wait for.
pub(super) fn jobs(tables: &mut [Table], board: &Board, done: &[Segment]) -> VecDeque<Job> {
    let mut by_table: Vec<(u64, Vec<Job>)> = Vec::new();
    for (place, table) in tables.iter_mut().enumerate() {
        let segments = match (&table.carried, &table.drawn) {
            (Some(_), _) => 0,
            (None, Some(drawn)) => drawn.len(),
            (None, None) => table.cuts.iter().map(|cut| cut.chunks.len()).sum(),
        };
        board.plan(&table.comparison.target, segments);
        if table.carried.is_some() {
            continue;
        }
        let rows = table.cuts.iter().flat_map(|cut| &cut.chunks).map(|chunk| chunk.rows).sum();
        let index = u32::try_from(table.comparison.parts[0].index).unwrap_or(u32::MAX);
        let through: Vec<&Segment> =
            done.iter().filter(|segment| segment.table_index == index).collect();
        for segment in &through {
            table.lock().counts += segment.counts;
        }
        let is_through = |ordinal: u32| {
            through
                .iter()
                .any(|segment| (segment.first_chunk..=segment.last_chunk).contains(&ordinal))
        };
        let mut jobs = Vec::new();
        if table.ranges.is_some() {
            for unit in table.units() {
                let chunks = &table.cuts[0].chunks;
                if is_through(chunks[unit.start].ordinal) {
                    board.done(place, unit.len(), Counts::default());
                } else {
                    jobs.push(Job::Unit { table: place, chunks: unit });
                }
            }
        } else if is_through(0) {
            board.done(place, segments, Counts::default());
        } else {
            jobs.push(Job::Actual { table: place });
            for (part, cut) in table.cuts.iter().enumerate() {
                if cut.quarantined.is_empty() && table.is_pushed_down(part, 0) {
                    jobs.push(Job::ExpectedByServer { table: place, part });
                } else {
                    let chunks = 0..cut.chunks.len();
                    jobs.extend(chunks.map(|chunk| Job::Expected { table: place, part, chunk }));
                }
            }
            let count = Buckets::count_for(rows);
            let mut state = table.lock();
            state.left = jobs.len();
            state.sums = WholeSums::new(count);
        }
        by_table.push((rows, jobs));
    }
    by_table.sort_by_key(|(rows, _)| std::cmp::Reverse(*rows));
    by_table.into_iter().flat_map(|(_, jobs)| jobs).collect()
}

impl Cut {
    /// Of a table that is not looked at.
    fn nothing() -> Self {
        Self {
            chunks: vec![Chunk { ordinal: 0, range: ChunkRange::Whole, rows: 0 }],
            is_of_run: false,
            quarantined: BTreeSet::new(),
            absent: OnceCell::new(),
            kept: Vec::new(),
        }
    }
}

async fn quarantined<S: Session>(
    session: &mut S,
    run_id: &str,
    index: u32,
) -> Result<BTreeSet<i32>> {
    let sql = format!(
        "select distinct cast(ordinal as text) from {} where run_id = $1 and table_index = $2",
        ledger::table(session.engine(), "quarantine")
    );
    let rows = session.fetch(&sql, &[Param::Text(run_id), Param::Int(index.into())]).await?;
    Ok(rows.iter().filter_map(|row| row.first()?.as_deref()?.parse().ok()).collect())
}
