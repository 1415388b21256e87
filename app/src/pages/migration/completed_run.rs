//! Something that is begun with one of the completed runs.

use leptos::{prelude::*, task::spawn_local};
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_navigate, use_query_map};
use shared::id::RunId;
use shared::run::{Run, RunState};

use super::place::{Place, RUN};
use crate::api::ApiError;
use crate::components::Choice;
use crate::format;

/// The form in which a run is chosen, and what became of sending it.
#[derive(Clone)]
pub(super) struct WithRun {
    pub(super) choices: Vec<Choice>,
    pub(super) run: RwSignal<String>,
    pub(super) refusal: RwSignal<Option<ApiError>>,
    pub(super) is_busy: RwSignal<bool>,
}

impl WithRun {
    /// At first the run that the address names, or the latest. None while no run has completed.
    pub(super) fn among(runs: Vec<Run>) -> Option<Self> {
        let choices: Vec<_> = runs
            .into_iter()
            .filter(|run| run.state == RunState::Completed)
            .map(|run| {
                let ended = run.ended_at.map(format::date_and_time).unwrap_or_default();
                let label = format!("{} v{}, {ended}", run.plan_name, run.plan_version);
                Choice::new(run.id.as_str(), label)
            })
            .collect();
        let first = choices.first().map(|choice| choice.value.clone())?;
        let asked = use_query_map().with_untracked(|query| query.get(RUN));
        let asked = asked.filter(|run| choices.iter().any(|choice| choice.value == *run));
        Some(Self {
            run: RwSignal::new(asked.unwrap_or(first)),
            choices,
            refusal: RwSignal::new(None),
            is_busy: RwSignal::new(false),
        })
    }

    /// Sends what `start` makes of the run, and goes to the place of what has begun.
    pub(super) fn sender<F>(&self, start: impl Fn(RunId) -> F + 'static) -> impl Fn() + 'static
    where
        F: Future<Output = Result<Place, ApiError>> + 'static,
    {
        let Self { run, refusal, is_busy, .. } = *self;
        let navigate = use_navigate();
        move || {
            let Ok(run) = RunId::parse(run.get_untracked()) else { return };
            let (started, navigate) = (start(run), navigate.clone());
            refusal.set(None);
            is_busy.set(true);
            spawn_local(async move {
                match started.await {
                    Ok(place) => navigate(&place.address(), NavigateOptions::default()),
                    Err(error) => {
                        refusal.set(Some(error));
                        is_busy.set(false);
                    }
                }
            });
        }
    }

    /// What is wrong with a field.
    pub(super) fn about(&self, field: &'static str) -> Signal<Option<String>> {
        let refusal = self.refusal;
        Signal::derive(move || refusal.with(|refusal| refusal.as_ref()?.about(field)))
    }
}

/// What stands there until a run has completed.
#[component]
pub(super) fn NoRunYet(text: &'static str) -> impl IntoView {
    view! {
        <section class="card">
            <p>{text} " " <a href=Place::Runs.address()>"Start a run"</a> "."</p>
        </section>
    }
}
