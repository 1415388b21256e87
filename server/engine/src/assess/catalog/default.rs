//! Defaults that mean the same in PostgreSQL.

use shared::connection::Engine;
use shared::data_type::DataType;

use crate::ident;

/// A constant of another engine as a default of a PostgreSQL column; none when PostgreSQL would
/// not take it for a value of that type.
pub(super) fn constant(data_type: &DataType, text: &str) -> Option<String> {
    let number = || {
        let plain = text.strip_prefix(['-', '+']).unwrap_or(text);
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        match plain.split_once('.') {
            None => digits(plain),
            Some((whole, decimals)) => digits(whole) && digits(decimals),
        }
    };
    match data_type {
        DataType::SmallInt | DataType::Integer | DataType::BigInt => {
            text.parse::<i64>().ok().map(|number| number.to_string())
        }
        DataType::Numeric(_) | DataType::Real | DataType::Double => {
            number().then(|| text.to_owned())
        }
        DataType::Boolean => match text.to_ascii_lowercase().as_str() {
            "0" | "false" => Some("false".to_owned()),
            "1" | "true" => Some("true".to_owned()),
            _ => None,
        },
        DataType::Text | DataType::Varchar(_) | DataType::Char(_) => {
            (!text.contains('\0')).then(|| ident::literal(Engine::Postgres, text))
        }
        DataType::Date => is_date(text).then(|| format!("'{text}'")),
        DataType::Timestamp => is_timestamp(text).then(|| format!("'{text}'")),
        _ => None,
    }
}

/// The moment of insertion, for columns that can hold one.
pub(super) fn now(data_type: &DataType) -> Option<String> {
    Some(match data_type {
        DataType::TimestampTz => "now()".to_owned(),
        DataType::Timestamp => "(now() at time zone 'utc')".to_owned(),
        DataType::Date => "((now() at time zone 'utc')::date)".to_owned(),
        _ => return None,
    })
}

/// A default of a PostgreSQL database, when any other one gives it the same meaning.
pub(super) fn of_postgres(expression: &str) -> Option<String> {
    let expression = expression.trim();
    if let Some(literal) = leading_literal(expression) {
        return Some(literal);
    }
    let bare = without_casts(expression);
    let bare = bare.strip_prefix('(').and_then(|b| b.strip_suffix(')')).unwrap_or(bare);
    match bare {
        "true"
        | "false"
        | "now()"
        | "CURRENT_TIMESTAMP"
        | "CURRENT_DATE"
        | "LOCALTIMESTAMP"
        | "CURRENT_TIME"
        | "LOCALTIME"
        | "gen_random_uuid()"
        | "clock_timestamp()"
        | "transaction_timestamp()"
        | "statement_timestamp()" => Some(expression.to_owned()),
        "uuid_generate_v4()" => Some("gen_random_uuid()".to_owned()),
        "timezone('utc'::text, now())" | "now() AT TIME ZONE 'utc'::text" => {
            Some("timezone('utc'::text, now())".to_owned())
        }
        _ => bare.parse::<f64>().is_ok_and(f64::is_finite).then(|| bare.to_owned()),
    }
}

/// `'x'::kind` is `'x'`: without its cast it becomes what its column is.
fn leading_literal(expression: &str) -> Option<String> {
    let (escape, body) = match expression.strip_prefix("E'") {
        Some(body) => ("E", body),
        None => ("", expression.strip_prefix('\'')?),
    };
    if escape.is_empty() && body.contains('\\') {
        return None;
    }
    let mut end = 0;
    let mut chars = body.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => {
                chars.next();
            }
            '\'' if chars.peek().is_some_and(|(_, next)| *next == '\'') => {
                chars.next();
            }
            '\'' => {
                end = at;
                break;
            }
            _ => {}
        }
    }
    let (literal, rest) = body.split_at_checked(end)?;
    let rest = rest.strip_prefix('\'')?;
    (rest.is_empty() || rest.starts_with("::") && without_casts(rest).is_empty())
        .then(|| format!("{escape}'{literal}'"))
}

/// What stands before the casts at the end.
fn without_casts(expression: &str) -> &str {
    let is_type = |text: &str| {
        text.chars().all(|c| {
            c.is_alphanumeric() || matches!(c, '_' | '.' | '"' | ' ' | '[' | ']' | '(' | ')' | ',')
        }) && text.matches('(').count() == text.matches(')').count()
    };
    match expression.rsplit_once("::") {
        Some((before, cast)) if is_type(cast) => without_casts(before),
        _ => expression,
    }
}

fn is_date(text: &str) -> bool {
    chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok() && text.len() == 10
}

fn is_timestamp(text: &str) -> bool {
    chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f").is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(expression: &str, expected: Option<&str>) {
        assert_eq!(of_postgres(expression).as_deref(), expected);
    }

    #[test]
    fn a_default_that_means_the_same_everywhere_is_kept() {
        check("0", Some("0"));
        check("(-1)", Some("-1"));
        check("'a''b'::character varying", Some("'a''b'"));
        check("'open'::public.\"State\"", Some("'open'"));
        check("'{}'::jsonb", Some("'{}'"));
        check("E'a\\\\b'::text", Some("E'a\\\\b'"));
        check("now()", Some("now()"));
        check("timezone('utc'::text, now())", Some("timezone('utc'::text, now())"));
        check("('now'::text)::date", None);
        check("nextval('t_id_seq'::regclass)", None);
        check("my_function('x'::text)", None);
        check("('a'::text || 'b'::text)", None);
        check("'a'::text || 'b'::text", None);
    }

    #[test]
    fn a_constant_that_is_none_of_its_type_is_left_out() {
        assert_eq!(constant(&DataType::Integer, ""), None);
        assert_eq!(constant(&DataType::Integer, "7").as_deref(), Some("7"));
        assert_eq!(constant(&DataType::Date, "0000-00-00"), None);
        assert_eq!(constant(&DataType::Text, "it's").as_deref(), Some("'it''s'"));
        assert_eq!(constant(&DataType::Boolean, "1").as_deref(), Some("true"));
        assert_eq!(constant(&DataType::Numeric(None), "1.50").as_deref(), Some("1.50"));
    }
}
