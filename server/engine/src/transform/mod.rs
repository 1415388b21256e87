//! Turns a row of the source into a row of the target, or says why it cannot. Pure.

mod fault;
mod calendar;
mod decimal;
mod text;
mod json;
mod zone;
mod read;
mod cast;
mod code_table;
mod expression;
mod rule;

use shared::connection::Engine;
use shared::data_type::DataType;
use shared::error_code::ErrorCode;
use shared::plan::{ColumnMapping, Plan, TableMapping};

pub use cast::{Slot, cast};
pub(crate) use code_table::code_text;
pub use fault::Fault;
pub use read::{End, read_for};
pub use rule::namespace;
pub(crate) use text::text_of;

use self::rule::{Rule, Surroundings};
use crate::error::{EngineError, Result};
use crate::extract::{Form, TableRead, csv};
use crate::value::{Row, Value};

/// Why a row cannot be carried over. Says what is wrong, never the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadValue {
    pub code: ErrorCode,
    /// The column of the target; empty where it is the whole row's fault.
    pub column: String,
    pub reason: String,
}

/// What becomes of a row that has no bad value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Load,
    /// The mapping's filter leaves it out.
    Filtered,
}

/// One column of the target that rows fill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputColumn {
    pub name: String,
    pub data_type: DataType,
    pub nullable: bool,
}

/// The rules of one mapping, made ready for its rows.
#[derive(Debug)]
pub struct RowTransform {
    columns: Vec<Column>,
    /// Where the values stand that are kept as they were read.
    raws: Vec<usize>,
    outputs: Vec<OutputColumn>,
    /// Where the filter's answer stands.
    filter: Option<usize>,
    engine: Engine,
    passes_on: bool,
}

#[derive(Debug)]
struct Column {
    source: Option<usize>,
    rules: Vec<Rule>,
    labels: Option<Vec<String>>,
}

impl RowTransform {
    /// `read` is what the rows will have; `secret` is the installation's key, for `hash`.
    ///
    /// Fails when a rule can never work.
    pub fn compile(
        plan: &Plan,
        mapping: &TableMapping,
        read: &TableRead,
        target: Engine,
        secret: &[u8],
    ) -> Result<Self> {
        let position = |name: &str| read.columns.iter().position(|column| column.name == name);
        let around = Surroundings { plan, secret, position: &position };
        let mut transform = Self {
            columns: Vec::with_capacity(mapping.columns.len()),
            raws: Vec::new(),
            outputs: mapping.columns.iter().map(output_of).collect(),
            filter: read.filter.is_some().then_some(read.columns.len()),
            engine: target,
            passes_on: false,
        };
        for column in &mapping.columns {
            let compiled = compile_column(column, read, &around, target).map_err(|why| {
                let name = format!("{}.{}", mapping.target, column.target);
                EngineError::new(ErrorCode::Map006, format!("{name}: {why}"))
            })?;
            if let (Some(raw), Some(source)) = (&column.keep_raw_in, compiled.source) {
                transform.raws.push(source);
                transform.outputs.push(OutputColumn {
                    name: raw.clone(),
                    data_type: DataType::Text,
                    nullable: true,
                });
            }
            transform.columns.push(compiled);
        }
        transform.passes_on = transform.filter.is_none()
            && transform.raws.is_empty()
            && read.columns.iter().all(|column| column.form == Form::Raw)
            && transform
                .columns
                .iter()
                .map(|column| column.source)
                .eq((0..read.columns.len()).map(Some));
        Ok(transform)
    }

    /// Whether every row goes to the target byte for byte as it was read. What it may not hold is
    /// then for the target to refuse.
    pub const fn passes_on(&self) -> bool {
        self.passes_on
    }

    /// The columns in the order of the values: those mapped, then those that keep a value as it
    /// was read.
    pub fn outputs(&self) -> &[OutputColumn] {
        &self.outputs
    }

    /// Puts the target's values of a row in `out`, each of its column's exact type.
    pub fn apply<'a>(
        &'a self,
        row: &Row<'a>,
        out: &mut Vec<Value<'a>>,
    ) -> Result<Verdict, BadValue> {
        out.clear();
        check_whole(row)?;
        if self.is_filtered(row) {
            return Ok(Verdict::Filtered);
        }
        for (column, output) in self.columns.iter().zip(&self.outputs) {
            let value = column.value(row, output, self.engine);
            out.push(value.map_err(|fault| bad_value(fault, output))?);
        }
        out.extend(self.raws.iter().map(|source| text::raw_text(row.value(*source))));
        Ok(Verdict::Load)
    }

    /// Whether the mapping's filter leaves a row out.
    pub fn is_filtered(&self, row: &Row<'_>) -> bool {
        self.filter.is_some_and(|filter| row.value(filter) != Value::Bool(true))
    }

    /// What becomes of each mapped column by itself, whatever becomes of the others and of the
    /// row.
    pub fn try_columns<'a>(
        &'a self,
        row: &Row<'a>,
    ) -> Result<Vec<Result<Value<'a>, BadValue>>, BadValue> {
        check_whole(row)?;
        let columns = self.columns.iter().zip(&self.outputs);
        let values = columns.map(|(column, output)| {
            column.value(row, output, self.engine).map_err(|fault| bad_value(fault, output))
        });
        Ok(values.collect())
    }
}

impl Column {
    fn value<'a>(
        &'a self,
        row: &Row<'a>,
        output: &OutputColumn,
        engine: Engine,
    ) -> Result<Value<'a>, Fault> {
        let mut value = self.source.map_or(Value::Null, |source| row.value(source));
        for rule in &self.rules {
            value = rule.apply(value, row)?;
        }
        let slot = Slot { data_type: &output.data_type, labels: self.labels.as_deref(), engine };
        let value = cast(value, slot)?;
        if value.is_null() && !output.nullable {
            return Err(Fault::new(ErrorCode::Data004, "the value is missing"));
        }
        Ok(value)
    }
}

fn check_whole(row: &Row<'_>) -> Result<(), BadValue> {
    if csv::is_ragged(row) && (1..row.len()).all(|column| row.value(column).is_null()) {
        return Err(BadValue {
            code: ErrorCode::Data013,
            column: String::new(),
            reason: "the line has more or fewer fields than the header".to_owned(),
        });
    }
    Ok(())
}

fn bad_value(fault: Fault, output: &OutputColumn) -> BadValue {
    BadValue { code: fault.code, column: output.name.clone(), reason: fault.reason.to_owned() }
}

fn output_of(column: &ColumnMapping) -> OutputColumn {
    OutputColumn {
        name: column.target.clone(),
        data_type: column.data_type.clone(),
        nullable: column.nullable,
    }
}

fn compile_column(
    column: &ColumnMapping,
    read: &TableRead,
    around: &Surroundings<'_>,
    target: Engine,
) -> Result<Column, String> {
    let source = match &column.source {
        Some(name) => Some((around.position)(name).ok_or_else(|| format!("{name} is not read"))?),
        None => None,
    };
    let read_as = source.map(|source| &read.columns[source]);
    if !column.transform.is_empty() && read_as.is_some_and(|read| read.form == Form::Raw) {
        return Err("its rules need a value that is decoded".to_owned());
    }
    // What comes in is not relied on: SQLite and files do not keep values to their types.
    around.plan.outcome(&column.transform, None, &column.data_type)?;
    let rules = column
        .transform
        .iter()
        .map(|rule| Rule::compile(rule, column.source.as_deref(), around))
        .collect::<Result<Vec<_>, _>>()?;
    let labels = labels_of(&column.data_type, around.plan).map(<[String]>::to_vec);
    let slot = Slot { data_type: &column.data_type, labels: labels.as_deref(), engine: target };
    for literal in rules.last().map(Rule::literals).unwrap_or_default() {
        if cast(Value::Text(literal.into()), slot).is_err() {
            return Err(format!("`{literal}` in its last rule is no {}", column.data_type));
        }
    }
    Ok(Column { source, rules, labels })
}

/// The labels of an enum that the plan has, by the type's name with or without its schema.
fn labels_of<'p>(data_type: &DataType, plan: &'p Plan) -> Option<&'p [String]> {
    let DataType::Named(name) = data_type else { return None };
    let bare = |name: &str| name.rsplit('.').next().unwrap_or(name).trim_matches('"').to_owned();
    plan.enums
        .iter()
        .find(|(label, _)| *label == name || bare(label) == bare(name))
        .map(|(_, labels)| labels.as_slice())
}

#[cfg(test)]
mod tests;
