//! Expectation and maximisation over the patterns of all pairs, without labels.
//!
//! Five explanations compete for each pair. Left free they would trade places, so what is known
//! about families ties them: members of a household hardly share a given name, a date of birth or
//! an identifier; twins are members of a household that share a date of birth; parent and child of
//! one name share the name and no date.

use shared::duplicate::{Agreement, Field};

use super::chance::Chance;
use crate::block::Candidate;
use crate::compare::{Pattern, levels};
use crate::model::{CLASSES, Class, FIELDS, LEVELS, Rates, Tables};
use crate::number::{pairs, real, size, wide};

/// The patterns of the pairs that met, each with how often it occurs.
pub(crate) struct Observed {
    patterns: Vec<(Pattern, f64)>,
    /// All pairs, those included that did not meet.
    all: f64,
}

/// What may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Free {
    TablesAndRates,
    Rates,
}

/// What was learned.
#[derive(Debug, Clone)]
pub(crate) struct Fit {
    pub tables: Tables,
    pub rates: Rates,
    /// How many observations of the same person each level rests on.
    pub support: [[f64; LEVELS]; FIELDS],
    /// How many pairs of each class are expected among all.
    pub expected: [f64; CLASSES],
    pub iterations: u32,
}

const ITERATIONS: u32 = 120;
const SETTLED: f64 = 1e-4;
/// How many pairs' worth of belief the shipped tables are, per class.
const BELIEF: [f64; CLASSES] = [25.0, 60.0, 60.0, 60.0, 0.0];
/// So many of a household's pairs, at most, are twins; and parent and child of one name.
const MOST_TWINS: f64 = 0.05;
const MOST_NAMESAKES: f64 = 0.03;
/// How many classes are not strangers.
const KNOWN: usize = CLASSES - 1;

impl Observed {
    pub(crate) fn of(candidates: &[Candidate], records: u64) -> Self {
        let mut patterns: Vec<Pattern> =
            candidates.iter().map(|candidate| candidate.pattern).collect();
        patterns.sort_unstable();
        Self {
            patterns: patterns
                .chunk_by(|a, b| a == b)
                .map(|run| (run[0], size(run.len())))
                .collect(),
            all: real(pairs(records)),
        }
    }

    /// Adds what another shard saw.
    pub(crate) fn add(&mut self, other: Self) {
        self.patterns.extend(other.patterns);
        self.patterns.sort_unstable_by_key(|(pattern, _)| *pattern);
        self.patterns.dedup_by(|later, earlier| {
            let same = later.0 == earlier.0;
            if same {
                earlier.1 += later.1;
            }
            same
        });
    }

    pub(crate) fn distinct(&self) -> u64 {
        wide(self.patterns.len())
    }
}

/// Learns tables and rates, or rates only.
pub(crate) fn fit(
    observed: &Observed,
    chance: &Chance,
    start: &Tables,
    free: Free,
    per_record: f64,
) -> Fit {
    let mut tables = start.clone();
    tables.0[Class::Stranger as usize] = chance.shares;
    missing_says_nothing(&mut tables);
    let all = observed.all.max(1.0);
    let mut rates = [0.1, 0.2, 0.002, 0.002, 0.0].map(|share| share * per_record);
    rates[KNOWN] = 1.0 - rates[..KNOWN].iter().sum::<f64>();
    let mut fit = Fit {
        tables: tables.clone(),
        rates: rates_of(rates),
        support: [[0.0; LEVELS]; FIELDS],
        expected: [0.0; CLASSES],
        iterations: 0,
    };
    for iteration in 1..=ITERATIONS {
        let sums = expect(observed, &tables, rates);
        let before = rates;
        // Half a pair each, so that no class dies of one iteration.
        for (rate, pairs) in rates.iter_mut().zip(sums.pairs).take(KNOWN) {
            *rate = ((pairs + 0.5) / all).min(0.2);
        }
        let household = rates[Class::Household as usize];
        for (class, most) in [(Class::Twin, MOST_TWINS), (Class::Namesake, MOST_NAMESAKES)] {
            let rate = &mut rates[class as usize];
            *rate = rate.min(most * household);
        }
        rates[KNOWN] = 1.0 - rates[..KNOWN].iter().sum::<f64>();
        if free == Free::TablesAndRates {
            maximise(&mut tables, &sums, start);
        }
        strangers(&mut tables, &sums, chance);
        missing_says_nothing(&mut tables);
        fit.iterations = iteration;
        fit.support = sums.levels[0];
        fit.expected = sums.pairs;
        let moved =
            before.iter().zip(rates).take(2).map(|(a, b)| (a / b).ln().abs()).fold(0.0, f64::max);
        if moved < SETTLED && iteration > 10 {
            break;
        }
    }
    fit.tables = tables;
    fit.rates = rates_of(rates);
    fit
}

struct Sums {
    /// Expected pairs per class, the strangers only among those that met.
    pairs: [f64; CLASSES],
    levels: [[[f64; LEVELS]; FIELDS]; CLASSES],
}

fn expect(observed: &Observed, tables: &Tables, rates: [f64; CLASSES]) -> Sums {
    let mut sums = Sums { pairs: [0.0; CLASSES], levels: [[[0.0; LEVELS]; FIELDS]; CLASSES] };
    for (pattern, count) in &observed.patterns {
        let codes: [usize; FIELDS] = std::array::from_fn(|at| pattern.code(Field::ALL[at]));
        let mut joint = rates;
        for (class, chance) in joint.iter_mut().enumerate() {
            for (field, code) in codes.iter().enumerate() {
                *chance *= tables.0[class][field][*code];
            }
        }
        let total: f64 = joint.iter().sum();
        if total <= 0.0 {
            continue;
        }
        for (class, chance) in joint.iter().enumerate() {
            let share = count * chance / total;
            sums.pairs[class] += share;
            if class == Class::Stranger as usize {
                continue;
            }
            for (field, code) in codes.iter().enumerate() {
                sums.levels[class][field][*code] += share;
            }
        }
    }
    sums
}

fn maximise(tables: &mut Tables, sums: &Sums, belief: &Tables) {
    let missing = Agreement::Missing as usize;
    for (class, believed) in BELIEF.into_iter().enumerate().take(KNOWN) {
        for field in Field::ALL {
            let at = field as usize;
            let seen = &sums.levels[class][at];
            let total: f64 = seen.iter().sum::<f64>() - seen[missing] + believed;
            for &level in levels(field) {
                let level = level as usize;
                tables.0[class][at][level] =
                    believed.mul_add(belief.0[class][at][level], seen[level]) / total;
            }
        }
    }
    tie_household(tables);
    tie_twins(tables, belief);
    tie_namesakes(tables, belief);
}

/// Members of a household are different people: without these limits the class takes over the
/// worst records of the same person where there are no households.
fn tie_household(tables: &mut Tables) {
    use Agreement::{Close, Exact, Near, Nickname, OneEdit, Swapped};
    let household = &mut tables.0[Class::Household as usize];
    limit(
        &mut household[Field::GivenName as usize],
        Field::GivenName,
        &[Exact, Nickname, Near, Close, Swapped],
        0.10,
    );
    limit(
        &mut household[Field::BirthDate as usize],
        Field::BirthDate,
        &[Exact, Swapped, OneEdit],
        0.05,
    );
    limit(&mut household[Field::Identifier as usize], Field::Identifier, &[Exact], 0.01);
}

/// Twins are members of a household born on one day; only what depends on the data stays free:
/// their rate, sex, what they share of contacts, and how near their identifiers are.
fn tie_twins(tables: &mut Tables, belief: &Tables) {
    let (household, twin) = (Class::Household as usize, Class::Twin as usize);
    for field in [Field::GivenName, Field::MiddleName] {
        tables.0[twin][field as usize] = tables.0[household][field as usize];
    }
    for field in [Field::BirthDate, Field::Surname, Field::Suffix] {
        tables.0[twin][field as usize] = belief.0[twin][field as usize];
    }
    limit(
        &mut tables.0[twin][Field::Identifier as usize],
        Field::Identifier,
        &[Agreement::Exact],
        0.004,
    );
}

/// Parent and child of one name are known by the name, and share contacts as a household does.
fn tie_namesakes(tables: &mut Tables, belief: &Tables) {
    let (household, namesake) = (Class::Household as usize, Class::Namesake as usize);
    for field in Field::ALL {
        let personal = matches!(
            field,
            Field::GivenName
                | Field::MiddleName
                | Field::Surname
                | Field::Suffix
                | Field::BirthDate
                | Field::Sex
        );
        let from = if personal { belief.0[namesake] } else { tables.0[household] };
        tables.0[namesake][field as usize] = from[field as usize];
    }
}

/// Scales levels down so that together they have at most `most`, and the others up.
fn limit(table: &mut [f64; LEVELS], field: Field, limited: &[Agreement], most: f64) {
    let have: f64 = limited.iter().map(|level| table[*level as usize]).sum();
    if have <= most {
        return;
    }
    for &level in levels(field) {
        let factor = if limited.contains(&level) {
            most / have
        } else {
            (1.0 - most) / (1.0 - have).max(1e-9)
        };
        table[level as usize] *= factor;
    }
}

/// Strangers agree as all pairs do, less what was explained otherwise: in a small table with many
/// duplicates most of what agrees belongs to one person.
fn strangers(tables: &mut Tables, sums: &Sums, chance: &Chance) {
    for field in Field::ALL {
        let at = field as usize;
        let both = chance.both[at];
        let explained =
            |level: usize| (0..KNOWN).map(|class| sums.levels[class][at][level]).sum::<f64>();
        let others: f64 = levels(field).iter().map(|level| explained(*level as usize)).sum();
        let strangers = (both - others).max(1.0);
        let table = &mut tables.0[Class::Stranger as usize][at];
        let mut sum = 0.0;
        for &level in levels(field) {
            if level == Agreement::Different {
                continue;
            }
            let level = level as usize;
            let share = chance.shares[at][level];
            let left = share.mul_add(both, -explained(level)) / strangers;
            // What is left of a rare agreement is mostly the error of the estimate.
            table[level] = left.max(share * 0.02).clamp(1e-9, 1.0);
            sum += table[level];
        }
        table[Agreement::Different as usize] = (1.0 - sum).max(1e-3);
        let whole = sum + table[Agreement::Different as usize];
        for &level in levels(field) {
            table[level as usize] /= whole;
        }
    }
}

fn missing_says_nothing(tables: &mut Tables) {
    for class in &mut tables.0 {
        for field in class {
            field[Agreement::Missing as usize] = 1.0;
        }
    }
}

const fn rates_of([same, household, twin, namesake, _]: [f64; CLASSES]) -> Rates {
    Rates { same, household, twin, namesake }
}
