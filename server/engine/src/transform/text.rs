//! The text that stands for a value: what rules see and what a text column keeps.

use std::borrow::Cow;
use std::fmt::Write as _;

use shared::error_code::ErrorCode;

use super::fault::Fault;
use crate::value::{Flaw, Value, display};

/// The text of a value. Null has none, and neither have bytes that are no UTF-8.
pub(crate) fn text_of(value: Value<'_>) -> Result<Cow<'_, str>, Fault> {
    match value {
        Value::Text(text) | Value::Decimal(text) | Value::Json(text) => Ok(text),
        Value::Bool(value) => Ok(Cow::Borrowed(if value { "true" } else { "false" })),
        // What is no date can still be a text, and as that it is whole.
        Value::Bytes(bytes)
        | Value::Invalid(Flaw::ZeroDate | Flaw::OutOfRange | Flaw::Malformed, bytes) => {
            utf8(bytes).map_err(|_| NOT_UTF8)
        }
        Value::Invalid(Flaw::NotText, _) => Err(NOT_UTF8),
        Value::Raw(_) | Value::Null => {
            Err(Fault::new(ErrorCode::Data001, "there is no text for the value"))
        }
        other => display(&other)
            .map(|text| Cow::Owned(text.into_owned()))
            .ok_or_else(|| Fault::new(ErrorCode::Data002, "the value is out of range")),
    }
}

/// A value as it was read, in a text that every target can hold: what has no such text is
/// written as `\x` and its bytes in hexadecimal.
pub(super) fn raw_text(value: Value<'_>) -> Value<'_> {
    let bytes = match value {
        Value::Null => return Value::Null,
        Value::Bytes(bytes) => return Value::Text(Cow::Owned(hexadecimal(&bytes))),
        Value::Invalid(_, bytes) | Value::Raw(bytes) => bytes,
        other => match text_of(other) {
            Ok(text) => match text {
                Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
                Cow::Owned(text) => Cow::Owned(text.into_bytes()),
            },
            Err(_) => return Value::Null,
        },
    };
    if memchr::memchr(0, &bytes).is_some() {
        return Value::Text(Cow::Owned(hexadecimal(&bytes)));
    }
    match utf8(bytes) {
        Ok(text) => Value::Text(text),
        Err(bytes) => Value::Text(Cow::Owned(hexadecimal(&bytes))),
    }
}

const NOT_UTF8: Fault = Fault::new(ErrorCode::Data007, "the bytes are not valid UTF-8");

fn utf8(bytes: Cow<'_, [u8]>) -> Result<Cow<'_, str>, Cow<'_, [u8]>> {
    match bytes {
        Cow::Borrowed(bytes) => {
            std::str::from_utf8(bytes).map(Cow::Borrowed).map_err(|_| Cow::Borrowed(bytes))
        }
        Cow::Owned(bytes) => {
            String::from_utf8(bytes).map(Cow::Owned).map_err(|error| Cow::Owned(error.into_bytes()))
        }
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2 + 2);
    text.push_str("\\x");
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}
