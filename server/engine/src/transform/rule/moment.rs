//! Dates and points in time by a format.

use chrono::format::{Parsed, StrftimeItems};
use shared::error_code::ErrorCode;

use crate::transform::calendar::Unread;
use crate::transform::fault::Fault;
use crate::transform::zone;
use crate::value::Value;

const NOT_OF_FORMAT: Fault =
    Fault::new(ErrorCode::Data001, "the text does not follow the format of the rule");

fn parse(text: &str, format: &str) -> Result<Parsed, Fault> {
    let mut parsed = Parsed::new();
    chrono::format::parse(&mut parsed, text.trim(), StrftimeItems::new(format)).map_err(
        |error| match error.kind() {
            chrono::format::ParseErrorKind::OutOfRange
            | chrono::format::ParseErrorKind::Impossible => Unread::OutOfRange.into(),
            _ => NOT_OF_FORMAT,
        },
    )?;
    Ok(parsed)
}

pub(super) fn parse_date<'a>(text: &str, format: &str) -> Result<Value<'a>, Fault> {
    let parsed = parse(text, format)?;
    let date = parsed.to_naive_date().map_err(|_| Fault::from(Unread::OutOfRange))?;
    zone::days(date).map(Value::Date)
}

pub(super) fn parse_timestamp<'a>(
    text: &str,
    format: &str,
    has_zone: bool,
    zone: Option<chrono_tz::Tz>,
) -> Result<Value<'a>, Fault> {
    let mut parsed = parse(text, format)?;
    let impossible = |_| Fault::from(Unread::OutOfRange);
    if has_zone {
        if parsed.offset().is_none() {
            parsed.set_offset(0).map_err(impossible)?;
        }
        let moment = parsed.to_datetime().map_err(impossible)?;
        return zone::microseconds(moment.naive_utc()).map(Value::TimestampTz);
    }
    let local = match parsed.to_naive_datetime_with_offset(0) {
        Ok(local) => local,
        Err(_) if parsed.hour_mod_12().is_none() && parsed.hour_div_12().is_none() => {
            parsed.to_naive_date().map_err(impossible)?.and_time(chrono::NaiveTime::MIN)
        }
        Err(error) => return Err(impossible(error)),
    };
    let local = Value::Timestamp(zone::microseconds(local)?);
    match zone {
        Some(zone) => zone::assume(local, zone),
        None => Ok(local),
    }
}
