//! The whole way: pairs that may be one person, weighed and decided, and the people they make.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rayon::prelude::*;
use shared::duplicate::{
    Cluster, ClusterId, Decision, ModelOrigin, ModelSummary, Pair, PairExplanation, PassSummary,
    RecordId, Refusal, Verdict, Veto, WeightBin,
};

use crate::block::{self, Candidate, PassReport, Plan, Refined, Scope};
use crate::cluster::{self, Decided, Link, Look, Partition};
use crate::compare::Pattern;
use crate::model::{Model, ModelError, Tables};
use crate::number::{compact, real, rounded, signed, wide};
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
        Plan {
            passes: policy.blocking.passes.clone(),
            largest_block: policy.blocking.largest_block,
        }
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

/// What was decided about records that are here, by index.
pub(crate) struct Known {
    verdicts: BTreeMap<(Index, Index), Verdict>,
    decided: Decided,
}

impl Known {
    /// Takes what people said; later decisions of a list replace earlier ones.
    pub(crate) fn of(people: &People, decisions: &[Decision]) -> Self {
        let mut known = Self { verdicts: BTreeMap::new(), decided: Decided::default() };
        if decisions.is_empty() {
            return known;
        }
        let wanted: BTreeSet<&str> = decisions
            .iter()
            .flat_map(|decision| [decision.left_id.as_str(), decision.right_id.as_str()])
            .collect();
        let by_id: HashMap<&str, Index> = (0..compact(people.len()))
            .map(|record| (people.id(record), record))
            .filter(|(id, _)| wanted.contains(id))
            .collect();
        for decision in decisions {
            let ends = [&decision.left_id, &decision.right_id].map(|id| by_id.get(id.as_str()));
            // A decision about a record that is gone waits until it comes back.
            if let [Some(&left), Some(&right)] = ends
                && left != right
            {
                known.verdicts.insert((left.min(right), left.max(right)), decision.verdict);
            }
        }
        for (&pair, &verdict) in &known.verdicts {
            match verdict {
                Verdict::Match => known.decided.same.insert(pair),
                Verdict::NoMatch => known.decided.not_same.insert(pair),
                Verdict::Review => false,
            };
        }
        known
    }
}

impl Known {
    pub(crate) fn is_told_the_same(&self, left: Index, right: Index) -> bool {
        self.decided.same.contains(&(left, right))
    }
}

/// Weighs and decides one pair that an earlier run found.
pub(crate) fn look_again(
    scorer: &Scorer<'_>,
    policy: &Policy,
    known: &Known,
    left: Index,
    right: Index,
) -> Option<Scored> {
    let (pattern, weight) = scorer.weigh(left, right);
    decide(scorer, policy, known, left, right, pattern, weight)
}

/// Weighs and decides candidates: those that are not left, and all of them by weight.
pub(crate) fn weigh(
    people: &People,
    scorer: &Scorer<'_>,
    policy: &Policy,
    known: &Known,
    candidates: &[Candidate],
) -> (Vec<Scored>, Vec<WeightBin>) {
    let (mut pairs, bins) = candidates
        .par_iter()
        .with_min_len(4096)
        .fold(
            || (Vec::new(), Bins::default()),
            |(mut pairs, mut bins), candidate| {
                let Candidate { left, right, pattern } = *candidate;
                let weight = scorer.weight(left, right, pattern);
                let decided = decide(scorer, policy, known, left, right, pattern, weight);
                bins.add(weight, decided.as_ref().is_some_and(|pair| !pair.vetoes.is_empty()));
                pairs.extend(decided);
                (pairs, bins)
            },
        )
        .reduce(
            || (Vec::new(), Bins::default()),
            |(mut pairs, mut bins), (more, others)| {
                pairs.extend(more);
                bins.merge(others);
                (pairs, bins)
            },
        );
    // What somebody said is one person belongs to the result whether or not it met.
    let met: BTreeSet<(Index, Index)> = if known.decided.same.is_empty() {
        BTreeSet::new()
    } else {
        pairs.iter().map(|pair| (pair.left, pair.right)).collect()
    };
    for &(left, right) in known.decided.same.difference(&met) {
        let (pattern, weight) = scorer.weigh(left, right);
        pairs.extend(decide(scorer, policy, known, left, right, pattern, weight));
    }
    sort(people, &mut pairs);
    (pairs, bins.finish())
}

/// The heaviest first; equals by their ids, so that the order of the input does not show.
pub(crate) fn sort(people: &People, pairs: &mut [Scored]) {
    let ids = |pair: &Scored| {
        let (one, other) = (people.id(pair.left), people.id(pair.right));
        if one <= other { (one, other) } else { (other, one) }
    };
    pairs.par_sort_unstable_by(|a, b| {
        b.weight.total_cmp(&a.weight).then_with(|| ids(a).cmp(&ids(b)))
    });
}

/// What becomes of a pair; None when it is left.
fn decide(
    scorer: &Scorer<'_>,
    policy: &Policy,
    known: &Known,
    left: Index,
    right: Index,
    pattern: Pattern,
    weight: f64,
) -> Option<Scored> {
    let said = known.verdicts.get(&(left, right)).copied();
    let computed = policy.thresholds.verdict(weight);
    let verdict = match said {
        Some(Verdict::NoMatch) => return None,
        Some(Verdict::Match) => Verdict::Match,
        Some(Verdict::Review) | None if computed == Verdict::NoMatch => return None,
        Some(Verdict::Review) => Verdict::Review,
        None => computed,
    };
    let mut vetoes = scorer.vetoes(left, right, pattern);
    vetoes.retain(|veto| policy.vetoes.contains(veto));
    let is_held = !vetoes.is_empty() && said != Some(Verdict::Match);
    let verdict = if is_held { Verdict::Review } else { verdict };
    Some(Scored { left, right, weight, verdict, vetoes })
}

/// What is proposed, and what may be merged unseen.
pub(crate) fn partitions(
    people: &People,
    scorer: &Scorer<'_>,
    policy: &Policy,
    known: &Known,
    pairs: &[Scored],
) -> (Partition, Partition) {
    let largest = policy.clusters.largest;
    let links = |wanted: &dyn Fn(&Scored) -> bool| -> Vec<Link> {
        pairs
            .iter()
            .filter(|pair| wanted(pair))
            .map(|pair| Link { left: pair.left, right: pair.right, weight: pair.weight })
            .collect()
    };
    let look = |left: Index, right: Index| scorer.weigh(left, right);
    let proposed = cluster::form(
        people,
        &links(&|pair| pair.weight >= policy.thresholds.link),
        &known.decided,
        largest,
        |left, right| Look { weight: look(left, right).1, is_vetoed: false },
    );
    let automatic = cluster::form(
        people,
        &links(&|pair| pair.verdict == Verdict::Match),
        &known.decided,
        largest,
        |left, right| {
            let (pattern, weight) = look(left, right);
            let is_vetoed = scorer
                .vetoes(left, right, pattern)
                .iter()
                .any(|veto| veto.is_contradiction() && policy.vetoes.contains(veto));
            Look { weight, is_vetoed }
        },
    );
    (proposed, automatic)
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
        let notes = self.training.iter().flat_map(|training| &training.findings);
        ModelSummary {
            fingerprint: self.model.fingerprint(),
            origin: self.model.origin,
            records: self.model.records,
            matches_per_record: self.model.matches_per_record(),
            levels: self.model.levels(),
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
            notes: notes.filter(|note| note.is_fatal()).map(ToString::to_string).collect(),
        }
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

/// Sums by weight, in whole numbers: sums of fractions would depend on the number of threads.
#[derive(Default)]
struct Bins(BTreeMap<i64, Bin>);

#[derive(Default)]
struct Bin {
    pairs: u64,
    billionths: u64,
    vetoed: u64,
}

impl Bins {
    const PER_BIT: f64 = 4.0;
    const WIDEST: f64 = 40.0;

    fn add(&mut self, weight: f64, is_vetoed: bool) {
        let place = (weight.clamp(-Self::WIDEST, Self::WIDEST) * Self::PER_BIT).floor();
        let bin = self.0.entry(rounded(place)).or_default();
        bin.pairs += 1;
        bin.billionths += u64::try_from(rounded(probability(weight) * 1e9)).unwrap_or_default();
        bin.vetoed += u64::from(is_vetoed);
    }

    fn merge(&mut self, others: Self) {
        for (place, other) in others.0 {
            let bin = self.0.entry(place).or_default();
            bin.pairs += other.pairs;
            bin.billionths += other.billionths;
            bin.vetoed += other.vetoed;
        }
    }

    fn finish(self) -> Vec<WeightBin> {
        self.0
            .into_iter()
            .map(|(place, bin)| WeightBin {
                from: signed(place) / Self::PER_BIT,
                pairs: bin.pairs,
                expected_matches: real(bin.billionths) / 1e9,
                vetoed: bin.vetoed,
            })
            .collect()
    }
}
