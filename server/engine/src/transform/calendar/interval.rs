//! Spans of time.

use super::{Cursor, HOUR, MINUTE, SECOND, Unread, clock, number, read_fraction, two_digits};

/// Months, days and microseconds of `1 year 2 mons -3 days 04:05:06`, `-838:59:59` or `P1DT2H`.
pub(in crate::transform) fn parse_interval(text: &str) -> Result<(i32, i32, i64), Unread> {
    let text = text.trim();
    let sum = match text.strip_prefix(['P', 'p']) {
        Some(rest) => read_iso_interval(rest)?,
        None => read_verbose_interval(text)?,
    };
    let narrow = |n: i64| i32::try_from(n).map_err(|_| Unread::OutOfRange);
    Ok((narrow(sum.months)?, narrow(sum.days)?, sum.microseconds))
}

#[derive(Default)]
struct Sum {
    months: i64,
    days: i64,
    microseconds: i64,
}

impl Sum {
    /// Adds whole units, and a fraction given in millionths of one.
    fn add(&mut self, unit: &str, whole: i64, millionths: i64) -> Result<(), Unread> {
        let (field, size, finer) = match unit {
            "y" | "yr" | "yrs" | "year" | "years" => (&mut self.months, 12, None),
            "mon" | "mons" | "month" | "months" => (&mut self.months, 1, None),
            "w" | "week" | "weeks" => (&mut self.days, 7, None),
            "d" | "day" | "days" => (&mut self.days, 1, None),
            "h" | "hr" | "hrs" | "hour" | "hours" => (&mut self.microseconds, HOUR, Some(HOUR)),
            "m" | "min" | "mins" | "minute" | "minutes" => {
                (&mut self.microseconds, MINUTE, Some(MINUTE))
            }
            "s" | "sec" | "secs" | "second" | "seconds" => {
                (&mut self.microseconds, SECOND, Some(SECOND))
            }
            "ms" | "msec" | "millisecond" | "milliseconds" => {
                (&mut self.microseconds, 1000, Some(1000))
            }
            "us" | "usec" | "microsecond" | "microseconds" => (&mut self.microseconds, 1, Some(1)),
            _ => return Err(Unread::Malformed),
        };
        let fraction = match finer {
            None if millionths != 0 => return Err(Unread::TooFine),
            None => 0,
            Some(unit) => {
                let scaled = unit.checked_mul(millionths).ok_or(Unread::OutOfRange)?;
                if scaled % SECOND != 0 {
                    return Err(Unread::TooFine);
                }
                scaled / SECOND
            }
        };
        *field = whole
            .checked_mul(size)
            .and_then(|amount| amount.checked_add(fraction))
            .and_then(|amount| field.checked_add(amount))
            .ok_or(Unread::OutOfRange)?;
        Ok(())
    }
}

/// A sign, digits, and millionths after a point.
fn read_amount(cursor: &mut Cursor<'_>) -> Result<(bool, i64, i64), Unread> {
    let negative = match cursor.peek() {
        Some(b'-') => true,
        Some(b'+') => false,
        _ => {
            let (whole, fraction) = (number(cursor.digits(usize::MAX))?, read_fraction(cursor)?);
            return Ok((false, whole, fraction));
        }
    };
    cursor.advance(1);
    let (whole, fraction) = (number(cursor.digits(usize::MAX))?, read_fraction(cursor)?);
    Ok((negative, whole, fraction))
}

fn read_verbose_interval(text: &str) -> Result<Sum, Unread> {
    let mut sum = Sum::default();
    let mut cursor = Cursor(text.as_bytes());
    if cursor.0.is_empty() {
        return Err(Unread::Malformed);
    }
    while !cursor.0.is_empty() {
        let (negative, whole, fraction) = read_amount(&mut cursor)?;
        let sign = if negative { -1 } else { 1 };
        if cursor.take(b':') {
            let minutes = two_digits(&mut cursor)?;
            let (seconds, fraction) = if cursor.take(b':') {
                (two_digits(&mut cursor)?, read_fraction(&mut cursor)?)
            } else {
                (0, 0)
            };
            let rest = clock(0, minutes.into(), seconds.into(), fraction)?;
            sum.add("hours", sign * whole, 0)?;
            sum.microseconds =
                sum.microseconds.checked_add(sign * rest).ok_or(Unread::OutOfRange)?;
        } else {
            cursor.skip_blanks();
            let unit = String::from_utf8_lossy(cursor.word()).to_ascii_lowercase();
            sum.add(&unit, sign * whole, sign * fraction)?;
        }
        cursor.skip_blanks();
    }
    Ok(sum)
}

fn read_iso_interval(text: &str) -> Result<Sum, Unread> {
    let mut sum = Sum::default();
    let mut cursor = Cursor(text.as_bytes());
    let mut in_time = false;
    if cursor.0.is_empty() {
        return Err(Unread::Malformed);
    }
    while !cursor.0.is_empty() {
        if !in_time && (cursor.take(b'T') || cursor.take(b't')) {
            in_time = true;
        }
        let (negative, whole, fraction) = read_amount(&mut cursor)?;
        let sign = if negative { -1 } else { 1 };
        let unit = match (cursor.peek().map(|b| b.to_ascii_uppercase()), in_time) {
            (Some(b'Y'), false) => "years",
            (Some(b'M'), false) => "months",
            (Some(b'W'), false) => "weeks",
            (Some(b'D'), false) => "days",
            (Some(b'H'), true) => "hours",
            (Some(b'M'), true) => "minutes",
            (Some(b'S'), true) => "seconds",
            _ => return Err(Unread::Malformed),
        };
        cursor.advance(1);
        sum.add(unit, sign * whole, sign * fraction)?;
    }
    Ok(sum)
}
