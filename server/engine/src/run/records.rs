//! The tables of a run as it found or made them: what is needed to tell its rows from others'.

use std::collections::HashSet;

use shared::assessment::Catalog;
use shared::plan::Plan;

use super::conduct::place;
use crate::load::mark::TableRecord;
use crate::map::{row_key, target_name};

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
                key: row_key(mapping, table),
                columns: table.map_or_else(Vec::new, |table| {
                    table.columns.iter().map(|column| column.name.clone()).collect()
                }),
                target: name,
            }
        })
        .collect()
}
