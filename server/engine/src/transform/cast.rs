//! A value in the exact form that its target column takes, or why there is none. Nothing is
//! lost on the way: digits, time of day and zones that a column cannot keep make a bad value.

use std::borrow::Cow;

use shared::connection::Engine;
use shared::data_type::DataType;
use shared::error_code::ErrorCode;

use super::calendar::{self, DAY, Unread};
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
        DataType::Real => real(&value).map(Value::Float32),
        DataType::Double => double(&value).map(Value::Float),
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
const OUT_OF_RANGE: Fault =
    Fault::new(ErrorCode::Data002, "the number is out of the column's range");
const DIGITS_LOST: Fault =
    Fault::new(ErrorCode::Data014, "the column's type cannot keep all digits");
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

fn within<'a>(value: &Value<'_>, least: i64, most: i64) -> Result<Value<'a>, Fault> {
    let number = match value {
        Value::Int(number) => *number,
        other => i64::try_from(whole_number(other)?).map_err(|_| OUT_OF_RANGE)?,
    };
    if (least..=most).contains(&number) { Ok(Value::Int(number)) } else { Err(OUT_OF_RANGE) }
}

fn whole_number(value: &Value<'_>) -> Result<i128, Fault> {
    match value {
        Value::Bool(value) => Ok(i128::from(*value)),
        Value::Int(number) => Ok(i128::from(*number)),
        Value::Uint(number) => Ok(i128::from(*number)),
        Value::Float(_) | Value::Float32(_) | Value::Decimal(_) | Value::Text(_) => {
            decimal::integer(&plain_decimal(value)?)
        }
        Value::Bits { length, bytes } if *length <= 64 => {
            let all = bytes.iter().fold(0i128, |sum, byte| sum << 8 | i128::from(*byte));
            // The last byte is filled up at its low end.
            Ok(all >> (bytes.len() * 8).saturating_sub(*length as usize))
        }
        _ => Err(NOT_OF_TYPE),
    }
}

/// The number that a value is, in plain decimal notation.
fn plain_decimal<'v>(value: &'v Value<'_>) -> Result<Cow<'v, str>, Fault> {
    let of_float = |is_finite: bool, shown: String| {
        if is_finite && shown != "-0" {
            Ok(Cow::Owned(shown))
        } else {
            decimal::plain(&shown).map(|text| Cow::Owned(text.into_owned()))
        }
    };
    match value {
        Value::Bool(value) => Ok(Cow::Borrowed(if *value { "1" } else { "0" })),
        Value::Int(number) => Ok(Cow::Owned(number.to_string())),
        Value::Uint(number) => Ok(Cow::Owned(number.to_string())),
        Value::Float32(number) => of_float(number.is_finite(), number.to_string()),
        Value::Float(number) => of_float(number.is_finite(), number.to_string()),
        Value::Decimal(text) => Ok(Cow::Borrowed(text)),
        Value::Text(text) => decimal::plain(text),
        Value::Bits { length, .. } if *length <= 64 => {
            whole_number(value).map(|number| Cow::Owned(number.to_string()))
        }
        _ => Err(NOT_OF_TYPE),
    }
}

/// A binary fraction that stands for the decimal: written out again, by the shortest or by the
/// customary number of digits, it gives the same digits.
fn double(value: &Value<'_>) -> Result<f64, Fault> {
    match value {
        Value::Float(number) => return Ok(*number),
        Value::Float32(number) => return Ok(f64::from(*number)),
        _ => {}
    }
    let text = plain_decimal(value)?;
    let number: f64 = text.parse().map_err(|_| NOT_OF_TYPE)?;
    if number.is_infinite() && !text.ends_with("Infinity") {
        return Err(OUT_OF_RANGE);
    }
    if number.is_nan() || stands_for(&text, &number.to_string(), &format!("{number:.16e}")) {
        Ok(number)
    } else {
        Err(DIGITS_LOST)
    }
}

fn real(value: &Value<'_>) -> Result<f32, Fault> {
    match value {
        Value::Float32(number) => return Ok(*number),
        Value::Float(number) if number.is_nan() => return Ok(f32::NAN),
        _ => {}
    }
    let text = plain_decimal(value)?;
    let number: f32 = text.parse().map_err(|_| NOT_OF_TYPE)?;
    if number.is_infinite() && !text.ends_with("Infinity") {
        return Err(OUT_OF_RANGE);
    }
    let is_exact =
        matches!(value, Value::Float(exact) if f64::from(number).to_bits() == exact.to_bits());
    if is_exact
        || number.is_nan()
        || stands_for(&text, &number.to_string(), &format!("{number:.8e}"))
    {
        Ok(number)
    } else {
        Err(DIGITS_LOST)
    }
}

fn stands_for(text: &str, shortest: &str, customary: &str) -> bool {
    [shortest, customary]
        .into_iter()
        .any(|shown| decimal::plain(shown).is_ok_and(|shown| decimal::same(text, &shown)))
}

fn numeric(value: Value<'_>, limits: Option<(u16, i16)>) -> Result<Cow<'_, str>, Fault> {
    let text = match value {
        Value::Decimal(text) => text,
        Value::Text(text) => match text {
            Cow::Borrowed(text) => decimal::plain(text)?,
            Cow::Owned(text) => Cow::Owned(decimal::plain(&text)?.into_owned()),
        },
        other => Cow::Owned(plain_decimal(&other)?.into_owned()),
    };
    match limits {
        None => Ok(text),
        Some((precision, scale)) => decimal::fit(text, precision, scale),
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

impl From<Unread> for Fault {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::Malformed => {
                Self::new(ErrorCode::Data001, "the text is no date or time of the expected form")
            }
            Unread::ZeroDate => fault_of(Flaw::ZeroDate),
            Unread::OutOfRange => {
                Self::new(ErrorCode::Data002, "there is no such date or time in the calendar")
            }
            Unread::TooFine => {
                Self::new(ErrorCode::Data014, "the time is finer than a microsecond")
            }
        }
    }
}

fn date(value: &Value<'_>) -> Result<i32, Fault> {
    const NOT_MIDNIGHT: Fault =
        Fault::new(ErrorCode::Data014, "the time of day would be lost in a date");
    match value {
        Value::Date(days) => Ok(*days),
        Value::Timestamp(i64::MAX) => Ok(i32::MAX),
        Value::Timestamp(i64::MIN) => Ok(i32::MIN),
        Value::Timestamp(microseconds) if microseconds.rem_euclid(DAY) == 0 => {
            Ok(calendar::date_in_range(microseconds.div_euclid(DAY))?)
        }
        Value::Timestamp(_) => Err(NOT_MIDNIGHT),
        Value::Text(text) => {
            let moment = calendar::parse_moment(text)?;
            if moment.east.is_some() {
                return Err(HAS_ZONE);
            }
            moment.date()?.ok_or(NOT_MIDNIGHT)
        }
        _ => Err(NOT_OF_TYPE),
    }
}

const HAS_ZONE: Fault = Fault::new(ErrorCode::Data001, "the text has a zone and the column none");
const NO_ZONE: Fault =
    Fault::new(ErrorCode::Data001, "the text has no zone; the rule assume_zone gives it one");

fn time(value: &Value<'_>) -> Result<i64, Fault> {
    match value {
        Value::Time(microseconds) => Ok(*microseconds),
        Value::Interval { months: 0, days: 0, microseconds }
            if (0..=DAY).contains(microseconds) =>
        {
            Ok(*microseconds)
        }
        Value::Interval { .. } => {
            Err(Fault::new(ErrorCode::Data002, "the duration is no time of day"))
        }
        Value::Text(text) => match calendar::parse_time(text)? {
            (microseconds, None) => Ok(microseconds),
            (_, Some(_)) => Err(HAS_ZONE),
        },
        _ => Err(NOT_OF_TYPE),
    }
}

fn time_tz<'a>(value: &Value<'_>) -> Result<Value<'a>, Fault> {
    match value {
        Value::TimeTz(microseconds, west) => Ok(Value::TimeTz(*microseconds, *west)),
        Value::Text(text) => match calendar::parse_time(text)? {
            (microseconds, Some(east)) => Ok(Value::TimeTz(microseconds, -east)),
            (_, None) => Err(NO_ZONE),
        },
        _ => Err(NOT_OF_TYPE),
    }
}

fn timestamp(value: &Value<'_>) -> Result<i64, Fault> {
    match value {
        Value::Timestamp(microseconds) => Ok(*microseconds),
        Value::Date(i32::MAX) => Ok(i64::MAX),
        Value::Date(i32::MIN) => Ok(i64::MIN),
        Value::Date(days) => Ok(calendar::timestamp_in_range(i64::from(*days) * DAY)?),
        Value::Text(text) => {
            let moment = calendar::parse_moment(text)?;
            if moment.east.is_some() {
                return Err(HAS_ZONE);
            }
            Ok(moment.microseconds()?)
        }
        _ => Err(NOT_OF_TYPE),
    }
}

fn timestamp_tz(value: &Value<'_>) -> Result<i64, Fault> {
    match value {
        Value::TimestampTz(microseconds) => Ok(*microseconds),
        Value::Text(text) => {
            let moment = calendar::parse_moment(text)?;
            match (moment.east, moment.day) {
                (None, calendar::Day::On(_)) => Err(NO_ZONE),
                _ => Ok(moment.microseconds()?),
            }
        }
        _ => Err(NOT_OF_TYPE),
    }
}

fn interval<'a>(value: &Value<'_>) -> Result<Value<'a>, Fault> {
    match value {
        Value::Interval { months, days, microseconds } => {
            Ok(Value::Interval { months: *months, days: *days, microseconds: *microseconds })
        }
        Value::Time(microseconds) => {
            Ok(Value::Interval { months: 0, days: 0, microseconds: *microseconds })
        }
        Value::Text(text) => {
            let (months, days, microseconds) = calendar::parse_interval(text)?;
            Ok(Value::Interval { months, days, microseconds })
        }
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

fn bits(value: Value<'_>, length: Option<u32>, exactly: bool) -> Result<Value<'_>, Fault> {
    let found = match value {
        Value::Bits { .. } => value,
        Value::Bool(value) => bits_of_number(i128::from(value), 1)?,
        Value::Int(_) | Value::Uint(_) | Value::Decimal(_) => {
            let number = whole_number(&value)?;
            let needed = 128 - number.leading_zeros();
            bits_of_number(number, length.unwrap_or(needed.max(1)))?
        }
        Value::Text(text) => bits_of_text(text.trim())?,
        _ => return Err(NOT_OF_TYPE),
    };
    let (Value::Bits { length: has, .. }, Some(takes)) = (&found, length) else { return Ok(found) };
    if *has > takes {
        Err(Fault::new(ErrorCode::Data003, "there are more bits than the column takes"))
    } else if exactly && *has < takes {
        Err(Fault::new(ErrorCode::Data001, "there are fewer bits than the column takes"))
    } else {
        Ok(found)
    }
}

fn bits_of_number<'a>(number: i128, length: u32) -> Result<Value<'a>, Fault> {
    let needed = 128 - number.leading_zeros();
    if number < 0 || needed > length {
        return Err(OUT_OF_RANGE);
    }
    let count = length.div_ceil(8) as usize;
    let fill = count * 8 - length as usize;
    let wide = if count > 15 { return Err(OUT_OF_RANGE) } else { number << fill };
    Ok(Value::Bits { length, bytes: Cow::Owned(wide.to_be_bytes()[16 - count..].to_vec()) })
}

fn bits_of_text<'a>(text: &str) -> Result<Value<'a>, Fault> {
    let digits = text
        .strip_prefix(['b', 'B'])
        .map_or(text, |quoted| quoted.trim_start_matches('\'').trim_end_matches('\''));
    let mut bytes = vec![0u8; digits.len().div_ceil(8)];
    for (index, digit) in digits.bytes().enumerate() {
        match digit {
            b'0' => {}
            b'1' => bytes[index / 8] |= 0x80 >> (index % 8),
            _ => return Err(NOT_OF_TYPE),
        }
    }
    let length = u32::try_from(digits.len()).map_err(|_| OUT_OF_RANGE)?;
    Ok(Value::Bits { length, bytes: Cow::Owned(bytes) })
}

#[cfg(test)]
mod tests;
