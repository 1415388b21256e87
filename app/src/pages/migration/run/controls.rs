//! What somebody can do to a run.

use leptos::{prelude::*, task::spawn_local};
use shared::id::RunId;
use shared::run::{Run, RunState};
use shared::user::Permission;

use super::quarantine_of;
use crate::api::{self, ApiError};
use crate::components::{Icon, Shape};
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
                            <button type="button" class="button" disabled=is_pausing on:click=pause>
                                <Icon shape=Shape::Pause/>
                                {move || if is_pausing.get() { "Pausing…" } else { "Pause" }}
                            </button>
                        }
                            .into_any()
                    }
                    Some(RunState::Paused | RunState::Failed) => {
                        view! {
                            <button
                                type="button"
                                class="button primary"
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
            <a class="button" href=quarantine_of(&id.get_value(), None, None)>
                <Icon shape=Shape::Inbox/>
                "Quarantine"
                <QuarantineCountBadge watch/>
            </a>
        </div>
    }
}

#[component]
fn QuarantineCountBadge(watch: RunWatch) -> impl IntoView {
    let count = Memo::new(move |_| watch.books().quarantined);
    let class = move || if count.get() > 0 { "badge tone-warning" } else { "badge tone-neutral" };
    view! { <span class=class>{move || format::count(count.get())}</span> }
}
