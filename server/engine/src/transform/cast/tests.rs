use chrono::{Datelike as _, Duration, NaiveDate};
use proptest::prelude::*;

use super::*;
use crate::transform::calendar::DAY;

fn on_postgres<'a>(value: Value<'a>, data_type: &str) -> Result<Value<'a>, Fault> {
    let data_type: DataType = data_type.parse().expect("the test names a type");
    cast(value, Slot { data_type: &data_type, labels: None, engine: Engine::Postgres })
}

/// Each value becomes the other.
#[track_caller]
fn check<const N: usize>(data_type: &str, pairs: [(Value<'_>, Value<'_>); N]) {
    for (value, expected) in pairs {
        let shown = format!("{value:?} to {data_type}");
        assert_eq!(on_postgres(value, data_type), Ok(expected), "{shown}");
    }
}

/// Each value is refused with the code.
#[track_caller]
fn check_refused<const N: usize>(data_type: &str, pairs: [(Value<'_>, ErrorCode); N]) {
    for (value, code) in pairs {
        let shown = format!("{value:?} to {data_type}");
        assert_eq!(on_postgres(value, data_type).map_err(|fault| fault.code), Err(code), "{shown}");
    }
}

fn text(text: &str) -> Value<'_> {
    Value::Text(text.into())
}

fn decimal(text: &str) -> Value<'_> {
    Value::Decimal(text.into())
}

fn json(text: &str) -> Value<'_> {
    Value::Json(text.into())
}

fn bytes(bytes: &[u8]) -> Value<'_> {
    Value::Bytes(bytes.into())
}

fn bits(length: u32, bytes: &[u8]) -> Value<'_> {
    Value::Bits { length, bytes: bytes.into() }
}

const fn span<'a>(months: i32, days: i32, microseconds: i64) -> Value<'a> {
    Value::Interval { months, days, microseconds }
}

fn malformed(text: &str) -> Value<'_> {
    Value::Invalid(Flaw::Malformed, text.as_bytes().into())
}

const HOUR: i64 = 3_600_000_000;

#[test]
fn null_stays_null_in_every_type() {
    for data_type in ["boolean", "integer", "numeric(3,1)", "text", "date", "jsonb", "text[]"] {
        check(data_type, [(Value::Null, Value::Null)]);
    }
}

#[test]
fn truth_has_its_usual_spellings() {
    check(
        "boolean",
        [
            (Value::Bool(true), Value::Bool(true)),
            (Value::Int(0), Value::Bool(false)),
            (Value::Uint(1), Value::Bool(true)),
            (Value::Float(1.0), Value::Bool(true)),
            (decimal("1.00"), Value::Bool(true)),
            (text("t"), Value::Bool(true)),
            (text(" FALSE "), Value::Bool(false)),
            (text("yes"), Value::Bool(true)),
            (text("0"), Value::Bool(false)),
            (bits(1, &[0x80]), Value::Bool(true)),
            (bytes(&[0]), Value::Bool(false)),
            (malformed("no"), Value::Bool(false)),
        ],
    );
    check_refused(
        "boolean",
        [
            (Value::Int(2), ErrorCode::Data001),
            (decimal("0.5"), ErrorCode::Data001),
            (text("maybe"), ErrorCode::Data001),
            (text(""), ErrorCode::Data001),
            (Value::Date(0), ErrorCode::Data001),
        ],
    );
}

#[test]
fn an_integer_takes_whole_numbers_in_its_range() {
    check(
        "smallint",
        [
            (Value::Int(-32_768), Value::Int(-32_768)),
            (Value::Bool(true), Value::Int(1)),
            (Value::Uint(7), Value::Int(7)),
            (Value::Float(-3.0), Value::Int(-3)),
            (Value::Float32(12.0), Value::Int(12)),
            (decimal("32767.00"), Value::Int(32_767)),
            (text(" +12 "), Value::Int(12)),
            (text("1e3"), Value::Int(1000)),
            (bits(10, &[0b1000_0000, 0b0100_0000]), Value::Int(513)),
            (malformed("12.0"), Value::Int(12)),
        ],
    );
    check("bigint", [(Value::Int(i64::MIN), Value::Int(i64::MIN))]);
    check_refused(
        "smallint",
        [
            (Value::Int(32_768), ErrorCode::Data002),
            (Value::Float(1e300), ErrorCode::Data002),
            (Value::Float(0.5), ErrorCode::Data014),
            (Value::Float(f64::NAN), ErrorCode::Data001),
            (decimal("-32769"), ErrorCode::Data002),
            (decimal("1.5"), ErrorCode::Data014),
            (text("twelve"), ErrorCode::Data001),
            (text(""), ErrorCode::Data001),
            (text("1 000"), ErrorCode::Data001),
            (malformed("abc"), ErrorCode::Data001),
            (Value::Date(1), ErrorCode::Data001),
        ],
    );
    check_refused("integer", [(Value::Int(1 << 31), ErrorCode::Data002)]);
    check_refused(
        "bigint",
        [
            (Value::Uint(u64::MAX), ErrorCode::Data002),
            (text("9223372036854775808"), ErrorCode::Data002),
        ],
    );
}

#[test]
fn a_numeric_keeps_every_digit_or_refuses() {
    check(
        "numeric(6,2)",
        [
            (Value::Int(1234), decimal("1234")),
            (decimal("-1234.50"), decimal("-1234.50")),
            (decimal("1.500"), decimal("1.50")),
            (decimal("7.000"), decimal("7.00")),
            (Value::Float(0.1), decimal("0.1")),
            (Value::Float32(0.1), decimal("0.1")),
            (text("1.25e1"), decimal("12.5")),
            (text(".5"), decimal("0.5")),
            (text("007"), decimal("7")),
            (text("-0.0"), decimal("0.0")),
            (decimal("NaN"), decimal("NaN")),
            (Value::Bool(true), decimal("1")),
            (bits(3, &[0b1010_0000]), decimal("5")),
        ],
    );
    check(
        "numeric",
        [
            (Value::Uint(u64::MAX), decimal("18446744073709551615")),
            (Value::Float(f64::INFINITY), decimal("Infinity")),
            (
                decimal("0.1234567890123456789012345678901"),
                decimal("0.1234567890123456789012345678901"),
            ),
        ],
    );
    check("numeric(2,4)", [(decimal("0.0099"), decimal("0.0099"))]);
    check("numeric(5,-2)", [(Value::Int(1200), decimal("1200"))]);
    check_refused(
        "numeric(6,2)",
        [
            (decimal("10000"), ErrorCode::Data002),
            (decimal("1.005"), ErrorCode::Data014),
            (decimal("Infinity"), ErrorCode::Data002),
            (text("1,5"), ErrorCode::Data001),
            (text("1e-3"), ErrorCode::Data014),
            (text("1e999999999"), ErrorCode::Data002),
            (Value::Uuid([0; 16]), ErrorCode::Data001),
        ],
    );
    check_refused("numeric(2,4)", [(decimal("0.0100"), ErrorCode::Data002)]);
    check_refused("numeric(5,-2)", [(Value::Int(1230), ErrorCode::Data014)]);
    // A tax rate kept in percent, in a column for fractions.
    check_refused("numeric(5,4)", [(decimal("10.2500"), ErrorCode::Data002)]);
}

#[test]
fn a_binary_fraction_stands_for_its_decimal_or_is_refused() {
    check(
        "double precision",
        [
            (Value::Float(0.1), Value::Float(0.1)),
            (Value::Float32(0.5), Value::Float(0.5)),
            (Value::Int(3), Value::Float(3.0)),
            (decimal("0.10"), Value::Float(0.1)),
            (text("0.10000000000000001"), Value::Float(0.1)),
            (text("-1e300"), Value::Float(-1e300)),
            (text("Infinity"), Value::Float(f64::INFINITY)),
        ],
    );
    check(
        "real",
        [
            (Value::Float(0.1), Value::Float32(0.1)),
            (Value::Float32(1.5), Value::Float32(1.5)),
            (Value::Float(f64::NEG_INFINITY), Value::Float32(f32::NEG_INFINITY)),
            (text("3.25"), Value::Float32(3.25)),
            (Value::Float(f64::from(0.1f32)), Value::Float32(0.1)),
        ],
    );
    check_refused(
        "double precision",
        [
            (decimal("3.14159265358979323846"), ErrorCode::Data014),
            (Value::Int(9_007_199_254_740_993), ErrorCode::Data014),
            (text("1e400"), ErrorCode::Data002),
            (text("x"), ErrorCode::Data001),
        ],
    );
    check_refused(
        "real",
        [
            (Value::Float(0.123_456_789_01), ErrorCode::Data014),
            (Value::Int(16_777_217), ErrorCode::Data014),
            (Value::Float(1e300), ErrorCode::Data002),
        ],
    );
    assert!(
        matches!(on_postgres(Value::Float(f64::NAN), "real"), Ok(Value::Float32(n)) if n.is_nan())
    );
}

#[test]
fn a_text_takes_what_can_be_written_and_fits() {
    check(
        "text",
        [
            (text("Ann\u{304}"), text("Ann\u{304}")),
            (Value::Int(-5), text("-5")),
            (Value::Uint(u64::MAX), text("18446744073709551615")),
            (Value::Bool(false), text("false")),
            (decimal("1.50"), text("1.50")),
            (Value::Float(0.1), text("0.1")),
            (Value::Date(59), text("2000-02-29")),
            (Value::Time(HOUR), text("01:00:00")),
            (Value::TimeTz(HOUR, -7200), text("01:00:00+02")),
            (Value::Timestamp(1_500_000), text("2000-01-01 00:00:01.5")),
            (Value::TimestampTz(0), text("2000-01-01 00:00:00+00")),
            (Value::Uuid([0x11; 16]), text("11111111-1111-1111-1111-111111111111")),
            (json("{}"), text("{}")),
            (bits(3, &[0b1010_0000]), text("101")),
            (bytes("é".as_bytes()), text("é")),
            (malformed("abc"), text("abc")),
            (Value::Invalid(Flaw::ZeroDate, b"0000-00-00"[..].into()), text("0000-00-00")),
        ],
    );
    check("varchar(3)", [(text("äöü"), text("äöü"))]);
    check("char(2)", [(text("a   "), text("a")), (text("a"), text("a"))]);
    check("text[]", [(text("{a,b}"), text("{a,b}"))]);
    check("citext", [(text("A"), text("A")), (Value::Int(1), text("1"))]);
    check_refused(
        "text",
        [
            (text("a\0b"), ErrorCode::Data005),
            (bytes(&[0xff]), ErrorCode::Data007),
            (Value::Invalid(Flaw::NotText, b"\xff"[..].into()), ErrorCode::Data007),
            (Value::Invalid(Flaw::Malformed, b"\xff"[..].into()), ErrorCode::Data007),
        ],
    );
    check_refused(
        "varchar(3)",
        [(text("äöüß"), ErrorCode::Data003), (text("ab  "), ErrorCode::Data003)],
    );
    check_refused("char(2)", [(text("abc"), ErrorCode::Data003)]);
}

#[test]
fn sqlite_keeps_0x00_in_a_text() {
    let slot = Slot { data_type: &DataType::Text, labels: None, engine: Engine::Sqlite };
    assert_eq!(cast(text("a\0b"), slot), Ok(text("a\0b")));
}

#[test]
fn an_enum_takes_its_labels_only() {
    let labels = ["male".to_owned(), "female".to_owned()];
    let data_type = DataType::Named("sex".to_owned());
    let slot = Slot { data_type: &data_type, labels: Some(&labels), engine: Engine::Postgres };

    assert_eq!(cast(text("male"), slot), Ok(text("male")));
    assert_eq!(cast(text("Male"), slot).map_err(|fault| fault.code), Err(ErrorCode::Data011));
}

#[test]
fn bytes_stay_bytes() {
    check(
        "bytea",
        [
            (bytes(&[0, 255]), bytes(&[0, 255])),
            (text("\\x41"), bytes(b"\\x41")),
            (Value::Uuid([7; 16]), bytes(&[7; 16])),
            (Value::Invalid(Flaw::NotText, b"\xff"[..].into()), bytes(&[0xff])),
        ],
    );
    check_refused("bytea", [(Value::Int(1), ErrorCode::Data001)]);
}

#[test]
fn a_date_is_read_in_the_order_year_month_day() {
    check(
        "date",
        [
            (Value::Date(-7), Value::Date(-7)),
            (text("2000-01-01"), Value::Date(0)),
            (text("2000-3-1"), Value::Date(60)),
            (text("20000301"), Value::Date(60)),
            (text("2000/03/01"), Value::Date(60)),
            (text(" 2000-01-01 00:00:00 "), Value::Date(0)),
            (text("2000-01-01T00:00:00.000"), Value::Date(0)),
            (text("0001-01-01"), Value::Date(-730_119)),
            (text("0001-12-31 BC"), Value::Date(-730_120)),
            (text("infinity"), Value::Date(i32::MAX)),
            (Value::Timestamp(DAY), Value::Date(1)),
            (Value::Timestamp(i64::MIN), Value::Date(i32::MIN)),
            (text("5874897-12-31"), Value::Date(2_145_031_948)),
        ],
    );
    check_refused(
        "date",
        [
            (text("01/02/2000"), ErrorCode::Data001),
            (text("yesterday"), ErrorCode::Data001),
            (text("2000-02-30"), ErrorCode::Data002),
            (text("1900-02-29"), ErrorCode::Data002),
            (text("2000-13-01"), ErrorCode::Data002),
            (text("5874898-01-01"), ErrorCode::Data002),
            (text("0000-00-00"), ErrorCode::Data006),
            (text("2000-00-10"), ErrorCode::Data006),
            (text("2000-01-01 10:00"), ErrorCode::Data014),
            (text("2000-01-01 00:00:00Z"), ErrorCode::Data001),
            (Value::Timestamp(1), ErrorCode::Data014),
            (Value::TimestampTz(0), ErrorCode::Data001),
            (Value::Int(20_000_101), ErrorCode::Data001),
            (Value::Invalid(Flaw::ZeroDate, b"0000-00-00"[..].into()), ErrorCode::Data006),
            (Value::Invalid(Flaw::OutOfRange, b"x"[..].into()), ErrorCode::Data002),
        ],
    );
}

#[test]
fn a_time_of_day_is_within_a_day() {
    check(
        "time",
        [
            (Value::Time(5), Value::Time(5)),
            (text("01:00"), Value::Time(HOUR)),
            (text("1:00:00.5"), Value::Time(HOUR + 500_000)),
            (text("010000"), Value::Time(HOUR)),
            (text("01:00 PM"), Value::Time(13 * HOUR)),
            (text("12:00 am"), Value::Time(0)),
            (text("24:00:00"), Value::Time(DAY)),
            (span(0, 0, HOUR), Value::Time(HOUR)),
        ],
    );
    check(
        "timetz",
        [
            (text("01:00+05:30"), Value::TimeTz(HOUR, -19_800)),
            (text("01:00Z"), Value::TimeTz(HOUR, 0)),
        ],
    );
    check_refused(
        "time",
        [
            (text("25:00:00"), ErrorCode::Data002),
            (text("-01:00:00"), ErrorCode::Data001),
            (text("01:00:00.0000001"), ErrorCode::Data014),
            (text("01:00+02"), ErrorCode::Data001),
            (text("1"), ErrorCode::Data001),
            (span(0, 0, -1), ErrorCode::Data002),
            (span(0, 1, 0), ErrorCode::Data002),
            (Value::Timestamp(0), ErrorCode::Data001),
        ],
    );
    check_refused(
        "timetz",
        [(text("01:00"), ErrorCode::Data001), (Value::Time(1), ErrorCode::Data001)],
    );
}

#[test]
fn a_timestamp_has_no_zone() {
    check(
        "timestamp",
        [
            (Value::Timestamp(-1), Value::Timestamp(-1)),
            (Value::Date(1), Value::Timestamp(DAY)),
            (Value::Date(i32::MAX), Value::Timestamp(i64::MAX)),
            (text("2000-01-01"), Value::Timestamp(0)),
            (text("2000-01-01 01:00"), Value::Timestamp(HOUR)),
            (text("2000-01-01T01:00:00.123456"), Value::Timestamp(HOUR + 123_456)),
            (text("20000101010000"), Value::Timestamp(HOUR)),
            (text("20000101T010000"), Value::Timestamp(HOUR)),
            (text("2000-01-01 24:00:00"), Value::Timestamp(DAY)),
            (text("1999-12-31 23:59:59.9999990"), Value::Timestamp(-1)),
        ],
    );
    check_refused(
        "timestamp",
        [
            (Value::TimestampTz(0), ErrorCode::Data001),
            (text("2000-01-01 00:00:00+02"), ErrorCode::Data001),
            (text("2000-01-01 00:00:00.1234567"), ErrorCode::Data014),
            (text("294277-01-01 00:00:00"), ErrorCode::Data002),
            (text("2000-01-01 00:60"), ErrorCode::Data002),
            (text("2000-01-01 junk"), ErrorCode::Data001),
            (text("0000-00-00 00:00:00"), ErrorCode::Data006),
            (Value::Int(946_684_800), ErrorCode::Data001),
        ],
    );
}

#[test]
fn a_timestamp_with_zone_needs_one() {
    check(
        "timestamptz",
        [
            (Value::TimestampTz(5), Value::TimestampTz(5)),
            (text("2000-01-01T00:00:00Z"), Value::TimestampTz(0)),
            (text("2000-01-01 02:00:00+02"), Value::TimestampTz(0)),
            (text("2000-01-01 05:30:00 +0530"), Value::TimestampTz(0)),
            (text("1999-12-31 19:00:00-05:00"), Value::TimestampTz(0)),
            (text("2000-01-01 00:00:00 UTC"), Value::TimestampTz(0)),
            (text("-infinity"), Value::TimestampTz(i64::MIN)),
        ],
    );
    check_refused(
        "timestamptz",
        [
            (Value::Timestamp(0), ErrorCode::Data001),
            (Value::Date(0), ErrorCode::Data001),
            (text("2000-01-01 00:00:00"), ErrorCode::Data001),
            (text("2000-01-01 00:00:00 CEST"), ErrorCode::Data001),
        ],
    );
}

#[test]
fn an_interval_takes_durations_of_any_length() {
    check(
        "interval",
        [
            (span(1, 2, 3), span(1, 2, 3)),
            (Value::Time(HOUR), span(0, 0, HOUR)),
            (text("-838:59:59"), span(0, 0, -(838 * HOUR + 59 * HOUR / 60 + 59_000_000))),
            (text("1 year 2 mons -3 days 04:05:06.5"), span(14, -3, 4 * HOUR + 306_500_000)),
            (text("1 mons -2 days -01:00:00"), span(1, -2, -HOUR)),
            (text("1.5 hours"), span(0, 0, HOUR + HOUR / 2)),
            (text("P1Y2M3DT4H5M6.5S"), span(14, 3, 4 * HOUR + 306_500_000)),
            (text("2 weeks"), span(0, 14, 0)),
        ],
    );
    check_refused(
        "interval",
        [
            (text(""), ErrorCode::Data001),
            (text("soon"), ErrorCode::Data001),
            (text("1.5 months"), ErrorCode::Data014),
            (text("999999999999 years"), ErrorCode::Data002),
            (Value::Int(1), ErrorCode::Data001),
        ],
    );
}

#[test]
fn a_uuid_is_read_from_text_and_from_bytes() {
    let uuid = Value::Uuid([0x11; 16]);
    check(
        "uuid",
        [
            (uuid.clone(), uuid.clone()),
            (text("11111111-1111-1111-1111-111111111111"), uuid.clone()),
            (text("{11111111-1111-1111-1111-111111111111}"), uuid.clone()),
            (text("11111111111111111111111111111111"), uuid.clone()),
            (bytes(&[0x11; 16]), uuid.clone()),
        ],
    );
    check_refused("uuid", [(text("1111"), ErrorCode::Data001), (bytes(&[1]), ErrorCode::Data001)]);
}

#[test]
fn json_is_checked() {
    check(
        "json",
        [
            (json("{\"a\": 1}"), json("{\"a\": 1}")),
            (text("[1, \"\\u0000\"]"), json("[1, \"\\u0000\"]")),
            (Value::Int(5), json("5")),
            (Value::Float(0.5), json("0.5")),
            (Value::Bool(true), json("true")),
            (bytes(b"null"), json("null")),
        ],
    );
    check("jsonb", [(text("\"\\\\u0000\""), json("\"\\\\u0000\""))]);
    for data_type in ["json", "jsonb"] {
        check_refused(
            data_type,
            [
                (text("{'a': 1}"), ErrorCode::Data012),
                (text(""), ErrorCode::Data012),
                (text("1 2"), ErrorCode::Data012),
                (decimal("NaN"), ErrorCode::Data012),
                (Value::Date(0), ErrorCode::Data001),
            ],
        );
    }
    check_refused(
        "jsonb",
        [(text("\"\\u0000\""), ErrorCode::Data005), (json("\"\\ud800\""), ErrorCode::Data012)],
    );
}

#[test]
fn bits_are_counted() {
    check(
        "bit(3)",
        [
            (bits(3, &[0b1010_0000]), bits(3, &[0b1010_0000])),
            (text("101"), bits(3, &[0b1010_0000])),
            (text("B'101'"), bits(3, &[0b1010_0000])),
            (Value::Int(5), bits(3, &[0b1010_0000])),
        ],
    );
    check("bit(1)", [(Value::Bool(true), bits(1, &[0x80]))]);
    check("bit varying(8)", [(text("11"), bits(2, &[0b1100_0000]))]);
    check("varbit", [(Value::Int(0), bits(1, &[0]))]);
    check_refused(
        "bit(3)",
        [
            (bits(4, &[0]), ErrorCode::Data003),
            (bits(2, &[0]), ErrorCode::Data001),
            (Value::Int(8), ErrorCode::Data002),
            (Value::Int(-1), ErrorCode::Data002),
            (text("102"), ErrorCode::Data001),
        ],
    );
}

#[test]
fn raw_bytes_pass_untouched() {
    check("integer", [(Value::Raw(b"any"[..].into()), Value::Raw(b"any"[..].into()))]);
}

/// A slot for every type pair that the plan's own check calls impossible refuses all values.
#[test]
fn what_the_plan_calls_impossible_never_succeeds() {
    let samples = [
        ("boolean", Value::Bool(true)),
        ("bigint", Value::Int(1)),
        ("double precision", Value::Float(1.0)),
        ("numeric", decimal("1")),
        ("bytea", bytes(&[1; 16])),
        ("bytea", bytes(&[1])),
        ("bytea", bytes(b"null")),
        ("date", Value::Date(0)),
        ("time", Value::Time(0)),
        ("timetz", Value::TimeTz(0, 0)),
        ("timestamp", Value::Timestamp(0)),
        ("timestamptz", Value::TimestampTz(0)),
        ("interval", span(0, 0, 0)),
        ("uuid", Value::Uuid([1; 16])),
        ("jsonb", json("1")),
        ("bit(1)", bits(1, &[0])),
    ];
    for (from, _) in &samples {
        for (to, _) in &samples {
            let refused = samples
                .iter()
                .filter(|(data_type, _)| data_type == from)
                .all(|(_, value)| on_postgres(value.clone(), to).is_err());
            let (from, to): (DataType, DataType) = (from.parse().unwrap(), to.parse().unwrap());
            assert_eq!(from.never_becomes(&to).is_some(), refused, "{from} to {to}");
        }
    }
}

proptest! {
    #[test]
    fn a_decimal_comes_back_as_the_text_that_it_was(
        whole in "0|[1-9][0-9]{0,40}",
        fraction in "([0-9]{1,30})?",
        negative in any::<bool>(),
    ) {
        let mut written = whole;
        if !fraction.is_empty() {
            written = format!("{written}.{fraction}");
        }
        if negative && written.bytes().any(|b| matches!(b, b'1'..=b'9')) {
            written.insert(0, '-');
        }
        let read = on_postgres(text(&written), "numeric").unwrap();
        prop_assert_eq!(&read, &decimal(&written));
        prop_assert_eq!(on_postgres(read, "text").unwrap(), text(&written));
    }

    #[test]
    fn a_decimal_with_an_exponent_is_the_same_number(digits in 0i64..1_000_000, exponent in -10i32..10) {
        let written = format!("{digits}e{exponent}");
        let Value::Decimal(plain) = on_postgres(text(&written), "numeric").unwrap() else {
            unreachable!("a numeric is a decimal")
        };
        let expected: f64 = written.parse().unwrap();
        prop_assert!((plain.parse::<f64>().unwrap() - expected).abs() <= expected.abs() * 1e-15);
    }

    #[test]
    fn an_integer_comes_back_from_text_and_from_decimal(number in any::<i64>()) {
        let written = number.to_string();
        prop_assert_eq!(on_postgres(text(&written), "bigint").unwrap(), Value::Int(number));
        prop_assert_eq!(on_postgres(decimal(&written), "bigint").unwrap(), Value::Int(number));
        prop_assert_eq!(
            on_postgres(Value::Int(number), "integer").is_ok(),
            i32::try_from(number).is_ok()
        );
    }

    #[test]
    fn a_double_comes_back_from_its_own_text(number in any::<f64>().prop_filter("finite", |n| n.is_finite())) {
        let Value::Float(back) = on_postgres(text(&number.to_string()), "float8").unwrap() else {
            unreachable!("a double is a float")
        };
        prop_assert!((back - number).abs() == 0.0);
    }

    #[test]
    fn a_date_is_the_day_that_chrono_names(days in -1_700_000i32..90_000_000) {
        let epoch = NaiveDate::from_ymd_opt(2000, 1, 1).unwrap();
        let day = epoch + Duration::days(i64::from(days));
        let written = if day.year() > 0 {
            day.format("%Y-%m-%d").to_string().trim_start_matches('+').to_owned()
        } else {
            format!("{:04}-{:02}-{:02} BC", 1 - day.year(), day.month(), day.day())
        };
        prop_assert_eq!(on_postgres(text(&written), "date").unwrap(), Value::Date(days));
        prop_assert_eq!(on_postgres(Value::Date(days), "text").unwrap(), text(&written));
    }

    #[test]
    fn a_timestamp_comes_back_from_its_own_text(microseconds in -211_813_488_000_000_000i64..9_223_371_331_200_000_000) {
        for value in [Value::Timestamp(microseconds), Value::TimestampTz(microseconds)] {
            let data_type = if matches!(value, Value::Timestamp(_)) { "timestamp" } else { "timestamptz" };
            let written = on_postgres(value.clone(), "text").unwrap();
            prop_assert_eq!(on_postgres(written, data_type).unwrap(), value);
        }
    }

    #[test]
    fn an_interval_comes_back_from_its_own_text(months in any::<i32>(), days in any::<i32>(), microseconds in -(1i64 << 60)..(1i64 << 60)) {
        let written = on_postgres(span(months, days, microseconds), "text").unwrap();
        prop_assert_eq!(on_postgres(written, "interval").unwrap(), span(months, days, microseconds));
    }

    #[test]
    fn no_text_makes_a_cast_panic(written in "\\PC*|[-+0-9:. TZPYMDHSeE/]*") {
        for data_type in [
            "boolean", "integer", "numeric(5,2)", "real", "float8", "char(3)", "bytea", "date",
            "time", "timetz", "timestamp", "timestamptz", "interval", "uuid", "jsonb", "bit(3)",
        ] {
            let _ = on_postgres(text(&written), data_type);
        }
    }
}
