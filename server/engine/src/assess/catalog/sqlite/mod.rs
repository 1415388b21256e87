//! SQLite's catalog: what tables declare, and what their values then are.

mod values;

use std::collections::BTreeMap;

use shared::assessment::{Catalog, Column, ForeignKey, Index, ReferentialAction, Table, TableName};
use shared::connection::Engine;
use shared::data_type::DataType;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, Row};

pub(super) use values::fit_to_values;

use super::default;
use crate::connect::classify;
use crate::error::Result;
use crate::ident;

/// What a SQLite file holds, as its tables declare it.
pub async fn of_sqlite(connection: &mut SqliteConnection) -> Result<Catalog> {
    declared(connection).await.map_err(|error| classify(error, "reading the catalog of SQLite"))
}

async fn declared(connection: &mut SqliteConnection) -> Result<Catalog, sqlx::Error> {
    let version: String =
        sqlx::query_scalar("select sqlite_version()").fetch_one(&mut *connection).await?;
    let names: Vec<(String, bool)> = sqlx::query_as(TABLES).fetch_all(&mut *connection).await?;
    let mut tables = Vec::with_capacity(names.len());
    for (name, without_row_id) in names {
        tables.push(table(connection, name, without_row_id).await?);
    }
    complete_references(&mut tables);
    Ok(Catalog {
        engine: Engine::Sqlite,
        server: format!("SQLite {version}"),
        tables,
        enums: Vec::new(),
    })
}

async fn table(
    connection: &mut SqliteConnection,
    name: String,
    without_row_id: bool,
) -> Result<Table, sqlx::Error> {
    let rows = sqlx::query(COLUMNS).bind(&name).fetch_all(&mut *connection).await?;
    let mut primary_key: Vec<(i64, String)> = Vec::new();
    let mut columns = Vec::with_capacity(rows.len());
    for row in &rows {
        let place: i64 = row.try_get("pk")?;
        let column = column(row)?;
        if place > 0 {
            primary_key.push((place, column.name.clone()));
        }
        columns.push(column);
    }
    primary_key.sort();
    let primary_key: Vec<String> = primary_key.into_iter().map(|(_, name)| name).collect();
    // The one column that is another name of the row's own number: given out, and never null.
    if let [key] = primary_key.as_slice()
        && !without_row_id
        && let Some(column) = columns.iter_mut().find(|column| column.name == *key)
        && column.native_type.eq_ignore_ascii_case("integer")
    {
        column.identity = true;
        column.nullable = false;
    }
    let mut table = Table {
        name: TableName::new(None, name),
        columns,
        primary_key,
        indexes: Vec::new(),
        foreign_keys: Vec::new(),
        estimated_rows: 0,
        estimated_bytes: 0,
        comment: None,
    };
    table.indexes = indexes(connection, &table).await?;
    table.foreign_keys = foreign_keys(connection, &table).await?;
    if !without_row_id {
        let last = format!(
            "select coalesce(max(_rowid_), 0) from {}",
            ident::quote_table(Engine::Sqlite, &table.name)
        );
        // A column of this name hides the row's number; then there is no estimate.
        let last: Result<i64, _> =
            sqlx::query_scalar(AssertSqlSafe(last)).fetch_one(&mut *connection).await;
        table.estimated_rows = u64::try_from(last.unwrap_or(0)).unwrap_or(0);
    }
    Ok(table)
}

fn column(row: &SqliteRow) -> Result<Column, sqlx::Error> {
    let native_type: String = row.try_get("type")?;
    let data_type = declared_type(&native_type);
    let expression: Option<String> = row.try_get("dflt_value")?;
    let hidden: i64 = row.try_get("hidden")?;
    let default = expression.as_ref().and_then(|text| default_of(&data_type, text));
    let is_said = expression.is_some_and(|text| !text.trim().eq_ignore_ascii_case("null"));
    Ok(Column {
        name: row.try_get("name")?,
        nullable: row.try_get::<i64, _>("notnull")? == 0,
        default_left: is_said && default.is_none() && hidden <= 1,
        default,
        data_type,
        native_type,
        generated: hidden > 1,
        identity: false,
        comment: None,
    })
}

async fn indexes(
    connection: &mut SqliteConnection,
    table: &Table,
) -> Result<Vec<Index>, sqlx::Error> {
    let rows = sqlx::query(INDEXES).bind(&table.name.name).fetch_all(connection).await?;
    let mut indexes: Vec<Index> = Vec::new();
    let mut current = None;
    for row in &rows {
        let name: String = row.try_get("index_name")?;
        if current.as_ref() != Some(&name) {
            indexes.push(Index {
                name: name.clone(),
                columns: Vec::new(),
                unique: row.try_get::<i64, _>("is_unique")? != 0,
            });
            current = Some(name);
        }
        let (Some(index), column) =
            (indexes.last_mut(), row.try_get::<Option<String>, _>("column")?)
        else {
            continue;
        };
        index.columns.push(column.unwrap_or_default());
        if row.try_get::<i64, _>("partial")? != 0 {
            index.columns.push(String::new());
        }
    }
    for index in &mut indexes {
        // An index on expressions or on some rows is not made again from its columns.
        if index.columns.iter().any(String::is_empty) {
            index.columns.clear();
        }
        if index.name.starts_with("sqlite_autoindex_") {
            index.name = format!("{}_{}_key", table.name.name, index.columns.join("_"));
        }
    }
    Ok(indexes)
}

async fn foreign_keys(
    connection: &mut SqliteConnection,
    table: &Table,
) -> Result<Vec<ForeignKey>, sqlx::Error> {
    let rows = sqlx::query(FOREIGN_KEYS).bind(&table.name.name).fetch_all(connection).await?;
    let mut found: BTreeMap<i64, ForeignKey> = BTreeMap::new();
    for row in &rows {
        let parent = row.try_get::<String, _>("parent")?;
        let (on_delete, on_update) = (row.try_get("on_delete")?, row.try_get("on_update")?);
        let key = found.entry(row.try_get("id")?).or_insert_with(|| ForeignKey {
            name: String::new(),
            columns: Vec::new(),
            references: TableName::new(None, parent),
            referenced_columns: Vec::new(),
            on_delete: action(on_delete),
            on_update: action(on_update),
        });
        key.columns.push(row.try_get("child_column")?);
        // Without a column the parent's primary key is meant.
        key.referenced_columns.extend(row.try_get::<Option<String>, _>("parent_column")?);
    }
    Ok(found.into_values().rev().collect())
}

/// Names are spelled as they were declared: in a reference SQLite takes any case of them.
fn complete_references(tables: &mut [Table]) {
    let parents: Vec<(TableName, Vec<String>, Vec<String>)> = tables
        .iter()
        .map(|table| {
            let columns = table.columns.iter().map(|column| column.name.clone()).collect();
            (table.name.clone(), table.primary_key.clone(), columns)
        })
        .collect();
    for table in tables {
        let own: Vec<String> = table.columns.iter().map(|column| column.name.clone()).collect();
        let name = table.name.name.clone();
        for key in &mut table.foreign_keys {
            let parent = parents
                .iter()
                .find(|(name, ..)| name.name.eq_ignore_ascii_case(&key.references.name));
            spell_as_declared(&mut key.columns, &own);
            if let Some((parent, primary_key, columns)) = parent {
                key.references = parent.clone();
                if key.referenced_columns.is_empty() {
                    key.referenced_columns.clone_from(primary_key);
                }
                spell_as_declared(&mut key.referenced_columns, columns);
            }
            key.name = format!("{name}_{}_fkey", key.columns.join("_"));
        }
        // A reference to a table that is not there holds nothing.
        table.foreign_keys.retain(|key| {
            key.referenced_columns.len() == key.columns.len()
                && parents.iter().any(|(name, ..)| *name == key.references)
        });
    }
}

fn spell_as_declared(names: &mut [String], declared: &[String]) {
    for name in names {
        if let Some(spelled) = declared.iter().find(|d| d.eq_ignore_ascii_case(name)) {
            name.clone_from(spelled);
        }
    }
}

fn action(text: &str) -> ReferentialAction {
    match text {
        "CASCADE" => ReferentialAction::Cascade,
        "RESTRICT" => ReferentialAction::Restrict,
        "SET NULL" => ReferentialAction::SetNull,
        "SET DEFAULT" => ReferentialAction::SetDefault,
        _ => ReferentialAction::NoAction,
    }
}

/// What a declared type means. SQLite itself only looks for a few words in it, in this order.
fn declared_type(declared: &str) -> DataType {
    let text = declared.trim().to_ascii_lowercase();
    let (name, arguments) = match text.split_once('(') {
        Some((name, rest)) => (name.trim(), rest.split(')').next().unwrap_or_default()),
        None => (text.as_str(), ""),
    };
    let arguments: Vec<u32> =
        arguments.split(',').filter_map(|number| number.trim().parse().ok()).collect();
    match name {
        "boolean" | "bool" => return DataType::Boolean,
        "date" => return DataType::Date,
        "time" => return DataType::Time,
        "datetime"
        | "timestamp"
        | "timestamp without time zone"
        | "datetime2"
        | "smalldatetime" => {
            return DataType::Timestamp;
        }
        "timestamptz" | "timestamp with time zone" | "datetimeoffset" => {
            return DataType::TimestampTz;
        }
        "decimal" | "numeric" | "dec" | "number" | "money" => {
            let size = match arguments.as_slice() {
                [precision] => Some((*precision, 0)),
                [precision, scale] => Some((*precision, *scale)),
                _ => None,
            };
            let size = size.and_then(|(precision, scale)| {
                let (precision, scale) =
                    (u16::try_from(precision).ok()?, i16::try_from(scale).ok()?);
                (precision > 0 && precision <= 1000 && scale <= 1000).then_some((precision, scale))
            });
            return DataType::Numeric(size);
        }
        "uuid" | "guid" | "uniqueidentifier" => return DataType::Uuid,
        "json" => return DataType::Json,
        "jsonb" => return DataType::Jsonb,
        "bytea" | "varbinary" | "binary" | "image" | "" | "any" => return DataType::Bytea,
        "interval" | "timetz" | "bit" | "varbit" | "bit varying" => {
            return declared.parse().unwrap_or(DataType::Text);
        }
        _ => {}
    }
    let length = arguments.first().copied().filter(|length| (1..=10_485_760).contains(length));
    if name.ends_with("[]") {
        return declared.parse().unwrap_or(DataType::Text);
    }
    if name.contains("int") {
        DataType::BigInt
    } else if name.contains("char") {
        DataType::Varchar(length)
    } else if name.contains("clob") || name.contains("text") || name.contains("string") {
        DataType::Text
    } else if name.contains("blob") {
        DataType::Bytea
    } else if name.contains("real") || name.contains("floa") || name.contains("doub") {
        DataType::Double
    } else {
        DataType::Text
    }
}

fn default_of(data_type: &DataType, expression: &str) -> Option<String> {
    let mut text = expression.trim();
    while let Some(inner) = text.strip_prefix('(').and_then(|text| text.strip_suffix(')')) {
        text = inner.trim();
    }
    if let Some(quoted) = text.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')) {
        // Two literals with an operator between them begin and end with quotes too.
        let inner = quoted.replace("''", "");
        return if inner.contains('\'') {
            None
        } else {
            default::constant(data_type, &quoted.replace("''", "'"))
        };
    }
    match text.to_ascii_lowercase().as_str() {
        "current_timestamp"
        | "datetime('now')"
        | "datetime('now','utc')"
        | "strftime('%y-%m-%d %h:%m:%s', 'now')" => match data_type {
            DataType::Timestamp | DataType::TimestampTz => default::now(data_type),
            _ => None,
        },
        "current_date" | "date('now')" if *data_type == DataType::Date => default::now(data_type),
        "null" => None,
        "true" | "false" if *data_type == DataType::Boolean => Some(text.to_ascii_lowercase()),
        _ => text.parse::<f64>().ok().and_then(|_| default::constant(data_type, text)),
    }
}

const TABLES: &str = "
    select name, wr
    from pragma_table_list
    where schema = 'main' and type = 'table'
      and name not like 'sqlite\\_%' escape '\\'
      and name not like '\\_transfuse\\_%' escape '\\'
    order by name";

const COLUMNS: &str = "
    select name, type, \"notnull\", dflt_value, pk, hidden
    from pragma_table_xinfo(?1)
    where hidden <> 1
    order by cid";

const INDEXES: &str = "
    select list.name as index_name,
           list.\"unique\" as is_unique,
           list.partial as partial,
           info.name as \"column\"
    from pragma_index_list(?1) as list, pragma_index_xinfo(list.name) as info
    where info.key = 1 and list.origin <> 'pk'
    order by list.seq desc, info.seqno";

const FOREIGN_KEYS: &str = "
    select id, \"table\" as parent, \"from\" as child_column, \"to\" as parent_column,
           on_update, on_delete
    from pragma_foreign_key_list(?1)
    order by id, seq";

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(declared: &str, expected: DataType) {
        assert_eq!(declared_type(declared), expected);
    }

    #[test]
    fn a_declared_type_is_understood_as_people_mean_it() {
        check("INTEGER", DataType::BigInt);
        check("TINYINT(1)", DataType::BigInt);
        check("unsigned big int", DataType::BigInt);
        check("NVARCHAR(160)", DataType::Varchar(Some(160)));
        check("VARCHAR ( 20 )", DataType::Varchar(Some(20)));
        check("DECIMAL(10,2)", DataType::Numeric(Some((10, 2))));
        check("NUMERIC", DataType::Numeric(None));
        check("DATETIME", DataType::Timestamp);
        check("BOOLEAN", DataType::Boolean);
        check("double precision", DataType::Double);
        check("BLOB", DataType::Bytea);
        check("text[]", DataType::Array(Box::new(DataType::Text)));
        check("whatever", DataType::Text);
    }

    #[test]
    fn a_default_is_kept_where_it_fits_its_column() {
        assert_eq!(default_of(&DataType::BigInt, "0").as_deref(), Some("0"));
        assert_eq!(default_of(&DataType::Text, "'it''s'").as_deref(), Some("'it''s'"));
        assert_eq!(default_of(&DataType::Text, "'a' || 'b'"), None);
        assert_eq!(default_of(&DataType::Text, "null"), None);
        assert_eq!(
            default_of(&DataType::Timestamp, "(CURRENT_TIMESTAMP)").as_deref(),
            Some("(now() at time zone 'utc')")
        );
    }
}
