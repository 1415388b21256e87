//! What became of the rows, table by table.

use leptos::prelude::*;
use shared::error_code::ErrorCode;
use shared::id::RunId;
use shared::run::{Books, Phase, RunState, TableProgress};

use super::quarantine_of;
use crate::components::{Badge, Icon, ProgressBar, Shape, TableFrame};
use crate::format;
use crate::stores::{RunWatch, Tone};

#[component]
pub(super) fn BooksCard(id: RunId, watch: RunWatch) -> impl IntoView {
    let indexes = Memo::new(move |_| watch.table_indexes());
    let total = Memo::new(move |_| watch.books());
    let id = StoredValue::new(id);
    view! {
        <section class="card" aria-labelledby="books">
            <div class="card-head">
                <h3 id="books">"Books"</h3>
                <BooksVerdict watch/>
            </div>
            <TableFrame label="Books by table">
                <table class="table books">
                    <thead>
                        <tr>
                            <th scope="col">"Table"</th>
                            <th scope="col">"Progress"</th>
                            <th scope="col" class="number">
                                "Read"
                            </th>
                            <th scope="col" class="number">
                                "Loaded"
                            </th>
                            <th scope="col" class="number">
                                "Merged"
                            </th>
                            <th scope="col" class="number">
                                "Filtered"
                            </th>
                            <th scope="col" class="number">
                                "Quarantined"
                            </th>
                            <th scope="col">"Books"</th>
                        </tr>
                    </thead>
                    <tbody>
                        <For each=move || indexes.get() key=|index| *index let:index>
                            <TableRow id=id.get_value() watch index/>
                        </For>
                    </tbody>
                    <tfoot>
                        <tr>
                            <th scope="row">"All tables"</th>
                            <td></td>
                            {COLUMNS
                                .into_iter()
                                .map(|number| {
                                    view! {
                                        <td class="number">
                                            {move || total.with(|it| format::count(number(it)))}
                                        </td>
                                    }
                                })
                                .collect_view()}
                            <td></td>
                        </tr>
                    </tfoot>
                </table>
            </TableFrame>
        </section>
    }
}

/// One number of the books.
type Column = fn(&Books) -> u64;

/// The books' columns, as the head of the table has them.
const COLUMNS: [Column; 5] = [
    |books| books.read,
    |books| books.loaded,
    |books| books.merged,
    |books| books.filtered,
    |books| books.quarantined,
];

/// Whether every row is accounted for. Nothing is said of books that are still open.
#[component]
fn BooksVerdict(watch: RunWatch) -> impl IntoView {
    let verdict =
        Memo::new(move |_| (watch.state(), watch.books_close(), watch.books(), watch.failure()));
    move || {
        let (state, close, books, failure) = verdict.get();
        let refused = failure.is_some_and(|failure| failure.code == ErrorCode::Load005);
        let sum = format::books(&books);
        let so_far = format!(
            "{} of {} rows are accounted for.",
            format::count(books.accounted()),
            format::count(books.read)
        );
        match state {
            Some(RunState::Completed) if close => view! {
                <p class="verdict good">
                    <Icon shape=Shape::Done/>
                    <span>
                        <strong>"The books close."</strong>
                        " "
                        {sum}
                    </span>
                </p>
            }
            .into_any(),
            Some(state) if refused || state == RunState::Completed => view! {
                <p class="verdict bad">
                    <Icon shape=Shape::Warning/>
                    <span>
                        <strong>"The books do not close."</strong>
                        " "
                        {so_far}
                    </span>
                </p>
            }
            .into_any(),
            Some(RunState::RollingBack | RunState::RolledBack) => view! {
                <p class="verdict quiet-text">
                    "The run was undone: this is what it had counted before."
                </p>
            }
            .into_any(),
            Some(RunState::Paused | RunState::Failed) => {
                view! { <p class="verdict quiet-text">"The books are open. " {so_far}</p> }
                    .into_any()
            }
            _ => view! {
                <p class="verdict quiet-text">"The books are open while the run goes on."</p>
            }
            .into_any(),
        }
    }
}

#[component]
fn TableRow(id: RunId, watch: RunWatch, index: u32) -> impl IntoView {
    // Only rows whose table changed are touched.
    let table = Memo::new(move |_| watch.table(index));
    let read = move |get: fn(&TableProgress) -> String| {
        table.with(|table| table.as_ref().map(get).unwrap_or_default())
    };
    let (source, target) = table
        .get_untracked()
        .map(|table| (table.source.to_string(), table.target.to_string()))
        .unwrap_or_default();
    let fraction =
        Signal::derive(move || table.with(|table| table.as_ref().and_then(shown_fraction)));
    let quarantine = quarantine_of(&id, Some(&target), None);
    let quarantined =
        Memo::new(move |_| table.with(|table| table.as_ref().map_or(0, |it| it.books.quarantined)));
    view! {
        <tr>
            <th scope="row">
                <span class="table-target">{target.clone()}</span>
                <span class="quiet-text">{format!("from {source}")}</span>
            </th>
            <td class="table-progress">
                <ProgressBar fraction label=format!("Progress of {target}")/>
                <span class="quiet-text">{move || read(progress_in_words)}</span>
            </td>
            {COLUMNS
                .into_iter()
                .take(4)
                .map(|number| {
                    view! {
                        <td class="number">
                            {move || {
                                table
                                    .with(|table| {
                                        table.as_ref().map(|it| format::count(number(&it.books)))
                                    })
                            }}
                        </td>
                    }
                })
                .collect_view()}
            <td class="number">
                {move || match quarantined.get() {
                    0 => "0".into_any(),
                    count => {
                        view! {
                            <a href=quarantine.clone()>
                                {format::count(count)}
                                <span class="visually-hidden">" rows of this table"</span>
                            </a>
                        }
                            .into_any()
                    }
                }}
            </td>
            <td>
                {move || {
                    table
                        .with(|it| it.as_ref().map(|it| (it.phase, it.books.close())))
                        .map(|(phase, close)| match (phase, close) {
                            (Phase::Done, true) => {
                                view! {
                                    <Badge
                                        tone=Tone::Good
                                        icon=Shape::Check
                                        text="close".to_owned()
                                    />
                                }
                                    .into_any()
                            }
                            (Phase::Done, false) => {
                                view! {
                                    <Badge
                                        tone=Tone::Bad
                                        icon=Shape::Warning
                                        text="do not close".to_owned()
                                    />
                                }
                                    .into_any()
                            }
                            _ => view! { <span class="quiet-text">"open"</span> }.into_any(),
                        })
                }}
            </td>
        </tr>
    }
}

/// A table that waits for its turn has no moving bar.
fn shown_fraction(table: &TableProgress) -> Option<f64> {
    match table.phase {
        Phase::Planning | Phase::Preparing => Some(0.0),
        _ => table.fraction(),
    }
}

fn progress_in_words(table: &TableProgress) -> String {
    match (table.phase, table.chunks_total) {
        (Phase::Copying, total) if total > 0 => {
            format!("{} of {}", table.chunks_done, format::counted(total.into(), "chunk", "chunks"))
        }
        (Phase::Planning, _) => "Waiting".to_owned(),
        (phase, _) => phase.label().to_owned(),
    }
}
