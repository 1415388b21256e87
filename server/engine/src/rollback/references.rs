//! Who refers to rows that would go.

use shared::assessment::{ForeignKey, ReferentialAction, TableName};
use shared::connection::Engine;
use shared::error_code::ErrorCode;
use shared::rollback::{Changed, Obstacle};

use super::scope::{Table, Undoing};
use crate::error::{EngineError, Result};
use crate::ident::{quote, quote_table};
use crate::load::mark::{self, Change};
use crate::load::schema::Kind;
use crate::load::{Param, Session};
use crate::map::target_name;

impl Undoing {
    /// The condition under which a row of a table goes; the row is called `alias`.
    pub(super) fn goes(&self, table: &Table, alias: &str) -> String {
        let engine = self.catalog.engine;
        let run_id = &self.run.run_id;
        let records = table.record_refs();
        let ordinals = table.ordinals.as_deref();
        let own = mark::is_own(engine, run_id, alias, &records, Change::Brought, ordinals);
        match (self.changed, engine) {
            (Changed::Leave, _) => own,
            // What the run made is its own, unless a single chunk is meant.
            (Changed::Discard, Engine::Postgres) if table.made && ordinals.is_none() => {
                "true".to_owned()
            }
            (Changed::Discard, Engine::Postgres) => {
                let noted = mark::has_noted_key(run_id, alias, &records, ordinals);
                format!("({own} or {noted})")
            }
            (Changed::Discard, _) => mark::is_noted(alias, &records, ordinals),
        }
    }

    /// Everything of somebody else that stands on rows or tables that would go.
    pub(super) async fn obstacles<S: Session>(&self, session: &mut S) -> Result<Vec<Obstacle>> {
        let mut obstacles = Vec::new();
        for table in self.tables.iter().filter(|table| table.exists) {
            for (child, key) in self.references_to(&table.target) {
                let rows = self.referring_rows(session, table, child, key, "true").await?;
                if rows > 0 {
                    obstacles.push(Obstacle {
                        target: table.target.clone(),
                        name: key.name.clone(),
                        table: Some(child.clone()),
                        rows,
                    });
                }
            }
        }
        if self.is_whole() && self.catalog.engine == Engine::Postgres {
            obstacles.extend(self.views(session).await?);
        }
        Ok(obstacles)
    }

    /// Foreign keys that refer to a table, with the tables that have them.
    pub(super) fn references_to(&self, parent: &TableName) -> Vec<(&TableName, &ForeignKey)> {
        let engine = self.catalog.engine;
        let keys = self
            .catalog
            .tables
            .iter()
            .flat_map(|table| table.foreign_keys.iter().map(move |key| (&table.name, key)));
        keys.filter(|(_, key)| target_name(engine, &key.references) == *parent).collect()
    }

    /// How many rows refer by a key to rows of a table that go, and stay themselves. `portion`
    /// narrows it to some rows of the table, which is called `parent`.
    pub(super) async fn referring_rows<S: Session>(
        &self,
        session: &mut S,
        parent: &Table,
        child: &TableName,
        key: &ForeignKey,
        portion: &str,
    ) -> Result<u64> {
        let engine = self.catalog.engine;
        let stays = self.stays(session, child, key).await?;
        let equal: Vec<String> = key
            .columns
            .iter()
            .zip(&key.referenced_columns)
            .map(|(column, referenced)| {
                format!("child.{} = parent.{}", quote(engine, column), quote(engine, referenced))
            })
            .collect();
        let sql = format!(
            "select cast(count(*) as text)
             from {} as child join {} as parent on {}
             where {} and {portion} and {stays}",
            quote_table(engine, child),
            quote_table(engine, &parent.target),
            equal.join(" and "),
            self.goes(parent, "parent"),
        );
        let rows = session.fetch(&sql, &[]).await?;
        let rows = rows.into_iter().flatten().flatten().next();
        rows.and_then(|rows| rows.parse().ok())
            .ok_or_else(|| EngineError::new(ErrorCode::Sys001, "counting rows that refer"))
    }

    /// The condition under which a row called `child` stays and would refer to nothing.
    async fn stays<S: Session>(
        &self,
        session: &mut S,
        child: &TableName,
        key: &ForeignKey,
    ) -> Result<String> {
        let engine = self.catalog.engine;
        let run_id = &self.run.run_id;
        if let Some(table) = self.table(child) {
            let changed = self.changed_by_run(table, "child", table.ordinals.as_deref());
            let goes = self.goes(table, "child");
            if table.ordinals.is_none() || !self.made_foreign_key(child, &key.name) {
                return Ok(format!("not ({goes}) and not ({changed})"));
            }
        }
        if !self.made_foreign_key(child, &key.name) {
            return Ok("true".to_owned());
        }
        // The run's own key over its own rows: it is taken off, and made again with the rows.
        let records: Vec<_> =
            self.records.iter().filter(|record| record.target == *child).collect();
        if self.table(child).is_none() {
            mark::gather(session, run_id, &self.key, &records, None).await?;
        }
        let own = mark::is_own(engine, run_id, "child", &records, Change::Brought, None);
        let changed = mark::is_own(engine, run_id, "child", &records, Change::Changed, None);
        Ok(format!("not ({own}) and not ({changed})"))
    }

    /// The condition under which a row, as the run changed it, becomes what it was.
    pub(super) fn changed_by_run(
        &self,
        table: &Table,
        alias: &str,
        ordinals: Option<&[i32]>,
    ) -> String {
        let records = table.record_refs();
        let run_id = &self.run.run_id;
        mark::is_own(self.catalog.engine, run_id, alias, &records, Change::Changed, ordinals)
    }

    /// Views that somebody made over tables that would be dropped.
    async fn views<S: Session>(&self, session: &mut S) -> Result<Vec<Obstacle>> {
        let mut obstacles = Vec::new();
        for table in self.tables.iter().filter(|table| table.made && table.exists) {
            let sql = "
                select distinct view.relkind::text, format('%I.%I', schema.nspname, view.relname)
                from pg_depend as depends
                join pg_rewrite as rule
                    on depends.classid = 'pg_rewrite'::regclass and rule.oid = depends.objid
                join pg_class as view on view.oid = rule.ev_class
                join pg_namespace as schema on schema.oid = view.relnamespace
                where depends.refclassid = 'pg_class'::regclass
                  and depends.refobjid = to_regclass($1) and depends.deptype = 'n'
                  and view.oid <> depends.refobjid";
            let name = quote_table(Engine::Postgres, &table.target);
            for row in session.fetch(sql, &[Param::Text(&name)]).await? {
                let [Some(_), Some(view)] = row.as_slice() else { continue };
                let is_own = self.objects.iter().any(|object| {
                    object.kind.ends_with("view")
                        && object.name.replace('"', "") == view.replace('"', "")
                });
                if !is_own {
                    obstacles.push(Obstacle {
                        target: table.target.clone(),
                        name: view.clone(),
                        table: None,
                        rows: 0,
                    });
                }
            }
        }
        Ok(obstacles)
    }

    /// Keys over which the deletion of a row would delete or change rows of others, or leave them
    /// without it, without an error.
    pub(super) fn silent_references(&self, table: &Table) -> Vec<(&TableName, &ForeignKey)> {
        let mut keys = self.references_to(&table.target);
        keys.retain(|(_, key)| match self.catalog.engine {
            Engine::Postgres => {
                !matches!(key.on_delete, ReferentialAction::NoAction | ReferentialAction::Restrict)
            }
            // Sessions of ours have SQLite's keys switched off.
            _ => true,
        });
        keys
    }

    /// Takes off the run's own foreign keys that refer to what goes.
    pub(super) async fn take_off_keys<S: Session>(&self, session: &mut S) -> Result<()> {
        for object in self.objects.iter().filter(|o| o.kind == Kind::ForeignKey.as_str()) {
            let refers = self.tables.iter().any(|table| {
                self.references_to(&table.target).iter().any(|(child, key)| {
                    super::scope::foreign_key_name(child, &key.name) == object.name
                })
            });
            if self.is_whole() || refers {
                super::objects::take_back_one(session, &self.run.run_id, object).await?;
            }
        }
        Ok(())
    }
}

/// What stands in the way, as the error that names it.
pub(super) fn refusal(run_id: &str, obstacles: &[Obstacle]) -> Option<EngineError> {
    let first = obstacles.first()?;
    let what = match &first.table {
        Some(table) => format!(
            "{} rows of {table} refer to rows of {} by {}",
            first.rows, first.target, first.name
        ),
        None => format!("{} stands on {}", first.name, first.target),
    };
    let more = match obstacles.len() {
        1 => String::new(),
        count => format!(" (and {} more)", count - 1),
    };
    Some(EngineError::new(ErrorCode::Load020, format!("undoing run {run_id}: {what}{more}")))
}
