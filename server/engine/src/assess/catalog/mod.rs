//! Reads a database's own description of itself.

mod default;
mod postgres;
mod mysql;
mod sqlite;
mod csv;

pub(crate) use csv::{GUESSED, RAGGED};
pub use postgres::of_postgres;
pub use sqlite::of_sqlite;

use shared::assessment::{Catalog, EnumType, Table, TableName};
use shared::connection::Engine;
use shared::data_type::DataType;

use crate::connect::{Purpose, Source};
use crate::error::Result;
use crate::ident;

/// What the source holds: its tables with their columns, keys, indexes and references.
///
/// Where a source does not keep its columns to their types (SQLite, CSV), the values are looked
/// at, so that the types proposed hold them.
pub async fn of_source(source: &Source) -> Result<Catalog> {
    match source {
        Source::Postgres(server) => of_postgres(&mut server.connect(Purpose::Read).await?).await,
        Source::Sqlite(file) => {
            let mut connection = file.connect().await?;
            let mut catalog = of_sqlite(&mut connection).await?;
            sqlite::fit_to_values(&mut connection, &mut catalog).await?;
            Ok(catalog)
        }
        Source::Mysql(server) => mysql::of_mysql(&mut server.connect(Purpose::Read).await?).await,
        Source::Csv(folder) => csv::of_csv(folder).await,
    }
}

/// The columns by which rows can be told apart: the primary key, or else the shortest unique
/// index, of columns that are never null. Empty when there are none.
pub fn reading_key(table: &Table) -> Vec<String> {
    let never_null = |columns: &[String]| {
        !columns.is_empty()
            && columns.iter().all(|name| table.column(name).is_some_and(|column| !column.nullable))
    };
    if never_null(&table.primary_key) {
        return table.primary_key.clone();
    }
    let unique = table.indexes.iter().filter(|index| index.unique && never_null(&index.columns));
    unique
        .min_by_key(|index| index.columns.len())
        .map_or_else(Vec::new, |index| index.columns.clone())
}

/// The enum that a type names, when it names one of the catalog's.
pub fn enum_of<'a>(catalog: &'a Catalog, data_type: &DataType) -> Option<&'a EnumType> {
    let DataType::Named(name) = data_type else { return None };
    catalog.enums.iter().find(|candidate| named(&candidate.name) == *name)
}

/// A type's name as it stands in a statement and in a [`DataType`].
pub(crate) fn named(name: &TableName) -> String {
    let part = |part: &str| {
        let plain = part.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
            && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        if plain { part.to_owned() } else { ident::quote(Engine::Postgres, part) }
    };
    match &name.schema {
        Some(schema) => format!("{}.{}", part(schema), part(&name.name)),
        None => part(&name.name),
    }
}
