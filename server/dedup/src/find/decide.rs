//! Pairs weighed and decided, and the people they make. What somebody said stands above all that is
//! computed.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rayon::prelude::*;
use shared::duplicate::{Decision, Verdict, Veto, WeightBin};

use super::Scored;
use crate::block::Candidate;
use crate::cluster::{self, Decided, Link, Look, Partition};
use crate::compare::Pattern;
use crate::hash::NumberMap;
use crate::number::{compact, real, rounded, signed};
use crate::people::{Index, People};
use crate::policy::Policy;
use crate::score::{Odds, Scorer};

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
                let odds = scorer.odds(left, right, pattern);
                let weight = odds.weight();
                let decided = decide(scorer, policy, known, left, right, pattern, weight);
                bins.add(
                    weight,
                    odds,
                    decided.as_ref().is_some_and(|pair| !pair.vetoes.is_empty()),
                );
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
    // Most pairs of a cluster were weighed already.
    let weighed: NumberMap<(Index, Index), &Scored> =
        pairs.iter().map(|pair| ((pair.left, pair.right), pair)).collect();
    let contradict = |vetoes: &[Veto]| {
        vetoes.iter().any(|veto| veto.is_contradiction() && policy.vetoes.contains(veto))
    };
    let proposed = cluster::form(
        people,
        &links(&|pair| pair.weight >= policy.thresholds.link),
        &known.decided,
        largest,
        |left, right| {
            let known = weighed.get(&(left, right)).map(|pair| pair.weight);
            let weight = known.unwrap_or_else(|| scorer.weigh(left, right).1);
            Look { weight, is_vetoed: false }
        },
    );
    let automatic = cluster::form(
        people,
        &links(&|pair| pair.verdict == Verdict::Match),
        &known.decided,
        largest,
        |left, right| {
            if let Some(pair) = weighed.get(&(left, right)) {
                return Look { weight: pair.weight, is_vetoed: contradict(&pair.vetoes) };
            }
            let (pattern, weight) = scorer.weigh(left, right);
            Look { weight, is_vetoed: contradict(&scorer.vetoes(left, right, pattern)) }
        },
    );
    (proposed, automatic)
}

/// Sums by weight, in whole numbers: sums of fractions would depend on the number of threads.
#[derive(Default)]
struct Bins(BTreeMap<i64, Bin>);

#[derive(Default)]
struct Bin {
    pairs: u64,
    /// Billionths of pairs: same person, household, twin, namesake.
    expected: [u64; 4],
    vetoed: u64,
}

impl Bins {
    const PER_BIT: f64 = 4.0;
    const WIDEST: f64 = 40.0;

    fn add(&mut self, weight: f64, odds: Odds, is_vetoed: bool) {
        let place = (weight.clamp(-Self::WIDEST, Self::WIDEST) * Self::PER_BIT).floor();
        let bin = self.0.entry(rounded(place)).or_default();
        bin.pairs += 1;
        for (sum, probability) in bin.expected.iter_mut().zip(odds.probabilities()) {
            *sum += u64::try_from(rounded(probability * 1e9)).unwrap_or_default();
        }
        bin.vetoed += u64::from(is_vetoed);
    }

    fn merge(&mut self, others: Self) {
        for (place, other) in others.0 {
            let bin = self.0.entry(place).or_default();
            bin.pairs += other.pairs;
            for (sum, more) in bin.expected.iter_mut().zip(other.expected) {
                *sum += more;
            }
            bin.vetoed += other.vetoed;
        }
    }

    fn finish(self) -> Vec<WeightBin> {
        self.0
            .into_iter()
            .map(|(place, bin)| {
                let [same, households, twins, namesakes] = bin.expected.map(|sum| real(sum) / 1e9);
                WeightBin {
                    from: signed(place) / Self::PER_BIT,
                    pairs: bin.pairs,
                    expected_matches: same,
                    expected_households: households,
                    expected_twins: twins,
                    expected_namesakes: namesakes,
                    vetoed: bin.vetoed,
                }
            })
            .collect()
    }
}
