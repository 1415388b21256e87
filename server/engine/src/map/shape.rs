//! From two catalogs to mappings: tables and columns by their names, types by what was seen of
//! the values, keys and indexes as they were. Pure.

use std::collections::BTreeMap;

use shared::assessment::{Catalog, Column, EnumType, ForeignKey, Index, Table, TableName};
use shared::connection::Engine;
use shared::data_type::DataType;
use shared::plan::{ColumnMapping, Signature, TableMapping, TableShape, Transform};

use super::name::{self, Names};
use super::probe::{Probe, Seen};
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

    fn note(&mut self, note: String) {
        self.shaped.notes.push(note);
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
            filter: None,
            columns: Vec::with_capacity(table.columns.len()),
            left_behind: BTreeMap::new(),
            create: None,
            orphans: BTreeMap::new(),
        };
        if self.probe.sampled.contains(&table.name) {
            self.note(format!(
                "{}: only its first rows were looked at; what the others hold may still surprise",
                table.name
            ));
        }
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
                self.note(format!("{}.{} is left behind: {reason}", table.name, column.name));
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
                self.note(format!("{}.{} is left behind: {reason}", table.name, column.name));
                mapping.left_behind.insert(column.name.clone(), reason);
                continue;
            }
            self.replace_nul(table, column, seen, &mut mapped);
            if seen.empty > 0 && there.nullable && !mapped.data_type.is_textual() {
                self.empty_to_null(table, column, seen, &mut mapped);
            }
            if seen.zero_dates > 0 && there.nullable {
                zero_date_to_null(&mut mapped, seen, None);
                self.note(format!(
                    "{}.{} has a zero month or day in {}; it becomes null there",
                    table.name,
                    column.name,
                    count(seen.zero_dates, "date")
                ));
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
        self.note(format!(
            "{}.{}: the zone of its times is assumed to be UTC; name the right one",
            table.name, column.name
        ));
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
                self.shaped.notes.push(format!(
                    "{}.{source} has a zero month or day in {}; it becomes null there, and what \
                     stood there is kept in {raw}",
                    table.name,
                    count(seen.zero_dates, "date")
                ));
                zero_date_to_null(column, seen, Some(raw));
            }
        }
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
        let mut shape = TableShape {
            comment: table.comment.clone().filter(|_| self.source.engine != Engine::Csv),
            ..TableShape::default()
        };
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
                self.note(format!(
                    "{}: the index {} is not over columns alone and is not made",
                    table.name, index.name
                ));
                continue;
            };
            let is_known = |other: &Index| other.columns == columns && other.unique == index.unique;
            if shape.indexes.iter().any(is_known) || index.unique && columns == shape.primary_key {
                continue;
            }
            let parts: Vec<&ColumnMapping> = index.columns.iter().filter_map(&target_of).collect();
            if let Some(why) = self.cannot_index(table, &parts) {
                self.note(format!("{}: the index {} is not made: {why}", table.name, index.name));
                continue;
            }
            let long = format!("{table_name}_{}", index.name);
            let name = self.names_in(schema.as_deref()).give(&[&index.name, &long]);
            shape.indexes.push(Index { name, columns, unique: index.unique });
        }
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
        if column.generated {
            self.note(format!(
                "{}.{} is computed by the source; here it keeps the values and is computed no more",
                table.name, column.name
            ));
        }
        if is_key && mapped.nullable {
            self.note(format!(
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

    /// The type of a column that is made.
    fn new_type(&mut self, table: &Table, column: &Column, seen: Seen) -> DataType {
        let is_whole = !self.probe.sampled.contains(&table.name);
        let is_key = is_key_column(table, &column.name);
        let native_type = column.native_type.to_ascii_lowercase();
        if self.source.engine == Engine::Mysql && is_whole {
            if seen.neither_zero_nor_one == Some(0) && !is_key {
                return DataType::Boolean;
            }
            match seen.outside_day {
                Some(0) => return DataType::Time,
                Some(_) => return DataType::Interval,
                None => {}
            }
            // Keys of whole numbers: they number rows, and nobody has so many.
            if native_type.starts_with("bigint")
                && seen.beyond_bigint == Some(0)
                && (is_key || column.identity)
            {
                return DataType::BigInt;
            }
            let name = TableName::new(None, format!("{}_{}", table.name.name, column.name));
            let known = self.source.enums.iter().find(|known| known.name == name);
            if let Some(known) = known
                && self.target.engine == Engine::Postgres
                && native_type.starts_with("enum(")
                && seen.no_label == Some(0)
                && !is_key
                && known.labels.iter().all(|label| label.len() <= name::LONGEST)
            {
                let known = known.clone();
                return self.carried_enum(&known.name.to_string(), &known);
            }
        }
        if seen.no_numbers > 0 {
            self.note(format!(
                "{}.{} is declared {} and has {} that {} no number: it becomes text",
                table.name,
                column.name,
                column.native_type,
                count(seen.no_numbers, "value"),
                if seen.no_numbers == 1 { "is" } else { "are" }
            ));
            return DataType::Text;
        }
        if seen.fractions > 0 {
            self.note(format!(
                "{}.{} is declared {} and has decimals in {}: it becomes numeric",
                table.name,
                column.name,
                column.native_type,
                count(seen.fractions, "value")
            ));
            return DataType::Numeric(None);
        }
        if seen.nul > 0 && seen.sign > 0 {
            return DataType::Bytea;
        }
        self.carried(&column.data_type)
    }

    /// The type under which the target has it.
    fn carried(&mut self, data_type: &DataType) -> DataType {
        match data_type {
            DataType::Named(name) => match catalog::enum_of(self.source, data_type) {
                Some(known) if self.target.engine == Engine::Postgres => {
                    let known = known.clone();
                    self.carried_enum(name, &known)
                }
                _ if self.target.engine == Engine::Postgres && is_builtin(name) => {
                    data_type.clone()
                }
                _ => DataType::Text,
            },
            DataType::Array(element) => match self.carried(element) {
                DataType::Text if matches!(**element, DataType::Named(_)) => DataType::Text,
                element => DataType::Array(Box::new(element)),
            },
            other => other.clone(),
        }
    }

    fn carried_enum(&mut self, spelled: &str, known: &EnumType) -> DataType {
        if let Some(carried) = self.enums.get(spelled) {
            return carried.clone();
        }
        let schema = self.schema_for(&known.name).map(str::to_owned);
        let wanted = TableName { schema: schema.clone(), name: known.name.name.clone() };
        let there = self.target.enums.iter().find(|there| there.name == wanted);
        let takes_all =
            there.is_some_and(|there| known.labels.iter().all(|l| there.labels.contains(l)));
        let name = if takes_all {
            wanted
        } else {
            let long = format!("{}_type", wanted.name);
            let name = self.names_in(schema.as_deref()).give(&[&wanted.name, &long]);
            let name = TableName { schema, name };
            self.shaped.enums.insert(name.to_string(), known.labels.clone());
            name
        };
        let carried = DataType::Named(catalog::named(&name));
        self.enums.insert(spelled.to_owned(), carried.clone());
        carried
    }

    fn replace_nul(
        &mut self,
        table: &Table,
        column: &Column,
        seen: Seen,
        mapped: &mut ColumnMapping,
    ) {
        if seen.nul == 0 || mapped.data_type == DataType::Bytea {
            if seen.nul > 0 {
                self.note(format!(
                    "{}.{} has 0x00 in {} and is kept as bytes",
                    table.name,
                    column.name,
                    count(seen.nul, "text")
                ));
            }
            return;
        }
        // With the sign in the column already, nobody could tell afterwards what was 0x00.
        if seen.sign > 0 {
            self.note(format!(
                "{}.{} has 0x00 in {}: those rows go to the quarantine",
                table.name,
                column.name,
                count(seen.nul, "text")
            ));
            return;
        }
        mapped.transform.push(Transform::ReplaceNul { with: "\u{2400}".to_owned() });
        mapped.signed = Some(signature(format!(
            "0x00, which PostgreSQL cannot hold, is in {}; \u{2400} (U+2400) stands for it and is \
             nowhere else in the column",
            count(seen.nul, "text")
        )));
        self.note(format!(
            "{}.{} has 0x00 in {}; each becomes \u{2400}",
            table.name,
            column.name,
            count(seen.nul, "text")
        ));
    }

    fn empty_to_null(
        &mut self,
        table: &Table,
        column: &Column,
        seen: Seen,
        mapped: &mut ColumnMapping,
    ) {
        mapped.transform.push(Transform::EmptyToNull { also: Vec::new() });
        self.note(format!(
            "{}.{} is declared {} and is an empty text in {}, where it becomes null",
            table.name,
            column.name,
            column.native_type,
            count(seen.empty, "row")
        ));
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

    fn foreign_keys(
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
                Err(why) => self.note(format!(
                    "{}: the foreign key {} is not made: {why}",
                    table.name, key.name
                )),
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

/// Who signs for what a draft proposes.
pub(super) const SIGNED_BY: &str = "transfuse plan draft";

fn signature(reason: String) -> Signature {
    Signature { by: SIGNED_BY.to_owned(), reason }
}

fn zero_date_to_null(column: &mut ColumnMapping, seen: Seen, raw: Option<String>) {
    column.transform.push(Transform::ZeroDateToNull);
    column.nullable = true;
    if raw.is_none() {
        column.signed = Some(signature(format!(
            "a zero month or day is in {}, which then names no day; the table has no column to \
             keep it in",
            count(seen.zero_dates, "date")
        )));
    }
    column.keep_raw_in = raw;
}

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

fn has_order(data_type: &DataType) -> bool {
    match data_type {
        DataType::Json => false,
        DataType::Named(name) => !UNORDERED.contains(&name.as_str()),
        DataType::Array(element) => has_order(element),
        _ => true,
    }
}

/// Types of PostgreSQL's own that this program knows by their names only.
fn is_builtin(name: &str) -> bool {
    let bare = name.split('(').next().unwrap_or(name).trim();
    UNORDERED.contains(&bare) || ORDERED.contains(&bare)
}

const UNORDERED: [&str; 12] = [
    "box",
    "circle",
    "line",
    "lseg",
    "path",
    "point",
    "polygon",
    "xml",
    "txid_snapshot",
    "pg_snapshot",
    "jsonpath",
    "xid",
];

const ORDERED: [&str; 20] = [
    "cidr",
    "inet",
    "macaddr",
    "macaddr8",
    "tsvector",
    "tsquery",
    "pg_lsn",
    "oid",
    "int4range",
    "int8range",
    "numrange",
    "daterange",
    "tsrange",
    "tstzrange",
    "int4multirange",
    "int8multirange",
    "nummultirange",
    "datemultirange",
    "tsmultirange",
    "tstzmultirange",
];

#[cfg(test)]
mod tests;
