//! The plan's own statements in a PostgreSQL target, and how what they make is taken back.
//!
//! Nobody can tell from a statement what it does: it may be a block of code. So the catalogs are
//! looked at before and after, within the transaction, and by an onlooker who sees only what others
//! committed meanwhile: roles belong to the whole server, and other users work on. What is new is dropped when the run is
//! undone; rights, comments, row-level security and functions that were there become what they
//! were. What cannot be told so, such as a changed row or a dropped column, is refused, unless the
//! plan says itself how it is undone.

mod catalog;
mod undo;

use std::collections::{BTreeMap, BTreeSet};

use shared::assessment::TableName;
use shared::connection::Engine;
use shared::error_code::ErrorCode;

use self::catalog::{Entry, Picture};
use super::ledger::{self, Object};
use super::schema::Kind;
use super::{Param, Session, Target};
use crate::error::{EngineError, Result};
use crate::ident::quote_table;

/// Statements of a plan, and the run that they belong to.
#[derive(Debug, Clone, Copy)]
pub struct Statements<'a> {
    pub run_id: &'a str,
    /// `before` or `after`.
    pub name: &'a str,
    pub sql: &'a str,
    /// How the plan says that they are undone.
    pub undo: &'a str,
    /// Tables that the run made: they go with everything on them.
    pub made: &'a [TableName],
}

/// How many rows of a table statements wrote.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Written {
    pub inserted: i64,
    pub updated: i64,
    pub deleted: i64,
}

impl Written {
    pub const fn is_nothing(self) -> bool {
        self.inserted == 0 && self.updated == 0 && self.deleted == 0
    }
}

/// Runs statements in the transaction that is open, and writes down how they are taken back. The
/// answer tells which of the tables that the run made they wrote to.
pub async fn run<T: Target>(
    target: &T,
    session: &mut T::Session,
    statements: Statements<'_>,
) -> Result<Vec<(TableName, Written)>> {
    let made = numbers(session, statements.made).await?;
    let path = hide_path(session).await?;
    let mut before = catalog::look(session).await?;
    let rows_before = rows_written(session).await?;
    set_path(session, &path).await?;
    session.run_script(statements.sql).await?;
    let path = hide_path(session).await?;
    let after = catalog::look(session).await?;
    leave_to_others(target, &mut before, &after).await?;
    let known = ledger::objects(session, statements.run_id).await?;
    let mut changes = undo::changes(session, &before, &after, &made, &known).await?;
    set_path(session, &path).await?;
    let mut own = Vec::new();
    for (number, (name, written)) in rows_written(session).await? {
        let earlier = rows_before.get(&number).map(|(_, written)| *written).unwrap_or_default();
        let written = Written {
            inserted: written.inserted - earlier.inserted,
            updated: written.updated - earlier.updated,
            deleted: written.deleted - earlier.deleted,
        };
        if written.is_nothing() {
            continue;
        }
        let is_new = !before.keys().any(|entry| entry.is_table(&number));
        match made.get(&number) {
            Some(table) => own.push((table.clone(), written)),
            // It goes with its rows.
            None if is_new => {}
            None => changes.unknown.push(format!("rows of {name}")),
        }
    }
    if let Some(first) = changes.unknown.first()
        && statements.undo.trim().is_empty()
    {
        let more = match changes.unknown.len() {
            1 => String::new(),
            count => format!(" (and {} more)", count - 1),
        };
        return Err(EngineError::new(
            ErrorCode::Load021,
            format!("running target_sql.{}: it changes {first}{more}", statements.name),
        ));
    }
    ledger::insert_objects(session, statements.run_id, &changes.made).await?;
    let mut ran = vec![object(statements.name, "")];
    if !changes.unknown.is_empty() {
        // Undone first, as what was made last.
        ran.push(object(&format!("undo of {}", statements.name), statements.undo));
    }
    ledger::insert_objects(session, statements.run_id, &ran).await?;
    Ok(own)
}

/// What others committed since the first look counts as having been there then.
async fn leave_to_others<T: Target>(
    target: &T,
    before: &mut Picture,
    after: &Picture,
) -> Result<()> {
    if before == after {
        return Ok(());
    }
    let mut onlooker = target.onlooker().await?;
    onlooker.run_script("begin read only").await?;
    hide_path(&mut onlooker).await?;
    let committed = catalog::look(&mut onlooker).await?;
    let entries: BTreeSet<Entry> = before.keys().chain(after.keys()).cloned().collect();
    for entry in entries {
        match after.get(&entry) {
            said if said != committed.get(&entry) => {}
            Some(said) => drop(before.insert(entry, said.clone())),
            None => drop(before.remove(&entry)),
        }
    }
    Ok(())
}

fn object(name: &str, undo: &str) -> Object {
    Object { kind: Kind::Sql.as_str().to_owned(), name: name.to_owned(), undo: undo.to_owned() }
}

/// Has the server write every name with its schema, so that it means the same whoever undoes it.
/// The answer is the path that was set.
async fn hide_path<S: Session>(session: &mut S) -> Result<String> {
    let path = session.fetch("select current_setting('search_path')", &[]).await?;
    set_path(session, "").await?;
    Ok(path.into_iter().flatten().flatten().next().unwrap_or_default())
}

async fn set_path<S: Session>(session: &mut S, path: &str) -> Result<()> {
    let sql = "select set_config('search_path', $1, true)";
    session.fetch(sql, &[Param::Text(path)]).await.map(drop)
}

/// PostgreSQL's numbers of tables that are there.
async fn numbers<S: Session>(
    session: &mut S,
    tables: &[TableName],
) -> Result<BTreeMap<String, TableName>> {
    let mut numbers = BTreeMap::new();
    for table in tables {
        let name = quote_table(Engine::Postgres, table);
        let sql = "select to_regclass($1)::oid::text";
        let found = session.fetch(sql, &[Param::Text(&name)]).await?;
        if let Some(number) = found.into_iter().flatten().flatten().next() {
            numbers.insert(number, table.clone());
        }
    }
    Ok(numbers)
}

/// Rows that the transaction wrote so far, by table, as the server counts them.
async fn rows_written<S: Session>(session: &mut S) -> Result<BTreeMap<String, (String, Written)>> {
    let sql = "select relid::text, format('%I.%I', schemaname, relname), n_tup_ins::text,
                      n_tup_upd::text, n_tup_del::text
               from pg_stat_xact_user_tables
               where schemaname <> 'transfuse' and schemaname !~ '^pg_'
                 and n_tup_ins + n_tup_upd + n_tup_del > 0";
    let rows = session.fetch(sql, &[]).await?;
    let written = rows.into_iter().filter_map(|row| {
        let mut cells = row.into_iter().flatten();
        let (number, name) = (cells.next()?, cells.next()?);
        let mut count = || cells.next()?.parse::<i64>().ok();
        let written = Written { inserted: count()?, updated: count()?, deleted: count()? };
        Some((number, (name, written)))
    });
    Ok(written.collect())
}
