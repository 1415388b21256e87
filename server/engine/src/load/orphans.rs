//! Rows whose parent did not arrive: they go to quarantine, or stay without the reference.

mod literal;

use shared::assessment::ForeignKey;
use shared::connection::Engine;
use shared::error_code::ErrorCode;
use shared::plan::{Orphans, TableMapping};
use shared::quarantine::QuarantineState;

use self::literal::read_literal;
use super::ledger::{Quarantined, RowForm, SignedBooks};
use super::mark::{self, TableRecord};
use super::{Param, Session};
use crate::error::Result;
use crate::ident::{quote, quote_table};
use crate::map::target_name;
use crate::seal::{self, Key};
use crate::value::{self, Value};

/// How many rows are held at once.
const ROWS_AT_ONCE: usize = 1_000;

/// Takes the reference, and nothing else, out of the run's rows without a parent. The count is
/// theirs.
pub async fn keep<S: Session>(
    session: &mut S,
    key: &ForeignKey,
    run_id: &str,
    record: &TableRecord,
    seal_key: &Key,
) -> Result<u64> {
    let engine = session.engine();
    let nulls: Vec<String> =
        key.columns.iter().map(|column| format!("{} = null", quote(engine, column))).collect();
    let condition = has_no_parent(engine, key);
    mark::rewrite(session, seal_key, run_id, record, &nulls.join(", "), &condition).await
}

/// Looks for the rows without a parent. The transaction that is open has them until its end, for
/// [`take_out`].
pub async fn find<S: Session>(
    session: &mut S,
    mapping: &TableMapping,
    key: &ForeignKey,
) -> Result<()> {
    let engine = session.engine();
    if engine != Engine::Postgres {
        return Ok(());
    }
    let table = quote_table(engine, &target_name(engine, &mapping.target));
    let sql = format!(
        "declare transfuse_orphans no scroll cursor for
         select child.ctid::text from {table} as child where {}",
        has_no_parent(engine, key)
    );
    session.run_script(&sql).await
}

/// Takes the next of the rows that [`find`] found out of the table and hands them over, sealed;
/// none when there are no more.
pub async fn take_out<S: Session>(
    session: &mut S,
    mapping: &TableMapping,
    key: &ForeignKey,
    seal_key: &Key,
    mut fresh_id: impl FnMut() -> String,
) -> Result<Vec<Quarantined>> {
    let engine = session.engine();
    let table = quote_table(engine, &target_name(engine, &mapping.target));
    let names = carried_columns(mapping);
    let texts: Vec<String> = names
        .iter()
        .map(|name| match engine {
            Engine::Postgres => format!("child.{}::text", quote(engine, name)),
            _ => literal::exactly(&quote(engine, name)),
        })
        .collect();
    let (condition, texts) = (has_no_parent(engine, key), texts.join(", "));
    let rows = if engine == Engine::Postgres {
        let fetch = format!("fetch {ROWS_AT_ONCE} from transfuse_orphans");
        let places = session.fetch(&fetch, &[]).await?.into_iter().flatten().flatten();
        let places: Vec<String> = places.map(|place| format!("\"{place}\"")).collect();
        if places.is_empty() {
            session.run_script("close transfuse_orphans").await?;
            return Ok(Vec::new());
        }
        let sql = format!(
            "delete from {table} as child
             where child.ctid = any ($1::text::tid[]) and {condition} returning {texts}"
        );
        session.fetch(&sql, &[Param::Text(&format!("{{{}}}", places.join(",")))]).await?
    } else {
        let sql = format!(
            "delete from {table} where rowid in (
                select rowid from {table} as child where {condition} limit {ROWS_AT_ONCE}
            ) returning {texts}"
        );
        session.fetch(&sql, &[]).await?
    };
    let state = match policy(mapping, key) {
        Orphans::Park => QuarantineState::Parked,
        Orphans::Quarantine | Orphans::KeepIn(_) => QuarantineState::New,
    };
    rows.into_iter()
        .map(|row| {
            Ok(Quarantined {
                id: fresh_id(),
                code: ErrorCode::Data008,
                column: key.columns.first().cloned(),
                reason: no_parent(key),
                state,
                form: RowForm::Target,
                sealed: sealed(engine, &names, row, seal_key)?,
            })
        })
        .collect()
}

/// The columns of a table that a mapping fills.
pub(super) fn carried_columns(mapping: &TableMapping) -> Vec<&str> {
    mapping
        .columns
        .iter()
        .flat_map(|column| [Some(&column.target), column.keep_raw_in.as_ref()])
        .flatten()
        .map(String::as_str)
        .collect()
}

/// Seals a row of the target, whose values are texts: those of SQLite as its literals.
pub(super) fn sealed(
    engine: Engine,
    names: &[&str],
    row: Vec<Option<String>>,
    key: &Key,
) -> Result<Vec<u8>> {
    let cells = names.iter().zip(row).map(|(name, text)| {
        let value = match (text, engine) {
            (None, _) => Value::Null,
            (Some(text), Engine::Sqlite) => read_literal(&text),
            (Some(text), _) => Value::Text(text.into()),
        };
        (*name, value)
    });
    seal::seal(key, &value::to_sealed_form(cells))
}

/// What is wrong with a row without its parent.
pub fn no_parent(key: &ForeignKey) -> String {
    format!("the row that {} refers to is not in {}", key.name, key.references)
}

/// What the plan says of a foreign key's orphans.
pub fn policy<'a>(mapping: &'a TableMapping, key: &ForeignKey) -> &'a Orphans {
    const QUARANTINE: &Orphans = &Orphans::Quarantine;
    mapping.orphans.get(&key.name).unwrap_or(QUARANTINE)
}

/// The correction that so many rows taken out make to the books.
pub fn correction(rows: usize) -> SignedBooks {
    let rows = i64::try_from(rows).unwrap_or(i64::MAX);
    SignedBooks { loaded: -rows, quarantined: rows, ..SignedBooks::default() }
}

/// The condition under which a row, called `child`, refers to nothing by the key.
pub fn has_no_parent(engine: Engine, key: &ForeignKey) -> String {
    let parent = quote_table(engine, &target_name(engine, &key.references));
    let present: Vec<String> = key
        .columns
        .iter()
        .map(|column| format!("child.{} is not null", quote(engine, column)))
        .collect();
    let equal: Vec<String> = key
        .columns
        .iter()
        .zip(&key.referenced_columns)
        .map(|(column, referenced)| {
            format!("parent.{} = child.{}", quote(engine, referenced), quote(engine, column))
        })
        .collect();
    format!(
        "{} and not exists (select 1 from {parent} as parent where {})",
        present.join(" and "),
        equal.join(" and ")
    )
}
