//! Which rows would be refused for what other rows are: twins under a unique key, and rows whose
//! parent did not come.
//!
//! Keys are held as digests in a file that is removed at the end, so that tables of any size take
//! little memory. The digests are keyed at random: nobody can tell a value from them, here or
//! later.

use std::collections::BTreeMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};

use shared::assessment::TableName;
use shared::error_code::ErrorCode;
use tempfile::TempDir;

use crate::connect::sqlite::classify_rows;
use crate::error::{EngineError, Result};
use crate::value::{Value, display};

/// Digests of the key columns of one target table, for some of its rows.
pub(super) struct KeyRows {
    /// The target table's place.
    pub(super) table: usize,
    /// The mapping's place in the plan.
    pub(super) mapping: usize,
    /// One after the other, as many for each row as the table has key columns.
    pub(super) digests: Vec<Option<i64>>,
}

/// A table of the target, and the columns of it that keys are made of.
#[derive(Debug, Clone, Default)]
pub(super) struct KeyTable {
    pub(super) columns: Vec<String>,
    /// Unique keys, each as places in `columns`, in the order in which they are made.
    pub(super) unique: Vec<(String, Vec<usize>)>,
}

/// A foreign key between two tables of the scratch file.
#[derive(Debug, Clone)]
pub(super) struct KeyReference {
    pub(super) name: String,
    pub(super) child: usize,
    pub(super) columns: Vec<usize>,
    pub(super) parent: usize,
    pub(super) parent_columns: Vec<usize>,
    /// The first column, by which a row in quarantine is told.
    pub(super) column: String,
    /// Rows without a parent stay, without the reference.
    pub(super) keeps: bool,
}

/// Rows of one mapping that would go to quarantine for one reason.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Refusal {
    pub(super) mapping: usize,
    pub(super) code: ErrorCode,
    pub(super) column: Option<String>,
    /// The name of the key.
    pub(super) key: String,
}

/// Digests values with a key of its own.
#[derive(Clone, Default)]
pub(super) struct Digester(RandomState);

impl Digester {
    /// The same for values that are equal to the target; none for null.
    pub(super) fn digest(&self, value: &Value<'_>) -> Option<i64> {
        let mut hasher = self.0.build_hasher();
        match value {
            Value::Null => return None,
            Value::Bytes(bytes) | Value::Raw(bytes) | Value::Invalid(_, bytes) => {
                hasher.write(bytes);
            }
            Value::Decimal(text) if text.contains('.') => {
                hasher.write(text.trim_end_matches('0').trim_end_matches('.').as_bytes());
            }
            other => hasher.write(display(other).unwrap_or_default().as_bytes()),
        }
        Some(hasher.finish().cast_signed())
    }
}

pub(super) struct Scratch {
    connection: rusqlite::Connection,
    tables: Vec<KeyTable>,
    /// Removed when it is dropped.
    _folder: TempDir,
}

impl Scratch {
    pub(super) fn new(tables: Vec<KeyTable>) -> Result<Self> {
        let folder = tempfile::tempdir().map_err(|error| {
            EngineError::new(ErrorCode::Sys003, "making a scratch file").because(error)
        })?;
        let connection = rusqlite::Connection::open(folder.path().join("keys")).map_err(failed)?;
        connection
            .execute_batch(
                "pragma journal_mode = off; pragma synchronous = off; pragma locking_mode = exclusive;
                 pragma cache_size = -16384; begin;",
            )
            .map_err(failed)?;
        for (place, table) in tables.iter().enumerate() {
            let columns = each(table.columns.len(), |column| format!(", c{column} integer"));
            let sql = format!("create table t{place} (id integer primary key, m integer{columns})");
            connection.execute_batch(&sql).map_err(failed)?;
        }
        Ok(Self { connection, tables, _folder: folder })
    }

    pub(super) fn add(&mut self, rows: &KeyRows) -> Result<()> {
        let width = self.tables[rows.table].columns.len();
        if width == 0 {
            return Ok(());
        }
        let names = each(width, |column| format!(", c{column}"));
        let places = each(width, |column| format!(", ?{}", column + 2));
        let sql = format!("insert into t{} (m{names}) values (?1{places})", rows.table);
        let mut statement = self.connection.prepare(&sql).map_err(failed)?;
        let mapping = i64::try_from(rows.mapping).unwrap_or(i64::MAX);
        for row in rows.digests.chunks_exact(width) {
            let cells = std::iter::once(Some(mapping)).chain(row.iter().copied());
            statement.execute(rusqlite::params_from_iter(cells)).map_err(failed)?;
        }
        Ok(())
    }

    /// Takes rows out as a run would, and counts them: first twins, then rows without a parent
    /// until no key finds any.
    pub(super) fn settle(&mut self, references: &[KeyReference]) -> Result<BTreeMap<Refusal, u64>> {
        let mut counts = BTreeMap::new();
        for table in 0..self.tables.len() {
            for (name, columns) in self.tables[table].unique.clone() {
                self.take_out_twins(table, &name, &columns, &mut counts)?;
            }
        }
        for reference in references {
            let columns: Vec<String> =
                reference.parent_columns.iter().map(|column| format!("c{column}")).collect();
            let sql = format!(
                "create index if not exists i{}_{} on t{} ({})",
                reference.parent,
                columns.join("_"),
                reference.parent,
                columns.join(", ")
            );
            self.connection.execute_batch(&sql).map_err(failed)?;
        }
        let mut due: Vec<&KeyReference> = references.iter().collect();
        while !due.is_empty() {
            let mut lost = Vec::new();
            for reference in &due {
                if self.take_out_orphans(reference, &mut counts)? {
                    lost.push(reference.child);
                }
            }
            due = references.iter().filter(|reference| lost.contains(&reference.parent)).collect();
        }
        Ok(counts)
    }

    fn take_out_twins(
        &self,
        table: usize,
        name: &str,
        columns: &[usize],
        counts: &mut BTreeMap<Refusal, u64>,
    ) -> Result<()> {
        let columns: Vec<String> = columns.iter().map(|column| format!("c{column}")).collect();
        let present: Vec<String> =
            columns.iter().map(|column| format!("{column} is not null")).collect();
        let sql = format!(
            "delete from t{table} where id in (
                 select id from (
                     select id, row_number() over (partition by {} order by id) as number
                     from t{table} where {}
                 ) where number > 1
             ) returning m",
            columns.join(", "),
            present.join(" and ")
        );
        self.count(&sql, counts, |mapping| Refusal {
            mapping,
            code: ErrorCode::Data009,
            column: None,
            key: name.to_owned(),
        })
        .map(drop)
    }

    /// True when rows went.
    fn take_out_orphans(
        &self,
        reference: &KeyReference,
        counts: &mut BTreeMap<Refusal, u64>,
    ) -> Result<bool> {
        let KeyReference { child, parent, .. } = reference;
        let present: Vec<String> =
            reference.columns.iter().map(|column| format!("child.c{column} is not null")).collect();
        let equal: Vec<String> = reference
            .columns
            .iter()
            .zip(&reference.parent_columns)
            .map(|(column, of)| format!("parent.c{of} = child.c{column}"))
            .collect();
        let orphans = format!(
            "select id from t{child} as child where {} and not exists (
                 select 1 from t{parent} as parent where {})",
            present.join(" and "),
            equal.join(" and ")
        );
        if reference.keeps {
            let nulls: Vec<String> =
                reference.columns.iter().map(|column| format!("c{column} = null")).collect();
            let sql = format!("update t{child} set {} where id in ({orphans})", nulls.join(", "));
            self.connection.execute(&sql, []).map_err(failed)?;
            return Ok(false);
        }
        let sql = format!("delete from t{child} where id in ({orphans}) returning m");
        let went = self.count(&sql, counts, |mapping| Refusal {
            mapping,
            code: ErrorCode::Data008,
            column: Some(reference.column.clone()),
            key: reference.name.clone(),
        })?;
        Ok(went > 0)
    }

    fn count(
        &self,
        sql: &str,
        counts: &mut BTreeMap<Refusal, u64>,
        refusal: impl Fn(usize) -> Refusal,
    ) -> Result<u64> {
        let mut statement = self.connection.prepare(sql).map_err(failed)?;
        let mut rows = statement.query([]).map_err(failed)?;
        let mut by_mapping: BTreeMap<i64, u64> = BTreeMap::new();
        while let Some(row) = rows.next().map_err(failed)? {
            *by_mapping.entry(row.get(0).map_err(failed)?).or_default() += 1;
        }
        let all = by_mapping.values().sum();
        for (mapping, rows) in by_mapping {
            let mapping = usize::try_from(mapping).unwrap_or(usize::MAX);
            *counts.entry(refusal(mapping)).or_default() += rows;
        }
        Ok(all)
    }
}

/// What a quarantined row would be told.
pub(super) fn reason(refusal: &Refusal, parent: Option<&TableName>) -> String {
    match parent {
        Some(parent) => {
            format!("the row that {} refers to is not in {parent}", refusal.key)
        }
        None => format!("constraint {}", refusal.key),
    }
}

/// What is written for each of so many columns.
fn each(columns: usize, write: impl Fn(usize) -> String) -> String {
    (0..columns).map(write).collect::<Vec<_>>().concat()
}

fn failed(error: rusqlite::Error) -> EngineError {
    classify_rows(error, "holding keys against each other")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key_table(columns: &[&str], unique: &[usize]) -> KeyTable {
        KeyTable {
            columns: columns.iter().map(|&name| name.to_owned()).collect(),
            unique: vec![("pkey".to_owned(), unique.to_vec())],
        }
    }

    fn reference(keeps: bool) -> KeyReference {
        KeyReference {
            name: "fkey".to_owned(),
            child: 1,
            columns: vec![1],
            parent: 0,
            parent_columns: vec![0],
            column: "parent_id".to_owned(),
            keeps,
        }
    }

    #[track_caller]
    fn settled(keeps: bool) -> Vec<(usize, ErrorCode, u64)> {
        let tables = vec![key_table(&["id"], &[0]), key_table(&["id", "parent_id"], &[0])];
        let mut scratch = Scratch::new(tables).unwrap();
        // 2 is there twice: one of it stays, and its children have their parent.
        let parents = [1, 2, 2].map(Some).to_vec();
        scratch.add(&KeyRows { table: 0, mapping: 0, digests: parents }).unwrap();
        let children = [[1, 1], [2, 2], [3, 9]].map(|row| row.map(Some)).concat();
        scratch.add(&KeyRows { table: 1, mapping: 1, digests: children }).unwrap();
        scratch.add(&KeyRows { table: 1, mapping: 2, digests: vec![Some(4), None] }).unwrap();
        let counts = scratch.settle(&[reference(keeps)]).unwrap();
        counts.into_iter().map(|(it, rows)| (it.mapping, it.code, rows)).collect()
    }

    #[test]
    fn twins_and_orphans_are_counted_and_nulls_are_neither() {
        assert_eq!(settled(false), [(0, ErrorCode::Data009, 1), (1, ErrorCode::Data008, 1)]);
    }

    #[test]
    fn orphans_that_the_plan_keeps_are_not_counted() {
        assert_eq!(settled(true), [(0, ErrorCode::Data009, 1)]);
    }

    #[test]
    fn decimals_are_equal_whatever_their_zeros() {
        let digester = Digester::default();
        let of = |text: &'static str| digester.digest(&Value::Decimal(text.into()));
        assert_eq!(of("1.50"), of("1.5"));
        assert_eq!(of("10"), of("10"));
        assert_ne!(of("10"), of("1"));
        assert_eq!(digester.digest(&Value::Null), None);
    }
}
