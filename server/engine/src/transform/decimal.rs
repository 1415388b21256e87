//! Exact decimals as text, digit by digit: nothing here goes through a binary fraction.

use std::borrow::Cow;

use super::fault::Fault;
use shared::error_code::ErrorCode;

/// Digits before and after the point that PostgreSQL's numeric holds at most.
const WHOLE_DIGITS: usize = 131_072;
const FRACTION_DIGITS: usize = 16_383;

/// A number in plain notation, `-12.340`, from the usual spellings of one: `+5`, `.5`, `1.2e3`.
pub(super) fn plain(text: &str) -> Result<Cow<'_, str>, Fault> {
    let text = text.trim();
    if let Some(special) = special(text) {
        return Ok(Cow::Borrowed(special));
    }
    let (negative, digits) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let (mantissa, exponent) = match digits.find(['e', 'E']) {
        Some(at) => (&digits[..at], exponent(&digits[at + 1..])?),
        None => (digits, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() || !all_digits(whole) || !all_digits(fraction) {
        return Err(NOT_A_NUMBER);
    }
    let has_lead = whole.len() > 1 && whole.starts_with('0');
    let has_bare_point = mantissa.ends_with('.') || whole.is_empty();
    let is_negative_zero = negative && mantissa.bytes().all(|b| matches!(b, b'0' | b'.'));
    if exponent == 0 && !has_lead && !has_bare_point && !is_negative_zero && !text.starts_with('+')
    {
        return within_limits(whole, fraction).map(|()| Cow::Borrowed(text));
    }
    let moved = shift_digits(whole, fraction, exponent)?;
    Ok(Cow::Owned(if negative && !is_negative_zero { format!("-{moved}") } else { moved }))
}

/// The same number where `numeric(precision, scale)` holds it to the last digit.
pub(super) fn fit(text: Cow<'_, str>, precision: u16, scale: i16) -> Result<Cow<'_, str>, Fault> {
    match &*text {
        "NaN" => return Ok(text),
        "Infinity" | "-Infinity" => {
            return Err(Fault::new(ErrorCode::Data002, "an infinite number has no precision"));
        }
        _ => {}
    }
    let unsigned = text.trim_start_matches('-');
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let whole = whole.trim_start_matches('0');
    let fraction = fraction.trim_end_matches('0');
    let scale = i32::from(scale);
    let lost = if scale >= 0 {
        i32::try_from(fraction.len()).unwrap_or(i32::MAX) > scale
    } else {
        let zeros = whole.len() - whole.trim_end_matches('0').len();
        !fraction.is_empty()
            || !whole.is_empty() && i32::try_from(zeros).unwrap_or(i32::MAX) < -scale
    };
    if lost {
        return Err(Fault::new(ErrorCode::Data014, "the number has more decimals than the column"));
    }
    // With a scale beyond the precision, the first decimals have to be zeros.
    let highest = if whole.is_empty() {
        let zeros = fraction.len() - fraction.trim_start_matches('0').len();
        if fraction.is_empty() { i32::MIN } else { -i32::try_from(zeros).unwrap_or(i32::MAX) }
    } else {
        i32::try_from(whole.len()).unwrap_or(i32::MAX)
    };
    if highest > i32::from(precision) - scale {
        return Err(Fault::new(ErrorCode::Data002, "the number has more digits than the column"));
    }
    let kept = text.split_once('.').map_or(0, |(_, digits)| digits.len());
    let excess = kept.saturating_sub(usize::try_from(scale).unwrap_or(0));
    Ok(if excess == 0 { text } else { cut(text, excess) })
}

/// The integer that a plain decimal is.
pub(super) fn integer(text: &str) -> Result<i128, Fault> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if matches!(text, "NaN" | "Infinity" | "-Infinity") {
        return Err(Fault::new(ErrorCode::Data001, "the value is no whole number"));
    }
    if fraction.bytes().any(|b| b != b'0') {
        return Err(Fault::new(
            ErrorCode::Data014,
            "the number has decimals and the column has none",
        ));
    }
    whole.parse().map_err(|_| Fault::new(ErrorCode::Data002, "the number is out of range"))
}

/// The same number with the point moved: `places` to the right, or to the left when negative.
pub(super) fn shift(text: &str, places: i32) -> Result<String, Fault> {
    if matches!(text, "NaN" | "Infinity" | "-Infinity") {
        return Ok(text.to_owned());
    }
    let (sign, unsigned) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    Ok(format!("{sign}{}", shift_digits(whole, fraction, places)?))
}

/// The number with so many decimals, rounded half away from zero.
pub(super) fn round(text: &str, scale: u8) -> String {
    if matches!(text, "NaN" | "Infinity" | "-Infinity") {
        return text.to_owned();
    }
    let (sign, unsigned) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let scale = usize::from(scale);
    if fraction.len() <= scale {
        return text.to_owned();
    }
    let (kept, dropped) = fraction.split_at(scale);
    let mut digits: Vec<u8> = whole.bytes().chain(kept.bytes()).collect();
    if dropped.as_bytes()[0] >= b'5' {
        add_one(&mut digits);
    }
    let is_zero = digits.iter().all(|digit| *digit == b'0');
    let point = digits.len() - scale;
    let mut rounded = String::with_capacity(digits.len() + 2);
    if !is_zero {
        rounded.push_str(sign);
    }
    for (index, digit) in digits.iter().enumerate() {
        if index == point {
            rounded.push('.');
        }
        rounded.push(char::from(*digit));
    }
    rounded
}

/// Whether two plain decimals are the same number, however many zeros they show.
pub(super) fn same(left: &str, right: &str) -> bool {
    significant(left) == significant(right)
}

/// Without zeros that say nothing: `1.50` and `1.5` become the same.
pub(super) fn significant(text: &str) -> &str {
    let trimmed =
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text };
    if trimmed == "-0" { "0" } else { trimmed }
}

const NOT_A_NUMBER: Fault = Fault::new(ErrorCode::Data001, "the text is not a number");

fn special(text: &str) -> Option<&'static str> {
    if !text.ends_with(|c: char| c.is_ascii_alphabetic()) {
        return None;
    }
    match text.to_ascii_lowercase().as_str() {
        "nan" => Some("NaN"),
        "infinity" | "+infinity" | "inf" | "+inf" => Some("Infinity"),
        "-infinity" | "-inf" => Some("-Infinity"),
        _ => None,
    }
}

fn all_digits(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
}

fn exponent(text: &str) -> Result<i32, Fault> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !all_digits(digits) {
        return Err(NOT_A_NUMBER);
    }
    text.parse().ok().filter(|exponent: &i32| exponent.abs() <= 150_000).ok_or(TOO_LARGE)
}

const TOO_LARGE: Fault = Fault::new(ErrorCode::Data002, "the number is out of range");

fn within_limits(whole: &str, fraction: &str) -> Result<(), Fault> {
    if whole.len() > WHOLE_DIGITS || fraction.len() > FRACTION_DIGITS {
        return Err(TOO_LARGE);
    }
    Ok(())
}

fn shift_digits(whole: &str, fraction: &str, places: i32) -> Result<String, Fault> {
    let digits = format!("{whole}{fraction}");
    let point = i64::try_from(whole.len()).map_err(|_| TOO_LARGE)? + i64::from(places);
    let (whole, fraction) = match usize::try_from(point) {
        Ok(point) if point >= digits.len() => {
            (format!("{digits}{}", "0".repeat(point - digits.len())), String::new())
        }
        Ok(point) => (digits[..point].to_owned(), digits[point..].to_owned()),
        Err(_) => {
            let zeros = usize::try_from(-point).map_err(|_| TOO_LARGE)?;
            (String::new(), format!("{}{digits}", "0".repeat(zeros)))
        }
    };
    let whole = whole.trim_start_matches('0');
    within_limits(whole, &fraction)?;
    let whole = if whole.is_empty() { "0" } else { whole };
    Ok(if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") })
}

fn cut(text: Cow<'_, str>, excess: usize) -> Cow<'_, str> {
    let shorter = |text: &str| text[..text.len() - excess].trim_end_matches('.').len();
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(&text[..shorter(text)]),
        Cow::Owned(mut text) => {
            text.truncate(shorter(&text));
            Cow::Owned(text)
        }
    }
}

fn add_one(digits: &mut Vec<u8>) {
    for digit in digits.iter_mut().rev() {
        if *digit < b'9' {
            *digit += 1;
            return;
        }
        *digit = b'0';
    }
    digits.insert(0, b'1');
}
