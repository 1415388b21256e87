//! A search in the control store: begun, completed or failed, each with its entry in the trail.

use std::collections::HashMap;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use engine::merge::Order;
use shared::audit::Action;
use shared::duplicate::{Cluster, Pair, RecordId};
use shared::id::{ClusterKey, MatchId, MatchingId};
use shared::matching::{ClusterItem, Matching, MatchingState, Side};
use shared::run::Failure;
use shared::settings::SearchSettings;

use super::search::{Found, Job, Sure};
use super::{By, Duplicates, DuplicatesError, Inner, JobError, Subject};
use crate::audit::{self, Actor};
use crate::causes;
use crate::store::matches::NewMatch;
use crate::store::matchings::Ended;
use crate::store::{
    self, StoreError, clusters, document, matches, matching_memory, matchings, settings,
};

/// Pairs that share a transaction: nobody else waits long for the store.
const PAIRS_AT_ONCE: usize = 2_000;

impl Duplicates {
    pub(super) async fn begin(
        &self,
        by: &By,
        subject: &Subject,
        policy: &dedup::Policy,
        side: Side,
    ) -> Result<Matching, JobError> {
        let Inner { store, clock, owner, .. } = &*self.0;
        let id = MatchingId::parse(clock.fresh_id().to_string()).expect("a UUID is an id");
        let policy = document(policy, "adding a search for duplicates")?;
        let new = matchings::NewMatching {
            id: &id,
            plan_id: subject.plan_id.as_ref(),
            plan_name: &subject.plan.name,
            people: &subject.people,
            side,
            owner,
            started_by: &by.name,
            policy: &policy,
        };
        let now = clock.now();
        let mut tx = store.begin().await?;
        matchings::insert(&mut *tx, &new, now).await?;
        let detail = Some(format!("plan {}, among {}", subject.plan.name, subject.people));
        let action = Action::MatchingStarted;
        audit::record(&mut tx, now, by.actor.clone(), action, id.as_str(), detail).await?;
        let begun = matchings::find(&mut *tx, &id).await?;
        store::commit(tx).await?;
        Ok(begun.ok_or(DuplicatesError::MatchingNotFound)?)
    }

    /// Keeps the pairs and the people that were found, and gives the orders to merge those of whom
    /// there is no doubt.
    pub(super) async fn keep(&self, job: &Job<'_>, found: &Found) -> Result<Vec<Order>, JobError> {
        let Inner { store, clock, .. } = &*self.0;
        let pairs = self.queue(&found.pairs);
        for some in pairs.chunks(PAIRS_AT_ONCE) {
            let mut tx = store.begin().await?;
            matches::insert(&mut tx, job.id, some).await?;
            store::commit(tx).await?;
        }
        let items: Vec<ClusterItem> =
            found.clusters.iter().map(|cluster| self.item(cluster)).collect();
        for some in items.chunks(PAIRS_AT_ONCE) {
            let mut tx = store.begin().await?;
            clusters::insert(&mut tx, job.id, some).await?;
            store::commit(tx).await?;
        }
        for some in found.refusals.chunks(PAIRS_AT_ONCE) {
            let mut tx = store.begin().await?;
            clusters::insert_refusals(&mut tx, job.id, some).await?;
            store::commit(tx).await?;
        }
        let (fingerprint, now) = (&found.summary.fingerprint, clock.now());
        let order = |sure: &Sure| sure.order(clock.fresh_id().to_string(), fingerprint, now);
        Ok(found.groups.iter().map(order).collect())
    }

    /// Ends a search whose pairs are kept.
    pub(super) async fn complete(
        &self,
        by: &By,
        job: &Job<'_>,
        found: &Found,
    ) -> Result<(), JobError> {
        let Inner { store, clock, .. } = &*self.0;
        let fingerprint = &found.summary.fingerprint;
        let model = document(&found.model, "ending a search for duplicates")?;
        let ended = matchings::Found {
            counts: found.counts,
            fingerprint,
            model: &model,
            summary: &found.summary,
        };
        let now = clock.now();
        let mut tx = store.begin().await?;
        matching_memory::replace(&mut tx, &job.subject.people, job.id, &found.memory).await?;
        if matchings::complete(&mut *tx, job.id, &ended, now).await? {
            let counts = &found.counts;
            let detail = Some(format!(
                "{} records, {} pairs compared, {} matches, {} to be reviewed, model {fingerprint}",
                counts.records, counts.pairs_compared, counts.matches, counts.reviews
            ));
            let (action, id) = (Action::MatchingCompleted, job.id.as_str());
            audit::record(&mut tx, now, by.actor.clone(), action, id, detail).await?;
        }
        store::commit(tx).await?;
        let forgotten = self.forget_old(&job.subject.people).await;
        if let Err(error) = forgotten {
            // The search is done; the next one forgets what this one could not.
            tracing::warn!(cause = causes::line(&error), "{error}");
        }
        Ok(())
    }

    /// Forgets searches among these people that are old by the settings, each with its entry in the
    /// trail.
    pub(super) async fn forget_old(&self, people: &str) -> Result<(), StoreError> {
        let Inner { store, clock, .. } = &*self.0;
        let settings = settings::find(store.pool()).await?;
        let searches = settings.map(|saved| saved.settings.searches).unwrap_or_default();
        let ended = matchings::list_ended(store.pool(), people).await?;
        for old in outdated(&ended, searches, clock.now()) {
            let now = clock.now();
            let mut tx = store.begin().await?;
            if matchings::forget(&mut tx, &old.id).await? {
                let began = old.started_at.to_rfc3339_opts(SecondsFormat::Secs, true);
                let detail = Some(format!("among {people}, begun {began}"));
                let (actor, action) = (Actor::system(), Action::MatchingForgotten);
                audit::record(&mut tx, now, actor, action, old.id.as_str(), detail).await?;
            }
            store::commit(tx).await?;
        }
        Ok(())
    }

    pub(super) async fn record_failure(
        &self,
        actor: &Actor,
        id: &MatchingId,
        failure: &Failure,
    ) -> Result<(), StoreError> {
        let Inner { store, clock, .. } = &*self.0;
        let now = clock.now();
        let mut tx = store.begin().await?;
        if matchings::fail(&mut *tx, id, failure, now).await? {
            let (action, detail) = (Action::MatchingFailed, Some(failure.code.to_string()));
            audit::record(&mut tx, now, actor.clone(), action, id.as_str(), detail).await?;
        }
        store::commit(tx).await
    }

    fn queue(&self, pairs: &[Pair]) -> Vec<NewMatch> {
        let mut frequency: HashMap<&RecordId, u32> = HashMap::new();
        for id in pairs.iter().flat_map(|pair| [&pair.left_id, &pair.right_id]) {
            *frequency.entry(id).or_default() += 1;
        }
        let fresh = || self.0.clock.fresh_id().to_string();
        pairs
            .iter()
            .map(|pair| NewMatch {
                id: MatchId::parse(fresh()).expect("a UUID is an id"),
                left_id: pair.left_id.clone(),
                right_id: pair.right_id.clone(),
                weight: pair.weight,
                probability: pair.probability,
                verdict: pair.decision,
                vetoes: pair.vetoes.clone(),
                frequency: frequency[&pair.left_id].max(frequency[&pair.right_id]),
            })
            .collect()
    }

    fn item(&self, cluster: &Cluster) -> ClusterItem {
        let key = self.0.clock.fresh_id().to_string();
        ClusterItem {
            key: ClusterKey::parse(key).expect("a UUID is an id"),
            id: cluster.id.clone(),
            members: cluster.members.clone(),
            cohesion: cluster.cohesion,
            decision: cluster.decision,
            merge: None,
        }
    }
}

/// Which of the searches among the same people, the newest first, are no longer kept. The newest that
/// was completed stays: the next one goes by its model and by what it remembers.
fn outdated(ended: &[Ended], settings: SearchSettings, now: DateTime<Utc>) -> Vec<&Ended> {
    let latest = ended.iter().find(|search| search.state == MatchingState::Completed);
    let oldest = settings.keep_days.map(|days| now - TimeDelta::days(days.into()));
    let kept = usize::try_from(settings.keep).unwrap_or(usize::MAX);
    let searches = ended.iter().enumerate().filter(|(place, search)| {
        *place >= kept || oldest.is_some_and(|oldest| search.ended_at < oldest)
    });
    searches.map(|(_, search)| search).filter(|search| Some(*search) != latest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 24 * 60 * 60;

    #[track_caller]
    fn check(searches: &[(i64, MatchingState)], keep: u32, keep_days: Option<u32>, old: &[&str]) {
        let at = |day: i64| DateTime::from_timestamp(day * DAY, 0).unwrap();
        let ended: Vec<Ended> = searches
            .iter()
            .map(|(day, state)| Ended {
                id: format!("m{day}").parse().unwrap(),
                started_at: at(*day),
                ended_at: at(*day),
                state: *state,
            })
            .collect();
        let found = outdated(&ended, SearchSettings { keep, keep_days }, at(100));
        let found: Vec<&str> = found.iter().map(|search| search.id.as_str()).collect();
        assert_eq!(found, old);
    }

    #[test]
    fn the_newest_are_kept_and_always_the_one_that_the_next_goes_by() {
        use MatchingState::{Completed, Failed};
        let searches =
            [(99, Failed), (98, Failed), (90, Completed), (50, Completed), (10, Completed)];
        check(&searches, 20, None, &[]);
        check(&searches, 4, None, &["m10"]);
        check(&searches, 1, None, &["m98", "m50", "m10"]);
        check(&searches, 20, Some(60), &["m10"]);
        check(&searches, 20, Some(5), &["m50", "m10"]);
        check(&searches, 2, Some(1), &["m98", "m50", "m10"]);
        check(&[], 1, Some(1), &[]);
    }
}
