//! From two catalogs to mappings: tables and columns by their names, types by what was seen of
//! the values, keys and indexes as they were. Pure.

pub(super) mod trap;
mod keys;
mod types;
mod values;

use std::collections::BTreeMap;

use shared::assessment::{Catalog, Column, Table, TableName};
use shared::connection::Engine;
use shared::data_type::DataType;
use shared::plan::{ColumnMapping, Existing, TableMapping, Transform};

use self::trap::Trap;
use self::values::zero_date_to_null;
use super::name::{self, Names};
use super::probe::Probe;
use crate::assess::catalog;
use crate::ident;

/// What a draft says of tables, and what people should know about it.
#[derive(Debug, Default)]
pub(super) struct Shaped {
    pub(super) tables: Vec<TableMapping>,
    pub(super) enums: BTreeMap<String, Vec<String>>,
    /// Statements that describe the columns made.
    pub(super) comments: Vec<String>,
    pub(super) notes: Vec<String>,
}

/// Maps every table of the source.
pub(super) fn shape(source: &Catalog, target: &Catalog, probe: &Probe) -> Shaped {
    let mut shaper = Shaper::new(source, target, probe);
    let places = shaper.place_tables();
    let mut mappings: Vec<TableMapping> = source
        .tables
        .iter()
        .zip(&places)
        .map(|(table, place)| shaper.map_table(table, place))
        .collect();
    for (index, table) in source.tables.iter().enumerate() {
        let keys = shaper.foreign_keys(table, index, &mappings, &places);
        if let Some(shape) = &mut mappings[index].create {
            shape.foreign_keys = keys;
        }
    }
    mappings.retain(|mapping| !mapping.columns.is_empty());
    shaper.shaped.tables = mappings;
    shaper.shaped
}

/// Where a table of the source goes.
enum Place<'c> {
    Existing(&'c Table),
    New(TableName),
}

struct Shaper<'c> {
    source: &'c Catalog,
    target: &'c Catalog,
    probe: &'c Probe,
    /// Names of tables, indexes and constraints, by schema.
    names: BTreeMap<Option<String>, Names>,
    /// The enums of the source that the target is to have, by the source's spelling.
    enums: BTreeMap<String, DataType>,
    shaped: Shaped,
}

impl<'c> Shaper<'c> {
    fn new(source: &'c Catalog, target: &'c Catalog, probe: &'c Probe) -> Self {
        let mut shaper = Self {
            source,
            target,
            probe,
            names: BTreeMap::new(),
            enums: BTreeMap::new(),
            shaped: Shaped::default(),
        };
        for table in &target.tables {
            let names = shaper.names_in(table.name.schema.as_deref());
            names.reserve(&table.name.name);
            names.reserve(&format!("{}_pkey", table.name.name));
            table.indexes.iter().for_each(|index| names.reserve(&index.name));
            table.foreign_keys.iter().for_each(|key| names.reserve(&key.name));
        }
        for known in &target.enums {
            shaper.names_in(known.name.schema.as_deref()).reserve(&known.name.name);
        }
        shaper
    }

    fn names_in(&mut self, schema: Option<&str>) -> &mut Names {
        let engine = self.target.engine;
        self.names.entry(schema.map(str::to_owned)).or_insert_with(|| Names::of(engine))
    }

    fn note(&mut self, trap: Trap, note: impl Into<String>) {
        self.shaped.notes.push(trap.note(note));
    }

    /// Tables that are there are taken by their names, each once; for the others names are found
    /// that nothing else has.
    fn place_tables(&mut self) -> Vec<Place<'c>> {
        let (source, target) = (self.source, self.target);
        let mut free: Vec<&Table> = target.tables.iter().collect();
        let existing: Vec<Option<&Table>> = source
            .tables
            .iter()
            .map(|table| {
                let schema = self.schema_for(&table.name);
                let here: Vec<usize> = (0..free.len())
                    .filter(|place| free[*place].name.schema.as_deref() == schema)
                    .collect();
                let names = here.iter().map(|place| free[*place].name.name.as_str());
                let found = name::find(&table.name.name, names)?;
                Some(free.swap_remove(here[found]))
            })
            .collect();
        source
            .tables
            .iter()
            .zip(existing)
            .map(|(table, existing)| {
                existing.map_or_else(|| Place::New(self.new_name(&table.name)), Place::Existing)
            })
            .collect()
    }

    fn new_name(&mut self, source: &TableName) -> TableName {
        let schema = self.schema_for(source).map(str::to_owned);
        let long = match &source.schema {
            Some(schema) => format!("{schema}_{}", source.name),
            None => source.name.clone(),
        };
        let names = self.names_in(schema.as_deref());
        let name = names.give(&[&source.name, &long]);
        names.reserve(&format!("{name}_pkey"));
        TableName { schema, name }
    }

    /// Schemas of PostgreSQL stay; what has none comes into `public`.
    fn schema_for<'n>(&self, name: &'n TableName) -> Option<&'n str> {
        match (self.target.engine, self.source.engine) {
            (Engine::Sqlite, _) => None,
            (_, Engine::Postgres) => Some(name.schema.as_deref().unwrap_or("public")),
            _ => Some("public"),
        }
    }

    fn map_table(&mut self, table: &'c Table, place: &Place<'c>) -> TableMapping {
        let mut mapping = TableMapping {
            source: table.name.clone(),
            query: None,
            key: catalog::reading_key(table),
            target: match place {
                Place::Existing(existing) => existing.name.clone(),
                Place::New(name) => name.clone(),
            },
            existing: Existing::default(),
            existing_key: Vec::new(),
            filter: None,
            columns: Vec::with_capacity(table.columns.len()),
            left_behind: BTreeMap::new(),
            create: None,
            orphans: BTreeMap::new(),
        };
        if self.probe.sampled.contains(&table.name) {
            self.note(Trap::Sampled, format!(
                "{}: only its first rows were looked at; what the others hold may still surprise",
                table.name
            ));
        }
        self.note_file(table);
        match place {
            Place::Existing(existing) => self.fill_existing(table, existing, &mut mapping),
            Place::New(_) => self.make_new(table, &mut mapping),
        }
        mapping
    }

    fn fill_existing(&mut self, table: &Table, existing: &Table, mapping: &mut TableMapping) {
        let mut free: Vec<&Column> =
            existing.columns.iter().filter(|column| !column.generated).collect();
        for column in &table.columns {
            let names = free.iter().map(|column| column.name.as_str());
            let Some(place) = name::find(&column.name, names) else {
                let reason = format!("{} has no column for it", existing.name);
                self.note(
                    Trap::LeftBehind,
                    format!("{}.{} is left behind: {reason}", table.name, column.name),
                );
                mapping.left_behind.insert(column.name.clone(), reason);
                continue;
            };
            let there = free.remove(place);
            let seen = self.probe.of(&table.name, &column.name);
            let mut mapped =
                ColumnMapping::copied(&column.name, &there.name, there.data_type.clone());
            mapped.nullable = there.nullable;
            mapped.identity = there.identity;
            if let Some(why) = self.assume_zone(table, column, &mut mapped) {
                let reason = format!("{} is {}: {why}", there.name, there.data_type);
                self.note(
                    Trap::LeftBehind,
                    format!("{}.{} is left behind: {reason}", table.name, column.name),
                );
                mapping.left_behind.insert(column.name.clone(), reason);
                continue;
            }
            self.replace_nul(table, column, seen, &mut mapped);
            if seen.empty > 0 && there.nullable && !mapped.data_type.is_textual() {
                self.empty_to_null(table, column, seen, &mut mapped);
            }
            if seen.zero_dates > 0 && there.nullable {
                zero_date_to_null(&mut mapped, seen, None);
                self.note(
                    Trap::ZeroDate,
                    format!(
                        "{}.{} has a zero month or day in {}; it becomes null there",
                        table.name,
                        column.name,
                        count(seen.zero_dates, "date")
                    ),
                );
            }
            mapping.columns.push(mapped);
        }
    }

    /// Puts the rule in that the two types need. Says why where none helps.
    fn assume_zone(
        &mut self,
        table: &Table,
        column: &Column,
        mapped: &mut ColumnMapping,
    ) -> Option<&'static str> {
        let why = column.data_type.never_becomes(&mapped.data_type)?;
        if !matches!(
            (&column.data_type, &mapped.data_type),
            (DataType::Timestamp, DataType::TimestampTz)
                | (DataType::TimestampTz, DataType::Timestamp)
        ) {
            return Some(why);
        }
        mapped.transform.push(Transform::AssumeZone { zone: "UTC".to_owned() });
        self.note(
            Trap::Zone,
            format!(
                "{}.{}: the zone of its times is assumed to be UTC; name the right one",
                table.name, column.name
            ),
        );
        None
    }

    fn make_new(&mut self, table: &Table, mapping: &mut TableMapping) {
        let mut names = Names::of(self.target.engine);
        for column in &table.columns {
            let mapped = self.new_column(table, column, &mut names);
            mapping.columns.push(mapped);
        }
        for column in &mut mapping.columns {
            let source = column.source.clone().unwrap_or_default();
            let seen = self.probe.of(&table.name, &source);
            let is_key = table.primary_key.contains(&source);
            if seen.zero_dates > 0 && !is_key {
                let raw = names.give(&[&format!("{}_raw", column.target)]);
                self.shaped.notes.push(Trap::ZeroDate.note(format!(
                    "{}.{source} has a zero month or day in {}; it becomes null there, and what \
                     stood there is kept in {raw}",
                    table.name,
                    count(seen.zero_dates, "date")
                )));
                zero_date_to_null(column, seen, Some(raw));
            }
        }
        let mut shape = self.keys_of(table, mapping);
        shape.comment = table.comment.clone().filter(|_| self.source.engine != Engine::Csv);
        let target_of = |name: &String| {
            mapping.columns.iter().find(|column| column.source.as_ref() == Some(name))
        };
        if self.target.engine == Engine::Postgres {
            for column in &table.columns {
                if let (Some(comment), Some(mapped)) = (&column.comment, target_of(&column.name)) {
                    self.shaped.comments.push(format!(
                        "comment on column {}.{} is {};",
                        ident::quote_table(Engine::Postgres, &mapping.target),
                        ident::quote(Engine::Postgres, &mapped.target),
                        ident::literal(Engine::Postgres, comment)
                    ));
                }
            }
        }
        mapping.create = Some(shape);
    }

    fn new_column(&mut self, table: &Table, column: &Column, names: &mut Names) -> ColumnMapping {
        let seen = self.probe.of(&table.name, &column.name);
        let data_type = self.new_type(table, column, seen);
        let is_same = data_type == column.data_type;
        let is_key = table.primary_key.contains(&column.name);
        let mut mapped =
            ColumnMapping::copied(&column.name, &names.give(&[&column.name]), data_type);
        // That no field of a file is empty says nothing about those to come.
        mapped.nullable = column.nullable || self.source.engine == Engine::Csv && !is_key;
        mapped.identity = column.identity && mapped.data_type.is_integer() && !column.nullable;
        mapped.default = match (&column.default, &mapped.data_type) {
            (Some(default), DataType::Boolean) if !is_same => match default.trim_matches('\'') {
                "0" => Some("false".to_owned()),
                "1" => Some("true".to_owned()),
                _ => None,
            },
            (Some(default), _) if is_same || matches!(mapped.data_type, DataType::Named(_)) => {
                Some(default.clone())
            }
            (Some(default), data_type) if data_type.is_integer() => {
                Some(default.clone()).filter(|default| default.parse::<i64>().is_ok())
            }
            _ => None,
        };
        if mapped.default.is_none() && (column.default_left || column.default.is_some()) {
            self.note(
                Trap::DefaultLeft,
                format!(
                    "{}.{} has a default that is not carried over: rows written later have none",
                    table.name, column.name
                ),
            );
        }
        self.note_native_type(table, column);
        if column.generated {
            self.note(Trap::Generated, format!(
                "{}.{} is computed by the source; here it keeps the values and is computed no more",
                table.name, column.name
            ));
        }
        if is_key && mapped.nullable {
            self.note(Trap::NullInKey, format!(
                "{}.{} is part of the primary key and yet may be null: it becomes a unique index",
                table.name, column.name
            ));
        }
        self.replace_nul(table, column, seen, &mut mapped);
        if seen.empty > 0 && mapped.data_type != DataType::Text {
            self.empty_to_null(table, column, seen, &mut mapped);
            mapped.nullable = true;
        }
        mapped
    }
}

impl Shaper<'_> {
    /// What MySQL's types have that others do not.
    fn note_native_type(&mut self, table: &Table, column: &Column) {
        if self.source.engine != Engine::Mysql {
            return;
        }
        let native_type = column.native_type.to_ascii_lowercase();
        let name = format!("{}.{}", table.name, column.name);
        if native_type.contains("zerofill") {
            self.note(
                Trap::Zerofill,
                format!(
                    "{name} is shown filled up with zeros; the number is carried over without them"
                ),
            );
        }
        if native_type.starts_with("set(") {
            self.note(
                Trap::Set,
                format!("{name} holds several labels in one value; it becomes a text with commas"),
            );
        }
        if GEOMETRIES.iter().any(|shape| native_type.starts_with(shape)) {
            self.note(
                Trap::Geometry,
                format!(
                    "{name} is {native_type}; it becomes bytes, as extended well-known binary, \
                     which PostGIS reads"
                ),
            );
        }
    }

    /// What a file's own remarks say.
    fn note_file(&mut self, table: &Table) {
        if self.source.engine != Engine::Csv {
            return;
        }
        let remarks = table.comment.as_deref().unwrap_or_default();
        for (trap, word) in [(Trap::Encoding, catalog::GUESSED), (Trap::Ragged, catalog::RAGGED)] {
            if remarks.contains(word) {
                self.note(trap, format!("{}: {remarks}", table.name));
            }
        }
        for column in table.columns.iter().filter(|column| column.comment.is_some()) {
            self.note(
                Trap::Header,
                format!(
                    "{}.{}: the file's header has no name of its own for it",
                    table.name, column.name
                ),
            );
        }
    }
}

/// Types of MySQL's that begin so hold shapes.
const GEOMETRIES: [&str; 7] =
    ["geometry", "point", "linestring", "polygon", "multi", "geomcollection", "geometrycollection"];

/// `1 text`, `2 texts`.
fn count(number: i64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// Whether rows are told apart by the column, or point to others by it.
fn is_key_column(table: &Table, name: &str) -> bool {
    let unique = table.indexes.iter().filter(|index| index.unique).flat_map(|index| &index.columns);
    let foreign = table.foreign_keys.iter().flat_map(|key| &key.columns);
    table.primary_key.iter().chain(unique).chain(foreign).any(|column| column == name)
}

#[cfg(test)]
mod tests;
