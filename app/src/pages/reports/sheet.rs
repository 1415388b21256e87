//! A part of a report: rows under a head.

use leptos::prelude::*;

use crate::components::TableFrame;

/// A cell of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cell {
    Text(String),
    Number(String),
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Option<String>> for Cell {
    fn from(text: Option<String>) -> Self {
        Self::Text(text.unwrap_or_default())
    }
}

impl From<u64> for Cell {
    fn from(number: u64) -> Self {
        Self::Number(crate::format::count(number))
    }
}

/// Rows, the first cell of each of which says what it is about.
#[component]
pub(super) fn Sheet(
    #[prop(into)] label: String,
    /// The columns, and whether numbers stand in them.
    head: Vec<(&'static str, bool)>,
    rows: Vec<Vec<Cell>>,
) -> impl IntoView {
    view! {
        <TableFrame label>
            <table class="table">
                <thead>
                    <tr>
                        {head
                            .into_iter()
                            .map(|(name, is_number)| {
                                view! {
                                    <th scope="col" class:number=is_number>
                                        {name}
                                    </th>
                                }
                            })
                            .collect_view()}
                    </tr>
                </thead>
                <tbody>{rows.into_iter().map(|cells| view! { <Row cells/> }).collect_view()}</tbody>
            </table>
        </TableFrame>
    }
}

#[component]
fn Row(cells: Vec<Cell>) -> impl IntoView {
    let mut cells = cells.into_iter();
    let first = match cells.next() {
        Some(Cell::Text(text) | Cell::Number(text)) => text,
        None => String::new(),
    };
    view! {
        <tr>
            <th scope="row">{first}</th>
            {cells
                .map(|cell| match cell {
                    Cell::Text(text) => view! { <td>{text}</td> }.into_any(),
                    Cell::Number(text) => view! { <td class="number">{text}</td> }.into_any(),
                })
                .collect_view()}
        </tr>
    }
}

/// A section of a report: its title, and its rows, or what is said where there are none.
#[component]
pub(super) fn Part(
    /// An id that no other part of the page has.
    id: &'static str,
    title: &'static str,
    head: Vec<(&'static str, bool)>,
    rows: Vec<Vec<Cell>>,
    nothing: &'static str,
) -> impl IntoView {
    let body = if rows.is_empty() {
        view! { <p class="quiet-text">{nothing}</p> }.into_any()
    } else {
        view! { <Sheet label=format!("{title}: the rows") head rows/> }.into_any()
    };
    view! {
        <section class="card" aria-labelledby=id>
            <h3 id=id>{title}</h3>
            {body}
        </section>
    }
}

/// The cells of a row, whatever each of them is.
macro_rules! cells {
    ($($cell:expr),+ $(,)?) => {
        vec![$($crate::pages::reports::sheet::Cell::from($cell)),+]
    };
}

pub(super) use cells;
