//! Assessing plans: their databases, their schema and their rows, before anything moves.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use engine::EngineError;
use engine::assess::profile;
use engine::assessment::{Look, Request, Surroundings, assess, try_rules};
use engine::clock::Clock;
use engine::load::ledger::work_hash;
use engine::seal::Key;
use shared::assessment::{
    Assessment, AssessmentCounts, AssessmentItem, AssessmentState, DriftSince, KeptAssessment,
    NewAssessment, Readiness, TableProfile, Thoroughness, drift,
};
use shared::audit::Action;
use shared::check::CheckSelection;
use shared::connection::{Engine, without_secret};
use shared::error_code::ErrorCode;
use shared::id::AssessmentId;
use shared::plan::{Plan, RulesTrial, TriedRules};
use shared::run::Failure;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::outcome::{Left, alive, interrupted, write_down};
use super::rollbacks::By;
use super::{Databases, JobError};
use crate::audit::{self, Actor};
use crate::auth::Caller;
use crate::causes;
use crate::settings::Current;
use crate::store::assessments::{self, Begun, Found};
use crate::store::signs::Work;
use crate::store::{self, Store, StoreError, notifications, plans};

const ASSESSING: &str = "assessing a plan";
/// So often somebody who stops an assessment is heard.
const BETWEEN_LOOKS: Duration = Duration::from_millis(500);

/// Assesses plans and keeps what was found. Clones are handles to the same.
#[derive(Clone)]
pub struct Assessments(Arc<Inner>);

struct Inner {
    store: Store,
    clock: Arc<dyn Clock>,
    databases: Databases,
    key: Key,
    owner: String,
    /// An HTTP worker's own runtime has one thread, and requests wait on it.
    runtime: Handle,
    /// Why the source of an assessment under way here is not read at the moment.
    held: Mutex<HashMap<AssessmentId, watch::Receiver<Option<String>>>>,
}

/// What an assessment found, and what the values look like, where that was asked for.
struct Parts {
    found: Assessment,
    profile: Option<Vec<TableProfile>>,
}

impl Parts {
    fn of(mut found: Assessment, look: Thoroughness) -> Self {
        let profile = profile::masked(std::mem::take(&mut found.profile));
        Self { found, profile: look.profile.map(|_| profile) }
    }
}

/// How an assessment ended.
enum Ended {
    Found(Box<Assessment>),
    Failed(EngineError),
    /// Somebody stopped it: the store says so already.
    Stopped,
}

impl Assessments {
    /// To be called on the runtime that is to assess.
    pub fn new(
        store: Store,
        clock: Arc<dyn Clock>,
        databases: Databases,
        key: Key,
        owner: String,
    ) -> Self {
        let runtime = Handle::current();
        let held = Mutex::default();
        Self(Arc::new(Inner { store, clock, databases, key, owner, runtime, held }))
    }

    /// What the rules of one table of a plan make of a few rows. Nothing is kept.
    pub async fn try_rules(&self, trial: &RulesTrial) -> Result<TriedRules, JobError> {
        let Inner { databases, key, .. } = &*self.0;
        let sides = databases.sides(&trial.plan).await?;
        Ok(try_rules(trial, &sides.source, &sides.target, key).await?)
    }

    /// Starts an assessment of the latest version of a plan. It is under way when this answers.
    pub async fn start(
        &self,
        caller: &Caller,
        settings: &Current,
        new: &NewAssessment,
    ) -> Result<AssessmentItem, JobError> {
        let Inner { store, databases, clock, key, runtime, .. } = &*self.0;
        let plan = plans::find(store.pool(), &new.plan_id).await?;
        let plan = plan.ok_or(JobError::PlanNotFound)?;
        let sides = databases.sides(&plan.plan).await?;
        let request = Request {
            source_url: sides.source.as_str().to_owned(),
            target_url: sides.target.as_str().to_owned(),
            selection: new.selection.clone(),
            forecast: forecast(new.look),
            profile: new.look.profile.map_or(Look::Nothing, Look::Rows),
            workers: None,
            key: key.clone(),
            clock: Arc::clone(clock),
            surroundings: self.surroundings(settings, &plan.plan).await?,
            held: watch::Sender::new(None),
            plan: plan.plan.clone(),
        };
        let by = By::from(caller);
        let item = self.item(&by, &plan.plan, new.selection.clone(), new.look);
        let item = AssessmentItem {
            plan_id: Some(plan.id.clone()),
            plan_version: Some(plan.version),
            ..item
        };
        let mut tx = store.begin().await?;
        if let Some(assessment) = assessments::find_running(&mut *tx, &plan.id).await? {
            return Err(JobError::AssessmentUnderWay { assessment });
        }
        self.begin(&mut tx, &by.actor, &item, &plan.plan).await?;
        store::commit(tx).await?;
        let work = (self.clone(), item.clone(), source_of(&plan.plan));
        runtime.spawn(async move {
            let (assessments, item, source) = work;
            assessments.work(&by, &item, &source, request).await;
        });
        Ok(item)
    }

    /// Keeps an assessment that was made at once, for whoever waited for it.
    pub async fn keep(
        &self,
        by: &By,
        plan: &Plan,
        (selection, look): (CheckSelection, Thoroughness),
        found: Assessment,
    ) -> Result<AssessmentItem, StoreError> {
        let item = self.item(by, plan, selection, look);
        let mut tx = self.0.store.begin().await?;
        self.begin(&mut tx, &by.actor, &item, plan).await?;
        store::commit(tx).await?;
        let found = Parts::of(found, look);
        self.complete(by, &item, &source_of(plan), &found).await?;
        Ok(item)
    }

    /// Ends an assessment before it found anything.
    pub async fn stop(
        &self,
        caller: &Caller,
        id: &AssessmentId,
    ) -> Result<AssessmentItem, JobError> {
        let Inner { store, clock, .. } = &*self.0;
        let now = clock.now();
        let mut tx = store.begin().await?;
        if !assessments::stop(&mut *tx, id, now).await? {
            let found = assessments::find(&mut *tx, id).await?;
            let state = found.ok_or(JobError::AssessmentNotFound)?.state;
            return Err(JobError::WrongAssessmentState { state });
        }
        audit::record(&mut tx, now, caller, Action::AssessmentStopped, id.as_str(), None).await?;
        let stopped = assessments::find(&mut *tx, id).await?;
        store::commit(tx).await?;
        stopped.ok_or(JobError::AssessmentNotFound)
    }

    pub async fn find(&self, id: &AssessmentId) -> Result<KeptAssessment, JobError> {
        let found = assessments::find_whole(self.0.store.pool(), id).await?;
        let mut found = found.ok_or(JobError::AssessmentNotFound)?;
        found.item.held = self.held().get(id).and_then(|held| held.borrow().clone());
        Ok(found)
    }

    fn held(&self) -> MutexGuard<'_, HashMap<AssessmentId, watch::Receiver<Option<String>>>> {
        self.0.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Finds assessments that a process left behind that is gone, and says so.
    pub async fn recover(&self, left: Left) -> Result<(), StoreError> {
        let Inner { store, clock, owner, .. } = &*self.0;
        let abandoned = left.by(owner, clock.now());
        let failure = interrupted(ASSESSING.to_owned());
        for id in assessments::list_abandoned(store.pool(), abandoned).await? {
            self.record_failure(&Actor::system(), &id, &failure).await?;
        }
        Ok(())
    }

    async fn work(&self, by: &By, item: &AssessmentItem, source: &str, request: Request) {
        self.held().insert(item.id.clone(), request.held.subscribe());
        // On its own task, so that a panic in it is an outcome like any other, and it can be ended.
        let asked = self.0.runtime.spawn(assess(request));
        let Inner { store, clock, .. } = &*self.0;
        let (work, ending) = ((Work::Assessment, item.id.as_str()), self.end_of(&item.id, asked));
        let ended = alive((store, &**clock), work, ending).await;
        self.held().remove(&item.id);
        let what = format!("assessment {}", item.id);
        // What cannot be written down is logged, and found at the next start.
        let _ = match ended {
            Ended::Found(found) => {
                let found = Parts::of(*found, item.look);
                write_down(&what, || self.complete(by, item, source, &found)).await
            }
            Ended::Failed(error) => {
                tracing::error!(assessment.id = %item.id, error.code = %error.code(),
                    cause = causes::line(&error), "an assessment failed: {error}");
                let failure = Failure::from(&error);
                write_down(&what, || self.record_failure(&by.actor, &item.id, &failure)).await
            }
            Ended::Stopped => Ok(()),
        };
    }

    /// Waits for an assessment, and ends it where somebody, here or elsewhere, stopped it.
    async fn end_of(
        &self,
        id: &AssessmentId,
        mut asked: JoinHandle<Result<Assessment, EngineError>>,
    ) -> Ended {
        loop {
            tokio::select! {
                ended = &mut asked => return match ended {
                    Ok(Ok(found)) => Ended::Found(Box::new(found)),
                    Ok(Err(error)) => Ended::Failed(error),
                    Err(panic) => Ended::Failed(
                        EngineError::new(ErrorCode::Sys001, ASSESSING).because(panic),
                    ),
                },
                () = sleep(BETWEEN_LOOKS) => {}
            }
            // A store that does not answer now will be asked again.
            let found = assessments::find(self.0.store.pool(), id).await;
            if let Ok(Some(item)) = found
                && item.state != AssessmentState::Running
            {
                asked.abort();
                return Ended::Stopped;
            }
        }
    }

    async fn begin(
        &self,
        tx: &mut store::Transaction,
        actor: &Actor,
        item: &AssessmentItem,
        plan: &Plan,
    ) -> Result<(), StoreError> {
        let (plan_hash, source) = (work_hash(plan), source_of(plan));
        let owner = self.0.owner.as_str();
        let begun = Begun { item, plan_hash: &plan_hash, source: &source, owner };
        assessments::insert(&mut **tx, &begun).await?;
        let detail = Some(match (&item.plan_id, item.plan_version) {
            (Some(plan), Some(version)) => format!("plan {plan} version {version}"),
            _ => format!("plan {}", item.plan_name),
        });
        let (action, id) = (Action::AssessmentStarted, item.id.as_str());
        audit::record(tx, item.started_at, actor.clone(), action, id, detail).await
    }

    async fn complete(
        &self,
        by: &By,
        item: &AssessmentItem,
        source: &str,
        Parts { found, profile }: &Parts,
    ) -> Result<(), StoreError> {
        let Inner { store, clock, .. } = &*self.0;
        let profile = profile.as_deref();
        let drift = match profile {
            Some(profile) => self.drift(source, profile).await?,
            None => None,
        };
        let counts = AssessmentCounts::of(found);
        let kept = Found { found, counts, profile, drift: drift.as_ref() };
        let now = clock.now();
        let mut tx = store.begin().await?;
        if assessments::complete(&mut *tx, &item.id, &kept, now).await? {
            let detail = Some(told(&counts));
            let (action, id) = (Action::AssessmentCompleted, item.id.as_str());
            audit::record(&mut tx, now, by.actor.clone(), action, id, detail).await?;
        }
        store::commit(tx).await
    }

    async fn drift(
        &self,
        source: &str,
        now: &[TableProfile],
    ) -> Result<Option<DriftSince>, StoreError> {
        let before = assessments::find_profile(self.0.store.pool(), source).await?;
        Ok(before.map(|(assessment_id, at, before)| DriftSince {
            assessment_id,
            at,
            changes: drift(&before, now),
        }))
    }

    async fn record_failure(
        &self,
        actor: &Actor,
        id: &AssessmentId,
        failure: &Failure,
    ) -> Result<(), StoreError> {
        let Inner { store, clock, .. } = &*self.0;
        let now = clock.now();
        let mut tx = store.begin().await?;
        if assessments::fail(&mut *tx, id, failure, now).await? {
            let (action, detail) = (Action::AssessmentFailed, Some(failure.code.to_string()));
            audit::record(&mut tx, now, actor.clone(), action, id.as_str(), detail).await?;
        }
        store::commit(tx).await
    }

    /// What the installation knows. When a target was last backed up is not in its store.
    async fn surroundings(
        &self,
        settings: &Current,
        plan: &Plan,
    ) -> Result<Surroundings, StoreError> {
        let saved = settings.get().await?;
        let targets = notifications::list_targets(self.0.store.pool()).await?;
        Ok(Surroundings {
            second_person: Some(!saved.settings.approvals.second_person.is_empty()),
            notifications: Some(!targets.is_empty()),
            last_backup: None,
            secret_in_plan: Some(has_secret(plan)),
        })
    }

    fn item(
        &self,
        by: &By,
        plan: &Plan,
        selection: CheckSelection,
        look: Thoroughness,
    ) -> AssessmentItem {
        let clock = &self.0.clock;
        AssessmentItem {
            id: AssessmentId::parse(clock.fresh_id().to_string()).expect("a UUID is an id"),
            plan_id: None,
            plan_version: None,
            plan_name: plan.name.clone(),
            selection,
            look,
            state: AssessmentState::Running,
            started_by: by.name.clone(),
            started_at: clock.now(),
            ended_at: None,
            failure: None,
            counts: None,
            held: None,
        }
    }
}

/// How many rows the forecast looks at.
pub const fn forecast(look: Thoroughness) -> Look {
    match look.rows {
        None => Look::Everything,
        Some(0) => Look::Nothing,
        Some(rows) => Look::Rows(rows),
    }
}

/// Whether a password stands in the plan's document.
pub fn has_secret(plan: &Plan) -> bool {
    [&plan.source, &plan.target].into_iter().any(|url| {
        Engine::of_url(url).is_some() && !url.contains("${") && without_secret(url) != **url
    })
}

/// The source as the plan names it: a connection, or a URL without its password.
fn source_of(plan: &Plan) -> String {
    if Engine::of_url(&plan.source).is_some() {
        without_secret(&plan.source)
    } else {
        plan.source.clone()
    }
}

/// What the trail says of an assessment: numbers.
fn told(counts: &AssessmentCounts) -> String {
    let AssessmentCounts { status, blocking, warnings, infos, checks, .. } = counts;
    let status = match status {
        Readiness::Ready => "ready",
        Readiness::Warnings => "ready with warnings",
        Readiness::Blocked => "blocked",
    };
    format!(
        "{status}: {checks} checks made, {blocking} blocking, {warnings} warnings, {infos} for \
         information"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_a_plan_is_noticed_and_a_variable_is_none() {
        let with = |source: &str| {
            let document =
                format!("format: 1\nname: t\nsource: '{source}'\ntarget: 'sqlite:b'\ntables: []\n");
            has_secret(&Plan::from_yaml(&document).expect("a plan"))
        };

        assert!(with("postgres://ann:s3cret@db/mdw"));
        assert!(!with("postgres://ann:${PASSWORD}@db/mdw"));
        assert!(!with("sqlite:a"));
        assert!(!with("legacy"));
    }
}
