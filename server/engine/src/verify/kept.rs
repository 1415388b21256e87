//! Rows that stay in the target without a reference, because the plan keeps orphans: their legacy
//! key stands in another column. That is right only where the parent is not there.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use shared::assessment::{Catalog, ForeignKey, TableName};
use shared::connection::Engine;
use shared::data_type::DataType;
use shared::plan::{Orphans, TableMapping};

use super::canonical::RowText;
use super::rows::{self, identity_hash};
use super::table::{Comparison, Part};
use crate::error::Result;
use crate::extract::{ChunkRange, Reader};
use crate::ident::{literal, quote, quote_table};
use crate::load::{Session, orphans};
use crate::map::target_name;
use crate::transform::OutputColumn;
use crate::value::Value;

/// A foreign key whose orphans stay.
#[derive(Debug, Clone)]
pub(super) struct KeptReference {
    /// Places of its columns.
    pub(super) columns: Vec<usize>,
    /// The column that keeps the legacy key.
    keep_in: String,
    parent: TableName,
    referenced: Vec<String>,
}

/// The keys of a mapping whose orphans stay, as far as their columns are compared.
pub(super) fn references(
    engine: Engine,
    mapping: &TableMapping,
    target: &Catalog,
    columns: &[OutputColumn],
) -> Vec<KeptReference> {
    let place = |name: &String| columns.iter().position(|column| column.name == *name);
    let keys = mapping.create.iter().flat_map(|shape| &shape.foreign_keys);
    keys.filter_map(|key: &ForeignKey| {
        let Orphans::KeepIn(keep_in) = orphans::policy(mapping, key) else { return None };
        let parent = target_name(engine, &key.references);
        target.table(&parent)?;
        Some(KeptReference {
            columns: key.columns.iter().map(place).collect::<Option<_>>()?,
            keep_in: keep_in.clone(),
            parent,
            referenced: key.referenced_columns.clone(),
        })
    })
    .collect()
}

/// The rows of a part of the target that stayed without one reference.
#[derive(Debug, Clone, Default)]
pub(super) struct Kept {
    rows: Arc<HashSet<u64>>,
    /// What rows of the source refer to whose row of the target does not, as texts.
    sought: BTreeSet<Vec<Vec<u8>>>,
    /// Those of them that are there after all.
    present: BTreeSet<Vec<Vec<u8>>>,
}

impl Kept {
    /// Takes the reference out of a row of the source where the target's row has none and may do
    /// without. True when it did.
    pub(super) fn takes_out(
        &mut self,
        reference: &KeptReference,
        comparison: &Comparison,
        part: &Part,
        text: &RowText,
        values: &mut [Value<'_>],
    ) -> bool {
        let places = || reference.columns.iter().map(|column| part.places[*column]);
        if places().any(|place| values[place].is_null())
            || !self.rows.contains(&identity_hash(comparison, text))
        {
            return false;
        }
        let sought: Vec<Vec<u8>> =
            reference.columns.iter().map(|place| text.field(*place).to_vec()).collect();
        if self.present.contains(&sought) {
            return false;
        }
        self.sought.insert(sought);
        for place in places() {
            values[place] = Value::Null;
        }
        true
    }

    pub(super) fn has_found(&self) -> bool {
        !self.present.is_empty()
    }

    /// Takes over which parents are there.
    pub(super) fn learn(&mut self, other: &Self) {
        self.present.extend(other.present.iter().cloned());
    }

    /// Looks for the parents that should not be there. True when some are: then the rows that
    /// refer to them are to be looked at again.
    pub(super) async fn look<S: Session>(
        &mut self,
        session: &mut S,
        reference: &KeptReference,
        comparison: &Comparison,
    ) -> Result<bool> {
        let sought: Vec<Vec<Vec<u8>>> = std::mem::take(&mut self.sought).into_iter().collect();
        let before = self.present.len();
        for part in sought.chunks(PARENTS_AT_ONCE) {
            for found in present(session, reference, comparison, part).await? {
                self.present.insert(part[found].clone());
            }
        }
        Ok(self.present.len() > before)
    }
}

const PARENTS_AT_ONCE: usize = 200;

/// Reads which rows of a range of the target stayed without the reference.
pub(super) async fn load(
    reader: &mut Reader,
    reference: &KeptReference,
    comparison: &Comparison,
    range: &ChunkRange,
) -> Result<Kept> {
    let engine = comparison.engine;
    let mut conditions: Vec<String> = reference
        .columns
        .iter()
        .map(|place| format!("{} is null", quote(engine, &comparison.columns[*place].name)))
        .collect();
    conditions.push(format!("{} is not null", quote(engine, &reference.keep_in)));
    let mut read = comparison.actual.clone();
    read.query = Some(format!(
        "select * from {} where {}",
        quote_table(engine, &comparison.target),
        conditions.join(" and ")
    ));
    let mut found = HashSet::new();
    rows::actual(reader, comparison, &read, range, |text| {
        found.insert(identity_hash(comparison, text));
        Ok(())
    })
    .await?;
    Ok(Kept { rows: Arc::new(found), ..Kept::default() })
}

/// Which of the parents sought are there, by their places.
async fn present<S: Session>(
    session: &mut S,
    reference: &KeptReference,
    comparison: &Comparison,
    sought: &[Vec<Vec<u8>>],
) -> Result<Vec<usize>> {
    let engine = comparison.engine;
    let names: Vec<String> =
        (0..reference.columns.len()).map(|number| format!("c{number}")).collect();
    let values: Vec<String> = sought
        .iter()
        .enumerate()
        .map(|(number, fields)| {
            let cells = fields.iter().zip(&reference.columns).map(|(field, place)| {
                constant(engine, field, &comparison.columns[*place].data_type)
            });
            let cells: Vec<String> = cells.collect();
            format!("({number}, {})", cells.join(", "))
        })
        .collect();
    let equal: Vec<String> = reference
        .referenced
        .iter()
        .zip(&names)
        .map(|(column, name)| format!("parent.{} = sought.{name}", quote(engine, column)))
        .collect();
    let sql = format!(
        "with sought (place, {}) as (values {})
         select cast(place as text) from sought
         where exists (select 1 from {} as parent where {})",
        names.join(", "),
        values.join(", "),
        quote_table(engine, &reference.parent),
        equal.join(" and ")
    );
    let rows = session.fetch(&sql, &[]).await?;
    Ok(rows.iter().filter_map(|row| row.first()?.as_deref()?.parse().ok()).collect())
}

/// A field of a row's text as a constant of the target's SQL.
pub(super) fn constant(engine: Engine, field: &[u8], data_type: &DataType) -> String {
    let text = String::from_utf8_lossy(super::canonical::plain(field, data_type));
    match engine {
        Engine::Postgres => format!("{}::{data_type}", literal(engine, &text)),
        _ if data_type.is_integer() || matches!(data_type, DataType::Boolean) => {
            match text.as_ref() {
                "t" => "1".to_owned(),
                "f" => "0".to_owned(),
                number => number.to_owned(),
            }
        }
        _ => literal(engine, &text),
    }
}
