//! Making the clinical checks of a run's plan, and judging their numbers again.

mod failure;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use engine::clinical::{Request, make};
use engine::clock::Clock;
use engine::seal::Key;
use shared::audit::{Action, Outcome, Reason};
use shared::clinical::{
    CheckStatus, Checking, CheckingItem, ClinicalOutcome, NewChecking, Threshold,
};
use shared::id::{CheckingId, RunId};
use shared::run::Failure;
use tokio::runtime::Handle;

pub use failure::CheckingError;

use super::outcome::{self, Left, alive, interrupted, write_down};
use super::rollbacks::By;
use super::{JobError, Runs};
use crate::audit::{self, Actor, Deed};
use crate::auth::Caller;
use crate::auth::key::InstallationKey;
use crate::causes;
use crate::store::checkings::{BegunChecking, JudgedAgain};
use crate::store::signs::Work;
use crate::store::{self, Store, StoreError, checkings};

/// Makes clinical checks and keeps what they found. Clones are handles to the same.
#[derive(Clone)]
pub struct Checkings(Arc<Inner>);

struct Inner {
    store: Store,
    clock: Arc<dyn Clock>,
    runs: Runs,
    /// What made the rows' seals what they are.
    key: Key,
    owner: String,
    /// An HTTP worker's own runtime has one thread, and requests wait on it.
    runtime: Handle,
}

impl Checkings {
    /// To be called on the runtime that is to make checks.
    pub fn new(
        store: Store,
        clock: Arc<dyn Clock>,
        runs: Runs,
        key: &InstallationKey,
        owner: String,
    ) -> Self {
        let (key, runtime) = (key.quarantine(), Handle::current());
        Self(Arc::new(Inner { store, clock, runs, key, owner, runtime }))
    }

    /// Begins to make the checks of a completed run's plan. They are being made when this answers.
    pub async fn start(&self, by: &By, new: &NewChecking) -> Result<CheckingItem, JobError> {
        let (run, plan, sides) = self.0.runs.completed(&new.run_id).await?;
        if plan.checks.all().is_empty() {
            return Err(CheckingError::NoChecks.into());
        }
        let Inner { store, clock, key, owner, runtime, .. } = &*self.0;
        let id = self.fresh_id();
        let begun = BegunChecking { id: &id, run_id: &run.id, started_by: &by.name, owner };
        let now = clock.now();
        let mut tx = store.begin().await?;
        if !checkings::insert(&mut *tx, &begun, now).await? {
            return Err(CheckingError::UnderWay.into());
        }
        let detail = Some(format!("clinical checks {id}"));
        let (actor, action) = (by.actor.clone(), Action::ClinicalChecksStarted);
        audit::record(&mut tx, now, actor, action, run.id.as_str(), detail).await?;
        let found = checkings::find(&mut *tx, &id).await?.ok_or(CheckingError::NotFound)?;
        store::commit(tx).await?;
        let request = Request {
            plan,
            source_url: sides.source.as_str().to_owned(),
            target_url: sides.target.as_str().to_owned(),
            key: key.clone(),
            clock: Arc::clone(clock),
        };
        let checkings = self.clone();
        runtime.spawn(async move { checkings.work(&id, &run.id, request).await });
        Ok(found.item)
    }

    pub async fn find(&self, id: &CheckingId) -> Result<Checking, JobError> {
        let found = checkings::find(self.0.store.pool(), id).await?;
        Ok(found.ok_or(CheckingError::NotFound)?)
    }

    /// The newest first; those of one run where one is named.
    pub async fn list(
        &self,
        run: Option<&RunId>,
        after: Option<&store::Place>,
        limit: u32,
    ) -> Result<Vec<CheckingItem>, StoreError> {
        checkings::list(self.0.store.pool(), run, after, limit).await
    }

    /// Holds the numbers against other thresholds, and keeps that beside what was said before. No
    /// database of the plan is asked.
    pub async fn judge(
        &self,
        caller: &Caller,
        id: &CheckingId,
        thresholds: &BTreeMap<String, Threshold>,
        reason: &Reason,
    ) -> Result<Checking, JobError> {
        let Inner { store, clock, .. } = &*self.0;
        let Checking { item, outcome } = self.find(id).await?;
        let before = outcome.ok_or(CheckingError::WrongState { state: item.state })?;
        let now = clock.now();
        let again = self.fresh_id();
        let told =
            format!("clinical checks {again}, numbers of {id}: {}", told(&before, thresholds));
        let outcome = before.under(thresholds, now);
        let judged = JudgedAgain {
            id: &again,
            numbers_of: item.numbers_of.as_ref().unwrap_or(id),
            run_id: &item.run_id,
            by: &caller.name,
            outcome: &outcome,
        };
        let deed = Deed {
            actor: caller.into(),
            action: Action::ClinicalChecksJudged,
            subject: item.run_id.as_str(),
            detail: Some(told),
            outcome: Outcome::Success,
            reason: Some(reason.as_str()),
        };
        let mut tx = store.begin().await?;
        checkings::insert_judged(&mut *tx, &judged, now).await?;
        audit::write(&mut tx, now, deed).await?;
        let kept = checkings::find(&mut *tx, &again).await?.ok_or(CheckingError::NotFound)?;
        store::commit(tx).await?;
        Ok(kept)
    }

    /// Finds what was being checked by a process that is gone, and says so.
    pub async fn recover(&self, left: Left) -> Result<(), StoreError> {
        let Inner { store, clock, owner, .. } = &*self.0;
        let abandoned = left.by(owner, clock.now());
        for (id, run) in checkings::list_abandoned(store.pool(), abandoned).await? {
            let failure = interrupted(format!("making clinical checks of run {run}"));
            self.end(&id, &run, Err(&failure)).await?;
        }
        Ok(())
    }

    async fn work(&self, id: &CheckingId, run: &RunId, request: Request) {
        let making = async move { make(&request).await };
        let Inner { store, clock, runtime, .. } = &*self.0;
        let making = outcome::of(runtime, "making clinical checks", making);
        let found = alive((store, &**clock), (Work::Checking, id.as_str()), making).await;
        let found = found.map_err(|error| {
            // The cause may name hosts and files; it is for the log, not for the portal.
            tracing::error!(run.id = %run, error.code = %error.code(),
                cause = causes::line(&error), "clinical checks failed: {error}");
            Failure::from(&error)
        });
        let what = format!("clinical checks {id}");
        // What cannot be written down is logged, and found at the next start.
        let _ = write_down(&what, || self.end(id, run, found.as_ref())).await;
    }

    async fn end(
        &self,
        id: &CheckingId,
        run: &RunId,
        found: Result<&ClinicalOutcome, &Failure>,
    ) -> Result<(), StoreError> {
        let Inner { store, clock, .. } = &*self.0;
        let now = clock.now();
        let mut tx = store.begin().await?;
        if checkings::end(&mut *tx, id, found, now).await? {
            let (action, told) = match found {
                Ok(outcome) => (Action::ClinicalChecksMade, counted(outcome)),
                Err(failure) => (Action::ClinicalChecksFailed, failure.code.to_string()),
            };
            let detail = Some(format!("clinical checks {id}: {told}"));
            let actor = Actor::system();
            audit::record(&mut tx, now, actor, action, run.as_str(), detail).await?;
        }
        store::commit(tx).await
    }

    fn fresh_id(&self) -> CheckingId {
        CheckingId::parse(self.0.clock.fresh_id().to_string()).expect("a UUID is an id")
    }
}

/// How many ended how: `2 fail, 0 error, 1 pass with failures, 30 pass, 4 not applicable`.
fn counted(outcome: &ClinicalOutcome) -> String {
    let counts = CheckStatus::ALL
        .map(|status| format!("{} {}", outcome.count(status), status.label().to_lowercase()));
    counts.join(", ")
}

/// What was changed: `weight-plausible 0 to 0.5 %`.
fn told(before: &ClinicalOutcome, thresholds: &BTreeMap<String, Threshold>) -> String {
    let mut told = String::new();
    for check in &before.checks {
        let Some(now) = thresholds.get(&check.key) else { continue };
        let comma = if told.is_empty() { "" } else { ", " };
        let (key, was, is) = (&check.key, check.threshold.text(), now.text());
        // Writing to a String does not fail.
        let _ = write!(told, "{comma}{key} {was} to {is}");
    }
    told
}
