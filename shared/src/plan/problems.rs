//! What can be said against a plan without opening a database.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{ColumnMapping, FORMAT, LookupFrom, Orphans, Plan, TableMapping, Transform};
use crate::error_code::ErrorCode;

/// Something that keeps a plan from running, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PlanProblem {
    pub code: ErrorCode,
    /// The place in the document: `tables[2].columns[0]`.
    pub at: String,
    pub message: String,
}

impl Plan {
    /// Everything that is wrong with the plan by itself, in the document's order.
    pub fn problems(&self) -> Vec<PlanProblem> {
        let mut found = Found::default();
        if self.format != FORMAT {
            found.add("format", format!("this build reads format {FORMAT}"));
        }
        if self.options.chunk_rows == 0 || self.options.batch_bytes == 0 {
            found.add("options", "a chunk and a batch hold at least one row".to_owned());
        }
        if self.options.workers == 0 {
            found.add("options.workers", "at least one worker is needed".to_owned());
        }
        let escalation = &self.options.escalation;
        for limit in [escalation.table_percent, escalation.run_percent].into_iter().flatten() {
            if !(0.0..=100.0).contains(&limit) {
                found.add("options.escalation", "a percentage is from 0 to 100".to_owned());
            }
        }
        for wrong in self.options.governor.problems() {
            found.add("options.governor", wrong.to_owned());
        }
        if self.tables.is_empty() {
            found.add("tables", "the plan maps no table".to_owned());
        }
        let mut created = BTreeSet::new();
        for (index, table) in self.tables.iter().enumerate() {
            let at = format!("tables[{index}]");
            if table.create.is_some() && !created.insert(&table.target) {
                found.add(&at, format!("{} is created twice", table.target));
            }
            self.check_table(table, &at, &mut found);
        }
        if let Some(duplicates) = &self.duplicates {
            self.check_duplicates(duplicates, &mut found);
        }
        self.check_checks(&mut found);
        found.0
    }

    fn check_table(&self, table: &TableMapping, at: &str, found: &mut Found) {
        if table.columns.is_empty() {
            found.add(at, format!("{} has no columns", table.target));
        }
        let mut names = BTreeSet::new();
        for (index, column) in table.columns.iter().enumerate() {
            let at = format!("{at}.columns[{index}]");
            if !names.insert(column.target.as_str()) {
                found.add(&at, format!("{} is filled twice", column.target));
            }
            let first_makes = column.transform.first().is_some_and(Transform::makes_its_own_value);
            if column.source.is_none() && !first_makes {
                found.add(&at, format!("{} has neither a source nor a rule for it", column.target));
            }
            for (place, rule) in column.transform.iter().enumerate() {
                if let Transform::Lookup { from, .. } = rule {
                    self.check_lookup(from, place, column, &at, found);
                }
                if let Transform::CodeTable { table: name } = rule
                    && !self.code_tables.contains_key(name)
                {
                    found.add(&at, format!("the code table `{name}` is not in the plan"));
                }
                let kept = column.signed.is_some() || table.keeps_what_is_lost(column, rule);
                if self.loses_information(rule) && !kept {
                    found.0.push(PlanProblem {
                        code: ErrorCode::Map003,
                        at: at.clone(),
                        message: format!(
                            "a rule on {} loses information and nobody signed for it",
                            column.target
                        ),
                    });
                }
            }
            if let Some(raw) = &column.keep_raw_in {
                if !names.insert(raw.as_str()) {
                    found.add(&at, format!("{raw} is filled twice"));
                }
                if column.source.is_none() {
                    found.add(&at, format!("{raw} is to keep a value, and none is read"));
                }
            }
        }
        if !table.existing_key.is_empty() && !table.existing.compares() {
            found.add(at, "existing_key is for `existing: update` and `existing: skip`".to_owned());
        }
        for column in &table.existing_key {
            if !names.contains(column.as_str()) {
                found.add(at, format!("existing_key names {column}, which no column fills"));
            }
        }
        self.check_shape(table, at, &names, found);
    }

    fn check_lookup(
        &self,
        name: &str,
        place: usize,
        column: &ColumnMapping,
        at: &str,
        found: &mut Found,
    ) {
        let Some(lookup) = self.lookups.get(name) else {
            return found.add(at, format!("the lookup `{name}` is not in the plan"));
        };
        if !matches!(lookup.from, LookupFrom::Table(_)) {
            return;
        }
        // The source itself looks the value up, while it reads the row.
        if place > 0 || column.source.is_none() {
            found.add(
                at,
                format!("{name} is a table of the source: its key is a column as it was read"),
            );
        }
    }

    #[expect(clippy::unused_self, reason = "reads as a part of the plan's check")]
    fn check_shape(
        &self,
        table: &TableMapping,
        at: &str,
        filled: &BTreeSet<&str>,
        found: &mut Found,
    ) {
        let Some(shape) = &table.create else { return };
        let mut names = filled.clone();
        for column in &shape.more_columns {
            if !names.insert(column.name.as_str()) {
                found.add(at, format!("{} is declared twice", column.name));
            }
        }
        let keys = shape
            .indexes
            .iter()
            .map(|index| (&index.name, &index.columns))
            .chain(shape.foreign_keys.iter().map(|key| (&key.name, &key.columns)));
        let unknown_in_key = shape.primary_key.iter().map(|column| ("primary key", column));
        for (name, column) in keys
            .flat_map(|(name, c)| c.iter().map(move |c| (name.as_str(), c)))
            .chain(unknown_in_key)
        {
            if !names.contains(column.as_str()) {
                found.add(at, format!("{name} names {column}, which the table does not have"));
            }
        }
        for (key, orphans) in &table.orphans {
            if !shape.foreign_keys.iter().any(|foreign| foreign.name == *key) {
                found.add(at, format!("there is no foreign key {key}"));
            }
            if let Orphans::KeepIn(column) = orphans
                && !names.contains(column.as_str())
            {
                found.add(at, format!("{key} keeps its orphans in {column}, which is not there"));
            }
        }
    }
}

#[derive(Default)]
pub(super) struct Found(Vec<PlanProblem>);

impl Found {
    pub(super) fn add(&mut self, at: &str, message: String) {
        self.0.push(PlanProblem { code: ErrorCode::Map001, at: at.to_owned(), message });
    }
}
