//! What somebody can do to a run.

use leptos::{prelude::*, task::spawn_local};
use shared::id::RunId;
use shared::run::{Run, RunState};
use shared::user::Permission;

use super::super::place::{checkings_of, sign_offs_of, verifications_of};
use super::{Place, quarantine_of};
use crate::api::{self, ApiError};
use crate::components::{Dialog, Icon, Shape};
use crate::format;
use crate::stores::{RunWatch, Session};

#[component]
pub(super) fn Controls(
    id: RunId,
    watch: RunWatch,
    refusal: RwSignal<Option<ApiError>>,
    /// Called with the run when it goes on.
    restarted: Callback<Run>,
) -> impl IntoView {
    let session = Session::expect();
    // From the request until the run stands still, which its events tell.
    let is_pausing = RwSignal::new(false);
    let is_resuming = RwSignal::new(false);
    let state = Memo::new(move |_| watch.state());
    let id = StoredValue::new(id);
    let pause = move |_| {
        refusal.set(None);
        is_pausing.set(true);
        spawn_local(async move {
            if let Err(error) = api::runs::pause(&id.get_value()).await {
                refusal.set(Some(error));
                is_pausing.set(false);
            }
        });
    };
    let resume = move |_| {
        refusal.set(None);
        is_resuming.set(true);
        spawn_local(async move {
            match api::runs::resume(&id.get_value()).await {
                Ok(run) => {
                    is_pausing.set(false);
                    restarted.run(run);
                }
                Err(error) => refusal.set(Some(error)),
            }
            is_resuming.set(false);
        });
    };
    view! {
        <div class="actions">
            <Show when=move || session.may(Permission::ControlRuns)>
                {move || match state.get() {
                    Some(RunState::Running) => {
                        view! {
                            <button
                                type="button"
                                class="button"
                                data-shortcut="pause"
                                aria-keyshortcuts="Control+Space"
                                disabled=is_pausing
                                on:click=pause
                            >
                                <Icon shape=Shape::Pause/>
                                {move || if is_pausing.get() { "Pausing…" } else { "Pause" }}
                            </button>
                            <StopNow id=id.get_value() refusal/>
                        }
                            .into_any()
                    }
                    Some(RunState::Paused | RunState::Failed) => {
                        view! {
                            <button
                                type="button"
                                class="button primary"
                                data-shortcut="pause"
                                aria-keyshortcuts="Control+Space"
                                disabled=is_resuming
                                on:click=resume
                            >
                                <Icon shape=Shape::Play/>
                                {move || if is_resuming.get() { "Resuming…" } else { "Resume" }}
                            </button>
                        }
                            .into_any()
                    }
                    _ => ().into_any(),
                }}
            </Show>
            <Show when=move || {
                session.may(Permission::RollBackRuns) && state.get().is_some_and(can_be_undone)
            }>
                <a class="button" href=Place::Rollback(id.get_value()).address()>
                    <Icon shape=Shape::Undo/>
                    "Roll back"
                </a>
            </Show>
            <Show when=move || state.get() == Some(RunState::Completed)>
                <WhatFollows id=id.get_value()/>
            </Show>
            <a class="button" href=quarantine_of(&id.get_value(), None, None)>
                <Icon shape=Shape::Inbox/>
                "Quarantine"
                <QuarantineCountBadge watch/>
            </a>
        </div>
    }
}

/// What shows whether a completed run can be believed.
#[component]
fn WhatFollows(id: RunId) -> impl IntoView {
    view! {
        <a class="button" href=verifications_of(&id)>
            <Icon shape=Shape::Check/>
            "Verify"
        </a>
        <a class="button" href=checkings_of(&id)>
            <Icon shape=Shape::Gauge/>
            "Check"
        </a>
        <a class="button" href=sign_offs_of(&id)>
            <Icon shape=Shape::Eye/>
            "Sign off"
        </a>
    }
}

const fn can_be_undone(state: RunState) -> bool {
    !matches!(state, RunState::Planned | RunState::Running)
}

/// For an emergency: stopping without waiting for the chunks under way.
#[component]
fn StopNow(id: RunId, refusal: RwSignal<Option<ApiError>>) -> impl IntoView {
    let open = RwSignal::new(false);
    let is_stopping = RwSignal::new(false);
    let id = StoredValue::new(id);
    let stop = move |_| {
        open.set(false);
        refusal.set(None);
        is_stopping.set(true);
        spawn_local(async move {
            if let Err(error) = api::runs::stop(&id.get_value()).await {
                refusal.set(Some(error));
                is_stopping.set(false);
            }
        });
    };
    view! {
        <button
            type="button"
            class="button"
            data-shortcut="stop"
            aria-keyshortcuts="Control+Shift+S"
            disabled=is_stopping
            aria-haspopup="dialog"
            on:click=move |_| open.set(true)
        >
            <Icon shape=Shape::Stop/>
            {move || if is_stopping.get() { "Stopping…" } else { "Stop now" }}
        </button>
        <Dialog name="stop-run" title="Stop at once?".to_owned() open>
            <p>
                "Pausing waits for the chunks that are being copied. Stopping takes them back: \
                they are copied again when the run is resumed. Nothing is lost and nothing is \
                there twice."
            </p>
            <div class="actions">
                <button type="button" class="button danger" on:click=stop>
                    "Stop at once"
                </button>
                <button type="button" class="button" on:click=move |_| open.set(false)>
                    "Let it run"
                </button>
            </div>
        </Dialog>
    }
}

#[component]
fn QuarantineCountBadge(watch: RunWatch) -> impl IntoView {
    let count = Memo::new(move |_| watch.books().quarantined);
    let class = move || if count.get() > 0 { "badge tone-warning" } else { "badge tone-neutral" };
    view! { <span class=class>{move || format::count(count.get())}</span> }
}
