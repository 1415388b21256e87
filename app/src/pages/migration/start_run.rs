//! Starting a run.

use leptos::{prelude::*, task::spawn_local};
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;
use shared::id::PlanId;
use shared::run::Start;

use super::place::Place;
use crate::api::{self, ApiError};
use crate::components::{CheckboxField, Icon, Refusal, Shape};

/// The buttons that start or rehearse a run, and how it is to begin.
#[component]
pub(super) fn StartRun(
    /// The plan of which the latest version is run.
    #[prop(into)]
    plan: Signal<Option<PlanId>>,
) -> impl IntoView {
    let navigate = use_navigate();
    let there = navigate.clone();
    let is_fresh = RwSignal::new(false);
    let refusal = RwSignal::new(None::<ApiError>);
    let is_busy = RwSignal::new(false);
    let how = move || if is_fresh.get_untracked() { Start::Fresh } else { Start::Continue };
    let start = move |_| {
        let Some(plan) = plan.get_untracked() else { return };
        let navigate = navigate.clone();
        refusal.set(None);
        is_busy.set(true);
        spawn_local(async move {
            match api::runs::start(&plan, how()).await {
                Ok(run) => navigate(&Place::Run(run.id).address(), NavigateOptions::default()),
                Err(error) => {
                    refusal.set(Some(error));
                    is_busy.set(false);
                }
            }
        });
    };
    let rehearse = move |_| {
        let Some(plan) = plan.get_untracked() else { return };
        let navigate = there.clone();
        refusal.set(None);
        is_busy.set(true);
        spawn_local(async move {
            match api::rehearsals::start(&plan, how()).await {
                Ok(it) => navigate(&Place::Rehearsal(it.id).address(), NavigateOptions::default()),
                Err(error) => {
                    refusal.set(Some(error));
                    is_busy.set(false);
                }
            }
        });
    };
    view! {
        <div class="start-run">
            <button
                type="button"
                class="button primary"
                data-shortcut="start"
                aria-keyshortcuts="Control+Enter"
                disabled=move || is_busy.get() || plan.with(Option::is_none)
                on:click=start
            >
                <Icon shape=Shape::Play/>
                {move || if is_busy.get() { "Starting…" } else { "Start a run" }}
            </button>
            <button
                type="button"
                class="button"
                disabled=move || is_busy.get() || plan.with(Option::is_none)
                on:click=rehearse
            >
                <Icon shape=Shape::Eye/>
                "Rehearse"
            </button>
            <CheckboxField
                name="start-fresh"
                label="Begin again: take back what an earlier run of this version wrote"
                value=is_fresh
                disabled=is_busy
            />
        </div>
        <Refusal error=refusal/>
    }
}
