//! People as a hospital meets them, some of them more than once: households that share a surname,
//! an address and a phone, twins, sons named after their fathers, moves and marriages between
//! visits, and clerks in a hurry. Nobody among them exists.
//!
//! The same count, seed and kind give the same records on every machine. Who each record really is
//! stands in a truth of its own, against which a matcher can be judged.

mod names;
mod places;
mod record;
mod household;
mod visit;
mod write;

use std::collections::VecDeque;

pub use record::{Column, HEADER, Record};
pub use write::{Summary, write};

use super::dice::Dice;
use household::Society;

/// What kind of population it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Households, and some people more than once.
    Usual,
    /// Nobody lives with anybody.
    Singles,
    /// Everybody once.
    Clean,
}

/// A population in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Population {
    pub header: Vec<String>,
    pub rows: Vec<Vec<String>>,
    /// Record and who it is.
    pub truth: Vec<(String, String)>,
}

/// So many records in memory. [`write()`] makes the same without holding them.
pub fn population(count: u64, seed: u64, kind: Kind) -> Population {
    let mut population = Population {
        header: HEADER.iter().map(|name| (*name).to_owned()).collect(),
        rows: Vec::new(),
        truth: Vec::new(),
    };
    let mut visits: Vec<Visit> = Visits::new(count, seed, kind).collect();
    Dice::new(seed, "order").shuffle(&mut visits);
    for (number, visit) in (1..).zip(visits) {
        let id = id(number);
        let cells = visit.record.cells().iter().cloned();
        population.rows.push(std::iter::once(id.clone()).chain(cells).collect());
        population.truth.push((id, visit.person.to_string()));
    }
    population
}

/// A record's id: it tells nothing of who it is.
fn id(number: u64) -> String {
    format!("r{number}")
}

/// What a clerk wrote down, and of whom.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Visit {
    person: u64,
    record: Record,
}

/// The visits of one household after the other.
struct Visits {
    society: Society,
    kind: Kind,
    left: u64,
    people: u64,
    ready: VecDeque<Visit>,
}

impl Visits {
    fn new(count: u64, seed: u64, kind: Kind) -> Self {
        let society = Society::new(count, seed);
        Self { society, kind, left: count, people: 0, ready: VecDeque::new() }
    }

    fn receive(&mut self) {
        let mut household = self.society.household();
        match self.kind {
            Kind::Usual => {}
            Kind::Singles => household.truncate(1),
            Kind::Clean => household.iter_mut().for_each(|person| person.visits = 1),
        }
        for mut person in household {
            self.people += 1;
            for visit in 0..person.visits {
                if visit > 0 {
                    self.society.live_on(&mut person);
                }
                let record = self.society.write_down(&person);
                self.ready.push_back(Visit { person: self.people, record });
            }
        }
    }
}

impl Iterator for Visits {
    type Item = Visit;

    fn next(&mut self) -> Option<Visit> {
        self.left = self.left.checked_sub(1)?;
        while self.ready.is_empty() {
            self.receive();
        }
        self.ready.pop_front()
    }
}

#[cfg(test)]
mod tests;
