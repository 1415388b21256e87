//! The legacy clinical system MDW.

use std::collections::{BTreeMap, BTreeSet};

use shared::assessment::{Catalog, Table, TableName};
use shared::connection::Engine;
use shared::plan::Plan;

use crate::ident::quote_table;

pub const NAME: &str = "mdw";

const PLAN: &str = include_str!("plan.yaml");
const BEFORE: &str = include_str!("before.sql");
const AFTER: &str = include_str!("after.sql");

/// Whether the source has every table and column that the template reads.
pub fn fits(source: &Catalog) -> bool {
    // A folder of files takes no statements.
    if source.engine == Engine::Csv {
        return false;
    }
    let plan = document();
    let tables = tables_by_name(source);
    plan.tables.iter().all(|mapping| {
        let Some(table) = tables.get(mapping.source.name.as_str()) else { return false };
        let named = mapping.left_behind.keys().chain(&mapping.key);
        // What a statement computes is no column of the table.
        let read = mapping.columns.iter().filter_map(|column| column.source.as_ref());
        let read = read.filter(|_| mapping.query.is_none());
        named.chain(read).all(|column| table.column(column).is_some())
    })
}

/// The whole plan for a source that the template fits.
pub fn plan(source_url: &str, target_url: &str, source: &Catalog) -> Plan {
    let mut plan = document();
    source_url.clone_into(&mut plan.source);
    target_url.clone_into(&mut plan.target);
    let tables = tables_by_name(source);
    let elsewhere: BTreeMap<&str, String> = tables
        .values()
        .filter(|table| !is_found_without_schema(&table.name))
        .map(|table| (table.name.name.as_str(), quote_table(source.engine, &table.name)))
        .collect();
    for mapping in &mut plan.tables {
        if let Some(table) = tables.get(mapping.source.name.as_str()) {
            mapping.source = table.name.clone();
        }
        if let Some(query) = &mut mapping.query {
            query.sql = with_schemas(&query.sql, &elsewhere);
        }
    }
    let known: BTreeSet<&str> =
        plan.tables.iter().map(|mapping| mapping.source.name.as_str()).collect();
    let others: Vec<String> = source
        .tables
        .iter()
        .filter(|table| !known.contains(table.name.name.as_str()))
        .map(|table| table.name.to_string())
        .collect();
    if let (Some(description), false) = (&mut plan.description, others.is_empty()) {
        description.push_str(" Not carried over, since the template does not know them: ");
        description.push_str(&others.join(", "));
        description.push('.');
    }
    if Engine::of_url(target_url) != Some(Engine::Sqlite) {
        BEFORE.clone_into(&mut plan.target_sql.before);
        AFTER.clone_into(&mut plan.target_sql.after);
    }
    plan
}

fn document() -> Plan {
    Plan::from_yaml(PLAN).expect("the template is part of the program and tested with it")
}

/// The legacy tables, wherever they lie. Where two schemas have them, the first one's.
fn tables_by_name(source: &Catalog) -> BTreeMap<&str, &Table> {
    let mut tables = BTreeMap::new();
    for table in &source.tables {
        tables.entry(table.name.name.as_str()).or_insert(table);
    }
    tables
}

fn is_found_without_schema(name: &TableName) -> bool {
    name.schema.as_deref().is_none_or(|schema| schema == "public")
}

/// The statement with each of the tables named in full.
fn with_schemas(sql: &str, names: &BTreeMap<&str, String>) -> String {
    if names.is_empty() {
        return sql.to_owned();
    }
    let known: BTreeSet<&str> = names.keys().copied().collect();
    let mut out = String::with_capacity(sql.len() * 2);
    let mut rest = sql;
    while let Some(start) = rest.find(is_of_a_word) {
        let (before, tail) = rest.split_at(start);
        let end = tail.find(|c| !is_of_a_word(c)).unwrap_or(tail.len());
        let (word, tail) = tail.split_at(end);
        out.push_str(before);
        out.push_str(if known.contains(word) { &names[word] } else { word });
        rest = tail;
    }
    out.push_str(rest);
    out
}

fn is_of_a_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests;
