//! The parts of the installation's settings.

use leptos::{prelude::*, task::spawn_local};
use shared::approval::ActKind;

use super::installation::{Entry, FILE_POLICIES, Problems, SERVER_POLICIES, SearchesEntry};
use crate::api;
use crate::components::{
    CheckboxField, Choice, PasswordField, SelectField, TextAreaField, TextField,
};
use crate::stores::Notices;

#[component]
pub(super) fn Sessions(entry: Entry, said: Problems) -> impl IntoView {
    view! {
        <fieldset class="setting-group">
            <legend>"Sessions"</legend>
            <div class="form-row">
                <TextField
                    name="idle-minutes"
                    label="Idle for so many minutes"
                    hint="Then a session ends. A run goes on."
                    value=entry.idle_minutes
                    problem=said.about("sessions.idle_minutes")
                />
                <TextField
                    name="longest-hours"
                    label="At most so many hours"
                    value=entry.longest_hours
                    problem=said.about("sessions.longest_hours")
                />
            </div>
        </fieldset>
    }
}

#[component]
pub(super) fn Approvals(entry: Entry, said: Problems) -> impl IntoView {
    view! {
        <fieldset class="setting-group">
            <legend>"Steps that need a second person"</legend>
            <div class="choices">
                {ActKind::ALL
                    .iter()
                    .map(|&kind| view! { <SecondPersonChoice kind acts=entry.second_person/> })
                    .collect_view()}
            </div>
            <TextField
                name="expire-minutes"
                label="An approval counts for so many minutes"
                value=entry.expire_minutes
                problem=said.about("approvals.expire_minutes")
            />
        </fieldset>
    }
}

#[component]
fn SecondPersonChoice(kind: ActKind, acts: RwSignal<Vec<ActKind>>) -> impl IntoView {
    let change = move |event| {
        let is_wanted = event_target_checked(&event);
        acts.update(|acts| {
            acts.retain(|act| *act != kind);
            if is_wanted {
                acts.push(kind);
            }
        });
    };
    view! {
        <label class="checkbox">
            <input
                type="checkbox"
                prop:checked=move || acts.read().contains(&kind)
                on:change=change
            />
            {kind.label()}
        </label>
    }
}

#[component]
pub(super) fn Notifications(entry: Entry, said: Problems) -> impl IntoView {
    view! {
        <fieldset class="setting-group">
            <legend>"Notifications"</legend>
            <CheckboxField
                name="has-quiet-hours"
                label="Quiet hours: only blocking alerts are sent at once, the others wait"
                value=entry.has_quiet_hours
            />
            <Show when=move || entry.has_quiet_hours.get()>
                <div class="form-row">
                    <TextField
                        name="quiet-from"
                        label="From"
                        kind="time"
                        value=entry.quiet_from
                        problem=said.about("notifications.quiet_hours.from")
                    />
                    <TextField
                        name="quiet-to"
                        label="Until"
                        kind="time"
                        value=entry.quiet_to
                        problem=said.about("notifications.quiet_hours.to")
                    />
                    <TextField
                        name="quiet-zone"
                        label="By the clocks of"
                        placeholder="Europe/Berlin"
                        value=entry.quiet_zone
                        problem=said.about("notifications.quiet_hours.zone")
                    />
                </div>
            </Show>
        </fieldset>
    }
}

#[component]
pub(super) fn Searches(entry: Entry, said: Problems) -> impl IntoView {
    let SearchesEntry { keep, keep_days } = entry.searches.get_value();
    view! {
        <fieldset class="setting-group">
            <legend>"Old searches for duplicates"</legend>
            <div class="form-row">
                <TextField
                    name="searches-keep"
                    label="Keep so many among the same people"
                    hint="What was decided and merged stays in any case."
                    value=keep
                    problem=said.about("searches.keep")
                />
                <TextField
                    name="searches-keep-days"
                    label="And none older than so many days"
                    hint="Leave it empty to go by the number alone."
                    value=keep_days
                    problem=said.about("searches.keep_days")
                />
            </div>
        </fieldset>
    }
}

#[component]
pub(super) fn Hosts(
    entry: Entry,
    said: Problems,
    /// The deployment decides it.
    is_fixed: bool,
) -> impl IntoView {
    let servers: Vec<_> =
        SERVER_POLICIES.iter().map(|(_, name, label)| Choice::new(*name, *label)).collect();
    let files: Vec<_> =
        FILE_POLICIES.iter().map(|(_, name, label)| Choice::new(*name, *label)).collect();
    view! {
        <fieldset class="setting-group" disabled=is_fixed>
            <legend>"Databases that connections may name"</legend>
            {is_fixed
                .then(|| {
                    view! {
                        <p class="quiet-text">"The deployment decides this: it cannot be changed here."</p>
                    }
                })}
            <div class="form-row">
                <SelectField
                    name="host-servers"
                    label="Servers"
                    value=entry.servers
                    choices=servers
                />
                <SelectField name="host-files" label="Files" value=entry.files choices=files/>
            </div>
            <Show when=move || entry.servers.read().as_str() == "listed">
                <TextAreaField
                    name="host-listed"
                    label="Listed servers"
                    hint="One a line: a host, *.domain, an address, or a network such as 10.1.0.0/16."
                    value=entry.listed
                    problem=said.about("hosts.listed")
                />
            </Show>
            <Show when=move || entry.files.read().as_str() == "listed">
                <TextAreaField
                    name="host-folders"
                    label="Listed folders"
                    hint="One full path a line."
                    value=entry.folders
                    problem=said.about("hosts.folders")
                />
            </Show>
        </fieldset>
    }
}

#[component]
pub(super) fn Assistant(
    entry: Entry,
    said: Problems,
    has_key: bool,
    changed: Callback<()>,
) -> impl IntoView {
    view! {
        <fieldset class="setting-group">
            <legend>"Assistant"</legend>
            <p class="quiet-text">
                "The assistant answers from the manuals and from the state of the runs. A service \
                that speaks the OpenAI protocol may put its answers into words; it is off until \
                you turn it on, and no value of a row ever goes to it."
            </p>
            <TextField
                name="assistant-endpoint"
                label="Endpoint"
                placeholder="https://models.clinic.example/v1"
                value=entry.assistant_endpoint
                problem=said.about("assistant.endpoint")
            />
            <TextField
                name="assistant-model"
                label="Model"
                value=entry.assistant_model
                problem=said.about("assistant.model")
            />
            <CheckboxField
                name="assistant-enabled"
                label="Ask this service"
                value=entry.assistant_enabled
            />
            <p class="field-problem" aria-live="polite">
                {said.about("assistant.enabled")}
            </p>
            <AssistantKey has_key changed/>
        </fieldset>
    }
}

/// The key goes in and never comes out again.
#[component]
fn AssistantKey(has_key: bool, changed: Callback<()>) -> impl IntoView {
    let notices = Notices::expect();
    let key = RwSignal::new(String::new());
    let is_busy = RwSignal::new(false);
    let set = move |new: Option<String>| {
        is_busy.set(true);
        spawn_local(async move {
            match api::settings::set_assistant_key(new).await {
                Ok(()) => {
                    notices.good("The assistant's key was changed.");
                    changed.run(());
                }
                Err(error) => {
                    notices.bad(error.sentence());
                    is_busy.set(false);
                }
            }
        });
    };
    view! {
        <PasswordField
            name="assistant-key"
            label=if has_key { "Another key" } else { "Key" }
            autocomplete="off"
            value=key
        />
        <div class="actions">
            <button
                type="button"
                class="button"
                disabled=move || is_busy.get() || key.read().trim().is_empty()
                on:click=move |_| set(Some(key.get_untracked()))
            >
                "Set the key"
            </button>
            {has_key
                .then(|| {
                    view! {
                        <button
                            type="button"
                            class="button"
                            disabled=is_busy
                            on:click=move |_| set(None)
                        >
                            "Forget the key"
                        </button>
                    }
                })}
        </div>
    }
}
