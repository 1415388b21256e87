//! What both sides have of somebody, table by table and cell by cell.

use leptos::prelude::*;
use shared::sign_off::{ColumnPair, PairState, RowPair, SideBySide};

use crate::components::{Badge, Shape, TableFrame};
use crate::format;
use crate::stores::Tone;

#[component]
pub(super) fn Sides(tables: Vec<SideBySide>) -> impl IntoView {
    if tables.is_empty() {
        return view! { <p>"The source has no such row any more."</p> }.into_any();
    }
    tables.into_iter().map(|table| view! { <Table table/> }).collect_view().into_any()
}

#[component]
fn Table(table: SideBySide) -> impl IntoView {
    let rows = table.rows.len() as u64;
    let told = if table.has_more {
        format!("the first {}", format::counted(rows, "row", "rows"))
    } else {
        format::counted(rows, "row", "rows")
    };
    let name = table.target.to_string();
    let columns = StoredValue::new(table.columns);
    let rows = (1_u64..)
        .zip(table.rows)
        .map(|(number, row)| view! { <Row label=format!("{name}, row {number}") columns row/> });
    let rows = rows.collect_view();
    view! {
        <h4>
            {name.clone()} " from " {table.source.to_string()} ", " {told}
        </h4>
        {rows}
    }
}

/// A row of its own table, so that what belongs together stands together.
#[component]
fn Row(label: String, columns: StoredValue<Vec<ColumnPair>>, row: RowPair) -> impl IntoView {
    let (tone, icon) = match row.state {
        PairState::Same => (Tone::Good, Shape::Done),
        PairState::Different | PairState::Missing | PairState::Nowhere => {
            (Tone::Bad, Shape::Warning)
        }
        PairState::Extra | PairState::Quarantined => (Tone::Warning, Shape::Warning),
        PairState::Filtered | PairState::Merged => (Tone::Neutral, Shape::Info),
    };
    let lines = columns.with_value(|columns| lines(columns, &row));
    let lines = lines
        .into_iter()
        .map(|line| {
            let class = if line.differs { "differs" } else { "" };
            let mark = line.differs.then_some(" (differs)");
            view! {
                <tr class=class>
                    <th scope="row">
                        {line.name}
                        {mark.map(|mark| view! { <span class="visually-hidden">{mark}</span> })}
                    </th>
                    <td>{cell(line.source, false)}</td>
                    <td>{cell(line.target, line.differs)}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <p>
            <Badge tone icon text=row.state.label().to_owned()/>
        </p>
        <TableFrame label=label>
            <table class="table pair sides">
                <thead>
                    <tr>
                        <th scope="col">"Column"</th>
                        <th scope="col">"Source"</th>
                        <th scope="col">"Target"</th>
                    </tr>
                </thead>
                <tbody>{lines}</tbody>
            </table>
        </TableFrame>
    }
}

fn cell(value: Option<String>, marked: bool) -> AnyView {
    match value {
        None => view! { <span class="quiet-text">"nothing"</span> }.into_any(),
        Some(text) if marked => view! { <mark>{text}</mark> }.into_any(),
        Some(text) => text.into_any(),
    }
}

/// One column of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    name: String,
    source: Option<String>,
    target: Option<String>,
    differs: bool,
}

fn lines(columns: &[ColumnPair], row: &RowPair) -> Vec<Line> {
    let value = |cells: &Option<Vec<Option<String>>>, at: usize| cells.as_ref()?.get(at)?.clone();
    columns
        .iter()
        .enumerate()
        .map(|(at, column)| Line {
            name: name_of(column),
            source: value(&row.source, at),
            target: value(&row.target, at),
            differs: row.differs.iter().any(|place| usize::try_from(*place) == Ok(at)),
        })
        .collect()
}

/// `born_on from born`; one name where both are called so.
fn name_of(column: &ColumnPair) -> String {
    match (&column.source, &column.target) {
        (Some(source), Some(target)) if source == target => target.clone(),
        (Some(source), Some(target)) => format!("{target} from {source}"),
        (Some(source), None) => format!("{source}, source only"),
        (None, Some(target)) => format!("{target}, target only"),
        (None, None) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(source: Option<&str>, target: Option<&str>) -> ColumnPair {
        ColumnPair { source: source.map(str::to_owned), target: target.map(str::to_owned) }
    }

    #[test]
    fn a_column_is_named_by_both_of_its_names() {
        assert_eq!(name_of(&column(Some("id"), Some("id"))), "id");
        assert_eq!(name_of(&column(Some("born"), Some("born_on"))), "born_on from born");
        assert_eq!(name_of(&column(None, Some("made_by"))), "made_by, target only");
        assert_eq!(name_of(&column(Some("suffix"), None)), "suffix, source only");
    }

    #[test]
    fn a_cell_that_differs_is_marked_and_a_side_without_the_row_has_nothing() {
        let columns = [column(Some("id"), Some("id")), column(Some("born"), Some("born"))];
        let cells = |texts: [&str; 2]| Some(texts.map(|text| Some(text.to_owned())).to_vec());
        let mut row = RowPair {
            state: PairState::Different,
            source: cells(["7", "1980-01-01"]),
            target: cells(["7", "1981-01-01"]),
            differs: vec![1],
        };
        let marked: Vec<_> = lines(&columns, &row).into_iter().map(|line| line.differs).collect();
        assert_eq!(marked, [false, true]);
        row.target = None;
        assert!(lines(&columns, &row).iter().all(|line| line.target.is_none()));
    }
}
