//! The plan as text, and what is wrong with it.

use leptos::{ev, prelude::*, task::spawn_local};
use shared::plan::{PlanProblem, SavedPlan};
use shared::user::Permission;

use crate::api::{self, ApiError};
use crate::components::{Icon, Refusal, Shape};
use crate::stores::{Notices, PlanDraft, Session};

#[component]
pub(super) fn Editor(draft: PlanDraft, saved: RwSignal<SavedPlan>) -> impl IntoView {
    let session = Session::expect();
    let work = Work::new(draft, saved);
    let may_edit = move || session.may(Permission::EditPlans);
    let save = move |event: ev::SubmitEvent| {
        event.prevent_default();
        work.save();
    };
    view! {
        <form class="card editor" on:submit=save>
            <label for="plan-yaml">"The plan as YAML"</label>
            <p class="field-hint" id="plan-yaml-hint">
                "The same document that the command line reads. Comments are not kept."
            </p>
            <textarea
                class="input editor-text"
                id="plan-yaml"
                spellcheck="false"
                autocapitalize="off"
                aria-describedby="plan-yaml-hint plan-yaml-problems"
                aria-invalid=move || draft.unreadable().is_some().then_some("true")
                readonly=move || !may_edit()
                prop:value=move || draft.text()
                on:input=move |event| work.edit(event_target_value(&event))
            ></textarea>
            <div id="plan-yaml-problems" aria-live="polite">
                <Unreadable draft/>
                <Problems problems=move || described(draft.problems())/>
                {move || work.checked.get().map(|problems| view! { <CheckOutcome problems/> })}
            </div>
            <Refusal error=work.refusal/>
            <Problems problems=move || work.refused_fields()/>
            <Show when=may_edit>
                <Actions draft work/>
            </Show>
        </form>
    }
}

/// What is being done with the text.
#[derive(Clone, Copy)]
struct Work {
    draft: PlanDraft,
    saved: RwSignal<SavedPlan>,
    notices: Notices,
    is_busy: RwSignal<bool>,
    refusal: RwSignal<Option<ApiError>>,
    /// What was found when the text, as it is, was held against the databases.
    checked: RwSignal<Option<Vec<PlanProblem>>>,
}

impl Work {
    fn new(draft: PlanDraft, saved: RwSignal<SavedPlan>) -> Self {
        Self {
            draft,
            saved,
            notices: Notices::expect(),
            is_busy: RwSignal::new(false),
            refusal: RwSignal::new(None),
            checked: RwSignal::new(None),
        }
    }

    fn edit(self, text: String) {
        self.forget_answers();
        self.draft.edit(text);
    }

    fn discard(self) {
        self.forget_answers();
        self.draft.discard();
    }

    fn check(self) {
        let Ok(plan) = self.draft.plan() else { return };
        self.forget_answers();
        self.is_busy.set(true);
        spawn_local(async move {
            match api::plans::check(&plan).await {
                Ok(check) => self.checked.set(Some(check.problems)),
                Err(error) => self.refusal.set(Some(error)),
            }
            self.is_busy.set(false);
        });
    }

    fn save(self) {
        let Ok(plan) = self.draft.plan() else { return };
        let before = self.saved.get_untracked();
        self.forget_answers();
        self.is_busy.set(true);
        spawn_local(async move {
            match api::plans::save(&before, &plan).await {
                Ok(new) => {
                    self.draft.saved_as(&new.plan);
                    self.notices.good(format!("Saved as version {}.", new.version));
                    self.saved.set(new);
                }
                Err(error) => self.refusal.set(Some(error)),
            }
            self.is_busy.set(false);
        });
    }

    fn refused_fields(self) -> Vec<(String, String)> {
        self.refusal.with(|refusal| {
            let fields = refusal.as_ref().map(ApiError::fields).unwrap_or_default();
            fields.iter().map(|field| (field.field.clone(), field.message.clone())).collect()
        })
    }

    fn forget_answers(self) {
        self.refusal.set(None);
        self.checked.set(None);
    }
}

#[component]
fn Actions(draft: PlanDraft, work: Work) -> impl IntoView {
    let is_blocked = move || work.is_busy.get() || draft.unreadable().is_some();
    view! {
        <div class="actions">
            <button
                type="submit"
                class="button primary"
                data-shortcut="save"
                aria-keyshortcuts="Control+S"
                disabled=move || is_blocked() || !draft.is_changed()
            >
                {move || if work.is_busy.get() { "One moment…" } else { "Save a new version" }}
            </button>
            <button
                type="button"
                class="button"
                disabled=is_blocked
                on:click=move |_| work.check()
            >
                "Check against the databases"
            </button>
            <button
                type="button"
                class="button"
                disabled=move || !draft.is_changed()
                on:click=move |_| work.discard()
            >
                "Discard changes"
            </button>
        </div>
    }
}

#[component]
fn Unreadable(draft: PlanDraft) -> impl IntoView {
    move || {
        draft.unreadable().map(|text| {
            view! {
                <div class="alert tone-bad">
                    <Icon shape=Shape::Warning/>
                    <p>{text}</p>
                </div>
            }
        })
    }
}

#[component]
fn CheckOutcome(problems: Vec<PlanProblem>) -> impl IntoView {
    if problems.is_empty() {
        return view! {
            <p class="all-well">
                <Icon shape=Shape::Done/>
                "Both databases have what the plan names."
            </p>
        }
        .into_any();
    }
    view! { <Problems problems=described(problems)/> }.into_any()
}

fn described(problems: Vec<PlanProblem>) -> Vec<(String, String)> {
    problems
        .into_iter()
        .map(|problem| (problem.at, format!("{}: {}", problem.code, problem.message)))
        .collect()
}

/// Places in the document, and what is wrong there.
#[component]
fn Problems(#[prop(into)] problems: Signal<Vec<(String, String)>>) -> impl IntoView {
    view! {
        <Show when=move || !problems.read().is_empty()>
            <ul class="plan-problems">
                {move || {
                    problems
                        .get()
                        .into_iter()
                        .map(|(at, message)| {
                            view! {
                                <li>
                                    <code>{at}</code>
                                    " "
                                    {message}
                                </li>
                            }
                        })
                        .collect_view()
                }}
            </ul>
        </Show>
    }
}
