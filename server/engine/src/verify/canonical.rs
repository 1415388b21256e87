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
#[derive(Debug, Clone, Default)]
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

    /// Puts another field in the place of one.
    pub(super) fn set(&mut self, column: usize, field: &[u8]) {
        let start = column.checked_sub(1).map_or(0, |before| self.ends[before] + 1);
        let end = self.ends[column];
        self.text.splice(start..end, field.iter().copied());
        for later in &mut self.ends[column..] {
            *later = *later + field.len() - (end - start);
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

/// An expression by which two servers of PostgreSQL tell rows that are not the same, in half the time
/// of [`postgres_hash`]: only they compute it.
///
/// The hashes of types are made for finding what is equal, and leave out what this module counts: the
/// sign of a decimal, the upper half of a number of 64 bits where the lower one makes up for it, the
/// form of a float. Such columns are hashed as the bytes that they are sent as. A record adds the
/// hashes of its columns up, each times a number; as a sum over rows, that would not tell rows that
/// exchanged a value, and so the record's hash is hashed once more.
pub(super) fn postgres_own_hash<'a>(
    columns: impl IntoIterator<Item = (&'a str, &'a DataType)>,
) -> String {
    let fields: Vec<String> = columns
        .into_iter()
        .map(|(name, data_type)| {
            let name = crate::ident::quote(Engine::Postgres, name);
            match (kind(data_type), data_type) {
                (Kind::Text, _) => format!("{name}::text collate \"C\""),
                (Kind::Decimal, _) => format!("trim_scale({name}::numeric)::text collate \"C\""),
                (Kind::Bits(send), _) => format!("{send}({name}::{data_type})"),
                (Kind::Plain, DataType::BigInt) => format!("int8send({name}::{data_type})"),
                (Kind::Plain, DataType::Time) => format!("time_send({name}::{data_type})"),
                (Kind::Plain, DataType::Timestamp) => {
                    format!("timestamp_send({name}::{data_type})")
                }
                (Kind::Plain, DataType::TimestampTz) => {
                    format!("timestamptz_send({name}::{data_type})")
                }
                (Kind::Plain, _) => format!("{name}::{data_type}"),
            }
        })
        .collect();
    let record = format!("hash_record_extended(row({}),0)", fields.join(","));
    format!("hashtextextended({record}::text collate \"C\",0)")
}

/// A field as people read it.
pub(super) fn shown(field: &[u8], data_type: &DataType) -> String {
    match value(Engine::Postgres, field, data_type) {
        Some(Value::Null) => "null".to_owned(),
        Some(Value::Text(text)) => text.into_owned(),
        _ => String::from_utf8_lossy(field).into_owned(),
    }
}

/// The first field of a text of fields, and what follows it.
pub(super) fn split_field<'f>(
    text: &'f [u8],
    data_type: &DataType,
) -> Option<(&'f [u8], &'f [u8])> {
    let end = if matches!(kind(data_type), Kind::Text) {
        let colon = text.iter().position(|byte| *byte == b':')?;
        let length = std::str::from_utf8(&text[..colon]).ok()?;
        let length: usize = if length.is_empty() { 0 } else { length.parse().ok()? };
        colon + 1 + length
    } else {
        text.iter().position(|byte| *byte == b'|').unwrap_or(text.len())
    };
    text.split_at_checked(end)
}

/// The value that a field stands for, as a statement of the target binds it; none for what is no
/// value of its column's type.
pub(super) fn value(engine: Engine, field: &[u8], data_type: &DataType) -> Option<Value<'static>> {
    if field.first() == Some(&b'!') {
        return None;
    }
    let text = || Some(Value::Text(String::from_utf8(field.to_vec()).ok()?.into()));
    let is_sqlite = engine == Engine::Sqlite;
    match kind(data_type) {
        Kind::Text => {
            let colon = field.iter().position(|byte| *byte == b':')?;
            let text = String::from_utf8(field[colon + 1..].to_vec()).ok()?;
            Some(if colon == 0 { Value::Null } else { Value::Text(text.into()) })
        }
        _ if field.is_empty() => Some(Value::Null),
        Kind::Plain if is_sqlite => match data_type {
            DataType::Boolean => Some(Value::Int(i64::from(field == b"t"))),
            DataType::Bytea => Some(Value::Bytes(from_hexadecimal(field.get(2..)?)?.into())),
            data_type if data_type.is_integer() => {
                Some(Value::Int(std::str::from_utf8(field).ok()?.parse().ok()?))
            }
            _ => text(),
        },
        Kind::Plain | Kind::Decimal => text(),
        Kind::Bits(_) => {
            let bytes = from_hexadecimal(field)?;
            let value = match data_type {
                DataType::Real => {
                    let number = f32::from_be_bytes(bytes.try_into().ok()?);
                    if is_sqlite { Value::Float(number.into()) } else { Value::Float32(number) }
                }
                DataType::Double => Value::Float(f64::from_be_bytes(bytes.try_into().ok()?)),
                DataType::TimeTz => {
                    let (time, west) = bytes.split_first_chunk::<8>()?;
                    let west = i32::from_be_bytes(west.try_into().ok()?);
                    Value::TimeTz(i64::from_be_bytes(*time), west)
                }
                _ => {
                    let (time, rest) = bytes.split_first_chunk::<8>()?;
                    let (days, months) = rest.split_first_chunk::<4>()?;
                    Value::Interval {
                        months: i32::from_be_bytes(months.try_into().ok()?),
                        days: i32::from_be_bytes(*days),
                        microseconds: i64::from_be_bytes(*time),
                    }
                }
            };
            Some(match value {
                Value::Float(number) if is_sqlite => Value::Float(number),
                other => Value::Text(display(&other)?.into_owned().into()),
            })
        }
    }
}

pub(super) fn from_hexadecimal(digits: &[u8]) -> Option<Vec<u8>> {
    let (pairs, []) = digits.as_chunks::<2>() else { return None };
    pairs.iter().map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
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
    fn a_field_gives_back_what_it_was_written_from() {
        let cases = [
            (Value::Text("a|b:c".into()), "text", Value::Text("a|b:c".into())),
            (Value::Null, "text", Value::Null),
            (Value::Text("".into()), "text", Value::Text("".into())),
            (Value::Null, "bigint", Value::Null),
            (Value::Float(-0.0), "double precision", Value::Text("-0".into())),
            (Value::Float32(0.1), "real", Value::Text("0.1".into())),
            (Value::TimeTz(0, -19_800), "timetz", Value::Text("00:00:00+05:30".into())),
            (
                Value::Interval { months: 1, days: -2, microseconds: -1 },
                "interval",
                Value::Text("1 mons -2 days -00:00:00.000001".into()),
            ),
            (Value::Bytes(vec![0, 255].into()), "bytea", Value::Text("\\x00ff".into())),
        ];
        for (from, data_type, expected) in cases {
            let data_type = data_type.parse().unwrap();
            let mut row = RowText::default();
            row.write(Engine::Postgres, [(&from, &data_type)]);
            assert_eq!(value(Engine::Postgres, row.field(0), &data_type), Some(expected));
        }
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

    #[test]
    fn a_field_can_be_put_in_the_place_of_another() {
        let row = |texts: [&str; 3]| {
            let values = texts.map(|text| Value::Text(text.to_owned().into()));
            let mut row = RowText::default();
            row.write(Engine::Postgres, values.iter().map(|value| (value, &DataType::Text)));
            row
        };
        let (mut changed, other) = (row(["a", "bb", "c"]), row(["x", "longer", ""]));

        for place in 0..3 {
            changed.set(place, other.field(place));
        }

        assert_eq!((&changed.text, &changed.ends), (&other.text, &other.ends));
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
