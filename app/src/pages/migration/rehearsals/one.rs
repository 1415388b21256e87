//! One rehearsal: under way, or with what it found.

use leptos::{prelude::*, task::spawn_local};
use leptos_meta::Title;
use shared::event::Topic;
use shared::id::RehearsalId;
use shared::rehearsal::{RehearsalRecord, RehearsalState};
use shared::user::Permission;

use super::super::place::Place;
use super::RehearsalBadge;
use super::report::Report;
use crate::api;
use crate::components::{FailureNote, Loaded, Moment};
use crate::stores::{Live, Notices, Session};

#[component]
pub fn RehearsalPage(id: RehearsalId) -> impl IntoView {
    let live = Live::expect();
    let found = LocalResource::new(move || {
        // Its end is told like any other change.
        live.version(Topic::Run);
        let id = id.clone();
        async move { api::rehearsals::find(&id).await }
    });
    view! {
        <Title text="Rehearsal"/>
        <Loaded resource=found lines=8 steady=true let:rehearsal>
            <View rehearsal/>
        </Loaded>
    }
}

#[component]
fn View(rehearsal: RehearsalRecord) -> impl IntoView {
    let session = Session::expect();
    let RehearsalRecord { id, plan_id, plan_name, plan_version, state, .. } = rehearsal;
    let is_running = state == RehearsalState::Running;
    view! {
        <div class="page-head">
            <div>
                <p class="crumbs">
                    <a href=Place::Runs.address()>"Runs"</a>
                    " / "
                    <a href=Place::Rehearsals.address()>"Rehearsals"</a>
                </p>
                <h2>"Rehearsal of " {plan_name}</h2>
                <p class="badges" role="status" aria-label="State of the rehearsal">
                    <RehearsalBadge state/>
                </p>
                <p class="quiet-text">
                    <a href=Place::Plan(plan_id).address()>{format!("Version {plan_version}")}</a>
                    {format!(", by {}, ", rehearsal.started_by)}
                    <Moment time=rehearsal.started_at/>
                </p>
            </div>
            <Show when=move || is_running && session.may(Permission::ControlRuns)>
                <StopButton id=id.clone()/>
            </Show>
        </div>
        {is_running
            .then(|| {
                view! {
                    <section class="card">
                        <p>
                            "Everything that a run does is being done, and will be taken back. \
                            The report appears here by itself."
                        </p>
                    </section>
                }
            })}
        {rehearsal.failure.map(|failure| view! { <FailureNote failure/> })}
        {rehearsal.report.map(|report| view! { <Report report/> })}
    }
}

#[component]
fn StopButton(id: RehearsalId) -> impl IntoView {
    let notices = Notices::expect();
    let is_busy = RwSignal::new(false);
    let id = StoredValue::new(id);
    let stop = move |_| {
        is_busy.set(true);
        spawn_local(async move {
            if let Err(error) = api::rehearsals::stop(&id.get_value()).await {
                notices.bad(error.sentence());
                is_busy.set(false);
            }
        });
    };
    view! {
        <div class="actions">
            <button type="button" class="button" disabled=is_busy on:click=stop>
                {move || if is_busy.get() { "Stopping…" } else { "Stop" }}
            </button>
        </div>
    }
}
