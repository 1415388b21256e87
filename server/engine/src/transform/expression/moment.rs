//! Dates and times of expressions.

use std::any::Any;
use std::borrow::Cow;
use std::cmp::Ordering;

use cel::ExecutionError;
use cel::common::traits::Comparer;
use cel::common::types::Type;
use cel::common::value::{StaticVal, Val};
use chrono::{Datelike as _, Days, Months, NaiveDate};

use crate::transform::calendar::{DAY, DAYS_TO_EPOCH, parse_moment};
use crate::value::{Value, display};

static MOMENT: Type = Type::new_unspecified_type("moment");

/// From the first day of our calendar to 1970-01-01.
const DAYS_BEFORE_1970: i64 = 719_163;

/// A point in time as a value has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    Date(i32),
    /// In no zone.
    Local(i64),
    /// In UTC.
    Zoned(i64),
}

impl When {
    pub(super) const fn value<'a>(self) -> Value<'a> {
        match self {
            Self::Date(days) => Value::Date(days),
            Self::Local(microseconds) => Value::Timestamp(microseconds),
            Self::Zoned(microseconds) => Value::TimestampTz(microseconds),
        }
    }

    pub(super) fn text(self) -> Option<String> {
        display(&self.value()).map(Cow::into_owned)
    }

    /// The day that a text names.
    pub(super) fn parse(text: &str) -> Option<Self> {
        parse_moment(text).ok()?.date().ok()?.map(Self::Date)
    }

    /// The day on which it is: of a point in time with a zone, the day in UTC.
    pub(super) fn day(self) -> Option<NaiveDate> {
        let days = match self {
            Self::Date(days) => i64::from(days),
            Self::Local(microseconds) | Self::Zoned(microseconds) => microseconds.div_euclid(DAY),
        };
        let days = days + DAYS_TO_EPOCH + DAYS_BEFORE_1970;
        NaiveDate::from_num_days_from_ce_opt(i32::try_from(days).ok()?)
    }

    /// The same time of another day.
    pub(super) fn on(self, day: NaiveDate) -> Option<Self> {
        let days = i64::from(day.num_days_from_ce()) - DAYS_BEFORE_1970 - DAYS_TO_EPOCH;
        let moved =
            |microseconds: i64| days.checked_mul(DAY)?.checked_add(microseconds.rem_euclid(DAY));
        Some(match self {
            Self::Date(_) => Self::Date(i32::try_from(days).ok()?),
            Self::Local(microseconds) => Self::Local(moved(microseconds)?),
            Self::Zoned(microseconds) => Self::Zoned(moved(microseconds)?),
        })
    }

    pub(super) fn add_days(self, count: i64) -> Option<Self> {
        let days = Days::new(count.unsigned_abs());
        let day = self.day()?;
        let day = if count < 0 { day.checked_sub_days(days) } else { day.checked_add_days(days) };
        self.on(day?)
    }

    /// On the last day of the month where it has no such day.
    pub(super) fn add_months(self, count: i64) -> Option<Self> {
        let months = Months::new(u32::try_from(count.unsigned_abs()).ok()?);
        let day = self.day()?;
        let day =
            if count < 0 { day.checked_sub_months(months) } else { day.checked_add_months(months) };
        self.on(day?)
    }
}

impl Val for When {
    fn get_type(&self) -> &Type {
        &MOMENT
    }

    fn cel_type() -> &'static Type {
        &MOMENT
    }

    fn equals(&self, other: &dyn Val) -> bool {
        self.compare(other) == Ok(Ordering::Equal)
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v> {
        Box::new(*self)
    }

    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }

    fn as_comparer(&self) -> Option<&dyn Comparer> {
        Some(self)
    }
}

impl StaticVal for When {}

impl Comparer for When {
    /// A date is its midnight. What has a zone is not compared with what has none.
    fn compare(&self, other: &dyn Val) -> Result<Ordering, ExecutionError> {
        let local = |when: Self| match when {
            Self::Date(days) => Some(i128::from(days) * i128::from(DAY)),
            Self::Local(microseconds) => Some(i128::from(microseconds)),
            Self::Zoned(_) => None,
        };
        let order = match (*self, other.downcast_ref::<Self>().copied()) {
            (Self::Zoned(own), Some(Self::Zoned(other))) => Some(own.cmp(&other)),
            (own, Some(other)) => local(own).zip(local(other)).map(|(own, other)| own.cmp(&other)),
            (_, None) => None,
        };
        order.ok_or_else(|| ExecutionError::function_error("compare", "not comparable"))
    }
}
