//! What can be done with rows: look at them, fix them, leave them behind, carry them over.

use leptos::{ev, prelude::*, task::spawn_local};
use shared::quarantine::{QuarantineFilter, QuarantinedRow, WorkOutcome, WorkRequest};
use shared::user::Permission;

use super::desk::{Chosen, Desk};
use super::fix::FixForm;
use super::outcome::OutcomeTables;
use crate::api::{self, ApiError};
use crate::components::{Dialog, Icon, Refusal, Shape, TextField};
use crate::stores::{Notices, Session};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Task {
    Triage,
    Fix,
    Waive,
    Replay,
}

impl Task {
    pub(super) const ALL: [Self; 4] = [Self::Triage, Self::Fix, Self::Waive, Self::Replay];

    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Triage => "Mark as looked at",
            Self::Fix => "Fix",
            Self::Waive => "Waive",
            Self::Replay => "Replay",
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::Triage => "Mark rows as looked at",
            Self::Fix => "Fix rows by a rule",
            Self::Waive => "Sign that rows stay behind",
            Self::Replay => "Carry rows into the target",
        }
    }

    const fn shape(self) -> Shape {
        match self {
            Self::Triage => Shape::Eye,
            Self::Fix => Shape::Wrench,
            Self::Waive => Shape::Inbox,
            Self::Replay => Shape::Play,
        }
    }
}

/// What somebody is about to do.
#[derive(Clone, Copy)]
pub(super) struct Asked {
    task: RwSignal<Task>,
    open: RwSignal<bool>,
}

impl Asked {
    pub(super) fn new() -> Self {
        Self { task: RwSignal::new(Task::Triage), open: RwSignal::new(false) }
    }

    pub(super) fn ask(self, task: Task) {
        self.task.set(task);
        self.open.set(true);
    }
}

/// The buttons above the list, and what they are about.
#[component]
pub(super) fn Tasks(
    desk: Desk,
    chosen: Signal<Chosen>,
    asked: Asked,
    /// The rows that were chosen one by one.
    picked: RwSignal<Vec<QuarantinedRow>>,
    filter: QuarantineFilter,
) -> impl IntoView {
    let session = Session::expect();
    let notices = Notices::expect();
    let is_saving = RwSignal::new(false);
    let filter = StoredValue::new(filter);
    let export = move |_| {
        is_saving.set(true);
        spawn_local(async move {
            if let Err(error) = api::quarantine::export(&desk.run(), &filter.get_value()).await {
                notices.bad(error.sentence());
            }
            is_saving.set(false);
        });
    };
    let has_picked = move || picked.with(|picked| !picked.is_empty());
    view! {
        <div class="work-bar" role="group" aria-label="Work on rows">
            <Show when=move || session.may(Permission::WorkQuarantine)>
                <p class="work-on" aria-live="polite">
                    {move || format!("Work on {}", chosen.read().in_words())}
                </p>
                <Show when=has_picked>
                    <button
                        type="button"
                        class="link-button"
                        on:click=move |_| picked.set(Vec::new())
                    >
                        "Choose none"
                    </button>
                </Show>
                <div class="actions">
                    {Task::ALL
                        .into_iter()
                        .map(|task| {
                            view! {
                                <button
                                    type="button"
                                    class="button"
                                    aria-haspopup="dialog"
                                    on:click=move |_| asked.ask(task)
                                >
                                    <Icon shape=task.shape()/>
                                    {task.label()}
                                </button>
                            }
                        })
                        .collect_view()}
                </div>
            </Show>
            <button
                type="button"
                class="button work-export"
                title="One line a row, with masked values"
                disabled=is_saving
                on:click=export
            >
                <Icon shape=Shape::Download/>
                {move || if is_saving.get() { "Exporting…" } else { "Export CSV" }}
            </button>
        </div>
    }
}

/// The window in which something is decided and done.
#[component]
pub(super) fn TaskDialog(
    /// An id that no other dialog of the page has.
    name: &'static str,
    desk: Desk,
    #[prop(into)] chosen: Signal<Chosen>,
    asked: Asked,
) -> impl IntoView {
    let Asked { task, open } = asked;
    let title = Signal::derive(move || task.get().title().to_owned());
    let done = Callback::new(move |outcome: WorkOutcome| {
        open.set(false);
        desk.finish(outcome);
    });
    view! {
        <Dialog name title open>
            {move || {
                // What is chosen when the window opens is what it is about.
                let chosen = StoredValue::new(chosen.get_untracked());
                match task.get() {
                    Task::Triage => view! { <TriageForm desk chosen done/> }.into_any(),
                    Task::Fix => view! { <FixForm desk chosen done/> }.into_any(),
                    Task::Waive => view! { <WaiveForm desk chosen done/> }.into_any(),
                    Task::Replay => view! { <ReplayForm desk chosen done/> }.into_any(),
                }
            }}
        </Dialog>
    }
}

/// What a form asks for, on its way.
#[derive(Clone, Copy)]
pub(super) struct Sending {
    pub(super) refusal: RwSignal<Option<ApiError>>,
    pub(super) is_busy: RwSignal<bool>,
    done: Callback<WorkOutcome>,
}

impl Sending {
    /// `done` is told what came of it.
    pub(super) fn new(done: Callback<WorkOutcome>) -> Self {
        Self { refusal: RwSignal::new(None), is_busy: RwSignal::new(false), done }
    }

    pub(super) fn send(self, work: impl Future<Output = Result<WorkOutcome, ApiError>> + 'static) {
        self.refusal.set(None);
        self.is_busy.set(true);
        spawn_local(async move {
            match work.await {
                Ok(outcome) => self.done.run(outcome),
                Err(error) => {
                    self.refusal.set(Some(error));
                    self.is_busy.set(false);
                }
            }
        });
    }
}

#[component]
fn TriageForm(
    desk: Desk,
    chosen: StoredValue<Chosen>,
    done: Callback<WorkOutcome>,
) -> impl IntoView {
    let note = RwSignal::new(String::new());
    let sending = Sending::new(done);
    let Sending { refusal, is_busy, .. } = sending;
    let submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        let request = WorkRequest {
            selection: chosen.with_value(|chosen| chosen.selection.clone()),
            note: given(&note.read_untracked()),
            ..WorkRequest::default()
        };
        sending.send(async move { api::quarantine::triage(&desk.run(), &request).await });
    };
    view! {
        <form class="form" on:submit=submit novalidate>
            <p>{chosen.with_value(|chosen| format!("This is about {}.", chosen.in_words()))}</p>
            <TextField
                name="triage-note"
                label="Note"
                hint="What you found, without a patient's name. It may stay empty."
                value=note
            />
            <Refusal error=refusal/>
            <div class="actions">
                <button type="submit" class="button primary" disabled=is_busy>
                    "Mark as looked at"
                </button>
            </div>
        </form>
    }
}

#[component]
fn WaiveForm(
    desk: Desk,
    chosen: StoredValue<Chosen>,
    done: Callback<WorkOutcome>,
) -> impl IntoView {
    let note = RwSignal::new(String::new());
    let sending = Sending::new(done);
    let Sending { refusal, is_busy, .. } = sending;
    let submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        let request = WorkRequest {
            selection: chosen.with_value(|chosen| chosen.selection.clone()),
            note: given(&note.read_untracked()),
            ..WorkRequest::default()
        };
        sending.send(async move { api::quarantine::waive(&desk.run(), &request).await });
    };
    let problem = Signal::derive(move || refusal.with(|refusal| refusal.as_ref()?.about("note")));
    view! {
        <form class="form" on:submit=submit novalidate>
            <p>
                {chosen
                    .with_value(|chosen| {
                        format!("You sign that {} stay behind. This can be undone.", chosen.in_words())
                    })}
            </p>
            <TextField
                name="waive-note"
                label="Why they stay behind"
                hint="Your name and this reason are kept in the audit trail. Name no patient."
                value=note
                problem
            />
            <Refusal error=move || refusal.get().filter(|error| error.fields().is_empty())/>
            <div class="actions">
                <button type="submit" class="button primary" disabled=is_busy>
                    "Waive"
                </button>
            </div>
        </form>
    }
}

/// Carrying rows over: tried first, if wanted, and then done.
#[component]
fn ReplayForm(
    desk: Desk,
    chosen: StoredValue<Chosen>,
    done: Callback<WorkOutcome>,
) -> impl IntoView {
    let version = RwSignal::new(String::new());
    let refusal = RwSignal::new(None::<ApiError>);
    let is_busy = RwSignal::new(false);
    let tried = RwSignal::new(None::<WorkOutcome>);
    let version_problem = Signal::derive(move || {
        let text = version.get();
        let is_right = text.trim().is_empty() || text.trim().parse::<u32>().is_ok();
        (!is_right).then(|| "Write a number, or nothing.".to_owned())
    });
    let replay = move |dry_run| {
        if version_problem.get_untracked().is_some() {
            return;
        }
        let request = WorkRequest {
            selection: chosen.with_value(|chosen| chosen.selection.clone()),
            plan_version: version.read_untracked().trim().parse().ok(),
            dry_run,
            ..WorkRequest::default()
        };
        refusal.set(None);
        tried.set(None);
        is_busy.set(true);
        spawn_local(async move {
            let answer = api::quarantine::replay(&desk.run(), &request).await;
            if tried.is_disposed() {
                return;
            }
            match answer {
                Ok(outcome) if dry_run => tried.set(Some(outcome)),
                Ok(outcome) => return done.run(outcome),
                Err(error) => refusal.set(Some(error)),
            }
            is_busy.set(false);
        });
    };
    let submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        replay(false);
    };
    view! {
        <form class="form" on:submit=submit novalidate>
            <p>
                {chosen
                    .with_value(|chosen| {
                        format!(
                            "This carries {} into the target. What is refused again stays here, with \
                            its new reason; rows that wait for a parent go with it.",
                            chosen.in_words(),
                        )
                    })}
            </p>
            <TextField
                name="replay-version"
                label="Version of the plan"
                hint="Empty: by the rules of the run. A later version may have the rule that was \
                missing."
                value=version
                problem=version_problem
            />
            <Refusal error=refusal/>
            <div role="status">
                {move || {
                    tried
                        .get()
                        .map(|outcome| {
                            view! {
                                <div class="tried">
                                    <p class="alert-title">"If it were done now"</p>
                                    <OutcomeTables outcome/>
                                </div>
                            }
                        })
                }}
            </div>
            <div class="actions">
                <button
                    type="button"
                    class="button"
                    disabled=is_busy
                    on:click=move |_| replay(true)
                >
                    "Try it"
                </button>
                <button type="submit" class="button primary" disabled=is_busy>
                    <Icon shape=Shape::Play/>
                    {move || if is_busy.get() { "Working…" } else { "Replay" }}
                </button>
            </div>
        </form>
    }
}

/// What somebody wrote, if they wrote something.
pub(super) fn given(text: &str) -> Option<String> {
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}
