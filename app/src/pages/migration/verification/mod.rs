//! Comparing what runs left with what they read: the list, and beginning one.

mod one;
mod progress;
mod tables;
mod mismatches;
mod key;
mod repair;
mod repaired;

use leptos::prelude::*;
use shared::page::{DEFAULT_LIMIT, Page};
use shared::run::Run;
use shared::verification::{Mode, NewVerification, SampleSize, Verification, VerificationState};

pub(super) use one::VerificationPage;

use super::completed_run::{NoRunYet, WithRun, WithRunsPage};
use super::listed::{Listed, ShowMore};
use super::place::Place;
use crate::api;
use crate::browser;
use crate::components::{
    Badge, Choice, EmptyState, Icon, Moment, Refusal, SelectField, Shape, TableFrame, TextField,
};
use crate::format;
use crate::routes;
use crate::stores::Tone;

#[component]
pub fn Verifications() -> impl IntoView {
    view! {
        <WithRunsPage
            title="Verification"
            text="Compares the two databases row by row, as the plan relates them. What was filtered, \
                  merged or put into quarantine is not missed."
            manual=(manual(), "How it is done")
            list=|| api::verifications::list(None, None, DEFAULT_LIMIT)
            form=|runs| view! { <StartCard runs/> }.into_any()
            shown=|first| view! { <VerificationList first/> }.into_any()
        />
    }
}

/// Where the manual tells what a verification does.
fn manual() -> String {
    format!("{}/validation", routes::LIBRARY)
}

/// A verification of one of the runs.
#[component]
fn StartCard(runs: Vec<Run>) -> impl IntoView {
    let Some(form) = WithRun::among(runs) else {
        return view! {
            <NoRunYet text="There is something to compare once a run has completed."/>
        }
        .into_any();
    };
    let wanted = Wanted::new();
    let start = form.sender(move |run_id| {
        let (mode, sample) = wanted.read();
        let new = NewVerification { run_id, mode, sample };
        async move {
            let begun = api::verifications::start(&new).await?;
            Ok(Place::Verification(begun.id))
        }
    });
    let modes = [Mode::Full, Mode::Sample, Mode::SinceLast]
        .map(|mode| Choice::new(mode.as_str(), mode.label()))
        .to_vec();
    let WithRun { choices, run, refusal, is_busy } = form.clone();
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
                        problem=form.about("sample.confidence")
                    />
                    <TextField
                        name="verify-tolerance"
                        label="Share of a table that may differ unseen, in percent"
                        value=wanted.tolerance
                        problem=form.about("sample.tolerance")
                    />
                </div>
            </Show>
            <Refusal error=move || refusal.get().filter(|error| error.fields().is_empty())/>
            <div class="actions">
                <button type="button" class="button primary" disabled=is_busy on:click=move |_| start()>
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
    use shared::id::RunId;

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
