//! Comparing what runs left with what they read: the list, and beginning one.

mod one;
mod progress;
mod tables;
mod mismatches;
mod key;
mod repair;
mod repaired;

use leptos::{prelude::*, task::spawn_local};
use leptos_meta::Title;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_navigate, use_query_map};
use shared::event::Topic;
use shared::id::RunId;
use shared::page::{DEFAULT_LIMIT, Page};
use shared::run::{Run, RunState};
use shared::user::Permission;
use shared::verification::{Mode, NewVerification, SampleSize, Verification, VerificationState};

pub(super) use one::VerificationPage;

use super::listed::{Listed, ShowMore};
use super::place::{Place, RUN};
use crate::api::{self, ApiError};
use crate::browser;
use crate::components::{
    Badge, Choice, EmptyState, Icon, Loaded, Moment, Refusal, SelectField, Shape, TableFrame,
    TextField,
};
use crate::format;
use crate::routes;
use crate::stores::{Live, Session, Tone};

#[component]
pub fn Verifications() -> impl IntoView {
    let session = Session::expect();
    let live = Live::expect();
    let runs = LocalResource::new(|| api::runs::list(None, DEFAULT_LIMIT));
    let found = LocalResource::new(move || {
        live.version(Topic::Verification);
        api::verifications::list(None, None, DEFAULT_LIMIT)
    });
    view! {
        <Title text="Verification"/>
        <div class="page-head">
            <div>
                <h2>"Verification"</h2>
                <p class="quiet-text">
                    "Compares the two databases row by row, as the plan relates them. What was \
                    filtered, merged or put into quarantine is not missed. "
                    <a href=manual()>"How it is done"</a>
                </p>
            </div>
        </div>
        <Show when=move || session.may(Permission::ControlRuns)>
            <Loaded resource=runs lines=3 let:runs>
                <StartCard runs=runs.items/>
            </Loaded>
        </Show>
        <Loaded resource=found lines=6 let:first>
            <VerificationList first/>
        </Loaded>
    }
}

/// Where the manual tells what a verification does.
fn manual() -> String {
    format!("{}/validation", routes::LIBRARY)
}

/// A verification of one of the runs.
#[component]
fn StartCard(runs: Vec<Run>) -> impl IntoView {
    let choices: Vec<_> = runs
        .into_iter()
        .filter(|run| run.state == RunState::Completed)
        .map(|run| {
            let ended = run.ended_at.map(format::date_and_time).unwrap_or_default();
            let label = format!("{} v{}, {ended}", run.plan_name, run.plan_version);
            Choice::new(run.id.as_str(), label)
        })
        .collect();
    let Some(first) = choices.first().map(|choice| choice.value.clone()) else {
        return view! {
            <section class="card">
                <p>
                    "There is something to compare once a run has completed. "
                    <a href=Place::Runs.address()>"Start a run"</a> "."
                </p>
            </section>
        }
        .into_any();
    };
    let asked = use_query_map().with_untracked(|query| query.get(RUN));
    let asked = asked.filter(|run| choices.iter().any(|choice| choice.value == *run));
    let run = RwSignal::new(asked.unwrap_or(first));
    let wanted = Wanted::new();
    let refusal = RwSignal::new(None::<ApiError>);
    let is_busy = RwSignal::new(false);
    let navigate = use_navigate();
    let start = move |_| {
        let Ok(run_id) = RunId::parse(run.get_untracked()) else { return };
        let (mode, sample) = wanted.read();
        let new = NewVerification { run_id, mode, sample };
        let navigate = navigate.clone();
        refusal.set(None);
        is_busy.set(true);
        spawn_local(async move {
            match api::verifications::start(&new).await {
                Ok(begun) => {
                    navigate(&Place::Verification(begun.id).address(), NavigateOptions::default());
                }
                Err(error) => {
                    refusal.set(Some(error));
                    is_busy.set(false);
                }
            }
        });
    };
    let about = move |field: &'static str| {
        Signal::derive(move || refusal.with(|refusal| refusal.as_ref()?.about(field)))
    };
    let modes = [Mode::Full, Mode::Sample, Mode::SinceLast]
        .map(|mode| Choice::new(mode.as_str(), mode.label()))
        .to_vec();
    view! {
        <section class="card" aria-labelledby="verify-a-run">
            <h3 id="verify-a-run">"Verify a run"</h3>
            <div class="form-row">
                <SelectField name="verify-run" label="Run" value=run choices/>
                <SelectField
                    name="verify-mode"
                    label="How much"
                    value=wanted.mode
                    choices=modes
                    hint="What changed since: tables of which a side changed since all of it was compared."
                />
            </div>
            <Show when=move || wanted.is_sample()>
                <div class="form-row">
                    <TextField
                        name="verify-confidence"
                        label="How sure, in percent"
                        value=wanted.confidence
                        problem=about("sample.confidence")
                    />
                    <TextField
                        name="verify-tolerance"
                        label="Share of a table that may differ unseen, in percent"
                        value=wanted.tolerance
                        problem=about("sample.tolerance")
                    />
                </div>
            </Show>
            <Refusal error=move || refusal.get().filter(|error| error.fields().is_empty())/>
            <div class="actions">
                <button type="button" class="button primary" disabled=is_busy on:click=start>
                    <Icon shape=Shape::Check/>
                    {move || if is_busy.get() { "Starting…" } else { "Verify it" }}
                </button>
            </div>
        </section>
    }
    .into_any()
}

/// What stands in the form.
#[derive(Clone, Copy)]
struct Wanted {
    mode: RwSignal<String>,
    confidence: RwSignal<String>,
    tolerance: RwSignal<String>,
}

impl Wanted {
    fn new() -> Self {
        Self {
            mode: RwSignal::new(Mode::Full.as_str().to_owned()),
            confidence: RwSignal::new("99".to_owned()),
            tolerance: RwSignal::new("1".to_owned()),
        }
    }

    fn is_sample(self) -> bool {
        self.mode.with(|mode| mode.as_str() == Mode::Sample.as_str())
    }

    fn read(self) -> (Mode, SampleSize) {
        let mode = Mode::from_name(&self.mode.get_untracked()).unwrap_or_default();
        let sample = if mode == Mode::Sample {
            SampleSize {
                confidence: share(&self.confidence.get_untracked()),
                tolerance: share(&self.tolerance.get_untracked()),
                ..SampleSize::default()
            }
        } else {
            SampleSize::default()
        };
        (mode, sample)
    }
}

/// A percentage as a share. What is no number is a share that the server refuses.
fn share(percent: &str) -> f64 {
    percent.trim().parse::<f64>().map_or(0.0, |percent| percent / 100.0)
}

#[component]
fn VerificationList(first: Page<Verification>) -> impl IntoView {
    let list = Listed::new(first, |after| async move {
        api::verifications::list(None, after.as_ref(), DEFAULT_LIMIT).await
    });
    view! {
        {move || view! { <VerificationTable verifications=list.items.get()/> }}
        <ShowMore list text="Show older verifications"/>
    }
}

#[component]
fn VerificationTable(verifications: Vec<Verification>) -> impl IntoView {
    if verifications.is_empty() {
        return view! {
            <EmptyState
                icon=Shape::Check
                title="Nothing has been verified yet"
                text="A verification proves that the target has what the source has, or names the rows that differ."
            />
        }
        .into_any();
    }
    view! {
        <TableFrame label="Verifications">
            <table class="table">
                <thead>
                    <tr>
                        <th scope="col">"Plan"</th>
                        <th scope="col">"State"</th>
                        <th scope="col">"How much"</th>
                        <th scope="col" class="number">
                            "Rows compared"
                        </th>
                        <th scope="col" class="number">
                            "Rows that differ"
                        </th>
                        <th scope="col">"Began"</th>
                        <th scope="col">"Took"</th>
                        <th scope="col">"By"</th>
                    </tr>
                </thead>
                <tbody>
                    {verifications
                        .into_iter()
                        .map(|verification| view! { <VerificationRow verification/> })
                        .collect_view()}
                </tbody>
            </table>
        </TableFrame>
    }
    .into_any()
}

#[component]
fn VerificationRow(verification: Verification) -> impl IntoView {
    let (compared, differing) = figures(&verification);
    let until = verification.ended_at.unwrap_or_else(browser::now);
    let took = format::span(verification.started_at, until);
    view! {
        <tr>
            <th scope="row">
                <a href=Place::Verification(verification.id).address()>{verification.plan_name}</a>
            </th>
            <td>
                <StateBadge state=verification.state/>
            </td>
            <td>{verification.mode.label()}</td>
            <td class="number">{format::count(compared)}</td>
            <td class="number">{format::count(differing)}</td>
            <td>
                <Moment time=verification.started_at/>
            </td>
            <td>{took}</td>
            <td>{verification.started_by}</td>
        </tr>
    }
}

/// Rows that were compared, and rows that are not the same: what was found, or what is known so far.
fn figures(verification: &Verification) -> (u64, u64) {
    match (&verification.findings, &verification.progress) {
        (Some(findings), _) => findings.tables.iter().fold((0, 0), |(compared, differing), it| {
            (compared + it.compared, differing + it.missing + it.extra + it.different)
        }),
        (None, Some(progress)) => {
            progress.tables.iter().fold((0, 0), |(compared, differing), it| {
                (compared + it.rows_compared, differing + it.mismatches)
            })
        }
        (None, None) => (0, 0),
    }
}

#[component]
fn StateBadge(#[prop(into)] state: Signal<VerificationState>) -> impl IntoView {
    move || {
        let state = state.get();
        let (tone, icon) = match state {
            VerificationState::Running => (Tone::Info, Shape::Refresh),
            VerificationState::Paused => (Tone::Warning, Shape::Pause),
            VerificationState::Equal => (Tone::Good, Shape::Done),
            VerificationState::Different => (Tone::Bad, Shape::Warning),
            VerificationState::Failed => (Tone::Bad, Shape::Failed),
        };
        view! { <Badge tone icon text=state.label().to_owned()/> }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentage_is_a_share_and_nonsense_is_refused_by_the_server() {
        assert!((share(" 99 ") - 0.99).abs() < 1e-9);
        for nonsense in ["", "many"] {
            let sample = SampleSize { confidence: share(nonsense), ..SampleSize::default() };
            let run_id = RunId::parse("r1").unwrap();
            let new = NewVerification { run_id, mode: Mode::Sample, sample };
            assert_eq!(new.problems()[0].field, "sample.confidence", "{nonsense}");
        }
    }
}
