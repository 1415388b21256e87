//! Something that is begun with one of the completed runs.

use leptos::{prelude::*, task::spawn_local};
use leptos_meta::Title;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_navigate, use_query_map};
use shared::event::Topic;
use shared::id::RunId;
use shared::page::{DEFAULT_LIMIT, Page};
use shared::run::{Run, RunState};
use shared::user::Permission;

use super::place::{Place, RUN};
use crate::api::{self, ApiError};
use crate::components::{Choice, Loaded};
use crate::format;
use crate::stores::{Live, Session};

/// The page of what is begun with completed runs: the form that begins it, and all that was begun.
#[component]
pub(super) fn WithRunsPage<T, F>(
    title: &'static str,
    /// What it is.
    text: &'static str,
    /// Where the manual tells more, and how that is called.
    manual: (String, &'static str),
    /// Asks for the first page of what was begun.
    list: fn() -> F,
    form: fn(Vec<Run>) -> AnyView,
    shown: fn(Page<T>) -> AnyView,
) -> impl IntoView
where
    T: Clone + PartialEq + Send + Sync + 'static,
    F: Future<Output = Result<Page<T>, ApiError>> + 'static,
{
    let session = Session::expect();
    let live = Live::expect();
    let runs = LocalResource::new(|| api::runs::list(None, DEFAULT_LIMIT));
    let found = LocalResource::new(move || {
        live.version(Topic::Verification);
        list()
    });
    view! {
        <Title text=title/>
        <div class="page-head">
            <div>
                <h2>{title}</h2>
                <p class="quiet-text">{text} " " <a href=manual.0>{manual.1}</a></p>
            </div>
        </div>
        <Show when=move || session.may(Permission::ControlRuns)>
            <Loaded resource=runs lines=3 let:runs>
                {form(runs.items)}
            </Loaded>
        </Show>
        <Loaded resource=found lines=6 let:first>
            {shown(first)}
        </Loaded>
    }
}

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
