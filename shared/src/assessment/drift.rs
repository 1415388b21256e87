//! How the values of a source changed between two looks at them.

use serde::{Deserialize, Serialize};

use super::{ColumnProfile, TableName, TableProfile};

/// One thing that changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Drift {
    pub table: TableName,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    pub kind: DriftKind,
    /// As it was; nothing where the thing is new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// As it is; nothing where the thing is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub now: Option<String>,
}

/// What kind of change it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DriftKind {
    /// A table that was there before is gone, or the other way round.
    Table,
    /// So is a column.
    Column,
    /// Rows that were looked at, by more than a tenth.
    Rows,
    /// The share of rows without a value, by more than five hundredths.
    Nulls,
    /// Different values, by more than a half.
    Distinct,
    /// Bounds of numbers, dates and times.
    Bounds,
    /// Lengths of texts.
    Length,
    /// The most frequent form of texts.
    Form,
}

impl DriftKind {
    /// What people read.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Column => "column",
            Self::Rows => "rows",
            Self::Nulls => "rows without a value",
            Self::Distinct => "different values",
            Self::Bounds => "bounds",
            Self::Length => "length of texts",
            Self::Form => "most frequent form",
        }
    }
}

/// What changed from one profile of a source to a later one, table by table.
pub fn drift(before: &[TableProfile], now: &[TableProfile]) -> Vec<Drift> {
    let mut changes = Vec::new();
    for old in before {
        if !now.iter().any(|new| new.table == old.table) {
            changes.push(change(&old.table, None, DriftKind::Table, Some("there"), None));
        }
    }
    for new in now {
        match before.iter().find(|old| old.table == new.table) {
            Some(old) => of_table(old, new, &mut changes),
            None => changes.push(change(&new.table, None, DriftKind::Table, None, Some("there"))),
        }
    }
    changes
}

fn of_table(before: &TableProfile, now: &TableProfile, changes: &mut Vec<Drift>) {
    let table = &now.table;
    // Of a sample, the number says how many were asked for.
    if !before.is_sample && !now.is_sample && differs(before.rows, now.rows, 10) {
        let (old, new) = (before.rows.to_string(), now.rows.to_string());
        changes.push(change(table, None, DriftKind::Rows, Some(&old), Some(&new)));
    }
    for old in &before.columns {
        if !now.columns.iter().any(|new| new.name == old.name) {
            let (name, there) = (Some(old.name.as_str()), Some("there"));
            changes.push(change(table, name, DriftKind::Column, there, None));
        }
    }
    for new in &now.columns {
        let name = Some(new.name.as_str());
        match before.columns.iter().find(|old| old.name == new.name) {
            Some(old) => {
                let is_same_look = before.is_sample == now.is_sample;
                for (kind, old, new) in of_column((before.rows, old), (now.rows, new), is_same_look)
                {
                    changes.push(change(table, name, kind, old.as_deref(), new.as_deref()));
                }
            }
            None => changes.push(change(table, name, DriftKind::Column, None, Some("there"))),
        }
    }
}

type Told = (DriftKind, Option<String>, Option<String>);

fn of_column(
    (rows_before, before): (u64, &ColumnProfile),
    (rows_now, now): (u64, &ColumnProfile),
    is_same_look: bool,
) -> Vec<Told> {
    let mut told = Vec::new();
    let (old, new) = (percent(before.nulls, rows_before), percent(now.nulls, rows_now));
    if old.abs_diff(new) > 5 {
        told.push((DriftKind::Nulls, Some(format!("{old} %")), Some(format!("{new} %"))));
    }
    if is_same_look && differs(before.distinct, now.distinct, 50) {
        let (old, new) = (before.distinct.to_string(), now.distinct.to_string());
        told.push((DriftKind::Distinct, Some(old), Some(new)));
    }
    let bounds = |it: &ColumnProfile| range(it.least.as_deref(), it.greatest.as_deref());
    let lengths = |it: &ColumnProfile| {
        let text = |number: Option<u64>| number.map(|number| number.to_string());
        range(text(it.shortest).as_deref(), text(it.longest).as_deref())
    };
    let form = |it: &ColumnProfile| it.formats.first().map(|form| form.text.clone());
    for (kind, old, new) in [
        (DriftKind::Bounds, bounds(before), bounds(now)),
        (DriftKind::Length, lengths(before), lengths(now)),
        (DriftKind::Form, form(before), form(now)),
    ] {
        if old != new {
            told.push((kind, old, new));
        }
    }
    told
}

fn change(
    table: &TableName,
    column: Option<&str>,
    kind: DriftKind,
    before: Option<&str>,
    now: Option<&str>,
) -> Drift {
    let owned = |text: Option<&str>| text.map(str::to_owned);
    Drift {
        table: table.clone(),
        column: owned(column),
        kind,
        before: owned(before),
        now: owned(now),
    }
}

fn range(least: Option<&str>, greatest: Option<&str>) -> Option<String> {
    Some(format!("{} to {}", least?, greatest?))
}

/// Whether a number grew or shrank by more than so many hundredths of what it was.
fn differs(before: u64, now: u64, hundredths: u64) -> bool {
    before.abs_diff(now).saturating_mul(100) > before.saturating_mul(hundredths)
}

fn percent(part: u64, whole: u64) -> u64 {
    part.saturating_mul(100).checked_div(whole).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assessment::Frequent;

    fn profile(rows: u64, columns: Vec<ColumnProfile>) -> TableProfile {
        TableProfile { table: TableName::new(None, "person"), rows, is_sample: false, columns }
    }

    fn column(nulls: u64) -> ColumnProfile {
        ColumnProfile {
            name: "born".to_owned(),
            nulls,
            distinct: 90,
            least: Some("1931".to_owned()),
            greatest: Some("2019".to_owned()),
            formats: vec![Frequent { text: "9999-99-99".to_owned(), rows: 90 }],
            ..ColumnProfile::default()
        }
    }

    #[test]
    fn small_changes_are_none() {
        let before = [profile(100, vec![column(3)])];
        let now = [profile(109, vec![column(8)])];

        assert!(drift(&before, &now).is_empty());
    }

    #[test]
    fn what_changed_is_told_with_what_it_was() {
        let before = [profile(100, vec![column(0)])];
        let later = ColumnProfile {
            nulls: 30,
            distinct: 30,
            greatest: Some("2026".to_owned()),
            formats: Vec::new(),
            ..column(0)
        };
        let now = [profile(120, vec![later])];

        let kinds: Vec<_> = drift(&before, &now).iter().map(|it| it.kind).collect();
        assert_eq!(
            kinds,
            [
                DriftKind::Rows,
                DriftKind::Nulls,
                DriftKind::Distinct,
                DriftKind::Bounds,
                DriftKind::Form
            ]
        );
        let nulls = &drift(&before, &now)[1];
        assert_eq!((nulls.before.as_deref(), nulls.now.as_deref()), (Some("0 %"), Some("25 %")));
    }

    #[test]
    fn tables_and_columns_come_and_go() {
        let other = TableProfile { table: TableName::new(None, "visit"), ..profile(1, Vec::new()) };
        let before = [profile(1, vec![column(0)])];
        let now = [profile(1, Vec::new()), other];

        let told: Vec<_> =
            drift(&before, &now).into_iter().map(|it| (it.kind, it.now.is_some())).collect();
        assert_eq!(told, [(DriftKind::Column, false), (DriftKind::Table, true)]);
    }
}
