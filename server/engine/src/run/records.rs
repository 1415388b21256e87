//! The tables of a run as it found or made them: what is needed to tell its rows from others'.

use std::collections::HashSet;

use shared::assessment::{Catalog, Table};
use shared::plan::{Plan, TableMapping};

use super::conduct::place;
use crate::load::mark::TableRecord;
use crate::map::target_name;

/// A record for each table of the plan. `made` names the tables that the run makes or made.
pub(super) fn records(plan: &Plan, target: &Catalog, made: &HashSet<String>) -> Vec<TableRecord> {
    plan.tables
        .iter()
        .enumerate()
        .map(|(index, mapping)| {
            let name = target_name(target.engine, &mapping.target);
            let table = target.table(&name);
            TableRecord {
                table_index: place(index),
                source: mapping.source.clone(),
                made: made.contains(&name.to_string()),
                existing: mapping.existing,
                key: key(mapping, table),
                columns: table.map_or_else(Vec::new, |table| {
                    table.columns.iter().map(|column| column.name.clone()).collect()
                }),
                target: name,
            }
        })
        .collect()
}

/// The columns that tell one row of the target from another, if the plan fills them all.
fn key(mapping: &TableMapping, table: Option<&Table>) -> Vec<String> {
    if !mapping.existing_key.is_empty() {
        return mapping.existing_key.clone();
    }
    let Some(table) = table else { return Vec::new() };
    let is_filled = |name: &String| mapping.columns.iter().any(|column| column.target == *name);
    if table.primary_key.iter().all(is_filled) { table.primary_key.clone() } else { Vec::new() }
}
