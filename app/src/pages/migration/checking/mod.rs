//! Clinical checks of runs: the list, and having them made.

mod one;
mod findings;
mod threshold;

use leptos::prelude::*;
use shared::clinical::{CheckingCounts, CheckingItem, CheckingState, NewChecking};
use shared::page::{DEFAULT_LIMIT, Page};
use shared::run::Run;

pub(super) use one::CheckingPage;

use super::completed_run::{NoRunYet, WithRun, WithRunsPage};
use super::listed::{Listed, ShowMore};
use super::place::Place;
use crate::api;
use crate::components::{
    Badge, EmptyState, Icon, Moment, NumberCells, NumberHeads, Refusal, SelectField, Shape,
    TableFrame,
};
use crate::format;
use crate::routes;
use crate::stores::Tone;

#[component]
pub fn Checkings() -> impl IntoView {
    view! {
        <WithRunsPage
            title="Clinical checks"
            text="Count, inside both databases, what cannot be true, what is missing, and what has not \
                  the form that was agreed on. No row leaves a database."
            manual=(manual(), "Every check")
            list=|| api::checkings::list(None, None, DEFAULT_LIMIT)
            form=|runs| view! { <StartCard runs/> }.into_any()
            shown=|first| view! { <CheckingList first/> }.into_any()
        />
    }
}

/// Where the manual lists templates and sets.
fn manual() -> String {
    format!("{}/clinical-checks", routes::LIBRARY)
}

/// Has the checks of one of the runs made.
#[component]
fn StartCard(runs: Vec<Run>) -> impl IntoView {
    let Some(form) = WithRun::among(runs) else {
        return view! { <NoRunYet text="There is something to check once a run has completed."/> }
            .into_any();
    };
    let start = form.sender(move |run_id| async move {
        let begun = api::checkings::start(&NewChecking { run_id }).await?;
        Ok(Place::Checking(begun.id))
    });
    let WithRun { choices, run, refusal, is_busy } = form;
    view! {
        <section class="card" aria-labelledby="check-a-run">
            <h3 id="check-a-run">"Check a run"</h3>
            <div class="form-row">
                <SelectField
                    name="check-run"
                    label="Run"
                    value=run
                    choices
                    hint="The checks are those that its plan names."
                />
            </div>
            <Refusal error=refusal/>
            <div class="actions">
                <button type="button" class="button primary" disabled=is_busy on:click=move |_| start()>
                    <Icon shape=Shape::Gauge/>
                    {move || if is_busy.get() { "Starting…" } else { "Check it" }}
                </button>
            </div>
        </section>
    }
    .into_any()
}

#[component]
fn CheckingList(first: Page<CheckingItem>) -> impl IntoView {
    let list = Listed::new(first, |after| async move {
        api::checkings::list(None, after.as_ref(), DEFAULT_LIMIT).await
    });
    view! {
        {move || view! { <CheckingTable checkings=list.items.get()/> }}
        <ShowMore list text="Show older checks"/>
    }
}

/// One number of [`CheckingCounts`], under its name.
type Figure = (&'static str, fn(&CheckingCounts) -> u64);

const FIGURES: [Figure; 5] = [
    ("Fail", |counts| counts.fail),
    ("Error", |counts| counts.error),
    ("Pass with failures", |counts| counts.pass_with_failures),
    ("Pass", |counts| counts.pass),
    ("Not applicable", |counts| counts.not_applicable),
];

#[component]
fn CheckingTable(checkings: Vec<CheckingItem>) -> impl IntoView {
    if checkings.is_empty() {
        return view! {
            <EmptyState
                icon=Shape::Gauge
                title="Nothing has been checked yet"
                text="A copy that is equal can be wrong: what was wrong before is carried over faithfully."
            />
        }
        .into_any();
    }
    view! {
        <TableFrame label="Clinical checks of runs">
            <table class="table">
                <thead>
                    <tr>
                        <th scope="col">"Plan"</th>
                        <th scope="col">"State"</th>
                        <NumberHeads names=FIGURES.map(|(name, _)| name)/>
                        <th scope="col">"At"</th>
                        <th scope="col">"By"</th>
                    </tr>
                </thead>
                <tbody>
                    {checkings
                        .into_iter()
                        .map(|item| view! { <CheckingRow item/> })
                        .collect_view()}
                </tbody>
            </table>
        </TableFrame>
    }
    .into_any()
}

#[component]
fn CheckingRow(item: CheckingItem) -> impl IntoView {
    let numbers = FIGURES.map(|(_, number)| {
        item.counts.as_ref().map(|counts| format::count(number(counts))).unwrap_or_default()
    });
    let by = if item.numbers_of.is_some() {
        format!("{}, judged again", item.started_by)
    } else {
        item.started_by
    };
    view! {
        <tr>
            <th scope="row">
                <a href=Place::Checking(item.id).address()>{item.plan_name}</a>
            </th>
            <td>
                <StateBadge state=item.state passed=item.counts.map(|counts| counts.passed)/>
            </td>
            <NumberCells numbers/>
            <td>
                <Moment time=item.started_at/>
            </td>
            <td>{by}</td>
        </tr>
    }
}

/// Where it stands; once it is completed, whether the data may be used.
#[component]
fn StateBadge(
    state: CheckingState,
    #[prop(optional_no_strip)] passed: Option<bool>,
) -> impl IntoView {
    let (tone, icon, text) = match (state, passed) {
        (CheckingState::Running, _) => (Tone::Info, Shape::Refresh, state.label()),
        (CheckingState::Completed, Some(false)) => (Tone::Bad, Shape::Failed, "Blocked"),
        (CheckingState::Completed, _) => (Tone::Good, Shape::Done, "Not blocked"),
        (CheckingState::Failed, _) => (Tone::Bad, Shape::Failed, state.label()),
    };
    view! { <Badge tone icon text=text.to_owned()/> }
}
