//! Runs: the list, and starting one.

use leptos::prelude::*;
use leptos_meta::Title;
use shared::id::PlanId;
use shared::page::{DEFAULT_LIMIT, Page};
use shared::plan::PlanSummary;
use shared::run::{Progress, Run};
use shared::user::Permission;

use super::listed::{Listed, ShowMore};
use super::place::Place;
use super::start_run::StartRun;
use crate::api;
use crate::browser;
use crate::components::{
    Choice, EmptyState, Loaded, Moment, RunStateBadge, SelectField, Shape, TableFrame,
};
use crate::format;
use crate::stores::Session;

#[component]
pub fn Runs() -> impl IntoView {
    let session = Session::expect();
    let known = LocalResource::new(|| async {
        futures::try_join!(api::runs::list(None, DEFAULT_LIMIT), api::plans::list())
    });
    view! {
        <Title text="Runs"/>
        <div class="page-head">
            <div>
                <h2>"Runs"</h2>
                <p class="quiet-text">
                    "Each execution of a plan, latest first. A run that stopped can go on."
                </p>
            </div>
            <div class="actions">
                <a class="button" href=Place::Rehearsals.address()>
                    "Rehearsals"
                </a>
            </div>
        </div>
        <Loaded resource=known lines=6 let:known>
            {
                let (runs, plans) = known;
                view! {
                    <Show when=move || session.may(Permission::ControlRuns)>
                        <StartCard plans=plans.items.clone()/>
                    </Show>
                    <RunList first=runs/>
                }
            }
        </Loaded>
    }
}

/// A run of one of the plans.
#[component]
fn StartCard(plans: Vec<PlanSummary>) -> impl IntoView {
    if plans.is_empty() {
        return view! {
            <section class="card">
                <p>
                    "A run needs a plan. " <a href=Place::Plans.address()>"Draft one"</a> "."
                </p>
            </section>
        }
        .into_any();
    }
    let choices: Vec<_> = plans
        .iter()
        .map(|plan| {
            Choice::new(plan.id.as_str(), format!("{}, version {}", plan.name, plan.version))
        })
        .collect();
    let chosen = RwSignal::new(choices[0].value.clone());
    let plan = Signal::derive(move || PlanId::parse(chosen.get()).ok());
    view! {
        <section class="card" aria-labelledby="start-a-run">
            <h3 id="start-a-run">"Start a run"</h3>
            <div class="form-row">
                <SelectField name="run-plan" label="Plan" value=chosen choices/>
            </div>
            <StartRun plan/>
        </section>
    }
    .into_any()
}

#[component]
fn RunList(first: Page<Run>) -> impl IntoView {
    let list =
        Listed::new(
            first,
            |after| async move { api::runs::list(after.as_ref(), DEFAULT_LIMIT).await },
        );
    view! {
        {move || view! { <RunTable runs=list.items.get()/> }}
        <ShowMore list text="Show older runs"/>
    }
}

/// Runs with what became of them.
#[component]
pub(super) fn RunTable(runs: Vec<Run>) -> impl IntoView {
    if runs.is_empty() {
        return view! {
            <EmptyState
                icon=Shape::Play
                title="Nothing has run yet"
                text="A run reads the source, applies the plan's rules, and writes the target."
            />
        }
        .into_any();
    }
    view! {
        <TableFrame label="Runs">
            <table class="table">
                <thead>
                    <tr>
                        <th scope="col">"Plan"</th>
                        <th scope="col">"State"</th>
                        <th scope="col" class="number">
                            "Rows read"
                        </th>
                        <th scope="col" class="number">
                            "Loaded"
                        </th>
                        <th scope="col" class="number">
                            "Quarantined"
                        </th>
                        <th scope="col">"Began"</th>
                        <th scope="col">"Took"</th>
                        <th scope="col">"By"</th>
                    </tr>
                </thead>
                <tbody>
                    {runs.into_iter().map(|run| view! { <RunRow run/> }).collect_view()}
                </tbody>
            </table>
        </TableFrame>
    }
    .into_any()
}

#[component]
fn RunRow(run: Run) -> impl IntoView {
    let books = run.progress.as_ref().map(Progress::books).unwrap_or_default();
    let took = run
        .started_at
        .map(|from| format::span(from, run.ended_at.unwrap_or_else(browser::now)))
        .unwrap_or_default();
    view! {
        <tr>
            <th scope="row">
                <a href=Place::Run(run.id).address()>
                    {run.plan_name} <span class="visually-hidden">", "</span>
                    <span class="quiet-text">{format!(" v{}", run.plan_version)}</span>
                </a>
            </th>
            <td>
                <RunStateBadge state=run.state/>
            </td>
            <td class="number">{format::count(books.read)}</td>
            <td class="number">{format::count(books.loaded)}</td>
            <td class="number">{format::count(books.quarantined)}</td>
            <td>
                <Moment time=run.created_at/>
            </td>
            <td>{took}</td>
            <td>{run.started_by}</td>
        </tr>
    }
}
