//! Learns a model from the records themselves, without labels, and refuses to use one that went
//! wrong.

mod chance;
mod em;
pub(crate) mod frequency;
mod health;

use std::collections::BTreeMap;

use rayon::prelude::*;

pub use health::Finding;

use shared::duplicate::{Agreement, Field, ModelOrigin};

use crate::block::{Candidate, Plan};
use crate::compare::levels;
use crate::model::{FORMAT, Model, Tables};
use crate::number::{pairs, real};
use crate::people::People;
use em::{Fit, Free, Observed};

/// A model and how it came about.
#[derive(Debug, Clone)]
pub struct Training {
    pub model: Model,
    pub findings: Vec<Finding>,
    /// How many pairs are expected to be one person, of those that met.
    pub expected_matches: f64,
    pub expected_household_pairs: f64,
    pub expected_twin_pairs: f64,
    pub expected_namesake_pairs: f64,
    pub iterations: u32,
    pub distinct_patterns: u64,
    /// How many pairs of one person each level rests on.
    pub support: BTreeMap<Field, BTreeMap<Agreement, f64>>,
}

/// The agreements of one shard's pairs, small enough to send.
pub struct Patterns(Observed);

impl Patterns {
    pub fn of(candidates: &[Candidate], records: u64) -> Self {
        Self(Observed::of(candidates, records))
    }

    /// Adds what another shard saw.
    pub fn add(&mut self, other: Self) {
        self.0.add(other.0);
    }
}

/// Learns a model. Where what was learned cannot be believed, the shipped tables take its place:
/// only how frequent duplicates are is then learned.
pub fn learn(people: &People, plan: &Plan, patterns: &Patterns) -> Training {
    train(people, plan, patterns, &Tables::shipped(), ModelOrigin::Learned)
}

/// A model with given tables, of which only the rates and the chances of strangers are learned.
pub(crate) fn measure_rates(
    people: &People,
    plan: &Plan,
    patterns: &Patterns,
    tables: &Tables,
    origin: ModelOrigin,
) -> Training {
    train(people, plan, patterns, tables, origin)
}

fn train(
    people: &People,
    plan: &Plan,
    patterns: &Patterns,
    start: &Tables,
    origin: ModelOrigin,
) -> Training {
    let observed = &patterns.0;
    let records = people.compared();
    let per_record = real(records) / real(pairs(records).max(1));
    let chance = chance::measure(people);
    let fit = |free: Free| em::fit(observed, &chance, start, free, per_record);
    let (fit, findings, origin) = match origin {
        ModelOrigin::Learned => {
            let learned = fit(Free::TablesAndRates);
            let findings = health::examine(&learned, real(records));
            if findings.iter().any(Finding::is_fatal) {
                (fit(Free::Rates), findings, ModelOrigin::Shipped)
            } else {
                (learned, findings, ModelOrigin::Learned)
            }
        }
        given => (fit(Free::Rates), Vec::new(), given),
    };
    let Fit { tables, rates, expected, iterations, support } = fit;
    let seen = |field: Field, level: Agreement| support[field as usize][level as usize];
    Training {
        model: Model {
            format: FORMAT,
            origin,
            records,
            rates: rates.settled(),
            fields: tables.settled().fields(),
            frequencies: frequency::FIELDS
                .par_iter()
                .map(|field| (*field, frequency::measure(people, *field)))
                .collect::<BTreeMap<_, _>>(),
            reading: people.reading().clone(),
            plan: plan.clone(),
        },
        findings,
        expected_matches: expected[0],
        expected_household_pairs: expected[1],
        expected_twin_pairs: expected[2],
        expected_namesake_pairs: expected[3],
        iterations,
        distinct_patterns: observed.distinct(),
        support: Field::ALL
            .into_iter()
            .map(|field| {
                (field, levels(field).iter().map(|level| (*level, seen(field, *level))).collect())
            })
            .collect(),
    }
}
