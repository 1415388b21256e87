//! One assessment: under way, or what it found.

use leptos::{prelude::*, task::spawn_local};
use leptos_meta::Title;
use shared::assessment::{AssessmentItem, AssessmentState, KeptAssessment};
use shared::event::Topic;
use shared::id::AssessmentId;
use shared::user::Permission;

use super::findings::{Checks, Findings, Schema};
use super::forecast::ForecastCard;
use super::profile::{DriftCard, Profiles};
use super::{Place, ReadinessBadge, StateBadge};
use crate::api;
use crate::components::{Fact, Facts, Icon, Loaded, Moment, Shape};
use crate::format;
use crate::stores::{Live, Notices, Session};

#[component]
pub fn AssessmentPage(id: AssessmentId) -> impl IntoView {
    let live = Live::expect();
    let found = LocalResource::new(move || {
        live.version(Topic::Assessment);
        let id = id.clone();
        async move { api::assessments::find(&id).await }
    });
    view! {
        <Title text="Assessment"/>
        <Loaded resource=found lines=8 let:found>
            <Assessment found/>
        </Loaded>
    }
}

#[component]
fn Assessment(found: KeptAssessment) -> impl IntoView {
    let item = found.item.clone();
    let rest = match item.state {
        AssessmentState::Running => {
            let held = item.held.clone().map(|held| format!("It waits: {held}. "));
            view! {
                <section class="card">
                    <p role="status">
                        {held}
                        "It is under way. What it found is shown here when it is through; you may \
                        leave this page."
                    </p>
                </section>
            }
            .into_any()
        }
        AssessmentState::Stopped => view! {
            <section class="card">
                <p>"Somebody stopped it. Nothing is kept of what it found."</p>
            </section>
        }
        .into_any(),
        AssessmentState::Failed => view! { <Failed item=item.clone()/> }.into_any(),
        AssessmentState::Completed => view! { <Found found/> }.into_any(),
    };
    view! {
        <Head item/>
        {rest}
    }
}

#[component]
fn Head(item: AssessmentItem) -> impl IntoView {
    let version = item.plan_version.map(|version| format!("Version {version}, "));
    let took = item.ended_at.map(|ended| format::span(item.started_at, ended));
    let is_running = item.state == AssessmentState::Running;
    view! {
        <div class="page-head">
            <div>
                <p class="crumbs">
                    <a href=Place::Assessments.address()>"Assessments"</a>
                    " / "
                    {item.plan_name.clone()}
                </p>
                <h2>{format!("Assessment of {}", item.plan_name)}</h2>
                <p class="quiet-text">
                    {version} "begun " <Moment time=item.started_at/> {" by "} {item.started_by}
                    {took.map(|took| format!(", took {took}"))}
                </p>
            </div>
            <div class="badges">
                <StateBadge state=item.state/>
                {item.counts.map(|counts| view! { <ReadinessBadge status=counts.status/> })}
                {is_running.then(|| view! { <Stop id=item.id/> })}
            </div>
        </div>
    }
}

#[component]
fn Stop(id: AssessmentId) -> impl IntoView {
    let session = Session::expect();
    let notices = Notices::expect();
    let is_busy = RwSignal::new(false);
    let id = StoredValue::new(id);
    let stop = move |_| {
        is_busy.set(true);
        spawn_local(async move {
            // The page hears by itself what came of it.
            if let Err(error) = api::assessments::stop(&id.get_value()).await {
                notices.bad(error.sentence());
            }
            is_busy.set(false);
        });
    };
    view! {
        <Show when=move || session.may(Permission::AssessPlans)>
            <button type="button" class="button" disabled=is_busy on:click=stop>
                <Icon shape=Shape::Stop/>
                "Stop"
            </button>
        </Show>
    }
}

#[component]
fn Failed(item: AssessmentItem) -> impl IntoView {
    let failure = item.failure.map(|failure| {
        let title = failure.code.explanation().title;
        view! {
            <p class="alert-title">{title}</p>
            <p>{failure.message}</p>
            <a href=failure.code.docs()>{format!("{}: what it means", failure.code)}</a>
        }
    });
    view! {
        <section class="card">
            <div class="alert tone-bad">
                <Icon shape=Shape::Warning/>
                <div>{failure}</div>
            </div>
        </section>
    }
}

#[component]
fn Found(found: KeptAssessment) -> impl IntoView {
    let KeptAssessment { item, findings, checks, schema, forecast, profile, drift, .. } = found;
    let counts = item.counts.map(|counts| {
        view! {
            <section class="card" aria-labelledby="assessment-sum">
                <h3 id="assessment-sum">"What it comes to"</h3>
                <Facts>
                    <Fact name="Checks made">{format::count(counts.checks)}</Fact>
                    <Fact name="Blocking">{format::count(counts.blocking)}</Fact>
                    <Fact name="Warnings">{format::count(counts.warnings)}</Fact>
                    <Fact name="Source">{found.source}</Fact>
                    <Fact name="Target">{found.target}</Fact>
                </Facts>
            </section>
        }
    });
    view! {
        {counts}
        <Findings groups=findings/>
        {forecast.map(|forecast| view! { <ForecastCard forecast/> })}
        <Schema items=schema/>
        {drift.map(|drift| view! { <DriftCard drift/> })}
        <Profiles profiles=profile/>
        <Checks checks/>
    }
}
