//! Comparing what a run left with what it read, and making alike what is not.

mod failure;
mod under_way;
mod repairs;

use std::sync::Arc;
use std::time::Duration;

use engine::EngineError;
use engine::clock::Clock;
use engine::verify::{GoingOn, Request};
use shared::audit::{Action, Outcome, Reason};
use shared::id::{RunId, VerificationId};
use shared::page::{Cursor, Page};
use shared::plan::Plan;
use shared::run::Failure;
use shared::verification::{
    Freshness, FreshnessNow, KeyColumn, Mismatch, MismatchFilter, Mode, NewVerification,
    RevealedKey, Verification, VerificationOutcome, VerificationState,
};
use tokio::runtime::Handle;
use tokio::time::{MissedTickBehavior, interval};

pub use failure::VerificationError;
use under_way::{UnderWay, Work};

use super::databases::Sides;
use super::outcome::{self, BETWEEN_SIGNS, SILENCE, interrupted, write_down};
use super::rollbacks::By;
use super::{JobError, Runs};
use crate::audit::{self, Actor, Deed};
use crate::auth::key::InstallationKey;
use crate::causes;
use crate::store::verifications::{BegunVerification, Ending, StoredVerification};
use crate::store::{self, Store, StoreError, repairs as stored_repairs, verifications};

/// Compares and repairs. Clones are handles to the same.
#[derive(Clone)]
pub struct Verifications(Arc<Inner>);

struct Inner {
    store: Store,
    clock: Arc<dyn Clock>,
    runs: Runs,
    /// What made the rows' digests and seals what they are.
    key: engine::seal::Key,
    owner: String,
    under_way: UnderWay,
    /// An HTTP worker's own runtime has one thread, and requests wait on it.
    runtime: Handle,
}

/// A comparison that is about to be worked.
struct Comparison {
    id: VerificationId,
    run_id: RunId,
    plan: Plan,
    sides: Sides,
    request: (Mode, shared::verification::SampleSize),
    going_on: GoingOn,
}

impl Verifications {
    /// To be called on the runtime that is to compare.
    pub fn new(
        store: Store,
        clock: Arc<dyn Clock>,
        runs: Runs,
        key: &InstallationKey,
        owner: String,
    ) -> Self {
        let (key, under_way) = (key.quarantine(), UnderWay::default());
        let runtime = Handle::current();
        Self(Arc::new(Inner { store, clock, runs, key, owner, under_way, runtime }))
    }

    /// Begins to compare the two sides of a completed run. It is under way when this answers.
    pub async fn start(&self, by: &By, new: &NewVerification) -> Result<Verification, JobError> {
        let (run, plan, sides) = self.0.runs.completed(&new.run_id).await?;
        let id = self.fresh_id();
        let begun = BegunVerification {
            id: &id,
            run_id: &run.id,
            mode: new.mode,
            sample: new.sample,
            started_by: &by.name,
            owner: &self.0.owner,
        };
        let Inner { store, clock, under_way, .. } = &*self.0;
        let now = clock.now();
        let mut tx = store.begin().await?;
        if !verifications::insert(&mut *tx, &begun, now).await? {
            return Err(VerificationError::UnderWay.into());
        }
        let detail = Some(format!("verification {id}, mode {}", new.mode.as_str()));
        let (actor, action) = (by.actor.clone(), Action::VerificationStarted);
        audit::record(&mut tx, now, actor, action, run.id.as_str(), detail).await?;
        let begun = verifications::find(&mut *tx, &id).await?.ok_or(VerificationError::NotFound)?;
        let work = under_way.enter(id.as_str())?;
        if let Err(error) = store::commit(tx).await {
            under_way.leave(id.as_str());
            return Err(error.into());
        }
        let request = (new.mode, new.sample);
        let (run_id, going_on) = (run.id, GoingOn::None);
        self.work(work, Comparison { id, run_id, plan, sides, request, going_on });
        Ok(begun.verification)
    }

    /// Goes on with a verification that stopped. What was compared is not compared again, unless a
    /// side changed meanwhile.
    pub async fn resume(&self, by: &By, id: &VerificationId) -> Result<Verification, JobError> {
        let stored = self.stored(id).await?;
        let Verification { state, run_id, mode, .. } = stored.verification;
        if !state.allows(VerificationState::Running) {
            return Err(VerificationError::WrongState { state }.into());
        }
        let (_, plan, sides) = self.0.runs.completed(&run_id).await?;
        let Inner { store, clock, owner, under_way, .. } = &*self.0;
        let now = clock.now();
        let mut tx = store.begin().await?;
        if !verifications::start(&mut *tx, id, state, owner, now).await? {
            return Err(VerificationError::UnderWay.into());
        }
        let (actor, action) = (by.actor.clone(), Action::VerificationResumed);
        let detail = Some(format!("verification {id}"));
        audit::record(&mut tx, now, actor, action, run_id.as_str(), detail).await?;
        let resumed =
            verifications::find(&mut *tx, id).await?.ok_or(VerificationError::NotFound)?;
        let work = under_way.enter(id.as_str())?;
        if let Err(error) = store::commit(tx).await {
            under_way.leave(id.as_str());
            return Err(error.into());
        }
        let request = (mode, stored.sample);
        let going_on = GoingOn::This(stored.ledger_id);
        self.work(work, Comparison { id: id.clone(), run_id, plan, sides, request, going_on });
        Ok(resumed.verification)
    }

    /// Asks a verification to stop after what is being compared. It is paused a moment later.
    pub async fn pause(&self, by: &By, id: &VerificationId) -> Result<Verification, JobError> {
        let verification = self.find(id).await?;
        let state = verification.state;
        match self.0.under_way.find(id.as_str()) {
            Some(work) if state == VerificationState::Running => work.stop(by.actor.clone()),
            None if state == VerificationState::Running => return Err(JobError::Elsewhere),
            _ => return Err(VerificationError::WrongState { state }.into()),
        }
        Ok(verification)
    }

    /// A verification as it is now: where it is under way here, with the latest picture.
    pub async fn find(&self, id: &VerificationId) -> Result<Verification, JobError> {
        let mut verification = self.stored(id).await?.verification;
        if verification.state == VerificationState::Running
            && let Some(work) = self.0.under_way.find(id.as_str())
            && let Some(progress) = work.progress.borrow().clone()
        {
            verification.progress = Some(progress);
        }
        Ok(verification)
    }

    /// Asks both databases whether they are still what they were when it began.
    pub async fn freshness(&self, id: &VerificationId) -> Result<FreshnessNow, JobError> {
        let stored = self.through(id).await?;
        let (plan, sides) = self.of_run(&stored.verification.run_id).await?;
        let (source, target) = (&sides.source, &sides.target);
        let ledger_id = &stored.ledger_id;
        let stale_tables = engine::verify::stale_tables(&plan, source, target, ledger_id).await?;
        let freshness = if stale_tables.is_empty() { Freshness::Fresh } else { Freshness::Stale };
        Ok(FreshnessNow { freshness, stale_tables, looked_at: self.0.clock.now() })
    }

    /// A page of the rows that are not the same on both sides, without their values.
    pub async fn mismatches(
        &self,
        id: &VerificationId,
        mut filter: MismatchFilter,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<Page<Mismatch>, JobError> {
        let stored = self.stored(id).await?;
        let (_, sides) = self.of_run(&stored.verification.run_id).await?;
        filter.table = filter.table.map(|name| in_target(&sides.target, name));
        let (target, ledger_id) = (&sides.target, &stored.ledger_id);
        Ok(engine::verify::mismatches(target, ledger_id, &filter, after, limit).await?)
    }

    /// The key of a row that is not the same. Who asked and why is in the audit trail before it is
    /// given.
    pub async fn reveal(
        &self,
        actor: Actor,
        reason: &Reason,
        id: &VerificationId,
        digest: &str,
    ) -> Result<RevealedKey, JobError> {
        let Inner { store, clock, key, .. } = &*self.0;
        let stored = self.stored(id).await?;
        let run = &stored.verification.run_id;
        let (_, sides) = self.of_run(run).await?;
        let found = engine::verify::key_of(&sides.target, &stored.ledger_id, digest, key).await?;
        let columns = found.ok_or(VerificationError::MismatchNotFound)?;
        let deed = Deed {
            actor,
            action: Action::KeyUnmasked,
            subject: digest,
            detail: Some(format!("verification {id} of run {run}")),
            outcome: Outcome::Success,
            reason: Some(reason.as_str()),
        };
        let mut tx = store.begin().await?;
        audit::write(&mut tx, clock.now(), deed).await?;
        store::commit(tx).await?;
        let columns = columns.into_iter().map(|(name, value)| KeyColumn { name, value }).collect();
        Ok(RevealedKey { key_digest: digest.to_owned(), columns })
    }

    /// Finds verifications and repairs that are said to be under way though nobody works on them
    /// any more, and says so: they can go on.
    pub async fn recover(&self) -> Result<(), StoreError> {
        let Inner { store, clock, owner, under_way, .. } = &*self.0;
        let silent_since = clock.now() - SILENCE;
        for (id, run_id) in verifications::list_abandoned(store.pool(), owner, silent_since).await?
        {
            if under_way.find(id.as_str()).is_none() {
                let failure = interrupted(format!("verifying run {run_id}"));
                self.record_end(&id, &run_id, &End::failed(failure), None).await?;
            }
        }
        for (id, run_id) in
            stored_repairs::list_abandoned(store.pool(), owner, silent_since).await?
        {
            if under_way.find(id.as_str()).is_none() {
                let failure = interrupted(format!("repairing the target of run {run_id}"));
                self.record_end_of_repair(&id, &run_id, Actor::system(), Err(&failure)).await?;
            }
        }
        Ok(())
    }

    /// Stops all that is under way and waits until it has; later ones are refused.
    pub async fn stop(&self, patience: Duration) {
        self.0.under_way.stop(patience).await;
    }

    async fn stored(&self, id: &VerificationId) -> Result<StoredVerification, JobError> {
        let found = verifications::find(self.0.store.pool(), id).await?;
        Ok(found.ok_or(VerificationError::NotFound)?)
    }

    /// A verification that came to its end.
    async fn through(&self, id: &VerificationId) -> Result<StoredVerification, JobError> {
        let stored = self.stored(id).await?;
        let state = stored.verification.state;
        if state.is_through() {
            Ok(stored)
        } else {
            Err(VerificationError::WrongState { state }.into())
        }
    }

    async fn of_run(&self, id: &RunId) -> Result<(Plan, Sides), JobError> {
        let run = self.0.runs.find(id).await?.run;
        self.0.runs.plan_and_sides(&run).await
    }

    fn fresh_id(&self) -> VerificationId {
        VerificationId::parse(self.0.clock.fresh_id().to_string()).expect("a UUID is an id")
    }

    fn work(&self, work: Arc<Work>, comparison: Comparison) {
        let Comparison { id, run_id, plan, sides, request: (mode, sample), going_on } = comparison;
        let verification_id = match going_on {
            GoingOn::None => id.clone(),
            // For where it cannot go on: the target knows the other one.
            _ => self.fresh_id(),
        };
        let request = Request {
            plan,
            source_url: sides.source.as_str().to_owned(),
            target_url: sides.target.as_str().to_owned(),
            verification_id,
            mode,
            sample,
            going_on,
            workers: None,
            key: self.0.key.clone(),
            progress: work.progress.clone(),
            stop: work.stop.clone(),
            clock: Arc::clone(&self.0.clock),
        };
        let verifications = self.clone();
        self.0.runtime.spawn(async move {
            let comparing = engine::verify::verify(request);
            let outcome = tokio::select! {
                outcome = outcome::of(&verifications.0.runtime, "verifying a run", comparing) => outcome,
                never = verifications.keep_pictures(&id, &work) => match never {},
            };
            let (end, what) = (End::of(outcome), format!("verification {id}"));
            // What cannot be written down is logged, and found half a minute later.
            let _ = write_down(&what, || {
                verifications.record_end(&id, &run_id, &end, Some(&work))
            })
            .await;
            verifications.0.under_way.leave(id.as_str());
        });
    }

    async fn keep_pictures(&self, id: &VerificationId, work: &Work) -> std::convert::Infallible {
        let Inner { store, clock, .. } = &*self.0;
        let mut ticks = interval(BETWEEN_SIGNS);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let picture = work.progress.borrow().clone();
            let now = clock.now();
            let kept = verifications::record_picture(store.pool(), id, picture.as_ref(), now).await;
            if let Err(error) = kept {
                // The target has the truth, and the next picture comes in two seconds.
                tracing::warn!(verification.id = %id, cause = causes::line(&error), "{error}");
            }
        }
    }

    async fn record_end(
        &self,
        id: &VerificationId,
        run: &RunId,
        end: &End,
        work: Option<&Work>,
    ) -> Result<(), StoreError> {
        let Inner { store, clock, .. } = &*self.0;
        let now = clock.now();
        let progress = work.and_then(|work| work.progress.borrow().clone());
        let ending = Ending {
            state: end.state,
            progress: progress.as_ref(),
            findings: end.outcome.as_ref().map(|outcome| &outcome.findings),
            failure: end.failure.as_ref(),
            ledger_id: end.outcome.as_ref().and_then(|outcome| outcome.id.as_ref()),
        };
        let mut tx = store.begin().await?;
        if verifications::end(&mut *tx, id, ending, now).await? {
            let actor = match end.state {
                VerificationState::Paused => work.and_then(Work::stopped_by),
                _ => None,
            };
            let actor = actor.unwrap_or_else(Actor::system);
            let detail = Some(format!("verification {id}: {}", end.told()));
            audit::record(&mut tx, now, actor, end.state.into(), run.as_str(), detail).await?;
        }
        store::commit(tx).await
    }
}

/// How a verification ended, or where it stopped.
struct End {
    state: VerificationState,
    outcome: Option<VerificationOutcome>,
    failure: Option<Failure>,
}

impl End {
    fn of(outcome: Result<VerificationOutcome, EngineError>) -> Self {
        match outcome {
            Ok(outcome) => {
                let failure = outcome.failure.clone();
                Self { state: outcome.status, outcome: Some(outcome), failure }
            }
            Err(error) => {
                // The cause may name hosts and files; it is for the log, not for the portal.
                tracing::error!(error.code = %error.code(), cause = causes::line(&error),
                    "a verification failed: {error}");
                Self::failed((&error).into())
            }
        }
    }

    const fn failed(failure: Failure) -> Self {
        Self { state: VerificationState::Failed, outcome: None, failure: Some(failure) }
    }

    /// What the trail says of it: names and numbers.
    fn told(&self) -> String {
        match (&self.outcome, &self.failure) {
            (Some(outcome), _) => outcome.in_words(),
            (None, Some(failure)) => failure.code.to_string(),
            (None, None) => self.state.as_str().to_owned(),
        }
    }
}

/// A table's name as the target has it.
fn in_target(
    target_url: &str,
    name: shared::assessment::TableName,
) -> shared::assessment::TableName {
    match shared::connection::Engine::of_url(target_url) {
        Some(engine) => engine::map::target_name(engine, &name),
        None => name,
    }
}
