//! The whole way: pairs that may be one person, weighed and decided, and the people they make.

mod decide;

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use shared::duplicate::{
    Cluster, ClusterId, Decision, LevelChances, ModelOrigin, ModelSummary, Pair, PairExplanation,
    PassSummary, RecordId, Refusal, Verdict, Veto, WeightBin,
};

pub(crate) use decide::{Known, look_again, partitions, sort, weigh};

use crate::block::{self, PassReport, Plan, Refined, Scope};
use crate::cluster::Partition;
use crate::model::{Model, ModelError, Tables};
use crate::number::wide;
use crate::people::{Index, People};
use crate::policy::{ModelChoice, Policy};
use crate::score::{Scorer, probability};
use crate::train::{self, Patterns, Training};

/// A pair that is not left: a match, or to be reviewed.
#[derive(Debug, Clone, PartialEq)]
pub struct Scored {
    pub left: Index,
    pub right: Index,
    pub weight: f64,
    pub verdict: Verdict,
    pub vetoes: Vec<Veto>,
}

/// All that was found.
pub struct Findings {
    pub model: Model,
    /// How the model was learned, when it was.
    pub training: Option<Training>,
    /// Matches and reviews, the heaviest first.
    pub pairs: Vec<Scored>,
    /// The people that are more likely than the policy asks for: what is proposed.
    pub proposed: Partition,
    /// The people that may be merged unseen: matches only, without a contradiction among them.
    pub automatic: Partition,
    /// All pairs that were compared, by weight.
    pub weights: Vec<WeightBin>,
    pub compared: u64,
    pub passes: Vec<PassReport>,
    /// The blocks that were divided; a later, partial run needs them.
    pub refined: Vec<Refined>,
}

/// What could not be found because of what was given.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    #[error("using the saved model")]
    Model(#[source] ModelError),
    #[error("the people were read under other conventions than the saved model's")]
    Reading,
}

/// Finds the records that are one person. With a saved model nothing is learned.
pub fn find(
    people: &People,
    policy: &Policy,
    saved: Option<&Model>,
    decisions: &[Decision],
) -> Result<Findings, FindError> {
    let plan = match saved {
        Some(model) => {
            model.check().map_err(FindError::Model)?;
            if model.reading != *people.reading() {
                return Err(FindError::Reading);
            }
            model.plan.clone()
        }
        None => plan_of(people, policy),
    };
    let scan = block::scan(people, &plan, &Scope::EVERYTHING);
    let (model, training) = if let Some(model) = saved {
        (model.clone(), None)
    } else {
        let patterns = Patterns::of(&scan.candidates, people.compared());
        let training = train_by(people, &plan, &patterns, policy);
        (training.model.clone(), Some(training))
    };
    let scorer = Scorer::new(&model, people);
    let known = Known::of(people, decisions);
    let (pairs, weights) = weigh(people, &scorer, policy, &known, &scan.candidates);
    let compared = wide(scan.candidates.len());
    drop(scan.candidates);
    let (proposed, automatic) = partitions(people, &scorer, policy, &known, &pairs);
    Ok(Findings {
        training,
        pairs,
        proposed,
        automatic,
        weights,
        compared,
        passes: scan.passes,
        refined: scan.refined,
        model,
    })
}

/// The passes that a policy asks for, or that suit the people.
pub fn plan_of(people: &People, policy: &Policy) -> Plan {
    if policy.blocking.passes.is_empty() {
        block::choose(people, policy.blocking.largest_block)
    } else {
        Plan::of(policy.blocking.passes.clone(), policy.blocking.largest_block)
    }
}

/// The model that a policy asks for.
pub fn train_by(people: &People, plan: &Plan, patterns: &Patterns, policy: &Policy) -> Training {
    match &policy.model {
        ModelChoice::Learned => train::learn(people, plan, patterns),
        ModelChoice::Shipped => {
            train::measure_rates(people, plan, patterns, &Tables::shipped(), ModelOrigin::Shipped)
        }
        ModelChoice::HandMade(hand_made) => {
            let mut fields = Tables::shipped().fields();
            overwrite(&mut fields, &hand_made.fields);
            let start = Tables::of(&fields);
            let mut training =
                train::measure_rates(people, plan, patterns, &start, ModelOrigin::HandMade);
            // What was measured of strangers gives way to what somebody wrote.
            overwrite(&mut training.model.fields, &hand_made.fields);
            if let Some(per_record) = hand_made.matches_per_record {
                training.model.set_matches_per_record(per_record);
            }
            training
        }
    }
}

fn overwrite<K: Ord + Copy, L: Ord + Copy, V: Copy>(
    all: &mut BTreeMap<K, BTreeMap<L, V>>,
    new: &BTreeMap<K, BTreeMap<L, V>>,
) {
    for (key, values) in new {
        all.entry(*key).or_default().extend(values.iter().map(|(level, value)| (*level, *value)));
    }
}

impl Findings {
    /// Matches and reviews as they are written down.
    pub fn pairs<'a>(&'a self, people: &'a People) -> impl Iterator<Item = Pair> + 'a {
        self.pairs.iter().map(|pair| named(people, pair))
    }

    /// The proposed people of several records, by id.
    pub fn clusters(&self, people: &People) -> Vec<Cluster> {
        clusters(people, &self.proposed, &self.automatic)
    }

    /// Links that joined nothing in what is proposed, and why.
    pub fn refusals<'a>(&'a self, people: &'a People) -> impl Iterator<Item = Refusal> + 'a {
        self.proposed.refusals.iter().map(|refused| {
            let (left_id, right_id) = ids(people, refused.link.left, refused.link.right);
            Refusal { left_id, right_id, weight: refused.link.weight, reason: refused.reason }
        })
    }

    /// The model and the passes as people look at them.
    pub fn summary(&self, people: &People) -> ModelSummary {
        let only = self.found_only_by(people);
        ModelSummary {
            fingerprint: self.model.fingerprint(),
            origin: self.model.origin,
            records: self.model.records,
            matches_per_record: self.model.matches_per_record(),
            levels: self.levels(),
            passes: self
                .passes
                .iter()
                .zip(only)
                .map(|(pass, only_here)| PassSummary {
                    pass: pass.pass.clone(),
                    records: pass.records,
                    largest_block: pass.largest_block,
                    pairs: pass.pairs,
                    new_pairs: pass.new_pairs,
                    separated_pairs: pass.separated_pairs,
                    only_here,
                })
                .collect(),
            weights: self.weights.clone(),
            notes: self.notes(),
        }
    }

    /// What a user should know of the search: why the model that was learned is not used, where it
    /// is not, and which passes were left out.
    pub fn notes(&self) -> Vec<String> {
        let learned = self.training.iter().flat_map(|training| &training.findings);
        let fatal = learned.filter(|finding| finding.is_fatal()).map(ToString::to_string);
        fatal.chain(self.model.plan.left_out.iter().map(ToString::to_string)).collect()
    }

    /// The chances of every level, with what they rest on where they were learned in this run.
    fn levels(&self) -> Vec<LevelChances> {
        let support = self.training.as_ref().map(|training| &training.support);
        let seen =
            |level: &LevelChances| support?.get(&level.field)?.get(&level.agreement).copied();
        let mut levels = self.model.levels();
        for level in &mut levels {
            level.observations = seen(level);
        }
        levels
    }

    /// How many pairs are of a verdict.
    pub fn count(&self, verdict: Verdict) -> u64 {
        wide(self.pairs.iter().filter(|pair| pair.verdict == verdict).count())
    }

    /// Of the matches, how many only one pass found; in the order of the passes.
    pub fn found_only_by(&self, people: &People) -> Vec<u64> {
        let matches: Vec<&Scored> =
            self.pairs.iter().filter(|pair| pair.verdict == Verdict::Match).collect();
        let passes = &self.model.plan.passes;
        matches
            .par_iter()
            .with_min_len(1024)
            .filter_map(|pair| {
                let mut met =
                    block::meetings(people, &self.model.plan, &self.refined, pair.left, pair.right);
                let only = met.next()?;
                if met.next().is_some() {
                    return None;
                }
                passes.iter().position(|pass| pass == only)
            })
            .fold(
                || vec![0; passes.len()],
                |mut counts, pass| {
                    counts[pass] += 1;
                    counts
                },
            )
            .reduce(
                || vec![0; passes.len()],
                |one, other| one.iter().zip(other).map(|(a, b)| a + b).collect(),
            )
    }
}

/// A pair with all that its decision rests on.
pub fn explain(people: &People, scorer: &Scorer<'_>, pair: &Scored) -> PairExplanation {
    let explanation = scorer.explain(pair.left, pair.right);
    let (first, _) = oriented(people, pair.left, pair.right);
    let mut factors = explanation.factors;
    if first != pair.left {
        for factor in &mut factors {
            std::mem::swap(&mut factor.left, &mut factor.right);
        }
    }
    PairExplanation {
        pair: named(people, pair),
        prior: explanation.prior,
        factors,
        alternatives: explanation.alternatives,
    }
}

fn named(people: &People, pair: &Scored) -> Pair {
    let (left_id, right_id) = ids(people, pair.left, pair.right);
    Pair {
        left_id,
        right_id,
        weight: pair.weight,
        probability: probability(pair.weight),
        decision: pair.verdict,
        vetoes: pair.vetoes.clone(),
    }
}

fn clusters(people: &People, proposed: &Partition, automatic: &Partition) -> Vec<Cluster> {
    let unseen: BTreeSet<&[Index]> =
        automatic.groups.iter().map(|group| group.members.as_slice()).collect();
    let id = |record: &Index| RecordId::from(people.id(*record));
    proposed
        .groups
        .iter()
        .map(|group| Cluster {
            id: ClusterId(people.id(group.members[0]).to_owned()),
            members: group.members.iter().map(id).collect(),
            cohesion: group.cohesion,
            decision: if unseen.contains(group.members.as_slice()) {
                Verdict::Match
            } else {
                Verdict::Review
            },
        })
        .collect()
}

/// The same pair has the same left wherever its records stand in the input.
fn oriented(people: &People, one: Index, other: Index) -> (Index, Index) {
    if people.id(one) <= people.id(other) { (one, other) } else { (other, one) }
}

fn ids(people: &People, one: Index, other: Index) -> (RecordId, RecordId) {
    let (left, right) = oriented(people, one, other);
    (RecordId::from(people.id(left)), RecordId::from(people.id(right)))
}
