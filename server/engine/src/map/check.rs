//! Holds a plan against the two databases that it names.

mod clinical;
mod duplicates;
mod lookups;

use std::collections::BTreeSet;

use shared::assessment::{Catalog, Column, ForeignKey, Table, TableName};
use shared::connection::Engine;
use shared::data_type::DataType;
use shared::error_code::ErrorCode;
use shared::plan::{ColumnMapping, Otherwise, Plan, PlanProblem, TableMapping, Transform};

use super::{argument, closest, closest_table, lookup, row_key, source_table, target_name};
use crate::assess::catalog;
use crate::connect::Source;
use crate::error::Result;

/// Everything that keeps the plan from running. Opens both databases and reads their catalogs.
pub async fn against(plan: &Plan, source_url: &str, target_url: &str) -> Result<Vec<PlanProblem>> {
    let source = catalog::of_source(&Source::open(source_url).await?).await?;
    let target = super::catalog_of_target(target_url).await?;
    let unfinished = super::tables_of_unfinished_runs(target_url).await?;
    Ok(check(plan, &source, Some((&target, &unfinished))))
}

/// Everything that keeps the plan from running, in the document's order: what is wrong with it
/// by itself, and what its databases do not have. Without a target, only the source is asked. Tables
/// of the target that an [unfinished run made](super::tables_of_unfinished_runs) lack their keys.
pub fn check(
    plan: &Plan,
    source: &Catalog,
    target: Option<(&Catalog, &BTreeSet<TableName>)>,
) -> Vec<PlanProblem> {
    let (target, unfinished) = target.unzip();
    let mut checked = Checked { plan, source, target, unfinished, problems: plan.problems() };
    if let Some(Err(why)) = plan.options.governor.zone.as_deref().map(argument::zone) {
        checked.add(ErrorCode::Map006, "options.governor.zone", why);
    }
    for (name, lookup) in &plan.lookups {
        checked.lookup(name, lookup);
    }
    for (index, mapping) in plan.tables.iter().enumerate() {
        let at = format!("tables[{index}]");
        checked.source_of(mapping, &at);
        checked.target_of(mapping, &at);
        checked.foreign_keys_of(mapping, &at);
    }
    if let Some(duplicates) = &plan.duplicates {
        checked.duplicates(duplicates);
    }
    checked.clinical_checks();
    let mut problems = checked.problems;
    problems.sort_by_key(|problem| place_in_document(&problem.at));
    problems
}

struct Checked<'p> {
    plan: &'p Plan,
    source: &'p Catalog,
    target: Option<&'p Catalog>,
    unfinished: Option<&'p BTreeSet<TableName>>,
    problems: Vec<PlanProblem>,
}

impl Checked<'_> {
    fn add(&mut self, code: ErrorCode, at: &str, message: String) {
        self.problems.push(PlanProblem { code, at: at.to_owned(), message });
    }

    /// The target's, as far as it is known.
    fn engine(&self) -> Engine {
        self.target.map_or_else(
            || Engine::of_url(&self.plan.target).unwrap_or(Engine::Postgres),
            |target| target.engine,
        )
    }

    fn source_of(&mut self, mapping: &TableMapping, at: &str) {
        // What a statement yields is known to the source alone.
        if mapping.query.is_some() {
            return;
        }
        let source = self.source;
        let Some(table) = source_table(source, &mapping.source) else {
            let hint = table_hint(&mapping.source, source.tables.iter().map(|table| &table.name));
            self.add(
                ErrorCode::Map002,
                at,
                format!("the source has no table {}{hint}", mapping.source),
            );
            return;
        };
        for name in &mapping.key {
            self.must_have(table, name, &format!("{at}.key"));
        }
        let mut spoken_for: BTreeSet<&str> = BTreeSet::new();
        for (index, column) in mapping.columns.iter().enumerate() {
            let at = format!("{at}.columns[{index}]");
            for name in read_by(column) {
                self.must_have(table, name, &at);
                spoken_for.insert(name);
            }
            self.looked_up(table, column, &at);
        }
        for name in mapping.left_behind.keys() {
            self.must_have(table, name, &format!("{at}.left_behind"));
            spoken_for.insert(name);
        }
        for column in &table.columns {
            if !spoken_for.contains(column.name.as_str()) {
                self.add(
                    ErrorCode::Map005,
                    at,
                    format!("nothing is said about the column {} of {}", column.name, table.name),
                );
            }
        }
    }

    fn must_have(&mut self, table: &Table, name: &str, at: &str) {
        if table.column(name).is_none() {
            let hint = hint(name, table.columns.iter().map(|column| column.name.clone()));
            self.add(ErrorCode::Map002, at, format!("{} has no column {name}{hint}", table.name));
        }
    }

    fn target_of(&mut self, mapping: &TableMapping, at: &str) {
        let there = self
            .target
            .and_then(|target| target.table(&target_name(target.engine, &mapping.target)));
        for (index, column) in mapping.columns.iter().enumerate() {
            let at = format!("{at}.columns[{index}]");
            let existing = there.and_then(|table| table.column(&column.target));
            if let Some(table) = there {
                self.existing_column(table, existing, column, &at);
            }
            let data_type = existing.map_or(&column.data_type, |column| &column.data_type);
            self.rules_of(mapping, column, data_type, &at);
        }
        match (self.target, there) {
            (Some(target), None) if mapping.create.is_none() => {
                let names = target.tables.iter().map(|table| &table.name);
                let hint = table_hint(&mapping.target, names);
                self.add(
                    ErrorCode::Map002,
                    at,
                    format!(
                        "the target has no table {}, and the plan does not make it{hint}",
                        mapping.target
                    ),
                );
            }
            (_, Some(table)) => {
                self.unfilled(table, mapping, at);
                self.existing_rows_of(table, mapping, at);
            }
            _ => {}
        }
    }

    fn existing_column(
        &mut self,
        table: &Table,
        existing: Option<&Column>,
        column: &ColumnMapping,
        at: &str,
    ) {
        self.must_have(table, &column.target, at);
        if let Some(raw) = &column.keep_raw_in {
            self.must_have(table, raw, at);
        }
        if existing.is_some_and(|column| column.generated) {
            self.add(
                ErrorCode::Map006,
                at,
                format!("{}.{} is computed by the target", table.name, column.target),
            );
        }
    }

    fn rules_of(
        &mut self,
        mapping: &TableMapping,
        column: &ColumnMapping,
        data_type: &DataType,
        at: &str,
    ) {
        let table =
            if mapping.query.is_none() { source_table(self.source, &mapping.source) } else { None };
        let from = column
            .source
            .as_ref()
            .and_then(|name| table?.column(name))
            .filter(|_| keeps_to_types(self.source.engine))
            .map(|column| &column.data_type);
        if let Err(why) = self.plan.outcome(&column.transform, from, data_type) {
            self.add(ErrorCode::Map006, at, format!("{}: {why}", column.target));
        }
        for why in column.transform.iter().filter_map(argument::problem) {
            self.add(ErrorCode::Map006, at, format!("{}: {why}", column.target));
        }
        let Some(labels) = self.labels_of(data_type) else { return };
        for literal in literals(self.plan, column.transform.last()) {
            if !labels.contains(&literal) {
                let message = format!("{}: `{literal}` is no label of {data_type}", column.target);
                self.add(ErrorCode::Map006, at, message);
            }
        }
    }

    fn labels_of(&self, data_type: &DataType) -> Option<Vec<String>> {
        let DataType::Named(name) = data_type else { return None };
        let name: TableName = name.parse().ok()?;
        let is_called = |known: &TableName| {
            known.name == name.name
                && (known.schema == name.schema || known.schema.is_none() || name.schema.is_none())
        };
        let planned = self
            .plan
            .enums
            .iter()
            .find(|(known, _)| known.parse().is_ok_and(|known| is_called(&known)))
            .map(|(_, labels)| labels);
        let there = self.target.and_then(|target| {
            target.enums.iter().find(|known| is_called(&known.name)).map(|known| &known.labels)
        });
        there.or(planned).cloned()
    }

    fn unfilled(&mut self, table: &Table, mapping: &TableMapping, at: &str) {
        // What the plan makes has the defaults that the plan gives it.
        let made = mapping.create.iter().flat_map(|shape| &shape.more_columns);
        let made = made.map(|column| column.name.as_str());
        let filled: BTreeSet<&str> = outputs_of(mapping).chain(made).collect();
        for column in &table.columns {
            let fills_itself =
                column.nullable || column.generated || column.identity || column.default.is_some();
            if !fills_itself && !filled.contains(column.name.as_str()) {
                self.add(
                    ErrorCode::Map001,
                    at,
                    format!("{}.{} takes no null and nothing fills it", table.name, column.name),
                );
            }
        }
    }

    /// A row that is there is found by a key, which has to be unique in the target.
    fn existing_rows_of(&mut self, table: &Table, mapping: &TableMapping, at: &str) {
        if !mapping.existing.compares() {
            return;
        }
        let choice = mapping.existing.as_str();
        let key = row_key(mapping, Some(table));
        let at = format!("{at}.existing");
        if key.is_empty() {
            let message = format!(
                "`{choice}` needs a key of {} that the plan fills: name one in existing_key",
                table.name
            );
            return self.add(ErrorCode::Map001, &at, message);
        }
        let wanted: BTreeSet<&String> = key.iter().collect();
        let mut keys = unique_keys(&table.primary_key, &table.indexes);
        keys.extend(self.keys_to_come(&table.name, Some(mapping)));
        let is_unique =
            keys.iter().any(|columns| columns.iter().collect::<BTreeSet<_>>() == wanted);
        if !is_unique {
            let message = format!("{} has no unique index on just {}", table.name, key.join(", "));
            self.add(ErrorCode::Map001, &at, message);
        }
    }

    /// The keys that a table which is there does not have yet: one that an unfinished run made gets
    /// them at the end. A table of somebody else gets none.
    fn keys_to_come<'m>(
        &self,
        table: &TableName,
        mapping: Option<&'m TableMapping>,
    ) -> Vec<&'m [String]> {
        let is_unfinished = self.unfinished.is_some_and(|tables| tables.contains(table));
        let shape = mapping.and_then(|mapping| mapping.create.as_ref());
        let shape = shape.filter(|_| is_unfinished);
        shape.map_or_else(Vec::new, |shape| unique_keys(&shape.primary_key, &shape.indexes))
    }

    fn foreign_keys_of(&mut self, mapping: &TableMapping, at: &str) {
        let Some(shape) = &mapping.create else { return };
        for (index, key) in shape.foreign_keys.iter().enumerate() {
            let at = format!("{at}.create.foreign_keys[{index}]");
            if key.columns.len() != key.referenced_columns.len() || key.columns.is_empty() {
                self.add(
                    ErrorCode::Map001,
                    &at,
                    format!(
                        "{} has {} columns for {}",
                        key.name,
                        key.columns.len(),
                        key.referenced_columns.len()
                    ),
                );
            }
            self.must_reference(key, &at);
        }
    }

    fn must_reference(&mut self, key: &ForeignKey, at: &str) {
        let engine = self.engine();
        let name = target_name(engine, &key.references);
        let there = self.target.and_then(|target| target.table(&name));
        let made =
            self.plan.tables.iter().find(|mapping| target_name(engine, &mapping.target) == name);
        let (columns, keys): (Vec<&str>, Vec<&[String]>) = match (there, made) {
            (Some(table), mapping) => {
                let mut keys = unique_keys(&table.primary_key, &table.indexes);
                keys.extend(self.keys_to_come(&table.name, mapping));
                (table.columns.iter().map(|column| column.name.as_str()).collect(), keys)
            }
            (None, Some(mapping)) => {
                let Some(shape) = &mapping.create else { return };
                let more = shape.more_columns.iter().map(|column| column.name.as_str());
                (
                    outputs_of(mapping).chain(more).collect(),
                    unique_keys(&shape.primary_key, &shape.indexes),
                )
            }
            // Without a target nobody knows what is there.
            (None, None) if self.target.is_none() => return,
            (None, None) => {
                let there = self.target.into_iter().flat_map(|target| &target.tables);
                let names = there
                    .map(|table| &table.name)
                    .chain(self.plan.tables.iter().map(|mapping| &mapping.target));
                let hint = table_hint(&key.references, names);
                self.add(
                    ErrorCode::Map002,
                    at,
                    format!(
                        "{} references {}, which will not be there{hint}",
                        key.name, key.references
                    ),
                );
                return;
            }
        };
        for column in &key.referenced_columns {
            if !columns.contains(&column.as_str()) {
                let hint = hint(column, columns.iter().map(|&name| name.to_owned()));
                self.add(
                    ErrorCode::Map002,
                    at,
                    format!(
                        "{} references {}.{column}, which will not be there{hint}",
                        key.name, key.references
                    ),
                );
                return;
            }
        }
        let wanted: BTreeSet<&String> = key.referenced_columns.iter().collect();
        if !keys.iter().any(|columns| columns.iter().collect::<BTreeSet<_>>() == wanted) {
            self.add(
                ErrorCode::Map001,
                at,
                format!(
                    "{} references {} ({}), which is neither its primary key nor a unique index",
                    key.name,
                    key.references,
                    key.referenced_columns.join(", ")
                ),
            );
        }
    }
}

/// Whether a source refuses values that are not of their column's type.
const fn keeps_to_types(engine: Engine) -> bool {
    matches!(engine, Engine::Postgres | Engine::Mysql)
}

fn read_by(column: &ColumnMapping) -> impl Iterator<Item = &str> {
    let others = column.transform.iter().flat_map(Transform::other_columns);
    column.source.iter().chain(others).map(String::as_str)
}

fn outputs_of(mapping: &TableMapping) -> impl Iterator<Item = &str> {
    let mapped = mapping.columns.iter().map(|column| column.target.as_str());
    let kept = mapping.columns.iter().filter_map(|column| column.keep_raw_in.as_deref());
    mapped.chain(kept)
}

fn unique_keys<'c>(
    primary_key: &'c [String],
    indexes: &'c [shared::assessment::Index],
) -> Vec<&'c [String]> {
    let unique = indexes.iter().filter(|index| index.unique).map(|index| index.columns.as_slice());
    std::iter::once(primary_key).chain(unique).filter(|columns| !columns.is_empty()).collect()
}

/// The texts that the rule can put in a value's place.
fn literals(plan: &Plan, rule: Option<&Transform>) -> Vec<String> {
    let with = |entries: Vec<String>, otherwise: &Otherwise| match otherwise {
        Otherwise::Value(value) => entries.into_iter().chain([value.clone()]).collect(),
        Otherwise::Quarantine | Otherwise::Keep | Otherwise::Null => entries,
    };
    match rule {
        Some(Transform::Map { entries, otherwise }) => {
            with(entries.values().cloned().collect(), otherwise)
        }
        Some(Transform::CodeTable { table }) => match plan.code_tables.get(table) {
            Some(table) => with(table.entries.values().cloned().collect(), &table.otherwise),
            None => Vec::new(),
        },
        Some(Transform::Lookup { from, otherwise }) => {
            let from = plan.lookups.get(from).map(|lookup| &lookup.from);
            let entries = from.and_then(|from| lookup::entries(from).ok().flatten());
            with(entries.unwrap_or_default().into_values().collect(), otherwise)
        }
        Some(Transform::Constant { value } | Transform::Default { value }) => vec![value.clone()],
        _ => Vec::new(),
    }
}

fn table_hint<'c>(name: &TableName, known: impl Iterator<Item = &'c TableName>) -> String {
    closest_table(name, known).map_or_else(String::new, |name| format!("; the closest is {name}"))
}

fn hint(name: &str, names: impl Iterator<Item = String>) -> String {
    closest(name, names).map_or_else(String::new, |name| format!("; the closest is {name}"))
}

/// `tables[10].columns[2]` after `tables[9]`.
fn place_in_document(at: &str) -> (usize, usize, usize) {
    let number_after = |key: &str| {
        at.split_once(key)
            .and_then(|(_, rest)| rest.split(']').next())
            .and_then(|number| number.parse::<usize>().ok())
    };
    match number_after("tables[") {
        None => (0, 0, 0),
        Some(table) => (1, table, number_after("columns[").map_or(0, |column| column + 1)),
    }
}

#[cfg(test)]
mod tests;
