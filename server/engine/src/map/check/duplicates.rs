//! The part of a plan about duplicates, held against the tables that it names.

use shared::assessment::{ForeignKey, TableName};
use shared::error_code::ErrorCode;
use shared::plan::{Duplicates, TableMapping};

use super::{Checked, hint, outputs_of, target_name};

impl Checked<'_> {
    pub(super) fn duplicates(&mut self, duplicates: &Duplicates) {
        let engine = self.engine();
        let people = target_name(engine, &duplicates.table);
        let is_people = |mapping: &&TableMapping| target_name(engine, &mapping.target) == people;
        // That no table is loaded into it is said already.
        let Some(mapping) = self.plan.tables.iter().find(is_people) else { return };
        if !self.has_key(mapping, &people) {
            self.add(
                ErrorCode::Map001,
                "duplicates.table",
                format!("{people} has no key by which its rows can be told apart"),
            );
        }
        let named = duplicates.columns.iter().flat_map(|(attribute, names)| {
            names.iter().map(move |name| (format!("duplicates.columns.{attribute}"), name))
        });
        let agreed = duplicates
            .must_agree
            .iter()
            .map(|name| ("duplicates.must_agree".to_owned(), name.as_str()));
        let own: Vec<&str> = outputs_of(mapping).collect();
        for (at, name) in named.chain(agreed) {
            if own.contains(&name) {
                continue;
            }
            let Some((reference, column)) = name.split_once('.') else { continue };
            if own.contains(&reference) {
                self.must_lead_to(mapping, &people, reference, Some(column), &at);
            }
        }
        for reference in duplicates.together.iter().filter(|name| own.contains(&name.as_str())) {
            self.must_lead_to(mapping, &people, reference, None, "duplicates.together");
        }
    }

    /// A reference of its own leads from the column to a row, which has the other column.
    fn must_lead_to(
        &mut self,
        mapping: &TableMapping,
        people: &TableName,
        reference: &str,
        column: Option<&str>,
        at: &str,
    ) {
        let engine = self.engine();
        let there = self.target.and_then(|target| target.table(people));
        let planned = mapping.create.iter().flat_map(|shape| &shape.foreign_keys);
        let known = there.iter().flat_map(|table| &table.foreign_keys);
        let key: Option<ForeignKey> =
            known.chain(planned).find(|key| key.columns == [reference]).cloned();
        let Some(key) = key else {
            self.add(
                ErrorCode::Map001,
                at,
                format!("no foreign key of {people} is made of the column {reference} alone"),
            );
            return;
        };
        let Some(column) = column else { return };
        let parent = target_name(engine, &key.references);
        let mut columns: Vec<String> = Vec::new();
        if let Some(table) = self.target.and_then(|target| target.table(&parent)) {
            columns.extend(table.columns.iter().map(|column| column.name.clone()));
        }
        for mapping in &self.plan.tables {
            if target_name(engine, &mapping.target) == parent {
                columns.extend(outputs_of(mapping).map(str::to_owned));
            }
        }
        if !columns.iter().any(|known| known == column) {
            let hint = hint(column, columns.into_iter());
            self.add(ErrorCode::Map002, at, format!("{parent} has no column {column}{hint}"));
        }
    }

    fn has_key(&self, mapping: &TableMapping, people: &TableName) -> bool {
        match self.target.and_then(|target| target.table(people)) {
            Some(table) => {
                !table.primary_key.is_empty() || table.indexes.iter().any(|index| index.unique)
            }
            None => mapping.create.as_ref().is_none_or(|shape| !shape.primary_key.is_empty()),
        }
    }
}
