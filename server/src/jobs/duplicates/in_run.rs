//! The search as a part of a run: the engine hands over the people and carries out what is decided.

use std::sync::Arc;

use engine::error::Result;
use engine::merge::Order;
use engine::run::{Matcher, PeopleStream};
use shared::matching::{ModelUse, Side};
use shared::plan::When;

use super::failure::for_engine;
use super::golden::{Choices, survival};
use super::search::Job;
use super::{By, Duplicates, JobError, Subject, terms};

/// What becomes of what a run's search finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// It can be looked at and worked.
    Search,
    /// The run takes everything back.
    Nothing,
}

impl Duplicates {
    /// What decides for a run who is the same person; none where its plan does not ask for it.
    pub fn matcher(
        &self,
        subject: &Arc<Subject>,
        by: &By,
        keep: Keep,
    ) -> std::result::Result<Option<Matcher>, JobError> {
        let section = subject.duplicates();
        let side = match section.when {
            When::BeforeLoad => Side::Source,
            When::AfterLoad => Side::Target,
            When::OnRequest => return Ok(None),
        };
        // Said now rather than after hours of copying.
        terms::policy(section)?;
        let survive = survival(section, &Choices::new());
        let (duplicates, subject, by) = (self.clone(), Arc::clone(subject), by.clone());
        let decide = move |people: PeopleStream| {
            let (duplicates, subject, by) = (duplicates.clone(), Arc::clone(&subject), by.clone());
            let deciding =
                async move { duplicates.decide_in_run(&by, &subject, side, keep, people).await };
            Box::pin(deciding) as std::pin::Pin<Box<dyn Future<Output = _> + Send>>
        };
        Ok(Some(Matcher { decide: Arc::new(decide), survive }))
    }

    async fn decide_in_run(
        &self,
        by: &By,
        subject: &Subject,
        side: Side,
        keep: Keep,
        people: PeopleStream,
    ) -> Result<Vec<Order>> {
        let policy = terms::policy(subject.duplicates()).map_err(for_engine)?;
        if keep == Keep::Nothing {
            return self.only_decide(subject, &policy, people).await.map_err(for_engine);
        }
        let id = self.begin(by, subject, &policy, side).await.map_err(for_engine)?.id;
        let job = Job { id: &id, subject, policy: &policy, model: ModelUse::Known };
        let decided = async {
            let found = self.look(&job, people.rows).await?;
            let orders = self.keep(&job, &found).await?;
            self.complete(by, &job, &found).await?;
            Ok(orders)
        };
        match self.searching(&id, Box::pin(decided)).await {
            Ok(orders) => Ok(orders),
            Err(error) => {
                self.fail(by, &id, &error).await;
                Err(for_engine(error))
            }
        }
    }

    async fn only_decide(
        &self,
        subject: &Subject,
        policy: &dedup::Policy,
        people: PeopleStream,
    ) -> std::result::Result<Vec<Order>, JobError> {
        let fresh = || self.0.clock.fresh_id().to_string();
        let id = shared::id::MatchingId::parse(fresh()).expect("a UUID is an id");
        let job = Job { id: &id, subject, policy, model: ModelUse::Known };
        let found = self.look(&job, people.rows).await?;
        let (fingerprint, now) = (&found.summary.fingerprint, self.0.clock.now());
        Ok(found.groups.iter().map(|sure| sure.order(fresh(), fingerprint, now)).collect())
    }
}
