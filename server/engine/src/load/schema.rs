//! Tables, indexes and keys of the target, as the plan shapes them.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};
use shared::assessment::{Catalog, ForeignKey, Index, TableName};
use shared::connection::Engine;
use shared::data_type::DataType;
use shared::plan::{Plan, ShapeColumn, TableMapping, TableShape};

use super::sqlite;
use crate::ident::{literal, quote, quote_list, quote_table};
use crate::map::target_name;

/// Something that the target is to have, and the statement that makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Creation {
    pub kind: Kind,
    pub name: String,
    pub sql: String,
    /// The statement that takes it back; empty for the plan's own statements, of which it is
    /// found out when they run.
    pub undo: String,
}

/// What is made, and how it is taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Schema,
    Enum,
    Table,
    Index,
    ForeignKey,
    /// A sequence that was there before and was moved.
    Sequence,
    /// The plan's own statements.
    Sql,
}

impl Kind {
    /// As the target's list of made objects names it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Schema => "schema",
            Self::Enum => "type",
            Self::Table => "table",
            Self::Index => "index",
            Self::ForeignKey => "foreign key",
            Self::Sequence => "sequence",
            Self::Sql => "sql",
        }
    }
}

/// What has to be made before rows can be loaded; what the target has already is left alone.
pub fn before_load(plan: &Plan, target: &Catalog) -> Vec<Creation> {
    let engine = target.engine;
    let mut creations = Vec::new();
    let missing: Vec<(&TableMapping, &TableShape)> = plan
        .tables
        .iter()
        .filter(|mapping| target.table(&target_name(engine, &mapping.target)).is_none())
        .filter_map(|mapping| mapping.create.as_ref().map(|shape| (mapping, shape)))
        .collect();
    if engine == Engine::Postgres {
        let schemas: BTreeSet<&str> =
            missing.iter().filter_map(|(mapping, _)| mapping.target.schema.as_deref()).collect();
        for schema in schemas.into_iter().filter(|schema| *schema != "public") {
            creations.push(Creation {
                kind: Kind::Schema,
                name: schema.to_owned(),
                sql: format!("create schema if not exists {}", quote(engine, schema)),
                undo: format!("drop schema if exists {}", quote(engine, schema)),
            });
        }
        if !plan.target_sql.before.trim().is_empty() {
            creations.push(Creation {
                kind: Kind::Sql,
                name: "before".to_owned(),
                sql: plan.target_sql.before.clone(),
                undo: String::new(),
            });
        }
        for (name, labels) in &plan.enums {
            if target.enums.iter().any(|known| is_called(&known.name, name)) {
                continue;
            }
            let labels: Vec<_> = labels.iter().map(|label| literal(engine, label)).collect();
            creations.push(Creation {
                kind: Kind::Enum,
                name: name.clone(),
                sql: format!("create type {} as enum ({})", type_name(name), labels.join(", ")),
                undo: format!("drop type if exists {}", type_name(name)),
            });
        }
    }
    for (mapping, shape) in missing {
        let name = target_name(engine, &mapping.target);
        creations.push(Creation {
            kind: Kind::Table,
            name: name.to_string(),
            sql: create_table(engine, mapping, shape),
            undo: format!("drop table if exists {}", quote_table(engine, &name)),
        });
    }
    creations
}

/// Statements that make the plain indexes of a table.
pub fn indexes(engine: Engine, mapping: &TableMapping) -> Vec<(String, String)> {
    let Some(shape) = &mapping.create else { return Vec::new() };
    shape
        .indexes
        .iter()
        .filter(|index| !index.unique && !index.columns.is_empty())
        .map(|index| (index.name.clone(), create_index(engine, &mapping.target, index)))
        .collect()
}

/// The statement that takes an index of a table back.
pub fn drop_index(engine: Engine, table: &TableName, index: &str) -> String {
    let name = TableName { name: index.to_owned(), ..target_name(engine, table) };
    format!("drop index if exists {}", quote_table(engine, &name))
}

/// The statement that takes a foreign key of a table back.
pub fn drop_foreign_key(table: &TableName, key: &str) -> String {
    let engine = Engine::Postgres;
    format!(
        "alter table if exists {} drop constraint if exists {}",
        quote_table(engine, &target_name(engine, table)),
        quote(engine, key)
    )
}

/// What makes rows of a table differ: its primary key, or a unique index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UniqueKey<'p> {
    pub name: String,
    pub columns: &'p [String],
    pub is_primary: bool,
}

/// The keys that a table of PostgreSQL gets once its rows are in, the primary key first: an index
/// over rows that are there costs half of one that is kept up while they come. Tables of SQLite
/// have theirs from the start, because it cannot add them.
pub fn unique_keys(mapping: &TableMapping) -> Vec<UniqueKey<'_>> {
    let Some(shape) = &mapping.create else { return Vec::new() };
    let primary = (!shape.primary_key.is_empty()).then(|| UniqueKey {
        name: primary_key_name(&mapping.target.name),
        columns: &shape.primary_key,
        is_primary: true,
    });
    let others = shape.indexes.iter().filter(|index| index.unique && !index.columns.is_empty());
    let others = others.map(|index| UniqueKey {
        name: index.name.clone(),
        columns: &index.columns,
        is_primary: false,
    });
    primary.into_iter().chain(others).collect()
}

/// The statement that makes the index under a key. It fails when two rows are equal.
pub fn create_unique_index(table: &TableName, key: &UniqueKey<'_>) -> String {
    let engine = Engine::Postgres;
    format!(
        "create unique index if not exists {} on {} ({})",
        quote(engine, &key.name),
        quote_table(engine, &target_name(engine, table)),
        quote_list(engine, key.columns)
    )
}

/// The statement that makes a key of the index under it.
pub fn add_key(table: &TableName, key: &UniqueKey<'_>) -> String {
    let engine = Engine::Postgres;
    format!(
        "alter table {} add constraint {name} {} using index {name}",
        quote_table(engine, &target_name(engine, table)),
        if key.is_primary { "primary key" } else { "unique" },
        name = quote(engine, &key.name),
    )
}

/// As PostgreSQL would name it, save that two long names that begin alike stay two.
fn primary_key_name(table: &str) -> String {
    const SUFFIX: &str = "_pkey";
    const LONGEST: usize = 63;
    if table.len() + SUFFIX.len() <= LONGEST {
        return format!("{table}{SUFFIX}");
    }
    let mut hash = String::new();
    for byte in Sha256::digest(table).iter().take(4) {
        let _ = write!(hash, "{byte:02x}");
    }
    let mut kept = LONGEST - SUFFIX.len() - hash.len() - 1;
    while !table.is_char_boundary(kept) {
        kept -= 1;
    }
    format!("{}_{hash}{SUFFIX}", &table[..kept])
}

/// The statement that makes a foreign key of a table that is there. Rows that are there are not
/// looked at until [`validate_foreign_key`].
pub fn add_foreign_key(mapping: &TableMapping, key: &ForeignKey) -> String {
    let engine = Engine::Postgres;
    format!(
        "alter table {} add constraint {} {} not valid",
        quote_table(engine, &target_name(engine, &mapping.target)),
        quote(engine, &key.name),
        foreign_key(engine, key)
    )
}

/// The statement that holds every row against a foreign key.
pub fn validate_foreign_key(mapping: &TableMapping, key: &ForeignKey) -> String {
    let engine = Engine::Postgres;
    format!(
        "alter table {} validate constraint {}",
        quote_table(engine, &target_name(engine, &mapping.target)),
        quote(engine, &key.name)
    )
}

fn create_table(engine: Engine, mapping: &TableMapping, shape: &TableShape) -> String {
    let mut parts: Vec<String> = mapping
        .columns
        .iter()
        .map(|column| {
            let mut sql = column_sql(
                engine,
                &column.target,
                &column.data_type,
                column.nullable && !shape.primary_key.contains(&column.target),
                column.default.as_deref(),
            );
            if column.identity && engine == Engine::Postgres {
                sql.push_str(" generated by default as identity");
            }
            sql
        })
        .collect();
    for column in &mapping.columns {
        if let Some(raw) = &column.keep_raw_in {
            parts.push(column_sql(engine, raw, &DataType::Text, true, None));
        }
    }
    parts.extend(shape.more_columns.iter().map(|column| more_column(engine, column)));
    if engine == Engine::Postgres {
        for (name, condition) in &shape.checks {
            parts.push(format!("constraint {} check ({condition})", quote(engine, name)));
        }
    } else {
        // SQLite can add neither keys nor foreign keys later: a row that breaks a key is refused
        // by itself, foreign keys are checked once everything is in. Conditions are written in
        // PostgreSQL's SQL and are not carried over.
        if !shape.primary_key.is_empty() {
            parts.push(format!("primary key ({})", quote_list(engine, &shape.primary_key)));
        }
        for index in shape.indexes.iter().filter(|i| i.unique && !i.columns.is_empty()) {
            parts.push(format!(
                "constraint {} unique ({})",
                quote(engine, &index.name),
                quote_list(engine, &index.columns)
            ));
        }
        parts.extend(shape.foreign_keys.iter().map(|key| {
            format!("constraint {} {}", quote(engine, &key.name), foreign_key(engine, key))
        }));
    }
    let mut sql = format!(
        "create table {} (\n  {}\n)",
        quote_table(engine, &target_name(engine, &mapping.target)),
        parts.join(",\n  ")
    );
    if let (Engine::Postgres, Some(comment)) = (engine, &shape.comment) {
        let _ = write!(
            sql,
            ";\ncomment on table {} is {}",
            quote_table(engine, &mapping.target),
            literal(engine, comment)
        );
    }
    sql
}

fn column_sql(
    engine: Engine,
    name: &str,
    data_type: &DataType,
    nullable: bool,
    default: Option<&str>,
) -> String {
    let mut sql = format!("{} {}", quote(engine, name), type_sql(engine, data_type));
    if !nullable {
        sql.push_str(" not null");
    }
    if let Some(default) = default.and_then(|default| default_sql(engine, default)) {
        let _ = write!(sql, " default {default}");
    }
    sql
}

fn more_column(engine: Engine, column: &ShapeColumn) -> String {
    match (&column.generated, engine) {
        (Some(expression), Engine::Postgres) => format!(
            "{} {} generated always as ({expression}) stored",
            quote(engine, &column.name),
            type_sql(engine, &column.data_type)
        ),
        _ => column_sql(
            engine,
            &column.name,
            &column.data_type,
            column.nullable || column.generated.is_some(),
            column.default.as_deref(),
        ),
    }
}

/// SQLite takes constants and the current time; what it cannot say is left out.
fn default_sql(engine: Engine, default: &str) -> Option<String> {
    if engine != Engine::Sqlite {
        return Some(default.to_owned());
    }
    let plain = default.split("::").next().unwrap_or(default).trim();
    let quoted = plain.len() >= 2 && plain.starts_with('\'') && plain.ends_with('\'');
    match plain.to_ascii_lowercase().as_str() {
        "now()" | "current_timestamp" | "clock_timestamp()" => Some("current_timestamp".to_owned()),
        "current_date" => Some("current_date".to_owned()),
        "true" => Some("1".to_owned()),
        "false" => Some("0".to_owned()),
        _ if quoted || plain.parse::<f64>().is_ok() => Some(plain.to_owned()),
        _ => None,
    }
}

fn type_sql(engine: Engine, data_type: &DataType) -> String {
    match engine {
        Engine::Sqlite => sqlite::declared_type(data_type),
        _ => data_type.to_string(),
    }
}

fn create_index(engine: Engine, table: &TableName, index: &Index) -> String {
    format!(
        "create index if not exists {} on {} ({})",
        quote(engine, &index.name),
        quote_table(engine, &target_name(engine, table)),
        quote_list(engine, &index.columns)
    )
}

fn foreign_key(engine: Engine, key: &ForeignKey) -> String {
    format!(
        "foreign key ({}) references {} ({}) on delete {} on update {}",
        quote_list(engine, &key.columns),
        quote_table(engine, &target_name(engine, &key.references)),
        quote_list(engine, &key.referenced_columns),
        key.on_delete.sql(),
        key.on_update.sql()
    )
}

/// A type's name as the plan writes it stands for a name with or without a schema.
fn is_called(known: &TableName, name: &str) -> bool {
    match name.parse::<TableName>() {
        Ok(name) if name.schema.is_some() => *known == name,
        Ok(name) => known.name == name.name && known.schema.as_deref() == Some("public"),
        Err(_) => false,
    }
}

pub fn type_name(name: &str) -> String {
    name.parse::<TableName>()
        .map_or_else(|_| quote(Engine::Postgres, name), |name| quote_table(Engine::Postgres, &name))
}
