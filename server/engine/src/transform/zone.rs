//! Local times and points in time.

use chrono::{DateTime, LocalResult, NaiveDate, NaiveDateTime, Offset as _, TimeZone as _};
use chrono_tz::Tz;
use shared::error_code::ErrorCode;

use super::calendar::{
    DAYS_TO_EPOCH, Day, SECOND, Unread, date_in_range, parse_moment, timestamp_in_range,
};
use super::fault::Fault;
use crate::value::Value;

/// A local time of the zone becomes the point in time that it is; a point in time becomes the
/// local time of the zone.
///
/// When clocks go back, an hour happens twice: its local times mean the first. When they go
/// forward, an hour is left out: its local times are bad values. A point in time whose local
/// time would mean another one is a bad value too.
pub(super) fn assume(value: Value<'_>, zone: Tz) -> Result<Value<'_>, Fault> {
    match value {
        Value::Timestamp(local) => from_local(local, zone).map(Value::TimestampTz),
        Value::TimestampTz(moment) => to_local(moment, zone).map(Value::Timestamp),
        Value::Text(text) => {
            let moment = parse_moment(&text)?;
            let microseconds = moment.microseconds()?;
            match (moment.day, moment.east) {
                (Day::On(_), None) => from_local(microseconds, zone).map(Value::TimestampTz),
                _ => Ok(Value::TimestampTz(microseconds)),
            }
        }
        other => Ok(other),
    }
}

/// Microseconds since 2000-01-01.
pub(super) fn microseconds(time: NaiveDateTime) -> Result<i64, Fault> {
    let utc = time.and_utc();
    if !utc.timestamp_subsec_nanos().is_multiple_of(1000) {
        return Err(Unread::TooFine.into());
    }
    let since_1970 = i64::from(utc.timestamp_subsec_micros()) + utc.timestamp() * SECOND;
    Ok(timestamp_in_range(since_1970 - TO_EPOCH)?)
}

/// Days since 2000-01-01.
pub(super) fn days(date: NaiveDate) -> Result<i32, Fault> {
    Ok(date_in_range(i64::from(date.to_epoch_days()) - DAYS_TO_EPOCH)?)
}

/// From 1970-01-01 to 2000-01-01, in microseconds.
const TO_EPOCH: i64 = DAYS_TO_EPOCH * super::calendar::DAY;

fn from_local(local: i64, zone: Tz) -> Result<i64, Fault> {
    if is_infinite(local) {
        return Ok(local);
    }
    match zone.from_local_datetime(&civil(local)?) {
        LocalResult::Single(time) | LocalResult::Ambiguous(time, _) => {
            microseconds(time.naive_utc())
        }
        LocalResult::None => Err(Fault::new(
            ErrorCode::Data001,
            "the zone had no such local time: clocks went forward over it",
        )),
    }
}

fn to_local(moment: i64, zone: Tz) -> Result<i64, Fault> {
    if is_infinite(moment) {
        return Ok(moment);
    }
    let utc = civil(moment)?;
    let offset = i64::from(zone.offset_from_utc_datetime(&utc).fix().local_minus_utc());
    let local = timestamp_in_range(moment + offset * SECOND)?;
    if from_local(local, zone) == Ok(moment) {
        return Ok(local);
    }
    Err(Fault::new(
        ErrorCode::Data014,
        "the zone had this local time twice, and the point in time is the second",
    ))
}

const fn is_infinite(microseconds: i64) -> bool {
    matches!(microseconds, i64::MIN | i64::MAX)
}

fn civil(microseconds: i64) -> Result<NaiveDateTime, Fault> {
    microseconds
        .checked_add(TO_EPOCH)
        .and_then(DateTime::from_timestamp_micros)
        .map(|time| time.naive_utc())
        .ok_or_else(|| Unread::OutOfRange.into())
}
