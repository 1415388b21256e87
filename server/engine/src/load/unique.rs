//! Rows that are equal under a key: one of them stays, the others go to quarantine.
//!
//! Which one stays depends on the rows alone, not on the order in which they came: it is the first
//! of them as texts. A run that was interrupted keeps the same one as a run that was not.

use shared::connection::Engine;
use shared::plan::TableMapping;

use super::ledger::Quarantined;
use super::orphans::{Because, carried_columns};
use super::schema::UniqueKey;
use super::{Param, Session};
use crate::error::Result;
use crate::ident::{quote, quote_table};
use crate::map::target_name;
use crate::seal::Key;

/// How many rows are held at once.
const ROWS_AT_ONCE: usize = 1_000;

/// Looks for the rows that have to go. The transaction that is open has them until its end, for
/// [`take_out`].
pub async fn find<S: Session>(
    session: &mut S,
    mapping: &TableMapping,
    key: &UniqueKey<'_>,
) -> Result<()> {
    let engine = Engine::Postgres;
    let table = quote_table(engine, &target_name(engine, &mapping.target));
    let columns: Vec<String> = key.columns.iter().map(|column| quote(engine, column)).collect();
    let list = columns.join(", ");
    let each = |text: &dyn Fn(&String) -> String, with: &str| {
        columns.iter().map(text).collect::<Vec<_>>().join(with)
    };
    // Nulls are never equal.
    let sql = format!(
        "set local cursor_tuple_fraction = 1;
         declare transfuse_equal no scroll cursor for
         select place::text from (
             select transfuse_row.ctid as place,
                    row_number() over (
                        partition by {own}
                        order by transfuse_row::text collate \"C\", transfuse_row.ctid
                    ) as number
             from {table} as transfuse_row
             join (
                 select {list} from {table} where {present}
                 group by {list} having count(*) > 1
             ) as twins on {equal}
         ) as numbered
         where number > 1",
        own = each(&|column| format!("transfuse_row.{column}"), ", "),
        present = each(&|column| format!("{column} is not null"), " and "),
        equal = each(&|column| format!("twins.{column} = transfuse_row.{column}"), " and "),
    );
    session.run_script(&sql).await
}

/// Takes the next of the rows that [`find`] found out of the table and hands them over, sealed;
/// none when there are no more.
pub async fn take_out<S: Session>(
    session: &mut S,
    mapping: &TableMapping,
    key: &UniqueKey<'_>,
    seal_key: &Key,
    mut fresh_id: impl FnMut() -> String,
) -> Result<Vec<Quarantined>> {
    let engine = Engine::Postgres;
    let fetch = format!("fetch {ROWS_AT_ONCE} from transfuse_equal");
    let places: Vec<String> = session
        .fetch(&fetch, &[])
        .await?
        .into_iter()
        .flatten()
        .flatten()
        .map(|place| format!("\"{place}\""))
        .collect();
    if places.is_empty() {
        session.run_script("close transfuse_equal").await?;
        return Ok(Vec::new());
    }
    let names = carried_columns(mapping);
    let texts: Vec<String> =
        names.iter().map(|name| format!("{}::text", quote(engine, name))).collect();
    let sql = format!(
        "delete from {} where ctid = any ($1::text::tid[]) returning {}",
        quote_table(engine, &target_name(engine, &mapping.target)),
        texts.join(", ")
    );
    let rows = session.fetch(&sql, &[Param::Text(&format!("{{{}}}", places.join(",")))]).await?;
    let because = Because::Twice(&key.name);
    rows.into_iter()
        .map(|row| because.quarantined(engine, mapping, &names, row, seal_key, fresh_id()))
        .collect()
}
