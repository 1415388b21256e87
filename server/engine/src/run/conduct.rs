//! From opening both sides to closing the books.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use shared::assessment::Catalog;
use shared::connection::{Engine, without_secret};
use shared::error_code::ErrorCode;
use shared::plan::{Plan, TableMapping};
use shared::run::{Failure, OutcomeStatus, Phase, RunOutcome, RunState, TableOutcome};

use super::board::Board;
use super::copy::{Context, Job, TableCopy};
use super::{Request, Start, finish, plan_hash};
use crate::assess::catalog;
use crate::connect::Source;
use crate::error::{EngineError, Result};
use crate::extract::{Chunk, Form, ReadColumn, Reader, Snapshot, TableRead};
use crate::ident::quote_table;
use crate::load::ledger::{self, RunRecord};
use crate::load::schema::{self, Kind};
use crate::load::{LoadColumn, LoadTable, Session, Target};
use crate::map::{self, check, order, target_name};
use crate::transform::{self, End, RowTransform};

pub(super) async fn conduct<T: Target + 'static>(
    target: T,
    request: Request,
) -> Result<RunOutcome> {
    let began = Instant::now();
    let board = Arc::new(Board::new(&request.plan, request.progress.clone()));
    let source = Source::open(&request.source_url).await?;
    let source_catalog = catalog::of_source(&source).await?;
    // Until the plan is found to be good, a target that is a file is not even made.
    let target_catalog = map::catalog_of_target(&request.target_url).await?;
    refuse_problems(&check::check(&request.plan, &source_catalog, Some(&target_catalog)))?;
    tables(&request, source.engine(), &source_catalog, &target_catalog)?;
    let mut session = target.session().await?;
    let _lock = target.lock().await?.ok_or_else(|| {
        EngineError::new(
            ErrorCode::Load009,
            format!("opening {}", without_secret(&request.target_url)),
        )
    })?;
    for statement in ledger::create_statements(target.engine()) {
        session.run_script(&statement).await?;
    }
    let (run, is_new) = match begin(&mut session, &request).await? {
        Begun::Completed(run) => {
            return completed_before(&mut session, &request, &run, began).await;
        }
        Begun::Continued(run) => (run, false),
        Begun::New(run) => (run, true),
    };
    let work = Work { request, target: Arc::new(target), board, run, is_new };
    let done = work.carry_out(&mut session, &source, &source_catalog).await;
    work.close(&mut session, done, began).await
}

/// What there is to do about earlier runs of the plan.
enum Begun {
    New(RunRecord),
    Continued(RunRecord),
    Completed(RunRecord),
}

async fn begin<S: Session>(session: &mut S, request: &Request) -> Result<Begun> {
    let hash = plan_hash(&request.plan);
    let earlier = ledger::find_run(session, &hash).await?;
    let mut in_the_way = others_in_the_way(session, request, &hash).await?;
    match (request.start, earlier) {
        (Start::Fresh, earlier) => {
            in_the_way.extend(earlier);
            for run in &in_the_way {
                finish::take_back(session, run, request.clock.now()).await?;
            }
        }
        (Start::Continue, Some(run)) if run.state == RunState::Completed => {
            return Ok(Begun::Completed(run));
        }
        (Start::Continue, Some(run)) => return Ok(Begun::Continued(run)),
        (Start::Continue, None) => {
            if let Some(other) = in_the_way.first() {
                let (id, plan) = (&other.run_id, &other.plan_name);
                let doing = format!("beginning a run: run {id} of the plan {plan} is unfinished");
                return Err(EngineError::new(ErrorCode::Load007, doing));
            }
        }
    }
    Ok(Begun::New(RunRecord {
        run_id: request.run_id.to_string(),
        plan_hash: hash,
        plan_name: request.plan.name.clone(),
        state: RunState::Running,
    }))
}

/// Unfinished runs of other plans that made a table into which this one would load, and of other
/// versions of this plan.
async fn others_in_the_way<S: Session>(
    session: &mut S,
    request: &Request,
    hash: &str,
) -> Result<Vec<RunRecord>> {
    let engine = session.engine();
    let plan = &request.plan;
    let targets: HashSet<String> =
        plan.tables.iter().map(|m| target_name(engine, &m.target).to_string()).collect();
    let mut others = Vec::new();
    for run in ledger::unfinished_runs(session).await? {
        if run.plan_hash == hash {
            continue;
        }
        let objects = ledger::objects(session, &run.run_id).await?;
        let shares_a_table = objects
            .iter()
            .any(|(kind, name)| kind == Kind::Table.as_str() && targets.contains(name));
        if shares_a_table || run.plan_name == plan.name {
            others.push(run);
        }
    }
    Ok(others)
}

/// The run of this very plan is through already: its outcome is told again.
async fn completed_before<S: Session>(
    session: &mut S,
    request: &Request,
    run: &RunRecord,
    began: Instant,
) -> Result<RunOutcome> {
    let board = Board::new(&request.plan, request.progress.clone());
    let entries = ledger::entries(session, &run.run_id).await?;
    for index in 0..request.plan.tables.len() {
        let chunks = ledger::chunks(session, &run.run_id, place(index)).await?;
        board.planned(index, chunks.iter().map(|chunk| chunk.rows).sum(), chunks.len());
    }
    for entry in &entries {
        board.committed(entry);
    }
    board.enter(Phase::Done);
    outcome(&board, run, OutcomeStatus::Completed, None, began)
}

/// A run under way, with everything that its steps share.
struct Work<T: Target> {
    request: Request,
    target: Arc<T>,
    board: Arc<Board>,
    run: RunRecord,
    is_new: bool,
}

/// How far the steps went.
enum Done {
    Everything,
    /// Somebody asked the run to stop.
    Stopped,
}

impl<T: Target + 'static> Work<T> {
    async fn carry_out(
        &self,
        session: &mut T::Session,
        source: &Source,
        source_catalog: &Catalog,
    ) -> Result<Done> {
        let plan = &self.request.plan;
        let workers = match self.target.engine() {
            // SQLite has one writer.
            Engine::Sqlite => 1,
            _ => usize::from(self.request.workers.unwrap_or(plan.options.workers).max(1)),
        };
        self.board.enter(Phase::Preparing);
        self.prepare(session).await?;
        let target_catalog = session.catalog().await?;
        let tables = tables(&self.request, source.engine(), source_catalog, &target_catalog)?;
        let mut snapshot = Snapshot::open(source, workers).await?;
        let jobs = self.cut(session, &mut snapshot, &tables).await?;
        self.board.enter(Phase::Copying);
        let levels = self.levels(session, jobs).await?;
        if !levels.is_empty() && self.copy(snapshot.into_readers(), levels).await? {
            return Ok(Done::Stopped);
        }
        self.board.enter(Phase::Finishing);
        finish::finish(self.target.as_ref(), session, &self.request, &self.run, &self.board)
            .await?;
        self.board.enter(Phase::Closing);
        Ok(Done::Everything)
    }

    /// Makes what the target lacks and writes the run down, in one transaction.
    async fn prepare(&self, session: &mut T::Session) -> Result<()> {
        let plan = &self.request.plan;
        let target_catalog = session.catalog().await?;
        let engine = self.target.engine();
        if self.is_new {
            for mapping in &plan.tables {
                refuse_rows(session, engine, &target_catalog, mapping).await?;
            }
        }
        session.run_script("begin").await?;
        let now = self.request.clock.now();
        let made = async {
            if self.is_new {
                ledger::insert_run(session, &self.run, now).await?;
            } else {
                ledger::set_state(session, &self.run.run_id, RunState::Running, now).await?;
            }
            let known = ledger::objects(session, &self.run.run_id).await?;
            for creation in schema::before_load(plan, &target_catalog) {
                if known.contains(&(creation.kind.as_str().to_owned(), creation.name.clone())) {
                    if creation.kind == Kind::Sql {
                        continue;
                    }
                } else {
                    let run_id = &self.run.run_id;
                    ledger::insert_object(session, run_id, creation.kind, &creation.name).await?;
                }
                session.run_script(&creation.sql).await.map_err(|error| {
                    let doing = format!("making the {} {}", creation.kind.as_str(), creation.name);
                    EngineError::new(error.code(), doing).because(error)
                })?;
            }
            Ok(())
        }
        .await;
        end(session, made).await
    }

    /// Cuts every table into chunks. A run that continues has to find the cuts that it made.
    async fn cut(
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

    /// Jobs that may run side by side, level by level. Where the target has foreign keys already,
    /// a table's parents are all there before its first row; else there is one level.
    async fn levels(
        &self,
        session: &mut T::Session,
        jobs: VecDeque<Job>,
    ) -> Result<Vec<VecDeque<Job>>> {
        let catalog = session.catalog().await?;
        let groups = order::order(&self.request.plan, &catalog);
        let has_keys = self.target.engine() == Engine::Postgres
            && self.request.plan.tables.iter().any(|mapping| {
                let table = catalog.table(&target_name(catalog.engine, &mapping.target));
                table.is_some_and(|table| !table.foreign_keys.is_empty())
            });
        let mut levels = Vec::new();
        levels.resize_with(if has_keys { groups.len() } else { 1 }, VecDeque::new);
        for job in jobs {
            let group = groups.iter().position(|group| group.contains(&job.table.index));
            let level = if has_keys { group.unwrap_or_default() } else { 0 };
            levels[level].push_back(job);
        }
        levels.retain(|level| !level.is_empty());
        Ok(levels)
    }

    /// Copies all chunks, as many at once as there are readers. True when somebody asked to stop.
    async fn copy(&self, readers: Vec<Reader>, levels: Vec<VecDeque<Job>>) -> Result<bool> {
        let context = Arc::new(Context {
            run_id: self.run.run_id.clone(),
            options: self.request.plan.options.clone(),
            key: self.request.key.clone(),
            clock: Arc::clone(&self.request.clock),
            stop: self.request.stop.clone(),
            board: Arc::clone(&self.board),
        });
        let mut pairs = Vec::new();
        for reader in readers {
            pairs.push((self.target.session().await?, reader));
        }
        for jobs in levels {
            let jobs = Arc::new(Mutex::new(jobs));
            let mut workers = tokio::task::JoinSet::new();
            for (session, reader) in pairs.drain(..) {
                workers.spawn(work(Arc::clone(&context), session, reader, Arc::clone(&jobs)));
            }
            let mut failure = None;
            while let Some(ended) = workers.join_next().await {
                match ended {
                    Ok(Ok(pair)) => pairs.push(pair),
                    Ok(Err(error)) => {
                        // The others come to the end of their chunks, which the ledger then has.
                        context.stop.request();
                        failure.get_or_insert(error);
                    }
                    Err(error) => {
                        context.stop.request();
                        failure.get_or_insert(
                            EngineError::new(ErrorCode::Sys001, "copying").because(error),
                        );
                    }
                }
            }
            if let Some(error) = failure {
                return Err(error);
            }
            if !lock(&jobs).is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Writes down how the run ended and adds up.
    async fn close(
        self,
        session: &mut T::Session,
        done: Result<Done>,
        began: Instant,
    ) -> Result<RunOutcome> {
        let failure = match &done {
            Err(error) => Some(failure(error)),
            Ok(Done::Everything) => self.unclosed(),
            Ok(Done::Stopped) => None,
        };
        let (state, status) = match (&done, &failure) {
            (_, Some(_)) => (RunState::Failed, OutcomeStatus::Failed),
            (Ok(Done::Stopped), None) => (RunState::Paused, OutcomeStatus::Paused),
            _ => (RunState::Completed, OutcomeStatus::Completed),
        };
        if let Err(error) = &done {
            tracing::error!(run.id = %self.run.run_id, code = %error.code(), cause = ?causes(error),
                "the run stopped: {error}");
        }
        if state == RunState::Completed {
            self.board.enter(Phase::Done);
        }
        let written =
            ledger::set_state(session, &self.run.run_id, state, self.request.clock.now()).await;
        match (written, &failure) {
            // When the target is gone, why the run failed matters more than that this failed too.
            (Err(error), None) => return Err(error),
            (Err(error), Some(_)) => {
                tracing::warn!(run.id = %self.run.run_id, "the run's state could not be written: {error}");
            }
            (Ok(()), _) => {}
        }
        outcome(&self.board, &self.run, status, failure, began)
    }

    /// The first table whose books do not close.
    fn unclosed(&self) -> Option<Failure> {
        let picture = self.board.picture();
        let table = picture.tables.iter().find(|table| !table.books.close())?;
        let books = table.books;
        Some(Failure {
            code: ErrorCode::Load005,
            message: format!(
                "{}: {} rows read, {} accounted for",
                table.source,
                books.read,
                books.accounted()
            ),
        })
    }
}

/// What is read, how it is turned and where it goes, table by table.
fn tables(
    request: &Request,
    source: Engine,
    source_catalog: &Catalog,
    target_catalog: &Catalog,
) -> Result<Vec<Arc<TableCopy>>> {
    let plan = &request.plan;
    let engine = target_catalog.engine;
    let secret = request.key.as_bytes();
    plan.tables
        .iter()
        .enumerate()
        .map(|(index, mapping)| {
            let mapping = with_types_of(target_catalog, engine, mapping);
            let name = target_name(engine, &mapping.target);
            let from =
                End { engine: source, table: map::source_table(source_catalog, &mapping.source) };
            let to = End { engine, table: target_catalog.table(&name) };
            let mut read = transform::read_for(&mapping, from, to);
            let columns: Vec<LoadColumn> =
                RowTransform::compile(plan, &mapping, &read, engine, secret)?
                    .outputs()
                    .iter()
                    .map(|column| LoadColumn {
                        name: column.name.clone(),
                        data_type: column.data_type.clone(),
                        is_enum: is_enum(target_catalog, plan, &column.data_type),
                        is_raw: is_raw(&mapping, &read, &column.name),
                    })
                    .collect();
            let load = LoadTable { name, columns };
            if !load.goes_binary() {
                // One column has to go as text, and so all of them do.
                read.columns.iter_mut().for_each(ReadColumn::as_value);
            }
            let turn = RowTransform::compile(plan, &mapping, &read, engine, secret)?;
            Ok(Arc::new(TableCopy { index, source: mapping.source, read, turn, load }))
        })
        .collect()
}

/// One worker: a reader and a session of its own, until no job is left. Both come back.
async fn work<S: Session>(
    context: Arc<Context>,
    mut session: S,
    mut reader: Reader,
    jobs: Arc<Mutex<VecDeque<Job>>>,
) -> Result<(S, Reader)> {
    loop {
        // Stop only here: what the ledger holds is then the whole truth.
        if context.stop.is_requested() {
            return Ok((session, reader));
        }
        let Some(job) = lock(&jobs).pop_front() else { return Ok((session, reader)) };
        reader = context.copy_chunk(&mut session, reader, &job).await?;
    }
}

fn lock<V>(mutex: &Mutex<V>) -> std::sync::MutexGuard<'_, V> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ends a transaction the way its work ended.
pub(super) async fn end<S: Session, V>(session: &mut S, done: Result<V>) -> Result<V> {
    match done {
        Ok(value) => session.run_script("commit").await.map(|()| value),
        Err(error) => {
            // The error is what matters; a lost connection has rolled back by itself.
            let _ = session.run_script("rollback").await;
            Err(error)
        }
    }
}

fn refuse_problems(problems: &[shared::plan::PlanProblem]) -> Result<()> {
    let Some(first) = problems.first() else { return Ok(()) };
    let more = match problems.len() {
        1 => String::new(),
        count => format!(" (and {} more)", count - 1),
    };
    Err(EngineError::new(first.code, format!("{}: {}{more}", first.at, first.message)))
}

/// Rows that are not the run's own could not be told from them later.
async fn refuse_rows<S: Session>(
    session: &mut S,
    engine: Engine,
    target: &Catalog,
    mapping: &TableMapping,
) -> Result<()> {
    let name = target_name(engine, &mapping.target);
    if target.table(&name).is_none() {
        return Ok(());
    }
    let sql = format!("select '1' from {} limit 1", quote_table(engine, &name));
    if session.fetch(&sql, &[]).await?.is_empty() {
        return Ok(());
    }
    Err(EngineError::new(ErrorCode::Load001, format!("loading into {name}")))
}

/// Where the table is there already, its columns have the types that they have.
fn with_types_of(target: &Catalog, engine: Engine, mapping: &TableMapping) -> TableMapping {
    let mut mapping = mapping.clone();
    if engine == Engine::Postgres
        && let Some(table) = target.table(&target_name(engine, &mapping.target))
    {
        for column in &mut mapping.columns {
            if let Some(known) = table.column(&column.target) {
                column.data_type = known.data_type.clone();
                column.nullable = known.nullable;
            }
        }
    }
    mapping
}

fn is_enum(target: &Catalog, plan: &Plan, data_type: &shared::data_type::DataType) -> bool {
    let shared::data_type::DataType::Named(name) = data_type else { return false };
    plan.enums.contains_key(name)
        || name.parse().is_ok_and(|name: shared::assessment::TableName| {
            let name = target_name(Engine::Postgres, &name);
            target.enums.iter().any(|known| known.name == name)
        })
}

/// Whether a column of the target gets the source's own bytes.
fn is_raw(mapping: &TableMapping, read: &TableRead, target: &str) -> bool {
    let column = mapping.columns.iter().find(|column| column.target == target);
    let Some(source) = column.and_then(|column| column.source.as_ref()) else { return false };
    read.columns.iter().any(|column| column.name == *source && column.form == Form::Raw)
}

fn place(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

fn failure(error: &EngineError) -> Failure {
    Failure { code: error.code(), message: error.to_string() }
}

/// The chain below an error, for the log.
fn causes(error: &EngineError) -> Vec<String> {
    let mut causes = Vec::new();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        causes.push(cause.to_string());
        next = cause.source();
    }
    causes
}

#[expect(clippy::cast_precision_loss, reason = "a speed has no use for more digits")]
fn outcome(
    board: &Board,
    run: &RunRecord,
    status: OutcomeStatus,
    failure: Option<Failure>,
    began: Instant,
) -> Result<RunOutcome> {
    let picture = board.picture();
    let seconds = began.elapsed().as_secs_f64();
    let run_id = run.run_id.parse().map_err(|error: shared::id::InvalidId| {
        EngineError::new(ErrorCode::Sys001, "reading the run's id from the target").because(error)
    })?;
    Ok(RunOutcome {
        run_id,
        status,
        books_close: status == OutcomeStatus::Completed
            && picture.tables.iter().all(|table| table.books.close()),
        rows_per_second: picture.books().accounted() as f64 / seconds.max(f64::EPSILON),
        tables: picture
            .tables
            .into_iter()
            .map(|table| TableOutcome {
                source: table.source,
                target: table.target,
                books: table.books,
                bytes: table.bytes,
                seconds: table.seconds,
            })
            .collect(),
        seconds,
        peak_rss_bytes: super::peak_rss_bytes(),
        failure,
    })
}
