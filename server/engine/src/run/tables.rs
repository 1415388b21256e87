//! What is read, how it is turned and where it goes, table by table.

use std::sync::Arc;

use shared::assessment::Catalog;
use shared::connection::Engine;
use shared::plan::Plan;

use super::copy::TableCopy;
use crate::error::Result;
use crate::extract::ReadColumn;
use crate::load::blueprint::{load_table, with_types_of};
use crate::load::deferred::Deferred;
use crate::load::mark::TableRecord;
use crate::map::{self, circle, target_name};
use crate::seal::Key;
use crate::transform::{self, End, RowTransform};

pub(super) fn tables(
    plan: &Plan,
    key: &Key,
    source: Engine,
    source_catalog: &Catalog,
    target_catalog: &Catalog,
    records: &[TableRecord],
) -> Result<Vec<Arc<TableCopy>>> {
    let engine = target_catalog.engine;
    let secret = key.as_bytes();
    let aside = circle::set_aside(plan, target_catalog);
    plan.tables
        .iter()
        .enumerate()
        .zip(records)
        .map(|((index, mapping), record)| {
            let mapping = with_types_of(target_catalog, mapping);
            let name = target_name(engine, &mapping.target);
            let from =
                End { engine: source, table: map::source_table(source_catalog, &mapping.source) };
            let to = End { engine, table: target_catalog.table(&name) };
            let mut read = transform::read_for(plan, &mapping, from, to);
            let first = RowTransform::compile(plan, &mapping, &read, engine, secret)?;
            let load = load_table(target_catalog, plan, &mapping, &read, first.outputs());
            if !load.goes_binary() {
                // One column has to go as text, and so all of them do.
                read.columns.iter_mut().for_each(ReadColumn::as_value);
            } else if !record.made {
                // The key's text is noted.
                let fills = |name: &str| {
                    mapping.columns.iter().any(|column| {
                        record.key.contains(&column.target)
                            && column.source.as_deref() == Some(name)
                    })
                };
                let key = read.columns.iter_mut().filter(|column| fills(&column.name));
                key.for_each(ReadColumn::as_value);
            }
            let turn = RowTransform::compile(plan, &mapping, &read, engine, secret)?;
            let record = record.clone();
            let deferred = match target_catalog.table(&record.target) {
                Some(table) if !record.made => Deferred::of(&aside, index, table),
                _ => Deferred::default(),
            };
            let source = mapping.source;
            let is_placed = record.existing.compares() || !deferred.columns.is_empty();
            let passes_on = turn.passes_on() && (record.made || !is_placed);
            let copy = TableCopy { index, source, read, turn, load, record, deferred, passes_on };
            Ok(Arc::new(copy))
        })
        .collect()
}
