//! What is found before anything moves: asked for, listed, and one of them in full.

mod start;
mod one;
mod findings;
mod forecast;
mod profile;

use leptos::prelude::*;
use leptos_meta::Title;
use shared::assessment::{AssessmentCounts, AssessmentItem, AssessmentState, Readiness};
use shared::event::Topic;
use shared::page::{DEFAULT_LIMIT, Page};
use shared::user::Permission;

pub(super) use one::AssessmentPage;

use super::listed::{Listed, ShowMore};
use super::place::Place;
use crate::api;
use crate::components::{Badge, EmptyState, Loaded, Moment, Shape, TableFrame};
use crate::format;
use crate::stores::{Live, Session, Tone};
use start::StartCard;

#[component]
pub fn Assessments() -> impl IntoView {
    let session = Session::expect();
    let live = Live::expect();
    let plans = LocalResource::new(api::plans::list);
    let first = LocalResource::new(move || {
        live.version(Topic::Assessment);
        async { api::assessments::list(None, DEFAULT_LIMIT).await }
    });
    view! {
        <Title text="Assessment"/>
        <div class="page-head">
            <div>
                <h2>"Assessment"</h2>
                <p class="quiet-text">
                    "What would go wrong, what would stay behind and how long it would take, before \
                    anything moves. Nothing is changed in either database."
                </p>
            </div>
        </div>
        <Show when=move || session.may(Permission::AssessPlans)>
            <Loaded resource=plans let:page>
                <StartCard plans=page.items/>
            </Loaded>
        </Show>
        <Loaded resource=first lines=6 let:page>
            <History page/>
        </Loaded>
    }
}

#[component]
fn History(page: Page<AssessmentItem>) -> impl IntoView {
    let list = Listed::new(page, |after| async move {
        api::assessments::list(after.as_ref(), DEFAULT_LIMIT).await
    });
    if list.items.with_untracked(Vec::is_empty) {
        return view! {
            <EmptyState
                icon=Shape::Shield
                title="Nothing has been assessed yet"
                text="An assessment makes the checks, runs the plan's rules over the rows without \
                writing, and says what it found and what to do about it."
            />
        }
        .into_any();
    }
    view! {
        <TableFrame label="Assessments">
            <table class="table">
                <thead>
                    <tr>
                        <th scope="col">"Plan"</th>
                        <th scope="col">"State"</th>
                        <th scope="col">"Outcome"</th>
                        <th scope="col" class="number">
                            "Blocking"
                        </th>
                        <th scope="col" class="number">
                            "Warnings"
                        </th>
                        <th scope="col" class="number">
                            "Would be quarantined"
                        </th>
                        <th scope="col">"Began"</th>
                        <th scope="col">"By"</th>
                    </tr>
                </thead>
                <tbody>
                    <For each=move || list.items.get() key=|item| item.id.clone() let:item>
                        <HistoryRow item/>
                    </For>
                </tbody>
            </table>
        </TableFrame>
        <ShowMore list text="Show older assessments"/>
    }
    .into_any()
}

#[component]
fn HistoryRow(item: AssessmentItem) -> impl IntoView {
    let counts = item.counts;
    let number = move |get: fn(&AssessmentCounts) -> Option<u64>| {
        counts.as_ref().and_then(get).map(format::count)
    };
    view! {
        <tr>
            <th scope="row">
                <a href=Place::Assessment(item.id).address()>
                    {item.plan_name} <span class="visually-hidden">", "</span>
                    {item
                        .plan_version
                        .map(|version| {
                            view! { <span class="quiet-text">{format!(" v{version}")}</span> }
                        })}
                </a>
            </th>
            <td>
                <StateBadge state=item.state/>
            </td>
            <td>{counts.map(|counts| view! { <ReadinessBadge status=counts.status/> })}</td>
            <td class="number">{number(|counts| Some(counts.blocking))}</td>
            <td class="number">{number(|counts| Some(counts.warnings))}</td>
            <td class="number">{number(|counts| counts.quarantined)}</td>
            <td>
                <Moment time=item.started_at/>
            </td>
            <td>{item.started_by}</td>
        </tr>
    }
}

#[component]
fn StateBadge(state: AssessmentState) -> impl IntoView {
    let (tone, icon) = match state {
        AssessmentState::Running => (Tone::Info, Shape::Refresh),
        AssessmentState::Completed => (Tone::Good, Shape::Done),
        AssessmentState::Failed => (Tone::Bad, Shape::Failed),
        AssessmentState::Stopped => (Tone::Neutral, Shape::Stop),
    };
    view! { <Badge tone icon text=state.label().to_owned()/> }
}

/// Whether a run may begin.
#[component]
fn ReadinessBadge(status: Readiness) -> impl IntoView {
    let (tone, icon) = match status {
        Readiness::Ready => (Tone::Good, Shape::Done),
        Readiness::Warnings => (Tone::Warning, Shape::Warning),
        Readiness::Blocked => (Tone::Bad, Shape::Failed),
    };
    view! { <Badge tone icon text=status.label().to_owned()/> }
}
