//! Blocks of one pass: records sorted by key, and blocks that are too large divided by what else
//! their records share. Nothing is dropped: what a division separates is counted.

use hashbrown::HashSet;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{Feature, Pass, Plan};
use crate::hash::mix;
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
    /// None when it is the only key that the members share.
    key: Option<u64>,
    pub start: u32,
    pub end: u32,
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

impl Leaf {
    pub(super) fn key(&self, people: &People, pass: &Pass, members: &[Index]) -> Option<u64> {
        self.key.or_else(|| base_keys(people, pass, members[0])[0])
    }
}

/// The blocks of one pass, of the records whose base number is `wanted`.
pub(super) fn blocks_of(
    people: &People,
    pass: &Pass,
    largest: u32,
    wanted: &(dyn Fn(u64) -> bool + Sync),
) -> Blocks {
    let mut entries: Vec<(u64, Index)> = (0..compact(people.len()))
        .into_par_iter()
        .with_min_len(8192)
        .filter(|record| people.row(*record).exclusion().is_none())
        .flat_map_iter(|record| {
            base_numbers(people, pass, record)
                .into_iter()
                .flatten()
                .filter(|number| wanted(*number))
                .map(move |number| (number, record))
        })
        .collect();
    entries.par_sort_unstable_by_key(|(number, _)| *number);
    let mut blocks = Blocks { records: wide(entries.len()), ..Blocks::default() };
    let mut members = Vec::new();
    for block in entries.chunk_by(|a, b| a.0 == b.0).filter(|block| block.len() > 1) {
        members.clear();
        members.extend(block.iter().map(|(_, record)| *record));
        blocks.add(people, pass, largest, block[0].0, &members);
    }
    blocks
}

impl Blocks {
    fn add(&mut self, people: &People, pass: &Pass, largest: u32, number: u64, members: &[Index]) {
        let count = wide(members.len());
        self.largest = self.largest.max(count);
        let before = self.pairs;
        if members.len() > largest as usize {
            if let Some(key) = key_of(people, pass, number, members[0]) {
                self.divide(people, pass, largest, key, 0, members.to_vec());
            }
            self.separated += pairs(count) - (self.pairs - before);
        } else if pass.features.first() == Some(&Feature::Phone) {
            self.keep(key_of(people, pass, number, members[0]), members);
        } else {
            self.keep(None, members);
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
            self.keep(Some(key), &members);
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

    fn keep(&mut self, key: Option<u64>, members: &[Index]) {
        if members.len() < 2 {
            return;
        }
        self.pairs += pairs(wide(members.len()));
        let start = compact(self.members.len());
        self.members.extend_from_slice(members);
        self.leaves.push(Leaf { key, start, end: compact(self.members.len()) });
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
    let phone = |phone| people.phones.content(phone).into();
    mixed(people, pass, record, phone, |feature| feature.content(people, record))
}

/// The same as numbers, which bring together the records of a block without a look at what they
/// say.
fn base_numbers(people: &People, pass: &Pass, record: Index) -> [Option<u64>; 2] {
    mixed(people, pass, record, u64::from, |feature| feature.number(people, record))
}

fn mixed(
    people: &People,
    pass: &Pass,
    record: Index,
    phone: impl Fn(ValueId) -> u64,
    of: impl Fn(Feature) -> Option<u64>,
) -> [Option<u64>; 2] {
    let Some((first, rest)) = pass.features.split_first() else { return [Some(EVERYBODY), None] };
    let mut key = 0;
    for feature in rest {
        match of(*feature) {
            Some(part) => key = mix(key, part),
            None => return [None, None],
        }
    }
    if *first == Feature::Phone {
        let [one, other] = people.row(record).phones;
        let known = |value: ValueId| (value != 0).then(|| mix(key, phone(value)));
        return [known(one), known(other).filter(|_| one != other)];
    }
    [of(*first).map(|part| mix(key, part)), None]
}

/// The key that belongs to a number of a record.
fn key_of(people: &People, pass: &Pass, number: u64, record: Index) -> Option<u64> {
    let numbers = base_numbers(people, pass, record);
    let mut keys = numbers.into_iter().zip(base_keys(people, pass, record));
    keys.find_map(|(known, key)| key.filter(|_| known == Some(number)))
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
