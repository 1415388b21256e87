//! The rules of a plan, made ready to be applied to one value after the other.

mod moment;
mod personal;

use std::borrow::Cow;

use shared::error_code::ErrorCode;
use shared::plan::{Case, Otherwise, Plan, Transform, gives_zone};
use unicode_normalization::{IsNormalized, UnicodeNormalization as _, is_nfc_quick};
use uuid::Uuid;

use self::moment::{parse_date, parse_timestamp};
use self::personal::{email, hash, mask, phone};
use super::calendar::{Unread, parse_moment};
use super::code_table::{Meanings, NOT_LISTED, code_text, otherwise};
use super::expression::Expression;
use super::fault::Fault;
use super::text::text_of;
use super::{decimal, json, zone};
use crate::map::{argument, lookup};
use crate::value::{Flaw, Row, Value};

/// A rule that has all it needs at hand.
#[derive(Debug)]
pub(super) enum Rule {
    Trim {
        inner: bool,
    },
    Case(Case),
    Nfc,
    EmptyToNull {
        also: Vec<String>,
    },
    ReplaceNul {
        with: String,
    },
    ZeroDateToNull,
    ParseDate {
        format: String,
    },
    ParseTimestamp {
        format: String,
        has_zone: bool,
        zone: Option<chrono_tz::Tz>,
    },
    AssumeZone {
        zone: chrono_tz::Tz,
    },
    Boolean {
        yes: Vec<String>,
        no: Vec<String>,
    },
    PercentToFraction,
    Round {
        scale: u8,
    },
    Truncate {
        length: usize,
    },
    Meanings(Meanings),
    /// The value that the source looked up stands in a column of its own.
    Found {
        column: usize,
        otherwise: Otherwise,
    },
    Expression(Box<Expression>),
    UuidV5 {
        namespace: Uuid,
    },
    Constant(String),
    Default(String),
    Concat {
        columns: Vec<usize>,
        separator: String,
    },
    Split {
        separator: String,
        index: usize,
    },
    Prefix(String),
    Pad {
        length: usize,
        with: char,
    },
    Json {
        repair: bool,
    },
    Phone {
        region: Option<phonenumber::country::Id>,
        otherwise: Otherwise,
    },
    Email {
        otherwise: Otherwise,
    },
    Hash(HashKey),
    Mask {
        keep_last: usize,
    },
}

/// The installation's key, which no log shows.
pub(super) struct HashKey(Vec<u8>);

impl std::fmt::Debug for HashKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HashKey(…)")
    }
}

/// What rules refer to beyond their column.
pub(super) struct Surroundings<'p> {
    pub(super) plan: &'p Plan,
    pub(super) secret: &'p [u8],
    /// Where a column stands among those that are read.
    pub(super) position: &'p dyn Fn(&str) -> Option<usize>,
}

impl Rule {
    /// Says what is wrong with a rule that cannot work.
    ///
    /// `key` is the column that it reads.
    pub(super) fn compile(
        rule: &Transform,
        key: Option<&str>,
        around: &Surroundings<'_>,
    ) -> Result<Self, String> {
        if let Some(why) = argument::problem(rule) {
            return Err(why);
        }
        Ok(match rule {
            Transform::Trim { inner } => Self::Trim { inner: *inner },
            Transform::Case { to } => Self::Case(*to),
            Transform::Nfc => Self::Nfc,
            Transform::EmptyToNull { also } => Self::EmptyToNull { also: also.clone() },
            Transform::ReplaceNul { with } => Self::ReplaceNul { with: with.clone() },
            Transform::ZeroDateToNull => Self::ZeroDateToNull,
            Transform::ParseDate { format } => Self::ParseDate { format: format.clone() },
            Transform::ParseTimestamp { format, zone } => Self::ParseTimestamp {
                format: format.clone(),
                has_zone: gives_zone(format),
                zone: zone.as_deref().map(argument::zone).transpose()?,
            },
            Transform::AssumeZone { zone } => Self::AssumeZone { zone: argument::zone(zone)? },
            Transform::Boolean { yes, no } => Self::Boolean { yes: yes.clone(), no: no.clone() },
            Transform::PercentToFraction => Self::PercentToFraction,
            Transform::Round { scale } => Self::Round { scale: *scale },
            Transform::Truncate { length } => Self::Truncate { length: *length as usize },
            Transform::Map { entries, otherwise } => {
                Self::Meanings(Meanings::new(entries, otherwise))
            }
            Transform::CodeTable { table } => match around.plan.code_tables.get(table) {
                Some(table) => Self::Meanings(Meanings::new(&table.entries, &table.otherwise)),
                None => return Err(format!("the code table `{table}` is not in the plan")),
            },
            Transform::Lookup { from, otherwise } => Self::lookup(from, otherwise, around, key)?,
            Transform::Expression { cel, columns } => {
                Self::Expression(Box::new(Expression::compile(cel, columns, around.position)?))
            }
            Transform::UuidV5 { entity } => Self::UuidV5 { namespace: namespace(entity) },
            Transform::Constant { value } => Self::Constant(value.clone()),
            Transform::Default { value } => Self::Default(value.clone()),
            Transform::Concat { columns, separator } => Self::Concat {
                columns: columns
                    .iter()
                    .map(|column| {
                        (around.position)(column).ok_or_else(|| format!("{column} is not read"))
                    })
                    .collect::<Result<_, _>>()?,
                separator: separator.clone(),
            },
            Transform::Split { separator, index } => {
                Self::Split { separator: separator.clone(), index: *index as usize }
            }
            Transform::Prefix { text } => Self::Prefix(text.clone()),
            Transform::Pad { length, with } => Self::Pad { length: *length as usize, with: *with },
            Transform::Json { repair } => Self::Json { repair: *repair },
            Transform::Phone { region, otherwise } => Self::Phone {
                region: region.as_deref().map(argument::region).transpose()?,
                otherwise: otherwise.clone(),
            },
            Transform::Email { otherwise } => Self::Email { otherwise: otherwise.clone() },
            Transform::Hash => Self::Hash(HashKey(around.secret.to_vec())),
            Transform::Mask { keep_last } => Self::Mask { keep_last: *keep_last as usize },
        })
    }

    fn lookup(
        name: &str,
        otherwise: &Otherwise,
        around: &Surroundings<'_>,
        key: Option<&str>,
    ) -> Result<Self, String> {
        let missing = || format!("the lookup `{name}` is not in the plan");
        let lookup = around.plan.lookups.get(name).ok_or_else(missing)?;
        let wrong = |why| format!("the lookup `{name}`: {why}");
        if let Some(entries) = lookup::entries(&lookup.from).map_err(wrong)? {
            return Ok(Self::Meanings(Meanings::new(&entries, otherwise)));
        }
        let column = key.and_then(|key| (around.position)(&lookup::column_name(name, key)));
        let column = column.ok_or_else(|| wrong("its table is not read".to_owned()))?;
        Ok(Self::Found { column, otherwise: otherwise.clone() })
    }

    /// The value that the rule makes of one. `row` is where some rules find the others.
    pub(super) fn apply<'a>(&'a self, value: Value<'a>, row: &Row<'a>) -> Result<Value<'a>, Fault> {
        if value.is_null()
            && !matches!(
                self,
                Self::Constant(_) | Self::Default(_) | Self::Concat { .. } | Self::Expression(_)
            )
        {
            return Ok(Value::Null);
        }
        match self {
            Self::Trim { inner } => text_of(value).map(|text| Value::Text(trim(text, *inner))),
            Self::Case(Case::Lower) => of_text(value, str::to_lowercase),
            Self::Case(Case::Upper) => of_text(value, str::to_uppercase),
            Self::Nfc => {
                let text = text_of(value)?;
                Ok(Value::Text(if is_nfc_quick(text.chars()) == IsNormalized::Yes {
                    text
                } else {
                    Cow::Owned(text.nfc().collect())
                }))
            }
            Self::EmptyToNull { also } => Ok(empty_to_null(value, also)),
            Self::ReplaceNul { with } => {
                let text = text_of(value)?;
                Ok(Value::Text(if memchr::memchr(0, text.as_bytes()).is_some() {
                    Cow::Owned(text.replace('\0', with))
                } else {
                    text
                }))
            }
            Self::ZeroDateToNull => Ok(match &value {
                Value::Invalid(Flaw::ZeroDate, _) => Value::Null,
                Value::Text(text) if parse_moment(text) == Err(Unread::ZeroDate) => Value::Null,
                _ => value,
            }),
            Self::ParseDate { format } => parse_date(&text_of(value)?, format),
            Self::ParseTimestamp { format, has_zone, zone } => {
                parse_timestamp(&text_of(value)?, format, *has_zone, *zone)
            }
            Self::AssumeZone { zone } => zone::assume(value, *zone),
            Self::Boolean { yes, no } => boolean(value, yes, no),
            Self::PercentToFraction => {
                decimal::shift(&number(value)?, -2).map(|text| Value::Decimal(Cow::Owned(text)))
            }
            Self::Round { scale } => {
                Ok(Value::Decimal(Cow::Owned(decimal::round(&number(value)?, *scale))))
            }
            Self::Truncate { length } => text_of(value).map(|text| Value::Text(cut(text, *length))),
            Self::Meanings(meanings) => meanings.of(value),
            Self::Found { column, otherwise: policy } => match row.value(*column) {
                Value::Null => otherwise(policy, value, NOT_LISTED),
                found => Ok(found),
            },
            Self::Expression(expression) => expression.of(&value, row),
            Self::UuidV5 { namespace } => {
                let text = text_of(value)?;
                Ok(Value::Uuid(Uuid::new_v5(namespace, text.as_bytes()).into_bytes()))
            }
            Self::Constant(constant) => Ok(Value::Text(Cow::Borrowed(constant))),
            Self::Default(default) if value.is_null() => Ok(Value::Text(Cow::Borrowed(default))),
            Self::Default(_) => Ok(value),
            Self::Concat { columns, separator } => concat(columns, separator, row),
            Self::Split { separator, index } => {
                let text = text_of(value)?;
                Ok(text
                    .split(separator.as_str())
                    .nth(*index)
                    .map_or(Value::Null, |part| Value::Text(Cow::Owned(part.to_owned()))))
            }
            Self::Prefix(prefix) => of_text(value, |text| format!("{prefix}{text}")),
            Self::Pad { length, with } => of_text(value, |text| {
                let missing = length.saturating_sub(text.chars().count());
                std::iter::repeat_n(*with, missing).chain(text.chars()).collect()
            }),
            Self::Json { repair } => read_json(value, *repair),
            Self::Phone { region, otherwise: policy } => {
                let written = phone(&text_of(value.clone())?, *region);
                match written {
                    Some(number) => Ok(Value::Text(Cow::Owned(number))),
                    None => otherwise(policy, value, NO_PHONE),
                }
            }
            Self::Email { otherwise: policy } => {
                let written = email(&text_of(value.clone())?);
                match written {
                    Some(address) => Ok(Value::Text(Cow::Owned(address))),
                    None => otherwise(policy, value, NO_EMAIL),
                }
            }
            Self::Hash(HashKey(key)) => hash(key, &text_of(value)?),
            Self::Mask { keep_last } => of_text(value, |text| mask(text, *keep_last)),
        }
    }

    /// The texts that the rule can put in a value's place, as the plan has them.
    pub(super) fn literals(&self) -> Vec<&str> {
        match self {
            Self::Meanings(meanings) => meanings.results().collect(),
            Self::Constant(value)
            | Self::Default(value)
            | Self::Found { otherwise: Otherwise::Value(value), .. }
            | Self::Phone { otherwise: Otherwise::Value(value), .. }
            | Self::Email { otherwise: Otherwise::Value(value) } => vec![value],
            _ => Vec::new(),
        }
    }
}

/// The namespace of an entity's UUIDs: the `UUIDv5` of `transfuse:` and its name, among URLs.
///
/// A row's UUID is the `UUIDv5` of its legacy key's text within it. Neither depends on a run, a
/// table or an installation, so that children find their parents without asking.
pub fn namespace(entity: &str) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("transfuse:{entity}").as_bytes())
}

const NO_PHONE: Fault = Fault::new(ErrorCode::Data001, "the text is no valid phone number");
const NO_EMAIL: Fault = Fault::new(ErrorCode::Data001, "the text is no e-mail address");

fn of_text(value: Value<'_>, rule: impl FnOnce(&str) -> String) -> Result<Value<'_>, Fault> {
    text_of(value).map(|text| Value::Text(Cow::Owned(rule(&text))))
}

fn boolean<'a>(value: Value<'_>, yes: &[String], no: &[String]) -> Result<Value<'a>, Fault> {
    let text = code_text(value)?;
    if yes.iter().any(|listed| *listed == text) {
        Ok(Value::Bool(true))
    } else if no.iter().any(|listed| *listed == text) {
        Ok(Value::Bool(false))
    } else {
        Err(Fault::new(ErrorCode::Data011, "the value is listed neither as yes nor as no"))
    }
}

fn number(value: Value<'_>) -> Result<Cow<'_, str>, Fault> {
    let text = text_of(value)?;
    Ok(match text {
        Cow::Borrowed(text) => decimal::plain(text)?,
        Cow::Owned(text) => Cow::Owned(decimal::plain(&text)?.into_owned()),
    })
}

fn trim(text: Cow<'_, str>, inner: bool) -> Cow<'_, str> {
    let trimmed = text.trim();
    if inner
        && trimmed
            .chars()
            .zip(trimmed.chars().skip(1))
            .any(|(a, b)| a.is_whitespace() && (b.is_whitespace() || a != ' '))
    {
        return Cow::Owned(trimmed.split_whitespace().collect::<Vec<_>>().join(" "));
    }
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) if text.len() == text.trim().len() => Cow::Owned(text),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    }
}

fn empty_to_null<'a>(value: Value<'a>, also: &[String]) -> Value<'a> {
    let is_empty = match &value {
        Value::Text(text) => text.is_empty() || also.iter().any(|listed| listed == text),
        Value::Invalid(_, bytes) => {
            bytes.is_empty() || also.iter().any(|listed| listed.as_bytes() == bytes.as_ref())
        }
        other if !also.is_empty() => {
            code_text(other.clone()).is_ok_and(|text| also.iter().any(|listed| *listed == text))
        }
        _ => false,
    };
    if is_empty { Value::Null } else { value }
}

fn cut(text: Cow<'_, str>, length: usize) -> Cow<'_, str> {
    let Some((end, _)) = text.char_indices().nth(length) else { return text };
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(&text[..end]),
        Cow::Owned(mut text) => {
            text.truncate(end);
            Cow::Owned(text)
        }
    }
}

fn concat<'a>(columns: &[usize], separator: &str, row: &Row<'a>) -> Result<Value<'a>, Fault> {
    let mut joined: Option<String> = None;
    for column in columns {
        let value = row.value(*column);
        if value.is_null() {
            continue;
        }
        let text = text_of(value)?;
        match &mut joined {
            Some(joined) => {
                joined.push_str(separator);
                joined.push_str(&text);
            }
            None => joined = Some(text.into_owned()),
        }
    }
    Ok(joined.map_or(Value::Null, |text| Value::Text(Cow::Owned(text))))
}

fn read_json(value: Value<'_>, repair: bool) -> Result<Value<'_>, Fault> {
    if let Value::Json(text) = value {
        return Ok(Value::Json(text));
    }
    let text = text_of(value)?;
    let fault = match json::check(&text) {
        Ok(()) if !repair || json::check_escapes(&text).is_ok() => return Ok(Value::Json(text)),
        Ok(()) => None,
        Err(fault) => Some(fault),
    };
    if repair && let Some(mended) = json::repair(&text) {
        return Ok(Value::Json(Cow::Owned(mended)));
    }
    match fault {
        Some(fault) => Err(fault),
        None => Ok(Value::Json(text)),
    }
}

#[cfg(test)]
mod tests;
