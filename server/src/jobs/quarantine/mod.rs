//! Work on what runs put into quarantine. What is done to rows is written into the audit trail
//! when everything is ready and nothing can be seen yet: an entry without its deed is possible, a
//! deed without its entry is not.

pub mod export;

use std::sync::Arc;

use engine::EngineError;
use engine::clock::Clock;
use engine::quarantine::{Approval, Job, Quarantine, Worker};
use shared::audit::{Action, Outcome, Reason};
use shared::error_code::ErrorCode;
use shared::id::{QuarantineId, RunId};
use shared::page::{Cursor, Page};
use shared::plan::Plan;
use shared::quarantine::{
    ActionKind, FixPreview, PreviewRequest, QuarantineAction, QuarantineCount, QuarantineFilter,
    QuarantinedDetail, QuarantinedRow, RevealedRow, WorkOutcome,
};

use super::runs::Ledger;
use super::{JobError, Runs};
use crate::audit::{self, Actor, Deed};
use crate::store::{self, Store, StoreError, plans, runs};

/// Who works, and why.
#[derive(Debug, Clone)]
pub struct By {
    pub actor: Actor,
    pub name: String,
    pub note: Option<String>,
    /// Everything is done, told, and taken back.
    pub dry_run: bool,
}

/// A run's quarantine, under the id by which people know the run.
pub struct Subject {
    pub run: RunId,
    pub ledger: Ledger,
}

/// Works the quarantine of runs. Clones are handles to the same.
#[derive(Clone)]
pub struct QuarantineWork {
    store: Store,
    clock: Arc<dyn Clock>,
    runs: Runs,
    key: engine::seal::Key,
}

impl QuarantineWork {
    pub const fn new(
        store: Store,
        clock: Arc<dyn Clock>,
        runs: Runs,
        key: engine::seal::Key,
    ) -> Self {
        Self { store, clock, runs, key }
    }

    /// The quarantine of a run that the store knows.
    pub async fn of(&self, run: &RunId) -> Result<Subject, JobError> {
        Ok(Subject { run: run.clone(), ledger: self.runs.ledger(run).await? })
    }

    /// Another version of a run's plan.
    pub async fn rules(&self, run: &RunId, version: u32) -> Result<Plan, JobError> {
        let stored = self.runs.find(run).await?;
        let found = plans::find_version(self.store.pool(), &stored.run.plan_id, version).await?;
        Ok(found.ok_or(JobError::PlanNotFound)?.plan)
    }

    pub async fn list(
        &self,
        subject: &Subject,
        filter: &QuarantineFilter,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<Page<QuarantinedRow>, JobError> {
        let Ledger { target, run } = &subject.ledger;
        let mut page = engine::quarantine::list(target, run, filter, after, limit).await?;
        for row in &mut page.items {
            row.run_id = subject.run.clone();
        }
        Ok(page)
    }

    pub async fn counts(&self, subject: &Subject) -> Result<Vec<QuarantineCount>, JobError> {
        Ok(engine::quarantine::counts(&subject.ledger.target, &subject.ledger.run).await?)
    }

    pub async fn show(
        &self,
        subject: &Subject,
        row: &QuarantineId,
    ) -> Result<Option<QuarantinedDetail>, JobError> {
        let mut found = self.quarantine(subject).show(row.as_str()).await?;
        if let Some(detail) = &mut found {
            detail.row.run_id = subject.run.clone();
        }
        Ok(found)
    }

    /// A page of rows with the form of their values.
    pub async fn export(
        &self,
        subject: &Subject,
        filter: &QuarantineFilter,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<Page<QuarantinedDetail>, JobError> {
        Ok(self.quarantine(subject).masked(filter, after, limit).await?)
    }

    /// The values of a row. Who asked and why is in the audit trail before they are given.
    pub async fn reveal(
        &self,
        actor: Actor,
        reason: &Reason,
        subject: &Subject,
        row: &QuarantineId,
    ) -> Result<Option<RevealedRow>, JobError> {
        let Some(mut revealed) = self.quarantine(subject).reveal(row.as_str()).await? else {
            return Ok(None);
        };
        revealed.row.run_id = subject.run.clone();
        let deed = Deed {
            actor,
            action: Action::RowUnmasked,
            subject: row.as_str(),
            detail: Some(format!("of run {}", subject.run)),
            outcome: Outcome::Success,
            reason: Some(reason.as_str()),
        };
        let mut tx = self.store.begin().await?;
        audit::write(&mut tx, self.clock.now(), deed).await?;
        store::commit(tx).await?;
        Ok(Some(revealed))
    }

    pub async fn preview(
        &self,
        subject: &Subject,
        request: &PreviewRequest,
        rules: Option<&Plan>,
    ) -> Result<FixPreview, JobError> {
        Ok(self.quarantine(subject).preview(request, rules).await?)
    }

    pub async fn actions(&self, subject: &Subject) -> Result<Vec<QuarantineAction>, JobError> {
        let mut actions = self.quarantine(subject).actions().await?;
        for action in &mut actions {
            action.run_id = subject.run.clone();
        }
        Ok(actions)
    }

    pub async fn work(
        &self,
        by: By,
        subject: &Subject,
        job: Job<'_>,
    ) -> Result<WorkOutcome, JobError> {
        let worker = Worker {
            by: &by.name,
            note: by.note.as_deref(),
            dry_run: by.dry_run,
            approval: self.written_down(by.actor.clone(), subject.run.clone()),
        };
        let mut outcome = self.quarantine(subject).work(job, worker).await?;
        outcome.action.run_id = subject.run.clone();
        Ok(outcome)
    }

    fn quarantine<'a>(&'a self, subject: &'a Subject) -> Quarantine<'a> {
        Quarantine {
            target_url: &subject.ledger.target,
            run: &subject.ledger.run,
            key: &self.key,
            clock: &*self.clock,
        }
    }

    /// Writes the audit entry, and corrects the copy of the run's books that the store keeps.
    fn written_down<'w>(&self, actor: Actor, run: RunId) -> Approval<'w> {
        let (store, now) = (self.store.clone(), self.clock.now());
        Box::new(move |outcome| {
            let outcome = outcome.clone();
            Box::pin(async move {
                let written = async {
                    let mut tx = store.begin().await?;
                    let (action, detail) = entry(&outcome);
                    let deed = Deed {
                        actor,
                        action,
                        subject: run.as_str(),
                        detail: Some(detail),
                        outcome: Outcome::Success,
                        reason: outcome.action.note.as_deref(),
                    };
                    audit::write(&mut tx, now, deed).await?;
                    correct_picture(&mut tx, &run, &outcome).await?;
                    store::commit(tx).await
                };
                written.await.map_err(|error| {
                    let doing = "writing the audit entry of work on the quarantine";
                    EngineError::new(ErrorCode::Sys007, doing).because(error)
                })
            })
        })
    }
}

/// What the audit trail says of a piece of work: names and numbers.
fn entry(outcome: &WorkOutcome) -> (Action, String) {
    let done = &outcome.action;
    let action = match done.kind {
        ActionKind::Triage => Action::QuarantineTriaged,
        ActionKind::Fix => Action::QuarantineFixed,
        ActionKind::Waive => Action::QuarantineWaived,
        ActionKind::Replay => Action::QuarantineReplayed,
        ActionKind::Undo => Action::QuarantineUndone,
    };
    let rows = format!("{} of {} rows", outcome.done(), outcome.selected());
    (action, format!("action {}: {}; {rows}", done.id, done.what))
}

/// The ledger is the truth; the store's last picture of the run follows it.
async fn correct_picture(
    tx: &mut store::Transaction,
    run: &RunId,
    outcome: &WorkOutcome,
) -> Result<(), StoreError> {
    if outcome.tables.iter().all(|table| table.arrived == 0) {
        return Ok(());
    }
    let Some(stored) = runs::find(&mut **tx, run).await? else { return Ok(()) };
    let Some(mut progress) = stored.run.progress else { return Ok(()) };
    for work in &outcome.tables {
        let table = progress.tables.iter_mut().find(|table| table.index == work.index);
        if let Some(table) = table {
            let books = &mut table.books;
            books.loaded = books.loaded.saturating_add_signed(work.arrived);
            books.quarantined = books.quarantined.saturating_add_signed(-work.arrived);
        }
    }
    runs::correct_picture(&mut **tx, run, &progress).await.map(drop)
}
