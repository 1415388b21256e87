//! Makes the passes: each pair once, in the first pass in which its records meet.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::refine::{Blocks, blocks_of};
use super::{Pass, Plan, Refined};
use crate::compare::{Pattern, compare};
use crate::number::wide;
use crate::people::{Index, People};

/// Two records that met, and how they agree. `left` stands before `right`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Candidate {
    pub left: Index,
    pub right: Index,
    pub pattern: Pattern,
}

/// A part of the work, for one of several machines. All must have read the same records in the
/// same order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    pub index: u32,
    pub of: u32,
}

impl Shard {
    pub const WHOLE: Self = Self { index: 0, of: 1 };

    const fn holds(self, number: u64) -> bool {
        number % self.of as u64 == self.index as u64
    }
}

/// Which pairs are wanted.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    pub shard: Shard,
    /// The blocks that were divided, per pass, when the whole was surveyed. A shard needs them: it
    /// does not see the blocks of the others.
    pub refined: Option<&'a [Refined]>,
    /// Only pairs of which at least one record is marked; all when there are no marks.
    pub marked: Option<&'a [bool]>,
    /// With marks: the blocks that were divided before. Of a block that is whole again all pairs
    /// are wanted.
    pub was_refined: Option<&'a [Refined]>,
}

impl Scope<'_> {
    pub const EVERYTHING: Self =
        Self { shard: Shard::WHOLE, refined: None, marked: None, was_refined: None };
}

/// What a pass did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassReport {
    pub pass: String,
    /// Records that have all features of the pass.
    pub records: u64,
    /// Records in its largest block, before it was divided.
    pub largest_block: u64,
    /// Pairs that meet in its blocks.
    pub pairs: u64,
    /// Pairs that no earlier pass had.
    pub new_pairs: u64,
    /// Pairs that were separated when blocks that were too large were divided.
    pub separated_pairs: u64,
}

/// The pairs found, and how.
#[derive(Debug, Default)]
pub struct Scan {
    pub candidates: Vec<Candidate>,
    pub passes: Vec<PassReport>,
    pub refined: Vec<Refined>,
}

/// Makes all passes of a plan.
pub fn scan(people: &People, plan: &Plan, scope: &Scope<'_>) -> Scan {
    let mut scan = Scan::default();
    for (at, pass) in plan.passes.iter().enumerate() {
        let shard = scope.shard;
        let mut blocks = blocks_of(people, pass, plan.largest_block, &|number| shard.holds(number));
        if let Some(refined) = scope.refined.and_then(|refined| refined.get(at)) {
            blocks.refined = refined.clone();
        }
        scan.refined.push(std::mem::take(&mut blocks.refined));
        let before = scan.candidates.len();
        let found = pairs_of(people, plan, at, &blocks, &scan.refined, scope);
        scan.candidates.reserve_exact(found.iter().map(Vec::len).sum());
        scan.candidates.extend(found.into_iter().flatten());
        scan.passes.push(PassReport {
            pass: pass.name(),
            records: blocks.records,
            largest_block: blocks.largest,
            pairs: blocks.pairs,
            new_pairs: wide(scan.candidates.len() - before),
            separated_pairs: blocks.separated,
        });
    }
    scan
}

/// In which passes two records meet.
pub fn meetings<'a>(
    people: &'a People,
    plan: &'a Plan,
    refined: &'a [Refined],
    left: Index,
    right: Index,
) -> impl Iterator<Item = &'a Pass> {
    plan.passes
        .iter()
        .zip(refined)
        .filter(move |(pass, refined)| refined.meet(people, pass, left, right))
        .map(|(pass, _)| pass)
}

fn pairs_of(
    people: &People,
    plan: &Plan,
    at: usize,
    blocks: &Blocks,
    refined: &[Refined],
    scope: &Scope<'_>,
) -> Vec<Vec<Candidate>> {
    let pass = &plan.passes[at];
    let earlier: Vec<(&Pass, &Refined)> = plan.passes[..at].iter().zip(refined).collect();
    // Two records with two phones in common meet twice in one pass.
    let may_meet_twice = pass.features.first() == Some(&super::Feature::Phone);
    let is_marked = |record: Index| scope.marked.is_none_or(|marks| marks[record as usize]);
    let was_refined = scope.was_refined.and_then(|refined| refined.get(at));
    blocks
        .leaves
        .par_iter()
        .with_min_len(64)
        .fold(Vec::new, |mut found, leaf| {
            let members = &blocks.members[leaf.start as usize..leaf.end as usize];
            let key = if was_refined.is_some() || may_meet_twice {
                leaf.key(people, pass, members)
            } else {
                None
            };
            let is_whole_again =
                was_refined.zip(key).is_some_and(|(refined, key)| refined.has(key));
            for (from, &one) in members.iter().enumerate() {
                for &other in &members[from + 1..] {
                    if !is_marked(one) && !is_marked(other) && !is_whole_again {
                        continue;
                    }
                    let (left, right) = (one.min(other), one.max(other));
                    let was_found = earlier
                        .iter()
                        .any(|(pass, refined)| refined.meet(people, pass, left, right))
                        || may_meet_twice && refined[at].meeting(people, pass, left, right) != key;
                    if !was_found {
                        let pattern = compare(people, left, right);
                        found.push(Candidate { left, right, pattern });
                    }
                }
            }
            found
        })
        .collect()
}
