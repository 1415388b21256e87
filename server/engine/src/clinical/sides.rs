//! The two databases, each with its own names for what a check is about.

use chrono::NaiveDate;
use shared::assessment::{Catalog, Table, TableName};
use shared::clinical::{ClinicalCheck, Measure, Test, Use};
use shared::connection::Engine;
use shared::error_code::ErrorCode;
use shared::plan::{Plan, TableMapping, Transform};

use super::statement::Asking;
use crate::assess::ask::Asked;
use crate::connect::Source;
use crate::error::{EngineError, Result};
use crate::ident::quote_table;
use crate::map::{catalog_of_target, target_name};

/// A question that was not answered.
pub(super) fn refused(error: &EngineError) -> Measure {
    Measure::Error { code: error.code(), message: error.to_string() }
}

/// A database that can be asked for the checks of a plan.
pub(super) struct Side {
    asked: Result<Asked>,
    role: Role,
    plan: Plan,
}

enum Role {
    Source,
    Target(Catalog),
}

impl Side {
    pub(super) async fn target(plan: &Plan, url: &str) -> Result<Self> {
        let catalog = catalog_of_target(url).await?;
        let asked = Asked::open(&Source::open(url).await?).await?;
        Ok(Self { asked: Ok(asked), role: Role::Target(catalog), plan: plan.clone() })
    }

    /// A source that does not answer has no numbers to tell; the target's stand by themselves.
    pub(super) async fn source(plan: &Plan, url: &str) -> Self {
        let asked = match Source::open(url).await {
            Ok(source) => Asked::open(&source).await,
            Err(error) => Err(error),
        };
        Self { asked, role: Role::Source, plan: plan.clone() }
    }

    /// What it says to a check, and the statement by which it was asked.
    pub(super) async fn ask(
        &mut self,
        check: &ClinicalCheck,
        today: NaiveDate,
    ) -> (Measure, String) {
        let asked = match &mut self.asked {
            Ok(asked) => asked,
            Err(error) => return (refused(error), String::new()),
        };
        let engine = asked.engine();
        let statement = match &self.role {
            Role::Target(catalog) => in_target(engine, catalog, check, today),
            Role::Source => in_source(engine, &self.plan, check, today),
        };
        let sql = match statement {
            Ok(sql) => sql,
            Err(measure) => return (measure, String::new()),
        };
        let doing = format!("counting for the check {}", check.key);
        let measure = match asked.ask(sql.clone(), &doing).await {
            Ok(rows) => {
                let mut numbers = rows.iter().flatten().map(|cell| cell.as_deref()?.parse().ok());
                match (numbers.next().flatten(), numbers.next().flatten()) {
                    (Some(violated), Some(denominator)) => {
                        Measure::Counted { violated, denominator }
                    }
                    _ => refused(&EngineError::new(ErrorCode::Sys001, doing)),
                }
            }
            Err(error) => refused(&error),
        };
        (measure, sql)
    }
}

fn in_target(
    engine: Engine,
    catalog: &Catalog,
    check: &ClinicalCheck,
    today: NaiveDate,
) -> Result<String, Measure> {
    let find = |name: &TableName| catalog.table(&target_name(engine, name));
    let one = |is_there: bool| Measure::Counted { violated: u64::from(!is_there), denominator: 1 };
    let lacks = |table: &Table, column: &str| table.column(column).is_none();
    match &check.test {
        Test::TablePresent {} => return Err(one(find(&check.table).is_some())),
        Test::ColumnPresent { column } => {
            return Err(one(find(&check.table).is_some_and(|table| !lacks(table, column))));
        }
        _ => {}
    }
    let no_table = |name: &TableName| Measure::not_applicable(format!("there is no table {name}"));
    if find(&check.table).is_none() {
        return Err(no_table(&check.table));
    }
    for (of, _, column) in check.test.clone().columns_mut(&check.table) {
        let Some(table) = find(&of) else { return Err(no_table(&of)) };
        if lacks(table, column) {
            return Err(Measure::not_applicable(format!("{of} has no column {column}")));
        }
    }
    let from = |table: &TableName| quote_table(engine, &target_name(engine, table));
    let asking = Asking { engine, from: &from, today };
    asking.statement(&check.table, &check.test).ok_or_else(told_by_the_catalog)
}

/// The same question in the source's names. It can be asked where single columns of the source fill
/// those of the target and no rule changes what the check is about.
fn in_source(
    engine: Engine,
    plan: &Plan,
    check: &ClinicalCheck,
    today: NaiveDate,
) -> Result<String, Measure> {
    if engine == Engine::Csv {
        return Err(Measure::not_applicable("files cannot be asked in SQL"));
    }
    let mut test = check.test.clone();
    let mapping_of = |table: &TableName| {
        plan.only_mapping(table).ok_or_else(|| {
            Measure::not_applicable(format!("no single table of the source fills {table}"))
        })
    };
    mapping_of(&check.table)?;
    for (of, uses, column) in test.columns_mut(&check.table) {
        *column = source_column(mapping_of(&of)?, column, uses)?.to_owned();
    }
    let from = |table: &TableName| {
        plan.only_mapping(table).map_or_else(String::new, |mapping| rows_of(engine, mapping))
    };
    let asking = Asking { engine, from: &from, today };
    asking.statement(&check.table, &test).ok_or_else(told_by_the_catalog)
}

fn told_by_the_catalog() -> Measure {
    Measure::not_applicable("the target's catalog tells")
}

/// The rows that a mapping carries over.
fn rows_of(engine: Engine, mapping: &TableMapping) -> String {
    let rows = mapping.query.as_ref().map_or_else(
        || quote_table(engine, &mapping.source),
        |query| format!("(\n{}\n)", query.for_engine(engine)),
    );
    match &mapping.filter {
        Some(filter) => format!("(select * from {rows} r where ({filter}\n))"),
        None => rows,
    }
}

fn source_column<'p>(
    mapping: &'p TableMapping,
    target: &str,
    uses: Use,
) -> Result<&'p str, Measure> {
    if let Some(raw) =
        mapping.columns.iter().find(|column| column.keep_raw_in.as_deref() == Some(target))
        && let Some(source) = &raw.source
    {
        return Ok(source);
    }
    let named = mapping.columns.iter().find(|column| column.target == target);
    let (Some(column), Some(source)) = (named, named.and_then(|column| column.source.as_deref()))
    else {
        return Err(Measure::not_applicable(format!(
            "no column of the source alone fills {target}"
        )));
    };
    if column.transform.iter().all(|rule| leaves(rule, uses)) {
        Ok(source)
    } else {
        Err(Measure::not_applicable(format!("a rule of the plan changes what {target} says")))
    }
}

/// Whether a rule leaves what a check asks of a column as it was.
const fn leaves(rule: &Transform, uses: Use) -> bool {
    match (rule, uses) {
        (
            Transform::Trim { .. }
            | Transform::Nfc
            | Transform::ReplaceNul { .. }
            | Transform::ZeroDateToNull
            | Transform::AssumeZone { .. },
            _,
        ) => true,
        (Transform::EmptyToNull { also }, Use::Value) => also.is_empty(),
        (
            Transform::Lookup { .. }
            | Transform::Expression { .. }
            | Transform::Constant { .. }
            | Transform::Default { .. }
            | Transform::Concat { .. }
            | Transform::Split { .. },
            _,
        )
        | (_, Use::Value) => false,
        // Filled stays filled, and equal stays equal.
        (_, Use::Identity) => true,
    }
}
