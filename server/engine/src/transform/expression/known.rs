//! The functions that an expression may call.

use cel::common::functions::Function;
use cel::common::types::{CelBool, CelNull, CelString, DYN_TYPE};
use cel::common::value::{CowVal, Val};
use cel::{Env, ExecutionError};
use chrono::{Datelike as _, NaiveDate};

use super::moment::When;
use super::number::Number;
use crate::map::expression::{NUMBER, OWN};

type Args<'b, 'v> = [CowVal<'b, 'v>];
type Found<'b, 'v> = Result<CowVal<'b, 'v>, ExecutionError>;

/// A text that `replace` makes is no longer.
const LONGEST_TEXT: usize = 1 << 20;

fn function(name: &str) -> Option<Function> {
    Some(match name {
        NUMBER => |args| number(&args),
        "text" => |args| text(&args),
        "lower" => |args| lower(&args),
        "upper" => |args| upper(&args),
        "trim" => |args| trim(&args),
        "substring" => |args| substring(&args),
        "replace" => |args| replace(&args),
        "part" => |args| part(&args),
        "round" => |args| round(&args),
        "abs" => |args| abs(&args),
        "date" => |args| date(&args),
        "year" => |args| year(&args),
        "month" => |args| month(&args),
        "day" => |args| day(&args),
        "add_days" => |args| add_days(&args),
        "add_months" => |args| add_months(&args),
        "days_between" => |args| days_between(&args),
        "years_between" => |args| years_between(&args),
        "is_number" => |args| is_number(&args),
        "is_date" => |args| is_date(&args),
        _ => return None,
    })
}

/// CEL's own environment without its macros, and our functions.
pub(super) fn env() -> Env {
    let mut env = Env::default().with_optional_support(false).with_stdlib();
    for (name, count) in OWN {
        // Each is there once; a test holds that all of them are.
        if let Some(function) = function(name) {
            let _ = env.add_overload(name, name, (0..*count).map(|_| DYN_TYPE).collect(), function);
        }
    }
    env
}

fn none(name: &str) -> ExecutionError {
    ExecutionError::function_error(name, "no result")
}

/// A function of null is null, as rules are.
fn or_null<'b, 'v>(
    name: &'static str,
    args: &Args<'b, 'v>,
    of: impl FnOnce(&Args<'b, 'v>) -> Option<CowVal<'b, 'v>>,
) -> Found<'b, 'v> {
    if args.iter().any(|arg| arg.downcast_ref::<CelNull>().is_some()) {
        return Ok(CowVal::owned(CelNull));
    }
    of(args).ok_or_else(|| none(name))
}

fn text_at<'a>(args: &'a Args<'_, '_>, place: usize) -> Option<&'a str> {
    args.get(place)?.downcast_ref::<CelString>().map(CelString::inner)
}

fn number_at(args: &Args<'_, '_>, place: usize) -> Option<Number> {
    Number::of(args.get(place)?.as_ref())
}

fn whole_at(args: &Args<'_, '_>, place: usize) -> Option<usize> {
    usize::try_from(number_at(args, place)?.whole()?).ok()
}

fn when_at(args: &Args<'_, '_>, place: usize) -> Option<When> {
    args.get(place)?.downcast_ref::<When>().copied()
}

fn owned<'b, 'v>(value: impl Val + 'v) -> CowVal<'b, 'v> {
    CowVal::owned(value)
}

fn owned_text<'b, 'v>(text: String) -> CowVal<'b, 'v> {
    CowVal::owned(CelString::from(text))
}

/// Anything that is neither a text nor a number stays what it is.
fn number<'b, 'v>(args: &Args<'b, 'v>) -> Found<'b, 'v> {
    if let Some(text) = text_at(args, 0) {
        return Number::parse(text).map(owned).ok_or_else(|| none(NUMBER));
    }
    match number_at(args, 0) {
        Some(number) => Ok(owned(number)),
        None => args.first().cloned().ok_or_else(|| none(NUMBER)),
    }
}

fn is_number<'b, 'v>(args: &Args<'b, 'v>) -> Found<'b, 'v> {
    let parsed = text_at(args, 0).map(|text| Number::parse(text).is_some());
    let is = parsed.unwrap_or_else(|| number_at(args, 0).is_some());
    args.first().map(|_| owned(CelBool::from(is))).ok_or_else(|| none("is"))
}

fn is_date<'b, 'v>(args: &Args<'b, 'v>) -> Found<'b, 'v> {
    let parsed = text_at(args, 0).map(|text| When::parse(text).is_some());
    let is = parsed.unwrap_or_else(|| when_at(args, 0).is_some());
    args.first().map(|_| owned(CelBool::from(is))).ok_or_else(|| none("is"))
}

fn text<'b, 'v>(args: &Args<'b, 'v>) -> Found<'b, 'v> {
    or_null("text", args, |args| {
        if let Some(text) = text_at(args, 0) {
            return Some(owned_text(text.to_owned()));
        }
        if let Some(value) = args.first()?.downcast_ref::<CelBool>() {
            return Some(owned_text(value.inner().to_string()));
        }
        let text = match when_at(args, 0) {
            Some(when) => when.text()?,
            None => number_at(args, 0)?.to_string(),
        };
        Some(owned_text(text))
    })
}

fn lower<'b, 'v>(args: &Args<'b, 'v>) -> Found<'b, 'v> {
    or_null("lower", args, |args| Some(owned_text(text_at(args, 0)?.to_lowercase())))
}

fn upper<'b, 'v>(args: &Args<'b, 'v>) -> Found<'b, 'v> {
    or_null("upper", args, |args| Some(owned_text(text_at(args, 0)?.to_uppercase())))
}

fn trim<'b, 'v>(args: &Args<'b, 'v>) -> Found<'b, 'v> {
    or_null("trim", args, |args| Some(owned_text(text_at(args, 0)?.trim().to_owned())))
}

/// `substring(text, from, length)`, counted in characters from 0.
fn substring<'b, 'v>(args: &Args<'b, 'v>) -> Found<'b, 'v> {
    or_null("substring", args, |args| {
        let (from, length) = (whole_at(args, 1)?, whole_at(args, 2)?);
        Some(owned_text(text_at(args, 0)?.chars().skip(from).take(length).collect()))
    })
}

fn replace<'b, 'v>(args: &Args<'b, 'v>) -> Found<'b, 'v> {
    or_null("replace", args, |args| {
        let (text, what, with) = (text_at(args, 0)?, text_at(args, 1)?, text_at(args, 2)?);
        if what.is_empty() {
            return None;
        }
        let found = text.matches(what).count();
        let length = found.checked_mul(with.len())?.checked_add(text.len())?;
        (length <= LONGEST_TEXT.max(text.len())).then(|| owned_text(text.replace(what, with)))
    })
}

/// `part(text, separator, index)`, counted from 0; null when there are fewer.
fn part<'b, 'v>(args: &Args<'b, 'v>) -> Found<'b, 'v> {
    or_null("part", args, |args| {
        let (text, separator) = (text_at(args, 0)?, text_at(args, 1)?);
        if separator.is_empty() {
            return None;
        }
        let part = text.split(separator).nth(whole_at(args, 2)?);
        Some(part.map_or_else(|| owned(CelNull), |part| owned_text(part.to_owned())))
    })
}

fn round<'b, 'v>(args: &Args<'b, 'v>) -> Found<'b, 'v> {
    or_null("round", args, |args| {
        let scale = u32::try_from(whole_at(args, 1)?).ok()?;
        Some(owned(number_at(args, 0)?.round(scale)))
    })
}

fn abs<'b, 'v>(args: &Args<'b, 'v>) -> Found<'b, 'v> {
    or_null("abs", args, |args| Some(owned(number_at(args, 0)?.abs())))
}

/// The day of a text, or of a time.
fn date<'b, 'v>(args: &Args<'b, 'v>) -> Found<'b, 'v> {
    or_null("date", args, |args| {
        let date = match text_at(args, 0) {
            Some(text) => When::parse(text)?,
            None => match when_at(args, 0)? {
                // Its day depends on the zone.
                When::Zoned(_) => return None,
                other => When::Date(0).on(other.day()?)?,
            },
        };
        Some(owned(date))
    })
}

fn field<'b, 'v>(
    name: &'static str,
    args: &Args<'b, 'v>,
    of: impl FnOnce(NaiveDate) -> i64,
) -> Found<'b, 'v> {
    or_null(name, args, |args| Some(owned(Number::from(of(when_at(args, 0)?.day()?)))))
}

fn year<'b, 'v>(args: &Args<'b, 'v>) -> Found<'b, 'v> {
    field("year", args, |day| day.year().into())
}

fn month<'b, 'v>(args: &Args<'b, 'v>) -> Found<'b, 'v> {
    field("month", args, |day| day.month().into())
}

fn day<'b, 'v>(args: &Args<'b, 'v>) -> Found<'b, 'v> {
    field("day", args, |day| day.day().into())
}

fn add_days<'b, 'v>(args: &Args<'b, 'v>) -> Found<'b, 'v> {
    or_null("add_days", args, |args| {
        when_at(args, 0)?.add_days(number_at(args, 1)?.whole()?).map(owned)
    })
}

fn add_months<'b, 'v>(args: &Args<'b, 'v>) -> Found<'b, 'v> {
    or_null("add_months", args, |args| {
        when_at(args, 0)?.add_months(number_at(args, 1)?.whole()?).map(owned)
    })
}

/// From the first to the second; less than 0 when the second is earlier.
fn days_between<'b, 'v>(args: &Args<'b, 'v>) -> Found<'b, 'v> {
    or_null("days_between", args, |args| {
        let (from, to) = (when_at(args, 0)?.day()?, when_at(args, 1)?.day()?);
        Some(owned(Number::from((to - from).num_days())))
    })
}

/// Whole years from the first to the second, as people count their age.
fn years_between<'b, 'v>(args: &Args<'b, 'v>) -> Found<'b, 'v> {
    or_null("years_between", args, |args| {
        let (from, to) = (when_at(args, 0)?.day()?, when_at(args, 1)?.day()?);
        to.years_since(from).map(|years| owned(Number::from(i64::from(years))))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_that_a_plan_may_call_is_there() {
        let env = env();
        for (name, count) in OWN {
            let args: Vec<_> =
                std::iter::repeat_with(|| CowVal::owned(CelNull)).take(*count).collect();
            assert!(env.find_overload(name, &args).is_some(), "{name}");
        }
    }
}
