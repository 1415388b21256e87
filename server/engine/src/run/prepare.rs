//! Before the first row: what the target lacks is made, and the run is written down.

use shared::assessment::Catalog;
use shared::connection::Engine;
use shared::error_code::ErrorCode;
use shared::plan::TableMapping;
use shared::run::RunState;

use super::conduct::Work;
use super::transaction::end;
use crate::error::{EngineError, Result};
use crate::ident::quote_table;
use crate::load::ledger;
use crate::load::schema::{self, Kind};
use crate::load::{Session, Target};
use crate::map::target_name;

impl<T: Target + 'static> Work<T> {
    /// Makes what the target lacks and writes the run down, in one transaction.
    pub(super) async fn prepare(&self, session: &mut T::Session) -> Result<()> {
        let plan = &self.request.plan;
        let target_catalog = session.catalog().await?;
        let engine = self.target.engine();
        if self.is_new {
            for mapping in &plan.tables {
                refuse_rows(session, engine, &target_catalog, mapping).await?;
            }
        }
        session.run_script("begin").await?;
        let now = self.request.clock.now();
        let made = async {
            if self.is_new {
                ledger::insert_run(session, &self.run, now).await?;
            } else {
                ledger::set_state(session, &self.run.run_id, RunState::Running, now).await?;
            }
            let known = ledger::objects(session, &self.run.run_id).await?;
            for creation in schema::before_load(plan, &target_catalog) {
                if known.contains(&(creation.kind.as_str().to_owned(), creation.name.clone())) {
                    if creation.kind == Kind::Sql {
                        continue;
                    }
                } else {
                    let run_id = &self.run.run_id;
                    ledger::insert_object(session, run_id, creation.kind, &creation.name).await?;
                }
                session.run_script(&creation.sql).await.map_err(|error| {
                    let doing = format!("making the {} {}", creation.kind.as_str(), creation.name);
                    EngineError::new(error.code(), doing).because(error)
                })?;
            }
            Ok(())
        }
        .await;
        end(session, made).await
    }
}

/// Rows that are not the run's own could not be told from them later.
async fn refuse_rows<S: Session>(
    session: &mut S,
    engine: Engine,
    target: &Catalog,
    mapping: &TableMapping,
) -> Result<()> {
    let name = target_name(engine, &mapping.target);
    if target.table(&name).is_none() {
        return Ok(());
    }
    let sql = format!("select '1' from {} limit 1", quote_table(engine, &name));
    if session.fetch(&sql, &[]).await?.is_empty() {
        return Ok(());
    }
    Err(EngineError::new(ErrorCode::Load001, format!("loading into {name}")))
}
