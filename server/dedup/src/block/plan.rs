//! Which passes are made.

use std::fmt;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::Feature;
use super::refine::{pairs_expected, survey};
use crate::number::{compact, pairs, real};
use crate::people::{Index, People};

/// A block of more records is divided by what else they share.
pub const DEFAULT_LARGEST_BLOCK: u32 = 600;

/// Records that share all features of a pass meet in it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pass {
    pub features: Vec<Feature>,
}

impl Pass {
    /// A person's several phones make a record stand in several blocks, which only the first
    /// feature of a pass may.
    pub fn is_possible(&self) -> bool {
        !self.features.iter().skip(1).any(|feature| *feature == Feature::Phone)
    }

    /// The pass as its features joined by `+`.
    pub fn name(&self) -> String {
        if self.features.is_empty() {
            return "everybody".to_owned();
        }
        let name = |feature| serde_norway::to_string(feature).unwrap_or_default().trim().to_owned();
        self.features.iter().map(name).collect::<Vec<_>>().join("+")
    }
}

/// The passes of a run. A saved model keeps them: other passes would find other pairs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    pub passes: Vec<Pass>,
    pub largest_block: u32,
    /// What would have suited, but cost too much in so large a table.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<LeftOut>,
}

/// A pass that is not made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    pub pass: Pass,
    /// How many pairs it would compare, by a sample.
    pub pairs: u64,
}

impl Plan {
    pub const fn of(passes: Vec<Pass>, largest_block: u32) -> Self {
        Self { passes, largest_block, left_out: Vec::new() }
    }
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millions = real(self.pairs) / 1e6;
        let pass = self.pass.name();
        write!(
            f,
            "The pass {pass} is left out: it would compare about {millions:.1} million pairs."
        )
    }
}

/// Passes that suit these people: narrow ones, and in a small table broad ones, as long as the
/// comparisons, counted before they are made, stay within what such a table may cost.
pub fn choose(people: &People, largest_block: u32) -> Plan {
    let mut plan = Plan::of(NARROW.iter().map(|pass| pass_of(pass)).collect(), largest_block);
    plan.passes.retain(|pass| can_be_made(people, pass));
    let records = people.compared();
    if records > BROAD_RECORDS {
        leave_out_what_is_dear(people, &mut plan);
        return plan;
    }
    let mut budget = BROAD_PAIRS.min(records * BROAD_PAIRS_PER_RECORD);
    for features in BROAD {
        let pass = pass_of(features);
        if !can_be_made(people, &pass) {
            continue;
        }
        let cost = if pass.features.is_empty() {
            pairs(records)
        } else {
            let alone = Plan::of(vec![pass.clone()], u32::MAX);
            survey(people, &alone).iter().map(|blocks| blocks.pairs).sum()
        };
        if cost > budget {
            continue;
        }
        budget -= cost;
        if pass.features.is_empty() {
            // Everybody meets everybody; no other pass can add a pair.
            return Plan::of(vec![pass], largest_block.max(SMALL));
        }
        plan.passes.push(pass);
    }
    plan
}

/// Blocks of frequent names and dates grow with the table: in ten million records, a pass that is
/// worth its comparisons in one million mostly brings together people who share nothing else. What
/// is dearest is left out first.
fn leave_out_what_is_dear(people: &People, plan: &mut Plan) {
    let records = people.compared();
    let one_in = records.div_ceil(BROAD_RECORDS);
    let sample: Vec<Index> = (0..compact(people.len()))
        .into_par_iter()
        .filter(|record| people.row(*record).exclusion().is_none())
        .filter(|record| people.id_hash(*record).is_multiple_of(one_in))
        .collect();
    let mut costs: Vec<(u64, usize)> = plan
        .passes
        .par_iter()
        .enumerate()
        .map(|(at, pass)| (pairs_expected(people, pass, plan.largest_block, &sample, one_in), at))
        .collect();
    costs.sort_unstable();
    let budget = NARROW_PAIRS.max(records * NARROW_PAIRS_PER_RECORD);
    let mut spent = 0;
    let mut is_within = |(cost, _): &(u64, usize)| {
        spent += cost;
        spent <= budget
    };
    let affordable = costs.iter().take_while(|cost| is_within(cost)).count();
    let mut dear = costs.split_off(affordable.max(1).min(costs.len()));
    dear.sort_unstable_by_key(|(_, at)| *at);
    for (pairs, at) in dear.into_iter().rev() {
        plan.left_out.insert(0, LeftOut { pass: plan.passes.remove(at), pairs });
    }
}

/// A million records with the names and addresses of a country stay within half of it.
const NARROW_PAIRS: u64 = 10_000_000;
const NARROW_PAIRS_PER_RECORD: u64 = 5;
const BROAD_RECORDS: u64 = 250_000;
const BROAD_PAIRS: u64 = 4_000_000;
const BROAD_PAIRS_PER_RECORD: u64 = 400;
const SMALL: u32 = 1_000;

fn pass_of(features: &[Feature]) -> Pass {
    Pass { features: features.to_vec() }
}

/// Whether the table has columns for it at all.
fn can_be_made(people: &People, pass: &Pass) -> bool {
    const LOOK: usize = 10_000;
    // A column that is empty in so many records is as good as not there; a full look would only
    // find a handful of pairs that the other passes find too.
    let step = (people.len() / LOOK).max(1);
    let records = (0..compact(people.len())).step_by(step);
    let has =
        |feature: Feature| records.clone().any(|record| feature.number(people, record).is_some());
    pass.features.iter().all(|feature| has(*feature))
}

use Feature::{
    Address, BirthDate, BirthEitherWay, BirthYear, Birthday, Email, Given, GivenInitial,
    GivenSound, GivenStart, Identifier, IdentifierEnd, NamesEitherWay, OtherIdentifier, Phone,
    Postcode, Surname, SurnameBegin, SurnameSound, SurnameStart,
};

const NARROW: &[&[Feature]] = &[
    &[Identifier],
    &[Email],
    &[NamesEitherWay, BirthYear],
    &[Given, BirthDate],
    &[Phone],
    &[Address, GivenInitial],
    &[Postcode, BirthDate],
    &[NamesEitherWay, Postcode],
    &[GivenSound, SurnameSound, Birthday],
    &[SurnameSound, BirthEitherWay],
    &[GivenStart, SurnameBegin, BirthYear],
    &[GivenSound, SurnameSound, BirthYear],
    &[NamesEitherWay, Birthday],
    &[Postcode, Given, SurnameStart],
    &[IdentifierEnd, BirthDate],
    &[OtherIdentifier],
    &[GivenSound, BirthEitherWay],
    &[Address, BirthYear],
    &[Postcode, SurnameSound, BirthYear],
    &[Postcode, GivenSound, BirthYear],
];

const BROAD: &[&[Feature]] = &[
    &[],
    &[BirthDate],
    &[BirthEitherWay],
    &[NamesEitherWay],
    &[Given, Surname],
    &[SurnameSound, GivenSound],
    &[SurnameSound, BirthYear],
    &[Surname, Birthday],
    &[GivenSound, BirthYear],
    &[Given, Birthday],
    &[Address],
    &[Postcode, BirthYear],
    &[Postcode, SurnameSound],
    &[Postcode, GivenSound],
    &[SurnameBegin, GivenStart],
    &[Surname],
    &[Given],
    &[SurnameSound],
    &[GivenSound],
];
