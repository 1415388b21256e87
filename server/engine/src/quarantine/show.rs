//! One row: the form of its values, the values themselves where somebody may see them, and all
//! that was done with it.

use std::collections::BTreeMap;

use shared::page::Page;
use shared::quarantine::{
    QuarantinedCell, QuarantinedDetail, QuarantinedRow, RevealedCell, RevealedRow, Selection,
};

use super::kept::{self, Cells, Conditions, Kept, Pages};
use super::lane::Lanes;
use super::list::{COLUMNS, shown};
use super::{Quarantine, Question, mask, record, unreadable};
use crate::error::Result;
use crate::load::{Param, Session, blueprint, ledger};
use crate::transform::text_of;
use crate::value::Value;

pub(super) struct Show<'a> {
    pub quarantine: Quarantine<'a>,
    pub row: &'a str,
}

impl Question for Show<'_> {
    type Answer = Option<QuarantinedDetail>;

    async fn ask<S: Session>(self, session: &mut S) -> Result<Option<QuarantinedDetail>> {
        let Some((row, original, current)) = find(session, self.quarantine, self.row).await? else {
            return Ok(None);
        };
        let steps = record::steps_of(session, self.row).await?;
        Ok(Some(QuarantinedDetail { row, cells: masked(&original, &current), steps }))
    }
}

pub(super) struct Reveal<'a> {
    pub quarantine: Quarantine<'a>,
    pub row: &'a str,
}

impl Question for Reveal<'_> {
    type Answer = Option<RevealedRow>;

    async fn ask<S: Session>(self, session: &mut S) -> Result<Option<RevealedRow>> {
        let Some((row, original, current)) = find(session, self.quarantine, self.row).await? else {
            return Ok(None);
        };
        let cells = pairs(&original, &current)
            .map(|(name, original, current)| RevealedCell {
                column: name.to_owned(),
                original: text(original),
                current: text(current),
            })
            .collect();
        Ok(Some(RevealedRow { row, cells }))
    }
}

/// Rows of a page, with the form of their values.
pub(super) struct Masked<'a> {
    pub quarantine: Quarantine<'a>,
    pub page: Page<QuarantinedRow>,
}

impl Question for Masked<'_> {
    type Answer = Page<QuarantinedDetail>;

    async fn ask<S: Session>(self, session: &mut S) -> Result<Page<QuarantinedDetail>> {
        let Quarantine { run, key, .. } = self.quarantine;
        let mut items = Vec::with_capacity(self.page.items.len());
        let mut lanes = None;
        let rows: Vec<_> = self.page.items.iter().map(|row| row.id.clone()).collect();
        let mut cells = BTreeMap::new();
        if !rows.is_empty() {
            let selection = Selection { rows, ..Selection::default() };
            let mut pages = Pages::new(Conditions::of_run(run), &selection);
            while let Some(found) = pages.next(session, key).await? {
                for kept in found {
                    let id = kept.id.clone();
                    let (original, current) =
                        decoded(session, self.quarantine, &mut lanes, kept).await?;
                    cells.insert(id, masked(&original, &current));
                }
            }
        }
        for row in self.page.items {
            let cells = cells.remove(row.id.as_str()).unwrap_or_default();
            items.push(QuarantinedDetail { row, cells, steps: Vec::new() });
        }
        Ok(Page { items, next: self.page.next })
    }
}

/// The cells of two versions of a row, masked.
pub(super) fn masked(original: &Cells, current: &Cells) -> Vec<QuarantinedCell> {
    pairs(original, current)
        .map(|(name, original, current)| QuarantinedCell {
            column: name.to_owned(),
            original: mask::shape(original),
            current: mask::shape(current),
            is_changed: original != current,
        })
        .collect()
}

/// Both versions have the same columns in the same order.
fn pairs<'c>(
    original: &'c Cells,
    current: &'c Cells,
) -> impl Iterator<Item = (&'c str, &'c Value<'static>, &'c Value<'static>)> {
    original
        .iter()
        .zip(current)
        .map(|((name, original), (_, current))| (name.as_str(), original, current))
}

/// The row as it may be listed, its original and its current values.
async fn find<S: Session>(
    session: &mut S,
    quarantine: Quarantine<'_>,
    id: &str,
) -> Result<Option<(QuarantinedRow, Cells, Cells)>> {
    let Quarantine { run, key, .. } = quarantine;
    let Some(kept) = kept::find(session, run, id, key).await? else { return Ok(None) };
    let sql = format!(
        "select {COLUMNS} from {} as q where q.id = $1",
        ledger::table(session.engine(), "quarantine")
    );
    let rows = session.fetch(&sql, &[Param::Text(id)]).await?;
    let row = shown(run, rows.into_iter().next().ok_or_else(unreadable)?)?;
    let (original, current) = decoded(session, quarantine, &mut None, kept).await?;
    Ok(Some((row, original, current)))
}

/// What came as PostgreSQL's bytes is decoded by the run's blueprint, which is read once.
pub(super) async fn decoded<'a, S: Session>(
    session: &mut S,
    quarantine: Quarantine<'a>,
    lanes: &mut Option<Lanes<'a>>,
    kept: Kept,
) -> Result<(Cells, Cells)> {
    let is_raw = |(_, value): &(String, Value<'_>)| matches!(value, Value::Raw(_));
    if !kept.original.iter().chain(&kept.current).any(is_raw) {
        return Ok((kept.original, kept.current));
    }
    if lanes.is_none()
        && let Some(blueprint) = blueprint::find(session, quarantine.run.as_str()).await?
    {
        let target = session.catalog().await?;
        *lanes = Some(Lanes::new(blueprint, None, target, quarantine.key));
    }
    let Some(lanes) = lanes else { return Ok((kept.original, kept.current)) };
    let lane = lanes.get(kept.table_index)?;
    Ok((lane.decoded(&kept.original), lane.decoded(&kept.current)))
}

fn text(value: &Value<'_>) -> Option<String> {
    match value {
        Value::Null => None,
        Value::Bytes(bytes) | Value::Raw(bytes) => Some(hexadecimal(bytes)),
        Value::Invalid(_, bytes) => Some(match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => hexadecimal(bytes),
        }),
        other => text_of(other.clone()).ok().map(std::borrow::Cow::into_owned),
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    let literal = crate::ident::hex_literal(bytes);
    format!("\\x{}", literal.trim_matches(['x', '\'']))
}
