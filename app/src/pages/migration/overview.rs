//! How the migration stands, and what needs somebody.

use leptos::prelude::*;
use leptos_meta::Title;
use shared::connection::{Connection, Role};
use shared::event::Topic;
use shared::plan::PlanSummary;
use shared::run::{Run, RunState};

use super::place::{Place, quarantine_of};
use super::runs::RunTable;
use crate::api::{self, ApiError};
use crate::components::{Icon, Loaded, Shape};
use crate::format;
use crate::stores::{Live, Tone};

#[component]
pub fn Overview() -> impl IntoView {
    let live = Live::expect();
    let standing = LocalResource::new(move || {
        for topic in [Topic::Run, Topic::Quarantine, Topic::Plan, Topic::Connection] {
            live.version(topic);
        }
        load()
    });
    view! {
        <Title text="Data Migration"/>
        <Loaded resource=standing lines=6 let:standing>
            <Standing standing/>
        </Loaded>
    }
}

#[derive(Debug, Clone, PartialEq)]
struct Known {
    connections: Vec<Connection>,
    plans: Vec<PlanSummary>,
    /// Latest first.
    runs: Vec<Run>,
}

async fn load() -> Result<Known, ApiError> {
    let (connections, plans, runs) = futures::try_join!(
        api::connections::list(),
        api::plans::list(),
        api::runs::list(None, 10)
    )?;
    Ok(Known { connections: connections.items, plans: plans.items, runs: runs.items })
}

/// Something that waits for somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Need {
    tone: Tone,
    text: String,
    /// What the link says.
    action: &'static str,
    address: String,
}

impl Known {
    fn has(&self, role: Role) -> bool {
        self.connections.iter().any(|connection| connection.role == role)
    }

    /// The run that counts for each plan: its last one.
    fn last_runs(&self) -> Vec<&Run> {
        let mut last = Vec::<&Run>::new();
        for run in &self.runs {
            if last.iter().all(|other| other.plan_id != run.plan_id) {
                last.push(run);
            }
        }
        last
    }

    /// What waits for somebody, most urgent first.
    fn needs(&self) -> Vec<Need> {
        let mut needs = Vec::new();
        for run in self.last_runs() {
            needs.extend(need_of(run));
        }
        for connection in &self.connections {
            if connection.tested.as_ref().is_some_and(|tested| !tested.passed) {
                needs.push(Need {
                    tone: Tone::Bad,
                    text: format!("The last test of {} failed.", connection.name),
                    action: "Look at the connection",
                    address: Place::Connections.address(),
                });
            }
        }
        let missing = |text: &str, action, place: Place| Need {
            tone: Tone::Info,
            text: text.to_owned(),
            action,
            address: place.address(),
        };
        if !self.has(Role::Source) {
            let text = "No legacy database is known yet.";
            needs.push(missing(text, "Add a source", Place::Connections));
        }
        if !self.has(Role::Target) {
            let text = "No database to migrate to is known yet.";
            needs.push(missing(text, "Add a target", Place::Connections));
        }
        if self.has(Role::Source) && self.has(Role::Target) && self.plans.is_empty() {
            needs.push(missing("There is no plan yet.", "Draft a plan", Place::Plans));
        }
        if !self.plans.is_empty() && self.runs.is_empty() {
            needs.push(missing("Nothing has run yet.", "Start a run", Place::Runs));
        }
        needs
    }
}

fn need_of(run: &Run) -> Option<Need> {
    let books = run.progress.as_ref().map(shared::run::Progress::books).unwrap_or_default();
    let at_run = |tone, text, action| Need {
        tone,
        text,
        action,
        address: Place::Run(run.id.clone()).address(),
    };
    match run.state {
        RunState::Failed => {
            let code = run.failure.as_ref().map_or("", |failure| failure.code.as_str());
            let text = format!("The run of {} failed. {code}", run.plan_name);
            Some(at_run(Tone::Bad, text.trim_end().to_owned(), "See why"))
        }
        RunState::Paused => {
            let text = format!("The run of {} is paused.", run.plan_name);
            Some(at_run(Tone::Warning, text, "Resume it"))
        }
        RunState::Completed if books.quarantined > 0 => Some(Need {
            tone: Tone::Warning,
            text: format!(
                "{} of {} stayed in quarantine.",
                format::counted(books.quarantined, "row", "rows"),
                run.plan_name
            ),
            action: "Open the quarantine",
            address: quarantine_of(&run.id, None, None),
        }),
        _ => None,
    }
}

#[component]
fn Standing(standing: Known) -> impl IntoView {
    let needs = standing.needs();
    let last_runs: Vec<_> = standing.runs.iter().take(5).cloned().collect();
    let has_completed = standing.runs.iter().any(|run| run.state == RunState::Completed);
    let steps = [
        ("Connect", standing.has(Role::Source) && standing.has(Role::Target), Place::Connections),
        ("Plan", !standing.plans.is_empty(), Place::Plans),
        ("Run", has_completed, Place::Runs),
    ];
    view! {
        <section class="card" aria-labelledby="steps">
            <h2 id="steps">"Steps"</h2>
            <ol class="steps">
                {steps
                    .into_iter()
                    .map(|(name, is_done, place)| {
                        let (shape, state) = if is_done {
                            (Shape::Done, "done")
                        } else {
                            (Shape::Clock, "to do")
                        };
                        view! {
                            <li class="step" class:done=is_done>
                                <a href=place.address()>
                                    <Icon shape/>
                                    <span>{name}</span>
                                    <span class="step-state">{state}</span>
                                </a>
                            </li>
                        }
                    })
                    .collect_view()}
            </ol>
        </section>
        <section class="card" aria-labelledby="needs">
            <h2 id="needs">"What needs you"</h2>
            {if needs.is_empty() {
                view! {
                    <p class="all-well">
                        <Icon shape=Shape::Done/>
                        "Nothing waits for you."
                    </p>
                }
                    .into_any()
            } else {
                view! {
                    <ul class="needs">
                        {needs
                            .into_iter()
                            .map(|need| {
                                view! {
                                    <li class=format!("need {}", need.tone.class())>
                                        <Icon shape=match need.tone {
                                            Tone::Bad | Tone::Warning => Shape::Warning,
                                            _ => Shape::Info,
                                        }/>
                                        <span>{need.text}</span>
                                        <a href=need.address>{need.action}</a>
                                    </li>
                                }
                            })
                            .collect_view()}
                    </ul>
                }
                    .into_any()
            }}
        </section>
        <section class="card" aria-labelledby="last-runs">
            <div class="card-head">
                <h2 id="last-runs">"Last runs"</h2>
                <a href=Place::Runs.address()>"All runs"</a>
            </div>
            <RunTable runs=last_runs/>
        </section>
    }
}

#[cfg(test)]
mod tests {
    use shared::connection::{Engine, TestedAt};
    use shared::id::{ConnectionId, PlanId, RunId};
    use shared::run::{Books, Phase, Progress, TableProgress};

    use super::*;

    fn connection(role: Role, passed: Option<bool>) -> Connection {
        let created_at = "2026-01-01T00:00:00Z".parse().unwrap();
        Connection {
            id: ConnectionId::parse("c1").unwrap(),
            name: "clinic".to_owned(),
            role,
            engine: Engine::Postgres,
            url: "postgres://db/clinic".to_owned(),
            created_at,
            tested: passed.map(|passed| TestedAt { at: created_at, passed }),
        }
    }

    fn run(id: &str, state: RunState, quarantined: u64) -> Run {
        let books = Books { read: quarantined, quarantined, ..Books::default() };
        let table = TableProgress {
            index: 0,
            source: "people".parse().unwrap(),
            target: "patients".parse().unwrap(),
            phase: Phase::Done,
            books,
            chunks_total: 1,
            chunks_done: 1,
            bytes: 0,
            seconds: 1.0,
        };
        Run {
            id: RunId::parse(id).unwrap(),
            plan_id: PlanId::parse("p1").unwrap(),
            plan_name: "clinic".to_owned(),
            plan_version: 1,
            state,
            started_by: "Ida Sample".to_owned(),
            created_at: "2026-01-01T00:00:00Z".parse().unwrap(),
            started_at: None,
            ended_at: None,
            failure: None,
            progress: Some(Progress {
                phase: Phase::Done,
                tables: vec![table],
                rows_per_second: 0.0,
                eta_seconds: None,
                elapsed_seconds: 1.0,
                health: shared::run::Health::default(),
            }),
        }
    }

    fn actions(known: &Known) -> Vec<&'static str> {
        known.needs().into_iter().map(|need| need.action).collect()
    }

    #[test]
    fn somebody_who_begins_is_led_to_both_connections() {
        let known = Known { connections: vec![], plans: vec![], runs: vec![] };
        assert_eq!(actions(&known), ["Add a source", "Add a target"]);
    }

    #[test]
    fn with_both_connections_the_next_thing_is_a_plan() {
        let connections =
            vec![connection(Role::Source, None), connection(Role::Target, Some(true))];
        let known = Known { connections, plans: vec![], runs: vec![] };
        assert_eq!(actions(&known), ["Draft a plan"]);
    }

    #[test]
    fn only_the_last_run_of_a_plan_needs_anybody() {
        let connections =
            vec![connection(Role::Source, Some(false)), connection(Role::Target, None)];
        let runs = vec![run("r2", RunState::Completed, 3), run("r1", RunState::Failed, 0)];
        let plans = vec![PlanSummary {
            id: PlanId::parse("p1").unwrap(),
            name: "clinic".to_owned(),
            version: 1,
            table_count: 1,
            saved_at: "2026-01-01T00:00:00Z".parse().unwrap(),
            saved_by: "Ida Sample".to_owned(),
        }];
        let known = Known { connections, plans, runs };
        assert_eq!(actions(&known), ["Open the quarantine", "Look at the connection"]);
    }
}
