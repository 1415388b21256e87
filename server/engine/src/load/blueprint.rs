//! What a run was to do: its plan, and what it read of each table. Kept in the target, so that a
//! row that stayed behind can be carried over later by the same rules, without the source.

use shared::assessment::Catalog;
use shared::connection::{Engine, without_secret};
use shared::data_type::DataType;
use shared::error_code::ErrorCode;
use shared::plan::{Plan, TableMapping};

use super::{LoadColumn, LoadTable, Param, Session, ledger};
use crate::error::{EngineError, Result};
use crate::extract::{Form, TableRead};
use crate::map::target_name;
use crate::transform::OutputColumn;

#[derive(Debug, Clone, PartialEq)]
pub struct Blueprint {
    /// Its URLs have no passwords.
    pub plan: Plan,
    /// What was read, in the order of the plan's tables.
    pub reads: Vec<TableRead>,
}

impl Blueprint {
    pub fn new(plan: &Plan, reads: Vec<TableRead>) -> Self {
        let plan = Plan {
            source: without_secret(&plan.source),
            target: without_secret(&plan.target),
            ..plan.clone()
        };
        Self { plan, reads }
    }
}

/// Writes down what the run is to do. A run that goes on does what it was to do when it began.
pub async fn insert<S: Session>(
    session: &mut S,
    run_id: &str,
    blueprint: &Blueprint,
) -> Result<()> {
    let doing = "writing down what the run is to do";
    let failed = |error| EngineError::new(ErrorCode::Sys001, doing).because(error);
    let plan = serde_json::to_string(&blueprint.plan).map_err(failed)?;
    let reads = serde_json::to_string(&blueprint.reads).map_err(failed)?;
    let sql = format!(
        "insert into {} (run_id, plan, reads) values ($1, $2, $3) on conflict (run_id) do nothing",
        ledger::table(session.engine(), "blueprints")
    );
    let params = [Param::Text(run_id), Param::Text(&plan), Param::Text(&reads)];
    session.execute(&sql, &params).await.map(drop)
}

/// What the run was to do; none when it never came so far.
pub async fn find<S: Session>(session: &mut S, run_id: &str) -> Result<Option<Blueprint>> {
    let sql = format!(
        "select plan, reads from {} where run_id = $1",
        ledger::table(session.engine(), "blueprints")
    );
    let rows = session.fetch(&sql, &[Param::Text(run_id)]).await?;
    let Some(row) = rows.into_iter().next() else { return Ok(None) };
    let unreadable = || EngineError::new(ErrorCode::Sys001, "reading what the run was to do");
    let [Some(plan), Some(reads)] = <[_; 2]>::try_from(row).map_err(|_| unreadable())? else {
        return Err(unreadable());
    };
    let failed = |error: serde_json::Error| unreadable().because(error);
    Ok(Some(Blueprint {
        plan: serde_json::from_str(&plan).map_err(failed)?,
        reads: serde_json::from_str(&reads).map_err(failed)?,
    }))
}

/// Where the table is there already, its columns have the types that they have.
pub fn with_types_of(target: &Catalog, mapping: &TableMapping) -> TableMapping {
    let mut mapping = mapping.clone();
    if target.engine == Engine::Postgres
        && let Some(table) = target.table(&target_name(target.engine, &mapping.target))
    {
        for column in &mut mapping.columns {
            if let Some(known) = table.column(&column.target) {
                column.data_type = known.data_type.clone();
                column.nullable = known.nullable;
            }
        }
    }
    mapping
}

/// The table that rows of a mapping go into, with the columns that they fill.
pub fn load_table(
    target: &Catalog,
    plan: &Plan,
    mapping: &TableMapping,
    read: &TableRead,
    outputs: &[OutputColumn],
) -> LoadTable {
    let columns = outputs
        .iter()
        .map(|column| LoadColumn {
            name: column.name.clone(),
            data_type: column.data_type.clone(),
            is_enum: is_enum(target, plan, &column.data_type),
            is_raw: is_raw(mapping, read, &column.name),
        })
        .collect();
    LoadTable { name: target_name(target.engine, &mapping.target), columns }
}

fn is_enum(target: &Catalog, plan: &Plan, data_type: &DataType) -> bool {
    let DataType::Named(name) = data_type else { return false };
    plan.enums.contains_key(name)
        || name.parse().is_ok_and(|name: shared::assessment::TableName| {
            let name = target_name(Engine::Postgres, &name);
            target.enums.iter().any(|known| known.name == name)
        })
}

/// Whether a column of the target gets the source's own bytes.
fn is_raw(mapping: &TableMapping, read: &TableRead, target: &str) -> bool {
    let column = mapping.columns.iter().find(|column| column.target == target);
    let Some(source) = column.and_then(|column| column.source.as_ref()) else { return false };
    read.columns.iter().any(|column| column.name == *source && column.form == Form::Raw)
}
