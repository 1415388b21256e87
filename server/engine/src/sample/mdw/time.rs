//! Points in time, in seconds since 1970.

use chrono::{DateTime, NaiveDate, NaiveTime};

use super::dice::Dice;

pub(super) const DAY: i64 = 86_400;
pub(super) const YEAR: i64 = 365 * DAY;

/// The legacy system stopped writing here.
const LAST: (i32, u32, u32) = (2025, 11, 20);

/// The first second of a day.
pub(super) fn day(year: i32, month: u32, day: u32) -> i64 {
    let date = NaiveDate::from_ymd_opt(year, month, day).expect("a day of the calendar");
    date.and_time(NaiveTime::MIN).and_utc().timestamp()
}

/// Some time after, and before the system stopped.
pub(super) fn since(dice: &mut Dice, start: i64, within: i64) -> i64 {
    let (year, month, last) = LAST;
    let end = day(year, month, last);
    let room = (end - start).clamp(0, within);
    start + dice.between(0, room)
}

/// In microseconds, with a fraction of a second.
pub(super) fn micros(dice: &mut Dice, seconds: i64) -> i64 {
    seconds * 1_000_000 + dice.between(0, 999_999)
}

pub(super) fn date_of(seconds: i64) -> NaiveDate {
    DateTime::from_timestamp(seconds, 0).expect("a year between 1900 and 2200").date_naive()
}
