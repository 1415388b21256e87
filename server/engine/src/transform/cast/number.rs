//! Numbers and bits, to the last digit.

use std::borrow::Cow;

use shared::error_code::ErrorCode;

use super::NOT_OF_TYPE;
use crate::transform::decimal;
use crate::transform::fault::Fault;
use crate::value::Value;

pub(super) fn within<'a>(value: &Value<'_>, least: i64, most: i64) -> Result<Value<'a>, Fault> {
    let number = match value {
        Value::Int(number) => *number,
        other => i64::try_from(whole_number(other)?).map_err(|_| OUT_OF_RANGE)?,
    };
    if (least..=most).contains(&number) { Ok(Value::Int(number)) } else { Err(OUT_OF_RANGE) }
}

pub(super) fn whole_number(value: &Value<'_>) -> Result<i128, Fault> {
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
pub(super) fn plain_decimal<'v>(value: &'v Value<'_>) -> Result<Cow<'v, str>, Fault> {
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
pub(super) fn double(value: &Value<'_>) -> Result<f64, Fault> {
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

pub(super) fn real(value: &Value<'_>) -> Result<f32, Fault> {
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

pub(super) fn numeric(value: Value<'_>, limits: Option<(u16, i16)>) -> Result<Cow<'_, str>, Fault> {
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

pub(super) fn bits(
    value: Value<'_>,
    length: Option<u32>,
    exactly: bool,
) -> Result<Value<'_>, Fault> {
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

const OUT_OF_RANGE: Fault =
    Fault::new(ErrorCode::Data002, "the number is out of the column's range");
const DIGITS_LOST: Fault =
    Fault::new(ErrorCode::Data014, "the column's type cannot keep all digits");
