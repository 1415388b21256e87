//! References that are put in after the rows, because the keys that hold them lead in a circle: what
//! they are is kept beside the ledger until then, in the same commit as the rows.

use std::collections::BTreeSet;

use shared::assessment::{ForeignKey, Table, TableName};
use shared::connection::Engine;
use shared::error_code::ErrorCode;
use shared::plan::TableMapping;

use super::ledger::{Quarantined, table};
use super::mark::{self, Change, TableRecord, key_text};
use super::orphans::{self, Because, OwnRows, carried_columns};
use super::{Param, Session};
use crate::error::{EngineError, Result};
use crate::ident::{literal, quote, quote_table};
use crate::map::circle::SetAside;
use crate::map::target_name;

/// How many rows are taken out in one transaction.
const ROWS_AT_ONCE: usize = 1_000;

/// Every reference here is one of PostgreSQL: no other target checks while rows come in.
const ENGINE: Engine = Engine::Postgres;

/// What of a table's rows comes after the rows.
#[derive(Debug, Default)]
pub struct Deferred {
    /// The columns that wait.
    pub columns: Vec<String>,
    /// Those of a row that is there already keep what they refer to until then, for as long as these
    /// columns, which are of the same keys, stay what they are. None where a unique index is over
    /// any that wait: rows may have changed places.
    pub kept_with: Option<Vec<String>>,
}

impl Deferred {
    /// That of the table at a place in the plan, as the target has it.
    pub fn of(aside: &[SetAside], index: usize, table: &Table) -> Self {
        let own = aside.iter().filter(|aside| aside.index == index);
        let columns: BTreeSet<&String> =
            own.flat_map(|aside| &aside.columns).map(|(name, _)| name).collect();
        let is_over_any = |names: &[String]| names.iter().any(|name| columns.contains(name));
        let is_unique = table.indexes.iter().any(|i| i.unique && is_over_any(&i.columns));
        let keys = table.foreign_keys.iter().filter(|key| is_over_any(&key.columns));
        let beside: BTreeSet<&String> =
            keys.flat_map(|key| &key.columns).filter(|name| !columns.contains(name)).collect();
        Self {
            kept_with: (!is_unique).then(|| beside.into_iter().cloned().collect()),
            columns: columns.into_iter().cloned().collect(),
        }
    }

    /// What a column has until then in a row `t` that is there, over which a row `s` is written;
    /// none when the column does not wait.
    pub(super) fn meanwhile(&self, column: &str) -> Option<String> {
        self.columns.iter().find(|waiting| *waiting == column)?;
        let name = quote(ENGINE, column);
        let Some(kept_with) = &self.kept_with else {
            return Some(format!("nullif(s.{name}, s.{name})"));
        };
        let mut goes = vec![format!("s.{name} is null")];
        goes.extend(kept_with.iter().map(|other| {
            let other = quote(ENGINE, other);
            format!("t.{other} is distinct from s.{other}")
        }));
        Some(format!("case when {} then null else t.{name} end", goes.join(" or ")))
    }
}

pub(super) fn create_statement() -> String {
    format!(
        "create table if not exists {} (
            run_id text not null,
            table_index integer not null,
            -- The row's key as one text, and what its columns that wait will be.
            row_key text not null,
            held jsonb not null,
            primary key (run_id, table_index, row_key)
        )",
        table(ENGINE, "deferred")
    )
}

/// Keeps what rows refer to, called `s` in the statement of which `rows` is the rest.
pub(super) async fn keep<S: Session>(
    session: &mut S,
    run_id: &str,
    record: &TableRecord,
    columns: &[String],
    rows: &str,
) -> Result<()> {
    let held: Vec<String> = columns
        .iter()
        .map(|name| format!("{}, s.{}::text", literal(ENGINE, name), quote(ENGINE, name)))
        .collect();
    let any: Vec<String> =
        columns.iter().map(|name| format!("s.{} is not null", quote(ENGINE, name))).collect();
    let sql = format!(
        "insert into {} (run_id, table_index, row_key, held)
         select $1, {}, {}, jsonb_build_object({}) from {rows} and ({})
         on conflict (run_id, table_index, row_key) do update set held = excluded.held",
        table(ENGINE, "deferred"),
        record.table_index,
        key_text("s", &record.key),
        held.join(", "),
        any.join(" or ")
    );
    session.execute(&sql, &[Param::Text(run_id)]).await.map(drop)
}

/// Whether the run keeps any.
pub async fn are_any<S: Session>(session: &mut S, run_id: &str) -> Result<bool> {
    let sql = format!("select '1' from {} where run_id = $1 limit 1", table(ENGINE, "deferred"));
    Ok(!session.fetch(&sql, &[Param::Text(run_id)]).await?.is_empty())
}

/// Forgets them, once they are all put in.
pub async fn forget<S: Session>(session: &mut S, run_id: &str) -> Result<()> {
    let sql = format!("delete from {} where run_id = $1", table(ENGINE, "deferred"));
    session.execute(&sql, &[Param::Text(run_id)]).await.map(drop)
}

/// A key that was set aside, with the run's rows in its table.
#[derive(Debug, Clone, Copy)]
pub struct Waiting<'a> {
    pub aside: &'a SetAside,
    pub own: OwnRows<'a>,
}

impl Waiting<'_> {
    /// What one of the key's columns will be, of a row under that name.
    fn value(&self, alias: &str, column: &str) -> String {
        let held = self.aside.columns.iter().find(|(name, _)| name == column);
        match held {
            None => format!("{alias}.{}", quote(ENGINE, column)),
            Some((_, native_type)) => format!(
                "(select (held.held ->> {})::{native_type} from {} as held where {})",
                literal(ENGINE, column),
                table(ENGINE, "deferred"),
                self.is_of("held", alias)
            ),
        }
    }

    fn is_of(&self, held: &str, alias: &str) -> String {
        let index = self.aside.index;
        let mut records = self.own.records.iter();
        let record = records.find(|record| record.table_index as usize == index);
        format!(
            "{held}.run_id = {} and {held}.table_index = {index} and {held}.row_key = {}",
            literal(ENGINE, &self.own.claim.run_id),
            key_text(alias, record.map_or(&[], |record| &record.key))
        )
    }

    /// A condition that holds for rows of which any column of the key is still to be put in, or all
    /// that may be.
    fn waits(&self, alias: &str, any_or_all: &str) -> String {
        let present: Vec<String> = self
            .aside
            .columns
            .iter()
            .map(|(name, _)| format!("held.held ->> {} is not null", literal(ENGINE, name)))
            .collect();
        format!(
            "exists (select 1 from {} as held where {} and ({}))",
            table(ENGINE, "deferred"),
            self.is_of("held", alias),
            present.join(any_or_all)
        )
    }

    fn is_held(&self, column: &str) -> bool {
        self.aside.columns.iter().any(|(name, _)| name == column)
    }

    /// A condition that holds for rows whose reference is still to be put in, and whose parent is not
    /// there.
    pub fn waits_in_vain(&self, alias: &str) -> String {
        let key = &self.aside.key;
        // One null is enough to refer to nothing.
        let rest = key.columns.iter().filter(|name| !self.is_held(name));
        let rest: Vec<String> =
            rest.map(|name| format!(" and {alias}.{} is not null", quote(ENGINE, name))).collect();
        let equal: Vec<String> = key
            .columns
            .iter()
            .zip(&key.referenced_columns)
            .map(|(column, referenced)| {
                format!("parent.{} = {}", quote(ENGINE, referenced), self.value(alias, column))
            })
            .collect();
        format!(
            "{}{} and not exists (select 1 from {} as parent where {})",
            self.waits(alias, " and "),
            rest.concat(),
            quote_table(ENGINE, &target_name(ENGINE, &key.references)),
            equal.join(" and ")
        )
    }

    /// Puts the references in, all at once: rows of one table may refer to each other. Meant to run
    /// in a transaction.
    pub async fn put_in<S: Session>(&self, session: &mut S, in_vain: InVain) -> Result<u64> {
        self.own.claim.hold(session).await?;
        let set: Vec<String> = self
            .aside
            .columns
            .iter()
            .map(|(name, _)| {
                let (column, value) = (quote(ENGINE, name), self.value("child", name));
                match in_vain {
                    InVain::Went => format!("{column} = {value}"),
                    InVain::Stay => {
                        let in_vain = self.waits_in_vain("child");
                        format!("{column} = case when {in_vain} then null else {value} end")
                    }
                }
            })
            .collect();
        let condition = self.waits("child", " or ");
        let (run_id, records) = (&self.own.claim.run_id, self.own.records);
        mark::rewrite(session, self.own.key, run_id, records, &set.join(", "), &condition).await
    }

    /// How many rows still wait because somebody else wrote to them since they came in.
    pub async fn left_alone<S: Session>(&self, session: &mut S) -> Result<u64> {
        let OwnRows { claim, records, .. } = self.own;
        let Some(record) = records.first() else { return Ok(0) };
        let own = |change| mark::is_own(ENGINE, &claim.run_id, "child", records, change, None);
        let sql = format!(
            "select count(*)::text from {} as child where {} and not ({} or {})",
            quote_table(ENGINE, &record.target),
            self.waits("child", " or "),
            own(Change::Brought),
            own(Change::Changed)
        );
        let [rows] = mark::numbers(session, &sql).await?;
        Ok(u64::try_from(rows).unwrap_or_default())
    }
}

/// What becomes of rows whose parent is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InVain {
    /// They were taken out before, or are what they were.
    Went,
    /// They stay without the reference.
    Stay,
}

/// A condition that holds for rows, under that name, that refer by a key to a row, called `child`,
/// for which a condition holds.
pub fn refers_to_one_of(
    alias: &str,
    table: &TableName,
    key: &ForeignKey,
    condition: &str,
) -> String {
    let equal: Vec<String> = key
        .columns
        .iter()
        .zip(&key.referenced_columns)
        .map(|(column, referenced)| {
            format!("child.{} = referring.{}", quote(ENGINE, referenced), quote(ENGINE, column))
        })
        .collect();
    format!(
        "{alias}.ctid in (
             select referring.ctid from {} as referring
             join {} as child on {} where {condition}
         )",
        quote_table(ENGINE, table),
        quote_table(ENGINE, &target_name(ENGINE, &key.references)),
        equal.join(" and ")
    )
}

/// Rows that go.
#[derive(Debug, Clone, Copy)]
pub struct Taking<'a> {
    pub mapping: &'a TableMapping,
    pub because: Because<'a>,
    pub own: OwnRows<'a>,
    /// The table's keys that were set aside.
    pub aside: &'a [SetAside],
}

impl Taking<'_> {
    /// Takes up to a thousand rows, called `child`, for which a condition holds out of the table
    /// and hands them over, sealed, with the references that they would have had. Meant to run in a
    /// transaction.
    pub async fn take_out<S: Session>(
        &self,
        session: &mut S,
        condition: &str,
        mut fresh_id: impl FnMut() -> String,
    ) -> Result<Vec<Quarantined>> {
        self.own.claim.hold(session).await?;
        let target = target_name(ENGINE, &self.mapping.target);
        let name = quote_table(ENGINE, &target);
        let names = carried_columns(self.mapping);
        let texts: Vec<String> = names.iter().map(|column| self.text("taken", column)).collect();
        let sql = format!(
            "delete from {name} as taken where ctid in (
                 select child.ctid from {name} as child where {condition} limit {ROWS_AT_ONCE}
             ) returning {}",
            texts.join(", ")
        );
        let rows = session.fetch(&sql, &[]).await.map_err(|error| match error.code() {
            // Somebody else's row refers to it by now.
            ErrorCode::Data008 => {
                let doing = format!("taking rows without their parent out of {target}");
                EngineError::new(ErrorCode::Load004, doing).because(error)
            }
            _ => error,
        })?;
        let quarantined = |row| {
            self.because.quarantined(ENGINE, self.mapping, &names, row, self.own.key, fresh_id())
        };
        rows.into_iter().map(quarantined).collect()
    }

    /// Whether the run wrote over rows, called `t`, for which a condition holds.
    pub async fn are_any_written_over<S: Session>(
        &self,
        session: &mut S,
        condition: &str,
    ) -> Result<bool> {
        let run_id = &self.own.claim.run_id;
        let changed = mark::is_own(ENGINE, run_id, "t", self.own.records, Change::Changed, None);
        let sql = format!(
            "select '1' from {} as t where {changed} and {condition} limit 1",
            quote_table(ENGINE, &target_name(ENGINE, &self.mapping.target))
        );
        Ok(!session.fetch(&sql, &[]).await?.is_empty())
    }

    /// Makes rows of one chunk that were there before, called `t`, for which a condition holds, what
    /// they were, and hands over what was written over them, sealed, with the references that they
    /// would have had. Meant to run in a transaction.
    pub async fn take_back<S: Session>(
        &self,
        session: &mut S,
        of: (&TableRecord, i32),
        condition: &str,
        fresh_id: impl FnMut() -> String,
    ) -> Result<Vec<Quarantined>> {
        self.own.claim.hold(session).await?;
        let text = |column: &str| self.text("t", column);
        let rows = (condition, text);
        orphans::take_back_where(session, self.mapping, of, self.because, self.own, rows, fresh_id)
            .await
    }

    fn text(&self, alias: &str, column: &str) -> String {
        format!("({})::text", self.value(alias, column))
    }

    /// What a column has in the end.
    fn value(&self, alias: &str, column: &str) -> String {
        let own = format!("{alias}.{}", quote(ENGINE, column));
        let aside = self.aside.iter().find(|a| a.columns.iter().any(|(held, _)| held == column));
        aside.map_or(own.clone(), |aside| {
            let waiting = Waiting { aside, own: self.own };
            format!("coalesce({}, {own})", waiting.value(alias, column))
        })
    }

    /// A condition that holds for rows that wait for a reference, and will be equal under a unique
    /// key to one that stays: the first as texts, but rows that do not wait come before all others.
    pub fn will_be_twice(&self, alias: &str, columns: &[String]) -> String {
        let waits: Vec<String> = self
            .aside
            .iter()
            .map(|aside| Waiting { aside, own: self.own }.waits("transfuse_row", " or "))
            .collect();
        let waits = waits.join(" or ");
        let values: Vec<String> =
            columns.iter().map(|column| self.value("transfuse_row", column)).collect();
        let present: Vec<String> =
            values.iter().map(|value| format!("{value} is not null")).collect();
        format!(
            "{alias}.ctid in (
                 select place from (
                     select transfuse_row.ctid as place, ({waits}) as waits,
                            row_number() over (
                                partition by {}
                                order by ({waits}), transfuse_row::text collate \"C\", transfuse_row.ctid
                            ) as number
                     from {} as transfuse_row where {}
                 ) as claims where waits and number > 1
             )",
            values.join(", "),
            quote_table(ENGINE, &target_name(ENGINE, &self.mapping.target)),
            present.join(" and ")
        )
    }
}
