//! Reports: what is known of each run, for whoever has to vouch for it.

mod report;
mod sheet;

use leptos::prelude::*;
use leptos_meta::Title;
use shared::id::RunId;
use shared::page::{DEFAULT_LIMIT, Page};
use shared::run::{Progress, Run, RunState};

pub use report::ReportPage;

use super::listed::{Listed, ShowMore};
use crate::api;
use crate::components::{EmptyState, Loaded, Moment, RunStateBadge, Shape, TableFrame};
use crate::format;
use crate::routes;

#[component]
pub fn Reports() -> impl IntoView {
    let first = LocalResource::new(|| api::runs::list(None, DEFAULT_LIMIT));
    view! {
        <Title text="Reports"/>
        <div class="page-head">
            <div>
                <h2>"Reports"</h2>
                <p class="quiet-text">
                    "A report for each run: the books, what stayed in quarantine and what became of \
                    it, verification, decisions, approvals, and who did what. Signed, and without a \
                    patient's value."
                </p>
            </div>
        </div>
        <Loaded resource=first lines=6 let:page>
            <RunList page/>
        </Loaded>
    }
}

/// Where the report of a run is.
fn address_of(run: &RunId) -> String {
    format!("{}/{run}", routes::REPORTS)
}

#[component]
fn RunList(page: Page<Run>) -> impl IntoView {
    let list =
        Listed::new(
            page,
            |after| async move { api::runs::list(after.as_ref(), DEFAULT_LIMIT).await },
        );
    if list.items.with_untracked(Vec::is_empty) {
        return view! {
            <section class="card">
                <EmptyState
                    icon=Shape::Reports
                    title="No reports yet"
                    text="Each run has one: the books of every table, what stayed in quarantine and \
                    why, and who did what."
                >
                    <a class="button primary" href=format!("{}/runs", routes::MIGRATION)>
                        "Start a run"
                    </a>
                </EmptyState>
            </section>
        }
        .into_any();
    }
    view! {
        <TableFrame label="Runs with a report">
            <table class="table">
                <thead>
                    <tr>
                        <th scope="col">"Report of"</th>
                        <th scope="col">"State"</th>
                        <th scope="col" class="number">
                            "Loaded"
                        </th>
                        <th scope="col" class="number">
                            "Quarantined"
                        </th>
                        <th scope="col">"Began"</th>
                        <th scope="col">"By"</th>
                    </tr>
                </thead>
                <tbody>
                    <For each=move || list.items.get() key=|run| run.id.clone() let:run>
                        <RunRow run/>
                    </For>
                </tbody>
            </table>
        </TableFrame>
        <ShowMore list text="Show older runs"/>
    }
    .into_any()
}

#[component]
fn RunRow(run: Run) -> impl IntoView {
    let books = run.progress.as_ref().map(Progress::books).unwrap_or_default();
    let name = format!("{}, version {}", run.plan_name, run.plan_version);
    // Nothing is in the target of a run that did not begin.
    let name = if run.state == RunState::Planned {
        name.into_any()
    } else {
        view! { <a href=address_of(&run.id)>{name}</a> }.into_any()
    };
    view! {
        <tr>
            <th scope="row">{name}</th>
            <td>
                <RunStateBadge state=run.state/>
            </td>
            <td class="number">{format::count(books.loaded)}</td>
            <td class="number">{format::count(books.quarantined)}</td>
            <td>
                <Moment time=run.created_at/>
            </td>
            <td>{run.started_by}</td>
        </tr>
    }
}
