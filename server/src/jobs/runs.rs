//! The runs of this server: started, paused, resumed, watched, and found again after a crash.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use engine::clock::Clock;
use engine::run::{Matcher, Request};
use shared::audit::Action;
use shared::event::RunEvent;
use shared::id::{PlanId, RunId};
use shared::plan::Plan;
use shared::run::{NewRun, Run, RunState, Start};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::WatchStream;
use zeroize::Zeroizing;

use super::crew::Leader;
use super::databases::Sides;
use super::duplicates::{Keep, Subject};
use super::outcome::{SILENCE, interrupted};
use super::rollbacks::By;
use super::watched::Watched;
use super::{Databases, Duplicates, JobError, run_migration};
use crate::audit::{self, Actor};
use crate::auth::Caller;
use crate::causes;
use crate::store::runs::{Ending, PlannedRun, StoredRun};
use crate::store::{self, Store, StoreError, plans, runs};

/// A run as its target knows it.
pub struct Ledger {
    /// The target's URL.
    pub target: Zeroizing<String>,
    pub run: RunId,
}

/// Numbers that an interrupted run may have used for events after its last record.
const UNRECORDED: u64 = 1_000;

/// Starts runs and knows the ones under way. Clones are handles to the same runs.
#[derive(Clone)]
pub struct Runs(Arc<Inner>);

struct Inner {
    store: Store,
    clock: Arc<dyn Clock>,
    databases: Databases,
    /// Says who is the same person, where a plan asks for that.
    duplicates: Duplicates,
    quarantine_key: engine::seal::Key,
    /// Through which workers of other processes take part; none where no run is worked.
    leader: Option<Leader>,
    /// This installation, by a name that stays the same when it restarts.
    owner: String,
    under_way: Mutex<UnderWay>,
    /// Where runs are worked: an HTTP worker's own runtime has one thread, and requests wait on it.
    runtime: Handle,
}

#[derive(Default)]
struct UnderWay {
    runs: HashMap<RunId, Arc<Watched>>,
    stopping: bool,
}

impl Runs {
    /// To be called on the runtime that is to work the runs.
    pub fn new(
        store: Store,
        clock: Arc<dyn Clock>,
        databases: Databases,
        quarantine_key: engine::seal::Key,
        leader: Option<Leader>,
        owner: String,
    ) -> Self {
        let duplicates = Duplicates::new(
            store.clone(),
            Arc::clone(&clock),
            databases.clone(),
            quarantine_key.clone(),
            owner.clone(),
        );
        Self(Arc::new(Inner {
            store,
            clock,
            databases,
            duplicates,
            quarantine_key,
            leader,
            owner,
            under_way: Mutex::default(),
            runtime: Handle::current(),
        }))
    }

    /// What says for runs, and for whoever asks, who is the same person.
    pub fn duplicates(&self) -> &Duplicates {
        &self.0.duplicates
    }

    /// Starts a run of the latest version of a plan.
    pub async fn start(&self, user: &Caller, new: &NewRun) -> Result<Run, JobError> {
        let Inner { store, clock, .. } = &*self.0;
        let plan = plans::find(store.pool(), &new.plan_id).await?;
        let plan = plan.ok_or(JobError::PlanNotFound)?;
        let problems = plan.plan.problems();
        if !problems.is_empty() {
            return Err(JobError::PlanProblems(problems));
        }
        let sides = self.0.databases.sides(&plan.plan).await?;
        let people = self.people(user, &plan.id, &plan.plan, &sides)?;

        let now = clock.now();
        let planned = PlannedRun {
            id: RunId::parse(clock.fresh_id().to_string()).expect("a UUID is an id"),
            plan_id: plan.id.clone(),
            plan_version: plan.version,
            started_by: user.name.clone(),
            created_at: now,
        };
        let mut tx = store.begin().await?;
        let unfinished = runs::find_unfinished(&mut *tx, &plan.id, plan.version).await?;
        if let Some(run) = unfinished
            && new.start == Start::Continue
        {
            return Err(JobError::Unfinished { run });
        }
        runs::insert(&mut *tx, &planned).await?;
        runs::start(&mut *tx, &planned.id, RunState::Planned, &self.0.owner, now).await?;
        let detail = Some(format!("plan {} version {}", plan.id, plan.version));
        audit::record(&mut tx, now, user, Action::RunStarted, planned.id.as_str(), detail).await?;
        let stored = runs::find(&mut *tx, &planned.id).await?.ok_or(JobError::RunNotFound)?;
        let watched = self.enter(&stored)?;
        if let Err(error) = store::commit(tx).await {
            self.leave(&planned.id);
            return Err(error.into());
        }
        let run = stored.run.clone();
        self.work(stored, watched, plan.plan, sides, people, new.start);
        Ok(run)
    }

    /// Goes on with a run that was paused or failed.
    pub async fn resume(&self, user: &Caller, id: &RunId) -> Result<Run, JobError> {
        let Inner { store, clock, .. } = &*self.0;
        let stored = self.find(id).await?;
        let state = stored.run.state;
        if !state.allows(RunState::Running) {
            return Err(JobError::WrongState { state });
        }
        let (plan_id, version) = (&stored.run.plan_id, stored.run.plan_version);
        let plan = plans::find_version(store.pool(), plan_id, version).await?;
        let plan = plan.ok_or(JobError::PlanNotFound)?.plan;
        let sides = self.0.databases.sides(&plan).await?;
        let people = self.people(user, plan_id, &plan, &sides)?;

        let now = clock.now();
        let mut tx = store.begin().await?;
        if !runs::start(&mut *tx, id, state, &self.0.owner, now).await? {
            return Err(JobError::WrongState { state: RunState::Running });
        }
        audit::record(&mut tx, now, user, Action::RunResumed, id.as_str(), None).await?;
        let stored = runs::find(&mut *tx, id).await?.ok_or(JobError::RunNotFound)?;
        let watched = self.enter(&stored)?;
        if let Err(error) = store::commit(tx).await {
            self.leave(id);
            return Err(error.into());
        }
        let run = stored.run.clone();
        self.work(stored, watched, plan, sides, people, Start::Continue);
        Ok(run)
    }

    /// Asks a run to stop after the chunks that are being copied. It is paused a moment later,
    /// which its events tell.
    pub async fn pause(&self, user: &Caller, id: &RunId) -> Result<Run, JobError> {
        let (run, watched) = self.find_running_here(id).await?;
        watched.stop(user.into());
        Ok(run)
    }

    /// Asks a run to stop now: the chunks that are being copied are rolled back. It is paused a
    /// moment later, which its events tell.
    pub async fn stop_at_once(&self, user: &Caller, id: &RunId) -> Result<Run, JobError> {
        let (run, watched) = self.find_running_here(id).await?;
        watched.stop_at_once(user.into());
        Ok(run)
    }

    async fn find_running_here(&self, id: &RunId) -> Result<(Run, Arc<Watched>), JobError> {
        let run = self.find(id).await?.run;
        match self.watched(id) {
            Some(watched) if run.state == RunState::Running => Ok((run, watched)),
            None if run.state == RunState::Running => Err(JobError::Elsewhere),
            _ => Err(JobError::WrongState { state: run.state }),
        }
    }

    /// A run as it is now: where it is under way here, with the latest picture.
    pub async fn find(&self, id: &RunId) -> Result<StoredRun, JobError> {
        let found = runs::find(self.0.store.pool(), id).await?;
        let mut stored = found.ok_or(JobError::RunNotFound)?;
        if let Some(watched) = self.watched(id) {
            let event = watched.latest();
            if stored.run.state == RunState::Running && event.state == RunState::Running {
                stored.event_number = event.number;
                stored.run.progress = event.progress;
            }
        }
        Ok(stored)
    }

    /// Where a run wrote down what it did, and under which id.
    pub async fn ledger(&self, id: &RunId) -> Result<Ledger, JobError> {
        let stored = self.find(id).await?;
        let (_, sides) = self.plan_and_sides(&stored.run).await?;
        Ok(Ledger { target: sides.target, run: stored.ledger_run_id })
    }

    /// The version of the plan that a run is of, and where its two sides are.
    pub(super) async fn plan_and_sides(&self, run: &Run) -> Result<(Plan, Sides), JobError> {
        let Inner { store, databases, .. } = &*self.0;
        let plan = plans::find_version(store.pool(), &run.plan_id, run.plan_version).await?;
        let plan = plan.ok_or(JobError::PlanNotFound)?.plan;
        let sides = databases.sides(&plan).await?;
        Ok((plan, sides))
    }

    /// A run of which all is there, so that its sides can be held against each other.
    pub(super) async fn completed(&self, id: &RunId) -> Result<(Run, Plan, Sides), JobError> {
        let run = self.find(id).await?.run;
        if run.state != RunState::Completed {
            return Err(JobError::WrongState { state: run.state });
        }
        let (plan, sides) = self.plan_and_sides(&run).await?;
        Ok((run, plan, sides))
    }

    /// Learns from a run's target which of its people are one by now.
    pub async fn learn_merges(&self, id: &RunId) -> Result<(), JobError> {
        let Inner { store, databases, duplicates, .. } = &*self.0;
        let stored = self.find(id).await?;
        let (plan_id, version) = (&stored.run.plan_id, stored.run.plan_version);
        let plan = plans::find_version(store.pool(), plan_id, version).await?;
        let plan = plan.ok_or(JobError::PlanNotFound)?.plan;
        if plan.duplicates.is_none() {
            return Ok(());
        }
        let target = databases.sides(&plan).await?.target;
        let subject = Subject::new(Some(plan_id.clone()), plan, target)?;
        learn(duplicates, &subject).await;
        Ok(())
    }

    /// The events of a run after a number, until one that [is the last](RunEvent::is_last).
    pub async fn events(
        &self,
        id: &RunId,
        after: Option<u64>,
    ) -> Result<impl futures::Stream<Item = RunEvent> + use<>, JobError> {
        let stored = self.find(id).await?;
        let events = match self.watched(id) {
            Some(watched) => watched.subscribe(),
            None => self.follow_elsewhere(stored),
        };
        let mut seen = after;
        let mut ended = false;
        let events = WatchStream::new(events)
            .take_while(move |event| !std::mem::replace(&mut ended, event.is_last()))
            .filter(move |event| {
                let is_new = seen.is_none_or(|number| event.number != number);
                seen = Some(event.number);
                is_new
            });
        Ok(events)
    }

    /// Finds runs that are said to be running though nobody works on them any more, and says so:
    /// they can be resumed.
    pub async fn recover(&self) -> Result<usize, StoreError> {
        let Inner { store, clock, owner, .. } = &*self.0;
        let now = clock.now();
        let abandoned = runs::list_abandoned(store.pool(), owner, now - SILENCE).await?;
        let mut recovered = 0;
        for StoredRun { run, event_number, ledger_run_id } in abandoned {
            if self.watched(&run.id).is_some() {
                continue;
            }
            let failure = interrupted(format!("carrying out run {}", run.id));
            let ending = Ending {
                state: RunState::Failed,
                failure: Some(&failure),
                progress: run.progress.as_ref(),
                event_number: event_number + UNRECORDED,
                ledger_run_id: &ledger_run_id,
            };
            let mut tx = store.begin().await?;
            if runs::end(&mut *tx, &run.id, ending, now).await? {
                let detail = Some(failure.code.to_string());
                let id = run.id.as_str();
                audit::record(&mut tx, now, Actor::system(), Action::RunFailed, id, detail).await?;
                recovered += 1;
                tracing::warn!(run.id = %run.id, "run {} was interrupted", run.id);
            }
            store::commit(tx).await?;
        }
        Ok(recovered)
    }

    /// Stops all runs between chunks and waits until they have; later ones are refused.
    pub async fn stop(&self, patience: Duration) {
        let watched: Vec<_> = {
            let mut under_way = self.lock();
            under_way.stopping = true;
            under_way.runs.values().map(Arc::clone).collect()
        };
        for watched in &watched {
            watched.stop(Actor::system());
        }
        let all_ended = async {
            for watched in watched {
                let mut events = watched.subscribe();
                // An error means that the run is gone, which is an end as well.
                let _ = events.wait_for(RunEvent::is_last).await;
            }
        };
        if timeout(patience, all_ended).await.is_err() {
            tracing::warn!("a run did not stop in time; it will be found interrupted");
        }
    }

    /// The people of a plan that says something of duplicates.
    fn people(
        &self,
        user: &Caller,
        plan_id: &PlanId,
        plan: &Plan,
        sides: &Sides,
    ) -> Result<Option<People>, JobError> {
        if plan.duplicates.is_none() {
            return Ok(None);
        }
        let subject = Subject::new(Some(plan_id.clone()), plan.clone(), sides.target.clone())?;
        let subject = Arc::new(subject);
        let matcher = self.0.duplicates.matcher(&subject, &By::from(user), Keep::Search)?;
        Ok(Some(People { subject, matcher }))
    }

    fn work(
        &self,
        stored: StoredRun,
        watched: Arc<Watched>,
        plan: Plan,
        sides: Sides,
        people: Option<People>,
        start: Start,
    ) {
        let (progress, pictures) = watch::channel(None);
        let request = Request {
            plan,
            source_url: sides.source.as_str().to_owned(),
            target_url: sides.target.as_str().to_owned(),
            run_id: stored.ledger_run_id,
            workers: None,
            start: match start {
                Start::Continue => engine::run::Start::Continue,
                Start::Fresh => engine::run::Start::Fresh,
            },
            key: self.0.quarantine_key.clone(),
            progress,
            stop: watched.stop.clone(),
            clock: Arc::clone(&self.0.clock),
            matcher: people.as_ref().and_then(|people| people.matcher.clone()),
        };
        let runs = self.clone();
        let id = stored.run.id;
        self.0.runtime.spawn(async move {
            let store = runs.0.store.clone();
            let clock = Arc::clone(&runs.0.clock);
            let crew = runs.0.leader.as_ref().map(|leader| leader.lead(id.clone()));
            let duplicates = runs.0.duplicates.clone();
            let migration = Box::pin(async move {
                let outcome = engine::run::migrate_with(request, crew).await;
                if let Some(people) = people {
                    learn(&duplicates, &people.subject).await;
                }
                outcome
            });
            run_migration::work(store, clock, id.clone(), watched, migration, pictures).await;
            runs.leave(&id);
        });
    }

    /// A run that another installation works on is seen through the store.
    fn follow_elsewhere(&self, stored: StoredRun) -> watch::Receiver<RunEvent> {
        let id = stored.run.id.clone();
        let (sender, receiver) = watch::channel(event_of(stored));
        if sender.borrow().is_last() {
            return receiver;
        }
        let runs = self.clone();
        tokio::spawn(async move {
            while !sender.is_closed() && !sender.borrow().is_last() {
                sleep(Duration::from_secs(1)).await;
                // A store that does not answer now will, or the subscriber goes away.
                let Ok(stored) = runs.find(&id).await else { continue };
                sender.send_if_modified(|event| {
                    let latest = event_of(stored);
                    let is_new = latest.number != event.number;
                    *event = latest;
                    is_new
                });
            }
        });
        receiver
    }

    fn watched(&self, id: &RunId) -> Option<Arc<Watched>> {
        self.lock().runs.get(id).map(Arc::clone)
    }

    fn enter(&self, stored: &StoredRun) -> Result<Arc<Watched>, JobError> {
        let mut under_way = self.lock();
        if under_way.stopping {
            return Err(JobError::Stopping);
        }
        let watched = Arc::new(Watched::new(stored.event_number, stored.run.progress.clone()));
        under_way.runs.insert(stored.run.id.clone(), Arc::clone(&watched));
        Ok(watched)
    }

    fn leave(&self, id: &RunId) {
        self.lock().runs.remove(id);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, UnderWay> {
        self.0.under_way.lock().expect("nobody panics with the lock")
    }
}

/// The people of a run, and what decides who of them is the same.
struct People {
    subject: Arc<Subject>,
    matcher: Option<Matcher>,
}

/// The target has the truth, and the next search learns it too.
async fn learn(duplicates: &Duplicates, subject: &Subject) {
    if let Err(error) = duplicates.take_stock(subject).await {
        tracing::warn!(cause = causes::line(&error), "learning what was merged: {error}");
    }
}

fn event_of(stored: StoredRun) -> RunEvent {
    RunEvent {
        number: stored.event_number,
        state: stored.run.state,
        progress: stored.run.progress,
        failure: stored.run.failure,
    }
}
