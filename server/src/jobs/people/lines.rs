use engine::extract::csv::is_ragged;
use engine::value::{Batch, Value, display};

use super::PeopleError;

/// The texts of some rows, in one allocation.
#[derive(Debug, Default)]
pub struct Lines {
    /// By the table's column: its place among those that are kept.
    places: Vec<Option<usize>>,
    kept: usize,
    text: String,
    ends: Vec<usize>,
    /// How many rows came in earlier batches.
    before: u64,
    len: usize,
}

/// One of them.
#[derive(Debug, Clone, Copy)]
pub struct Line<'a> {
    lines: &'a Lines,
    row: usize,
}

impl<'a> Line<'a> {
    /// The text in a column of the table, empty where there is none or where it is not kept.
    pub fn cell(self, column: usize) -> &'a str {
        self.lines.cell(self.row, column)
    }
}

impl Lines {
    /// Keeps the wanted of so many columns.
    pub fn new(width: usize, wanted: &[usize]) -> Self {
        let mut places = vec![None; width];
        let mut kept = 0;
        for (column, place) in places.iter_mut().enumerate() {
            if wanted.contains(&column) {
                *place = Some(kept);
                kept += 1;
            }
        }
        Self { places, kept, ..Self::default() }
    }

    pub fn iter(&self) -> impl Iterator<Item = Line<'_>> {
        (0..self.len).map(|row| Line { lines: self, row })
    }

    fn cell(&self, row: usize, column: usize) -> &str {
        let Some(place) = self.places.get(column).copied().flatten() else { return "" };
        let at = row * self.kept + place;
        let start = if at == 0 { 0 } else { self.ends[at - 1] };
        &self.text[start..self.ends[at]]
    }

    /// Forgets the rows and takes those of a batch.
    pub(super) fn refill(&mut self, batch: &Batch) -> Result<(), PeopleError> {
        self.before += u64::try_from(self.len).unwrap_or_default();
        self.text.clear();
        self.ends.clear();
        self.len = 0;
        for row in batch.iter() {
            if is_ragged(&row) {
                let before = self.before + u64::try_from(self.len).unwrap_or_default();
                return Err(PeopleError::Ragged { record: before + 1 });
            }
            for (column, place) in self.places.iter().enumerate() {
                if place.is_some() {
                    push(&mut self.text, &row.value(column));
                    self.ends.push(self.text.len());
                }
            }
            self.len += 1;
        }
        Ok(())
    }
}

/// As much of a value as can be read.
fn push(text: &mut String, value: &Value<'_>) {
    match value {
        Value::Invalid(_, bytes) => text.push_str(&String::from_utf8_lossy(bytes)),
        value => text.push_str(display(value).as_deref().unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_wanted_columns_are_kept_and_each_is_found_by_its_place_in_the_table() {
        let mut batch = Batch::new(3);
        for value in ["1", "unwanted", "Ida", "2", "", "Max"] {
            batch.push(&Value::Text(value.into()));
        }
        let mut lines = Lines::new(3, &[2, 0]);

        lines.refill(&batch).unwrap();

        let rows: Vec<_> = lines.iter().map(|line| [0, 1, 2].map(|at| line.cell(at))).collect();
        assert_eq!(rows, [["1", "", "Ida"], ["2", "", "Max"]]);
    }
}
