//! Codes and what they mean, as the plan says it.

use std::borrow::Cow;
use std::collections::HashMap;

use shared::error_code::ErrorCode;
use shared::plan::Otherwise;

use super::decimal;
use super::fault::Fault;
use super::text::text_of;
use crate::value::Value;

/// What codes mean, and what becomes of those that are not listed.
#[derive(Debug, Clone)]
pub(super) struct Meanings {
    entries: HashMap<String, String>,
    otherwise: Otherwise,
}

impl Meanings {
    pub(super) fn new<'p>(
        entries: impl IntoIterator<Item = (&'p String, &'p String)>,
        otherwise: &Otherwise,
    ) -> Self {
        Self {
            entries: entries.into_iter().map(|(k, v)| (k.clone(), v.clone())).collect(),
            otherwise: otherwise.clone(),
        }
    }

    /// The meaning of a code that is not null.
    pub(super) fn of<'a>(&'a self, code: Value<'a>) -> Result<Value<'a>, Fault> {
        let meaning = {
            let text = code_text(code.clone())?;
            self.entries.get(text.as_ref())
        };
        match meaning {
            Some(meaning) => Ok(Value::Text(Cow::Borrowed(meaning))),
            None => otherwise(&self.otherwise, code, NOT_LISTED),
        }
    }

    /// Every value that can come out, save one that is kept.
    pub(super) fn results(&self) -> impl Iterator<Item = &str> {
        let otherwise = match &self.otherwise {
            Otherwise::Value(value) => Some(value.as_str()),
            Otherwise::Quarantine | Otherwise::Keep | Otherwise::Null => None,
        };
        self.entries.values().map(String::as_str).chain(otherwise)
    }
}

pub(super) const NOT_LISTED: Fault = Fault::new(ErrorCode::Data011, "the code is not in the table");

/// What becomes of a value that a rule does not know.
pub(super) fn otherwise<'a>(
    otherwise: &'a Otherwise,
    value: Value<'a>,
    fault: Fault,
) -> Result<Value<'a>, Fault> {
    match otherwise {
        Otherwise::Quarantine => Err(fault),
        Otherwise::Keep => Ok(value),
        Otherwise::Null => Ok(Value::Null),
        Otherwise::Value(value) => Ok(Value::Text(Cow::Borrowed(value))),
    }
}

/// The text by which a plan lists a value: `1.50` of a decimal column is listed as `1.5`.
pub(crate) fn code_text(value: Value<'_>) -> Result<Cow<'_, str>, Fault> {
    match value {
        Value::Decimal(Cow::Borrowed(text)) => Ok(Cow::Borrowed(decimal::significant(text))),
        Value::Decimal(Cow::Owned(text)) => Ok(Cow::Owned(decimal::significant(&text).to_owned())),
        other => text_of(other),
    }
}
