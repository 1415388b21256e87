//! Rows of people as the matcher takes them, and as people look at them.

use dedup::Columns;
use dedup::column::ColumnError;
use engine::merge::PersonRow;
use shared::duplicate::{Attribute, Person, RecordId};
use shared::plan::Duplicates;

use crate::jobs::people::moment;

/// What each value of a row says.
#[derive(Debug, Clone)]
pub(super) struct Shape {
    attributes: Vec<Attribute>,
}

impl Shape {
    pub(super) fn of(duplicates: &Duplicates) -> Self {
        Self { attributes: duplicates.named_columns().map(|(attribute, _)| attribute).collect() }
    }

    pub(super) fn attributes(&self) -> &[Attribute] {
        &self.attributes
    }

    /// The same for the matcher: the id stands first.
    pub(super) fn columns(&self, ignored: &[Attribute]) -> Result<Columns, ColumnError> {
        let name = |at: usize| format!("value {at}");
        let header: Vec<String> = (0..=self.attributes.len()).map(name).collect();
        let mut named = vec![(Attribute::RecordId, name(0))];
        named.extend((1..).zip(&self.attributes).map(|(at, attribute)| (*attribute, name(at))));
        Columns::recognise(&header, &named)?.without(ignored)
    }

    pub(super) fn person(&self, row: &PersonRow) -> Person {
        let mut person = Person { id: row.id.clone(), ..Person::default() };
        for (attribute, value) in self.attributes.iter().zip(&row.values) {
            let value = value.as_deref().unwrap_or_default().trim();
            match attribute {
                Attribute::RecordId => {}
                Attribute::Source => person.source = Some(value.to_owned()),
                Attribute::UpdatedAt => person.updated_at = moment(value),
                _ if value.is_empty() => {}
                _ => person.values.entry(*attribute).or_default().push(value.to_owned()),
            }
        }
        person
    }
}

/// The text of a row's column, as [`Shape::columns`] counts them.
pub(super) fn cell(row: &PersonRow, at: usize) -> &str {
    match at.checked_sub(1) {
        None => row.id.as_str(),
        Some(at) => row.values.get(at).and_then(Option::as_deref).unwrap_or_default(),
    }
}

/// The two ids of a pair, the smaller first: how pairs are stored.
pub(super) fn ordered(one: RecordId, other: RecordId) -> (RecordId, RecordId) {
    if one <= other { (one, other) } else { (other, one) }
}
