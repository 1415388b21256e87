//! What a matching writes.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;
use std::sync::Arc;

use dedup::people::Index;
use dedup::survive::survive;
use dedup::{Columns, Findings, Model, People, Policy};
use shared::duplicate::{Attribute, Person, RecordId};

use super::super::CommandError;
use super::super::output::unwritable;
use crate::jobs::people::{Lines, PeopleError, PeopleTable, moment};

/// `left_id,right_id,weight,probability,decision`, the heaviest first.
pub(super) fn pairs(path: &Path, people: &People, findings: &Findings) -> Result<(), CommandError> {
    write(path, |file| {
        file.write_record(["left_id", "right_id", "weight", "probability", "decision"])?;
        let (mut weight, mut probability) = (String::new(), String::new());
        for pair in findings.pairs(people) {
            set(&mut weight, format_args!("{:.4}", pair.weight));
            set(&mut probability, format_args!("{:.6}", pair.probability));
            file.write_record([
                pair.left_id.as_str(),
                pair.right_id.as_str(),
                &weight,
                &probability,
                pair.decision.as_str(),
            ])?;
        }
        Ok(())
    })
}

/// `cluster_id,record_id` for every record, in the order of the table. A cluster is called after
/// the first of its records, by id.
pub(super) fn clusters(
    path: &Path,
    people: &People,
    findings: &Findings,
) -> Result<(), CommandError> {
    let numbers = findings.proposed.numbers(people.len());
    write(path, |file| {
        file.write_record(["cluster_id", "record_id"])?;
        for (record, cluster) in (0..).zip(&numbers) {
            file.write_record([people.id(*cluster), people.id(record)])?;
        }
        Ok(())
    })
}

pub(super) fn model(path: &Path, model: &Model) -> Result<(), CommandError> {
    let mut file = BufWriter::new(File::create(path).map_err(unwritable(path))?);
    serde_json::to_writer(&mut file, model).map_err(|error| unwritable(path)(error.into()))?;
    file.flush().map_err(unwritable(path))
}

/// The table with one row for each person: what survives of its records. Columns that say nothing
/// of a person are the surviving record's.
pub(super) async fn golden(
    path: &Path,
    table: &PeopleTable,
    policy: &Arc<Policy>,
    people: &Arc<People>,
    findings: &Findings,
) -> Result<(), CommandError> {
    let header = table.header();
    let columns = table.columns(policy)?;
    let file = File::create(path).map_err(unwritable(path))?;
    let mut file = csv::Writer::from_writer(BufWriter::new(file));
    file.write_record(&header).map_err(|error| unwritable(path)(error.into()))?;
    let gathering = Gathering {
        clusters: findings.proposed.numbers(people.len()),
        waiting: findings
            .proposed
            .groups
            .iter()
            .map(|group| {
                (group.members[0], Waiting { left: group.members.len(), rows: Vec::new() })
            })
            .collect(),
        policy: Arc::clone(policy),
        width: header.len(),
        columns,
        next: 0,
        file,
    };
    let gathered = table
        .each((0..header.len()).collect(), gathering, |gathering, lines| {
            gathering.take(lines).map_err(|error| PeopleError::Write(error.into()))
        })
        .await;
    match gathered {
        Err(PeopleError::Write(error)) => Err(unwritable(path)(error)),
        other => other?.file.flush().map_err(unwritable(path)),
    }
}

/// Rows on their way to a golden record, until all of their person are there.
struct Gathering {
    clusters: Vec<Index>,
    waiting: HashMap<Index, Waiting>,
    policy: Arc<Policy>,
    columns: Columns,
    width: usize,
    next: usize,
    file: csv::Writer<BufWriter<File>>,
}

struct Waiting {
    left: usize,
    rows: Vec<Vec<String>>,
}

impl Gathering {
    fn take(&mut self, lines: &Lines) -> Result<(), csv::Error> {
        for line in lines.iter() {
            let cells = (0..self.width).map(|column| line.cell(column));
            // A table that grew since it was read has records that nobody knows.
            let cluster = self.clusters.get(self.next).copied();
            self.next += 1;
            let Some(waiting) = cluster.and_then(|cluster| self.waiting.get_mut(&cluster)) else {
                self.file.write_record(cells)?;
                continue;
            };
            waiting.rows.push(cells.map(str::to_owned).collect());
            waiting.left -= 1;
            if waiting.left == 0 {
                let rows = std::mem::take(&mut waiting.rows);
                let survivor = self.survivor(rows);
                self.file.write_record(survivor)?;
            }
        }
        Ok(())
    }

    fn survivor(&self, rows: Vec<Vec<String>>) -> Vec<String> {
        let members: Vec<Person> = rows.iter().map(|row| self.person(row)).collect();
        let id = self.columns.of(Attribute::RecordId).next().unwrap_or_default();
        let golden = survive(&members, &self.policy.survival, &BTreeMap::new());
        let Some(golden) = golden else { return rows.into_iter().next().unwrap_or_default() };
        let place = rows.iter().position(|row| row[id].trim() == golden.survivor.as_str());
        let mut kept = rows[place.unwrap_or_default()].clone();
        for attribute in Attribute::ALL {
            let Some(values) = golden.values.get(&attribute) else { continue };
            // Of several columns, each takes the next of several values; the last one the rest.
            let columns: Vec<usize> = self.columns.of(attribute).collect();
            for (at, column) in columns.iter().enumerate() {
                let own = values.get(at..).unwrap_or_default();
                let own = if at + 1 < columns.len() { &own[..own.len().min(1)] } else { own };
                let texts: Vec<&str> = own.iter().map(|value| value.value.as_str()).collect();
                kept[*column] = texts.join("; ");
            }
        }
        kept
    }

    fn person(&self, row: &[String]) -> Person {
        let mut person = Person::default();
        for (attribute, at) in self.columns.recognised() {
            let value = row[at].trim();
            match attribute {
                Attribute::RecordId => person.id = RecordId::from(value),
                Attribute::Source => person.source = Some(value.to_owned()),
                Attribute::UpdatedAt => person.updated_at = moment(value),
                _ if value.is_empty() => {}
                _ => person.values.entry(attribute).or_default().push(value.to_owned()),
            }
        }
        person
    }
}

fn set(text: &mut String, what: std::fmt::Arguments<'_>) {
    use std::fmt::Write as _;
    text.clear();
    // Writing to a String does not fail.
    let _ = text.write_fmt(what);
}

fn write(
    path: &Path,
    rows: impl FnOnce(&mut csv::Writer<File>) -> Result<(), csv::Error>,
) -> Result<(), CommandError> {
    let file = File::create(path).map_err(unwritable(path))?;
    let mut file = csv::WriterBuilder::new().buffer_capacity(1 << 18).from_writer(file);
    rows(&mut file)
        .and_then(|()| Ok(file.flush()?))
        .map_err(|error| unwritable(path)(io::Error::from(error)))
}
