//! A value of SQLite's as a text from which it comes back exactly, whatever it holds.

use crate::value::{Flaw, Value, from_hex};

/// An expression for the text. `quote()` alone would end a text at its first 0x00.
pub(super) fn exactly(column: &str) -> String {
    format!(
        "case typeof({column}) when 'text' then 't' || hex({column}) \
         when 'blob' then 'b' || hex({column}) else quote({column}) end"
    )
}

/// The value that the expression wrote.
pub(super) fn read_literal(literal: &str) -> Value<'static> {
    if literal == "NULL" {
        return Value::Null;
    }
    let bytes = |digits: &str| from_hex(digits).unwrap_or_default();
    if let Some(digits) = literal.strip_prefix('t') {
        return match String::from_utf8(bytes(digits)) {
            Ok(text) => Value::Text(text.into()),
            Err(error) => Value::Invalid(Flaw::NotText, error.into_bytes().into()),
        };
    }
    if let Some(digits) = literal.strip_prefix('b') {
        return Value::Bytes(bytes(digits).into());
    }
    match literal.parse::<i64>() {
        Ok(number) => Value::Int(number),
        Err(_) => Value::Float(literal.parse().unwrap_or(f64::NAN)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_comes_back_from_what_sqlite_wrote_of_it() {
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        for (sql, expected) in [
            ("null", Value::Null),
            ("'O''Hara'", Value::Text("O'Hara".into())),
            ("''", Value::Text("".into())),
            ("'7'", Value::Text("7".into())),
            ("cast(x'610062' as text)", Value::Text("a\0b".into())),
            ("cast(x'ff' as text)", Value::Invalid(Flaw::NotText, vec![255].into())),
            ("-9223372036854775808", Value::Int(i64::MIN)),
            ("0.1", Value::Float(0.1)),
            ("2.0", Value::Float(2.0)),
            ("9e999", Value::Float(f64::INFINITY)),
            ("-9e999", Value::Float(f64::NEG_INFINITY)),
            ("x'00ff'", Value::Bytes(vec![0, 255].into())),
        ] {
            let statement = format!("select {} from (select {sql} as c)", exactly("c"));
            let written: String = connection.query_row(&statement, [], |row| row.get(0)).unwrap();
            assert_eq!(read_literal(&written), expected, "{written}");
        }
    }
}
