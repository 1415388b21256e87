//! Which columns of the source a mapping needs, and in what form.

use std::collections::BTreeMap;

use shared::assessment::{Column, Table};
use shared::connection::Engine;
use shared::data_type::DataType;
use shared::plan::{ColumnMapping, LookupFrom, Plan, TableMapping, Transform};

use crate::extract::{Form, LookedUp, ReadColumn, TableRead};
use crate::map::lookup;

/// One end of a mapping: its engine, and the table as it is there, when it is.
#[derive(Debug, Clone, Copy)]
pub struct End<'c> {
    pub engine: Engine,
    pub table: Option<&'c Table>,
}

/// What is to be read of the source for a mapping: every column that a column of the target or a
/// rule needs, once.
pub fn read_for(
    plan: &Plan,
    mapping: &TableMapping,
    source: End<'_>,
    target: End<'_>,
) -> TableRead {
    let mut names: Vec<&str> = Vec::new();
    let mut uses: BTreeMap<&str, Vec<&ColumnMapping>> = BTreeMap::new();
    for column in &mapping.columns {
        let others = column.transform.iter().flat_map(Transform::other_columns);
        for name in column.source.iter().chain(others) {
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
            uses.entry(name).or_default().push(column);
        }
    }
    let columns = names
        .into_iter()
        .map(|name| read_column(name, &uses[name], mapping.query.is_some(), source, target))
        .chain(looked_up(plan, mapping))
        .collect();
    TableRead {
        table: mapping.source.clone(),
        query: mapping.query.as_ref().map(|query| query.for_engine(source.engine).to_owned()),
        key: mapping.key.clone(),
        columns,
        filter: mapping.filter.clone(),
    }
}

/// What the source looks up for each row, once for each key.
fn looked_up(plan: &Plan, mapping: &TableMapping) -> Vec<ReadColumn> {
    let mut columns: Vec<ReadColumn> = Vec::new();
    for column in &mapping.columns {
        let (Some(Transform::Lookup { from, .. }), Some(by)) =
            (column.transform.first(), &column.source)
        else {
            continue;
        };
        let Some(LookupFrom::Table(table)) = plan.lookups.get(from).map(|lookup| &lookup.from)
        else {
            continue;
        };
        let name = lookup::column_name(from, by);
        if columns.iter().any(|known| known.name == name) {
            continue;
        }
        columns.push(ReadColumn {
            name,
            native_type: String::new(),
            data_type: DataType::Text,
            form: Form::Text,
            lookup: Some(LookedUp {
                table: table.name.clone(),
                key: table.key.clone(),
                value: table.value.clone(),
                by: by.clone(),
            }),
        });
    }
    columns
}

fn read_column(
    name: &str,
    uses: &[&ColumnMapping],
    has_query: bool,
    source: End<'_>,
    target: End<'_>,
) -> ReadColumn {
    // What a query yields need not be of the type that the table has under this name.
    let table = source.table.filter(|_| !has_query);
    let Some(column) = table.and_then(|table| table.column(name)) else {
        // A text can be cast to anything, save bytes, which a text may not hold.
        let wants_bytes = uses.iter().all(|column| column.data_type == DataType::Bytea);
        let (data_type, form) =
            if wants_bytes { (DataType::Bytea, Form::Typed) } else { (DataType::Text, Form::Text) };
        return ReadColumn {
            name: name.to_owned(),
            native_type: String::new(),
            data_type,
            form,
            lookup: None,
        };
    };
    let between_twins = source.engine == Engine::Postgres
        && target.engine == Engine::Postgres
        && is_builtin(&column.data_type);
    let stays_as_it_is = |mapping: &&ColumnMapping| {
        mapping.transform.is_empty()
            && mapping.keep_raw_in.is_none()
            && mapping.data_type == column.data_type
            && target.table.is_none_or(|table| {
                table.column(&mapping.target).is_some_and(|there| {
                    there.data_type == column.data_type && holds(there, column)
                })
            })
    };
    let form = if between_twins && uses.iter().all(stays_as_it_is) {
        Form::Raw
    } else if matches!(column.data_type, DataType::Named(_) | DataType::Array(_)) {
        Form::Text
    } else {
        Form::Typed
    };
    ReadColumn {
        name: name.to_owned(),
        native_type: column.native_type.clone(),
        data_type: column.data_type.clone(),
        form,
        lookup: None,
    }
}

/// Whether a column keeps every value of another one of its type. The server's own spelling also
/// tells how fine a time is kept.
fn holds(there: &Column, here: &Column) -> bool {
    let is_time = matches!(
        here.data_type,
        DataType::Time | DataType::TimeTz | DataType::Timestamp | DataType::TimestampTz
    );
    there.native_type == here.native_type
        || is_time && decimals(&there.native_type) >= decimals(&here.native_type)
}

/// Decimals of a second, of which `timestamp without time zone` keeps as many as there can be.
fn decimals(native_type: &str) -> u8 {
    let number = native_type.split_once('(').and_then(|(_, rest)| rest.split_once(')'));
    number.and_then(|(number, _)| number.parse().ok()).unwrap_or(6)
}

/// Whether the type's binary form means the same in every PostgreSQL.
fn is_builtin(data_type: &DataType) -> bool {
    match data_type {
        DataType::Named(_) => false,
        DataType::Array(element) => is_builtin(element),
        _ => true,
    }
}
