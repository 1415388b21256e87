//! Foreign keys of the tables that a plan shapes, made when all tables are in.

use std::sync::Arc;

use shared::connection::Engine;
use shared::error_code::ErrorCode;
use shared::plan::{Plan, TableMapping};
use tokio::task::JoinSet;

use super::builders::{because, note};
use crate::error::{EngineError, Result};
use crate::load::schema::{self, Kind};
use crate::load::{Session, Target, ledger};
use crate::map::target_name;
use crate::rollback::foreign_key_name;

/// Makes every foreign key of the plan, and has the target hold each row against it. False when a
/// row refers to nothing.
pub(super) async fn add<T: Target + 'static>(
    target: &Arc<T>,
    session: &mut T::Session,
    plan: &Plan,
    run_id: &str,
) -> Result<bool> {
    make(session, plan, run_id).await?;
    let mut tables = JoinSet::new();
    for statements in checks(plan) {
        let target = Arc::clone(target);
        tables.spawn(async move {
            let mut session = target.session().await?;
            for (name, sql) in statements {
                session.run_script(&sql).await.map_err(|error| because(&name, error))?;
            }
            Ok(())
        });
    }
    hold(tables).await
}

/// Makes every foreign key of the plan that is not there, without a look at the rows.
pub(super) async fn make<S: Session>(session: &mut S, plan: &Plan, run_id: &str) -> Result<()> {
    let catalog = session.catalog().await?;
    // What a table's keys refer to is locked with it, so they are made one after the other; this
    // takes no time, because no row is looked at.
    for mapping in &plan.tables {
        let Some(shape) = &mapping.create else { continue };
        let target = target_name(Engine::Postgres, &mapping.target);
        let known = catalog.table(&target);
        for key in &shape.foreign_keys {
            if known.is_some_and(|table| table.foreign_keys.iter().any(|k| k.name == key.name)) {
                continue;
            }
            let undo = schema::drop_foreign_key(&target, &key.name);
            let name = foreign_key_name(&target, &key.name);
            note(session, run_id, Kind::ForeignKey, &name, &undo).await?;
            let sql = schema::add_foreign_key(mapping, key);
            session.run_script(&sql).await.map_err(|error| because(&key.name, error))?;
        }
    }
    Ok(())
}

/// Takes the foreign keys that the run made away: while they stand, a row that goes takes others
/// with it.
pub(super) async fn drop<S: Session>(session: &mut S, plan: &Plan, run_id: &str) -> Result<()> {
    for mapping in &plan.tables {
        let target = target_name(Engine::Postgres, &mapping.target);
        let Some(shape) = &mapping.create else { continue };
        for key in &shape.foreign_keys {
            let name = foreign_key_name(&target, &key.name);
            if ledger::has_object(session, run_id, Kind::ForeignKey, &name).await? {
                session.run_script(&schema::drop_foreign_key(&target, &key.name)).await?;
            }
        }
    }
    Ok(())
}

/// The statements that hold the rows against the keys, each with the key's name: tables may go side
/// by side, the keys of one table go one after the other, because each locks it against the next.
pub(super) fn checks(plan: &Plan) -> Vec<Vec<(String, String)>> {
    let of = |mapping: &TableMapping| -> Vec<(String, String)> {
        let keys = mapping.create.iter().flat_map(|shape| &shape.foreign_keys);
        keys.map(|key| (key.name.clone(), schema::validate_foreign_key(mapping, key))).collect()
    };
    plan.tables.iter().map(of).filter(|checks| !checks.is_empty()).collect()
}

/// Waits until all tables were checked. False when a row refers to nothing.
pub(super) async fn hold(mut tables: JoinSet<Result<()>>) -> Result<bool> {
    let mut is_whole = true;
    while let Some(ended) = tables.join_next().await {
        match ended {
            Ok(Ok(())) => {}
            Ok(Err(error)) if error.code() == ErrorCode::Data008 => is_whole = false,
            Ok(Err(error)) => return Err(error),
            Err(panic) => {
                return Err(
                    EngineError::new(ErrorCode::Sys001, "making foreign keys").because(panic)
                );
            }
        }
    }
    Ok(is_whole)
}
