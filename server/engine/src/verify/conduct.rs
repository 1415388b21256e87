//! From opening both sides to what was found.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use shared::assessment::Catalog;
use shared::connection::Engine;
use shared::error_code::ErrorCode;
use shared::plan::Plan;
use shared::run::Failure;
use shared::verification::{
    Findings, Mode, SampleSize, TableVerification, VerificationOutcome, VerificationState,
};

use super::board::Board;
use super::compare::{Table, Work};
use super::freshness::{self, Marks};
use super::prepare::{self, jobs};
use super::record::{self, Counts, Identities, Record, Segment, Which};
use super::table::{Comparison, comparisons};
use super::{GoingOn, Request};
use super::{merged, references, rows, sample};
use crate::assess::catalog;
use crate::connect::Source;
use crate::error::{EngineError, Result};
use crate::load::ledger::{self, RunRecord};
use crate::load::{Session, Target, claim};
use crate::map::check;
use crate::run::governor::{Governor, Sparing, Watcher};
use crate::run::work_hash;

pub(super) async fn conduct<T: Target>(target: T, request: Request) -> Result<VerificationOutcome>
where
    T::Session: 'static,
{
    let mut opened = open(&target, &request).await?;
    claim::name_session(&mut opened.session, freshness::VERIFIER).await?;
    let board = Arc::new(Board::new(request.progress.clone()));
    let watcher = Arc::clone(&board) as Arc<dyn Watcher>;
    let sparing = Sparing::of(&request.plan, &request.source_url, &request.clock, watcher);
    sparing.await_window(&request.stop).await?;
    let workers = prepare::workers(&request);
    let governor = sparing.begin(&opened.source, workers, rows::BATCH_BYTES);
    // Before the snapshots: what changes from here on changes the marks.
    let marks = freshness::marks(&request.plan, &opened.source, &opened.target).await?;
    let _joined = join(&target, &mut opened.session, request.clock.now()).await?;
    let begun = begin(&mut opened, &request, &marks).await?;
    let (id, compared) = (begun.record.id.clone(), opened.target.clone());
    let clock = Arc::clone(&request.clock);
    let outcome = carry_out(&target, opened, request, begun, (board, governor)).await;
    if outcome.is_err() {
        let written = async {
            let mut session = target.session().await?;
            let failed = VerificationState::Failed;
            write_end(&mut session, &compared, &id, (failed, None), clock.now()).await
        };
        if let Err(error) = written.await {
            // The next verification in this target finds that nobody works on this one.
            tracing::warn!(verification.id = %id, "{error}");
        }
    }
    outcome
}

/// Joins the verifications under way in a target. Where there is none, those that are said to be
/// were left by processes that are gone: they can go on.
async fn join<T: Target>(
    target: &T,
    session: &mut T::Session,
    now: DateTime<Utc>,
) -> Result<Box<dyn Send>> {
    if let Some(_alone) = target.lock_verifications().await? {
        record::give_up(session, now).await?;
    }
    target.join_verifications().await
}

/// A verification that is written down as under way.
struct Begun {
    record: Record,
    /// What was compared before.
    done: Vec<Segment>,
    marks: Marks,
}

/// Compares and writes down what was found. After an error it is still said to be under way.
async fn carry_out<T: Target>(
    target: &T,
    mut opened: Opened<T::Session>,
    request: Request,
    Begun { record, done, marks }: Begun,
    (board, governor): (Arc<Board>, Governor),
) -> Result<VerificationOutcome>
where
    T::Session: 'static,
{
    let unchanged = match request.mode {
        Mode::SinceLast => unchanged(&mut opened.session, &request, &record, &marks).await?,
        Mode::Full | Mode::Sample => Vec::new(),
    };
    let mut prepared = prepare::prepare(&mut opened, &request, unchanged, &governor).await?;
    let jobs = jobs(&mut prepared.tables, &board, &done);
    let Opened { source, target: compared, catalog, session, run, .. } = opened;
    let sides = Sides { source, target: compared, catalog, notes: prepared.notes };
    let work = Arc::new(Work {
        verification: record.id,
        run_id: run.map(|run| run.run_id),
        tables: prepared.tables,
        session: tokio::sync::Mutex::new(session),
        board,
        target_computes: prepared.target_computes,
        among_servers: prepared.among_servers,
        governor,
        request,
    });
    let mut carried_out = work.carry_out(prepared.readers, jobs).await;
    if let Err(error) = carried_out {
        // The session may be gone, and whoever was at work was given up, maybe in a transaction.
        let Ok(session) = target.session().await else { return Err(error) };
        *work.session.lock().await = session;
        carried_out = Err(error);
    }
    if matches!(carried_out, Ok(false)) {
        let marks = marks.begun(&sides.target);
        let looked = work.look_again(&sides.source, &sides.target, &marks).await;
        carried_out = looked.map(|()| work.request.stop.is_requested());
    }
    close(&work, carried_out, sides).await
}

/// Both sides, and what there is to compare of them.
pub(super) struct Opened<S> {
    pub(super) source: Source,
    pub(super) target: Source,
    /// What the target holds.
    pub(super) catalog: Catalog,
    /// For what is written down.
    pub(super) session: S,
    pub(super) comparisons: Vec<Comparison>,
    /// The run by which the plan's rows came into the target, as far as it is known.
    pub(super) run: Option<RunRecord>,
}

pub(super) async fn open<T: Target>(target: &T, request: &Request) -> Result<Opened<T::Session>> {
    let source = Source::open(&request.source_url).await?;
    let other = Source::open(&request.target_url).await?;
    let source_catalog = catalog::of_source(&source).await?;
    let mut session = target.session().await?;
    let catalog = session.catalog().await?;
    refuse_problems(&request.plan, &source_catalog, &catalog)?;
    let secret = request.key.as_bytes();
    let mut comparisons = comparisons(&request.plan, &source_catalog, &catalog, secret)?;
    let engine = target.engine();
    let own = ledger::create_statements(engine).into_iter();
    for statement in own.chain(record::create_statements(engine)) {
        session.run_script(&statement).await?;
    }
    let merged = merged::load(&mut session, &request.key, &comparisons).await?;
    for (comparison, merged) in comparisons.iter_mut().zip(merged) {
        comparison.merged = merged;
    }
    let run = ledger::find_run(&mut session, &work_hash(&request.plan)).await?;
    Ok(Opened { source, target: other, catalog, session, comparisons, run })
}

/// What is needed again at the end.
struct Sides {
    source: Source,
    target: Source,
    catalog: Catalog,
    notes: Vec<String>,
}

pub(super) fn refuse_problems(plan: &Plan, source: &Catalog, target: &Catalog) -> Result<()> {
    // No key is made, so it does not matter which are still to come.
    let all = target.tables.iter().map(|table| table.name.clone()).collect();
    let problems = check::check(plan, source, Some((target, &all)));
    match problems.first() {
        None => Ok(()),
        Some(first) => {
            Err(EngineError::new(first.code, format!("{}: {}", first.at, first.message)))
        }
    }
}

/// The verification that goes on, with the segments that are through, or a new one.
async fn begin<S: Session>(
    opened: &mut Opened<S>,
    request: &Request,
    marks: &Marks,
) -> Result<Begun> {
    let Opened { session, target, run, comparisons, .. } = opened;
    let now = request.clock.now();
    let hash = work_hash(&request.plan);
    let unfinished = match &request.going_on {
        GoingOn::Latest => record::find(session, &hash, Which::Latest)
            .await?
            .filter(|record| record.state.allows(VerificationState::Running)),
        GoingOn::This(id) => record::find_by_id(session, id.as_str())
            .await?
            .filter(|record| record.plan_hash == hash && !record.state.is_through()),
        GoingOn::None => None,
    };
    if let Some(record) = unfinished
        && record.mode == request.mode
        && read_marks(&record)?.all_hold(marks, &request.plan)
    {
        record::set_state(session, &record.id, VerificationState::Running, None, now).await?;
        let done = record::segments(session, &record.id).await?;
        return Ok(Begun { record, done, marks: marks.clone() });
    }
    let begun_with = serde_json::to_string(&marks.clone().begun(target)).map_err(unwritable)?;
    let identities: Identities = comparisons
        .iter()
        .map(|comparison| (comparison.target.to_string(), comparison.key_columns()))
        .collect();
    let record = Record {
        id: request.verification_id.to_string(),
        run_id: run.as_ref().map(|run| run.run_id.clone()),
        plan_hash: hash,
        plan_name: request.plan.name.clone(),
        mode: request.mode,
        state: VerificationState::Running,
        marks: begun_with,
        identities: serde_json::to_string(&identities).map_err(unwritable)?,
        findings: None,
    };
    record::insert(session, &record, now).await?;
    Ok(Begun { record, done: Vec::new(), marks: marks.clone() })
}

/// What the last verification found equal, of tables that are still what they were.
async fn unchanged<S: Session>(
    session: &mut S,
    request: &Request,
    record: &Record,
    now: &Marks,
) -> Result<Vec<TableVerification>> {
    let last = record::find(session, &record.plan_hash, Which::LatestWhole).await?;
    let Some((last, findings)) = last.and_then(|last| Some((last.clone(), last.findings?))) else {
        return Ok(Vec::new());
    };
    let marks = read_marks(&last)?;
    let findings: Findings = serde_json::from_str(&findings).map_err(unwritable)?;
    let holds = |table: &TableVerification| {
        request.plan.tables.iter().any(|mapping| {
            mapping.source == table.source
                && table.target.name == mapping.target.name
                && marks.hold(now, &mapping.source.to_string(), &mapping.target.to_string())
        })
    };
    let mut kept: Vec<TableVerification> = findings.tables;
    // A table that several mappings fill is unchanged when all of them are.
    let changed: Vec<_> = kept
        .iter()
        .filter(|table| !table.is_equal() || !holds(table))
        .map(|table| table.target.clone())
        .collect();
    kept.retain(|table| !changed.contains(&table.target));
    for table in &mut kept {
        table.carried_over = true;
    }
    Ok(kept)
}

fn read_marks(record: &Record) -> Result<Marks> {
    serde_json::from_str(&record.marks).map_err(unwritable)
}

fn unwritable(error: serde_json::Error) -> EngineError {
    EngineError::new(ErrorCode::Sys001, "keeping what was verified").because(error)
}

async fn close<S: Session + 'static>(
    work: &Work<S>,
    carried_out: Result<bool>,
    sides: Sides,
) -> Result<VerificationOutcome> {
    let plan = &work.request.plan;
    let mut session = work.session.lock().await;
    let mut findings = Findings {
        tables: work.tables.iter().flat_map(|table| found(table, work.request.sample)).collect(),
        notes: [sides.notes, work.board.notes()].concat(),
        sample: (work.request.mode == Mode::Sample).then_some(work.request.sample),
        ..Findings::default()
    };
    if matches!(carried_out, Ok(false)) {
        findings.references = references::broken(&mut *session, plan, &sides.catalog).await?;
        findings.sequences = references::behind(&mut *session, plan, &sides.catalog).await?;
    }
    findings.seconds = work.board.seconds();
    let (status, failure) = match carried_out {
        Ok(true) => (VerificationState::Paused, None),
        Ok(false) if findings.is_equal() => (VerificationState::Equal, None),
        Ok(false) => (VerificationState::Different, None),
        Err(error) => {
            tracing::error!(verification.id = %work.verification, code = %error.code(),
                "the verification stopped: {error}");
            (VerificationState::Failed, Some(Failure::from(&error)))
        }
    };
    let document = serde_json::to_string(&findings).map_err(unwritable)?;
    let (end, now) = ((status, Some(document.as_str())), work.request.clock.now());
    write_end(&mut *session, &sides.target, &work.verification, end, now).await?;
    let id = work.verification.parse().map_err(|error: shared::id::InvalidId| {
        EngineError::new(ErrorCode::Sys001, "reading the verification's id").because(error)
    })?;
    Ok(VerificationOutcome { status, findings, id: Some(id), failure })
}

/// Writes down how a verification ended, and what it found.
async fn write_end<S: Session>(
    session: &mut S,
    target: &Source,
    id: &str,
    (state, findings): (VerificationState, Option<&str>),
    now: DateTime<Utc>,
) -> Result<()> {
    record::set_state(session, id, state, findings, now).await?;
    if session.engine() == Engine::Sqlite {
        // What lies in the log would be moved into the file later, as if somebody had changed it.
        session.run_script("pragma wal_checkpoint(truncate)").await?;
        freshness::keep_beside(target)?;
    }
    Ok(())
}

/// What comparing a table came to, by mapping. What several of them fill is told with the first.
fn found(table: &Table, size: SampleSize) -> Vec<TableVerification> {
    if let Some(carried) = &table.carried {
        return vec![carried.clone()];
    }
    let counts = table.lock().counts;
    let segments = table.cuts[0].chunks.len() as u64;
    let sample =
        table.drawn.as_ref().map(|drawn| sample::statement(size, segments, drawn.len() as u64));
    let parts = table.comparison.parts.iter().enumerate();
    parts
        .map(|(number, part)| {
            let counts = if number == 0 { counts } else { Counts::default() };
            TableVerification {
                source: part.source.clone(),
                target: table.comparison.target.clone(),
                source_rows: counts.source_rows,
                target_rows: counts.target_rows,
                compared: counts.compared,
                missing: counts.missing,
                extra: counts.extra,
                different: counts.different,
                sample,
                carried_over: false,
            }
        })
        .collect()
}
