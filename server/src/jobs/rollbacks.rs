//! Undoing runs: looked at first, then carried out.

use std::sync::Arc;

use engine::EngineError;
use engine::clock::Clock;
use engine::rollback::{Effect, Request, roll_back};
use shared::approval::Act;
use shared::audit::Action;
use shared::error_code::ErrorCode;
use shared::id::{ApprovalId, RollbackId, RunId};
use shared::rollback::{NewRollback, Rollback, RollbackOutcome, RollbackState, Scope};
use shared::run::{Failure, RunState};
use tokio::runtime::Handle;

use super::approvals::{self, Permit};
use super::outcome::{self, Left, alive, interrupted, write_down};
use super::runs::Ledger;
use super::{JobError, Runs};
use crate::audit::{self, Actor};
use crate::auth::Caller;
use crate::auth::key::InstallationKey;
use crate::causes;
use crate::settings::Current;
use crate::store::signs::Work;
use crate::store::{self, Store, StoreError, rollbacks, runs};

/// Looks at rollbacks and carries them out. Clones are handles to the same.
#[derive(Clone)]
pub struct Rollbacks(Arc<Inner>);

struct Inner {
    store: Store,
    clock: Arc<dyn Clock>,
    runs: Runs,
    /// What made the rows' digests and seals what they were.
    key: engine::seal::Key,
    owner: String,
    /// An HTTP worker's own runtime has one thread, and requests wait on it.
    runtime: Handle,
}

/// Who asks, as the trail and as people call them.
#[derive(Debug, Clone)]
pub struct By {
    pub actor: Actor,
    pub name: String,
}

impl By {
    /// What tells them apart from others: a user's id, or the name that the system knows them by.
    pub fn who(&self) -> &str {
        if self.actor.is_user() { self.actor.id() } else { &self.name }
    }
}

impl From<&Caller> for By {
    fn from(caller: &Caller) -> Self {
        Self { actor: caller.into(), name: caller.name.clone() }
    }
}

impl Rollbacks {
    /// To be called on the runtime that is to carry rollbacks out.
    pub fn new(
        store: Store,
        clock: Arc<dyn Clock>,
        runs: Runs,
        key: &InstallationKey,
        owner: String,
    ) -> Self {
        let key = key.quarantine();
        Self(Arc::new(Inner { store, clock, runs, key, owner, runtime: Handle::current() }))
    }

    /// Looks at what undoing would do, and remembers it. Nothing is undone.
    pub async fn preview(&self, by: &By, new: &NewRollback) -> Result<Rollback, JobError> {
        let ledger = self.ledger(&new.run_id).await?;
        let outcome = self.ask(&ledger, new, Effect::Preview).await?;
        let rollback = self.rollback(by, new, RollbackState::Previewed, Some(outcome));
        rollbacks::insert(self.0.store.pool(), &rollback, None).await?;
        Ok(rollback)
    }

    /// Carries out what was looked at, or goes on with what failed. It is under way when this
    /// answers. Where the settings ask for a second person, `approval` names what they agreed to.
    pub async fn start(
        &self,
        caller: &Caller,
        settings: &Current,
        id: &RollbackId,
        approval: Option<&ApprovalId>,
    ) -> Result<Rollback, JobError> {
        let Inner { store, clock, owner, runtime, .. } = &*self.0;
        let rollback = self.find(id).await?;
        let state = rollback.state;
        if !state.allows(RollbackState::Running) {
            return Err(JobError::WrongRollbackState { state });
        }
        let ledger = self.ledger(&rollback.run_id).await?;
        let now = clock.now();
        let mut tx = store.begin().await?;
        if !rollbacks::start(&mut *tx, id, state, owner).await? {
            return Err(JobError::WrongRollbackState { state: RollbackState::Running });
        }
        let act = Act::RollBack {
            run_id: rollback.run_id.clone(),
            scope: rollback.scope.clone(),
            changed: rollback.changed,
        };
        let permit = approvals::permit(&mut tx, settings, caller, &act, approval, now).await?;
        let (run, detail) = (rollback.run_id.as_str(), Some(detail(&rollback)));
        audit::record(&mut tx, now, caller, Action::RollbackStarted, run, detail).await?;
        let started = rollbacks::find(&mut *tx, id).await?.ok_or(JobError::RollbackNotFound)?;
        store::commit(tx).await?;
        let (rollbacks, by) = (self.clone(), By::from(caller));
        runtime.spawn(async move {
            // Its outcome is in the store.
            let _ = rollbacks.work(&by, &rollback, &ledger, permit).await;
        });
        Ok(started)
    }

    /// Undoes at once, for whoever waits for it.
    pub async fn carry_out(
        &self,
        by: &By,
        new: &NewRollback,
        ledger: &Ledger,
        permit: Permit,
    ) -> Result<RollbackOutcome, JobError> {
        let Inner { store, clock, owner, .. } = &*self.0;
        let rollback = self.rollback(by, new, RollbackState::Running, None);
        let mut tx = store.begin().await?;
        rollbacks::insert(&mut *tx, &rollback, Some(owner)).await?;
        let (run, detail) = (rollback.run_id.as_str(), Some(detail(&rollback)));
        let (now, action) = (clock.now(), Action::RollbackStarted);
        audit::record(&mut tx, now, by.actor.clone(), action, run, detail).await?;
        store::commit(tx).await?;
        self.work(by, &rollback, ledger, permit).await
    }

    pub async fn find(&self, id: &RollbackId) -> Result<Rollback, JobError> {
        let found = rollbacks::find(self.0.store.pool(), id).await?;
        found.ok_or(JobError::RollbackNotFound)
    }

    /// Finds rollbacks that a process left behind that is gone, and says so: they can be started
    /// again, and go on where they stopped.
    pub async fn recover(&self, left: Left) -> Result<(), StoreError> {
        let Inner { store, clock, owner, runtime, .. } = &*self.0;
        let abandoned = left.by(owner, clock.now());
        for rollback in rollbacks::list_abandoned(store.pool(), abandoned).await? {
            let failure = interrupted(format!("undoing run {}", rollback.run_id));
            let by = By { actor: Actor::system(), name: String::new() };
            self.record_end(&by, &rollback, Err(&failure)).await?;
            // Its target may take long to answer.
            let (rollbacks, run) = (self.clone(), rollback.run_id);
            runtime.spawn(async move {
                if let Ok(ledger) = rollbacks.0.runs.ledger(&run).await {
                    rollbacks.learn_state(&run, &ledger).await;
                }
            });
        }
        Ok(())
    }

    /// Where the run wrote. A run that is under way has to stop first.
    async fn ledger(&self, run: &RunId) -> Result<Ledger, JobError> {
        let state = self.0.runs.find(run).await?.run.state;
        if state == RunState::Running {
            return Err(JobError::WrongState { state });
        }
        self.0.runs.ledger(run).await
    }

    async fn work(
        &self,
        by: &By,
        rollback: &Rollback,
        ledger: &Ledger,
        _: Permit,
    ) -> Result<RollbackOutcome, JobError> {
        let new = NewRollback {
            run_id: rollback.run_id.clone(),
            scope: rollback.scope.clone(),
            changed: rollback.changed,
        };
        let Inner { store, clock, .. } = &*self.0;
        let (work, undoing) =
            ((Work::Rollback, rollback.id.as_str()), self.ask(ledger, &new, Effect::Undo));
        let done = alive((store, &**clock), work, undoing).await;
        let ended = done.as_ref().map_err(|error| {
            tracing::error!(run.id = %rollback.run_id, error.code = %error.code(),
                cause = causes::line(error), "a rollback failed: {error}");
            Failure::from(error)
        });
        if ended.is_err() {
            self.learn_state(&rollback.run_id, ledger).await;
        }
        if let Err(error) = self.0.runs.learn_merges(&rollback.run_id).await {
            // The next search among these people learns it.
            tracing::warn!(run.id = %rollback.run_id, cause = causes::line(&error), "{error}");
        }
        let what = format!("rollback {}", rollback.id);
        write_down(&what, || self.record_end(by, rollback, ended.as_ref().copied())).await?;
        Ok(done?)
    }

    /// A rollback that did not come to its end may have left the run neither whole nor undone: the
    /// store then says of the run what its target does.
    async fn learn_state(&self, run: &RunId, ledger: &Ledger) {
        let Inner { store, clock, .. } = &*self.0;
        let learned = async {
            match engine::rollback::run_state(&ledger.target, &ledger.run).await? {
                Some(RunState::RollingBack) => {
                    let message = format!("undoing run {run}");
                    let failure = Failure { code: ErrorCode::Load022, message };
                    runs::half_undone(store.pool(), run, &failure, clock.now()).await?;
                }
                Some(state @ RunState::Paused) => {
                    runs::undone(store.pool(), run, state, clock.now()).await?;
                }
                _ => {}
            }
            Ok::<_, JobError>(())
        };
        if let Err(error) = learned.await {
            // The target has the truth, and whatever the run is asked to do asks the target.
            tracing::warn!(run.id = %run, cause = causes::line(&error), "{error}");
        }
    }

    async fn ask(
        &self,
        ledger: &Ledger,
        new: &NewRollback,
        effect: Effect,
    ) -> Result<RollbackOutcome, EngineError> {
        let request = Request {
            target_url: ledger.target.as_str().to_owned(),
            run_id: ledger.run.clone(),
            scope: new.scope.clone(),
            changed: new.changed,
            effect,
            key: self.0.key.clone(),
            clock: Arc::clone(&self.0.clock),
        };
        let asked = async move { roll_back(&request).await };
        outcome::of(&self.0.runtime, "undoing a run", asked).await
    }

    async fn record_end(
        &self,
        by: &By,
        rollback: &Rollback,
        ended: Result<&RollbackOutcome, &Failure>,
    ) -> Result<(), StoreError> {
        let Inner { store, clock, .. } = &*self.0;
        let now = clock.now();
        let mut tx = store.begin().await?;
        if rollbacks::end(&mut *tx, &rollback.id, ended, now).await? {
            let (action, more) = match ended {
                Ok(outcome) => {
                    runs::undone(&mut *tx, &rollback.run_id, outcome.run_state, now).await?;
                    (Action::RollbackCompleted, told(outcome))
                }
                Err(failure) => (Action::RollbackFailed, failure.code.to_string()),
            };
            let detail = Some(format!("{}: {more}", detail(rollback)));
            let run = rollback.run_id.as_str();
            audit::record(&mut tx, now, by.actor.clone(), action, run, detail).await?;
        }
        store::commit(tx).await
    }

    fn rollback(
        &self,
        by: &By,
        new: &NewRollback,
        state: RollbackState,
        outcome: Option<RollbackOutcome>,
    ) -> Rollback {
        let clock = &self.0.clock;
        let id = clock.fresh_id().to_string();
        Rollback {
            id: RollbackId::parse(id).expect("a UUID is an id"),
            run_id: new.run_id.clone(),
            scope: new.scope.clone(),
            changed: new.changed,
            state,
            requested_by: by.name.clone(),
            requested_at: clock.now(),
            ended_at: None,
            outcome,
            failure: None,
        }
    }
}

/// What the trail says of a rollback: names and numbers.
fn detail(rollback: &Rollback) -> String {
    let what = match &rollback.scope {
        Scope::Run => "the whole run".to_owned(),
        Scope::Table { target } => format!("table {target}"),
        Scope::Chunk { target, ordinal } => format!("chunk {ordinal} of {target}"),
    };
    format!("rollback {}, {what}, changed rows: {}", rollback.id, rollback.changed.as_str())
}

fn told(outcome: &RollbackOutcome) -> String {
    let sum = |count: fn(&shared::rollback::TableRollback) -> u64| {
        outcome.tables.iter().map(count).sum::<u64>()
    };
    format!(
        "{} rows removed, {} restored, {} left",
        sum(|table| table.removed),
        sum(|table| table.restored),
        outcome.rows_left()
    )
}
