//! The tables of the legacy system, described once and written in the SQL of three engines.

mod tables;

use shared::connection::Engine;

use crate::ident::quote;

pub(super) use tables::TABLES;

/// A table of the legacy system.
#[derive(Debug, Clone, Copy)]
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) columns: &'static [Column],
    pub(super) unique: &'static [&'static [&'static str]],
}

/// One column; every table's first is its key, a serial number.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) required: bool,
    default: Option<&'static str>,
    references: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Serial,
    Int,
    BigInt,
    Varchar(u16),
    Text,
    Numeric(u8, u8),
    Bool,
    Date,
    TimestampTz,
    Uuid,
}

impl Table {
    /// The statement that makes the table. Where keys can be added later they are left out here.
    pub(super) fn create(&self, engine: Engine) -> String {
        let mut parts: Vec<String> =
            self.columns.iter().map(|column| column.definition(engine)).collect();
        if engine == Engine::Sqlite {
            parts.extend(self.foreign_keys().map(|(column, parent)| {
                format!("foreign key ({}) references {parent} (id)", quote(engine, column))
            }));
        }
        let options = if engine == Engine::Mysql { " default character set utf8mb4" } else { "" };
        format!("create table {} (\n  {}\n){options}", self.name, parts.join(",\n  "))
    }

    /// The statements that give the filled table its unique keys, foreign keys and the indexes
    /// that the legacy framework makes for them.
    pub(super) fn finish(&self, engine: Engine) -> Vec<String> {
        let name = self.name;
        let unique = self.unique.iter().map(|columns| {
            let list: Vec<String> = columns.iter().map(|column| quote(engine, column)).collect();
            (format!("{name}_{}_uniq", columns.join("_")), list.join(", "))
        });
        let foreign: Vec<(&str, &str)> = self.foreign_keys().collect();
        let keys = foreign.iter().map(|(column, parent)| {
            let deferred =
                if engine == Engine::Postgres { " deferrable initially deferred" } else { "" };
            format!(
                "add constraint {name}_{column}_fk foreign key ({}) references {parent} (id){deferred}",
                quote(engine, column)
            )
        });
        if engine == Engine::Mysql {
            // All in one: every statement here copies or scans the table. Foreign keys bring
            // their indexes with them.
            let added: Vec<String> = unique
                .map(|(index, list)| format!("add unique index {index} ({list})"))
                .chain(keys)
                .collect();
            let none = added.is_empty();
            let statement = format!("alter table {name} {}", added.join(", "));
            return if none { Vec::new() } else { vec![statement] };
        }
        let mut statements: Vec<String> = unique
            .map(|(index, list)| format!("create unique index {index} on {name} ({list})"))
            .collect();
        statements.extend(foreign.iter().map(|(column, _)| {
            format!("create index {name}_{column}_idx on {name} ({})", quote(engine, column))
        }));
        if engine == Engine::Postgres {
            let keys: Vec<String> = keys.collect();
            if !keys.is_empty() {
                statements.push(format!("alter table {name} {}", keys.join(", ")));
            }
            statements.push(format!(
                "select setval(pg_get_serial_sequence('{name}', 'id'), \
                 (select coalesce(max(id), 0) + 1 from {name}), false)"
            ));
        }
        statements
    }

    fn foreign_keys(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.columns.iter().filter_map(|column| Some((column.name, column.references?)))
    }
}

impl Column {
    const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    const fn default(mut self, value: &'static str) -> Self {
        self.default = Some(value);
        self
    }

    const fn to(mut self, table: &'static str) -> Self {
        self.references = Some(table);
        self
    }

    fn definition(&self, engine: Engine) -> String {
        let mut sql = format!("{} {}", quote(engine, self.name), self.kind.sql(engine));
        let instant = self.kind == Kind::TimestampTz && engine == Engine::Mysql;
        if self.required {
            sql.push_str(" not null");
        } else if instant {
            // MySQL's timestamps may otherwise be not null by themselves.
            sql.push_str(" null");
        }
        match self.default {
            Some(value) => {
                sql.push_str(" default ");
                sql.push_str(&default_sql(engine, self.kind, value));
            }
            // Without one, some versions let the first timestamp follow every update.
            None if instant && self.required => sql.push_str(" default current_timestamp(6)"),
            None => {}
        }
        sql
    }
}

impl Kind {
    fn sql(self, engine: Engine) -> String {
        let text = match (self, engine) {
            (Self::Serial, Engine::Postgres) => "serial primary key",
            (Self::Serial, Engine::Mysql) => "int auto_increment primary key",
            (Self::Serial, _) => "integer primary key",
            (Self::Int, _) => "int",
            (Self::BigInt, _) => "bigint",
            (Self::Text, Engine::Mysql) => "longtext",
            (Self::Text, _) => "text",
            (Self::Bool, Engine::Mysql) => "tinyint(1)",
            (Self::Bool, _) => "boolean",
            (Self::Date, _) => "date",
            (Self::TimestampTz, Engine::Mysql) => "timestamp(6)",
            (Self::TimestampTz, _) => "timestamptz",
            (Self::Uuid, Engine::Mysql) => "char(36)",
            (Self::Uuid, _) => "uuid",
            (Self::Varchar(length), _) => return format!("varchar({length})"),
            (Self::Numeric(precision, scale), _) => return format!("numeric({precision},{scale})"),
        };
        text.to_owned()
    }
}

fn default_sql(engine: Engine, kind: Kind, value: &str) -> String {
    match (kind, engine) {
        (Kind::Bool, Engine::Postgres) => value.to_owned(),
        (Kind::Bool, _) => if value == "true" { "1" } else { "0" }.to_owned(),
        // MySQL takes a default of a long text only as an expression.
        (Kind::Text, Engine::Mysql) => format!("('{value}')"),
        (Kind::Text | Kind::Varchar(_), _) => format!("'{value}'"),
        _ => value.to_owned(),
    }
}

/// The description of a table, by its name.
pub(super) fn table(name: &str) -> &'static Table {
    TABLES.iter().find(|table| table.name == name).expect("the name of a table of this system")
}

/// The catalog of all tables, without their keys and indexes.
#[cfg(test)]
pub(super) fn catalog() -> shared::assessment::Catalog {
    use shared::assessment::{Catalog, Column, TableName};

    let column = |column: &self::Column| Column {
        name: column.name.to_owned(),
        native_type: column.kind.sql(Engine::Postgres),
        data_type: match column.kind {
            Kind::Serial => shared::data_type::DataType::Integer,
            kind => kind.sql(Engine::Postgres).parse().unwrap(),
        },
        nullable: !column.required,
        default: None,
        default_left: false,
        generated: false,
        identity: column.kind == Kind::Serial,
        comment: None,
    };
    let table = |table: &Table| shared::assessment::Table {
        name: TableName::new(None, table.name),
        columns: table.columns.iter().map(column).collect(),
        primary_key: vec!["id".to_owned()],
        indexes: Vec::new(),
        foreign_keys: Vec::new(),
        estimated_rows: 0,
        estimated_bytes: 0,
        comment: None,
    };
    Catalog {
        engine: Engine::Postgres,
        server: "PostgreSQL".to_owned(),
        tables: TABLES.iter().map(table).collect(),
        enums: Vec::new(),
    }
}
