//! Rows that stay in the target without a reference, because the plan keeps orphans: their legacy
//! key stands in another column. That is right only where the parent is not there.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use shared::assessment::{Catalog, ForeignKey};
use shared::connection::Engine;
use shared::plan::{Orphans, TableMapping};

use super::canonical::{RowText, value};
use super::rows::{self, identity_hash};
use super::table::{Comparison, Part};
use crate::error::Result;
use crate::extract::{ChunkRange, Reader};
use crate::ident::{quote, quote_table};
use crate::load::row_image::{self, Image, ImageTable};
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
    parent: ImageTable,
    referenced: Vec<usize>,
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
        let parent = target.table(&target_name(engine, &key.references))?;
        let parent = ImageTable::of(engine, parent);
        Some(KeptReference {
            columns: key.columns.iter().map(place).collect::<Option<_>>()?,
            keep_in: keep_in.clone(),
            referenced: parent.places(&key.referenced_columns)?,
            parent,
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
        let lists: Vec<Image> = sought
            .iter()
            .map(|fields| {
                let cells = fields.iter().zip(&reference.columns).map(|(field, place)| {
                    let data_type = &comparison.columns[*place].data_type;
                    value(comparison.engine, field, data_type).unwrap_or(Value::Null)
                });
                cells.collect()
            })
            .collect();
        let there =
            row_image::present(session, &reference.parent, &reference.referenced, &lists).await?;
        let found = sought.into_iter().zip(there).filter(|(_, is_there)| *is_there);
        self.present.extend(found.map(|(fields, _)| fields));
        Ok(self.present.len() > before)
    }
}

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
