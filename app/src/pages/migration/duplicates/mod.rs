//! People who are there twice: the searches, and what can be done with what they found.

mod review;
mod pair;
mod waterfall;
mod thresholds;
mod model;
mod merges;
mod clusters;
mod cluster;

use std::time::Duration;

use leptos::{prelude::*, task::spawn_local};
use leptos_meta::Title;
use shared::id::{MatchingId, PlanId};
use shared::matching::{AutoMerge, Matching, MatchingState, ModelUse};
use shared::page::DEFAULT_LIMIT;
use shared::plan::PlanSummary;
use shared::user::Permission;

pub(super) use cluster::ClusterPage;
pub(super) use clusters::Clusters;
pub(super) use merges::Merges;
pub(super) use model::ModelPage;
pub(super) use review::Review;
pub(super) use thresholds::ThresholdsPage;

use super::listed::{Listed, ShowMore};
use super::place::Place;
use crate::api::{self, ApiError};
use crate::components::{
    Badge, CheckboxField, Choice, EmptyState, Loaded, Moment, Refusal, SelectField, Shape,
    TableFrame,
};
use crate::format;
use crate::stores::{Session, Tone};

/// How often a search that is under way is asked for.
const BETWEEN_LOOKS: Duration = Duration::from_secs(2);

#[component]
pub fn Duplicates() -> impl IntoView {
    let session = Session::expect();
    let known = LocalResource::new(|| async {
        futures::try_join!(api::duplicates::list(None, DEFAULT_LIMIT), api::plans::list())
    });
    let is_running = Signal::derive(move || {
        known.with(|known| match known {
            Some(Ok((searches, _))) => {
                searches.items.iter().any(|search| search.state == MatchingState::Running)
            }
            _ => false,
        })
    });
    let handle = set_interval_with_handle(
        move || {
            if is_running.get_untracked() {
                known.refetch();
            }
        },
        BETWEEN_LOOKS,
    );
    on_cleanup(move || {
        if let Ok(handle) = handle {
            handle.clear();
        }
    });
    view! {
        <Title text="Duplicates"/>
        <div class="page-head">
            <div>
                <h2>"Duplicates"</h2>
                <p class="quiet-text">
                    "People who are in the new database more than once: found, looked at, made one, \
                    and taken apart again."
                </p>
            </div>
        </div>
        <Loaded resource=known lines=6 let:known_now>
            {
                let (searches, plans) = known_now;
                view! {
                    <Show when=move || session.may(Permission::ReviewDuplicates)>
                        <StartCard plans=plans.items.clone() started=move |()| known.refetch()/>
                    </Show>
                    <Searches searches=searches.items/>
                }
            }
        </Loaded>
    }
}

#[component]
fn StartCard(
    plans: Vec<PlanSummary>,
    /// Called when a search is under way.
    #[prop(into)]
    started: Callback<()>,
) -> impl IntoView {
    let choices: Vec<_> =
        plans.iter().map(|plan| Choice::new(plan.id.as_str(), plan.name.clone())).collect();
    let Some(first) = choices.first() else {
        return view! {
            <section class="card">
                <p>
                    "A search needs a plan that says which table holds people. "
                    <a href=Place::Plans.address()>"Draft one"</a> "."
                </p>
            </section>
        }
        .into_any();
    };
    let chosen = RwSignal::new(first.value.clone());
    let learns = RwSignal::new(false);
    let merges = RwSignal::new(false);
    let is_busy = RwSignal::new(false);
    let refusal = RwSignal::new(None::<ApiError>);
    let start = move |_| {
        let Ok(plan) = PlanId::parse(chosen.get_untracked()) else { return };
        is_busy.set(true);
        refusal.set(None);
        spawn_local(async move {
            let model = if learns.get_untracked() { ModelUse::New } else { ModelUse::Known };
            let merge = if merges.get_untracked() { AutoMerge::Merge } else { AutoMerge::Leave };
            match api::duplicates::start(&plan, model, merge).await {
                Ok(_) => started.run(()),
                Err(error) => refusal.set(Some(error)),
            }
            is_busy.set(false);
        });
    };
    view! {
        <section class="card" aria-labelledby="start-a-search">
            <h3 id="start-a-search">"Search"</h3>
            <div class="form-row">
                <SelectField name="search-plan" label="Plan" value=chosen choices/>
            </div>
            <CheckboxField
                name="search-merges"
                label="Merge at once those of whom there is no doubt"
                value=merges
            />
            <CheckboxField
                name="search-learns"
                label="Learn a new model; what people decided stays decided"
                value=learns
            />
            <Refusal error=refusal/>
            <div class="actions">
                <button type="button" class="button primary" disabled=is_busy on:click=start>
                    "Start the search"
                </button>
            </div>
        </section>
    }
    .into_any()
}

#[component]
fn Searches(searches: Vec<Matching>) -> impl IntoView {
    if searches.is_empty() {
        return view! {
            <EmptyState
                icon=Shape::User
                title="Nobody has been looked for yet"
                text="A search compares the people of a plan's target and says who is there twice."
            />
        }
        .into_any();
    }
    view! {
        <TableFrame label="Searches">
            <table class="table">
                <thead>
                    <tr>
                        <th scope="col">"Plan"</th>
                        <th scope="col">"State"</th>
                        <th scope="col" class="number">
                            "Records"
                        </th>
                        <th scope="col" class="number">
                            "Compared"
                        </th>
                        <th scope="col" class="number">
                            "Matches"
                        </th>
                        <th scope="col" class="number">
                            "To review"
                        </th>
                        <th scope="col">"Began"</th>
                        <th scope="col">"By"</th>
                    </tr>
                </thead>
                <tbody>
                    {searches
                        .into_iter()
                        .map(|search| view! { <SearchRow search/> })
                        .collect_view()}
                </tbody>
            </table>
        </TableFrame>
    }
    .into_any()
}

#[component]
fn SearchRow(search: Matching) -> impl IntoView {
    let counts = search.counts;
    let (tone, icon) = match search.state {
        MatchingState::Running => (Tone::Info, Shape::Refresh),
        MatchingState::Completed => (Tone::Good, Shape::Done),
        MatchingState::Failed => (Tone::Bad, Shape::Failed),
    };
    let name = if search.state == MatchingState::Completed {
        view! { <a href=Place::Review(search.id.clone()).address()>{search.plan_name}</a> }
            .into_any()
    } else {
        search.plan_name.into_any()
    };
    view! {
        <tr>
            <th scope="row">{name}</th>
            <td>
                <Badge tone icon text=search.state.label().to_owned()/>
                {search
                    .failure
                    .map(|failure| {
                        view! {
                            " "
                            <a href=failure.code.docs()>{failure.code.as_str()}</a>
                        }
                    })}
            </td>
            <td class="number">{format::count(counts.records)}</td>
            <td class="number">{format::count(counts.pairs_compared)}</td>
            <td class="number">{format::count(counts.matches)}</td>
            <td class="number">{format::count(counts.reviews)}</td>
            <td>
                <Moment time=search.started_at/>
            </td>
            <td>{search.started_by}</td>
        </tr>
    }
}

/// The head of the pages of one search, with the ways between them.
#[component]
fn SearchHead(id: MatchingId, title: &'static str, about: &'static str) -> impl IntoView {
    let pages = [
        (Place::Review(id.clone()), "Review"),
        (Place::Clusters(id.clone()), "Clusters"),
        (Place::Thresholds(id.clone()), "Thresholds"),
        (Place::Model(id.clone()), "Model"),
        (Place::Merges(id), "Merges"),
    ];
    view! {
        <Title text=title/>
        <div class="page-head">
            <div>
                <p class="crumbs">
                    <a href=Place::Duplicates.address()>"Duplicates"</a>
                    " / "
                    {title}
                </p>
                <h2>{title}</h2>
                <p class="quiet-text">{about}</p>
            </div>
        </div>
        <nav class="actions" aria-label="Search">
            {pages
                .into_iter()
                .map(|(place, label)| {
                    let current = (label == title).then_some("page");
                    view! {
                        <a class="button" href=place.address() aria-current=current>
                            {label}
                        </a>
                    }
                })
                .collect_view()}
        </nav>
    }
}
