//! Makes the passes: each pair once, in the first pass in which its records meet.

use std::cell::LazyCell;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::refine::{Blocks, blocks_of};
use super::{Pass, Plan, Refined};
use crate::compare::{self, Pattern};
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

/// Two records that met, in the order of the first: one number sorts quicker than two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Met(u64);

impl Met {
    fn of(left: Index, right: Index) -> Self {
        Self(u64::from(left) << 32 | u64::from(right))
    }

    #[expect(clippy::cast_possible_truncation, reason = "each half is a record")]
    const fn records(self) -> (Index, Index) {
        ((self.0 >> 32) as Index, self.0 as Index)
    }
}

/// Makes all passes of a plan.
pub fn scan(people: &People, plan: &Plan, scope: &Scope<'_>) -> Scan {
    let mut scan = Scan::default();
    let mut pairs: Vec<Met> = Vec::new();
    for (at, pass) in plan.passes.iter().enumerate() {
        let shard = scope.shard;
        let mut blocks = blocks_of(people, pass, plan.largest_block, &|number| shard.holds(number));
        if let Some(refined) = scope.refined.and_then(|refined| refined.get(at)) {
            blocks.refined = refined.clone();
        }
        scan.refined.push(std::mem::take(&mut blocks.refined));
        let mut found = pairs_of(people, &plan.passes[..=at], &blocks, &scan.refined, scope);
        let before = pairs.len();
        found.par_sort_unstable();
        pairs.extend(found);
        // The stable one merges two sorted runs.
        pairs.sort();
        pairs.dedup();
        scan.passes.push(PassReport {
            pass: pass.name(),
            records: blocks.records,
            largest_block: blocks.largest,
            pairs: blocks.pairs,
            new_pairs: wide(pairs.len() - before),
            separated_pairs: blocks.separated,
        });
    }
    // In the order of their first records, which are then at hand for the next pair.
    scan.candidates = pairs
        .par_chunks(compare::AT_ONCE)
        .with_min_len(16)
        .flat_map_iter(|pairs| {
            let pairs: Vec<(Index, Index)> = pairs.iter().copied().map(Met::records).collect();
            let patterns = compare::compare_all(people, &pairs);
            pairs.into_iter().zip(patterns).map(|((left, right), pattern)| Candidate {
                left,
                right,
                pattern,
            })
        })
        .collect();
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
    meetings_in(people, &plan.passes, refined, left, right)
}

fn meetings_in<'a>(
    people: &'a People,
    passes: &'a [Pass],
    refined: &'a [Refined],
    left: Index,
    right: Index,
) -> impl Iterator<Item = &'a Pass> {
    passes
        .iter()
        .zip(refined)
        .filter(move |(pass, refined)| refined.meet(people, pass, left, right))
        .map(|(pass, _)| pass)
}

/// The pairs that meet in the last of some passes, whether or not they met before.
fn pairs_of(
    people: &People,
    passes: &[Pass],
    blocks: &Blocks,
    refined: &[Refined],
    scope: &Scope<'_>,
) -> Vec<Met> {
    let Some((pass, earlier)) = passes.split_last() else { return Vec::new() };
    let at = earlier.len();
    let is_marked = |record: Index| scope.marked.is_none_or(|marks| marks[record as usize]);
    let was_refined = scope.was_refined.and_then(|refined| refined.get(at));
    let found: Vec<Vec<Met>> = blocks
        .leaves
        .par_iter()
        .with_min_len(64)
        .fold(Vec::new, |mut found, leaf| {
            let members = &blocks.members[leaf.start as usize..leaf.end as usize];
            let key = LazyCell::new(|| leaf.key(people, pass, members));
            let is_whole_again =
                was_refined.is_some_and(|refined| key.is_some_and(|key| refined.has(key)));
            let is_first_meeting = |left: Index, right: Index| {
                meetings_in(people, earlier, refined, left, right).next().is_none()
                    && refined[at].meeting(people, pass, left, right) == *key
            };
            for (from, &one) in members.iter().enumerate() {
                for &other in &members[from + 1..] {
                    let (left, right) = (one.min(other), one.max(other));
                    let is_wanted = is_marked(one) || is_marked(other);
                    if !is_wanted && !is_whole_again {
                        continue;
                    }
                    // What another shard finds, or an earlier run found, is not among the pairs.
                    let is_seen_elsewhere = !is_wanted || scope.shard != Shard::WHOLE;
                    if !is_seen_elsewhere || is_first_meeting(left, right) {
                        found.push(Met::of(left, right));
                    }
                }
            }
            found
        })
        .collect();
    found.concat()
}
