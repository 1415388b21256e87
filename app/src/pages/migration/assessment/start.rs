//! Asking for an assessment.

use leptos::{ev, prelude::*, task::spawn_local};
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;
use shared::assessment::{NewAssessment, Thoroughness};
use shared::check::{CheckSelection, Group};
use shared::id::PlanId;
use shared::plan::PlanSummary;

use super::Place;
use crate::api::{self, ApiError};
use crate::components::{CheckboxField, Choice, Icon, Refusal, SelectField, Shape};

const EVERY_ROW: &str = "all";
const SAMPLE: &str = "sample";
const NO_ROW: &str = "none";

/// So many rows of each table are a sample.
const SAMPLE_ROWS: u64 = 50_000;

/// What the values look like is told of so many rows of each table.
const PROFILE_ROWS: u64 = 100_000;

#[component]
pub(super) fn StartCard(plans: Vec<PlanSummary>) -> impl IntoView {
    let choices: Vec<_> = plans
        .iter()
        .map(|plan| {
            Choice::new(plan.id.as_str(), format!("{}, version {}", plan.name, plan.version))
        })
        .collect();
    let Some(first) = choices.first() else {
        return view! {
            <section class="card">
                <p>
                    "An assessment needs a plan. " <a href=Place::Plans.address()>"Draft one"</a>
                    "."
                </p>
            </section>
        }
        .into_any();
    };
    let navigate = use_navigate();
    let plan = RwSignal::new(first.value.clone());
    let rows = RwSignal::new(EVERY_ROW.to_owned());
    let profiles = RwSignal::new(false);
    let groups = Group::ALL.map(|group| (group, RwSignal::new(true)));
    let is_none_chosen =
        Signal::derive(move || groups.iter().all(|(_, is_chosen)| !is_chosen.get()));
    let is_busy = RwSignal::new(false);
    let refusal = RwSignal::new(None::<ApiError>);
    let submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        let Ok(plan_id) = PlanId::parse(plan.get_untracked()) else { return };
        let chosen = groups.iter().filter(|(_, is_chosen)| is_chosen.get_untracked());
        let new = NewAssessment {
            plan_id,
            selection: selection_of(chosen.map(|(group, _)| *group).collect()),
            look: look_of(&rows.get_untracked(), profiles.get_untracked()),
        };
        let navigate = navigate.clone();
        refusal.set(None);
        is_busy.set(true);
        spawn_local(async move {
            match api::assessments::start(&new).await {
                Ok(item) => {
                    navigate(&Place::Assessment(item.id).address(), NavigateOptions::default());
                }
                Err(error) => {
                    refusal.set(Some(error));
                    is_busy.set(false);
                }
            }
        });
    };
    let looks = vec![
        Choice::new(EVERY_ROW, "Every row"),
        Choice::new(SAMPLE, "A sample of each table"),
        Choice::new(NO_ROW, "No row: only the checks"),
    ];
    view! {
        <section class="card" aria-labelledby="assess-a-plan">
            <h3 id="assess-a-plan">"Assess a plan"</h3>
            <form class="form" on:submit=submit novalidate>
                <div class="form-row">
                    <SelectField name="assess-plan" label="Plan" value=plan choices/>
                    <SelectField
                        name="assess-rows"
                        label="Run its rules over"
                        value=rows
                        choices=looks
                    />
                </div>
                <Groups groups/>
                <CheckboxField
                    name="assess-profile"
                    label="Also say what the values look like; no value is told, only its form"
                    value=profiles
                />
                <Refusal error=refusal/>
                <div class="actions">
                    <button
                        type="submit"
                        class="button primary"
                        data-shortcut="start"
                        aria-keyshortcuts="Control+Enter"
                        disabled=move || is_busy.get() || is_none_chosen.get()
                    >
                        <Icon shape=Shape::Search/>
                        {move || if is_busy.get() { "Starting…" } else { "Start the assessment" }}
                    </button>
                </div>
            </form>
        </section>
    }
    .into_any()
}

/// Which groups of checks are made.
#[component]
fn Groups(groups: [(Group, RwSignal<bool>); 5]) -> impl IntoView {
    view! {
        <fieldset class="choices">
            <legend>"Checks"</legend>
            {groups
                .into_iter()
                .map(|(group, value)| {
                    view! {
                        <CheckboxField
                            name=field_of(group)
                            label=group.label().to_owned()
                            value
                        />
                    }
                })
                .collect_view()}
        </fieldset>
    }
}

/// The name of a group's field.
const fn field_of(group: Group) -> &'static str {
    match group {
        Group::Connection => "assess-connection",
        Group::Source => "assess-source",
        Group::Target => "assess-target",
        Group::Data => "assess-data",
        Group::Governance => "assess-governance",
    }
}

/// All groups are what an empty selection stands for.
fn selection_of(groups: Vec<Group>) -> CheckSelection {
    let groups = if groups.len() == Group::ALL.len() { Vec::new() } else { groups };
    CheckSelection { groups, checks: Vec::new() }
}

fn look_of(rows: &str, profiles: bool) -> Thoroughness {
    Thoroughness {
        rows: match rows {
            SAMPLE => Some(SAMPLE_ROWS),
            NO_ROW => Some(0),
            _ => None,
        },
        profile: profiles.then_some(PROFILE_ROWS),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_groups_are_asked_for_by_naming_none() {
        assert_eq!(selection_of(Group::ALL.to_vec()), CheckSelection::default());
        let one = selection_of(vec![Group::Target]);
        assert_eq!(one.groups, [Group::Target]);
    }

    #[test]
    fn every_row_is_asked_for_by_naming_no_number() {
        assert_eq!(look_of(EVERY_ROW, false), Thoroughness::default());
        assert_eq!(look_of(NO_ROW, true).rows, Some(0));
        assert_eq!(look_of(SAMPLE, true).profile, Some(PROFILE_ROWS));
    }
}
