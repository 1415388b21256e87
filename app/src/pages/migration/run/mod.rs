//! One run, as it happens.

mod controls;
mod progress;
mod books;

use leptos::{prelude::*, task::spawn_local};
use leptos_meta::Title;
use shared::id::RunId;
use shared::run::{Run, RunState};

use super::place::{Place, quarantine_of};
use crate::api::live::{self, Following, News};
use crate::api::{self, ApiError};
use crate::browser;
use crate::components::{
    Badge, Fact, Facts, FailureCard, Loaded, Moment, Refusal, RunStateBadge, Shape,
};
use crate::format;
use crate::stores::{Link, RunWatch, Tone};
use books::BooksCard;
use controls::Controls;
use progress::ProgressCard;

#[component]
pub fn RunPage(id: RunId) -> impl IntoView {
    let watch = RunWatch::new();
    let found = {
        let id = id.clone();
        LocalResource::new(move || {
            let id = id.clone();
            async move { api::runs::find(&id).await.map(|run| watch.report(run)) }
        })
    };
    view! {
        <Title text="Run"/>
        <Loaded resource=found lines=8 let:_found>
            <RunView id=id.clone() watch/>
        </Loaded>
    }
}

#[component]
fn RunView(id: RunId, watch: RunWatch) -> impl IntoView {
    let refusal = RwSignal::new(None::<ApiError>);
    let following = StoredValue::new_local(None::<Following>);
    let follow = {
        let id = id.clone();
        move || following.set_value(follow(&id, watch, refusal))
    };
    if untrack(|| watch.state()).is_some_and(is_under_way) {
        follow();
    } else {
        watch.link_is(Link::Over);
    }
    let restarted = Callback::new(move |run: Run| {
        watch.report(run);
        watch.link_is(Link::Connecting);
        follow();
    });
    let plan = move || watch.run().map(|run| run.plan_name).unwrap_or_default();
    view! {
        <div class="page-head">
            <div>
                <p class="crumbs">
                    <a href=Place::Runs.address()>"Runs"</a>
                </p>
                <h2>"Run of " {plan}</h2>
                <div class="badges">
                    <span role="status" aria-label="State of the run">
                        <StateBadge watch/>
                    </span>
                    <LinkBadge watch/>
                </div>
            </div>
            <Controls id=id.clone() watch refusal restarted/>
        </div>
        <Refusal error=refusal/>
        {move || watch.failure().map(|failure| view! { <FailureCard failure/> })}
        <ProgressCard id=id.clone() watch/>
        <BooksCard id watch/>
        <AboutRun watch/>
    }
}

/// Follows the run, and tells the watch what happens.
fn follow(id: &RunId, watch: RunWatch, refusal: RwSignal<Option<ApiError>>) -> Option<Following> {
    let run = id.clone();
    let tell = move |news| match news {
        News::Connected => watch.link_is(Link::Live),
        News::Lost => watch.link_is(Link::Stale),
        News::Event(event) => {
            let is_last = event.is_last();
            watch.hear(*event);
            if is_last {
                // The stream does not carry when a run ended.
                let id = run.clone();
                spawn_local(async move {
                    if let Ok(run) = api::runs::find(&id).await {
                        watch.report(run);
                    }
                });
            }
        }
        News::Over => watch.link_is(Link::Over),
        News::Refused(error) => {
            watch.link_is(Link::Stale);
            refusal.set(Some(error));
        }
    };
    live::follow(id.clone(), watch.last_event(), tell)
}

const fn is_under_way(state: RunState) -> bool {
    matches!(state, RunState::Planned | RunState::Running)
}

#[component]
fn StateBadge(watch: RunWatch) -> impl IntoView {
    let state = Memo::new(move |_| watch.state());
    move || state.get().map(|state| view! { <RunStateBadge state/> })
}

#[component]
fn LinkBadge(watch: RunWatch) -> impl IntoView {
    move || match watch.link() {
        Link::Over => None,
        Link::Connecting => {
            Some(view! { <Badge tone=Tone::Neutral text="Connecting…".to_owned()/> })
        }
        Link::Live => {
            Some(view! { <Badge tone=Tone::Good icon=Shape::Gauge text="Live".to_owned()/> })
        }
        Link::Stale => Some(view! {
            <Badge
                tone=Tone::Warning
                icon=Shape::Warning
                text="Connection lost: this may be out of date".to_owned()
            />
        }),
    }
}

#[component]
fn AboutRun(watch: RunWatch) -> impl IntoView {
    let about = Memo::new(move |_| watch.run().map(|run| Run { progress: None, ..run }));
    view! {
        <section class="card" aria-labelledby="about-run">
            <h3 id="about-run">"About this run"</h3>
            {move || {
                about
                    .get()
                    .map(|run| {
                        let took = run
                            .started_at
                            .map(|from| {
                                format::span(from, run.ended_at.unwrap_or_else(browser::now))
                            });
                        view! {
                            <Facts>
                                <Fact name="Plan">
                                    <a href=Place::Plan(run.plan_id).address()>
                                        {format!("{}, version {}", run.plan_name, run.plan_version)}
                                    </a>
                                </Fact>
                                <Fact name="Started by">{run.started_by}</Fact>
                                <Fact name="Began">
                                    {run.started_at.map(|time| view! { <Moment time/> })}
                                </Fact>
                                <Fact name="Ended">
                                    {run.ended_at.map(|time| view! { <Moment time/> })}
                                    {run.ended_at.and(took).map(|took| format!(", after {took}"))}
                                </Fact>
                                <Fact name="Id">
                                    <code>{run.id.to_string()}</code>
                                </Fact>
                            </Facts>
                        }
                    })
            }}
        </section>
    }
}
