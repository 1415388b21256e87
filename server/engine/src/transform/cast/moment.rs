//! Dates, times and spans.

use shared::error_code::ErrorCode;

use super::{NOT_OF_TYPE, fault_of};
use crate::transform::calendar::{self, DAY, Unread};
use crate::transform::fault::Fault;
use crate::value::{Flaw, Value};

impl From<Unread> for Fault {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::Malformed => {
                Self::new(ErrorCode::Data001, "the text is no date or time of the expected form")
            }
            Unread::ZeroDate => fault_of(Flaw::ZeroDate),
            Unread::OutOfRange => {
                Self::new(ErrorCode::Data002, "there is no such date or time in the calendar")
            }
            Unread::TooFine => {
                Self::new(ErrorCode::Data014, "the time is finer than a microsecond")
            }
        }
    }
}

pub(super) fn date(value: &Value<'_>) -> Result<i32, Fault> {
    const NOT_MIDNIGHT: Fault =
        Fault::new(ErrorCode::Data014, "the time of day would be lost in a date");
    match value {
        Value::Date(days) => Ok(*days),
        Value::Timestamp(i64::MAX) => Ok(i32::MAX),
        Value::Timestamp(i64::MIN) => Ok(i32::MIN),
        Value::Timestamp(microseconds) if microseconds.rem_euclid(DAY) == 0 => {
            Ok(calendar::date_in_range(microseconds.div_euclid(DAY))?)
        }
        Value::Timestamp(_) => Err(NOT_MIDNIGHT),
        Value::Text(text) => {
            let moment = calendar::parse_moment(text)?;
            if moment.east.is_some() {
                return Err(HAS_ZONE);
            }
            moment.date()?.ok_or(NOT_MIDNIGHT)
        }
        _ => Err(NOT_OF_TYPE),
    }
}

const HAS_ZONE: Fault = Fault::new(ErrorCode::Data001, "the text has a zone and the column none");
const NO_ZONE: Fault =
    Fault::new(ErrorCode::Data001, "the text has no zone; the rule assume_zone gives it one");

pub(super) fn time(value: &Value<'_>) -> Result<i64, Fault> {
    match value {
        Value::Time(microseconds) => Ok(*microseconds),
        Value::Interval { months: 0, days: 0, microseconds }
            if (0..=DAY).contains(microseconds) =>
        {
            Ok(*microseconds)
        }
        Value::Interval { .. } => {
            Err(Fault::new(ErrorCode::Data002, "the duration is no time of day"))
        }
        Value::Text(text) => match calendar::parse_time(text)? {
            (microseconds, None) => Ok(microseconds),
            (_, Some(_)) => Err(HAS_ZONE),
        },
        _ => Err(NOT_OF_TYPE),
    }
}

pub(super) fn time_tz<'a>(value: &Value<'_>) -> Result<Value<'a>, Fault> {
    match value {
        Value::TimeTz(microseconds, west) => Ok(Value::TimeTz(*microseconds, *west)),
        Value::Text(text) => match calendar::parse_time(text)? {
            (microseconds, Some(east)) => Ok(Value::TimeTz(microseconds, -east)),
            (_, None) => Err(NO_ZONE),
        },
        _ => Err(NOT_OF_TYPE),
    }
}

pub(super) fn timestamp(value: &Value<'_>) -> Result<i64, Fault> {
    match value {
        Value::Timestamp(microseconds) => Ok(*microseconds),
        Value::Date(i32::MAX) => Ok(i64::MAX),
        Value::Date(i32::MIN) => Ok(i64::MIN),
        Value::Date(days) => Ok(calendar::timestamp_in_range(i64::from(*days) * DAY)?),
        Value::Text(text) => {
            let moment = calendar::parse_moment(text)?;
            if moment.east.is_some() {
                return Err(HAS_ZONE);
            }
            Ok(moment.microseconds()?)
        }
        _ => Err(NOT_OF_TYPE),
    }
}

pub(super) fn timestamp_tz(value: &Value<'_>) -> Result<i64, Fault> {
    match value {
        Value::TimestampTz(microseconds) => Ok(*microseconds),
        Value::Text(text) => {
            let moment = calendar::parse_moment(text)?;
            match (moment.east, moment.day) {
                (None, calendar::Day::On(_)) => Err(NO_ZONE),
                _ => Ok(moment.microseconds()?),
            }
        }
        _ => Err(NOT_OF_TYPE),
    }
}

pub(super) fn interval<'a>(value: &Value<'_>) -> Result<Value<'a>, Fault> {
    match value {
        Value::Interval { months, days, microseconds } => {
            Ok(Value::Interval { months: *months, days: *days, microseconds: *microseconds })
        }
        Value::Time(microseconds) => {
            Ok(Value::Interval { months: 0, days: 0, microseconds: *microseconds })
        }
        Value::Text(text) => {
            let (months, days, microseconds) = calendar::parse_interval(text)?;
            Ok(Value::Interval { months, days, microseconds })
        }
        _ => Err(NOT_OF_TYPE),
    }
}
