//! How many rows there are for which reason.

use leptos::prelude::*;
use shared::id::RunId;
use shared::quarantine::{QuarantineCount, QuarantineFilter};

use super::quarantine_where;
use crate::components::TableFrame;
use crate::format;

/// One cause usually explains most of the rows.
#[component]
pub(super) fn Causes(id: RunId, counts: Vec<QuarantineCount>) -> impl IntoView {
    let mut counts = counts;
    counts.sort_by_key(|count| std::cmp::Reverse(count.rows));
    let total: u64 = counts.iter().map(|count| count.rows).sum();
    view! {
        <section class="card" aria-labelledby="causes">
            <div class="card-head">
                <h3 id="causes">"By cause"</h3>
                <p class="quiet-text">{format::counted(total, "row", "rows")}</p>
            </div>
            <CountTable
                label="Quarantined rows by cause"
                counts
                address=move |filter: QuarantineFilter| Some(quarantine_where(&id, &filter))
            />
        </section>
    }
}

/// Rows counted by what is wrong with them.
#[component]
pub(super) fn CountTable(
    #[prop(into)] label: String,
    counts: Vec<QuarantineCount>,
    /// Where the rows of a count are listed, if anywhere.
    #[prop(into)]
    address: Callback<QuarantineFilter, Option<String>>,
) -> impl IntoView {
    view! {
        <TableFrame label>
            <table class="table">
                <thead>
                    <tr>
                        <th scope="col">"Cause"</th>
                        <th scope="col">"Table"</th>
                        <th scope="col">"Column"</th>
                        <th scope="col" class="number">
                            "Rows"
                        </th>
                    </tr>
                </thead>
                <tbody>
                    {counts
                        .into_iter()
                        .map(|count| view! { <CountRow count address/> })
                        .collect_view()}
                </tbody>
            </table>
        </TableFrame>
    }
}

#[component]
fn CountRow(
    count: QuarantineCount,
    address: Callback<QuarantineFilter, Option<String>>,
) -> impl IntoView {
    let filter = QuarantineFilter {
        table: Some(count.target.clone()),
        code: Some(count.code),
        column: count.column.clone(),
        state: None,
    };
    let cause = move || {
        view! {
            <code>{count.code.as_str()}</code>
            " "
            {count.code.explanation().title}
        }
    };
    view! {
        <tr>
            <th scope="row">
                {match address.run(filter) {
                    Some(address) => view! { <a href=address>{cause()}</a> }.into_any(),
                    None => cause().into_any(),
                }}
            </th>
            <td>{count.target.to_string()}</td>
            <td>{count.column}</td>
            <td class="number">{format::count(count.rows)}</td>
        </tr>
    }
}
