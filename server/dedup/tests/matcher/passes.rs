//! Which passes are made of a large table.

use dedup::block::{DEFAULT_LARGEST_BLOCK, Plan, choose, survey};
use dedup::people::People;
use rand::prelude::*;
use rand_chacha::ChaCha8Rng;

use crate::support::read;

const RECORDS: u64 = 260_000;
/// Pairs that the passes of such a table may compare.
const BUDGET: u64 = 10_000_000;

/// People of few names, so that many share one and a year of birth.
fn crowd() -> Vec<Vec<String>> {
    let mut dice = ChaCha8Rng::seed_from_u64(11);
    (0..RECORDS)
        .map(|id| {
            let (given, surname) = (word(&mut dice), word(&mut dice));
            let (year, month) = (dice.random_range(1950..2010), dice.random_range(1..=12));
            let dob = format!("{year}-{month:02}-{:02}", dice.random_range(1..=28));
            vec![id.to_string(), format!("{given}n"), format!("{surname}s"), dob]
        })
        .collect()
}

fn word(dice: &mut ChaCha8Rng) -> &'static str {
    const SYLLABLES: [&str; 10] = ["ba", "de", "ki", "lo", "mu", "na", "ro", "si", "tu", "ve"];
    SYLLABLES[dice.random_range(0..SYLLABLES.len())]
}

fn plan_and_people(rows: &[Vec<String>]) -> (Plan, People) {
    let header = ["id", "first_name", "last_name", "dob"].map(str::to_owned);
    let people = read(&header, rows, None);
    (choose(&people, DEFAULT_LARGEST_BLOCK), people)
}

#[test]
fn a_large_table_does_without_its_dearest_passes() {
    let mut rows = crowd();
    let (plan, people) = plan_and_people(&rows);
    let costs = |plan: &Plan| -> Vec<u64> {
        survey(&people, plan).iter().map(|blocks| blocks.pairs).collect()
    };
    let made = costs(&plan);
    let left_out = plan.left_out.iter().map(|left| left.pass.clone()).collect();
    let left_out = Plan::of(left_out, DEFAULT_LARGEST_BLOCK);
    let (spent, dearest) = (made.iter().sum::<u64>(), made.iter().max().expect("passes"));

    assert!(spent <= BUDGET + BUDGET / 10, "{spent}");
    assert!(!plan.left_out.is_empty());
    for (left, actual) in plan.left_out.iter().zip(costs(&left_out)) {
        assert!(left.pairs.abs_diff(actual) < actual / 10, "{left} {actual}");
        assert!(left.pairs + left.pairs / 10 > *dearest, "{left} {dearest}");
        assert!(spent + actual + actual / 10 > BUDGET, "{left} {spent}");
        assert!(left.to_string().starts_with(&format!("The pass {} is", left.pass.name())));
    }

    rows.reverse();
    assert_eq!(plan_and_people(&rows).0, plan, "the order of the records matters");
}
