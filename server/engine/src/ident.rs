//! Names and literals in SQL that is put together here.

use std::fmt::Write as _;

use shared::assessment::TableName;
use shared::connection::Engine;

/// A name, quoted for the engine: `"order"`, `` `order` ``.
pub fn quote(engine: Engine, name: &str) -> String {
    match engine {
        Engine::Mysql => format!("`{}`", name.replace('`', "``")),
        Engine::Postgres | Engine::Sqlite | Engine::Csv => {
            format!("\"{}\"", name.replace('"', "\"\""))
        }
    }
}

/// A table's name with its schema, each part quoted for the engine.
pub fn quote_table(engine: Engine, table: &TableName) -> String {
    match &table.schema {
        Some(schema) => format!("{}.{}", quote(engine, schema), quote(engine, &table.name)),
        None => quote(engine, &table.name),
    }
}

/// Names, quoted and separated by commas.
pub fn quote_list<'a>(engine: Engine, names: impl IntoIterator<Item = &'a String>) -> String {
    names.into_iter().map(|name| quote(engine, name)).collect::<Vec<_>>().join(", ")
}

/// A text as a literal that stands for itself whatever it contains.
///
/// Binding is the rule; literals are for `copy (…) to stdout` and for unprepared statements,
/// which take no parameters.
pub fn literal(engine: Engine, text: &str) -> String {
    match engine {
        // Without backslashes the plain form means the same under every setting.
        Engine::Postgres if text.contains('\\') => {
            format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
        }
        Engine::Mysql => format!("_utf8mb4 {}", hex_literal(text.as_bytes())),
        Engine::Postgres | Engine::Sqlite | Engine::Csv => {
            format!("'{}'", text.replace('\'', "''"))
        }
    }
}

/// Bytes as MySQL and SQLite write them: `x'00ff'`.
pub fn hex_literal(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2 + 3);
    text.push_str("x'");
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text.push('\'');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_leave_its_quotes() {
        assert_eq!(quote(Engine::Postgres, "a\"b"), "\"a\"\"b\"");
        assert_eq!(quote(Engine::Mysql, "a`b"), "`a``b`");
    }

    #[test]
    fn a_literal_cannot_leave_its_quotes() {
        assert_eq!(literal(Engine::Postgres, "o'x"), "'o''x'");
        assert_eq!(literal(Engine::Postgres, "\\'"), "E'\\\\'''");
        assert_eq!(literal(Engine::Mysql, "o'\\"), "_utf8mb4 x'6f275c'");
    }
}
