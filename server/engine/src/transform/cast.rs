//! A value in the exact form that its target column takes, or why there is none. Nothing is
//! lost on the way: digits, time of day and zones that a column cannot keep make a bad value.

mod moment;
mod number;

use std::borrow::Cow;

use shared::connection::Engine;
use shared::data_type::DataType;
use shared::error_code::ErrorCode;

use self::moment::{date, interval, time, time_tz, timestamp, timestamp_tz};
use self::number::{bits, double, numeric, plain_decimal, real, within};
use super::fault::Fault;
use super::text::text_of;
use super::{decimal, json};
use crate::value::{Flaw, Value};

/// What a value is to fit into.
#[derive(Debug, Clone, Copy)]
pub struct Slot<'p> {
    pub data_type: &'p DataType,
    /// The labels, where the type is an enum that the plan knows.
    pub labels: Option<&'p [String]>,
    /// PostgreSQL holds no 0x00 in a text; SQLite does.
    pub engine: Engine,
}

/// The same value in the variant that belongs to the slot's type; null stays null.
pub fn cast<'a>(value: Value<'a>, slot: Slot<'_>) -> Result<Value<'a>, Fault> {
    let value = match value {
        Value::Null | Value::Raw(_) => return Ok(value),
        Value::Invalid(flaw, bytes) => return cast_invalid(flaw, bytes, slot),
        value => value,
    };
    match slot.data_type {
        DataType::Boolean => boolean(&value).map(Value::Bool),
        DataType::SmallInt => within(&value, i16::MIN.into(), i16::MAX.into()),
        DataType::Integer => within(&value, i32::MIN.into(), i32::MAX.into()),
        DataType::BigInt => within(&value, i64::MIN, i64::MAX),
        DataType::Real => match real(&value)? {
            number if number.is_nan() && slot.engine == Engine::Sqlite => Err(NOT_A_NUMBER),
            number => Ok(Value::Float32(number)),
        },
        DataType::Double => match double(&value)? {
            number if number.is_nan() && slot.engine == Engine::Sqlite => Err(NOT_A_NUMBER),
            number => Ok(Value::Float(number)),
        },
        DataType::Numeric(limits) => numeric(value, *limits).map(Value::Decimal),
        DataType::Text | DataType::Varchar(None) | DataType::Array(_) => {
            text(value, slot.engine).map(Value::Text)
        }
        DataType::Varchar(Some(length)) => {
            text(value, slot.engine).and_then(|text| no_longer(text, *length)).map(Value::Text)
        }
        DataType::Char(length) => {
            text(value, slot.engine).and_then(|text| fixed_text(text, *length)).map(Value::Text)
        }
        DataType::Bytea => bytes(value).map(Value::Bytes),
        DataType::Date => date(&value).map(Value::Date),
        DataType::Time => time(&value).map(Value::Time),
        DataType::TimeTz => time_tz(&value),
        DataType::Timestamp => timestamp(&value).map(Value::Timestamp),
        DataType::TimestampTz => timestamp_tz(&value).map(Value::TimestampTz),
        DataType::Interval => interval(&value),
        DataType::Uuid => uuid(&value).map(Value::Uuid),
        DataType::Json => document(value).map(Value::Json),
        DataType::Jsonb => {
            let text = document(value)?;
            if slot.engine == Engine::Postgres {
                json::check_escapes(&text)?;
            }
            Ok(Value::Json(text))
        }
        DataType::Bit(length) => bits(value, Some(*length), true),
        DataType::VarBit(length) => bits(value, *length, false),
        DataType::Named(_) => {
            let text = text(value, slot.engine)?;
            match slot.labels {
                Some(labels) if !labels.iter().any(|label| *label == text) => {
                    Err(Fault::new(ErrorCode::Data011, "the value is none of the type's labels"))
                }
                _ => Ok(Value::Text(text)),
            }
        }
    }
}

const NOT_OF_TYPE: Fault =
    Fault::new(ErrorCode::Data001, "the value cannot be read as the column's type");
/// SQLite would keep null in its place without a word.
const NOT_A_NUMBER: Fault = Fault::new(ErrorCode::Data002, "SQLite has no NaN");
const HAS_NUL: Fault = Fault::new(ErrorCode::Data005, "the text contains 0x00");

fn cast_invalid<'a>(flaw: Flaw, bytes: Cow<'a, [u8]>, slot: Slot<'_>) -> Result<Value<'a>, Fault> {
    use DataType as T;
    // Bytes are bytes, whatever they fail to be otherwise.
    if matches!(slot.data_type, T::Bytea) {
        return Ok(Value::Bytes(bytes));
    }
    let holds_any_text = matches!(slot.data_type, T::Text | T::Varchar(_) | T::Char(_));
    match flaw {
        Flaw::NotText => {}
        Flaw::Malformed => {
            if let Ok(text) = text_of(Value::Invalid(flaw, bytes)) {
                return cast(Value::Text(text), slot);
            }
            return Err(if holds_any_text { fault_of(Flaw::NotText) } else { NOT_OF_TYPE });
        }
        Flaw::ZeroDate | Flaw::OutOfRange => {
            if holds_any_text {
                return cast(Value::Text(text_of(Value::Invalid(flaw, bytes))?), slot);
            }
        }
    }
    Err(fault_of(flaw))
}

const fn fault_of(flaw: Flaw) -> Fault {
    match flaw {
        Flaw::ZeroDate => Fault::new(ErrorCode::Data006, "the date has a zero month or day"),
        Flaw::NotText => {
            Fault::new(ErrorCode::Data007, "the bytes are no text in the character set declared")
        }
        Flaw::OutOfRange => {
            Fault::new(ErrorCode::Data002, "the date or time is outside the calendar")
        }
        Flaw::Malformed => NOT_OF_TYPE,
    }
}

fn boolean(value: &Value<'_>) -> Result<bool, Fault> {
    const NO_TRUTH: Fault =
        Fault::new(ErrorCode::Data001, "the value is neither of the two that stand for truth");
    let of_number = |is_zero: bool, is_one: bool| match (is_zero, is_one) {
        (true, _) => Ok(false),
        (_, true) => Ok(true),
        _ => Err(NO_TRUTH),
    };
    match value {
        Value::Bool(value) => Ok(*value),
        Value::Int(number) => of_number(*number == 0, *number == 1),
        Value::Uint(number) => of_number(*number == 0, *number == 1),
        Value::Float32(_) | Value::Float(_) => {
            let number = plain_decimal(value)?;
            of_number(number == "0", number == "1")
        }
        Value::Decimal(number) => of_number(decimal::same(number, "0"), decimal::same(number, "1")),
        Value::Text(text) => match text.trim().to_ascii_lowercase().as_str() {
            "t" | "true" | "y" | "yes" | "on" | "1" => Ok(true),
            "f" | "false" | "n" | "no" | "off" | "0" => Ok(false),
            _ => Err(NO_TRUTH),
        },
        Value::Bits { length: 1, bytes } => Ok(bytes.first().is_some_and(|byte| *byte != 0)),
        Value::Bytes(bytes) => match bytes.as_ref() {
            [0] => Ok(false),
            [1] => Ok(true),
            _ => Err(NO_TRUTH),
        },
        _ => Err(NO_TRUTH),
    }
}

fn text(value: Value<'_>, engine: Engine) -> Result<Cow<'_, str>, Fault> {
    let text = text_of(value)?;
    if engine == Engine::Postgres && memchr::memchr(0, text.as_bytes()).is_some() {
        return Err(HAS_NUL);
    }
    Ok(text)
}

fn no_longer(text: Cow<'_, str>, length: u32) -> Result<Cow<'_, str>, Fault> {
    let length = length as usize;
    // No text has more characters than bytes.
    if text.len() <= length || text.chars().count() <= length {
        return Ok(text);
    }
    Err(Fault::new(ErrorCode::Data003, "the text has more characters than the column takes"))
}

/// Blanks at the end are no part of a `char(n)`.
fn fixed_text(text: Cow<'_, str>, length: u32) -> Result<Cow<'_, str>, Fault> {
    if text.chars().count() <= length as usize {
        return Ok(text);
    }
    let trimmed = text.trim_end_matches(' ').len();
    let text = match text {
        Cow::Borrowed(text) => Cow::Borrowed(&text[..trimmed]),
        Cow::Owned(mut text) => {
            text.truncate(trimmed);
            Cow::Owned(text)
        }
    };
    no_longer(text, length)
}

/// A text becomes the bytes of its UTF-8.
fn bytes(value: Value<'_>) -> Result<Cow<'_, [u8]>, Fault> {
    match value {
        Value::Bytes(bytes) => Ok(bytes),
        Value::Text(Cow::Borrowed(text)) => Ok(Cow::Borrowed(text.as_bytes())),
        Value::Text(Cow::Owned(text)) => Ok(Cow::Owned(text.into_bytes())),
        Value::Uuid(bytes) => Ok(Cow::Owned(bytes.to_vec())),
        _ => Err(NOT_OF_TYPE),
    }
}

fn uuid(value: &Value<'_>) -> Result<[u8; 16], Fault> {
    match value {
        Value::Uuid(bytes) => Ok(*bytes),
        Value::Text(text) => {
            uuid::Uuid::parse_str(text.trim()).map(uuid::Uuid::into_bytes).map_err(|_| NOT_OF_TYPE)
        }
        Value::Bytes(bytes) => bytes.as_ref().try_into().map_err(|_| NOT_OF_TYPE),
        _ => Err(NOT_OF_TYPE),
    }
}

fn document(value: Value<'_>) -> Result<Cow<'_, str>, Fault> {
    match value {
        Value::Json(text) => Ok(text),
        Value::Text(_) | Value::Bytes(_) => {
            let text = text_of(value)?;
            json::check(&text)?;
            Ok(text)
        }
        Value::Bool(_) => text_of(value),
        Value::Int(_)
        | Value::Uint(_)
        | Value::Float(_)
        | Value::Float32(_)
        | Value::Decimal(_) => {
            let number = plain_decimal(&value)?;
            if number.ends_with(|c: char| c.is_ascii_digit()) {
                Ok(Cow::Owned(number.into_owned()))
            } else {
                Err(Fault::new(ErrorCode::Data012, "JSON has no such number"))
            }
        }
        _ => Err(NOT_OF_TYPE),
    }
}

#[cfg(test)]
mod tests;
