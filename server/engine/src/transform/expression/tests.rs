use proptest::prelude::*;

use super::*;
use crate::value::Batch;

const COLUMNS: [&str; 5] = ["rate", "first", "born", "seen", "amount"];

fn row() -> Batch {
    let mut batch = Batch::new(COLUMNS.len());
    for value in [
        Value::Decimal("0.1".into()),
        Value::Text("Ann".into()),
        Value::Date(-10_000),
        Value::Timestamp(86_400_000_001),
        Value::Null,
    ] {
        batch.push(&value);
    }
    batch
}

/// What the expression makes of a value beside the row above.
fn compute(text: &str, value: &Value<'_>) -> Result<Value<'static>, String> {
    let read: Vec<String> =
        COLUMNS.iter().filter(|name| text.contains(**name)).map(|name| (*name).into()).collect();
    let position = |name: &str| COLUMNS.iter().position(|column| *column == name);
    let expression = Expression::compile(text, &read, &position)?;
    expression.of(value, &row().row(0)).map_err(|fault| fault.code.as_str().to_owned())
}

#[track_caller]
fn check(text: &str, value: Value<'_>, expected: Value<'_>) {
    assert_eq!(compute(text, &value), Ok(expected.into_owned()), "{text}");
}

#[track_caller]
fn refused(text: &str, why: &str) {
    let refusal = compute(text, &Value::Null).unwrap_err();
    assert!(refusal.contains(why), "{text}: {refusal}");
}

fn number(text: &str) -> Value<'_> {
    Value::Decimal(text.into())
}

fn text(text: &str) -> Value<'_> {
    Value::Text(text.into())
}

#[test]
fn numbers_are_exact_wherever_they_stand() {
    check("value * rate", Value::Int(3), number("0.3"));
    check("2 * value + 0.5", number("0.1"), number("0.7"));
    check("rate + 0.2 == 0.3", Value::Null, Value::Bool(true));
    check("0.3 == rate + 0.2", Value::Null, Value::Bool(true));
    check("value == 1", Value::Float(1.0), Value::Bool(true));
    check("1 < value && value <= 2.5", Value::Float(2.5), Value::Bool(true));
    check("value in [1, 2]", number("2.0"), Value::Bool(true));
    check("-value", Value::Uint(u64::MAX), number("-18446744073709551615"));
    check("size(first) + 1", Value::Null, number("4"));
    check("3 == size(first) ? 'three' : 'more'", Value::Null, text("three"));
    check("value / 3", Value::Int(1), number("0.3333333333333333333333333333"));
    check("round(value, 1)", number("0.25"), number("0.3"));
    check("abs(value) % 5", Value::Int(-7), number("2"));
    check("value - value", number("-0.0"), number("0.0"));
}

#[test]
fn a_number_that_would_have_to_be_rounded_has_no_result() {
    let long = number("1234567890123456789.123456789");
    assert_eq!(compute("value * value", &long), Err("DATA-021".to_owned()));
    assert_eq!(
        compute("value + rate * rate * rate", &number("7922816251426433759354395033.5")),
        Err("DATA-021".to_owned())
    );
    assert_eq!(
        compute("value", &number("0.12345678901234567890123456789")),
        Err("DATA-002".to_owned())
    );
    assert_eq!(compute("value", &number("NaN")), Err("DATA-002".to_owned()));
    assert_eq!(compute("value / 0", &Value::Int(1)), Err("DATA-021".to_owned()));
}

#[test]
fn null_is_a_value_that_can_be_asked_for() {
    check("value == null ? 'none' : value", Value::Null, text("none"));
    check("value == null ? 'none' : value", text("x"), text("x"));
    check("amount", Value::Int(1), Value::Null);
    check("lower(amount)", Value::Null, Value::Null);
    assert_eq!(compute("amount + 1", &Value::Null), Err("DATA-021".to_owned()));
}

#[test]
fn texts_are_cut_joined_and_searched() {
    check("value + ' ' + first", text("Dr."), text("Dr. Ann"));
    check("upper(substring(value, 1, 2))", text("äbcd"), text("BC"));
    check("trim(part(value, ';', 1))", text("a; b ;c"), text("b"));
    check("part(value, ';', 3)", text("a;b"), Value::Null);
    check("replace(value, '-', '')", text("1-2-3"), text("123"));
    check("value.startsWith('MR') && !value.contains('X')", text("MR1"), Value::Bool(true));
    check("value.matches('^[0-9]+$') ? number(value) : null", text("012"), number("12"));
    check("is_number(value) ? text(number(value)) : 'none'", text("1e3"), text("1000"));
    check("text(value)", Value::Bool(true), text("true"));
}

#[test]
fn dates_are_counted_as_people_count_them() {
    // 1972-08-15 and 2000-01-02.
    check("born", Value::Null, Value::Date(-10_000));
    check("text(born)", Value::Null, text("1972-08-15"));
    check("year(born) * 10000 + month(born) * 100 + day(born)", Value::Null, number("19720815"));
    check("date(seen)", Value::Null, Value::Date(1));
    check("seen", Value::Null, Value::Timestamp(86_400_000_001));
    check("days_between(born, seen)", Value::Null, number("10001"));
    check("years_between(born, date('1999-08-14'))", Value::Null, number("26"));
    check("years_between(born, date('1999-08-15'))", Value::Null, number("27"));
    check(
        "add_months(date('2024-01-31'), 1) == date('2024-02-29')",
        Value::Null,
        Value::Bool(true),
    );
    check("add_days(seen, -1)", Value::Null, Value::Timestamp(1));
    check("born < date('2000-01-01')", Value::Null, Value::Bool(true));
    check("is_date(value)", text("31.12.1999"), Value::Bool(false));
    assert_eq!(compute("born < value", &Value::TimestampTz(0)), Err("DATA-021".to_owned()));
    assert_eq!(compute("date(value)", &text("1999-02-29")), Err("DATA-021".to_owned()));
}

#[test]
fn what_an_expression_does_not_know_is_refused_before_a_row_is_read() {
    refused("value +", "cannot be read at 1:");
    refused("other + 1", "`other`");
    refused("[1, 2].map(x, x)", "`map`");
    refused("value.map", "field");
    refused("timestamp('2024-01-01T00:00:00Z')", "`timestamp`");
    refused("lower(value, value)", "takes 1");
    refused("value.lower()", "takes 1");
    refused(&"(".repeat(500), "deeply");
    refused(&"1+".repeat(1_500), "longer");
    refused(&("1".to_owned() + &"+1".repeat(500)), "deeply");
    let given = Expression::compile("value", &["rate".to_owned()], &|_| Some(0)).unwrap_err();
    assert!(given.contains("does not read it"), "{given}");
    let twice = ["rate".to_owned(), "rate".to_owned()];
    assert!(Expression::compile("rate", &twice, &|_| Some(0)).is_err());
}

#[test]
fn a_text_cannot_be_blown_up() {
    let expression = "replace(replace(replace(value, 'a', value), 'a', value), 'a', value)";
    let long = "a".repeat(5_000);
    assert_eq!(compute(expression, &text(&long)), Err("DATA-021".to_owned()));
    assert_eq!(compute("replace(value, '', 'x')", &text("abc")), Err("DATA-021".to_owned()));
}

proptest! {
    /// A plan comes from outside: whatever it says, nothing panics and no stack overflows.
    #[test]
    fn any_text_is_an_expression_or_is_refused(given in "\\PC{0,200}", value in "\\PC{0,20}") {
        let _ = compute(&given, &Value::Text(value.into()));
    }

    #[test]
    fn any_expression_of_known_parts_has_a_result_or_none(
        parts in prop::collection::vec(
            prop::sample::select(vec![
                "value", "rate", "born", "first", "amount", "1", "0.5", "'a'", "null", "true",
                "(", ")", "[", "]", ",", "+", "-", "*", "/", "%", "<", "==", "&&", "||", "!", "?",
                ":", "in", "size(", "text(", "number(", "date(", "round(", "add_days(", ".size()",
            ]),
            0..40,
        ),
        value in any::<i64>(),
    ) {
        let _ = compute(&parts.join(" "), &Value::Int(value));
    }

    #[test]
    fn sums_are_those_of_whole_numbers(left in any::<i64>(), right in any::<i64>()) {
        let text = format!("value + {right}");
        // The smallest whole number has no literal of its own: its sign is an operator.
        prop_assume!(right != i64::MIN);
        let sum = i128::from(left) + i128::from(right);
        prop_assert_eq!(compute(&text, &Value::Int(left)), Ok(number(&sum.to_string()).into_owned()));
    }
}
