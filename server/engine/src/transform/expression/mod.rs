//! Expressions computed for one row after the other. All their numbers are exact decimals.

mod known;
mod moment;
mod number;

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use cel::common::ast::IdedExpr;
use cel::common::types::{CelBool, CelNull, CelString};
use cel::common::value::{CowVal, Val};
use cel::context::VariableResolver;
use cel::{Context, Env};
use shared::error_code::ErrorCode;

use self::moment::When;
use self::number::Number;
use super::fault::Fault;
use super::text::text_of;
use crate::map::expression::{VALUE, constant, prepare};
use crate::value::{Row, Value};

/// An expression that is ready to be computed for one row after the other.
pub(super) struct Expression {
    root: IdedExpr,
    /// Numbers that it writes out, by the names under which it finds them.
    constants: Vec<Number>,
    reads_value: bool,
    /// Columns that it reads, and where they stand in a row.
    columns: Vec<(String, usize)>,
}

impl std::fmt::Debug for Expression {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Expression").field("columns", &self.columns).finish_non_exhaustive()
    }
}

static ENV: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(known::env()));

impl Expression {
    /// Says what is wrong with an expression that cannot be computed for any row.
    pub(super) fn compile(
        text: &str,
        columns: &[String],
        position: &dyn Fn(&str) -> Option<usize>,
    ) -> Result<Self, String> {
        let prepared = prepare(text, columns)?;
        let columns = columns.iter().filter(|column| prepared.names.contains(*column));
        let columns = columns
            .map(|column| {
                let place = position(column).ok_or_else(|| format!("{column} is not read"))?;
                Ok((column.clone(), place))
            })
            .collect::<Result<_, String>>()?;
        let constants = prepared.constants.iter().map(|constant| {
            Number::parse(constant).ok_or_else(|| format!("{constant} has too many digits"))
        });
        Ok(Self {
            constants: constants.collect::<Result<_, _>>()?,
            root: prepared.root,
            reads_value: prepared.names.contains(VALUE),
            columns,
        })
    }

    pub(super) fn of<'a>(&self, value: &Value<'_>, row: &Row<'_>) -> Result<Value<'a>, Fault> {
        let mut operands = Vec::with_capacity(self.columns.len() + 1);
        if self.reads_value {
            operands.push((VALUE, operand(value.clone())?));
        }
        for (name, place) in &self.columns {
            operands.push((name.as_str(), operand(row.value(*place))?));
        }
        let names = Names { operands: &operands, constants: &self.constants };
        let mut context = Context::with_env(Arc::clone(&ENV));
        context.set_variable_resolver(&names);
        let found = cel::Value::resolve_val(&self.root, &context).map_err(|_| NOT_COMPUTED)?;
        result(found.as_ref())
    }
}

const NOT_COMPUTED: Fault =
    Fault::new(ErrorCode::Data021, "the expression has no result for this row's values");

/// A value as an expression sees it.
enum Operand<'a> {
    Null,
    Bool(bool),
    Number(Number),
    When(When),
    Text(Cow<'a, str>),
}

fn operand(value: Value<'_>) -> Result<Operand<'_>, Fault> {
    Ok(match value {
        Value::Null => Operand::Null,
        Value::Bool(value) => Operand::Bool(value),
        Value::Int(_)
        | Value::Uint(_)
        | Value::Float(_)
        | Value::Float32(_)
        | Value::Decimal(_) => {
            let text = text_of(value)?;
            Operand::Number(Number::parse(&text).ok_or_else(|| {
                Fault::new(ErrorCode::Data002, "the number has more than 28 digits")
            })?)
        }
        Value::Date(days) => Operand::When(When::Date(days)),
        Value::Timestamp(microseconds) => Operand::When(When::Local(microseconds)),
        Value::TimestampTz(microseconds) => Operand::When(When::Zoned(microseconds)),
        other => Operand::Text(text_of(other)?),
    })
}

fn result<'a>(found: &dyn Val) -> Result<Value<'a>, Fault> {
    if found.downcast_ref::<CelNull>().is_some() {
        return Ok(Value::Null);
    }
    if let Some(value) = found.downcast_ref::<CelBool>() {
        return Ok(Value::Bool(*value.inner()));
    }
    if let Some(text) = found.downcast_ref::<CelString>() {
        return Ok(Value::Text(Cow::Owned(text.inner().to_owned())));
    }
    if let Some(when) = found.downcast_ref::<When>() {
        return Ok(when.value());
    }
    Number::of(found)
        .map(|number| Value::Decimal(Cow::Owned(number.to_string())))
        .ok_or(Fault::new(ErrorCode::Data021, "the expression makes a list and not a value"))
}

struct Names<'r> {
    operands: &'r [(&'r str, Operand<'r>)],
    constants: &'r [Number],
}

impl VariableResolver for Names<'_> {
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        if let Some(place) = constant(variable) {
            return self.constants.get(place).map(|number| CowVal::Borrowed(number as &dyn Val));
        }
        let (_, operand) = self.operands.iter().find(|(name, _)| *name == variable)?;
        Some(match operand {
            Operand::Null => CowVal::owned(CelNull),
            Operand::Bool(value) => CowVal::owned(CelBool::from(*value)),
            Operand::Number(number) => CowVal::Borrowed(number),
            Operand::When(when) => CowVal::Borrowed(when),
            Operand::Text(text) => CowVal::owned(CelString::from(&**text)),
        })
    }
}

#[cfg(test)]
mod tests;
