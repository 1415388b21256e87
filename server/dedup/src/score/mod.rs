//! Turns agreements into a weight: how many bits speak for one person.

mod veto;

use shared::duplicate::{Agreement, Alternatives, Factor, Field, Veto};

use crate::compare::{Pattern, compare};
use crate::hash::{NumberMap, Sieve, upper};
use crate::model::{CLASSES, Class, FIELDS, LEVELS, Model, Tables};
use crate::normalize::nickname;
use crate::people::{Index, People, ValueId};
use crate::train::frequency;

/// A model, ready to weigh the pairs of some people.
pub struct Scorer<'a> {
    people: &'a People,
    /// By field and code of the agreement.
    chances: [[[f64; CLASSES]; LEVELS]; FIELDS],
    rates: [f64; CLASSES],
    rarity: Vec<Rarity>,
}

struct Rarity {
    field: Field,
    rare: f64,
    common: NumberMap<ValueId, f64>,
    sieve: Sieve,
}

/// A pair's weight with what it rests on.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    pub weight: f64,
    pub prior: f64,
    pub factors: Vec<Factor>,
    pub alternatives: Alternatives,
}

impl<'a> Scorer<'a> {
    pub fn new(model: &Model, people: &'a People) -> Self {
        let rarity = frequency::FIELDS
            .into_iter()
            .filter_map(|field| {
                let known = model.frequencies.get(&field)?;
                // Most values are rare, and half a hash tells so.
                let halves = Sieve::of(known.common.keys().map(|content| upper(*content)));
                let common: NumberMap<ValueId, f64> = frequency::counts(people, field)
                    .into_iter()
                    .filter(|(value, _)| halves.may_hold(frequency::half(people, field, *value)))
                    .filter_map(|(value, _)| {
                        let ratio = known.common.get(&frequency::content(people, field, value))?;
                        Some((value, *ratio))
                    })
                    .collect();
                let sieve = Sieve::of(common.keys().copied());
                Some(Rarity { field, rare: known.rare, common, sieve })
            })
            .collect();
        let tables = Tables::of(&model.fields);
        let chances = std::array::from_fn(|field| {
            std::array::from_fn(|code| tables.0.map(|class| class[field][code]))
        });
        Self { people, chances, rates: model.rates.by_class(), rarity }
    }

    /// log2 of the odds that a pair with this pattern is one person. The order of the two does not
    /// matter.
    pub fn weight(&self, left: Index, right: Index, pattern: Pattern) -> f64 {
        self.odds(left, right, pattern).weight()
    }

    /// How probable each explanation of a pair with this pattern is, against the others.
    pub(crate) fn odds(&self, left: Index, right: Index, pattern: Pattern) -> Odds {
        let mut joint = self.rates;
        let codes: [usize; FIELDS] = std::array::from_fn(|at| pattern.code(Field::ALL[at]));
        // One field after the other, so that the classes are multiplied side by side.
        for (levels, code) in self.chances.iter().zip(codes) {
            for (chance, factor) in joint.iter_mut().zip(levels[code]) {
                *chance *= factor;
            }
        }
        for rarity in &self.rarity {
            if codes[rarity.field as usize] == Agreement::Exact as usize {
                joint[Class::Stranger as usize] *= rarity.of(self.people, left, right);
            }
        }
        if codes[Field::GivenName as usize] == Agreement::Swapped as usize {
            joint[Class::Stranger as usize] *= self.swapped_rarity(left, right);
        }
        Odds(joint)
    }

    /// Strangers whose names changed places share both names. Which of the two is the given name
    /// is not known: the more common reading counts.
    fn swapped_rarity(&self, left: Index, right: Index) -> f64 {
        let of = |field: Field, value: ValueId| {
            self.rarity
                .iter()
                .find(|rarity| rarity.field == field)
                .map_or(1.0, |rarity| rarity.of_value(value))
        };
        let reading = |record: Index| {
            let row = self.people.row(record);
            of(Field::GivenName, row.given) * of(Field::Surname, row.surname)
        };
        reading(left).max(reading(right))
    }

    /// Compares and weighs two records that did not meet.
    pub fn weigh(&self, left: Index, right: Index) -> (Pattern, f64) {
        let pattern = compare(self.people, left, right);
        (pattern, self.weight(left, right, pattern))
    }

    /// How a weight comes about, field by field.
    pub fn explain(&self, left: Index, right: Index) -> Explanation {
        let pattern = compare(self.people, left, right);
        let mut joint = self.rates;
        let prior = Odds(joint).weight();
        let mut weight = prior;
        let mut factors = Vec::new();
        for field in Field::ALL {
            let code = pattern.code(field);
            let agreement = Agreement::ALL[code];
            if agreement == Agreement::Missing {
                continue;
            }
            let mut chances = self.chances[field as usize][code];
            let rarity = match (field, agreement) {
                (Field::GivenName, Agreement::Swapped) => self.swapped_rarity(left, right),
                (_, Agreement::Exact) => self
                    .rarity
                    .iter()
                    .find(|rarity| rarity.field == field)
                    .map_or(1.0, |rarity| rarity.of(self.people, left, right)),
                _ => 1.0,
            };
            chances[Class::Stranger as usize] *= rarity;
            for (chance, factor) in joint.iter_mut().zip(chances) {
                *chance *= factor;
            }
            let against =
                |class: Class| (chances[Class::Same as usize] / chances[class as usize]).log2();
            let next = Odds(joint).weight();
            factors.push(Factor {
                field,
                agreement,
                left: self.people.shown(left, field),
                right: self.people.shown(right, field),
                weight: next - weight,
                against_stranger: against(Class::Stranger),
                against_household: against(Class::Household),
                against_twin: against(Class::Twin),
                against_namesake: against(Class::Namesake),
                rarity: -rarity.log2(),
            });
            weight = next;
        }
        let total: f64 = joint.iter().sum();
        let [same_person, household_member, twin, namesake, stranger] =
            joint.map(|chance| chance / total);
        Explanation {
            weight,
            prior,
            factors,
            alternatives: Alternatives { same_person, household_member, twin, namesake, stranger },
        }
    }

    /// What keeps a pair from being merged unseen.
    pub fn vetoes(&self, left: Index, right: Index, pattern: Pattern) -> Vec<Veto> {
        veto::vetoes(self.people, left, right, pattern, || self.are_two_names(left, right))
    }

    /// Whether two similar given names are two names, not one and its misspelling. A name is one
    /// that is known, or so common here that a misspelling of the other would not be.
    fn are_two_names(&self, left: Index, right: Index) -> bool {
        const MISSPELLINGS: f64 = 0.05;
        let names = &self.people.names;
        let [one, other] = [left, right].map(|record| self.people.row(record).given);
        if !names.name(one).is_latin {
            return true;
        }
        let given = self.rarity.iter().find(|rarity| rarity.field == Field::GivenName);
        let often = |name: ValueId| given.and_then(|given| given.common.get(&name)).copied();
        let is_name = |name: ValueId, beside: ValueId| {
            nickname::is_in_use(names.text(name))
                || often(name)
                    .is_some_and(|share| share >= MISSPELLINGS * often(beside).unwrap_or(f64::MAX))
        };
        is_name(one, other) && is_name(other, one)
    }
}

/// The probability that belongs to a weight.
pub fn probability(weight: f64) -> f64 {
    1.0 / (1.0 + (-weight).exp2())
}

/// The weight that belongs to a probability.
pub fn weight_of(probability: f64) -> f64 {
    (probability / (1.0 - probability)).log2()
}

/// The explanations of a pair, each as probable as its share of the sum.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Odds([f64; CLASSES]);

impl Odds {
    /// log2 of the odds that it is one person.
    pub(crate) fn weight(self) -> f64 {
        let [same, others @ ..] = self.0;
        // Far below what any evidence can reach, but a number.
        (same.max(1e-280) / others.iter().sum::<f64>().max(1e-280)).log2()
    }

    /// How probable each explanation but the strangers is.
    pub(crate) fn probabilities(self) -> [f64; CLASSES - 1] {
        let total = self.0.iter().sum::<f64>().max(1e-280);
        std::array::from_fn(|class| self.0[class] / total)
    }
}

impl Rarity {
    fn of_value(&self, value: ValueId) -> f64 {
        if !self.sieve.may_hold(value) {
            return self.rare;
        }
        self.common.get(&value).copied().unwrap_or(self.rare)
    }

    /// By how much more, or less, strangers share the value that these two share.
    fn of(&self, people: &People, left: Index, right: Index) -> f64 {
        let (a, b) = (people.row(left), people.row(right));
        let one = |value: ValueId| self.of_value(value);
        match self.field {
            Field::GivenName => one(a.given),
            Field::MiddleName => one(a.middle),
            Field::Surname => one(a.surname),
            Field::BirthDate => one(a.birth.digits()),
            Field::Email => one(a.email),
            Field::Address => one(a.address),
            Field::Unit => one(a.unit),
            Field::City => one(a.city),
            Field::Postcode => one(a.postcode),
            Field::State => one(a.state),
            // Of several phones that are shared the rarest tells most.
            Field::Phone => a
                .phones
                .into_iter()
                .filter(|phone| *phone != 0 && b.phones.contains(phone))
                .map(one)
                .fold(f64::MAX, f64::min),
            Field::Suffix
            | Field::Sex
            | Field::Identifier
            | Field::OtherIdentifier
            | Field::Area => 1.0,
        }
    }
}

const _: () = assert!(LEVELS >= Agreement::ALL.len());
