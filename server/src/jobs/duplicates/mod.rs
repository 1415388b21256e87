//! People who are there twice: searched for, decided on, merged, and taken apart again.
//!
//! `dedup` says who is alike, `engine::merge` makes rows one, and the control store keeps what was
//! found and said. A merge, or its end, is written into the audit trail with its row when all is
//! done in the target and nothing can be seen yet: an entry without its deed is possible, a deed
//! without its entry is not.

mod failure;
mod terms;
mod rows;
mod gather;
mod before;
mod search;
mod keep;
mod golden;
mod in_run;
mod said;
mod merging;
mod review;
mod clusters;

use std::sync::Arc;

use engine::clock::Clock;
use engine::seal::Key;
use shared::id::{MatchingId, PlanId};
use shared::matching::{AutoMerge, Matching, NewMatching, Side};
use tokio::runtime::Handle;

pub use self::failure::DuplicatesError;
pub use self::in_run::Keep;
pub use self::review::Look;
pub use self::terms::Subject;

use super::outcome::{self, Left, alive, interrupted, write_down};
use super::rollbacks::By;
use super::{Databases, JobError};
use crate::audit::Actor;
use crate::causes;
use crate::store::signs::Work;
use crate::store::{Store, StoreError, matchings, plans};

const LOOKING: &str = "looking for people who are there twice";

/// Searches for duplicates, and works what was found. Clones are handles to the same.
#[derive(Clone)]
pub struct Duplicates(Arc<Inner>);

struct Inner {
    store: Store,
    clock: Arc<dyn Clock>,
    databases: Databases,
    key: Key,
    owner: String,
    /// An HTTP worker's own runtime has one thread, and requests wait on it.
    runtime: Handle,
}

impl Duplicates {
    /// To be called on the runtime that is to search.
    pub fn new(
        store: Store,
        clock: Arc<dyn Clock>,
        databases: Databases,
        key: Key,
        owner: String,
    ) -> Self {
        let runtime = Handle::current();
        Self(Arc::new(Inner { store, clock, databases, key, owner, runtime }))
    }

    /// Starts a search among the people of a plan's target. It is under way when this answers.
    pub async fn start(&self, by: &By, new: &NewMatching) -> Result<Matching, JobError> {
        let subject = self.subject(&new.plan_id).await?;
        let policy = terms::policy(subject.duplicates())?;
        let running = matchings::find_running(self.0.store.pool(), &subject.people).await?;
        if let Some(matching) = running {
            return Err(DuplicatesError::UnderWay { matching }.into());
        }
        let started = self.begin(by, &subject, &policy, Side::Target).await?;
        let (duplicates, by, id) = (self.clone(), by.clone(), started.id.clone());
        let (model, merge) = (new.model, new.merge);
        self.0.runtime.spawn(async move {
            // Its outcome is in the store.
            let _ = duplicates.look_in_target(&by, &subject, &policy, &id, model, merge).await;
        });
        Ok(started)
    }

    /// Searches at once, for whoever waits for it, and merges those of whom the policy or somebody
    /// is sure where that is asked for.
    pub async fn search(
        &self,
        by: &By,
        subject: &Subject,
        model: shared::matching::ModelUse,
        merge: AutoMerge,
    ) -> Result<Matching, JobError> {
        let policy = terms::policy(subject.duplicates())?;
        let id = self.begin(by, subject, &policy, Side::Target).await?.id;
        self.look_in_target(by, subject, &policy, &id, model, merge).await?;
        self.find(&id).await
    }

    pub async fn find(&self, id: &MatchingId) -> Result<Matching, JobError> {
        let found = matchings::find(self.0.store.pool(), id).await?;
        Ok(found.ok_or(DuplicatesError::MatchingNotFound)?)
    }

    /// Finds searches that a process left behind that is gone, and says so; at the start, forgets
    /// those that became old meanwhile.
    pub async fn recover(&self, left: Left) -> Result<(), StoreError> {
        let Inner { store, clock, owner, .. } = &*self.0;
        let abandoned = left.by(owner, clock.now());
        let failure = interrupted(LOOKING.to_owned());
        for id in matchings::list_abandoned(store.pool(), abandoned).await? {
            self.record_failure(&Actor::system(), &id, &failure).await?;
        }
        if left == Left::InSilence {
            return Ok(());
        }
        for people in matchings::list_people(store.pool()).await? {
            self.forget_old(&people).await?;
        }
        Ok(())
    }

    /// The people of a plan as it is now.
    pub async fn subject(&self, plan: &PlanId) -> Result<Subject, JobError> {
        let found = plans::find(self.0.store.pool(), plan).await?;
        let plan = found.ok_or(JobError::PlanNotFound)?;
        let target = self.0.databases.sides(&plan.plan).await?.target;
        Subject::new(Some(plan.id), plan.plan, target)
    }

    /// The people among whom a search looked: by its plan, or, where it was asked for on the command
    /// line, by the one that looked among them last.
    async fn subject_of(&self, matching: &Matching) -> Result<Subject, JobError> {
        self.subject_named(matching.plan_id.as_ref(), &matching.people).await
    }

    async fn subject_named(
        &self,
        plan: Option<&PlanId>,
        people: &str,
    ) -> Result<Subject, JobError> {
        let latest = matchings::find_plan(self.0.store.pool(), people).await?;
        let plan = plan.or(latest.as_ref()).ok_or(JobError::PlanNotFound)?;
        let subject = self.subject(plan).await?;
        if subject.people == people {
            Ok(subject)
        } else {
            // The plan is about other people by now.
            Err(DuplicatesError::PlanChanged.into())
        }
    }

    async fn look_in_target(
        &self,
        by: &By,
        subject: &Subject,
        policy: &dedup::Policy,
        id: &MatchingId,
        model: shared::matching::ModelUse,
        merge: AutoMerge,
    ) -> Result<(), JobError> {
        let looked = async {
            self.take_stock(subject).await?;
            let (send, rows) = tokio::sync::mpsc::channel(2);
            let reading = async move {
                // The sender goes with its reader: whoever listens hears that this was all.
                let send = send;
                engine::merge::target::each_person(subject.place(), &send).await
            };
            let job = search::Job { id, subject, policy, model };
            let (read, found) = tokio::join!(reading, self.look(&job, rows));
            // When both ends failed, the reader only says that nobody took its rows.
            let found = found?;
            read?;
            let orders = self.keep(&job, &found).await?;
            if merge == AutoMerge::Merge {
                self.merge_all(by, subject, &orders).await?;
            }
            self.complete(by, &job, &found).await
        };
        let looked = self.searching(id, Box::pin(looked)).await;
        if let Err(error) = &looked {
            self.fail(by, id, error).await;
        }
        looked
    }

    /// What a search came to, which says meanwhile that it is alive.
    async fn searching<T>(
        &self,
        id: &MatchingId,
        search: impl Future<Output = Result<T, JobError>>,
    ) -> Result<T, JobError> {
        let Inner { store, clock, .. } = &*self.0;
        let search = outcome::here(LOOKING, search);
        alive((store, &**clock), (Work::Matching, id.as_str()), search).await
    }

    /// Writes down why a search could not be made; what cannot be written down is logged, and found
    /// at the next start.
    async fn fail(&self, by: &By, id: &MatchingId, error: &JobError) {
        let failure = failure::failure_of(error);
        tracing::error!(
            matching.id = %id,
            error.code = %failure.code,
            cause = causes::line(error),
            "a search for duplicates failed: {error}"
        );
        let what = format!("search {id}");
        let _ = write_down(&what, || self.record_failure(&by.actor, id, &failure)).await;
    }
}
