//! Primary keys, indexes and foreign keys of new tables.

use shared::assessment::{ForeignKey, Index, Table};
use shared::connection::Engine;
use shared::data_type::DataType;
use shared::plan::{ColumnMapping, TableMapping, TableShape};

use super::trap::Trap;
use super::types::has_order;
use super::{Place, Shaper};

impl Shaper<'_> {
    /// Primary key and indexes of a table that is made.
    pub(super) fn keys_of(&mut self, table: &Table, mapping: &TableMapping) -> TableShape {
        let target_of = |name: &String| {
            mapping.columns.iter().find(|column| column.source.as_ref() == Some(name))
        };
        let names_of = |names: &[String]| -> Option<Vec<String>> {
            names.iter().map(|name| target_of(name).map(|column| column.target.clone())).collect()
        };
        // A key of SQLite's may hold nulls, and then it is only a unique index.
        let key = names_of(&table.primary_key).unwrap_or_default();
        let never_null = table
            .primary_key
            .iter()
            .all(|name| target_of(name).is_some_and(|column| !column.nullable));
        let mut shape = TableShape::default();
        let schema = mapping.target.schema.clone();
        let table_name = mapping.target.name.clone();
        let mut indexes = table.indexes.clone();
        if never_null {
            shape.primary_key = key;
        } else {
            indexes.insert(
                0,
                Index {
                    name: format!("{table_name}_key"),
                    columns: table.primary_key.clone(),
                    unique: true,
                },
            );
        }
        for index in &indexes {
            let Some(columns) = names_of(&index.columns).filter(|columns| !columns.is_empty())
            else {
                self.note(
                    Trap::IndexLeft,
                    format!(
                        "{}: the index {} is not over columns alone and is not made",
                        table.name, index.name
                    ),
                );
                continue;
            };
            let is_known = |other: &Index| other.columns == columns && other.unique == index.unique;
            if shape.indexes.iter().any(is_known) || index.unique && columns == shape.primary_key {
                continue;
            }
            let parts: Vec<&ColumnMapping> = index.columns.iter().filter_map(&target_of).collect();
            if let Some(why) = self.cannot_index(table, &parts) {
                self.note(
                    Trap::IndexLeft,
                    format!("{}: the index {} is not made: {why}", table.name, index.name),
                );
                continue;
            }
            let long = format!("{table_name}_{}", index.name);
            let name = self.names_in(schema.as_deref()).give(&[&index.name, &long]);
            shape.indexes.push(Index { name, columns, unique: index.unique });
        }
        shape
    }

    /// Why PostgreSQL cannot make an index over the columns.
    fn cannot_index(&self, table: &Table, parts: &[&ColumnMapping]) -> Option<String> {
        if self.target.engine != Engine::Postgres {
            return None;
        }
        let unordered = parts.iter().find(|column| !has_order(&column.data_type));
        if let Some(column) = unordered {
            return Some(format!("{} has no order", column.data_type));
        }
        let bytes: i64 = parts
            .iter()
            .filter_map(|column| column.source.as_ref())
            .filter_map(|name| self.probe.of(&table.name, name).longest_bytes)
            .sum();
        (bytes > LONGEST_ENTRY).then(|| format!("an entry of it would have {bytes} bytes"))
    }

    pub(super) fn foreign_keys(
        &mut self,
        table: &Table,
        index: usize,
        mappings: &[TableMapping],
        places: &[Place<'_>],
    ) -> Vec<ForeignKey> {
        let child = &mappings[index];
        if child.create.is_none() {
            return Vec::new();
        }
        let mut keys: Vec<ForeignKey> = Vec::with_capacity(table.foreign_keys.len());
        for key in &table.foreign_keys {
            match self.foreign_key(key, child, mappings, places) {
                Ok(made) => {
                    let is_known = |other: &ForeignKey| {
                        other.columns == made.columns && other.references == made.references
                    };
                    if !keys.iter().any(is_known) {
                        keys.push(made);
                    }
                }
                Err(why) => self.note(
                    Trap::ForeignKeyLeft,
                    format!("{}: the foreign key {} is not made: {why}", table.name, key.name),
                ),
            }
        }
        keys
    }

    fn foreign_key(
        &mut self,
        key: &ForeignKey,
        child: &TableMapping,
        mappings: &[TableMapping],
        places: &[Place<'_>],
    ) -> Result<ForeignKey, String> {
        let parent = self
            .source
            .tables
            .iter()
            .position(|table| table.name == key.references)
            .ok_or_else(|| format!("{} is not there", key.references))?;
        let (mapping, place) = (&mappings[parent], &places[parent]);
        let mapped = |mapping: &TableMapping, name: &String| {
            mapping
                .columns
                .iter()
                .find(|column| column.source.as_ref() == Some(name))
                .map(|column| (column.target.clone(), column.data_type.clone()))
                .ok_or_else(|| format!("{name} of {} is not carried over", mapping.source))
        };
        let mut columns = Vec::with_capacity(key.columns.len());
        let mut referenced_columns = Vec::with_capacity(key.columns.len());
        for (own, other) in key.columns.iter().zip(&key.referenced_columns) {
            let (own, own_type) = mapped(child, own)?;
            let (other, other_type) = mapped(mapping, other)?;
            if !are_comparable(&own_type, &other_type) {
                return Err(format!("{own} is {own_type} and {other} is {other_type}"));
            }
            columns.push(own);
            referenced_columns.push(other);
        }
        let is_unique = match (place, &mapping.create) {
            (Place::Existing(table), _) => {
                is_unique(&referenced_columns, &table.primary_key, &table.indexes)
            }
            (Place::New(_), Some(shape)) => {
                is_unique(&referenced_columns, &shape.primary_key, &shape.indexes)
            }
            (Place::New(_), None) => false,
        };
        if !is_unique {
            return Err(format!(
                "{} ({}) is not unique",
                mapping.target,
                referenced_columns.join(", ")
            ));
        }
        let long = format!("{}_{}", child.target.name, key.name);
        let usual = format!("{}_{}_fkey", child.target.name, columns.join("_"));
        let own = if key.name.is_empty() { &usual } else { &key.name };
        let name = self.names_in(child.target.schema.as_deref()).give(&[own, &long]);
        Ok(ForeignKey {
            name,
            columns,
            references: mapping.target.clone(),
            referenced_columns,
            on_delete: key.on_delete,
            on_update: key.on_update,
        })
    }
}

/// A third of a page, less what an entry needs besides its values.
const LONGEST_ENTRY: i64 = 2_600;

fn is_unique(columns: &[String], primary_key: &[String], indexes: &[Index]) -> bool {
    let same = |other: &[String]| {
        other.len() == columns.len() && columns.iter().all(|column| other.contains(column))
    };
    same(primary_key) || indexes.iter().any(|index| index.unique && same(&index.columns))
}

/// Whether PostgreSQL takes a foreign key from one to the other.
fn are_comparable(child: &DataType, parent: &DataType) -> bool {
    let is_text = |data_type: &DataType| {
        matches!(data_type, DataType::Text | DataType::Varchar(_) | DataType::Char(_))
    };
    child == parent
        || child.is_integer() && parent.is_number()
        || is_text(child) && is_text(parent)
        || matches!((child, parent), (DataType::Numeric(_), DataType::Numeric(_)))
}
