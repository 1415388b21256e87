//! What is read, how it is turned and where it goes, table by table.

use std::sync::Arc;

use shared::assessment::Catalog;
use shared::connection::Engine;
use shared::plan::{Plan, TableMapping};

use super::copy::TableCopy;
use crate::error::Result;
use crate::extract::{Form, ReadColumn, TableRead};
use crate::load::mark::TableRecord;
use crate::load::{LoadColumn, LoadTable};
use crate::map::{self, target_name};
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
    plan.tables
        .iter()
        .enumerate()
        .zip(records)
        .map(|((index, mapping), record)| {
            let mapping = with_types_of(target_catalog, engine, mapping);
            let name = target_name(engine, &mapping.target);
            let from =
                End { engine: source, table: map::source_table(source_catalog, &mapping.source) };
            let to = End { engine, table: target_catalog.table(&name) };
            let mut read = transform::read_for(&mapping, from, to);
            let columns: Vec<LoadColumn> =
                RowTransform::compile(plan, &mapping, &read, engine, secret)?
                    .outputs()
                    .iter()
                    .map(|column| LoadColumn {
                        name: column.name.clone(),
                        data_type: column.data_type.clone(),
                        is_enum: is_enum(target_catalog, plan, &column.data_type),
                        is_raw: is_raw(&mapping, &read, &column.name),
                    })
                    .collect();
            let load = LoadTable { name, columns };
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
            Ok(Arc::new(TableCopy { index, source: mapping.source, read, turn, load, record }))
        })
        .collect()
}

/// Where the table is there already, its columns have the types that they have.
pub(crate) fn with_types_of(
    target: &Catalog,
    engine: Engine,
    mapping: &TableMapping,
) -> TableMapping {
    let mut mapping = mapping.clone();
    if engine == Engine::Postgres
        && let Some(table) = target.table(&target_name(engine, &mapping.target))
    {
        for column in &mut mapping.columns {
            if let Some(known) = table.column(&column.target) {
                column.data_type = known.data_type.clone();
                column.nullable = known.nullable;
            }
        }
    }
    mapping
}

fn is_enum(target: &Catalog, plan: &Plan, data_type: &shared::data_type::DataType) -> bool {
    let shared::data_type::DataType::Named(name) = data_type else { return false };
    plan.enums.contains_key(name)
        || name.parse().is_ok_and(|name: shared::assessment::TableName| {
            let name = target_name(Engine::Postgres, &name);
            target.enums.iter().any(|known| known.name == name)
        })
}

/// Whether a column of the target gets the source's own bytes.
fn is_raw(mapping: &TableMapping, read: &TableRead, target: &str) -> bool {
    let column = mapping.columns.iter().find(|column| column.target == target);
    let Some(source) = column.and_then(|column| column.source.as_ref()) else { return false };
    read.columns.iter().any(|column| column.name == *source && column.form == Form::Raw)
}
