//! A row as it lies, sealed, in quarantine: every value comes back as it was.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use serde::{Deserialize, Serialize};
use shared::error_code::ErrorCode;

use super::{Flaw, Value};
use crate::error::{EngineError, Result};

/// The named cells of a row as bytes that [`from_sealed_form`] reads back.
pub fn to_sealed_form<'a>(cells: impl IntoIterator<Item = (&'a str, Value<'a>)>) -> Vec<u8> {
    let cells: Vec<(&str, Form)> =
        cells.into_iter().map(|(name, value)| (name, Form::from(&value))).collect();
    serde_json::to_vec(&cells).expect("a form has texts and numbers only")
}

pub fn from_sealed_form(bytes: &[u8]) -> Result<Vec<(String, Value<'static>)>> {
    let doing = "reading a row from quarantine";
    let cells: Vec<(String, Form)> = serde_json::from_slice(bytes)
        .map_err(|error| EngineError::new(ErrorCode::Sys001, doing).because(error))?;
    cells
        .into_iter()
        .map(|(name, form)| {
            let value = form.value().ok_or_else(|| EngineError::new(ErrorCode::Sys001, doing))?;
            Ok((name, value))
        })
        .collect()
}

/// How a single value is written in a record that will be sealed: for `#[serde(with = …)]`.
pub mod sealed_value {
    use serde::de::{Deserialize, Deserializer, Error as _};
    use serde::ser::{Serialize as _, Serializer};

    use super::{Form, Value};

    pub fn serialize<S: Serializer>(value: &Value<'_>, to: S) -> Result<S::Ok, S::Error> {
        Form::from(value).serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Value<'static>, D::Error> {
        Form::deserialize(from)?.value().ok_or_else(|| D::Error::custom("a malformed value"))
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Form {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    /// The bits, since JSON has neither NaN nor infinity.
    Float32(u32),
    Float(u64),
    Decimal(String),
    Text(String),
    Bytes(String),
    Date(i32),
    Time(i64),
    TimeTz(i64, i32),
    Timestamp(i64),
    TimestampTz(i64),
    Interval(i32, i32, i64),
    Uuid(String),
    Json(String),
    Bits(u32, String),
    Raw(String),
    ZeroDate(String),
    NotText(String),
    OutOfRange(String),
    Malformed(String),
}

impl From<&Value<'_>> for Form {
    fn from(value: &Value<'_>) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(*value),
            Value::Int(value) => Self::Int(*value),
            Value::Uint(value) => Self::Uint(*value),
            Value::Float32(value) => Self::Float32(value.to_bits()),
            Value::Float(value) => Self::Float(value.to_bits()),
            Value::Decimal(text) => Self::Decimal(text.clone().into_owned()),
            Value::Text(text) => Self::Text(text.clone().into_owned()),
            Value::Bytes(bytes) => Self::Bytes(BASE64.encode(bytes)),
            Value::Date(days) => Self::Date(*days),
            Value::Time(microseconds) => Self::Time(*microseconds),
            Value::TimeTz(microseconds, west) => Self::TimeTz(*microseconds, *west),
            Value::Timestamp(microseconds) => Self::Timestamp(*microseconds),
            Value::TimestampTz(microseconds) => Self::TimestampTz(*microseconds),
            Value::Interval { months, days, microseconds } => {
                Self::Interval(*months, *days, *microseconds)
            }
            Value::Uuid(bytes) => Self::Uuid(BASE64.encode(bytes)),
            Value::Json(text) => Self::Json(text.clone().into_owned()),
            Value::Bits { length, bytes } => Self::Bits(*length, BASE64.encode(bytes)),
            Value::Raw(bytes) => Self::Raw(BASE64.encode(bytes)),
            Value::Invalid(flaw, bytes) => {
                let bytes = BASE64.encode(bytes);
                match flaw {
                    Flaw::ZeroDate => Self::ZeroDate(bytes),
                    Flaw::NotText => Self::NotText(bytes),
                    Flaw::OutOfRange => Self::OutOfRange(bytes),
                    Flaw::Malformed => Self::Malformed(bytes),
                }
            }
        }
    }
}

impl Form {
    fn value(self) -> Option<Value<'static>> {
        let bytes = |text: String| BASE64.decode(text).ok().map(Cow::Owned);
        Some(match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(value),
            Self::Int(value) => Value::Int(value),
            Self::Uint(value) => Value::Uint(value),
            Self::Float32(bits) => Value::Float32(f32::from_bits(bits)),
            Self::Float(bits) => Value::Float(f64::from_bits(bits)),
            Self::Decimal(text) => Value::Decimal(text.into()),
            Self::Text(text) => Value::Text(text.into()),
            Self::Bytes(text) => Value::Bytes(bytes(text)?),
            Self::Date(days) => Value::Date(days),
            Self::Time(microseconds) => Value::Time(microseconds),
            Self::TimeTz(microseconds, west) => Value::TimeTz(microseconds, west),
            Self::Timestamp(microseconds) => Value::Timestamp(microseconds),
            Self::TimestampTz(microseconds) => Value::TimestampTz(microseconds),
            Self::Interval(months, days, microseconds) => {
                Value::Interval { months, days, microseconds }
            }
            Self::Uuid(text) => Value::Uuid(bytes(text)?.as_ref().try_into().ok()?),
            Self::Json(text) => Value::Json(text.into()),
            Self::Bits(length, text) => Value::Bits { length, bytes: bytes(text)? },
            Self::Raw(text) => Value::Raw(bytes(text)?),
            Self::ZeroDate(text) => Value::Invalid(Flaw::ZeroDate, bytes(text)?),
            Self::NotText(text) => Value::Invalid(Flaw::NotText, bytes(text)?),
            Self::OutOfRange(text) => Value::Invalid(Flaw::OutOfRange, bytes(text)?),
            Self::Malformed(text) => Value::Invalid(Flaw::Malformed, bytes(text)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_comes_back_as_it_was() {
        let row = [
            ("id", Value::Uint(u64::MAX)),
            ("weight", Value::Float(f64::NEG_INFINITY)),
            ("name", Value::Text("a\0b".into())),
            ("born", Value::Invalid(Flaw::ZeroDate, b"0000-00-00".as_slice().into())),
            ("photo", Value::Bytes(vec![0, 255].into())),
            ("key", Value::Uuid([9; 16])),
            ("gone", Value::Null),
        ];

        let back = from_sealed_form(&to_sealed_form(row.clone())).unwrap();

        let row: Vec<_> = row.map(|(name, value)| (name.to_owned(), value)).into();
        assert_eq!(back, row);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(0u8..=255, 0..200)) {
            let _ = from_sealed_form(&bytes);
        }
    }
}
