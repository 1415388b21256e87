//! Makes a plan from two catalogs, and checks one against them.

pub(crate) mod argument;
pub(crate) mod expression;
pub(crate) mod lookup;
mod name;
mod probe;
mod shape;
pub mod order;
pub mod circle;
pub mod templates;
pub mod draft;
mod unfinished;
pub mod check;
pub mod diff;

use shared::assessment::{Catalog, Table, TableName};
use shared::connection::Engine;
use shared::plan::{Plan, TableMapping};

use crate::assess::catalog;
use crate::connect::{Address, Purpose, sqlite};
use crate::error::{EngineError, Result};
use shared::error_code::ErrorCode;

pub use unfinished::tables_of_unfinished_runs;

/// What a target holds. A SQLite file that is not there yet holds nothing, and is not made.
pub async fn catalog_of_target(url: &str) -> Result<Catalog> {
    match Address::parse(url)? {
        Address::Postgres(server) => {
            catalog::of_postgres(&mut server.connect(Purpose::Read).await?).await
        }
        Address::Sqlite(path) if !path.exists() => Ok(Catalog {
            engine: Engine::Sqlite,
            server: "SQLite".to_owned(),
            tables: Vec::new(),
            enums: Vec::new(),
        }),
        Address::Sqlite(_) => {
            catalog::of_sqlite(&mut sqlite::connect(url, Purpose::Read).await?).await
        }
        Address::Mysql(_) | Address::Csv(_) => Err(EngineError::new(
            ErrorCode::Conn006,
            "opening the target: only postgres:// and sqlite: can be written to",
        )),
    }
}

/// A table's name in the target's catalog: a plan may leave out `public`, and SQLite has no
/// schemas.
pub fn target_name(engine: Engine, name: &TableName) -> TableName {
    match engine {
        Engine::Postgres if name.schema.is_none() => TableName::new(Some("public"), &name.name),
        Engine::Sqlite => TableName::new(None, &name.name),
        Engine::Postgres | Engine::Mysql | Engine::Csv => name.clone(),
    }
}

/// The columns that tell one row of a target table from another, if the plan fills them all.
pub fn row_key(mapping: &TableMapping, table: Option<&Table>) -> Vec<String> {
    if !mapping.existing_key.is_empty() {
        return mapping.existing_key.clone();
    }
    let is_filled = |name: &String| mapping.columns.iter().any(|column| column.target == *name);
    // A table that a run makes gets its primary key once its rows are in.
    let shaped = mapping.create.iter().map(|shape| &shape.primary_key);
    let mut keys = table.map(|table| &table.primary_key).into_iter().chain(shaped);
    let key = keys.find(|key| !key.is_empty());
    key.filter(|key| key.iter().all(is_filled)).cloned().unwrap_or_default()
}

/// The catalog as it is once the tables that a plan shapes have their primary keys.
pub fn with_primary_keys(mut catalog: Catalog, plan: &Plan) -> Catalog {
    let engine = catalog.engine;
    for mapping in &plan.tables {
        let name = target_name(engine, &mapping.target);
        let table = catalog.tables.iter_mut().find(|table| table.name == name);
        if let (Some(table), Some(shape)) = (table, &mapping.create)
            && table.primary_key.is_empty()
        {
            table.primary_key.clone_from(&shape.primary_key);
        }
    }
    catalog
}

/// The table that a plan names: `public` may be left out.
pub fn source_table<'c>(catalog: &'c Catalog, name: &TableName) -> Option<&'c Table> {
    catalog.table(name).or_else(|| match (catalog.engine, &name.schema) {
        (Engine::Postgres, None) => catalog.table(&TableName::new(Some("public"), &name.name)),
        _ => None,
    })
}

/// The table that somebody may have meant; schemas count for nothing in this.
fn closest_table<'c>(
    name: &TableName,
    known: impl IntoIterator<Item = &'c TableName>,
) -> Option<&'c TableName> {
    let known: Vec<&TableName> = known.into_iter().collect();
    let bare = closest(&name.name, known.iter().map(|known| known.name.clone()))?;
    known.into_iter().find(|known| known.name == bare)
}

/// The name that somebody may have meant.
fn closest(name: &str, known: impl IntoIterator<Item = String>) -> Option<String> {
    let wanted = name.to_lowercase();
    let limit = (wanted.chars().count() / 3).max(2);
    known
        .into_iter()
        .map(|candidate| {
            (strsim::damerau_levenshtein(&wanted, &candidate.to_lowercase()), candidate)
        })
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}
