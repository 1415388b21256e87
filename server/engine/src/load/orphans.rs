//! Rows whose parent did not arrive: they go to quarantine, or stay without the reference.

mod literal;

use shared::assessment::{ForeignKey, TableName};
use shared::connection::Engine;
use shared::error_code::ErrorCode;
use shared::plan::{Orphans, TableMapping};
use shared::quarantine::QuarantineState;

use self::literal::read_literal;
use super::before_image::{self, ImageOf};
use super::claim::Claim;
use super::ledger::{Quarantined, RowForm, SignedBooks};
use super::mark::{self, Change, TableRecord};
use super::{Param, Session};
use crate::error::Result;
use crate::ident::{quote, quote_table};
use crate::map::target_name;
use crate::seal::{self, Key};
use crate::value::{self, Value};

/// How many rows are held at once.
const ROWS_AT_ONCE: usize = 1_000;

/// A run's rows in one table of the target. Rows of others are never touched, with or without
/// their parents.
#[derive(Debug, Clone, Copy)]
pub struct OwnRows<'a> {
    /// The right to commit for the run.
    pub claim: &'a Claim,
    /// All mappings of the run that lead into the table.
    pub records: &'a [&'a TableRecord],
    /// What tells the rows, and what they are sealed with.
    pub key: &'a Key,
}

impl OwnRows<'_> {
    /// A condition that holds for rows, called `child`, that the run brought.
    pub fn brought(&self, engine: Engine) -> String {
        mark::is_own(engine, &self.claim.run_id, "child", self.records, Change::Brought, None)
    }
}

/// How many rows without a parent a table has, whosever they are.
pub async fn count<S: Session>(
    session: &mut S,
    table: &TableName,
    key: &ForeignKey,
) -> Result<i64> {
    let engine = session.engine();
    let sql = format!(
        "select cast(count(*) as text) from {} as child where {}",
        quote_table(engine, table),
        has_no_parent(engine, key)
    );
    let [rows] = mark::numbers(session, &sql).await?;
    Ok(rows)
}

/// Takes the reference, and nothing else, out of the run's rows without a parent, in the
/// transaction that is open. The count is theirs.
pub async fn keep<S: Session>(session: &mut S, key: &ForeignKey, own: OwnRows<'_>) -> Result<u64> {
    own.claim.hold(session).await?;
    let engine = session.engine();
    let nulls: Vec<String> =
        key.columns.iter().map(|column| format!("{} = null", quote(engine, column))).collect();
    let condition = has_no_parent(engine, key);
    mark::rewrite(session, own.key, &own.claim.run_id, own.records, &nulls.join(", "), &condition)
        .await
}

/// Finds the run's rows, for [`take_out`].
pub async fn find_own<S: Session>(session: &mut S, own: OwnRows<'_>) -> Result<()> {
    mark::prepare(session, own.key).await?;
    mark::gather(session, &own.claim.run_id, own.key, own.records, None).await
}

/// Looks for the run's rows without a parent, after [`find_own`]. The transaction that is open has
/// them until its end, for [`take_out`].
pub async fn find<S: Session>(
    session: &mut S,
    mapping: &TableMapping,
    key: &ForeignKey,
    own: OwnRows<'_>,
) -> Result<()> {
    own.claim.hold(session).await?;
    let engine = session.engine();
    if engine != Engine::Postgres {
        return Ok(());
    }
    let table = quote_table(engine, &target_name(engine, &mapping.target));
    let sql = format!(
        "set local cursor_tuple_fraction = 1;
         declare transfuse_orphans no scroll cursor for
         select child.ctid::text from {table} as child where {} and {}",
        has_no_parent(engine, key),
        own.brought(engine)
    );
    session.run_script(&sql).await
}

/// Takes the next of the rows that [`find`] found out of the table and hands them over, sealed;
/// none when there are no more.
pub async fn take_out<S: Session>(
    session: &mut S,
    mapping: &TableMapping,
    key: &ForeignKey,
    own: OwnRows<'_>,
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
                select rowid from {table} as child where {condition} and {} limit {ROWS_AT_ONCE}
            ) returning {texts}",
            own.brought(engine)
        );
        session.fetch(&sql, &[]).await?
    };
    rows.into_iter()
        .map(|row| {
            let because = Because::NoParent(key);
            because.quarantined(engine, mapping, &names, row, own.key, fresh_id())
        })
        .collect()
}

/// Makes the run's rows without a parent that were there before what they were, and hands over what
/// was written over them, sealed: those of one chunk, after [`find_own`], in the transaction that
/// is open.
pub async fn take_back<S: Session>(
    session: &mut S,
    mapping: &TableMapping,
    of: (&TableRecord, i32),
    key: &ForeignKey,
    own: OwnRows<'_>,
    fresh_id: impl FnMut() -> String,
) -> Result<Vec<Quarantined>> {
    let engine = session.engine();
    let condition = refers_to_nothing(engine, "t", key);
    let text = |column: &str| match engine {
        Engine::Postgres => format!("t.{}::text", quote(engine, column)),
        _ => literal::exactly(&format!("t.{}", quote(engine, column))),
    };
    let because = Because::NoParent(key);
    take_back_where(session, mapping, of, because, own, (&condition, text), fresh_id).await
}

/// The same of rows, called `t`, for which a condition holds, each column of which is told by a text.
pub(super) async fn take_back_where<S: Session>(
    session: &mut S,
    mapping: &TableMapping,
    (record, ordinal): (&TableRecord, i32),
    because: Because<'_>,
    own: OwnRows<'_>,
    (condition, text): (&str, impl Fn(&str) -> String),
    mut fresh_id: impl FnMut() -> String,
) -> Result<Vec<Quarantined>> {
    let engine = session.engine();
    let run_id = &own.claim.run_id;
    let names = carried_columns(mapping);
    // Where it lies comes first: SQLite's rows are noted by it.
    let mut texts = vec![match engine {
        Engine::Postgres => "null::text".to_owned(),
        _ => "cast(t._rowid_ as text)".to_owned(),
    }];
    texts.extend(names.iter().map(|name| text(name)));
    let changed = mark::is_own(engine, run_id, "t", &[record], Change::Changed, Some(&[ordinal]));
    let condition = format!("{changed} and {condition}");
    let of = ImageOf { target: &record.target, key: &record.key };
    let owner = before_image::owner(run_id, record.table_index, ordinal);
    let taken = before_image::take_back(session, own.key, &owner, of, &condition, &texts).await?;
    let mut ids = Vec::new();
    let mut rows = Vec::with_capacity(taken.len());
    for mut row in taken {
        ids.extend(row.remove(0).and_then(|id| id.parse::<i64>().ok()));
        rows.push(because.quarantined(engine, mapping, &names, row, own.key, fresh_id())?);
    }
    if !rows.is_empty() {
        mark::forget_changed(session, run_id, record, &ids).await?;
    }
    Ok(rows)
}

/// Why a row that was in goes.
#[derive(Debug, Clone, Copy)]
pub enum Because<'a> {
    NoParent(&'a ForeignKey),
    /// Another row is equal under the unique key of this name.
    Twice(&'a str),
}

impl Because<'_> {
    /// A row of the target, whose values are texts, as it goes into quarantine.
    pub(super) fn quarantined(
        self,
        engine: Engine,
        mapping: &TableMapping,
        names: &[&str],
        row: Vec<Option<String>>,
        seal_key: &Key,
        id: String,
    ) -> Result<Quarantined> {
        let sealed = sealed(engine, names, row, seal_key)?;
        let (code, column, reason, state) = match self {
            Self::NoParent(key) => {
                let column = key.columns.first().cloned();
                (ErrorCode::Data008, column, no_parent(key), state(mapping, key))
            }
            Self::Twice(name) => {
                (ErrorCode::Data009, None, format!("constraint {name}"), QuarantineState::New)
            }
        };
        Ok(Quarantined { id, code, column, reason, state, form: RowForm::Target, sealed })
    }
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
fn sealed(engine: Engine, names: &[&str], row: Vec<Option<String>>, key: &Key) -> Result<Vec<u8>> {
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

/// In what state rows without their parent come into quarantine.
pub(super) fn state(mapping: &TableMapping, key: &ForeignKey) -> QuarantineState {
    match policy(mapping, key) {
        Orphans::Park => QuarantineState::Parked,
        Orphans::Quarantine | Orphans::KeepIn(_) => QuarantineState::New,
    }
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

/// The correction that rows taken out, and rows that are what they were before, make to the books.
pub fn correction(taken_out: usize, taken_back: usize) -> SignedBooks {
    let count = |rows: usize| i64::try_from(rows).unwrap_or(i64::MAX);
    let (loaded, merged) = (count(taken_out), count(taken_back));
    let quarantined = loaded.saturating_add(merged);
    SignedBooks { loaded: -loaded, merged: -merged, quarantined, ..SignedBooks::default() }
}

/// The condition under which a row, called `child`, refers to nothing by the key.
pub fn has_no_parent(engine: Engine, key: &ForeignKey) -> String {
    refers_to_nothing(engine, "child", key)
}

fn refers_to_nothing(engine: Engine, child: &str, key: &ForeignKey) -> String {
    let parent = quote_table(engine, &target_name(engine, &key.references));
    let present: Vec<String> = key
        .columns
        .iter()
        .map(|column| format!("{child}.{} is not null", quote(engine, column)))
        .collect();
    let equal: Vec<String> = key
        .columns
        .iter()
        .zip(&key.referenced_columns)
        .map(|(column, referenced)| {
            format!("parent.{} = {child}.{}", quote(engine, referenced), quote(engine, column))
        })
        .collect();
    format!(
        "{} and not exists (select 1 from {parent} as parent where {})",
        present.join(" and "),
        equal.join(" and ")
    )
}
