//! One text for each value, the same whichever database it lies in: what is hashed and compared.
//!
//! A row is its columns' fields with `|` between them. A field of text stands after its length in
//! bytes, so that no value can look like two; any other field cannot contain the separator. Null
//! is the empty field. Zeros at the end of a decimal and blanks at the end of a `char(n)` are no
//! part of a value; everything else is, to the last bit of a float.

use std::borrow::Cow;

use shared::connection::Engine;
use shared::data_type::DataType;

use super::{hash, jsonb};
use crate::value::{Value, display};

/// The text of one row, and where each field of it ends.
#[derive(Debug, Default)]
pub(super) struct RowText {
    text: Vec<u8>,
    ends: Vec<usize>,
}

impl RowText {
    /// Writes a row anew. `engine` is the target's: a `jsonb` is a text in SQLite.
    pub(super) fn write<'a>(
        &mut self,
        engine: Engine,
        fields: impl IntoIterator<Item = (&'a Value<'a>, &'a DataType)>,
    ) {
        self.text.clear();
        self.ends.clear();
        for (value, data_type) in fields {
            if !self.ends.is_empty() {
                self.text.push(b'|');
            }
            field(engine, value, data_type, &mut self.text);
            self.ends.push(self.text.len());
        }
    }

    pub(super) fn hash(&self) -> u64 {
        hash::hash(&self.text, 0)
    }

    pub(super) fn field(&self, column: usize) -> &[u8] {
        let start = column.checked_sub(1).map_or(0, |before| self.ends[before] + 1);
        &self.text[start..self.ends[column]]
    }

    pub(super) fn fields(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.ends.len()).map(|column| self.field(column))
    }
}

/// The expression by which PostgreSQL computes the hash of a row's text.
pub(super) fn postgres_hash<'a>(
    columns: impl IntoIterator<Item = (&'a str, &'a DataType)>,
) -> String {
    let mut arguments: Vec<String> = Vec::new();
    for (name, data_type) in columns {
        if !arguments.is_empty() {
            arguments.push("'|'".to_owned());
        }
        let name = crate::ident::quote(Engine::Postgres, name);
        match kind(data_type) {
            Kind::Text => {
                let text = format!("{name}::text");
                arguments.extend([format!("octet_length({text})"), "':'".to_owned(), text]);
            }
            // A cast to the type that it has costs nothing; a domain, or money, is of another.
            Kind::Decimal => arguments.push(format!("trim_scale({name}::numeric)")),
            Kind::Plain => arguments.push(format!("{name}::{data_type}")),
            Kind::Bits(send) => {
                arguments.push(format!("encode({send}({name}::{data_type}),'hex')"));
            }
        }
    }
    // A function takes a hundred arguments at most.
    while arguments.len() > ARGUMENTS {
        let call = |part: &[String]| format!("concat({})", part.join(","));
        arguments = arguments.chunks(ARGUMENTS).map(call).collect();
    }
    // Columns of several collations have none together.
    format!("hashtextextended(concat({}) collate \"C\",0)", arguments.join(","))
}

/// What a field says, without the length before a text.
pub(super) fn plain<'f>(field: &'f [u8], data_type: &DataType) -> &'f [u8] {
    match kind(data_type) {
        Kind::Text => match field.iter().position(|byte| *byte == b':') {
            Some(colon) => &field[colon + 1..],
            None => field,
        },
        Kind::Decimal | Kind::Plain | Kind::Bits(_) => field,
    }
}

const ARGUMENTS: usize = 90;

/// How the field of a type is written.
enum Kind {
    Text,
    Decimal,
    /// As PostgreSQL writes it in ISO style.
    Plain,
    /// The bytes that the function sends, in hexadecimal digits.
    Bits(&'static str),
}

const fn kind(data_type: &DataType) -> Kind {
    match data_type {
        DataType::Boolean
        | DataType::SmallInt
        | DataType::Integer
        | DataType::BigInt
        | DataType::Date
        | DataType::Time
        | DataType::Timestamp
        | DataType::TimestampTz
        | DataType::Uuid
        | DataType::Bytea => Kind::Plain,
        DataType::Numeric(_) => Kind::Decimal,
        DataType::Real => Kind::Bits("float4send"),
        DataType::Double => Kind::Bits("float8send"),
        DataType::TimeTz => Kind::Bits("timetz_send"),
        DataType::Interval => Kind::Bits("interval_send"),
        DataType::Text
        | DataType::Varchar(_)
        | DataType::Char(_)
        | DataType::Json
        | DataType::Jsonb
        | DataType::Bit(_)
        | DataType::VarBit(_)
        | DataType::Array(_)
        | DataType::Named(_) => Kind::Text,
    }
}

fn field(engine: Engine, value: &Value<'_>, data_type: &DataType, out: &mut Vec<u8>) {
    let kind = kind(data_type);
    if value.is_null() {
        if matches!(kind, Kind::Text) {
            out.push(b':');
        }
        return;
    }
    match (kind, value) {
        (Kind::Text, value) => match text_of(engine, value, data_type) {
            Some(text) => sized(text.as_bytes(), out),
            None => foreign(value, out),
        },
        (Kind::Decimal, Value::Decimal(text)) => out.extend_from_slice(trimmed(text).as_bytes()),
        (Kind::Plain, Value::Bytes(bytes)) => {
            out.extend_from_slice(b"\\x");
            hexadecimal(bytes, out);
        }
        (Kind::Plain, Value::Int(number)) => {
            let mut digits = [0; 20];
            out.extend_from_slice(decimal_digits(*number, &mut digits));
        }
        (
            Kind::Plain,
            Value::Bool(_)
            | Value::Date(_)
            | Value::Time(_)
            | Value::Timestamp(_)
            | Value::TimestampTz(_)
            | Value::Uuid(_),
        ) => match display(value) {
            Some(text) => out.extend_from_slice(text.as_bytes()),
            None => foreign(value, out),
        },
        (Kind::Bits(_), Value::Float32(number)) => {
            // Every NaN is the one that PostgreSQL makes.
            let number = if number.is_nan() { f32::NAN } else { *number };
            hexadecimal(&number.to_be_bytes(), out);
        }
        (Kind::Bits(_), Value::Float(number)) => {
            let number = if number.is_nan() { f64::NAN } else { *number };
            hexadecimal(&number.to_be_bytes(), out);
        }
        (Kind::Bits(_), Value::TimeTz(microseconds, west)) => {
            hexadecimal(&microseconds.to_be_bytes(), out);
            hexadecimal(&west.to_be_bytes(), out);
        }
        (Kind::Bits(_), Value::Interval { months, days, microseconds }) => {
            hexadecimal(&microseconds.to_be_bytes(), out);
            hexadecimal(&days.to_be_bytes(), out);
            hexadecimal(&months.to_be_bytes(), out);
        }
        (_, value) => foreign(value, out),
    }
}

fn text_of<'a>(engine: Engine, value: &'a Value<'_>, data_type: &DataType) -> Option<Cow<'a, str>> {
    match (value, data_type) {
        (Value::Text(text), DataType::Char(_)) => Some(Cow::Borrowed(text.trim_end_matches(' '))),
        (Value::Json(text), DataType::Jsonb) if engine == Engine::Postgres => {
            Some(jsonb::written(text).map_or(Cow::Borrowed(text.as_ref()), Cow::Owned))
        }
        (Value::Bytes(_) | Value::Raw(_) | Value::Invalid(..), _) => None,
        (value, _) => display(value),
    }
}

/// What is not a value of its column's type, as a database that does not keep to types may hold.
/// No field of a right value begins so.
fn foreign(value: &Value<'_>, out: &mut Vec<u8>) {
    out.push(b'!');
    match value {
        Value::Bytes(bytes) | Value::Raw(bytes) | Value::Invalid(_, bytes) => sized(bytes, out),
        other => sized(display(other).unwrap_or_default().as_bytes(), out),
    }
}

fn sized(bytes: &[u8], out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let length = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
    out.extend_from_slice(decimal_digits(length, &mut digits));
    out.push(b':');
    out.extend_from_slice(bytes);
}

/// Without zeros that say nothing: `12.50` is `12.5`, `-0.00` is `0`.
fn trimmed(number: &str) -> &str {
    let text = match number.split_once('.') {
        Some(_) => number.trim_end_matches('0').trim_end_matches('.'),
        None => number,
    };
    match text {
        "-0" | "" | "-" => "0",
        text => text,
    }
}

fn hexadecimal(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.reserve(bytes.len() * 2);
    for byte in bytes {
        out.push(DIGITS[usize::from(byte >> 4)]);
        out.push(DIGITS[usize::from(byte & 15)]);
    }
}

fn decimal_digits(number: i64, buffer: &mut [u8; 20]) -> &[u8] {
    let mut at = buffer.len();
    let mut rest = number.unsigned_abs();
    loop {
        at -= 1;
        buffer[at] = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if number < 0 {
        at -= 1;
        buffer[at] = b'-';
    }
    &buffer[at..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: Value<'_>, data_type: &str, expected: &str) {
        let mut row = RowText::default();
        row.write(Engine::Postgres, [(&value, &data_type.parse().unwrap())]);
        assert_eq!(String::from_utf8_lossy(row.field(0)), expected);
    }

    #[test]
    fn a_value_has_one_text() {
        check(Value::Decimal("12.50".into()), "numeric", "12.5");
        check(Value::Decimal("-0.00".into()), "numeric(5,2)", "0");
        check(Value::Decimal("100".into()), "numeric", "100");
        check(Value::Decimal("NaN".into()), "numeric", "NaN");
        check(Value::Text("ab ".into()), "char(5)", "2:ab");
        check(Value::Text("ab ".into()), "varchar(5)", "3:ab ");
        check(Value::Bytes(vec![0, 255].into()), "bytea", "\\x00ff");
        check(Value::Int(i64::MIN), "bigint", "-9223372036854775808");
        check(Value::Float(-0.0), "double precision", "8000000000000000");
        check(Value::Bool(true), "boolean", "t");
        check(Value::Json("{\"b\":1, \"a\":2}".into()), "jsonb", "16:{\"a\": 2, \"b\": 1}");
    }

    #[test]
    fn nothing_is_not_an_empty_text() {
        check(Value::Null, "text", ":");
        check(Value::Text("".into()), "text", "0:");
        check(Value::Null, "bytea", "");
        check(Value::Bytes(Vec::new().into()), "bytea", "\\x");
    }

    #[test]
    fn a_value_of_another_type_is_like_no_value_of_the_right_one() {
        check(Value::Text("12".into()), "integer", "!2:12");
        check(Value::Bytes(b"x".into()), "text", "!1:x");
    }

    proptest::proptest! {
        /// The fields of two rows are the same when their texts are.
        #[test]
        fn no_two_rows_have_one_text(
            left in proptest::collection::vec(proptest::option::of("[|:0-9a]{0,6}"), 3),
            right in proptest::collection::vec(proptest::option::of("[|:0-9a]{0,6}"), 3),
        ) {
            let text = |row: &[Option<String>]| {
                let values: Vec<_> = row
                    .iter()
                    .map(|cell| cell.as_ref().map_or(Value::Null, |t| Value::Text(t.into())))
                    .collect();
                let mut text = RowText::default();
                text.write(Engine::Postgres, values.iter().map(|value| (value, &DataType::Text)));
                text.text
            };
            proptest::prop_assert_eq!(left == right, text(&left) == text(&right));
        }
    }
}
