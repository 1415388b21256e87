use super::*;
use crate::value::Batch;

fn plan() -> Plan {
    Plan::from_yaml(
        "{format: 1, name: x, source: 'sqlite:a', target: 'postgres://b/c', tables: [], \
         code_tables: {sex: {entries: {'1': male, '2': female}, otherwise: {value: unknown}}}, \
         lookups: {unit: {from: {entries: {'1': mg/dl, '1.5': g, 'true': 'yes'}}}, \
         listed: {from: {csv: {text: \"code,more,unit\\n1,x,mg/dl\\n2,y,\\n\", key: code, value: unit}}}, \
         bad: {from: {csv: {text: 'code', key: code, value: unit}}}, \
         asked: {from: {table: {name: units, key: code, value: unit}}}}}",
    )
    .unwrap()
}

/// The value that the rule, written in YAML, makes of one; the row has it and two more.
fn apply(rule: &str, value: Value<'_>) -> Result<Value<'static>, Fault> {
    let plan = plan();
    let rule: Transform = serde_norway::from_str(rule).unwrap();
    let position = |name: &str| ["value", "first", "last"].iter().position(|n| *n == name);
    let around = Surroundings { plan: &plan, secret: b"a key", position: &position };
    let rule = Rule::compile(&rule, Some("x"), &around).unwrap();
    let mut batch = Batch::new(3);
    for cell in [value, Value::Text("Ann".into()), Value::Null] {
        batch.push(&cell);
    }
    let row = batch.row(0);
    rule.apply(row.value(0), &row).map(Value::into_owned)
}

#[track_caller]
fn check<const N: usize>(rule: &str, pairs: [(Value<'_>, Value<'_>); N]) {
    for (value, expected) in pairs {
        let shown = format!("{rule} of {value:?}");
        assert_eq!(apply(rule, value), Ok(expected.into_owned()), "{shown}");
    }
}

#[track_caller]
fn check_refused<const N: usize>(rule: &str, pairs: [(Value<'_>, ErrorCode); N]) {
    for (value, code) in pairs {
        let shown = format!("{rule} of {value:?}");
        assert_eq!(apply(rule, value).map_err(|fault| fault.code), Err(code), "{shown}");
    }
}

#[track_caller]
fn check_never_compiles(rule: &str, why: &str) {
    let plan = plan();
    let rule: Transform = serde_norway::from_str(rule).unwrap();
    let around = Surroundings { plan: &plan, secret: b"", position: &|_| None };
    let refusal = Rule::compile(&rule, Some("x"), &around).unwrap_err();
    assert!(refusal.contains(why), "{refusal}");
}

fn text(text: &str) -> Value<'_> {
    Value::Text(text.into())
}

fn decimal(text: &str) -> Value<'_> {
    Value::Decimal(text.into())
}

const fn zero_date<'a>() -> Value<'a> {
    Value::Invalid(Flaw::ZeroDate, Cow::Borrowed(b"0000-00-00"))
}

#[test]
fn null_stays_null_under_every_other_rule() {
    for rule in [
        "{rule: trim}",
        "{rule: case, to: upper}",
        "{rule: nfc}",
        "{rule: empty_to_null}",
        "{rule: replace_nul, with: x}",
        "{rule: zero_date_to_null}",
        "{rule: parse_date, format: '%Y'}",
        "{rule: parse_timestamp, format: '%Y'}",
        "{rule: assume_zone, zone: UTC}",
        "{rule: boolean, yes: [], no: []}",
        "{rule: percent_to_fraction}",
        "{rule: round, scale: 1}",
        "{rule: truncate, length: 1}",
        "{rule: map, entries: {}}",
        "{rule: code_table, table: sex}",
        "{rule: uuid_v5, entity: x}",
        "{rule: split, separator: ',', index: 0}",
        "{rule: prefix, text: x}",
        "{rule: pad, length: 3, with: '0'}",
        "{rule: json}",
        "{rule: phone}",
        "{rule: email}",
        "{rule: hash}",
        "{rule: mask}",
    ] {
        check(rule, [(Value::Null, Value::Null)]);
    }
}

#[test]
fn trim_takes_white_space_of_every_kind() {
    check("{rule: trim}", [(text(" \u{3000}a  b\t"), text("a  b")), (text("a"), text("a"))]);
    check(
        "{rule: trim, inner: true}",
        [(text(" a \u{a0} b\nc "), text("a b c")), (text("a b"), text("a b"))],
    );
}

#[test]
fn case_knows_more_than_ascii() {
    check("{rule: case, to: upper}", [(text("straße é"), text("STRASSE É"))]);
    check("{rule: case, to: lower}", [(text("ÅSE"), text("åse"))]);
}

#[test]
fn nfc_composes() {
    check("{rule: nfc}", [(text("e\u{301}"), text("é")), (text("é"), text("é"))]);
}

#[test]
fn empty_becomes_null_whatever_the_column_is() {
    check(
        "{rule: empty_to_null, also: ['n/a', '0', '9.5']}",
        [
            (text(""), Value::Null),
            (text("n/a"), Value::Null),
            (text("N/A"), text("N/A")),
            (text(" "), text(" ")),
            (Value::Int(0), Value::Null),
            (Value::Int(1), Value::Int(1)),
            (decimal("9.50"), Value::Null),
            (Value::Invalid(Flaw::Malformed, b""[..].into()), Value::Null),
        ],
    );
    check("{rule: empty_to_null}", [(Value::Int(0), Value::Int(0))]);
}

#[test]
fn nul_gets_a_visible_sign() {
    check(
        "{rule: replace_nul, with: '␀'}",
        [(text("a\0b"), text("a␀b")), (text("ab"), text("ab"))],
    );
    check_never_compiles("{rule: replace_nul, with: \"\\0\"}", "0x00");
}

#[test]
fn only_dates_of_zeros_become_null() {
    check(
        "{rule: zero_date_to_null}",
        [
            (zero_date(), Value::Null),
            (text("0000-00-00 00:00:00"), Value::Null),
            (text("2000-00-10"), Value::Null),
            (text("2000-01-01"), text("2000-01-01")),
            (Value::Date(5), Value::Date(5)),
            (
                Value::Invalid(Flaw::OutOfRange, b"x"[..].into()),
                Value::Invalid(Flaw::OutOfRange, b"x"[..].into()),
            ),
        ],
    );
}

#[test]
fn dates_are_read_by_their_format() {
    check(
        "{rule: parse_date, format: '%d.%m.%Y'}",
        [(text(" 01.03.2000 "), Value::Date(60)), (text("29.02.2000"), Value::Date(59))],
    );
    check("{rule: parse_date, format: '%Y%m%d'}", [(Value::Int(20_000_301), Value::Date(60))]);
    check_refused(
        "{rule: parse_date, format: '%d.%m.%Y'}",
        [
            (text("2000-03-01"), ErrorCode::Data001),
            (text("30.02.2000"), ErrorCode::Data002),
            (text("01.03.2000 10:00"), ErrorCode::Data001),
        ],
    );
    check_never_compiles("{rule: parse_date, format: '%Q'}", "%Q");
}

#[test]
fn points_in_time_are_read_by_their_format_and_zone() {
    check(
        "{rule: parse_timestamp, format: '%d/%m/%Y %H:%M'}",
        [(text("01/01/2000 01:00"), Value::Timestamp(3_600_000_000))],
    );
    check(
        "{rule: parse_timestamp, format: '%d/%m/%Y %H:%M', zone: Asia/Tokyo}",
        [(text("01/01/2000 09:00"), Value::TimestampTz(0))],
    );
    check(
        "{rule: parse_timestamp, format: '%Y-%m-%dT%H:%M:%S%z'}",
        [(text("2000-01-01T02:00:00+0200"), Value::TimestampTz(0))],
    );
    check(
        "{rule: parse_timestamp, format: '%s'}",
        [(Value::Int(946_684_800), Value::TimestampTz(0))],
    );
    check(
        "{rule: parse_timestamp, format: '%Y-%m-%d'}",
        [(text("2000-01-01"), Value::Timestamp(0))],
    );
    check_refused(
        "{rule: parse_timestamp, format: '%Y-%m-%d %H:%M:%S%.f'}",
        [
            (text("2000-01-01 00:00:00.0000001"), ErrorCode::Data014),
            (text("2000-01-01"), ErrorCode::Data001),
        ],
    );
    check_never_compiles("{rule: parse_timestamp, format: '%Y', zone: Mars/Base}", "Mars/Base");
}

#[test]
fn a_local_time_is_a_point_in_time_of_its_zone() {
    const HOUR: i64 = 3_600_000_000;
    // The clocks of Berlin in 2000: forward on March 26 at 02:00, back on October 29 at 03:00.
    let spring = 85 * 24 * HOUR;
    let autumn = 302 * 24 * HOUR;
    let rule = "{rule: assume_zone, zone: Europe/Berlin}";
    check(
        rule,
        [
            (Value::Timestamp(0), Value::TimestampTz(-HOUR)),
            (text("2000-01-01 00:00:00"), Value::TimestampTz(-HOUR)),
            (text("2000-01-01 00:00:00Z"), Value::TimestampTz(0)),
            (Value::Timestamp(i64::MAX), Value::TimestampTz(i64::MAX)),
            (Value::Timestamp(spring + HOUR), Value::TimestampTz(spring)),
            (Value::Timestamp(spring + 3 * HOUR), Value::TimestampTz(spring + HOUR)),
            // 02:30 was twice; it means the first time, in summer time.
            (Value::Timestamp(autumn + 5 * HOUR / 2), Value::TimestampTz(autumn + HOUR / 2)),
            (Value::TimestampTz(0), Value::Timestamp(HOUR)),
            (Value::TimestampTz(autumn + HOUR / 2), Value::Timestamp(autumn + 5 * HOUR / 2)),
        ],
    );
    check_refused(
        rule,
        [
            // 02:30 never was.
            (Value::Timestamp(spring + 5 * HOUR / 2), ErrorCode::Data001),
            // 02:30 again, in winter time: as a local time it would mean the first.
            (Value::TimestampTz(autumn + 3 * HOUR / 2), ErrorCode::Data014),
            (text("soon"), ErrorCode::Data001),
            (Value::Timestamp(9_223_371_331_199_999_999), ErrorCode::Data002),
        ],
    );
    check_never_compiles("{rule: assume_zone, zone: Berlin}", "Berlin");
}

#[test]
fn truth_is_what_the_plan_lists() {
    let rule = "{rule: boolean, yes: ['J', '1'], no: ['N', '0', '']}";
    check(
        rule,
        [
            (text("J"), Value::Bool(true)),
            (text(""), Value::Bool(false)),
            (Value::Int(1), Value::Bool(true)),
            (decimal("0.00"), Value::Bool(false)),
        ],
    );
    check_refused(rule, [(text("j"), ErrorCode::Data011), (Value::Int(2), ErrorCode::Data011)]);
    check_never_compiles("{rule: boolean, yes: [a], no: [a]}", "among");
}

#[test]
fn percent_becomes_a_fraction_to_the_last_digit() {
    check(
        "{rule: percent_to_fraction}",
        [
            (decimal("10.2500"), decimal("0.102500")),
            (Value::Int(7), decimal("0.07")),
            (text("-0.5"), decimal("-0.005")),
            (Value::Float(0.1), decimal("0.001")),
            (decimal("100"), decimal("1.00")),
        ],
    );
    check_refused("{rule: percent_to_fraction}", [(text("10 %"), ErrorCode::Data001)]);
}

#[test]
fn halves_are_rounded_away_from_zero() {
    check(
        "{rule: round, scale: 1}",
        [
            (decimal("1.25"), decimal("1.3")),
            (decimal("-1.25"), decimal("-1.3")),
            (decimal("9.96"), decimal("10.0")),
            (decimal("-0.04"), decimal("0.0")),
            (Value::Int(3), decimal("3")),
        ],
    );
    check(
        "{rule: round, scale: 0}",
        [(decimal("2.5"), decimal("3")), (decimal("0.4"), decimal("0"))],
    );
}

#[test]
fn truncate_counts_characters() {
    check("{rule: truncate, length: 2}", [(text("äöü"), text("äö")), (text("a"), text("a"))]);
}

#[test]
fn codes_become_what_they_mean() {
    check(
        "{rule: code_table, table: sex}",
        [
            (Value::Int(1), text("male")),
            (text("2"), text("female")),
            (decimal("2.0"), text("female")),
            (Value::Int(9), text("unknown")),
        ],
    );
    check(
        "{rule: map, entries: {a: b}, otherwise: keep}",
        [(text("a"), text("b")), (Value::Int(3), Value::Int(3))],
    );
    check("{rule: map, entries: {a: b}, otherwise: 'null'}", [(text("x"), Value::Null)]);
    check_refused("{rule: map, entries: {a: b}}", [(text("A"), ErrorCode::Data011)]);
    check_never_compiles("{rule: code_table, table: race}", "race");
}

#[test]
fn a_uuid_depends_on_entity_and_key_alone() {
    let uuid = |rule: &str, value: Value<'_>| match apply(rule, value) {
        Ok(Value::Uuid(bytes)) => Uuid::from_bytes(bytes).to_string(),
        other => panic!("{other:?}"),
    };
    let patient = "{rule: uuid_v5, entity: patient}";
    assert_eq!(uuid(patient, Value::Int(7)), uuid(patient, text("7")));
    assert_ne!(
        uuid(patient, Value::Int(7)),
        uuid("{rule: uuid_v5, entity: office}", Value::Int(7))
    );
    // Written down, because children of other runs have to find their parents.
    assert_eq!(namespace("patient").to_string(), "62074b79-f9f7-5c5a-a0e4-8c42066c08b2");
    assert_eq!(uuid(patient, Value::Int(7)), "3f855076-92f7-5ede-8e78-dacbe60cd92d");
}

#[test]
fn values_are_made_where_there_are_none() {
    check("{rule: constant, value: x}", [(Value::Int(1), text("x")), (Value::Null, text("x"))]);
    check("{rule: default, value: x}", [(Value::Int(1), Value::Int(1)), (Value::Null, text("x"))]);
    check(
        "{rule: concat, columns: [first, last, value], separator: ' '}",
        [(Value::Int(3), text("Ann 3"))],
    );
    check("{rule: concat, columns: [last]}", [(Value::Int(3), Value::Null)]);
    check_never_compiles("{rule: concat, columns: [middle]}", "middle");
}

#[test]
fn texts_are_taken_apart_and_filled_up() {
    let rule = "{rule: split, separator: ', ', index: 1}";
    check(rule, [(text("Doe, Ann, Dr."), text("Ann")), (text("Doe"), Value::Null)]);
    check("{rule: prefix, text: 'PAT-'}", [(Value::Int(12), text("PAT-12"))]);
    check(
        "{rule: pad, length: 5, with: '0'}",
        [(Value::Int(12), text("00012")), (text("123456"), text("123456"))],
    );
    check_never_compiles("{rule: split, separator: '', index: 0}", "separator");
}

#[test]
fn json_is_mended_when_asked() {
    let json = |text: &'static str| Value::Json(text.into());
    check("{rule: json}", [(text("{\"a\": 1}"), json("{\"a\": 1}"))]);
    check(
        "{rule: json, repair: true}",
        [(text("{'a': None,}"), json("{\"a\":null}")), (text("{\"a\": 1}"), json("{\"a\": 1}"))],
    );
    check_refused("{rule: json}", [(text("{'a': 1}"), ErrorCode::Data012)]);
    check_refused("{rule: json, repair: true}", [(text("[circular]"), ErrorCode::Data012)]);
}

#[test]
fn phone_numbers_become_international() {
    check(
        "{rule: phone, region: US}",
        [
            (text("(202) 555-0123"), text("+12025550123")),
            (text("+81 3-1234-5678"), text("+81312345678")),
            (Value::Int(2_025_550_123), text("+12025550123")),
            (text("202-555-0123 ext. 7"), text("+12025550123 ext. 7")),
        ],
    );
    check_refused("{rule: phone, region: US}", [(text("call me"), ErrorCode::Data001)]);
    check_refused("{rule: phone}", [(text("202-555-0123"), ErrorCode::Data001)]);
    check("{rule: phone, otherwise: keep}", [(text("call me"), text("call me"))]);
    check_never_compiles("{rule: phone, region: XX1}", "XX1");
}

#[test]
fn email_addresses_become_lower_case() {
    check("{rule: email}", [(text(" Ann.Doe+x@Example.ORG "), text("ann.doe+x@example.org"))]);
    for address in [
        "ann",
        "ann@",
        "@example.org",
        "a b@example.org",
        "a@b@example.org",
        "a@example",
        "a@.org",
        "a..b@example.org",
    ] {
        check_refused("{rule: email}", [(text(address), ErrorCode::Data001)]);
    }
    check("{rule: email, otherwise: 'null'}", [(text("none"), Value::Null)]);
}

#[test]
fn a_hash_is_keyed() {
    // HMAC-SHA-256 of "Ann" under "a key".
    check(
        "{rule: hash}",
        [(text("Ann"), text("2988efe5dcecc44501b76d6bdab390ea7bdf78e46df2c8d9db8b84f49927f75a"))],
    );
}

#[test]
fn a_mask_shows_the_form_and_the_end() {
    check(
        "{rule: mask, keep_last: 4}",
        [(text("123-45-6789"), text("***-**-6789")), (text("ab"), text("ab"))],
    );
    check("{rule: mask}", [(text("Ann D."), text("*** *."))]);
}

#[test]
fn a_lookup_of_the_plan_finds_a_value_by_its_text() {
    check(
        "{rule: lookup, from: unit}",
        [
            (Value::Int(1), text("mg/dl")),
            (decimal("1.50"), text("g")),
            (Value::Bool(true), text("yes")),
            (Value::Null, Value::Null),
        ],
    );
    check("{rule: lookup, from: listed}", [(text("1"), text("mg/dl"))]);
    check_refused(
        "{rule: lookup, from: listed}",
        [(Value::Int(3), ErrorCode::Data011), (Value::Int(2), ErrorCode::Data011)],
    );
    check("{rule: lookup, from: listed, otherwise: keep}", [(Value::Int(3), Value::Int(3))]);
    check("{rule: lookup, from: listed, otherwise: 'null'}", [(Value::Int(3), Value::Null)]);
    check("{rule: lookup, from: listed, otherwise: {value: '?'}}", [(Value::Int(3), text("?"))]);
    check_never_compiles("{rule: lookup, from: others}", "not in the plan");
    check_never_compiles("{rule: lookup, from: bad}", "no column `unit`");
    check_never_compiles("{rule: lookup, from: asked}", "not read");
}

#[test]
fn an_expression_reads_its_value_and_the_columns_that_it_names() {
    check(
        "{rule: expression, cel: 'value == null ? first : value + \" \" + first', columns: [first]}",
        [(text("Dr."), text("Dr. Ann")), (Value::Null, text("Ann"))],
    );
    check(
        "{rule: expression, cel: 'value * 9 / 5 + 32'}",
        [(Value::Int(100), decimal("212")), (decimal("36.6"), decimal("97.88"))],
    );
    check(
        "{rule: expression, cel: 'last == null', columns: [last]}",
        [(text("x"), Value::Bool(true))],
    );
    check_refused(
        "{rule: expression, cel: 'value * 2'}",
        [(text("x"), ErrorCode::Data021), (Value::Null, ErrorCode::Data021)],
    );
    check_never_compiles("{rule: expression, cel: 'value *'}", "cannot be read");
    check_never_compiles("{rule: expression, cel: 'first'}", "`first`");
    check_never_compiles("{rule: expression, cel: 'first', columns: [first]}", "not read");
}
