//! Triggers of the target do not see merges: what they would write could not be taken back.

use std::collections::BTreeSet;

use shared::connection::Engine;
use shared::error_code::ErrorCode;

use crate::error::{EngineError, Result};
use crate::ident::quote;
use crate::load::row_image::ImageTable;
use crate::load::{Param, Session};

/// The tables of a transaction whose triggers are silent, and how they are woken again.
#[derive(Debug, Clone, Default)]
pub(super) struct Silenced {
    tables: BTreeSet<String>,
    wake: Vec<String>,
}

impl Silenced {
    /// Silences a table's triggers until [`Self::wake`]. Called before each write to it.
    pub(super) async fn silence<S: Session>(
        &mut self,
        session: &mut S,
        table: &ImageTable,
    ) -> Result<()> {
        if !self.tables.insert(table.quoted()) {
            return Ok(());
        }
        let doing = |error: EngineError| {
            let code = match error.code() {
                ErrorCode::Sys001 => ErrorCode::Conn004,
                code => code,
            };
            EngineError::new(code, format!("silencing the triggers of {}", table.name))
                .because(error)
        };
        match table.engine {
            Engine::Postgres => self.silence_postgres(session, table).await,
            _ => self.silence_sqlite(session, table).await,
        }
        .map_err(doing)
    }

    async fn silence_postgres<S: Session>(
        &mut self,
        session: &mut S,
        table: &ImageTable,
    ) -> Result<()> {
        let sql = "select tgname::text, tgenabled::text from pg_trigger
                   where tgrelid = $1::text::regclass and not tgisinternal and tgenabled <> 'D'
                   order by tgname";
        let quoted = table.quoted();
        for row in session.fetch(sql, &[Param::Text(&quoted)]).await? {
            let mut cells = row.into_iter().flatten();
            let (Some(name), Some(mode)) = (cells.next(), cells.next()) else { continue };
            let name = quote(Engine::Postgres, &name);
            let how = match mode.as_str() {
                "R" => "enable replica",
                "A" => "enable always",
                _ => "enable",
            };
            session.run_script(&format!("alter table {quoted} disable trigger {name}")).await?;
            self.wake.push(format!("alter table {quoted} {how} trigger {name}"));
        }
        Ok(())
    }

    /// SQLite cannot disable a trigger; it can take one away and make it again.
    async fn silence_sqlite<S: Session>(
        &mut self,
        session: &mut S,
        table: &ImageTable,
    ) -> Result<()> {
        let sql = "select name, sql from sqlite_schema
                   where type = 'trigger' and lower(tbl_name) = lower($1) order by name";
        for row in session.fetch(sql, &[Param::Text(&table.name.name)]).await? {
            let mut cells = row.into_iter().flatten();
            let (Some(name), Some(text)) = (cells.next(), cells.next()) else { continue };
            session.run_script(&format!("drop trigger {}", quote(Engine::Sqlite, &name))).await?;
            self.wake.push(text);
        }
        Ok(())
    }

    /// Makes the triggers what they were, at the end of the transaction.
    pub(super) async fn wake<S: Session>(self, session: &mut S) -> Result<()> {
        if self.wake.is_empty() {
            return Ok(());
        }
        if session.engine() == Engine::Postgres {
            // A table with checks that wait for the end cannot be altered.
            session.run_script("set constraints all immediate").await?;
        }
        for statement in self.wake {
            session.run_script(&statement).await?;
        }
        Ok(())
    }
}
