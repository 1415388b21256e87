//! Where somebody stands who signs in: figures, the last runs, what to do next.

use leptos::prelude::*;
use leptos_meta::Title;
use shared::connection::Connection;
use shared::event::Topic;
use shared::plan::PlanSummary;
use shared::run::{Books, Run, RunState};

use crate::api::{self, ApiError};
use crate::browser;
use crate::components::{EmptyState, Icon, Loaded, Moment, RunStateBadge, Shape};
use crate::format;
use crate::routes;
use crate::stores::Live;

/// Runs that count as the last ones.
const LAST_RUNS: u32 = 5;

#[component]
pub fn Home() -> impl IntoView {
    let live = Live::expect();
    // Read anew whenever a run, a plan or a connection is no longer what it was.
    let figures = LocalResource::new(move || {
        for topic in [Topic::Run, Topic::Plan, Topic::Connection] {
            live.version(topic);
        }
        load()
    });
    let health = LocalResource::new(api::health::check);
    let refresh = move |_| {
        figures.refetch();
        health.refetch();
    };
    view! {
        <Title text="Home"/>
        <div class="page-head">
            <h2>"Operations Overview"</h2>
            <div class="actions">
                <SystemState health/>
                <button type="button" class="button" on:click=refresh>
                    <Icon shape=Shape::Refresh/>
                    "Refresh"
                </button>
            </div>
        </div>
        <Loaded resource=figures lines=6 let:figures>
            <Overview figures/>
        </Loaded>
    }
}

#[derive(Debug, Clone, PartialEq)]
struct Figures {
    connections: Vec<Connection>,
    plans: Vec<PlanSummary>,
    runs: Vec<Run>,
}

impl Figures {
    /// The books of the last completed run: what arrived where it should.
    fn last_completed(&self) -> Option<&Run> {
        self.runs.iter().find(|run| run.state == RunState::Completed)
    }

    fn under_way(&self) -> usize {
        self.runs.iter().filter(|run| run.state == RunState::Running).count()
    }
}

async fn load() -> Result<Figures, ApiError> {
    let (connections, plans, runs) = futures::try_join!(
        api::connections::list(),
        api::plans::list(),
        api::runs::list(None, LAST_RUNS)
    )?;
    Ok(Figures { connections: connections.items, plans: plans.items, runs: runs.items })
}

#[component]
fn SystemState(health: LocalResource<Result<(), ApiError>>) -> impl IntoView {
    move || {
        let (class, text) = match health.get() {
            None => ("dot", "System: checking…"),
            Some(Ok(())) => ("dot good", "System: online"),
            Some(Err(_)) => ("dot bad", "System: not reachable"),
        };
        view! {
            <p class="system-state" role="status">
                <span class=class></span>
                {text}
            </p>
        }
    }
}

#[component]
fn Overview(figures: Figures) -> impl IntoView {
    let sources =
        figures.connections.iter().filter(|it| it.role == shared::connection::Role::Source).count();
    let targets = figures.connections.len() - sources;
    let books = figures.last_completed().and_then(|run| run.progress.as_ref()).map(books_of);
    let (arrived, about_arrived) = match &books {
        Some(books) => (format::count(books.loaded), "in the last completed run"),
        None => ("–".to_owned(), "no run has completed yet"),
    };
    let (kept_back, about_kept_back) = match &books {
        Some(books) if books.close() => {
            (format::count(books.quarantined), "in quarantine; the books close")
        }
        Some(books) => (format::count(books.quarantined), "in quarantine; the books do not close"),
        None => ("–".to_owned(), "no run has completed yet"),
    };
    let under_way = figures.under_way();
    view! {
        <p class="quiet-text">
            "As of "
            <Moment time=browser::now()/>
        </p>
        <ul class="figure-grid">
            <Figure
                icon=Shape::Plug
                name="Connections"
                value=format::count(figures.connections.len() as u64)
                about=format!(
                    "{}, {}",
                    format::counted(sources as u64, "source", "sources"),
                    format::counted(targets as u64, "target", "targets"),
                )
                to=format!("{}/connections", routes::MIGRATION)
            />
            <Figure
                icon=Shape::Plan
                name="Plans"
                value=format::count(figures.plans.len() as u64)
                about=match under_way {
                    0 => "no run under way".to_owned(),
                    count => {
                        format!("{} under way", format::counted(count as u64, "run", "runs"))
                    }
                }
                to=format!("{}/plans", routes::MIGRATION)
            />
            <Figure
                icon=Shape::Database
                name="Rows arrived"
                value=arrived
                about=about_arrived
                to=format!("{}/runs", routes::MIGRATION)
            />
            <Figure
                icon=Shape::Inbox
                name="Rows kept back"
                value=kept_back
                about=about_kept_back
                to=format!("{}/runs", routes::MIGRATION)
            />
        </ul>
        <div class="home-columns">
            <section class="card" aria-labelledby="recent-activity">
                <h3 id="recent-activity">"Recent activity"</h3>
                <RecentRuns runs=figures.runs/>
            </section>
            <section class="card" aria-labelledby="quick-actions">
                <h3 id="quick-actions">"Quick actions"</h3>
                <ul class="quick-actions">
                    {QUICK_ACTIONS
                        .into_iter()
                        .map(|(icon, text, place)| {
                            view! {
                                <li>
                                    <a
                                        class="quick-action"
                                        href=format!("{}{place}", routes::MIGRATION)
                                    >
                                        <Icon shape=icon/>
                                        <span>{text}</span>
                                        <Icon shape=Shape::ChevronRight/>
                                    </a>
                                </li>
                            }
                        })
                        .collect_view()}
                </ul>
            </section>
        </div>
    }
}

const QUICK_ACTIONS: [(Shape, &str, &str); 4] = [
    (Shape::Database, "Open the migration", ""),
    (Shape::Plug, "Add or test a connection", "/connections"),
    (Shape::Plan, "Draft or read a plan", "/plans"),
    (Shape::Play, "Start or watch a run", "/runs"),
];

#[component]
fn Figure(
    icon: Shape,
    name: &'static str,
    #[prop(into)] value: String,
    #[prop(into)] about: String,
    /// Where to see more.
    to: String,
) -> impl IntoView {
    view! {
        <li>
            <a class="card figure" href=to>
                <span class="figure-icon">
                    <Icon shape=icon/>
                </span>
                <span class="figure-name">{name}</span>
                <span class="figure-value">{value}</span>
                <span class="figure-about">{about}</span>
            </a>
        </li>
    }
}

#[component]
fn RecentRuns(runs: Vec<Run>) -> impl IntoView {
    if runs.is_empty() {
        return view! {
            <EmptyState
                icon=Shape::Play
                title="Nothing has run yet"
                text="Runs appear here as soon as one is started."
            />
        }
        .into_any();
    }
    view! {
        <ul class="activity">
            {runs
                .into_iter()
                .map(|run| {
                    let about = match run.progress.as_ref().map(books_of) {
                        Some(books) => {
                            format!("{} loaded", format::counted(books.loaded, "row", "rows"))
                        }
                        None => "not begun".to_owned(),
                    };
                    view! {
                        <li>
                            <a href=format!("{}/runs/{}", routes::MIGRATION, run.id)>
                                <span class="activity-name">
                                    {run.plan_name} <span class="quiet-text">{about}</span>
                                </span>
                                <RunStateBadge state=run.state/>
                                <span class="quiet-text">
                                    <Moment time=run.created_at/>
                                </span>
                            </a>
                        </li>
                    }
                })
                .collect_view()}
        </ul>
    }
    .into_any()
}

fn books_of(progress: &shared::run::Progress) -> Books {
    progress.books()
}
