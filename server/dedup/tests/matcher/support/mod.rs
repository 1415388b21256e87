//! What the tests share.

pub(crate) mod population;

use dedup::evaluate::Truth;
use dedup::find::find;
use dedup::model::Model;
use dedup::people::{Builder, Reading};
use dedup::{Columns, Findings, People, Policy};
use population::Population;
use shared::duplicate::Decision;

/// Reads rows in their order.
pub(crate) fn read(header: &[String], rows: &[Vec<String>], reading: Option<&Reading>) -> People {
    let columns = Columns::recognise(header, &[]).expect("a table that can be matched");
    let mut builder = Builder::new(columns);
    for batch in rows.chunks(1_000) {
        builder.extend(batch, |row, at| row[at].as_str());
    }
    builder.finish(reading).expect("a table that can be matched")
}

/// People, and who they really are.
pub(crate) fn read_population(population: &Population) -> (People, Truth) {
    let people = read(&population.header, &population.rows, None);
    let entries =
        population.truth.iter().map(|(record, entity)| (record.as_str(), entity.as_str()));
    let truth = Truth::new(&people, entries);
    (people, truth)
}

/// A run with the default policy.
pub(crate) fn run(people: &People, saved: Option<&Model>, decisions: &[Decision]) -> Findings {
    find(people, &Policy::default(), saved, decisions).expect("a table that can be matched")
}
