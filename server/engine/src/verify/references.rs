//! What the target says of itself: whether its references lead somewhere, and whether its
//! sequences give out values that are free.

use shared::assessment::{Catalog, ForeignKey, TableName};
use shared::connection::Engine;
use shared::error_code::ErrorCode;
use shared::plan::Plan;
use shared::verification::{BrokenReference, SequenceBehind};

use crate::error::{EngineError, Result};
use crate::ident::{literal, quote, quote_table};
use crate::load::{Session, orphans};
use crate::map::target_name;

/// Foreign keys of the plan's tables, those of the plan and those that the target has, with rows
/// that refer to nothing.
pub(super) async fn broken<S: Session>(
    session: &mut S,
    plan: &Plan,
    catalog: &Catalog,
) -> Result<Vec<BrokenReference>> {
    let engine = session.engine();
    let mut broken = Vec::new();
    for mapping in &plan.tables {
        let target = target_name(engine, &mapping.target);
        let Some(table) = catalog.table(&target) else { continue };
        let mut keys: Vec<&ForeignKey> =
            mapping.create.iter().flat_map(|shape| &shape.foreign_keys).collect();
        let planned = keys.len();
        for key in &table.foreign_keys {
            if !keys[..planned].iter().any(|known| known.columns == key.columns) {
                keys.push(key);
            }
        }
        for key in keys {
            let references = target_name(engine, &key.references);
            if catalog.table(&references).is_none() {
                continue;
            }
            let sql = format!(
                "select cast(count(*) as text) from {} as child where {}",
                quote_table(engine, &target),
                orphans::has_no_parent(engine, key)
            );
            let rows = number(session, &sql).await?;
            if rows > 0 {
                broken.push(BrokenReference {
                    target: target.clone(),
                    foreign_key: key.name.clone(),
                    references,
                    rows: rows.unsigned_abs(),
                });
            }
        }
    }
    Ok(broken)
}

/// Columns whose next value is not beyond the largest one. SQLite finds a free value by itself.
pub(super) async fn behind<S: Session>(
    session: &mut S,
    plan: &Plan,
    catalog: &Catalog,
) -> Result<Vec<SequenceBehind>> {
    let engine = session.engine();
    let mut behind = Vec::new();
    if engine != Engine::Postgres {
        return Ok(behind);
    }
    for mapping in &plan.tables {
        let target = target_name(engine, &mapping.target);
        if catalog.table(&target).is_none() {
            continue;
        }
        for column in &mapping.columns {
            let Some(sequence) = sequence_of(session, &target, &column.target).await? else {
                continue;
            };
            let name = quote(engine, &column.target);
            let table = quote_table(engine, &target);
            let step = format!(
                "select ((select coalesce(max({name}), 0) from {table})
                     - (select case when is_called then last_value else last_value - 1 end
                        from {sequence}))::bigint::text"
            );
            let missing = number(session, &step).await?;
            if missing > 0 {
                behind.push(SequenceBehind {
                    target: target.clone(),
                    column: column.target.clone(),
                    behind: missing.unsigned_abs(),
                });
            }
        }
    }
    Ok(behind)
}

/// The sequence of a column, as it is written in a statement.
pub(super) async fn sequence_of<S: Session>(
    session: &mut S,
    table: &TableName,
    column: &str,
) -> Result<Option<String>> {
    let engine = Engine::Postgres;
    let sql = format!(
        "select pg_get_serial_sequence({}, {})",
        literal(engine, &quote_table(engine, table)),
        literal(engine, column)
    );
    Ok(session.fetch(&sql, &[]).await?.into_iter().flatten().flatten().next())
}

async fn number<S: Session>(session: &mut S, sql: &str) -> Result<i64> {
    let rows = session.fetch(sql, &[]).await?;
    let text = rows.first().and_then(|row| row.first()?.as_deref());
    text.and_then(|text| text.parse().ok())
        .ok_or_else(|| EngineError::new(ErrorCode::Sys001, "reading a number from the target"))
}
