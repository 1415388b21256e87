//! PostgreSQL: the numbers of the transactions that wrote a run's rows.

use std::fmt::Write as _;

use shared::assessment::TableName;
use shared::connection::Engine;

use super::{Change, Writer};
use crate::error::Result;
use crate::ident::{literal, quote_table};
use crate::load::ledger::table;
use crate::load::{Param, Session};

/// A transaction's number comes again after 2^32 others. Marks end well before.
pub(super) const TRANSACTIONS_A_MARK_LASTS: i64 = 4_000_000_000;

/// Which numbers are noted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Numbers {
    /// Those of the savepoints that wrote rows, and the transaction's own.
    AllOfIt,
    /// That of the savepoint that is open.
    OfTheSavepoint,
}

/// Notes transactions that wrote rows of a table.
pub(super) async fn keep<S: Session>(
    session: &mut S,
    writer: Writer<'_>,
    target: &TableName,
    change: Change,
    numbers: Numbers,
) -> Result<()> {
    let numbers = match numbers {
        Numbers::AllOfIt => {
            let mut list = "{".to_owned();
            for (place, number) in session.take_transactions().iter().enumerate() {
                // Writing to a String does not fail.
                let _ = write!(list, "{}{number}", if place == 0 { "" } else { "," });
            }
            format!("select unnest('{list}}}'::bigint[]) union select txid_current() % 4294967296")
        }
        // The newest: those around it were there before.
        Numbers::OfTheSavepoint => format!(
            "select transactionid::text::bigint from pg_locks
             where {HELD} order by age(transactionid) limit 1"
        ),
    };
    let sql = format!(
        "insert into {} (run_id, table_index, ordinal, change, relation, xid, transaction)
         select $1, $2::integer, $3::integer, $4, {}::regclass::oid, number::text::xid,
                txid_current()
         from ({numbers}) as part (number)",
        table(Engine::Postgres, "marks"),
        relation(target)
    );
    let params = [
        Param::Text(writer.run_id),
        Param::Int(writer.table_index.into()),
        Param::Int(writer.ordinal.into()),
        Param::Text(change.as_str()),
    ];
    session.execute(&sql, &params).await.map(drop)
}

/// The numbers that the session writes under at the moment: the transaction's, and those of the
/// savepoints that are open and wrote something.
pub(crate) const HELD: &str = "pid = pg_backend_pid() and locktype = 'transactionid'
    and mode = 'ExclusiveLock' and granted";

/// A table's name as a literal that PostgreSQL turns into the table's number.
pub(super) fn relation(target: &TableName) -> String {
    literal(Engine::Postgres, &quote_table(Engine::Postgres, target))
}
