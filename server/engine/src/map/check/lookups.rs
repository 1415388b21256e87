//! What a plan looks up.

use shared::assessment::{Table, TableName};
use shared::connection::Engine;
use shared::data_type::DataType;
use shared::error_code::ErrorCode;
use shared::plan::{ColumnMapping, Lookup, LookupFrom, LookupTable, Transform};

use super::{Checked, table_hint, unique_keys};
use crate::map::{lookup, source_table};

impl Checked<'_> {
    pub(super) fn lookup(&mut self, name: &str, lookup: &Lookup) {
        let at = format!("lookups.{name}");
        let LookupFrom::Table(wanted) = &lookup.from else {
            if let Err(why) = lookup::entries(&lookup.from) {
                self.add(ErrorCode::Map006, &at, why);
            }
            return;
        };
        let source = self.source;
        let Some(table) = source_table(source, &wanted.name) else {
            let hint = table_hint(&wanted.name, source.tables.iter().map(|table| &table.name));
            let message = format!("the source has no table {}{hint}", wanted.name);
            return self.add(ErrorCode::Map002, &at, message);
        };
        self.must_have(table, &wanted.key, &at);
        self.must_have(table, &wanted.value, &at);
        // Nothing declares what is unique in a file: whoever reads it sees.
        if source.engine != Engine::Csv {
            self.one_row_a_key(table, wanted, &at);
        }
        let value = table.column(&wanted.value).map(|column| &column.data_type);
        // The text that it is read as does not say all that it holds.
        if value.is_some_and(|found| matches!(found, DataType::Bytea | DataType::Real)) {
            let message = format!("a lookup cannot bring {}.{}", table.name, wanted.value);
            self.add(ErrorCode::Map006, &at, message);
        }
    }

    fn one_row_a_key(&mut self, table: &Table, wanted: &LookupTable, at: &str) {
        let keys = unique_keys(&table.primary_key, &table.indexes);
        let is_unique = keys.iter().any(|columns| **columns == [wanted.key.clone()]);
        if !is_unique && table.column(&wanted.key).is_some() {
            let message = format!("{}.{} is not unique", table.name, wanted.key);
            self.add(ErrorCode::Map001, at, message);
        }
    }

    /// The source compares the key with the row's column: both have to be of a kind, or it refuses,
    /// or takes one for the other.
    pub(super) fn looked_up(&mut self, table: &Table, column: &ColumnMapping, at: &str) {
        let Some(Transform::Lookup { from, .. }) = column.transform.first() else { return };
        let Some(LookupFrom::Table(wanted)) = self.plan.lookups.get(from).map(|l| &l.from) else {
            return;
        };
        let own = column.source.as_ref().and_then(|name| table.column(name));
        let key = source_table(self.source, &wanted.name);
        let key = key.and_then(|table| table.column(&wanted.key));
        let (Some(own), Some(key)) = (own, key) else { return };
        // SQLite compares values of all kinds, and files have texts only.
        let compares_all = matches!(self.source.engine, Engine::Sqlite | Engine::Csv);
        if !compares_all && !are_of_a_kind(&own.data_type, &key.data_type) {
            let name: &TableName = &wanted.name;
            let message = format!(
                "{} is {} and {name}.{} is {}",
                own.name, own.data_type, key.name, key.data_type
            );
            self.add(ErrorCode::Map006, at, message);
        }
    }
}

fn are_of_a_kind(own: &DataType, key: &DataType) -> bool {
    own == key || own.is_number() && key.is_number() || own.is_textual() && key.is_textual()
}
