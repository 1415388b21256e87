//! Before the first row: what the target lacks is made, and the run is written down.

use std::collections::HashSet;

use shared::assessment::Catalog;
use shared::connection::Engine;
use shared::error_code::ErrorCode;
use shared::plan::{Existing, TableMapping};
use shared::run::RunState;

use super::conduct::Work;
use super::records::records;
use super::transaction::end;
use crate::error::{EngineError, Result};
use crate::ident::quote_table;
use crate::load::ledger;
use crate::load::schema::{self, Creation, Kind};
use crate::load::statements::{self, Statements};
use crate::load::{Param, Session, Target};
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
        let run_id = &self.run.run_id;
        let made = async {
            if self.is_new {
                ledger::insert_run(session, &self.run, &self.request.key, now).await?;
            } else {
                ledger::set_state(session, run_id, RunState::Running, now).await?;
            }
            for creation in schema::before_load(plan, &target_catalog) {
                self.make(session, &creation).await?;
            }
            if self.is_new {
                let objects = ledger::objects(session, run_id).await?;
                let tables = objects.into_iter().filter(|made| made.kind == Kind::Table.as_str());
                let made: HashSet<String> = tables.map(|made| made.name).collect();
                let records = records(plan, &session.catalog().await?, &made);
                ledger::insert_tables(session, run_id, &records).await?;
            }
            Ok(())
        }
        .await;
        end(session, made).await
    }

    async fn make(&self, session: &mut T::Session, creation: &Creation) -> Result<()> {
        let Creation { kind, name, sql, undo } = creation;
        let run_id = &self.run.run_id;
        let because = |error: EngineError| {
            let doing = format!("making the {} {name}", kind.as_str());
            EngineError::new(error.code(), doing).because(error)
        };
        if *kind == Kind::Sql {
            if ledger::has_object(session, run_id, Kind::Sql, name).await? {
                return Ok(());
            }
            let undo = &self.request.plan.target_sql.undo;
            let statements = Statements { run_id, name, sql, undo, made: &[] };
            return match statements::run(&*self.target, session, statements).await {
                Err(error) if error.code() != ErrorCode::Load021 => Err(because(error)),
                ran => ran.map(drop),
            };
        }
        if !ledger::has_object(session, run_id, *kind, name).await? {
            if *kind == Kind::Schema && has_schema(session, name).await? {
                return Ok(());
            }
            ledger::insert_object(session, run_id, *kind, name, undo).await?;
        }
        session.run_script(sql).await.map_err(because)
    }
}

async fn has_schema<S: Session>(session: &mut S, name: &str) -> Result<bool> {
    let sql = "select nspname::text from pg_namespace where nspname = $1";
    Ok(!session.fetch(sql, &[Param::Text(name)]).await?.is_empty())
}

/// A plan that says nothing of rows that are there already expects none.
async fn refuse_rows<S: Session>(
    session: &mut S,
    engine: Engine,
    target: &Catalog,
    mapping: &TableMapping,
) -> Result<()> {
    let name = target_name(engine, &mapping.target);
    if mapping.existing != Existing::Refuse || target.table(&name).is_none() {
        return Ok(());
    }
    let sql = format!("select '1' from {} limit 1", quote_table(engine, &name));
    if session.fetch(&sql, &[]).await?.is_empty() {
        return Ok(());
    }
    Err(EngineError::new(ErrorCode::Load001, format!("loading into {name}")))
}
