//! Rows that a merge changed or took out: what the source has of them is led to what the merge
//! made of it, step by step. A step that does not find what it found then leaves the row as it is,
//! and so to be found different.

use std::collections::HashMap;

use shared::assessment::TableName;

use super::canonical::RowText;
use super::hash::hash;
use super::rows::identity_bytes;
use super::table::Comparison;
use crate::error::Result;
use crate::load::Session;
use crate::load::row_image::Cell;
use crate::map::target_name;
use crate::merge::{Effect, effects};
use crate::seal::Key;
use crate::transform::{Slot, cast};
use crate::value::Value;

/// What merges did to the rows of one table.
#[derive(Debug, Clone, Default)]
pub(super) struct Merged {
    /// By what told the row apart at that time; in the order of the merges.
    steps: HashMap<u64, Vec<(u32, Step)>>,
    /// Places of the columns that some step changes.
    changed: Vec<usize>,
}

#[derive(Debug, Clone)]
enum Step {
    Set(Vec<Set>),
    /// The row went; this is the hash of what it was.
    Gone(u64),
}

#[derive(Debug, Clone)]
struct Set {
    place: usize,
    before: u64,
    after: Vec<u8>,
}

/// What became of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Stays,
    /// It lives on in another row.
    Gone,
}

impl Merged {
    pub(super) fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    pub(super) fn changes(&self, place: usize) -> bool {
        self.changed.contains(&place)
    }

    /// Does to a row of the source what merges did to the target's.
    pub(super) fn lead(&self, comparison: &Comparison, row: &mut RowText) -> Fate {
        let mut after = 0;
        while let Some((number, step)) = self.next(comparison, row, after) {
            after = number + 1;
            match step {
                Step::Gone(was) if *was == row.hash() => return Fate::Gone,
                Step::Gone(_) => return Fate::Stays,
                Step::Set(sets) => {
                    for set in sets {
                        if hash(row.field(set.place), FIELD) == set.before {
                            row.set(set.place, &set.after);
                        }
                    }
                }
            }
        }
        Fate::Stays
    }

    fn next(&self, comparison: &Comparison, row: &RowText, after: u32) -> Option<(u32, &Step)> {
        let mut identity = Vec::new();
        identity_bytes(comparison, row, &mut identity);
        let steps = self.steps.get(&hash(&identity, IDENTITY))?;
        steps.iter().find(|(number, _)| *number >= after).map(|(number, step)| (*number, step))
    }
}

const FIELD: u64 = 5;
const IDENTITY: u64 = 6;

/// What merges did, table by table.
pub(super) async fn load<S: Session>(
    session: &mut S,
    key: &Key,
    comparisons: &[Comparison],
) -> Result<Vec<Merged>> {
    let engine = session.engine();
    let mut all = vec![Merged::default(); comparisons.len()];
    let mut number = 0;
    effects(session, key, |effect| {
        let (Effect::Changed { table, .. } | Effect::Gone { table, .. }) = &effect;
        let name: TableName = target_name(engine, table);
        if let Some(place) = comparisons.iter().position(|known| known.target == name)
            && let Some((identity, step)) = step(&comparisons[place], &effect)
        {
            let merged = &mut all[place];
            if let Step::Set(sets) = &step {
                merged.changed.extend(sets.iter().map(|set| set.place));
                merged.changed.sort_unstable();
                merged.changed.dedup();
            }
            merged.steps.entry(identity).or_default().push((number, step));
        }
        number += 1;
        Ok(())
    })
    .await?;
    Ok(all)
}

/// None where the columns that tell rows apart are not those by which the merge found the row, or
/// where nothing changed that is compared.
fn step(comparison: &Comparison, effect: &Effect) -> Option<(u64, Step)> {
    let located = |cells: &[Cell]| {
        let row = text_of(comparison, cells);
        let is_whole = comparison.identity.iter().all(|place| {
            let name = &comparison.columns[*place].name;
            cells.iter().any(|cell| cell.column == *name)
        });
        let mut identity = Vec::new();
        identity_bytes(comparison, &row, &mut identity);
        is_whole.then(|| hash(&identity, IDENTITY))
    };
    match effect {
        Effect::Gone { row, .. } => {
            Some((located(row)?, Step::Gone(text_of(comparison, row).hash())))
        }
        Effect::Changed { locator, before, after, .. } => {
            let (old, new) = (text_of(comparison, before), text_of(comparison, after));
            let sets: Vec<Set> = comparison
                .columns
                .iter()
                .enumerate()
                .filter(|(_, column)| after.iter().any(|cell| cell.column == column.name))
                .map(|(place, _)| Set {
                    place,
                    before: hash(old.field(place), FIELD),
                    after: new.field(place).to_vec(),
                })
                .collect();
            (!sets.is_empty()).then_some((located(locator)?, Step::Set(sets)))
        }
    }
}

/// The text of a row of which some cells are known; the others are null in it.
fn text_of(comparison: &Comparison, cells: &[Cell]) -> RowText {
    let engine = comparison.engine;
    let values: Vec<Value<'static>> = comparison
        .columns
        .iter()
        .map(|column| {
            let cell = cells.iter().find(|cell| cell.column == column.name);
            let value = cell.map_or(Value::Null, |cell| cell.value.clone());
            let slot = Slot { data_type: &column.data_type, labels: None, engine };
            cast(value.clone(), slot).unwrap_or(value)
        })
        .collect();
    let mut text = RowText::default();
    let types = comparison.columns.iter().map(|column| &column.data_type);
    text.write(engine, values.iter().zip(types));
    text
}
