//! Blocks of one pass: records sorted by key, and blocks that are too large divided by what else
//! their records share. Nothing is dropped: what a division separates is counted.

use hashbrown::HashSet;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{Feature, Pass, Plan};
use crate::hash::{mix, perhaps_shared};
use crate::number::{compact, pairs, wide};
use crate::people::{Index, People, ValueId};

/// The blocks of a pass that were divided, by key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Refined {
    keys: HashSet<u64, Identity>,
}

/// The blocks of a pass.
#[derive(Debug, Clone, Default)]
pub struct Blocks {
    /// Records, those of one block side by side.
    pub(super) members: Vec<Index>,
    /// Blocks of two records and more.
    pub(super) leaves: Vec<Leaf>,
    pub refined: Refined,
    /// Pairs that meet in a block.
    pub pairs: u64,
    /// Pairs that share all features of the pass but were separated when their block was divided.
    pub separated: u64,
    /// Records that have all features of the pass.
    pub records: u64,
    /// Records in the largest block.
    pub largest: u64,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Leaf {
    origin: Origin,
    pub start: u32,
    pub end: u32,
}

#[derive(Debug, Clone, Copy)]
enum Origin {
    /// A whole block, by its number.
    Whole(u64),
    /// A part of a block, by its key.
    Part(u64),
}

/// The blocks of every pass, counted before any pair is compared.
pub fn survey(people: &People, plan: &Plan) -> Vec<Blocks> {
    plan.passes
        .iter()
        .map(|pass| {
            let mut blocks = blocks_of(people, pass, plan.largest_block, &|_| true);
            (blocks.members, blocks.leaves) = (Vec::new(), Vec::new());
            blocks
        })
        .collect()
}

/// How many pairs a pass will make, from a sample of one record in so many.
pub(super) fn pairs_expected(
    people: &People,
    pass: &Pass,
    largest: u32,
    sample: &[Index],
    one_in: u64,
) -> u64 {
    let mut entries: Vec<Entry> = Vec::with_capacity(sample.len());
    base_numbers(people, pass, sample, |number, record| entries.push((number, record)));
    perhaps_shared(&[&entries])
        .chunk_by(|a, b| a.0 == b.0)
        .filter(|block| block.len() > 1)
        .map(|block| {
            let members = wide(block.len());
            let whole = pairs(members) * one_in * one_in;
            whole.min(members * one_in * u64::from(largest) / 2)
        })
        .sum()
}

impl Leaf {
    pub(super) fn key(&self, people: &People, pass: &Pass, members: &[Index]) -> Option<u64> {
        match self.origin {
            Origin::Whole(number) => key_of(people, pass, number, members[0]),
            Origin::Part(key) => Some(key),
        }
    }
}

/// The number of a block and a record in it.
type Entry = (u64, Index);

/// Into so many parts the numbers of a pass are dealt, each small enough for a cache.
const PARTS: usize = 64;
/// So many records deal their numbers at a time.
const DEALERS: usize = 1 << 16;

/// The blocks of one pass, of the records whose base number is `wanted`.
pub(super) fn blocks_of(
    people: &People,
    pass: &Pass,
    largest: u32,
    wanted: &(dyn Fn(u64) -> bool + Sync),
) -> Blocks {
    let dealt: Vec<Vec<Vec<Entry>>> = (0..people.len().div_ceil(DEALERS))
        .into_par_iter()
        .map(|at| {
            let records = at * DEALERS..((at + 1) * DEALERS).min(people.len());
            let usual = records.len() / PARTS * 9 / 8;
            let mut parts: Vec<_> = (0..PARTS).map(|_| Vec::with_capacity(usual)).collect();
            let records: Vec<Index> = (compact(records.start)..compact(records.end))
                .filter(|record| people.row(*record).exclusion().is_none())
                .collect();
            base_numbers(people, pass, &records, |number, record| {
                if wanted(number) {
                    parts[part_of(number)].push((number, record));
                }
            });
            parts
        })
        .collect();
    let parts: Vec<Blocks> = (0..PARTS)
        .into_par_iter()
        .map(|part| {
            let entries: Vec<&[Entry]> = dealt.iter().map(|parts| &*parts[part]).collect();
            let records = wide(entries.iter().map(|some| some.len()).sum());
            let mut blocks = Blocks { records, ..Blocks::default() };
            let mut members = Vec::new();
            let shared = perhaps_shared(&entries);
            for block in shared.chunk_by(|a, b| a.0 == b.0).filter(|block| block.len() > 1) {
                members.clear();
                members.extend(block.iter().map(|(_, record)| *record));
                blocks.add(people, pass, largest, block[0].0, &members);
            }
            blocks
        })
        .collect();
    drop(dealt);
    let mut whole = Blocks::default();
    whole.members.reserve_exact(parts.iter().map(|part| part.members.len()).sum());
    whole.leaves.reserve_exact(parts.iter().map(|part| part.leaves.len()).sum());
    for part in parts {
        whole.append(part);
    }
    whole
}

/// Numbers are hashes: the upper bits deal them evenly.
fn part_of(number: u64) -> usize {
    usize::from(crate::hash::upper(number).to_be_bytes()[0]) % PARTS
}

impl Blocks {
    /// Adds the blocks of another part of the same pass.
    fn append(&mut self, other: Self) {
        let moved = compact(self.members.len());
        self.members.extend(other.members);
        self.leaves.extend(other.leaves.into_iter().map(|leaf| Leaf {
            start: leaf.start + moved,
            end: leaf.end + moved,
            ..leaf
        }));
        self.refined.keys.extend(other.refined.keys);
        self.pairs += other.pairs;
        self.separated += other.separated;
        self.records += other.records;
        self.largest = self.largest.max(other.largest);
    }

    fn add(&mut self, people: &People, pass: &Pass, largest: u32, number: u64, members: &[Index]) {
        let count = wide(members.len());
        self.largest = self.largest.max(count);
        let before = self.pairs;
        if members.len() > largest as usize {
            if let Some(key) = key_of(people, pass, number, members[0]) {
                self.divide(people, pass, largest, key, 0, members.to_vec());
            }
            self.separated += pairs(count) - (self.pairs - before);
        } else {
            self.keep(Origin::Whole(number), members);
        }
    }

    fn divide(
        &mut self,
        people: &People,
        pass: &Pass,
        largest: u32,
        key: u64,
        depth: usize,
        members: Vec<Index>,
    ) {
        if members.len() <= largest as usize {
            self.keep(Origin::Part(key), &members);
            return;
        }
        self.refined.keys.insert(key);
        let mut parts: Vec<(u64, Index)> = members
            .into_iter()
            .map(|record| (child_key(people, pass, key, depth, record), record))
            .collect();
        parts.sort_unstable();
        for part in parts.chunk_by(|a, b| a.0 == b.0) {
            let members = part.iter().map(|(_, record)| *record).collect();
            self.divide(people, pass, largest, part[0].0, depth + 1, members);
        }
    }

    fn keep(&mut self, origin: Origin, members: &[Index]) {
        if members.len() < 2 {
            return;
        }
        self.pairs += pairs(wide(members.len()));
        let start = compact(self.members.len());
        self.members.extend_from_slice(members);
        self.leaves.push(Leaf { origin, start, end: compact(self.members.len()) });
    }
}

impl Refined {
    /// The key of the block in which two records meet, when they do.
    pub(super) fn meeting(
        &self,
        people: &People,
        pass: &Pass,
        left: Index,
        right: Index,
    ) -> Option<u64> {
        let ours = base_keys(people, pass, left);
        let theirs = base_keys(people, pass, right);
        let mut shared: [Option<u64>; 2] =
            ours.map(|key| key.filter(|key| theirs.contains(&Some(*key))));
        shared.sort_unstable();
        shared.into_iter().flatten().find_map(|key| self.leaf(people, pass, key, left, right))
    }

    /// Whether two records meet in a block, with the least work.
    pub(super) fn meet(&self, people: &People, pass: &Pass, left: Index, right: Index) -> bool {
        pass.features.iter().all(|feature| feature.is_shared(people, left, right))
            && (self.keys.is_empty() || self.meeting(people, pass, left, right).is_some())
    }

    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Whether the block with this key was divided.
    pub(super) fn has(&self, key: u64) -> bool {
        self.keys.contains(&key)
    }

    fn leaf(
        &self,
        people: &People,
        pass: &Pass,
        base: u64,
        left: Index,
        right: Index,
    ) -> Option<u64> {
        let mut key = base;
        for depth in 0.. {
            if !self.keys.contains(&key) {
                return Some(key);
            }
            let child = child_key(people, pass, key, depth, left);
            if child != child_key(people, pass, key, depth, right) {
                return None;
            }
            key = child;
        }
        None
    }
}

/// The keys of the blocks in which a record stands: one, or one per phone.
fn base_keys(people: &People, pass: &Pass, record: Index) -> [Option<u64>; 2] {
    let Some((first, rest)) = pass.features.split_first() else { return [Some(EVERYBODY), None] };
    let mut key = 0;
    for feature in rest {
        match feature.content(people, record) {
            Some(part) => key = mix(key, part),
            None => return [None, None],
        }
    }
    if *first == Feature::Phone {
        let [one, other] = people.row(record).phones;
        let known =
            |value: ValueId| (value != 0).then(|| mix(key, people.phones.content(value).into()));
        return [known(one), known(other).filter(|_| one != other)];
    }
    [first.content(people, record).map(|part| mix(key, part)), None]
}

/// The same as numbers, which bring together the records of a block without a look at what they
/// say. Feature by feature for many records: what is read of them is then known beforehand.
fn base_numbers(people: &People, pass: &Pass, records: &[Index], mut take: impl FnMut(u64, Index)) {
    const AT_ONCE: usize = 512;
    let Some((first, rest)) = pass.features.split_first() else {
        for record in records {
            take(EVERYBODY, *record);
        }
        return;
    };
    let mut parts = vec![0; AT_ONCE.min(records.len())];
    let (mut keys, mut are_whole) = (parts.clone(), vec![true; parts.len()]);
    for records in records.chunks(AT_ONCE) {
        keys.fill(0);
        are_whole.fill(true);
        for feature in rest {
            feature.numbers(people, records, &mut parts);
            for ((key, is_whole), part) in keys.iter_mut().zip(&mut are_whole).zip(&parts) {
                *key = mix(*key, *part);
                *is_whole &= *part != 0;
            }
        }
        first.numbers(people, records, &mut parts);
        for (at, record) in records.iter().enumerate().filter(|(at, _)| are_whole[*at]) {
            let mut number = |part: u64| {
                if part != 0 {
                    take(mix(keys[at], part), *record);
                }
            };
            number(parts[at]);
            if *first == Feature::Phone {
                let [one, other] = people.row(*record).phones;
                number(if one == other { 0 } else { other.into() });
            }
        }
    }
}

/// The key that belongs to a number of a record.
fn key_of(people: &People, pass: &Pass, number: u64, record: Index) -> Option<u64> {
    let mut known = Vec::new();
    base_numbers(people, pass, &[record], |number, _| known.push(number));
    let mut keys = known.into_iter().zip(base_keys(people, pass, record).into_iter().flatten());
    keys.find_map(|(known, key)| (known == number).then_some(key))
}

const EVERYBODY: u64 = 0x5eed;

/// By what a block that is too large is divided, in this order.
const DIVISIONS: [Feature; 12] = [
    Feature::SurnameSound,
    Feature::BirthYear,
    Feature::GivenSound,
    Feature::BirthDate,
    Feature::Surname,
    Feature::Given,
    Feature::Sex,
    Feature::Postcode,
    Feature::City,
    Feature::Address,
    Feature::Email,
    Feature::Identifier,
];

/// The key of the part of a block into which a record falls. When records share all that they
/// could be divided by, chance divides them.
fn child_key(people: &People, pass: &Pass, key: u64, depth: usize, record: Index) -> u64 {
    const NOTHING: u64 = 0x006e_6f74_6869_6e67;
    let mut divisions = DIVISIONS.iter().filter(|feature| !pass.features.contains(feature));
    let content = match divisions.nth(depth) {
        Some(feature) => feature.content(people, record).unwrap_or(NOTHING),
        None => people.id_hash(record) >> (depth % 64) & 1,
    };
    mix(key ^ wide(depth), content)
}

/// Keys are hashes already.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Identity(u64);

impl std::hash::Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = mix(self.0, u64::from(*byte));
        }
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }
}

impl std::hash::BuildHasher for Identity {
    type Hasher = Self;

    fn build_hasher(&self) -> Self {
        Self(0)
    }
}
