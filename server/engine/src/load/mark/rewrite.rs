//! Changing rows of a run after their chunks, so that they stay the run's.

use shared::connection::Engine;

use super::transactions::{self, Numbers, relation};
use super::{AFTER_THE_DATA, Change, TableRecord, Writer, begin, gather, is_own, keep, unreadable};
use crate::error::Result;
use crate::ident::{literal, quote_table};
use crate::load::Session;
use crate::load::ledger::table;
use crate::seal::Key;

/// Sets columns of those rows of the run for which a condition holds, in the transaction that is
/// open. Each row stays its chunk's; rows of others are not touched. `set` and `condition` are
/// parts of a statement in which the table is called `child`. The count is that of the rows.
pub async fn rewrite<S: Session>(
    session: &mut S,
    key: &Key,
    run_id: &str,
    records: &[&TableRecord],
    set: &str,
    condition: &str,
) -> Result<u64> {
    let engine = session.engine();
    let Some(record) = records.first() else { return Ok(0) };
    let name = quote_table(engine, &record.target);
    if engine != Engine::Postgres {
        let writer = Writer { run_id, table_index: record.table_index, ordinal: AFTER_THE_DATA };
        gather(session, run_id, key, records, None).await?;
        begin(session, run_id, record).await?;
        let own = |change| is_own(engine, run_id, "child", records, change, None);
        let sql = format!(
            "update {name} as child set {set} where {condition} and ({} or {})",
            own(Change::Brought),
            own(Change::Changed)
        );
        let rows = session.execute(&sql, &[]).await?;
        keep(session, key, writer, record).await?;
        return Ok(rows);
    }
    session.run_script("drop table if exists pg_temp.transfuse_rewritten").await?;
    let sql = format!(
        "create temp table transfuse_rewritten on commit drop as
         select child.ctid as place, mark.table_index, mark.ordinal, mark.change
         from {name} as child
         join {} as mark on mark.xid = child.xmin and mark.run_id = {}
             and mark.relation = {}::regclass::oid
         where {condition}",
        table(engine, "marks"),
        literal(engine, run_id),
        relation(&record.target)
    );
    session.run_script(&sql).await?;
    let sql = "select distinct table_index::text, ordinal::text, change
               from pg_temp.transfuse_rewritten";
    let mut rows = 0;
    for group in session.fetch(sql, &[]).await? {
        let mut cells = group.into_iter().flatten();
        let mut next = || cells.next().ok_or_else(unreadable);
        let writer = Writer {
            run_id,
            table_index: next()?.parse().map_err(|_| unreadable())?,
            ordinal: next()?.parse().map_err(|_| unreadable())?,
        };
        let change =
            if next()? == Change::Brought.as_str() { Change::Brought } else { Change::Changed };
        session.run_script("savepoint transfuse_rewrite").await?;
        let sql = format!(
            "update {name} as child set {set}
             from pg_temp.transfuse_rewritten as rewritten
             where rewritten.place = child.ctid and rewritten.table_index = {}
               and rewritten.ordinal = {} and rewritten.change = '{}'",
            writer.table_index,
            writer.ordinal,
            change.as_str()
        );
        rows += session.execute(&sql, &[]).await?;
        let number = Numbers::OfTheSavepoint;
        transactions::keep(session, writer, &record.target, change, number).await?;
        session.run_script("release savepoint transfuse_rewrite").await?;
    }
    Ok(rows)
}
