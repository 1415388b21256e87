//! MySQL's and MariaDB's catalog.

use std::collections::{BTreeMap, HashMap, HashSet};

use shared::assessment::{
    Catalog, Column, EnumType, ForeignKey, Index, ReferentialAction, Table, TableName,
};
use shared::connection::Engine;
use shared::data_type::DataType;
use sqlx::mysql::MySqlConnection;

use super::default;
use crate::connect::classify;
use crate::connect::mysql::{Version, ask, version};
use crate::error::Result;

/// What the database that the connection is in holds.
pub(super) async fn of_mysql(connection: &mut MySqlConnection) -> Result<Catalog> {
    let version = version(connection).await?;
    read(connection, version).await.map_err(|error| classify(error, "reading the catalog of MySQL"))
}

async fn read(connection: &mut MySqlConnection, version: Version) -> Result<Catalog, sqlx::Error> {
    let mut tables: Vec<Table> = rows(connection, TABLES).await?.into_iter().map(table).collect();
    let places: HashMap<String, usize> =
        tables.iter().enumerate().map(|(at, table)| (table.name.name.clone(), at)).collect();
    let json = if version.is_mariadb { json_columns(connection).await } else { HashSet::new() };
    let mut enums = Vec::new();

    for row in rows(connection, COLUMNS).await? {
        let Some(&place) = places.get(row.text(0)) else { continue };
        let labels = labels(row.text(2));
        let column = column(&row, &version, &json);
        if let Some(labels) = labels {
            let name = format!("{}_{}", row.text(0), column.name);
            enums.push(EnumType { name: TableName::new(None, name), labels });
        }
        tables[place].columns.push(column);
    }
    for (name, indexes) in indexes(connection).await? {
        let Some(&place) = places.get(&name) else { continue };
        for index in indexes {
            if index.name == "PRIMARY" {
                tables[place].primary_key = index.columns;
            } else {
                tables[place].indexes.push(index);
            }
        }
    }
    for (name, keys) in foreign_keys(connection).await? {
        let Some(&place) = places.get(&name) else { continue };
        for mut key in keys {
            // The server may know its tables in another case than references were written in.
            let parent = tables
                .iter()
                .map(|table| &table.name)
                .find(|name| name.name.eq_ignore_ascii_case(&key.references.name))
                .cloned();
            if let Some(parent) = parent {
                key.references = parent;
                tables[place].foreign_keys.push(key);
            }
        }
    }
    Ok(Catalog { engine: Engine::Mysql, server: version.shown, tables, enums })
}

/// A row of the catalog, as texts.
struct Answer(Vec<Option<String>>);

impl Answer {
    fn get(&self, index: usize) -> Option<&str> {
        self.0.get(index)?.as_deref()
    }

    fn text(&self, index: usize) -> &str {
        self.get(index).unwrap_or_default()
    }

    fn number<N: std::str::FromStr>(&self, index: usize) -> Option<N> {
        self.get(index)?.parse().ok()
    }

    fn comment(&self, index: usize) -> Option<String> {
        self.get(index).filter(|comment| !comment.is_empty()).map(str::to_owned)
    }
}

async fn rows(
    connection: &mut MySqlConnection,
    statement: &str,
) -> Result<Vec<Answer>, sqlx::Error> {
    Ok(ask(connection, statement.to_owned()).await?.into_iter().map(Answer).collect())
}

fn table(row: Answer) -> Table {
    Table {
        name: TableName::new(None, row.text(0)),
        columns: Vec::new(),
        primary_key: Vec::new(),
        indexes: Vec::new(),
        foreign_keys: Vec::new(),
        estimated_rows: row.number(1).unwrap_or(0),
        estimated_bytes: row.number(2).unwrap_or(0),
        comment: row.comment(3),
    }
}

fn column(row: &Answer, version: &Version, json: &HashSet<(String, String)>) -> Column {
    let name = row.text(1).to_owned();
    let native_type = row.text(2).to_owned();
    let extra = row.text(5).to_ascii_lowercase();
    let is_json = json.contains(&(row.text(0).to_owned(), name.clone()));
    let data_type = if is_json { DataType::Json } else { data_type(row) };
    let generated = extra.contains("virtual generated")
        || extra.contains("stored generated")
        || extra.contains("persistent");
    let identity = extra.contains("auto_increment");
    let own = row.get(4).filter(|_| !generated && !identity);
    let is_expression = version.is_mariadb || extra.contains("default_generated");
    let default =
        own.filter(|_| !is_json).and_then(|default| default_of(&data_type, default, is_expression));
    let says_null = own.is_some_and(|own| is_expression && own.eq_ignore_ascii_case("null"));
    Column {
        name,
        native_type,
        data_type,
        nullable: row.text(3) == "YES",
        default_left: own.is_some() && default.is_none() && !says_null,
        default,
        generated,
        identity,
        comment: row.comment(6),
    }
}

/// The type that holds every value: what has no sign needs a wider one.
fn data_type(row: &Answer) -> DataType {
    let native = row.text(2).to_ascii_lowercase();
    let is_unsigned = native.contains("unsigned");
    let (precision, scale) = (row.number::<u16>(8), row.number::<i16>(9));
    match row.text(7) {
        "tinyint" | "year" => DataType::SmallInt,
        "smallint" if !is_unsigned => DataType::SmallInt,
        "smallint" | "mediumint" => DataType::Integer,
        "int" if !is_unsigned => DataType::Integer,
        "int" => DataType::BigInt,
        "bigint" if !is_unsigned => DataType::BigInt,
        "bigint" => DataType::Numeric(Some((20, 0))),
        "decimal" => DataType::Numeric(precision.zip(scale)),
        "float" => DataType::Real,
        "double" => DataType::Double,
        "bit" => match precision {
            Some(1) | None => DataType::Boolean,
            Some(length) => DataType::Bit(u32::from(length)),
        },
        "date" => DataType::Date,
        "time" => DataType::Interval,
        "datetime" => DataType::Timestamp,
        "timestamp" => DataType::TimestampTz,
        "char" | "varchar" => match row.number(10) {
            Some(length) if length > 0 => DataType::Varchar(Some(length)),
            _ => DataType::Text,
        },
        "json" => DataType::Json,
        "uuid" => DataType::Uuid,
        "inet4" | "inet6" => DataType::Named("inet".to_owned()),
        "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" | "geometry"
        | "point" | "linestring" | "polygon" | "multipoint" | "multilinestring"
        | "multipolygon" | "geomcollection" | "geometrycollection" | "vector" => DataType::Bytea,
        _ => DataType::Text,
    }
}

/// MariaDB writes a default as an expression, MySQL as the value itself.
fn default_of(data_type: &DataType, text: &str, is_expression: bool) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    if lower.starts_with("current_timestamp") || lower == "now()" {
        return default::now(data_type);
    }
    if let Some(bits) = lower.strip_prefix("b'").and_then(|bits| bits.strip_suffix('\'')) {
        return match data_type {
            DataType::Boolean => default::constant(data_type, bits),
            _ => None,
        };
    }
    if !is_expression {
        return default::constant(data_type, text);
    }
    if lower == "null" {
        return None;
    }
    match text.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')) {
        Some(quoted) if !quoted.replace("''", "").contains(['\'', '\\']) => {
            default::constant(data_type, &quoted.replace("''", "'"))
        }
        Some(_) => None,
        None => text.parse::<f64>().ok().and_then(|_| default::constant(data_type, text)),
    }
}

/// The labels of `enum('a','it''s')`.
fn labels(native_type: &str) -> Option<Vec<String>> {
    let list = native_type.strip_prefix("enum(")?;
    let mut labels = Vec::new();
    let mut chars = list.chars().peekable();
    while chars.next_if_eq(&'\'').is_some() {
        let mut label = String::new();
        while let Some(c) = chars.next() {
            match c {
                '\'' if chars.next_if_eq(&'\'').is_none() => break,
                '\\' => label.push(match chars.next() {
                    Some('n') => '\n',
                    Some('r') => '\r',
                    Some('0') => '\0',
                    Some(other) => other,
                    None => break,
                }),
                _ => label.push(c),
            }
        }
        labels.push(label);
        if chars.next_if_eq(&',').is_none() {
            break;
        }
    }
    Some(labels)
}

/// Columns that MariaDB calls longtext and holds to be JSON by a condition.
async fn json_columns(connection: &mut MySqlConnection) -> HashSet<(String, String)> {
    // Older servers have no such view; then these columns are texts.
    let Ok(conditions) = rows(connection, CONDITIONS).await else { return HashSet::new() };
    conditions
        .iter()
        .filter_map(|row| {
            let column = row.text(1).strip_prefix("json_valid(`")?.strip_suffix("`)")?;
            Some((row.text(0).to_owned(), column.replace("``", "`")))
        })
        .collect()
}

async fn indexes(
    connection: &mut MySqlConnection,
) -> Result<BTreeMap<String, Vec<Index>>, sqlx::Error> {
    let mut found: BTreeMap<String, Vec<Index>> = BTreeMap::new();
    for row in rows(connection, INDEXES).await? {
        let indexes = found.entry(row.text(0).to_owned()).or_default();
        if indexes.last().is_none_or(|index| index.name != row.text(1)) {
            indexes.push(Index {
                name: row.text(1).to_owned(),
                columns: Vec::new(),
                unique: row.text(2) == "0",
            });
        }
        let Some(index) = indexes.last_mut() else { continue };
        // An index on expressions, on beginnings of texts, or of words and shapes is not made
        // again from its columns.
        let is_plain = row.get(4).is_none() && matches!(row.text(5), "BTREE" | "HASH");
        index.columns.push(row.get(3).filter(|_| is_plain).unwrap_or_default().to_owned());
    }
    for index in found.values_mut().flatten() {
        if index.columns.iter().any(String::is_empty) {
            index.columns.clear();
        }
    }
    Ok(found)
}

async fn foreign_keys(
    connection: &mut MySqlConnection,
) -> Result<BTreeMap<String, Vec<ForeignKey>>, sqlx::Error> {
    let mut found: BTreeMap<String, Vec<ForeignKey>> = BTreeMap::new();
    for row in rows(connection, FOREIGN_KEYS).await? {
        let keys = found.entry(row.text(0).to_owned()).or_default();
        if keys.last().is_none_or(|key| key.name != row.text(1)) {
            keys.push(ForeignKey {
                name: row.text(1).to_owned(),
                columns: Vec::new(),
                references: TableName::new(None, row.text(3)),
                referenced_columns: Vec::new(),
                on_delete: action(row.text(5)),
                on_update: action(row.text(6)),
            });
        }
        if let Some(key) = keys.last_mut() {
            key.columns.push(row.text(2).to_owned());
            key.referenced_columns.push(row.text(4).to_owned());
        }
    }
    Ok(found)
}

/// To MySQL, no action is another word for restrict.
fn action(text: &str) -> ReferentialAction {
    match text {
        "CASCADE" => ReferentialAction::Cascade,
        "SET NULL" => ReferentialAction::SetNull,
        "SET DEFAULT" => ReferentialAction::SetDefault,
        _ => ReferentialAction::NoAction,
    }
}

const TABLES: &str = "
    select table_name, table_rows, data_length, table_comment
    from information_schema.tables
    where table_schema = database() and table_type in ('BASE TABLE', 'SYSTEM VERSIONED')
    order by table_name";

const COLUMNS: &str = "
    select table_name, column_name, column_type, is_nullable, column_default, extra,
           column_comment, lower(data_type), numeric_precision, numeric_scale,
           character_maximum_length
    from information_schema.columns
    where table_schema = database()
    order by table_name, ordinal_position";

const CONDITIONS: &str = "
    select table_name, check_clause
    from information_schema.check_constraints
    where constraint_schema = database()";

const INDEXES: &str = "
    select table_name, index_name, non_unique, column_name, sub_part, index_type
    from information_schema.statistics
    where table_schema = database()
    order by table_name, index_name, seq_in_index";

const FOREIGN_KEYS: &str = "
    select k.table_name, k.constraint_name, k.column_name, k.referenced_table_name,
           k.referenced_column_name, r.delete_rule, r.update_rule
    from information_schema.key_column_usage as k
    join information_schema.referential_constraints as r
      on r.constraint_schema = k.constraint_schema
     and r.constraint_name = k.constraint_name
     and r.table_name = k.table_name
    where k.table_schema = database() and k.referenced_table_schema = database()
    order by k.table_name, k.constraint_name, k.ordinal_position";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_taken_out_of_a_type() {
        let expected = ["a", "it's", "", "x,y", "back\\slash"].map(str::to_owned).to_vec();
        assert_eq!(labels(r"enum('a','it''s','','x,y','back\\slash')"), Some(expected));
        assert_eq!(labels("set('a')"), None);
    }

    #[test]
    fn a_default_of_either_product_is_understood() {
        let text = DataType::Text;
        assert_eq!(default_of(&text, "it's", false).as_deref(), Some("'it''s'"));
        assert_eq!(default_of(&text, "'it''s'", true).as_deref(), Some("'it''s'"));
        assert_eq!(default_of(&text, "NULL", true), None);
        assert_eq!(default_of(&text, "concat('a','b')", true), None);
        assert_eq!(default_of(&DataType::Boolean, "b'1'", true).as_deref(), Some("true"));
        assert_eq!(default_of(&DataType::SmallInt, "0", true).as_deref(), Some("0"));
        assert_eq!(default_of(&DataType::Timestamp, "'0000-00-00 00:00:00'", true), None);
        assert_eq!(
            default_of(&DataType::TimestampTz, "current_timestamp()", true).as_deref(),
            Some("now()")
        );
    }
}
