//! Which types the columns of a new table have.

use shared::assessment::{Column, EnumType, Table, TableName};
use shared::connection::Engine;
use shared::data_type::DataType;

use super::trap::Trap;
use super::{Shaper, count, is_key_column};
use crate::assess::catalog;
use crate::map::name;
use crate::map::probe::Seen;

impl Shaper<'_> {
    /// The type of a column that is made.
    pub(super) fn new_type(&mut self, table: &Table, column: &Column, seen: Seen) -> DataType {
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
            self.note(
                Trap::NoNumber,
                format!(
                    "{}.{} is declared {} and has {} that {} no number: it becomes text",
                    table.name,
                    column.name,
                    column.native_type,
                    count(seen.no_numbers, "value"),
                    if seen.no_numbers == 1 { "is" } else { "are" }
                ),
            );
            return DataType::Text;
        }
        if seen.fractions > 0 {
            self.note(
                Trap::Fractions,
                format!(
                    "{}.{} is declared {} and has decimals in {}: it becomes numeric",
                    table.name,
                    column.name,
                    column.native_type,
                    count(seen.fractions, "value")
                ),
            );
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
}

pub(super) fn has_order(data_type: &DataType) -> bool {
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
