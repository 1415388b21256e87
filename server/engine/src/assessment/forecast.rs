//! What a run would come to: the plan's own rules and casts over the rows, without writing.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use shared::assessment::{Catalog, Foretold, TableForetold, TableName};
use shared::connection::Engine;
use shared::error_code::ErrorCode;
use shared::plan::{Existing, Orphans, TableMapping};
use shared::quarantine::QuarantinedCell;
use shared::rehearsal::RehearsedFault;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::pace::{self, Pace, Sample};
use super::scratch::{self, Digester, KeyReference, KeyRows, KeyTable, Refusal, Scratch};
use super::{Look, Request, target, workers};
use crate::connect::{Source, place};
use crate::error::{EngineError, Result};
use crate::extract::{Chunk, ReadColumn, Reader, Sameness, Snapshot, SourceState, TableRead};
use crate::load::blueprint::with_types_of;
use crate::load::{orphans, schema};
use crate::map::{source_table, target_name};
use crate::quarantine::mask;
use crate::run::governor::{Gate, Governor};
use crate::run::{Stop, at_once};
use crate::transform::{self, BadValue, End, RowTransform, Verdict};
use crate::value::{Batch, Row, Value};

/// How many rows of each kind are shown, masked.
const EXAMPLES: usize = 3;

/// A sample is drawn in so many pieces, spread over the table.
const PIECES: u64 = 16;

/// What the forecast needs of one mapping.
struct Table {
    source: TableName,
    target: TableName,
    read: TableRead,
    turn: RowTransform,
    /// The target table's place among those with keys, and where its key columns stand in a row.
    keys: (usize, Vec<Option<usize>>),
    /// Rows on which is tried how long the target takes.
    sample: Option<Sample>,
}

/// A piece of a table that is to be looked at, and how many rows of it at most.
struct Job {
    table: usize,
    chunk: Chunk,
    most: u64,
}

/// What became of rows so far.
#[derive(Default)]
struct Tally {
    looked_at: u64,
    loaded: u64,
    filtered: u64,
    quarantined: u64,
    bytes: u64,
    faults: BTreeMap<(ErrorCode, String), Fault>,
}

#[derive(Default)]
struct Fault {
    rows: u64,
    reason: String,
    examples: Vec<Vec<QuarantinedCell>>,
}

/// What is shared by all readers.
struct Work {
    tables: Vec<Table>,
    jobs: Mutex<VecDeque<Job>>,
    tallies: Vec<Mutex<Tally>>,
    digester: Digester,
    gate: Arc<Gate>,
}

/// A forecast, and tables that somebody wrote to meanwhile.
pub(super) struct Forecast {
    pub(super) foretold: Foretold,
    /// Each with what tells it; none where that was not looked at.
    pub(super) written_to: Option<Vec<(TableName, String)>>,
}

pub(super) async fn forecast(
    request: &Request,
    (source, source_catalog): (&Source, &Catalog),
    target_catalog: &Catalog,
    governor: &Governor,
) -> Result<Forecast> {
    let plan = &request.plan;
    let workers = workers(request);
    let keyed = Keyed::of(request, target_catalog);
    let tables = tables(request, (source.engine(), source_catalog), target_catalog, &keyed)?;
    let mut snapshot = Snapshot::open(source, workers).await?;
    let state = snapshot.ticket().state.clone();
    let mut notes: Vec<String> = snapshot.note().into_iter().collect();
    let chunk_rows = match request.forecast {
        Look::Rows(rows) => (rows / PIECES).max(100),
        Look::Everything | Look::Nothing => plan.options.chunk_rows,
    };
    let stop = Stop::default();
    let reads: Vec<&TableRead> = tables.iter().map(|table| &table.read).collect();
    let cuts = governor.cut(&stop, &mut snapshot, &reads, chunk_rows, |_, _| ()).await?;
    let cuts = cuts.unwrap_or_default();
    let totals: Vec<u64> =
        cuts.iter().map(|chunks| chunks.iter().map(|chunk| chunk.rows).sum()).collect();
    let jobs = jobs(&cuts, request.forecast);
    let is_complete = request.forecast == Look::Everything;
    let began = Instant::now();
    let (work, refused) =
        look(snapshot, tables, jobs, is_complete.then_some(&keyed), governor).await?;
    let wall = began.elapsed().as_secs_f64();
    let written_to = if is_complete {
        let compared = written_to(source, &work.tables, &cuts, &state, chunk_rows);
        governor.spare(&stop, compared).await?
    } else {
        None
    };
    notes.extend(keyed.notes);
    if !is_complete {
        notes.push(
            "A sample was looked at: twins under a key and rows without a parent are not counted."
                .to_owned(),
        );
    }
    let mut foretold = Foretold {
        tables: Vec::new(),
        quarantine: Vec::new(),
        is_complete,
        notes,
        read_seconds: 0.0,
        write_bytes_per_second: None,
        copy_seconds: 0.0,
        index_seconds: None,
        other_seconds: None,
        verify_seconds: None,
        disk_bytes: target::bytes_needed(source_catalog, plan),
    };
    add_up(&mut foretold, &work, &totals, refused, &keyed.parents);
    foretold.read_seconds = wall * in_all(&foretold);
    foretold.copy_seconds = foretold.read_seconds;
    match pace_of(request, &work, &foretold).await {
        Ok(None) => {}
        Ok(Some(pace)) => time(&mut foretold, pace, request)?,
        Err(error) => foretold
            .notes
            .push(format!("How fast the target takes rows could not be tried: {error}.")),
    }
    Ok(Forecast { foretold, written_to })
}

/// Tables of the target with keys that rows are held against.
struct Keyed {
    tables: Vec<KeyTable>,
    places: BTreeMap<TableName, usize>,
    references: Vec<KeyReference>,
    /// The table that a foreign key leads to, by the key's name.
    parents: BTreeMap<String, TableName>,
    notes: Vec<String>,
}

impl Keyed {
    fn of(request: &Request, catalog: &Catalog) -> Self {
        let plan = &request.plan;
        let engine = catalog.engine;
        let mut keyed = Self {
            tables: Vec::new(),
            places: BTreeMap::new(),
            references: Vec::new(),
            parents: BTreeMap::new(),
            notes: Vec::new(),
        };
        for mapping in &plan.tables {
            let name = target_name(engine, &mapping.target);
            let next = keyed.tables.len();
            if keyed.places.contains_key(&name) {
                continue;
            }
            keyed.places.insert(name.clone(), next);
            keyed.tables.push(KeyTable::default());
            let unique: Vec<(String, Vec<String>)> = match catalog.table(&name) {
                None => schema::unique_keys(mapping)
                    .into_iter()
                    .map(|key| (key.name, key.columns.to_vec()))
                    .collect(),
                Some(table) => {
                    let primary = (!table.primary_key.is_empty())
                        .then(|| ("primary key".to_owned(), table.primary_key.clone()));
                    let others = table.indexes.iter().filter(|index| index.unique);
                    let others = others.map(|index| (index.name.clone(), index.columns.clone()));
                    primary.into_iter().chain(others).filter(|(_, key)| !key.is_empty()).collect()
                }
            };
            for (name, columns) in unique {
                let columns = columns.iter().map(|column| keyed.column(next, column)).collect();
                keyed.tables[next].unique.push((name, columns));
            }
        }
        for mapping in &plan.tables {
            keyed.references_of(mapping, catalog);
        }
        keyed.note(request, catalog);
        keyed
    }

    fn references_of(&mut self, mapping: &TableMapping, catalog: &Catalog) {
        let engine = catalog.engine;
        let name = target_name(engine, &mapping.target);
        let Some(child) = self.places.get(&name).copied() else { return };
        let there = catalog.table(&name).map(|table| table.foreign_keys.as_slice());
        let shaped = mapping.create.as_ref().map(|shape| shape.foreign_keys.as_slice());
        for key in there.or(shaped).unwrap_or_default() {
            let parent_name = target_name(engine, &key.references);
            let Some(parent) = self.places.get(&parent_name).copied() else {
                self.notes.push(format!(
                    "{} refers to {parent_name}, which the plan does not fill: whether its rows \
                     have a parent there was not looked at.",
                    key.name
                ));
                continue;
            };
            let known =
                self.references.iter().any(|known| known.name == key.name && known.child == child);
            if known {
                continue;
            }
            let columns = key.columns.iter().map(|column| self.column(child, column)).collect();
            let parent_columns =
                key.referenced_columns.iter().map(|column| self.column(parent, column)).collect();
            self.parents.insert(key.name.clone(), parent_name);
            self.references.push(KeyReference {
                name: key.name.clone(),
                child,
                columns,
                parent,
                parent_columns,
                column: key.columns.first().cloned().unwrap_or_default(),
                keeps: matches!(orphans::policy(mapping, key), Orphans::KeepIn(_)),
            });
        }
    }

    /// The place of a key column in its table, which has it from then on.
    fn column(&mut self, table: usize, name: &str) -> usize {
        let columns = &mut self.tables[table].columns;
        columns.iter().position(|known| known == name).unwrap_or_else(|| {
            columns.push(name.to_owned());
            columns.len() - 1
        })
    }

    fn note(&mut self, request: &Request, catalog: &Catalog) {
        let plan = &request.plan;
        let engine = catalog.engine;
        let checks = plan.tables.iter().filter_map(|mapping| mapping.create.as_ref());
        if engine == Engine::Postgres && checks.clone().any(|shape| !shape.checks.is_empty()) {
            self.notes.push(
                "Conditions that the target checks were not tried; a rehearsal tries them."
                    .to_owned(),
            );
        }
        let meets = plan.tables.iter().any(|mapping| {
            mapping.existing != Existing::Refuse
                && catalog.table(&target_name(engine, &mapping.target)).is_some()
        });
        if meets {
            self.notes.push("Rows that are in the target already were not looked at.".to_owned());
        }
        if plan.duplicates.is_some() {
            self.notes.push("Nobody was looked for who is there twice.".to_owned());
        }
        if !plan.target_sql.before.trim().is_empty() || !plan.target_sql.after.trim().is_empty() {
            self.notes
                .push("The plan's own statements were not run; a rehearsal runs them.".to_owned());
        }
    }
}

fn tables(
    request: &Request,
    (source_engine, source_catalog): (Engine, &Catalog),
    catalog: &Catalog,
    keyed: &Keyed,
) -> Result<Vec<Table>> {
    let plan = &request.plan;
    let engine = catalog.engine;
    plan.tables
        .iter()
        .enumerate()
        .map(|(index, mapping)| {
            let mapping = with_types_of(catalog, mapping);
            let name = target_name(engine, &mapping.target);
            let from =
                End { engine: source_engine, table: source_table(source_catalog, &mapping.source) };
            let to = End { engine, table: catalog.table(&name) };
            let mut read = transform::read_for(plan, &mapping, from, to);
            // Keys are told by their values.
            read.columns.iter_mut().for_each(ReadColumn::as_value);
            let secret = request.key.as_bytes();
            let turn = RowTransform::compile(plan, &mapping, &read, engine, secret)?;
            let place = keyed.places.get(&name).copied().unwrap_or_default();
            let columns = keyed.tables.get(place).map(|table| table.columns.as_slice());
            let stands =
                |wanted: &String| turn.outputs().iter().position(|output| output.name == *wanted);
            let columns = columns.unwrap_or_default().iter().map(stands).collect();
            let keys = (place, columns);
            let sample = Sample::of((index, plan.tables.len()), &mapping, catalog, turn.outputs());
            Ok(Table { source: mapping.source, target: name, read, turn, keys, sample })
        })
        .collect()
}

/// The chunks that are looked at, those of the largest table first.
fn jobs(cuts: &[Vec<Chunk>], look: Look) -> VecDeque<Job> {
    let mut by_table: Vec<(u64, Vec<Job>)> = Vec::with_capacity(cuts.len());
    for (table, chunks) in cuts.iter().enumerate() {
        let rows: u64 = chunks.iter().map(|chunk| chunk.rows).sum();
        let step = match look {
            Look::Rows(wanted) if rows > wanted && !chunks.is_empty() => {
                let average = (rows / chunks.len() as u64).max(1);
                let wanted = usize::try_from(wanted.div_ceil(average)).unwrap_or(usize::MAX).max(1);
                chunks.len().div_ceil(wanted)
            }
            _ => 1,
        };
        let most = match look {
            Look::Rows(wanted) => wanted,
            Look::Everything | Look::Nothing => u64::MAX,
        };
        let drawn = chunks.iter().step_by(step.max(1));
        let drawn = drawn.map(|chunk| Job { table, chunk: chunk.clone(), most });
        by_table.push((rows, drawn.collect()));
    }
    by_table.sort_by_key(|(rows, _)| std::cmp::Reverse(*rows));
    by_table.into_iter().flat_map(|(_, jobs)| jobs).collect()
}

/// Reads and turns everything that is to be looked at, and settles the keys where all was.
async fn look(
    snapshot: Snapshot,
    tables: Vec<Table>,
    jobs: VecDeque<Job>,
    keyed: Option<&Keyed>,
    governor: &Governor,
) -> Result<(Arc<Work>, BTreeMap<Refusal, u64>)> {
    let (keys, settling) = match keyed {
        None => (None, None),
        Some(keyed) => {
            let (send, mut receive) = mpsc::channel::<KeyRows>(16);
            let (tables, references) = (keyed.tables.clone(), keyed.references.clone());
            let settling = tokio::task::spawn_blocking(move || {
                let mut scratch = Scratch::new(tables)?;
                while let Some(rows) = receive.blocking_recv() {
                    scratch.add(&rows)?;
                }
                scratch.settle(&references)
            });
            (Some(send), Some(settling))
        }
    };
    let tallies = tables.iter().map(|_| Mutex::default()).collect();
    let work = Arc::new(Work {
        tables,
        jobs: Mutex::new(jobs),
        tallies,
        digester: Digester::default(),
        gate: Arc::clone(governor.gate()),
    });
    let (readers, hold) = snapshot.into_parts();
    let mut at_work = JoinSet::new();
    for reader in readers {
        let (work, keys) = (Arc::clone(&work), keys.clone());
        at_work.spawn(async move { work.read_all(reader, keys).await });
    }
    drop(keys);
    loop {
        let done = tokio::select! {
            done = at_work.join_next() => done,
            strained = governor.failed() => return Err(strained),
        };
        let Some(done) = done else { break };
        done.map_err(|error| stopped().because(error))??;
    }
    drop(hold);
    let refused = match settling {
        None => BTreeMap::new(),
        Some(settling) => settling.await.map_err(|error| stopped().because(error))??,
    };
    Ok((work, refused))
}

fn stopped() -> EngineError {
    EngineError::new(ErrorCode::Sys001, "foretelling what a run comes to")
}

impl Work {
    async fn read_all(
        self: Arc<Self>,
        mut reader: Reader,
        keys: Option<mpsc::Sender<KeyRows>>,
    ) -> Result<()> {
        loop {
            let _slot = self.gate.enter().await;
            let job = self.jobs.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            let Some(job) = job else { return Ok(()) };
            let table = &self.tables[job.table];
            let (send, mut receive) = mpsc::channel(2);
            let reading = reader.read(&table.read, &job.chunk, self.gate.batch_bytes(), send);
            let turning = async {
                let mut tally = Tally::default();
                while let Some(batch) = receive.recv().await {
                    let digests = self.turn(table, &batch, job.most, &mut tally);
                    if let Some(keys) = &keys
                        && !digests.is_empty()
                    {
                        let rows = KeyRows { table: table.keys.0, mapping: job.table, digests };
                        // Where nobody takes them any more, the reason is told at the end.
                        let _ = keys.send(rows).await;
                    }
                    if tally.looked_at >= job.most {
                        break;
                    }
                }
                drop(receive);
                tally
            };
            let (read, tally) = tokio::join!(reading, turning);
            match read {
                // Enough was seen of it.
                Err(error) if error.code() == ErrorCode::Sys004 => {}
                read => drop(read?),
            }
            let mut all = self.tallies[job.table].lock().unwrap_or_else(PoisonError::into_inner);
            all.add(tally);
        }
    }

    /// Turns the rows of a batch, and digests the keys of those that would be loaded.
    fn turn(&self, table: &Table, batch: &Batch, most: u64, tally: &mut Tally) -> Vec<Option<i64>> {
        let mut digests = Vec::new();
        let mut values: Vec<Value<'_>> = Vec::new();
        let mut sample = table.sample.as_ref().and_then(Sample::open);
        tally.bytes += batch.bytes() as u64;
        for row in batch.iter() {
            if tally.looked_at >= most {
                break;
            }
            tally.looked_at += 1;
            match table.turn.apply(&row, &mut values) {
                Ok(Verdict::Filtered) => tally.filtered += 1,
                Ok(Verdict::Load) => {
                    tally.loaded += 1;
                    if let Some(sample) = &mut sample {
                        sample.take(&values);
                    }
                    digests.extend(
                        table.keys.1.iter().map(|place| {
                            place.and_then(|place| self.digester.digest(&values[place]))
                        }),
                    );
                }
                Err(fault) => tally.quarantine(table, &row, fault),
            }
        }
        digests
    }
}

impl Tally {
    fn quarantine(&mut self, table: &Table, row: &Row<'_>, bad: BadValue) {
        self.quarantined += 1;
        let fault = self.faults.entry((bad.code, bad.column)).or_default();
        fault.rows += 1;
        if fault.examples.len() < EXAMPLES {
            fault.reason = bad.reason;
            let cells = table.read.columns.iter().enumerate().map(|(place, column)| {
                let shape = mask::shape(&row.value(place));
                QuarantinedCell {
                    column: column.name.clone(),
                    original: shape.clone(),
                    current: shape,
                    is_changed: false,
                }
            });
            fault.examples.push(cells.collect());
        }
    }

    fn add(&mut self, other: Self) {
        self.looked_at += other.looked_at;
        self.loaded += other.loaded;
        self.filtered += other.filtered;
        self.quarantined += other.quarantined;
        self.bytes += other.bytes;
        for (key, fault) in other.faults {
            let known = self.faults.entry(key).or_default();
            known.rows += fault.rows;
            known.reason = fault.reason;
            known.examples.extend(fault.examples);
            known.examples.truncate(EXAMPLES);
        }
    }
}

/// Puts down what became of every table's rows, and what would be quarantined.
fn add_up(
    foretold: &mut Foretold,
    work: &Work,
    totals: &[u64],
    refused: BTreeMap<Refusal, u64>,
    parents: &BTreeMap<String, TableName>,
) {
    // Several mappings may fill one table: their faults are told as the quarantine tells them.
    let mut faults: BTreeMap<(TableName, ErrorCode, Option<String>), Fault> = BTreeMap::new();
    for ((table, tally), rows) in work.tables.iter().zip(&work.tallies).zip(totals) {
        let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
        for ((code, column), fault) in std::mem::take(&mut tally.faults) {
            let column = (!column.is_empty()).then_some(column);
            let known = faults.entry((table.target.clone(), code, column)).or_default();
            known.rows += fault.rows;
            known.reason = fault.reason;
            known.examples.extend(fault.examples);
            known.examples.truncate(EXAMPLES);
        }
        foretold.tables.push(TableForetold {
            source: table.source.clone(),
            target: table.target.clone(),
            rows: *rows,
            looked_at: tally.looked_at,
            loaded: tally.loaded,
            filtered: tally.filtered,
            quarantined: tally.quarantined,
            bytes: tally.bytes,
        });
    }
    for (refusal, rows) in refused {
        let Some(table) = foretold.tables.get_mut(refusal.mapping) else { continue };
        table.loaded = table.loaded.saturating_sub(rows);
        table.quarantined += rows;
        let key = (table.target.clone(), refusal.code, refusal.column.clone());
        let fault = faults.entry(key).or_default();
        fault.rows += rows;
        let parent = parents.get(&refusal.key).filter(|_| refusal.code == ErrorCode::Data008);
        fault.reason = scratch::reason(&refusal, parent);
    }
    foretold.quarantine = faults
        .into_iter()
        .map(|((target, code, column), fault)| RehearsedFault {
            target,
            code,
            column,
            rows: fault.rows,
            reason: fault.reason,
            examples: fault.examples,
        })
        .collect();
    foretold.quarantine.sort_by_key(|fault| std::cmp::Reverse(fault.rows));
}

/// By how much all rows are more than those that were looked at.
#[expect(clippy::cast_precision_loss, reason = "a forecast has no use for more digits")]
fn in_all(foretold: &Foretold) -> f64 {
    let looked_at: u64 = foretold.tables.iter().map(|table| table.looked_at).sum();
    let rows: u64 = foretold.tables.iter().map(|table| table.rows).sum();
    if looked_at == 0 { 1.0 } else { rows as f64 / looked_at as f64 }
}

/// How long the target takes for the rows that would be loaded; none where it cannot be tried.
async fn pace_of(request: &Request, work: &Work, foretold: &Foretold) -> Result<Option<Pace>> {
    let samples = work.tables.iter().zip(&foretold.tables);
    let samples: Vec<(&Sample, u64, &TableName)> = samples
        .filter_map(|(table, told)| {
            let loaded = u128::from(told.loaded) * u128::from(told.rows);
            let loaded = loaded / u128::from(told.looked_at.max(1));
            let loaded = u64::try_from(loaded).unwrap_or(u64::MAX);
            table.sample.as_ref().map(|sample| (sample, loaded, &table.target))
        })
        .collect();
    if samples.is_empty() {
        return Ok(None);
    }
    pace::measure(&request.target_url, &samples).await.map(Some)
}

/// Processors that source and target share are the faster at one for being idle at the other.
#[expect(clippy::cast_precision_loss, reason = "a forecast has no use for more digits")]
fn time(foretold: &mut Foretold, pace: Pace, request: &Request) -> Result<()> {
    let at_once = at_once(workers(request)) as f64;
    let share = place(&request.source_url)?.is_here() && place(&request.target_url)?.is_here();
    let together =
        |source: f64, target: f64| if share { source + target } else { source.max(target) };
    let (reading, hashing) = (foretold.read_seconds, pace.read_seconds / at_once);
    foretold.copy_seconds = together(reading, pace.write_seconds / at_once);
    foretold.index_seconds = Some(pace.index_seconds / at_once);
    foretold.other_seconds = Some(pace.other_seconds);
    // PostgreSQL hashes its rows itself; those of any other source are read.
    let source = match Engine::of_url(&request.source_url) {
        Some(Engine::Postgres) => reading.min(hashing),
        _ => reading,
    };
    foretold.verify_seconds = Some(together(source, hashing) + pace.other_seconds_of_verification);
    foretold.write_bytes_per_second = Some(pace.bytes_per_second);
    foretold.disk_bytes = pace.disk_bytes;
    Ok(())
}

/// Which tables were written to since the forecast began to read.
async fn written_to(
    source: &Source,
    tables: &[Table],
    cuts: &[Vec<Chunk>],
    state: &SourceState,
    chunk_rows: u64,
) -> Result<Vec<(TableName, String)>> {
    let mut now = Snapshot::open(source, 1).await?;
    let mut written = Vec::new();
    for (table, cuts) in tables.iter().zip(cuts) {
        if let Sameness::Changed(what) = now.compare(&table.read, state, cuts, chunk_rows).await? {
            written.push((table.source.clone(), what));
        }
    }
    Ok(written)
}
