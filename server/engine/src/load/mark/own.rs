//! Which rows of the target are a run's.

use shared::connection::Engine;
use shared::plan::Existing;

use super::keys::{has_noted_key, in_list, prepare};
use super::rows::{gather, is_noted};
use super::transactions::{TRANSACTIONS_A_MARK_LASTS, relation};
use super::{Change, TableRecord, unreadable};
use crate::error::Result;
use crate::ident::{literal, quote_table};
use crate::load::Session;
use crate::load::ledger::table;
use crate::seal::Key;

/// A condition that holds for rows of the run that are as it left them. On SQLite, [`gather`] has
/// to have looked for them before; on PostgreSQL the session has to be [prepared](prepare).
/// `ordinals` narrows it to some chunks.
pub fn is_own(
    engine: Engine,
    run_id: &str,
    alias: &str,
    records: &[&TableRecord],
    change: Change,
    ordinals: Option<&[i32]>,
) -> String {
    let Some(first) = records.first() else { return "false".to_owned() };
    let narrowed = in_list("mark.ordinal", ordinals);
    if engine != Engine::Postgres {
        return format!(
            "{alias}._rowid_ in (
                 select mark.id from temp.transfuse_own as mark
                 where mark.target = {} and mark.change = '{}' and mark.is_same{narrowed}
             )",
            literal(engine, &first.target.to_string()),
            change.as_str()
        );
    }
    let relation = relation(&first.target);
    let of_the_table = format!(" and mark.relation = {relation}::regclass::oid{narrowed}");
    let own = bears_mark(run_id, alias, change, &of_the_table);
    if first.made || first.key.is_empty() || change == Change::Changed {
        return own;
    }
    // A trigger of the target may have changed a row when the run wrote to another table.
    let touched = bears_mark(run_id, alias, change, "");
    format!("({own} or {touched} and {})", has_noted_key(run_id, alias, records, ordinals))
}

/// A condition that holds for rows of PostgreSQL that one of the run's transactions wrote.
fn bears_mark(run_id: &str, alias: &str, change: Change, narrowed: &str) -> String {
    format!(
        "{alias}.xmin in (
             select mark.xid from {} as mark
             where mark.run_id = {} and mark.change = '{}'
               and txid_snapshot_xmax(txid_current_snapshot()) - mark.transaction
                   < {TRANSACTIONS_A_MARK_LASTS}{narrowed}
         )",
        table(Engine::Postgres, "marks"),
        literal(Engine::Postgres, run_id),
        change.as_str()
    )
}

/// How many rows of a run its target has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// As the run left them.
    pub own: i64,
    /// Found by their keys, and changed since. Where no keys were noted, none are found.
    pub changed: i64,
    /// Written by the run's transactions, though not by the run: a trigger did.
    pub extra: i64,
    /// All rows of the table, whosever they are, where nobody else is to have written to it.
    pub all: Option<i64>,
}

impl Count {
    /// Whether the target has the rows that the run loaded, no more and no fewer. In a table to
    /// which others write, they may have taken some away.
    pub fn is_what_was_loaded(self, loaded: i64) -> bool {
        let there = self.own + self.changed;
        let is_there = match self.all {
            None => there <= loaded,
            Some(all) => there == loaded || self.own <= loaded && all == loaded,
        };
        self.extra == 0 && is_there
    }
}

/// Counts a table's rows of a run.
pub async fn count<S: Session>(
    session: &mut S,
    run_id: &str,
    key: &Key,
    records: &[&TableRecord],
) -> Result<Count> {
    let engine = session.engine();
    let Some(first) = records.first() else {
        return Ok(Count { own: 0, changed: 0, extra: 0, all: None });
    };
    let is_shared = records.iter().any(|record| record.existing != Existing::Refuse);
    let name = quote_table(engine, &first.target);
    if engine != Engine::Postgres {
        let all = number(session, &format!("select cast(count(*) as text) from {name}")).await?;
        if !is_shared {
            return Ok(Count { own: all, changed: 0, extra: 0, all: Some(all) });
        }
        gather(session, run_id, key, records, None).await?;
        let own = is_own(engine, run_id, "t", records, Change::Brought, None);
        let noted = is_noted("t", records, None);
        let sql = format!(
            "select cast(coalesce(sum({own}), 0) as text),
                    cast(coalesce(sum({noted} and not {own}), 0) as text)
             from {name} as t"
        );
        let [own, changed] = numbers(session, &sql).await?;
        return Ok(Count { own, changed, extra: 0, all: None });
    }
    prepare(session, key).await?;
    let own = is_own(engine, run_id, "t", records, Change::Brought, None);
    let touched = bears_mark(run_id, "t", Change::Brought, "");
    let noted =
        if first.made { "false".to_owned() } else { has_noted_key(run_id, "t", records, None) };
    // Rows that are told by their transaction alone are looked at a transaction at once.
    let (rows, count) = if first.made {
        let rows = format!("(select xmin, count(*) as row_count from {name} group by xmin)");
        (rows, "sum(t.row_count)")
    } else {
        (name, "count(*)")
    };
    let sql = format!(
        "select coalesce({count} filter (where {own}), 0)::bigint::text,
                coalesce({count} filter (where not ({own}) and {noted}), 0)::bigint::text,
                coalesce({count} filter (where {touched} and not ({own})), 0)::bigint::text,
                coalesce({count}, 0)::bigint::text
         from {rows} as t"
    );
    let [own, changed, extra, all] = numbers(session, &sql).await?;
    Ok(Count { own, changed, extra, all: (!is_shared).then_some(all) })
}

async fn number<S: Session>(session: &mut S, sql: &str) -> Result<i64> {
    let [number] = numbers(session, sql).await?;
    Ok(number)
}

/// The one row of a statement that yields numbers.
pub(crate) async fn numbers<S: Session, const N: usize>(
    session: &mut S,
    sql: &str,
) -> Result<[i64; N]> {
    let row = session.fetch(sql, &[]).await?.into_iter().next().unwrap_or_default();
    let numbers: Vec<i64> =
        row.into_iter().flatten().filter_map(|cell| cell.parse().ok()).collect();
    numbers.try_into().map_err(|_| unreadable())
}
