//! Makes mismatches go away: what is missing is put in, what differs is corrected column by
//! column, what is extra is taken out. Each row is one action, with what the row was before sealed
//! beside it, and the other way back is the same list read backwards.
//!
//! Nothing is believed of the list of mismatches but where to look: before a row is touched, both
//! sides are looked at again.

mod actions;
mod journal;
mod take_back;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use shared::connection::Engine;
use shared::error_code::ErrorCode;
use shared::id::{RepairId, VerificationId};
use shared::plan::Plan;
use shared::verification::{
    Mode, RepairOutcome, RepairSelection, SampleSize, SequenceBehind, TableRepair,
};

use self::actions::{Repairing, What};
use super::board::Board;
use super::compare::{Readers, Work};
use super::conduct::{Opened, open};
use super::record::{self, Record, Which};
use super::{GoingOn, Request, prepare, references, rows};
use crate::clock::Clock;
use crate::error::{EngineError, Result};
use crate::ident::{literal, quote, quote_table};
use crate::load::mark::TableRecord;
use crate::load::{PostgresTarget, Session, SqliteTarget, Target, ledger};
use crate::map::order;
use crate::run::governor::Governor;
use crate::run::{Stop, work_hash};
use crate::seal::Key;

pub use take_back::{Approval, take_back};

/// Whether a repair is done or only tried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Everything is done and taken back again: what the target would refuse is known.
    Rehearse,
    Write,
}

/// What is to be repaired.
pub struct RepairRequest {
    pub plan: Plan,
    pub source_url: String,
    pub target_url: String,
    /// The verification whose mismatches are meant; else the latest of the plan version.
    pub verification_id: Option<VerificationId>,
    pub repair_id: RepairId,
    pub selection: RepairSelection,
    pub effect: Effect,
    /// The key of the run and of the verification.
    pub key: Key,
    pub stop: Stop,
    pub clock: Arc<dyn Clock>,
}

/// Carries a repair out, or tries it out.
pub async fn repair(request: RepairRequest) -> Result<RepairOutcome> {
    match Engine::of_url(&request.target_url) {
        Some(Engine::Postgres) => {
            carry_out(PostgresTarget::new(&request.target_url), request).await
        }
        Some(Engine::Sqlite) => carry_out(SqliteTarget::new(&request.target_url), request).await,
        _ => Err(EngineError::new(ErrorCode::Conn006, "opening the target of a repair")),
    }
}

async fn carry_out<T: Target>(target: T, request: RepairRequest) -> Result<RepairOutcome>
where
    T::Session: 'static,
{
    let began = Instant::now();
    let comparison = Request {
        plan: request.plan.clone(),
        source_url: request.source_url.clone(),
        target_url: request.target_url.clone(),
        verification_id: request.verification_id.clone().unwrap_or_else(unnamed),
        mode: Mode::Full,
        sample: SampleSize::default(),
        going_on: GoingOn::None,
        workers: Some(1),
        key: request.key.clone(),
        progress: tokio::sync::watch::channel(None).0,
        stop: request.stop.clone(),
        clock: Arc::clone(&request.clock),
    };
    let mut opened = open(&target, &comparison).await?;
    let verification = find(&mut opened.session, &request).await?;
    let _lock = target.lock().await?.ok_or_else(|| {
        EngineError::new(ErrorCode::Load009, "repairing what a verification found")
    })?;
    for statement in journal::create_statements(target.engine()) {
        opened.session.run_script(&statement).await?;
    }
    let records = match &opened.run {
        Some(run) => ledger::tables(&mut opened.session, &run.run_id).await?,
        None => Vec::new(),
    };
    // Few rows are read: those that differ.
    let governor = Governor::free(rows::BATCH_BYTES);
    let mut prepared = prepare::prepare(&mut opened, &comparison, Vec::new(), &governor).await?;
    let readers = prepared.readers.pop().ok_or_else(|| {
        EngineError::new(ErrorCode::Sys001, "repairing").because("no reader is open")
    })?;
    let order = order::order(&request.plan, &opened.catalog);
    let Opened { catalog, session, run, .. } = opened;
    let work = Work {
        verification: verification.id.clone(),
        run_id: run.map(|run| run.run_id),
        tables: prepared.tables,
        session: tokio::sync::Mutex::new(session),
        board: Arc::new(Board::new(comparison.progress.clone())),
        governor,
        target_computes: prepared.target_computes,
        among_servers: prepared.among_servers,
        request: comparison,
    };
    // For what is written: the other session reads what is in quarantine meanwhile.
    let mut writer = target.session().await?;
    let whole = Whole { work: &work, request: &request, catalog: &catalog, records, order };
    let (tables, sequences) = whole.repair(&mut writer, readers).await?;
    let id = verification.id.parse().map_err(|error: shared::id::InvalidId| {
        EngineError::new(ErrorCode::Sys001, "reading the verification's id").because(error)
    })?;
    Ok(RepairOutcome {
        repair_id: request.repair_id.clone(),
        verification_id: id,
        done: request.effect == Effect::Write,
        tables,
        sequences,
        seconds: began.elapsed().as_secs_f64(),
    })
}

/// The verification whose mismatches are meant.
async fn find<S: Session>(session: &mut S, request: &RepairRequest) -> Result<Record> {
    let hash = work_hash(&request.plan);
    let found = match &request.verification_id {
        Some(id) => record::find_by_id(session, id.as_str()).await?,
        None => record::find(session, &hash, Which::LatestWhole).await?,
    };
    let nothing = || EngineError::new(ErrorCode::Ver003, "looking for mismatches of the plan");
    let record = found.filter(|record| record.plan_hash == hash).ok_or_else(nothing)?;
    if record.mode == Mode::Sample || record.findings.is_none() {
        return Err(EngineError::new(
            ErrorCode::Ver004,
            format!("repairing from verification {}", record.id),
        ));
    }
    Ok(record)
}

fn unnamed() -> VerificationId {
    VerificationId::parse("latest").expect("a word is an id")
}

/// A repair of all tables.
struct Whole<'a, S: Session> {
    work: &'a Work<S>,
    request: &'a RepairRequest,
    catalog: &'a shared::assessment::Catalog,
    /// The run's tables, so that what is written counts as the run's.
    records: Vec<TableRecord>,
    /// Parents first.
    order: Vec<Vec<usize>>,
}

impl<S: Session + 'static> Whole<'_, S> {
    async fn repair(
        &self,
        writer: &mut S,
        mut readers: Readers,
    ) -> Result<(Vec<TableRepair>, Vec<SequenceBehind>)> {
        let rehearses = self.request.effect == Effect::Rehearse;
        if rehearses {
            writer.run_script("begin").await?;
        }
        let mut repairing = self.tables();
        let done = self.pass(writer, &mut readers, &mut repairing).await;
        let sequences = match &done {
            Ok(()) => self.move_sequences(writer).await,
            Err(_) => Ok(Vec::new()),
        };
        if rehearses {
            writer.run_script("rollback").await?;
        }
        done?;
        let tables = repairing.into_iter().map(|table| table.count).collect();
        Ok((tables, sequences?))
    }

    /// Children go before their parents and come after them. What something else was in the way of
    /// is tried once more.
    async fn pass(
        &self,
        writer: &mut S,
        readers: &mut Readers,
        tables: &mut [Repairing<'_>],
    ) -> Result<()> {
        for again in [false, true] {
            for table in tables.iter_mut().rev() {
                table.repair(self, writer, readers, What::Extra, again).await?;
            }
            for table in tables.iter_mut() {
                table.repair(self, writer, readers, What::MissingAndDifferent, again).await?;
            }
        }
        Ok(())
    }

    /// The tables that are repaired, parents first.
    fn tables(&self) -> Vec<Repairing<'_>> {
        let wanted = &self.request.selection.tables;
        let mut seen = BTreeSet::new();
        let mut tables = Vec::new();
        for index in self.order.iter().flatten() {
            let found = self
                .work
                .tables
                .iter()
                .find(|table| table.comparison.parts.iter().any(|part| part.index == *index));
            let Some(table) = found.filter(|table| seen.insert(table.place)) else { continue };
            let name = &table.comparison.target;
            let is_wanted = wanted.is_empty()
                || wanted.iter().any(|wanted| {
                    wanted.name == name.name
                        && (wanted.schema.is_none() || wanted.schema == name.schema)
                });
            let record = self.records.iter().find(|record| record.target == *name);
            if is_wanted && let Some(there) = self.catalog.table(name) {
                tables.push(Repairing::new(table, there, record));
            }
        }
        tables
    }

    /// Sequences that would give out a value that is taken go on after the largest one.
    async fn move_sequences(&self, writer: &mut S) -> Result<Vec<SequenceBehind>> {
        let engine = Engine::Postgres;
        let behind = references::behind(writer, &self.request.plan, self.catalog).await?;
        let wanted = &self.request.selection.tables;
        let behind: Vec<SequenceBehind> = behind
            .into_iter()
            .filter(|one| wanted.is_empty() || wanted.contains(&one.target))
            .collect();
        for one in &behind {
            let Some(sequence) = references::sequence_of(writer, &one.target, &one.column).await?
            else {
                continue;
            };
            let sql = format!(
                "select setval({}, max({}))::text from {}",
                literal(engine, &sequence),
                quote(engine, &one.column),
                quote_table(engine, &one.target)
            );
            if self.request.effect == Effect::Write {
                writer.fetch(&sql, &[]).await?;
            }
        }
        Ok(behind)
    }
}
