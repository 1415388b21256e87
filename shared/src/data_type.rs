//! The types of columns, in the words of the target, PostgreSQL.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A column type as PostgreSQL spells it: `numeric(10,2)`, `timestamptz`, `text[]`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum DataType {
    Boolean,
    SmallInt,
    Integer,
    BigInt,
    Real,
    Double,
    /// Without precision it holds any decimal to the last digit.
    Numeric(Option<(u16, i16)>),
    Text,
    Varchar(Option<u32>),
    Char(u32),
    Bytea,
    Date,
    Time,
    TimeTz,
    Timestamp,
    TimestampTz,
    Interval,
    Uuid,
    Json,
    Jsonb,
    Bit(u32),
    VarBit(Option<u32>),
    Array(Box<DataType>),
    /// Any other type by its name: an enum, a domain, a type of an extension.
    Named(String),
}

impl fmt::Display for DataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean => f.write_str("boolean"),
            Self::SmallInt => f.write_str("smallint"),
            Self::Integer => f.write_str("integer"),
            Self::BigInt => f.write_str("bigint"),
            Self::Real => f.write_str("real"),
            Self::Double => f.write_str("double precision"),
            Self::Numeric(None) => f.write_str("numeric"),
            Self::Numeric(Some((precision, scale))) => write!(f, "numeric({precision},{scale})"),
            Self::Text => f.write_str("text"),
            Self::Varchar(None) => f.write_str("varchar"),
            Self::Varchar(Some(length)) => write!(f, "varchar({length})"),
            Self::Char(length) => write!(f, "char({length})"),
            Self::Bytea => f.write_str("bytea"),
            Self::Date => f.write_str("date"),
            Self::Time => f.write_str("time"),
            Self::TimeTz => f.write_str("timetz"),
            Self::Timestamp => f.write_str("timestamp"),
            Self::TimestampTz => f.write_str("timestamptz"),
            Self::Interval => f.write_str("interval"),
            Self::Uuid => f.write_str("uuid"),
            Self::Json => f.write_str("json"),
            Self::Jsonb => f.write_str("jsonb"),
            Self::Bit(length) => write!(f, "bit({length})"),
            Self::VarBit(None) => f.write_str("varbit"),
            Self::VarBit(Some(length)) => write!(f, "varbit({length})"),
            Self::Array(element) => write!(f, "{element}[]"),
            Self::Named(name) => f.write_str(name),
        }
    }
}

/// A text that names no type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidDataType(String);

impl fmt::Display for InvalidDataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not a column type", self.0)
    }
}

impl std::error::Error for InvalidDataType {}

impl FromStr for DataType {
    type Err = InvalidDataType;

    fn from_str(text: &str) -> Result<Self, InvalidDataType> {
        let invalid = || InvalidDataType(text.to_owned());
        let trimmed = text.trim();
        if let Some(element) = trimmed.strip_suffix("[]") {
            return Ok(Self::Array(Box::new(element.parse()?)));
        }
        let (name, arguments) = split_arguments(trimmed).ok_or_else(invalid)?;
        let number = |index: usize| arguments.get(index).copied();
        let length = || number(0).map(|n| u32::try_from(n).map_err(|_| invalid())).transpose();
        Ok(match name.to_ascii_lowercase().as_str() {
            "boolean" | "bool" => Self::Boolean,
            "smallint" | "int2" | "smallserial" => Self::SmallInt,
            "integer" | "int" | "int4" | "serial" => Self::Integer,
            "bigint" | "int8" | "bigserial" => Self::BigInt,
            "real" | "float4" => Self::Real,
            "double precision" | "float8" | "float" => Self::Double,
            "numeric" | "decimal" => match (number(0), number(1).unwrap_or(0)) {
                (None, _) => Self::Numeric(None),
                (Some(precision), scale) => Self::Numeric(Some((
                    u16::try_from(precision).map_err(|_| invalid())?,
                    i16::try_from(scale).map_err(|_| invalid())?,
                ))),
            },
            "text" => Self::Text,
            "varchar" | "character varying" => Self::Varchar(length()?),
            "char" | "character" | "bpchar" => Self::Char(length()?.unwrap_or(1)),
            "bytea" => Self::Bytea,
            "date" => Self::Date,
            "time" | "time without time zone" => Self::Time,
            "timetz" | "time with time zone" => Self::TimeTz,
            "timestamp" | "timestamp without time zone" => Self::Timestamp,
            "timestamptz" | "timestamp with time zone" => Self::TimestampTz,
            "interval" => Self::Interval,
            "uuid" => Self::Uuid,
            "json" => Self::Json,
            "jsonb" => Self::Jsonb,
            "bit" => Self::Bit(length()?.unwrap_or(1)),
            "varbit" | "bit varying" => Self::VarBit(length()?),
            _ if is_type_name(trimmed) => Self::Named(trimmed.to_owned()),
            _ => return Err(invalid()),
        })
    }
}

/// `numeric(10, 2)` is `("numeric", [10, 2])`; `time(3) with time zone` keeps its tail.
fn split_arguments(text: &str) -> Option<(String, Vec<i64>)> {
    let Some((name, rest)) = text.split_once('(') else {
        return (!text.is_empty()).then(|| (text.to_owned(), Vec::new()));
    };
    let (arguments, tail) = rest.split_once(')')?;
    let arguments =
        arguments.split(',').map(|n| n.trim().parse().ok()).collect::<Option<Vec<i64>>>()?;
    Some((format!("{}{}", name.trim_end(), tail), arguments))
}

/// A name that can stand in a statement as it is: `public.sex`, `"Mixed".kind`, `varchar(3)`.
fn is_type_name(text: &str) -> bool {
    let mut quoted = false;
    let plain = text.chars().all(|c| {
        if c == '"' {
            quoted = !quoted;
            return true;
        }
        quoted && c != '\0' || c.is_alphanumeric() || matches!(c, '_' | '.' | ' ' | '(' | ')' | ',')
    });
    plain && !quoted && text.starts_with(|c: char| c.is_alphabetic() || matches!(c, '_' | '"'))
}

impl TryFrom<String> for DataType {
    type Error = InvalidDataType;

    fn try_from(text: String) -> Result<Self, InvalidDataType> {
        text.parse()
    }
}

impl From<DataType> for String {
    fn from(data_type: DataType) -> Self {
        data_type.to_string()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for DataType {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        <String as utoipa::PartialSchema>::schema()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::ToSchema for DataType {}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: DataType) {
        let parsed: DataType = text.parse().unwrap();
        assert_eq!(parsed, expected);
        assert_eq!(parsed.to_string().parse::<DataType>().unwrap(), expected);
    }

    #[test]
    fn a_type_reads_back_as_it_was_written() {
        check("numeric(10, 2)", DataType::Numeric(Some((10, 2))));
        check("numeric(5)", DataType::Numeric(Some((5, 0))));
        check("numeric", DataType::Numeric(None));
        check("character varying(160)", DataType::Varchar(Some(160)));
        check("timestamp(3) with time zone", DataType::TimestampTz);
        check("text[]", DataType::Array(Box::new(DataType::Text)));
        check("public.sex", DataType::Named("public.sex".into()));
        check("\"Odd Name\"", DataType::Named("\"Odd Name\"".into()));
        check("BIGINT", DataType::BigInt);
    }

    #[test]
    fn a_text_that_could_carry_a_statement_is_no_type() {
        for text in ["", "text; drop table x", "varchar(x)", "a'b", "\"open", "numeric(10"] {
            assert!(text.parse::<DataType>().is_err(), "{text}");
        }
    }
}
