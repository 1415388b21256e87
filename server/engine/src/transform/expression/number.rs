//! Numbers of expressions: exact decimals of 28 digits. What has more is refused, never rounded,
//! save by a division.

use std::any::Any;
use std::cmp::Ordering;
use std::fmt;

use cel::ExecutionError;
use cel::common::traits::{Adder, Comparer, Divider, Modder, Multiplier, Negator, Subtractor};
use cel::common::types::{CelDouble, CelInt, CelUInt, Type};
use cel::common::value::{CowVal, StaticVal, Val};
use rust_decimal::{Decimal, RoundingStrategy};

use crate::transform::decimal;

static NUMBER: Type = Type::new_unspecified_type("number");

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Number(Decimal);

impl Number {
    /// None where it has too many digits, or is none.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let plain = decimal::plain(text).ok()?;
        Decimal::from_str_exact(&plain).ok().map(Self)
    }

    /// Whatever of CEL is a number.
    pub(super) fn of(value: &dyn Val) -> Option<Self> {
        if let Some(number) = value.downcast_ref::<Self>() {
            return Some(*number);
        }
        if let Some(number) = value.downcast_ref::<CelInt>() {
            return Some(Self(Decimal::from(*number.inner())));
        }
        if let Some(number) = value.downcast_ref::<CelUInt>() {
            return Some(Self(Decimal::from(*number.inner())));
        }
        let number = value.downcast_ref::<CelDouble>()?;
        Self::parse(&number.inner().to_string())
    }

    pub(super) fn whole(self) -> Option<i64> {
        if self.0.fract().is_zero() { i64::try_from(self.0).ok() } else { None }
    }

    pub(super) fn round(self, scale: u32) -> Self {
        Self(self.0.round_dp_with_strategy(scale, RoundingStrategy::MidpointAwayFromZero))
    }

    pub(super) fn abs(self) -> Self {
        Self(self.0.abs())
    }
}

impl From<i64> for Number {
    fn from(number: i64) -> Self {
        Self(Decimal::from(number))
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Zero has no sign.
        let number = if self.0.is_zero() { self.0.abs() } else { self.0 };
        write!(f, "{number}")
    }
}

impl Val for Number {
    fn get_type(&self) -> &Type {
        &NUMBER
    }

    fn cel_type() -> &'static Type {
        &NUMBER
    }

    fn equals(&self, other: &dyn Val) -> bool {
        Self::of(other).is_some_and(|other| self.0 == other.0)
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

    fn as_adder<'b, 'v>(&'b self) -> Option<&'b (dyn Adder + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn as_subtractor<'b, 'v>(&'b self) -> Option<&'b (dyn Subtractor + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn as_multiplier<'b, 'v>(&'b self) -> Option<&'b (dyn Multiplier + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn as_divider<'b, 'v>(&'b self) -> Option<&'b (dyn Divider + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn as_modder<'b, 'v>(&'b self) -> Option<&'b (dyn Modder + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn as_negator<'b, 'v>(&'b self) -> Option<&'b (dyn Negator + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }
}

impl StaticVal for Number {}

/// Of an operation that has no result nothing is told but its name: values stay where they are.
fn computed<'b, 'v>(
    name: &'static str,
    other: &dyn Val,
    compute: impl FnOnce(Decimal) -> Option<Decimal>,
) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let computed = Number::of(other).and_then(|other| compute(other.0));
    let none = || ExecutionError::function_error(name, "no result");
    computed.map(|number| CowVal::owned(Number(number))).ok_or_else(none)
}

impl Adder for Number {
    fn add<'b, 'v>(&'b self, other: &(dyn Val + 'v)) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        computed("+", other, |other| exactly(self.0.checked_add(other)?, self.0, other))
    }
}

impl Subtractor for Number {
    fn sub<'b, 'v>(&'b self, other: &(dyn Val + 'v)) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        computed("-", other, |other| exactly(self.0.checked_sub(other)?, self.0, other))
    }
}

impl Multiplier for Number {
    fn mul<'b, 'v>(&'b self, other: &(dyn Val + 'v)) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        computed("*", other, |other| {
            if self.0.is_zero() || other.is_zero() {
                return Some(Decimal::ZERO);
            }
            let product = self.0.checked_mul(other)?;
            (product.scale() == self.0.scale() + other.scale()).then_some(product)
        })
    }
}

impl Divider for Number {
    fn div<'b, 'v>(&'b self, other: &(dyn Val + 'v)) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        computed("/", other, |other| self.0.checked_div(other).map(|quotient| quotient.normalize()))
    }
}

impl Modder for Number {
    fn modulo<'b, 'v>(&'b self, other: &(dyn Val + 'v)) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        computed("%", other, |other| self.0.checked_rem(other))
    }
}

impl Negator for Number {
    fn negate<'v>(&self) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        Self: 'v,
    {
        Ok(Box::new(Self(-self.0)))
    }
}

impl Comparer for Number {
    fn compare(&self, other: &dyn Val) -> Result<Ordering, ExecutionError> {
        let none = || ExecutionError::function_error("compare", "no number");
        Number::of(other).map(|other| self.0.cmp(&other.0)).ok_or_else(none)
    }
}

/// A sum that had to be rounded has fewer digits after the point than its parts.
fn exactly(sum: Decimal, left: Decimal, right: Decimal) -> Option<Decimal> {
    let is_exact = left.is_zero() || right.is_zero();
    (is_exact || sum.scale() == left.scale().max(right.scale())).then_some(sum)
}
