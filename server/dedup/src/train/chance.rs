//! How often any two records agree, before anything is known about who they are.

use rayon::prelude::*;
use shared::duplicate::{Agreement, Field};

use crate::compare::{Pattern, compare, levels};
use crate::model::{Class, FIELDS, LEVELS, Tables};
use crate::number::{compact, pairs, real, wide};
use crate::people::{Index, People, Role};

/// How many random pairs are compared: so many per record, within limits.
const PER_RECORD: usize = 100;
const SAMPLE: std::ops::RangeInclusive<usize> = 50_000..=400_000;
const SAMPLE_RECORDS: usize = 20_000;

/// Agreement among all pairs, whoever they are.
#[derive(Debug, Clone)]
pub(crate) struct Chance {
    /// By field and code of the agreement: its share of the pairs in which both say something.
    pub shares: [[f64; LEVELS]; FIELDS],
    /// By field: how many pairs there are in which both say something.
    pub both: [f64; FIELDS],
}

/// Measures agreement among all pairs: counted where values are the same, on random pairs
/// elsewhere. Which pairs are random depends on the records' ids only.
pub(crate) fn measure(people: &People) -> Chance {
    let patterns = random_patterns(people);
    let all = real(pairs(people.compared()));
    let shipped = &Tables::shipped().0[Class::Stranger as usize];
    let mut chance = Chance { shares: [[0.0; LEVELS]; FIELDS], both: [0.0; FIELDS] };
    for field in Field::ALL {
        let mut counts = [0.0; LEVELS];
        for pattern in &patterns {
            counts[pattern.code(field)] += 1.0;
        }
        let missing = counts[Agreement::Missing as usize];
        let said = real(wide(patterns.len())) - missing;
        let exact = exact_pairs(people, field);
        let at = field as usize;
        chance.both[at] = match &exact {
            Some(counted) => counted.both,
            None => all * said / real(wide(patterns.len())).max(1.0),
        };
        for &level in levels(field) {
            let expected = shipped[at][level as usize];
            chance.shares[at][level as usize] = share(counts[level as usize], said, expected);
        }
        if let Some(counted) = exact.filter(|counted| counted.both > 0.0) {
            chance.shares[at][Agreement::Exact as usize] = (counted.same / counted.both).max(1e-12);
        }
        // What is rare was measured apart; what is common makes up the rest.
        let rest = &mut chance.shares[at];
        let sum: f64 = levels(field)
            .iter()
            .filter(|level| **level != Agreement::Different)
            .map(|level| rest[*level as usize])
            .sum();
        rest[Agreement::Different as usize] = (1.0 - sum).max(1e-3);
    }
    // Names of strangers that changed places: the same two names, one pair mixed up by a clerk.
    let exact = |field: Field| chance.shares[field as usize][Agreement::Exact as usize];
    let swapped = exact(Field::GivenName) * exact(Field::Surname) * MIXED_UP;
    let crossed = crossed(people);
    chance.shares[Field::GivenName as usize][Agreement::Swapped as usize] =
        crossed.mul_add(crossed, swapped).max(1e-12);
    chance
}

/// So often a clerk writes the surname where the given name belongs.
const MIXED_UP: f64 = 0.02;

/// The share of a level of which `count` were seen in `said` pairs. Where too few were seen to
/// tell, what is expected tells.
fn share(count: f64, said: f64, expected: f64) -> f64 {
    if count >= 20.0 {
        return count / said;
    }
    let blended = (count + 2.0) / (said + 2.0 / expected);
    let at_least = 2.0_f64.mul_add(-count.sqrt(), count) / said.max(1.0);
    blended.max(at_least)
}

struct Counted {
    same: f64,
    both: f64,
}

/// Pairs that have the same value, counted from how often each value occurs.
fn exact_pairs(people: &People, field: Field) -> Option<Counted> {
    let counts = match field {
        Field::GivenName => people.names.counts(Role::Given),
        Field::MiddleName => people.names.counts(Role::Middle),
        Field::Surname => people.names.counts(Role::Surname),
        Field::Identifier => people.identifiers.counts(),
        Field::OtherIdentifier => people.other_identifiers.counts(),
        Field::Email => people.emails.counts(),
        // Not counted by value: what the others say is not said again.
        Field::City
        | Field::Postcode
        | Field::State
        | Field::Unit
        | Field::Area
        | Field::Suffix
        | Field::BirthDate
        | Field::Sex
        | Field::Phone
        | Field::Address => return None,
    };
    let initials = matches!(field, Field::GivenName | Field::MiddleName | Field::Surname);
    let (mut same, mut present) = (0, 0);
    for (value, &count) in counts.iter().enumerate() {
        present += u64::from(count);
        // Two equal initials are an agreement of their own.
        if !(initials && people.names.name(compact(value)).is_initial()) {
            same += pairs(u64::from(count));
        }
    }
    Some(Counted { same: real(same), both: real(pairs(present)) })
}

/// The chance that the given name of one is the surname of another.
fn crossed(people: &People) -> f64 {
    let (given, surname) = (people.names.counts(Role::Given), people.names.counts(Role::Surname));
    // In whole numbers: sums of fractions would depend on the order of the input.
    let total = |counts: &[u32]| counts.iter().map(|count| u64::from(*count)).sum::<u64>();
    let both = real(total(given)) * real(total(surname));
    let shared = given.iter().zip(surname).map(|(a, b)| u64::from(*a) * u64::from(*b)).sum();
    real(shared) / both.max(1.0)
}

fn random_patterns(people: &People) -> Vec<Pattern> {
    let mut drawn: Vec<(u64, Index)> = (0..compact(people.len()))
        .into_par_iter()
        .with_min_len(8192)
        .filter(|record| people.row(*record).exclusion().is_none())
        .map(|record| (people.id_hash(record), record))
        .collect();
    let take = SAMPLE_RECORDS.min(drawn.len());
    if take < drawn.len() {
        drawn.select_nth_unstable(take);
        drawn.truncate(take);
    }
    drawn.sort_unstable();
    if take < 2 {
        return Vec::new();
    }
    let wanted = (PER_RECORD * take).clamp(*SAMPLE.start(), *SAMPLE.end());
    let furthest = (wanted / take).clamp(1, take / 2);
    // A record meets all of its partners before the next does, so that they are at hand.
    (0..take)
        .into_par_iter()
        .with_min_len(256)
        .flat_map_iter(|from| {
            let drawn = &drawn;
            (1..=furthest)
                .map(move |step| compare(people, drawn[from].1, drawn[(from + step) % take].1))
        })
        .collect()
}
