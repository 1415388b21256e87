//! The search itself: who is alike, by a new model or a known one, among all or among those who
//! changed.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use dedup::find::find;
use dedup::update::{keep_ids, update};
use dedup::{Findings, Model, People, Policy};
use engine::merge::{By as Word, Decided, Order, PersonRow};
use shared::duplicate::{
    Cluster, ClusterId, Decision, ModelSummary, Pair, RecordId, Refusal, Verdict, WeightBin,
};
use shared::id::MatchingId;
use shared::matching::{MatchingCounts, MergeState, ModelUse};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use super::before::{Before, KnownModel, memory_of};
use super::failure::{of_people, panicked};
use super::gather::{Gathered, gather};
use super::rows::{Shape, ordered};
use super::{Duplicates, JobError, Subject};
use crate::store::{StoreError, match_decisions, merges};

/// What is searched, and how.
pub(super) struct Job<'a> {
    pub(super) id: &'a MatchingId,
    pub(super) subject: &'a Subject,
    pub(super) policy: &'a Policy,
    pub(super) model: ModelUse,
}

/// What a search found, ready to be kept.
pub(super) struct Found {
    pub(super) counts: MatchingCounts,
    pub(super) pairs: Vec<Pair>,
    pub(super) clusters: Vec<Cluster>,
    /// What kept clusters apart.
    pub(super) refusals: Vec<Refusal>,
    pub(super) groups: Vec<Sure>,
    pub(super) model: Model,
    pub(super) summary: ModelSummary,
    pub(super) memory: Vec<String>,
}

/// People of whom the policy, or somebody, is sure.
pub(super) struct Sure {
    pub(super) cluster: Option<ClusterId>,
    pub(super) members: Vec<RecordId>,
    pub(super) word: Word,
}

impl Sure {
    pub(super) fn order(&self, id: String, fingerprint: &str, at: DateTime<Utc>) -> Order {
        Order {
            id,
            cluster: self.cluster.clone(),
            members: self.members.clone(),
            decision: Decided { by: self.word.clone(), at, basis: format!("model {fingerprint}") },
        }
    }
}

/// What people said, and whose pairs have to be looked at again because of that.
struct WhatWasSaid {
    decisions: Vec<Decision>,
    touched: BTreeSet<RecordId>,
}

impl Duplicates {
    /// Searches among the people that come.
    pub(super) async fn look(
        &self,
        job: &Job<'_>,
        rows: mpsc::Receiver<Vec<PersonRow>>,
    ) -> Result<Found, JobError> {
        let store = &self.0.store;
        let people = &job.subject.people;
        let before = Before::read(store, people, job.policy, job.model).await?;
        let shape = Shape::of(job.subject.duplicates());
        let reading = before.known.as_ref().map(|known| known.model.reading.clone());
        let gathered = gather(rows, &shape, job.policy, &self.0.key, reading).await?;
        let since = before.known.as_ref().and_then(|known| Some(known.memory.as_ref()?.since));
        let said = self.said(people, since).await?;
        let policy = job.policy.clone();
        let looking = spawn_blocking(move || look(&gathered, &policy, before, &said));
        looking.await.map_err(panicked)?
    }

    /// What stands about these people. A record that went into another one is that other one now.
    async fn said(
        &self,
        people: &str,
        since: Option<DateTime<Utc>>,
    ) -> Result<WhatWasSaid, StoreError> {
        let pool = self.0.store.pool();
        let mut decisions = match_decisions::list(pool, people).await?;
        let mut touched = BTreeSet::new();
        if let Some(since) = since {
            let lately = match_decisions::list_touched(pool, people, since).await?;
            touched.extend(lately.into_iter().flat_map(|(left, right)| [left, right]));
        }
        let merges = merges::list(pool, people, None, None, u32::MAX).await?;
        let ended = merges.iter().filter(|merge| merge.state == MergeState::TakenBack);
        touched.extend(ended.flat_map(|merge| merge.members.iter().cloned()));
        let absorbed = Absorbed::of(&merges);
        let mapped: Vec<Decision> = decisions
            .iter()
            .filter_map(|said| {
                let (left, right) =
                    ordered(absorbed.now(&said.left_id), absorbed.now(&said.right_id));
                let is_other = left != right && (left != said.left_id || right != said.right_id);
                is_other.then(|| Decision { left_id: left, right_id: right, ..said.clone() })
            })
            .collect();
        // Of what contradicts itself because records became one, "not the same" counts most.
        let (apart, other): (Vec<_>, Vec<_>) =
            mapped.into_iter().partition(|said| said.verdict == Verdict::NoMatch);
        let direct: BTreeSet<(RecordId, RecordId)> =
            decisions.iter().map(|said| (said.left_id.clone(), said.right_id.clone())).collect();
        decisions.extend(
            other
                .into_iter()
                .filter(|said| !direct.contains(&(said.left_id.clone(), said.right_id.clone()))),
        );
        decisions.extend(apart);
        touched.extend(
            decisions
                .iter()
                .filter(|said| said.verdict == Verdict::NoMatch)
                .flat_map(|said| [said.left_id.clone(), said.right_id.clone()]),
        );
        Ok(WhatWasSaid { decisions, touched })
    }
}

/// Which record another one went into.
#[derive(Default)]
pub(super) struct Absorbed(BTreeMap<RecordId, RecordId>);

impl Absorbed {
    pub(super) fn of(merges: &[shared::matching::Merge]) -> Self {
        let mut into = BTreeMap::new();
        for merge in merges.iter().filter(|merge| merge.state == MergeState::Applied) {
            let Some(survivor) = &merge.survivor else { continue };
            for member in merge.members.iter().filter(|member| *member != survivor) {
                into.insert(member.clone(), survivor.clone());
            }
        }
        Self(into)
    }

    /// The record that stands for this one.
    pub(super) fn now(&self, record: &RecordId) -> RecordId {
        let mut now = record;
        // No longer than there are merges: a circle cannot be, and would not be walked for ever.
        for _ in 0..=self.0.len() {
            match self.0.get(now) {
                Some(next) => now = next,
                None => break,
            }
        }
        now.clone()
    }

    /// The records that one of these stands for, itself excluded.
    pub(super) fn behind(&self, records: &[RecordId]) -> Vec<RecordId> {
        self.0.keys().filter(|record| records.contains(&self.now(record))).cloned().collect()
    }
}

fn look(
    gathered: &Gathered,
    policy: &Policy,
    before: Before,
    said: &WhatWasSaid,
) -> Result<Found, JobError> {
    let Gathered { people, digests } = gathered;
    let failed = |error: dedup::find::FindError| of_people(error.into());
    let Before { clusters: named, known } = before;
    let (findings, counted) = match known {
        Some(KnownModel { model, summary, memory: Some(memory) }) => {
            let mut changed = memory.changed(ids(people), digests);
            changed.extend(said.touched.iter().cloned());
            let decisions = &said.decisions;
            let previous = &memory.previous;
            let found =
                update(people, policy, &model, decisions, previous, &changed).map_err(failed)?;
            (found, summary)
        }
        Some(KnownModel { model, .. }) => {
            (find(people, policy, Some(&model), &said.decisions).map_err(failed)?, None)
        }
        None => (find(people, policy, None, &said.decisions).map_err(failed)?, None),
    };
    found(people, digests, policy, &findings, &named, counted.as_ref(), said)
}

fn ids(people: &People) -> impl Iterator<Item = RecordId> {
    (0..people.len()).map(|at| {
        let at = u32::try_from(at).unwrap_or(u32::MAX);
        RecordId::from(people.id(at))
    })
}

fn found(
    people: &People,
    digests: &[u64],
    policy: &Policy,
    findings: &Findings,
    named: &BTreeMap<RecordId, ClusterId>,
    counted: Option<&ModelSummary>,
    said: &WhatWasSaid,
) -> Result<Found, JobError> {
    let pairs: Vec<Pair> = findings.pairs(people).collect();
    let mut clusters = findings.clusters(people);
    for (cluster, id) in clusters.iter_mut().zip(keep_ids(people, &findings.proposed, named)) {
        cluster.id = id;
    }
    let mut summary = findings.summary(people);
    if let Some(counted) = counted {
        let review = policy.thresholds.review;
        summary.weights = whole_weights(&counted.weights, &pairs, review);
        summary.passes.clone_from(&counted.passes);
        for (level, known) in summary.levels.iter_mut().zip(&counted.levels) {
            level.observations = known.observations;
        }
        summary.notes.push(
            "Only records that changed were compared; pairs below the threshold of a review, and \
             the passes, are those of the last search that compared all."
                .to_owned(),
        );
    }
    let groups = sure(people, findings, &clusters, said);
    let size = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    let counts = MatchingCounts {
        records: size(people.len()),
        excluded: size(people.excluded().count()),
        pairs_compared: findings.compared,
        matches: findings.count(Verdict::Match),
        reviews: findings.count(Verdict::Review),
        clusters: size(clusters.len()),
        automatic: size(groups.len()),
    };
    let memory = memory_of(&findings.refined, digests)?;
    let (refusals, model) = (findings.refusals(people).collect(), findings.model.clone());
    Ok(Found { counts, pairs, clusters, refusals, groups, model, summary, memory })
}

/// The weights of all pairs, of which a part was not compared again: those below a review as they
/// were counted, the others from the pairs themselves.
fn whole_weights(counted: &[WeightBin], pairs: &[Pair], review: f64) -> Vec<WeightBin> {
    const PER_BIT: f64 = 4.0;
    let mut bins: Vec<WeightBin> =
        counted.iter().filter(|bin| bin.from < review).copied().collect();
    let mut heavy: BTreeMap<i64, WeightBin> = BTreeMap::new();
    for pair in pairs.iter().filter(|pair| pair.weight >= review) {
        let place = (pair.weight.clamp(-40.0, 40.0) * PER_BIT).floor();
        #[expect(clippy::cast_possible_truncation, reason = "between -160 and 160")]
        let bin = heavy.entry(place as i64).or_insert(WeightBin {
            from: place / PER_BIT,
            pairs: 0,
            expected_matches: 0.0,
            expected_households: 0.0,
            expected_twins: 0.0,
            expected_namesakes: 0.0,
            vetoed: 0,
        });
        bin.pairs += 1;
        bin.expected_matches += pair.probability;
        bin.vetoed += u64::from(!pair.vetoes.is_empty());
    }
    for bin in heavy.into_values() {
        match bins.iter_mut().find(|known| (known.from - bin.from).abs() < 1e-9) {
            Some(known) => {
                known.pairs += bin.pairs;
                known.expected_matches += bin.expected_matches;
                known.vetoed += bin.vetoed;
            }
            None => bins.push(bin),
        }
    }
    bins
}

/// The people that may be merged without a further look, each with whose word that is.
fn sure(
    people: &People,
    findings: &Findings,
    clusters: &[Cluster],
    said: &WhatWasSaid,
) -> Vec<Sure> {
    let of_record: BTreeMap<&RecordId, &ClusterId> = clusters
        .iter()
        .flat_map(|cluster| cluster.members.iter().map(|member| (member, &cluster.id)))
        .collect();
    let same: Vec<&Decision> =
        said.decisions.iter().filter(|said| said.verdict == Verdict::Match).collect();
    let groups = &findings.automatic.groups;
    groups
        .iter()
        .map(|group| {
            let id = |member: &u32| RecordId::from(people.id(*member));
            let members: Vec<RecordId> = group.members.iter().map(id).collect();
            Sure {
                cluster: members.first().and_then(|first| of_record.get(first)).copied().cloned(),
                word: word_on(&members, &same),
                members,
            }
        })
        // Not through a third record either.
        .filter(|sure| sure.word != Word::Policy || !is_left_to_somebody(&sure.members, said))
        .collect()
}

/// Whether somebody left a pair of these to somebody else.
fn is_left_to_somebody(members: &[RecordId], said: &WhatWasSaid) -> bool {
    said.decisions
        .iter()
        .filter(|said| said.verdict == Verdict::Review)
        .any(|said| members.contains(&said.left_id) && members.contains(&said.right_id))
}

/// Whose word it is that these are one: somebody's, where what was said joins all of them.
fn word_on(members: &[RecordId], same: &[&Decision]) -> Word {
    let within: Vec<&&Decision> = same
        .iter()
        .filter(|said| members.contains(&said.left_id) && members.contains(&said.right_id))
        .collect();
    let mut joined: BTreeSet<&RecordId> = members.iter().take(1).collect();
    loop {
        let next = within.iter().find_map(|said| {
            let ends = [&said.left_id, &said.right_id];
            let is_at_the_edge = ends.iter().filter(|end| joined.contains(*end)).count() == 1;
            is_at_the_edge.then_some(ends)
        });
        match next {
            Some(ends) => joined.extend(ends),
            None => break,
        }
    }
    let somebody = within.last().and_then(|said| said.decided_by.clone());
    match somebody {
        Some(name) if joined.len() == members.len() => Word::Person(name),
        _ => Word::Policy,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::id::MergeId;
    use shared::matching::Merge;

    fn id(text: &str) -> RecordId {
        RecordId::from(text)
    }

    fn same(left: &str, right: &str) -> Decision {
        Decision {
            left_id: id(left),
            right_id: id(right),
            verdict: Verdict::Match,
            decided_by: Some("Ada Example".to_owned()),
            decided_at: None,
        }
    }

    #[test]
    fn it_is_somebodys_word_only_where_it_joins_all_of_them() {
        let (one, two) = (same("1", "2"), same("2", "3"));
        let members = [id("1"), id("2"), id("3")];
        assert_eq!(word_on(&members, &[&one]), Word::Policy);
        let ada = Word::Person("Ada Example".to_owned());
        assert_eq!(word_on(&members, &[&two, &one]), ada);
        assert_eq!(word_on(&members[..2], &[&one]), ada);
        assert_eq!(word_on(&members, &[]), Word::Policy);
    }

    #[test]
    fn a_record_is_followed_through_all_merges_that_stand() {
        let merge = |name: &str, state, members: [&str; 2]| Merge {
            id: MergeId::parse(name).unwrap(),
            state,
            members: members.map(id).to_vec(),
            survivor: Some(id(members[0])),
            decided_by: None,
            decided_at: DateTime::UNIX_EPOCH,
            removed: BTreeMap::new(),
            moved: BTreeMap::new(),
            refusal: None,
        };
        let absorbed = Absorbed::of(&[
            merge("a", MergeState::Applied, ["2", "1"]),
            merge("b", MergeState::Applied, ["3", "2"]),
            merge("c", MergeState::TakenBack, ["4", "3"]),
        ]);

        assert_eq!(absorbed.now(&id("1")), id("3"));
        assert_eq!(absorbed.now(&id("4")), id("4"));
        assert_eq!(absorbed.behind(&[id("3")]), [id("1"), id("2")]);
    }

    #[test]
    fn weights_that_were_not_compared_again_stay_as_they_were_counted() {
        let bin = |from: f64, pairs: u64| WeightBin {
            from,
            pairs,
            expected_matches: 0.0,
            expected_households: 0.0,
            expected_twins: 0.0,
            expected_namesakes: 0.0,
            vetoed: 0,
        };
        let pair = |weight: f64| Pair {
            left_id: id("1"),
            right_id: id("2"),
            weight,
            probability: 0.5,
            decision: Verdict::Review,
            vetoes: Vec::new(),
        };

        let bins = whole_weights(&[bin(-9.0, 7), bin(4.0, 3)], &[pair(0.1), pair(0.2)], -3.0);

        let told: Vec<_> = bins.iter().map(|bin| (bin.from, bin.pairs)).collect();
        assert_eq!(told, [(-9.0, 7), (0.0, 2)]);
    }
}
