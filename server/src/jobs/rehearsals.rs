//! Rehearsals: runs that are done and taken back.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use engine::clock::Clock;
use engine::run::{Request, Stop, rehearse};
use shared::audit::Action;
use shared::id::{RehearsalId, RunId};
use shared::rehearsal::{NewRehearsal, Rehearsal, RehearsalRecord, RehearsalState};
use shared::run::{Failure, Start};
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::duplicates::{Keep, Subject};
use super::outcome::{self, Left, alive, interrupted, write_down};
use super::rollbacks::By;
use super::{Databases, Duplicates, JobError};
use crate::audit::{self, Actor};
use crate::auth::Caller;
use crate::causes;
use crate::store::signs::Work;
use crate::store::{self, Store, StoreError, plans, rehearsals};

const REHEARSING: &str = "rehearsing the plan";

/// Rehearses plans. Clones are handles to the same.
#[derive(Clone)]
pub struct Rehearsals(Arc<Inner>);

struct Inner {
    store: Store,
    clock: Arc<dyn Clock>,
    databases: Databases,
    duplicates: Duplicates,
    key: engine::seal::Key,
    owner: String,
    under_way: Mutex<HashMap<RehearsalId, Stop>>,
    /// An HTTP worker's own runtime has one thread, and requests wait on it.
    runtime: Handle,
}

impl Rehearsals {
    /// To be called on the runtime that is to carry rehearsals out.
    pub fn new(
        store: Store,
        clock: Arc<dyn Clock>,
        databases: Databases,
        duplicates: Duplicates,
        key: engine::seal::Key,
        owner: String,
    ) -> Self {
        let (under_way, runtime) = (Mutex::default(), Handle::current());
        Self(Arc::new(Inner {
            store,
            clock,
            databases,
            duplicates,
            key,
            owner,
            under_way,
            runtime,
        }))
    }

    /// Rehearses the latest version of a plan. It is under way when this answers.
    pub async fn start(
        &self,
        user: &Caller,
        new: &NewRehearsal,
    ) -> Result<RehearsalRecord, JobError> {
        let Inner { store, clock, databases, duplicates, key, owner, runtime, .. } = &*self.0;
        let saved = plans::find(store.pool(), &new.plan_id).await?;
        let saved = saved.ok_or(JobError::PlanNotFound)?;
        let problems = saved.plan.problems();
        if !problems.is_empty() {
            return Err(JobError::PlanProblems(problems));
        }
        let sides = databases.sides(&saved.plan).await?;
        let matcher = if saved.plan.duplicates.is_some() {
            let plan = saved.plan.clone();
            let subject = Subject::new(Some(saved.id.clone()), plan, sides.target.clone())?;
            duplicates.matcher(&Arc::new(subject), &By::from(user), Keep::Nothing)?
        } else {
            None
        };
        let stop = Stop::default();
        let request = Request {
            source_url: sides.source.as_str().to_owned(),
            target_url: sides.target.as_str().to_owned(),
            // No run has this id: nothing of it stays.
            run_id: RunId::parse(clock.fresh_id().to_string()).expect("a UUID is an id"),
            workers: None,
            start: match new.start {
                Start::Continue => engine::run::Start::Continue,
                Start::Fresh => engine::run::Start::Fresh,
            },
            key: key.clone(),
            progress: watch::channel(None).0,
            stop: stop.clone(),
            clock: Arc::clone(clock),
            matcher,
            plan: saved.plan,
        };

        let now = clock.now();
        let id = clock.fresh_id().to_string();
        let rehearsal = RehearsalRecord {
            id: RehearsalId::parse(id).expect("a UUID is an id"),
            plan_id: saved.id,
            plan_name: saved.name,
            plan_version: saved.version,
            state: RehearsalState::Running,
            started_by: user.name.clone(),
            started_at: now,
            ended_at: None,
            report: None,
            failure: None,
        };
        let mut tx = store.begin().await?;
        rehearsals::insert(&mut *tx, &rehearsal, owner).await?;
        let detail = format!("plan {} version {}", rehearsal.plan_id, rehearsal.plan_version);
        let (action, subject) = (Action::RehearsalStarted, rehearsal.id.as_str());
        audit::record(&mut tx, now, user, action, subject, Some(detail)).await?;
        store::commit(tx).await?;

        self.lock().insert(rehearsal.id.clone(), stop);
        let (rehearsals, id) = (self.clone(), rehearsal.id.clone());
        runtime.spawn(async move { rehearsals.work(&id, request).await });
        Ok(rehearsal)
    }

    pub async fn find(&self, id: &RehearsalId) -> Result<RehearsalRecord, JobError> {
        let found = rehearsals::find(self.0.store.pool(), id).await?;
        found.ok_or(JobError::RehearsalNotFound)
    }

    /// Ends a rehearsal soon: what it did so far is taken back. One that is through stays as it is.
    pub async fn stop(&self, id: &RehearsalId) -> Result<RehearsalRecord, JobError> {
        let rehearsal = self.find(id).await?;
        match self.lock().get(id) {
            Some(stop) => stop.request_at_once(),
            None if rehearsal.state == RehearsalState::Running => return Err(JobError::Elsewhere),
            None => {}
        }
        Ok(rehearsal)
    }

    /// Finds rehearsals that a process left behind that is gone, and says so. Their
    /// connections are gone, and with them all that they did.
    pub async fn recover(&self, left: Left) -> Result<(), StoreError> {
        let Inner { store, clock, owner, .. } = &*self.0;
        let abandoned = left.by(owner, clock.now());
        for id in rehearsals::list_abandoned(store.pool(), abandoned).await? {
            let failure = interrupted(REHEARSING.to_owned());
            self.record_end(&id, Err(&failure)).await?;
        }
        Ok(())
    }

    async fn work(&self, id: &RehearsalId, request: Request) {
        let Inner { store, clock, runtime, .. } = &*self.0;
        let rehearsing = outcome::of(runtime, REHEARSING, rehearse(request));
        let done = alive((store, &**clock), (Work::Rehearsal, id.as_str()), rehearsing).await;
        let ended = done.map_err(|error| {
            tracing::error!(error.code = %error.code(), cause = causes::line(&error),
                "a rehearsal failed: {error}");
            Failure::from(&error)
        });
        let what = format!("rehearsal {id}");
        // What cannot be written down is logged, and found at the next start.
        let _ = write_down(&what, || self.record_end(id, ended.as_ref())).await;
        self.lock().remove(id);
    }

    async fn record_end(
        &self,
        id: &RehearsalId,
        ended: Result<&Rehearsal, &Failure>,
    ) -> Result<(), StoreError> {
        let Inner { store, clock, .. } = &*self.0;
        let now = clock.now();
        let mut tx = store.begin().await?;
        if rehearsals::end(&mut *tx, id, ended, now).await? {
            let (action, code) = match ended {
                Ok(report) => (
                    Action::RehearsalCompleted,
                    report.outcome.failure.as_ref().map(|failure| failure.code),
                ),
                Err(failure) => (Action::RehearsalFailed, Some(failure.code)),
            };
            let detail = code.map(|code| code.to_string());
            audit::record(&mut tx, now, Actor::system(), action, id.as_str(), detail).await?;
        }
        store::commit(tx).await
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<RehearsalId, Stop>> {
        self.0.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
