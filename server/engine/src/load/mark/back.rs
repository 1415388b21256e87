//! Rows of a run that were changed after it, and are put back as they were: they are the run's again.

use std::collections::BTreeMap;

use shared::assessment::TableName;
use shared::connection::Engine;

use super::transactions::{self, Numbers, relation};
use super::{Change, Writer, unreadable};
use crate::error::Result;
use crate::load::ledger::table;
use crate::load::{Param, Session};

/// What of a run wrote a row, and whether it brought it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct WrittenBy {
    pub table_index: u32,
    pub ordinal: i32,
    pub change: Change,
}

/// What of a run wrote rows of a table, by the numbers of transactions that PostgreSQL noted of
/// them. SQLite's rows are told by what they hold, and need nothing.
pub async fn written_by<S: Session>(
    session: &mut S,
    run_id: &str,
    target: &TableName,
    transactions: &[&str],
) -> Result<BTreeMap<String, WrittenBy>> {
    let mut found = BTreeMap::new();
    if session.engine() != Engine::Postgres || run_id.is_empty() || transactions.is_empty() {
        return Ok(found);
    }
    let sql = format!(
        "select distinct xid::text, table_index::text, ordinal::text, change
         from {} as mark
         where run_id = $1 and relation = {}::regclass::oid and xid::text = any($2::text[])",
        table(Engine::Postgres, "marks"),
        relation(target)
    );
    // Numbers need no quotes in a list.
    let list = format!("{{{}}}", transactions.join(","));
    for row in session.fetch(&sql, &[Param::Text(run_id), Param::Text(&list)]).await? {
        let mut cells = row.into_iter().flatten();
        let mut next = || cells.next().ok_or_else(unreadable);
        let number = next()?;
        let written = WrittenBy {
            table_index: next()?.parse().map_err(|_| unreadable())?,
            ordinal: next()?.parse().map_err(|_| unreadable())?,
            change: match next()?.as_str() {
                "brought" => Change::Brought,
                _ => Change::Changed,
            },
        };
        found.insert(number, written);
    }
    Ok(found)
}

/// Notes that what was written to a table since the last savepoint, which is still open, is as a
/// writer had left it.
pub async fn keep_as<S: Session>(
    session: &mut S,
    run_id: &str,
    target: &TableName,
    by: WrittenBy,
) -> Result<()> {
    if session.engine() != Engine::Postgres {
        return Ok(());
    }
    let writer = Writer { run_id, table_index: by.table_index, ordinal: by.ordinal };
    transactions::keep(session, writer, target, by.change, Numbers::OfTheSavepoint).await
}
