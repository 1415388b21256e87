//! Values as text, the way PostgreSQL writes them in ISO style.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::Value;

/// A value as PostgreSQL writes it in ISO style; none for bytes and for what has no text.
pub fn display<'a>(value: &'a Value<'_>) -> Option<Cow<'a, str>> {
    Some(match value {
        Value::Bool(value) => Cow::Borrowed(if *value { "t" } else { "f" }),
        Value::Int(value) => Cow::Owned(value.to_string()),
        Value::Uint(value) => Cow::Owned(value.to_string()),
        Value::Float32(value) => Cow::Owned(float(f64::from(*value), value.to_string())),
        Value::Float(value) => Cow::Owned(float(*value, value.to_string())),
        Value::Decimal(text) | Value::Text(text) | Value::Json(text) => Cow::Borrowed(text),
        Value::Date(days) => Cow::Owned(date(i64::from(*days))),
        Value::Time(microseconds) => Cow::Owned(time(*microseconds)),
        Value::TimeTz(microseconds, west) => {
            Cow::Owned(format!("{}{}", time(*microseconds), offset(-west)))
        }
        Value::Timestamp(microseconds) => Cow::Owned(timestamp(*microseconds, "")),
        Value::TimestampTz(microseconds) => Cow::Owned(timestamp(*microseconds, "+00")),
        Value::Interval { months, days, microseconds } => {
            let sign = if *microseconds < 0 { "-" } else { "" };
            let time = time(microseconds.checked_abs()?);
            Cow::Owned(format!("{months} mons {days} days {sign}{time}"))
        }
        Value::Uuid(bytes) => Cow::Owned(uuid::Uuid::from_bytes(*bytes).to_string()),
        Value::Bits { length, bytes } => Cow::Owned(
            (0..*length as usize)
                .map(|bit| if bytes[bit / 8] >> (7 - bit % 8) & 1 == 1 { '1' } else { '0' })
                .collect(),
        ),
        Value::Null | Value::Bytes(_) | Value::Raw(_) | Value::Invalid(..) => return None,
    })
}

fn float(value: f64, shown: String) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "Infinity".to_owned() } else { "-Infinity".to_owned() }
    } else {
        shown
    }
}

const MICROSECONDS_A_DAY: i64 = 86_400_000_000;

fn date(days: i64) -> String {
    if days == i64::from(i32::MAX) {
        return "infinity".to_owned();
    }
    if days == i64::from(i32::MIN) {
        return "-infinity".to_owned();
    }
    let (year, month, day) = civil(days);
    if year > 0 {
        format!("{year:04}-{month:02}-{day:02}")
    } else {
        format!("{:04}-{month:02}-{day:02} BC", 1 - year)
    }
}

/// Year, month and day of a day counted from 2000-01-01, in the proleptic Gregorian calendar.
/// Howard Hinnant's `civil_from_days`, <https://howardhinnant.github.io/date_algorithms.html>.
const fn civil(days: i64) -> (i64, i64, i64) {
    let z = days + 730_425;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = doy - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

fn time(microseconds: i64) -> String {
    let (seconds, fraction) = (microseconds / 1_000_000, microseconds % 1_000_000);
    let mut text = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if fraction != 0 {
        text.push_str(format!(".{fraction:06}").trim_end_matches('0'));
    }
    text
}

fn offset(east: i32) -> String {
    let sign = if east < 0 { '-' } else { '+' };
    let east = east.unsigned_abs();
    let mut text = format!("{sign}{:02}", east / 3600);
    if !east.is_multiple_of(3600) {
        let _ = write!(text, ":{:02}", east / 60 % 60);
    }
    if !east.is_multiple_of(60) {
        let _ = write!(text, ":{:02}", east % 60);
    }
    text
}

fn timestamp(microseconds: i64, zone: &str) -> String {
    match microseconds {
        i64::MAX => return "infinity".to_owned(),
        i64::MIN => return "-infinity".to_owned(),
        _ => {}
    }
    let day = date(microseconds.div_euclid(MICROSECONDS_A_DAY));
    let time = time(microseconds.rem_euclid(MICROSECONDS_A_DAY));
    match day.strip_suffix(" BC") {
        Some(day) => format!("{day} {time}{zone} BC"),
        None => format!("{day} {time}{zone}"),
    }
}

#[cfg(test)]
mod tests {
    use chrono::{Duration, NaiveDate};

    use super::*;

    #[track_caller]
    fn check(value: Value<'_>, shown: &str) {
        assert_eq!(display(&value).as_deref(), Some(shown));
    }

    #[test]
    fn values_read_as_postgresql_writes_them() {
        check(Value::Date(0), "2000-01-01");
        check(Value::Date(-730_119), "0001-01-01");
        check(Value::Date(-730_120), "0001-12-31 BC");
        check(Value::Date(i32::MAX), "infinity");
        check(Value::Time(86_399_999_999), "23:59:59.999999");
        check(Value::TimeTz(0, -19_800), "00:00:00+05:30");
        check(Value::Timestamp(-1), "1999-12-31 23:59:59.999999");
        check(Value::TimestampTz(1_500_000), "2000-01-01 00:00:01.5+00");
        check(
            Value::Interval { months: 1, days: -2, microseconds: -3_600_000_000 },
            "1 mons -2 days -01:00:00",
        );
        check(Value::Bits { length: 3, bytes: vec![0b1010_0000].into() }, "101");
        check(Value::Float32(0.1), "0.1");
    }

    proptest::proptest! {
        #[test]
        fn a_date_is_the_one_that_chrono_knows(days in -700_000i32..2_000_000) {
            let expected =
                NaiveDate::from_ymd_opt(2000, 1, 1).unwrap() + Duration::days(i64::from(days));
            check(Value::Date(days), &expected.format("%Y-%m-%d").to_string());
        }
    }
}
