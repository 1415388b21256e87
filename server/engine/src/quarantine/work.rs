//! One action: rows are selected, worked and recorded, in one transaction of the target.

use std::collections::BTreeMap;

use futures::future::BoxFuture;
use shared::error_code::ErrorCode;
use shared::id::QuarantineActionId;
use shared::plan::Plan;
use shared::quarantine::{
    ActionKind, Fix, QuarantineAction, QuarantineCount, QuarantineState, Selection, TableWork,
    WorkOutcome,
};
use shared::run::RunState;

use super::fix::{Mended, Mender};
use super::kept::{Conditions, Kept, Pages, Standing, sealed};
use super::lane::Lanes;
use super::record::{self, NewAction, Step};
use super::{Quarantine, replay, undo};
use crate::error::{EngineError, Result};
use crate::load::blueprint::{self, Blueprint};
use crate::load::ledger;
use crate::load::{Session, end};
use crate::seal;

/// What is to be done.
#[derive(Debug, Clone, Copy)]
pub enum Job<'a> {
    /// Somebody has looked at the rows.
    Triage {
        selection: &'a Selection,
    },
    Fix {
        selection: &'a Selection,
        fix: &'a Fix,
    },
    /// Somebody signs that the rows stay behind.
    Waive {
        selection: &'a Selection,
    },
    /// The rows go into the target, by the rules of the run's plan or of another version of it.
    Replay {
        selection: &'a Selection,
        rules: Option<&'a Plan>,
    },
    /// What an action did is taken back.
    Undo {
        action: &'a QuarantineActionId,
    },
}

/// Asked when everything is done and nothing can be seen yet: an audit entry is written then. An
/// error takes everything back.
pub type Approval<'a> = Box<dyn FnOnce(&WorkOutcome) -> BoxFuture<'a, Result<()>> + Send + 'a>;

/// Who works, and how.
pub struct Worker<'a> {
    pub by: &'a str,
    pub note: Option<&'a str>,
    /// Everything is done, told, and taken back.
    pub dry_run: bool,
    pub approval: Approval<'a>,
}

impl<'a> Worker<'a> {
    /// Somebody whose work needs nobody's approval.
    pub fn named(by: &'a str) -> Self {
        let approval: Approval<'a> = Box::new(|_| Box::pin(async { Ok(()) }));
        Self { by, note: None, dry_run: false, approval }
    }
}

pub(super) struct Work<'a, 'w> {
    pub quarantine: Quarantine<'a>,
    pub job: Job<'a>,
    pub worker: Worker<'w>,
}

impl Work<'_, '_> {
    pub(super) async fn ask<S: Session>(self, session: &mut S) -> Result<WorkOutcome> {
        let Quarantine { run, clock, .. } = self.quarantine;
        let id = clock.fresh_id().simple().to_string();
        let action = QuarantineAction {
            id: id.parse().map_err(|error: shared::id::InvalidId| {
                EngineError::new(ErrorCode::Sys001, "naming an action").because(error)
            })?,
            run_id: run.clone(),
            kind: self.job.kind(),
            by: self.worker.by.to_owned(),
            at: clock.now(),
            what: self.job.describe(),
            note: self.worker.note.map(str::to_owned),
            rows: 0,
            undoes: match self.job {
                Job::Undo { action } => Some(action.clone()),
                _ => None,
            },
            undone_by: None,
        };
        let dry_run = self.worker.dry_run;
        session.run_script("begin").await?;
        let done = self.carry_out(session, action).await;
        match done {
            Ok(outcome) if dry_run => session.run_script("rollback").await.map(|()| outcome),
            done => end(session, done).await,
        }
    }

    async fn carry_out<S: Session>(
        self,
        session: &mut S,
        action: QuarantineAction,
    ) -> Result<WorkOutcome> {
        let Quarantine { run, key, .. } = self.quarantine;
        let state = match ledger::run(session, run.as_str()).await? {
            Some(record) if record.state != RunState::RolledBack => record.state,
            _ => return Err(no_such_run(run.as_str())),
        };
        let rule = match self.job {
            Job::Fix { fix, .. } => {
                let rule = serde_json::to_vec(fix).map_err(|error| {
                    EngineError::new(ErrorCode::Sys001, "writing a fix down").because(error)
                })?;
                Some(seal::seal(key, &rule)?)
            }
            _ => None,
        };
        record::insert_action(session, &NewAction { action: &action, rule }).await?;
        let mut desk = Desk {
            quarantine: self.quarantine,
            blueprint: blueprint::find(session, run.as_str())
                .await?
                .ok_or_else(|| no_such_run(run.as_str()))?,
            state,
            action,
            dry_run: self.worker.dry_run,
            tally: Tally::default(),
            action_ordinals: Vec::new(),
        };
        match self.job {
            Job::Triage { selection } => {
                desk.mark(session, selection, QuarantineState::Triaged).await?;
            }
            Job::Waive { selection } => {
                desk.mark(session, selection, QuarantineState::Waived).await?;
            }
            Job::Fix { selection, fix } => desk.fix(session, selection, fix).await?,
            Job::Replay { selection, rules } => {
                replay::replay(&mut desk, session, selection, rules).await?;
            }
            Job::Undo { action } => undo::undo(&mut desk, session, action).await?,
        }
        desk.complete(session, self.worker.approval).await
    }
}

/// Where an action is worked.
pub(super) struct Desk<'a> {
    pub quarantine: Quarantine<'a>,
    pub blueprint: Blueprint,
    pub state: RunState,
    pub action: QuarantineAction,
    pub dry_run: bool,
    pub tally: Tally,
    /// Where the ledger has what the action brought into each table.
    pub action_ordinals: Vec<(u32, i32)>,
}

impl<'a> Desk<'a> {
    /// The rows of a selection that can move on to a state.
    pub(super) fn pages(&self, selection: &Selection, next: QuarantineState) -> Pages {
        let mut conditions = Conditions::of_run(self.quarantine.run);
        let states: Vec<String> = QuarantineState::ALL
            .into_iter()
            .filter(|state| state.allows(next))
            .map(|state| format!("'{state}'"))
            .collect();
        conditions.plain(format!("q.state in ({})", states.join(", ")));
        Pages::new(conditions, selection)
    }

    pub(super) async fn lanes<'r, S: Session>(
        &self,
        session: &mut S,
        rules: Option<&'r Plan>,
    ) -> Result<Lanes<'r>>
    where
        'a: 'r,
    {
        let target = session.catalog().await?;
        Ok(Lanes::new(self.blueprint.clone(), rules, target, self.quarantine.key))
    }

    /// Moves rows on to a state and leaves them as they are otherwise.
    async fn mark<S: Session>(
        &mut self,
        session: &mut S,
        selection: &Selection,
        state: QuarantineState,
    ) -> Result<()> {
        let mut pages = self.pages(selection, state);
        while let Some(rows) = pages.next(session, self.quarantine.key).await? {
            let steps: Vec<Step> = rows
                .iter()
                .map(|kept| {
                    let work = self.tally.of(kept);
                    work.selected += 1;
                    work.done += 1;
                    Step::of(kept, Standing { state, ..kept.standing.clone() }, None)
                })
                .collect();
            self.record(session, &steps).await?;
        }
        Ok(())
    }

    async fn fix<S: Session>(
        &mut self,
        session: &mut S,
        selection: &Selection,
        fix: &Fix,
    ) -> Result<()> {
        let mender = Mender::new(fix)?;
        let state = fix.leads_to();
        let mut lanes = self.lanes(session, None).await?;
        let mut has_column = fix.column().is_none();
        let mut pages = self.pages(selection, state);
        while let Some(rows) = pages.next(session, self.quarantine.key).await? {
            let mut steps = Vec::new();
            for kept in rows {
                let lane = lanes.get(kept.table_index)?;
                let work = self.tally.of(&kept);
                work.selected += 1;
                match mender.mend(&lane.decoded(&kept.current), &lane.mapping) {
                    Mended::Changed(cells) => {
                        has_column = true;
                        work.done += 1;
                        let after =
                            Standing { state, version: kept.steps + 1, ..kept.standing.clone() };
                        let version = sealed(self.quarantine.key, &cells)?;
                        steps.push(Step::of(&kept, after, Some(version)));
                    }
                    Mended::Unchanged => {
                        has_column = true;
                        work.left += 1;
                    }
                    Mended::NoColumn => work.left += 1,
                }
            }
            self.record(session, &steps).await?;
        }
        if has_column || self.tally.0.is_empty() {
            return Ok(());
        }
        let column = fix.column().unwrap_or_default();
        Err(EngineError::new(
            ErrorCode::Map002,
            format!("fixing rows: none of them has a column {column}"),
        ))
    }

    pub(super) async fn record<S: Session>(&self, session: &mut S, steps: &[Step]) -> Result<()> {
        let ids = || steps.iter().map(|step| step.row.as_str());
        let Some(span) = ids().min().zip(ids().max()) else { return Ok(()) };
        let id = self.action.id.as_str();
        record::insert_steps(session, id, steps).await?;
        record::apply_steps(session, id, Some(span)).await
    }

    /// Writes down what the action came to and has it approved.
    async fn complete<S: Session>(
        mut self,
        session: &mut S,
        approval: Approval<'_>,
    ) -> Result<WorkOutcome> {
        let (tables, refused) = self.tally.told();
        self.action.rows = tables.iter().map(|work| work.done + work.again + work.parked).sum();
        record::complete_action(session, &self.action, &self.action_ordinals).await?;
        let outcome = WorkOutcome { action: self.action, dry_run: self.dry_run, tables, refused };
        if !self.dry_run {
            approval(&outcome).await?;
        }
        Ok(outcome)
    }
}

/// What an action came to, table by table.
#[derive(Default)]
pub(super) struct Tally(BTreeMap<u32, TableTally>);

#[derive(Default)]
struct TableTally {
    work: TableWork,
    refused: BTreeMap<(ErrorCode, Option<String>), u64>,
}

impl Tally {
    pub(super) fn of(&mut self, kept: &Kept) -> &mut TableWork {
        self.of_table(kept.table_index, &kept.target)
    }

    pub(super) fn of_table(&mut self, index: u32, target: &str) -> &mut TableWork {
        let tally = self.0.entry(index).or_default();
        tally.work.index = index;
        tally.work.target = target.parse().ok();
        &mut tally.work
    }

    pub(super) fn refused(&mut self, index: u32, code: ErrorCode, column: Option<&str>) {
        let tally = self.0.entry(index).or_default();
        *tally.refused.entry((code, column.map(str::to_owned))).or_default() += 1;
    }

    fn told(&self) -> (Vec<TableWork>, Vec<QuarantineCount>) {
        let tables = self.0.values().map(|tally| tally.work.clone()).collect();
        let mut refused: Vec<QuarantineCount> = self
            .0
            .values()
            .filter_map(|tally| Some((tally.work.target.as_ref()?, &tally.refused)))
            .flat_map(|(target, refused)| {
                refused.iter().map(|((code, column), rows)| QuarantineCount {
                    target: target.clone(),
                    code: *code,
                    column: column.clone(),
                    rows: *rows,
                })
            })
            .collect();
        refused.sort_by_key(|count| std::cmp::Reverse(count.rows));
        (tables, refused)
    }
}

impl Job<'_> {
    const fn kind(&self) -> ActionKind {
        match self {
            Self::Triage { .. } => ActionKind::Triage,
            Self::Fix { .. } => ActionKind::Fix,
            Self::Waive { .. } => ActionKind::Waive,
            Self::Replay { .. } => ActionKind::Replay,
            Self::Undo { .. } => ActionKind::Undo,
        }
    }

    fn describe(&self) -> String {
        match self {
            Self::Triage { .. } => "looked at".to_owned(),
            Self::Fix { fix, .. } => fix.describe(),
            Self::Waive { .. } => "stays behind".to_owned(),
            Self::Replay { rules: None, .. } => "replayed".to_owned(),
            Self::Replay { rules: Some(_), .. } => {
                "replayed by another version of the plan".to_owned()
            }
            Self::Undo { .. } => "undone".to_owned(),
        }
    }
}

pub(super) fn no_such_run(run: &str) -> EngineError {
    EngineError::new(ErrorCode::Load050, format!("looking for run {run} in its target"))
}
