//! Who is told of alerts, and by which way.

use leptos::{ev, prelude::*, task::spawn_local};
use shared::alert::{Channel, NewTarget, Target};
use shared::problem::FieldProblem;
use shared::user::Permission;

use super::{SeverityBadge, severity_choices, severity_label, severity_of};
use crate::api::{self, ApiError};
use crate::components::{
    Badge, CheckboxField, Choice, CopyButton, Dialog, EmptyState, Icon, Loaded, Moment, Refusal,
    SelectField, Shape, TableFrame, TextField,
};
use crate::stores::{Notices, Session, Tone};

#[component]
pub(super) fn Targets() -> impl IntoView {
    let session = Session::expect();
    let targets = LocalResource::new(api::alerts::targets);
    let edited = RwSignal::new(None::<Target>);
    let open = RwSignal::new(false);
    // Shown once, after a webhook was added.
    let secret = RwSignal::new(None::<String>);
    let edit = Callback::new(move |target: Option<Target>| {
        edited.set(target);
        open.set(true);
    });
    let changed = Callback::new(move |new_secret: Option<String>| {
        open.set(false);
        secret.set(new_secret);
        targets.refetch();
    });
    let title = Signal::derive(move || {
        if edited.with(Option::is_some) { "Change who is told" } else { "Tell somebody" }.to_owned()
    });
    let may_manage = move || session.may(Permission::ManageSettings);
    view! {
        <section class="card" aria-labelledby="alert-targets">
            <div class="card-head">
                <h3 id="alert-targets">"Who is told"</h3>
                <Show when=may_manage>
                    <button type="button" class="button" on:click=move |_| edit.run(None)>
                        <Icon shape=Shape::Plus/>
                        "Tell somebody"
                    </button>
                </Show>
            </div>
            <div role="status">
                {move || secret.get().map(|secret| view! { <Secret secret/> })}
            </div>
            <Loaded resource=targets lines=3 let:targets>
                <TargetTable targets edit changed/>
            </Loaded>
        </section>
        <Dialog name="alert-target" title open>
            {move || view! { <TargetForm target=edited.get() changed/> }}
        </Dialog>
    }
}

#[component]
fn Secret(secret: String) -> impl IntoView {
    let copied = secret.clone();
    view! {
        <div class="alert tone-warning">
            <Icon shape=Shape::Key/>
            <div>
                <p class="alert-title">"The secret with which messages are signed"</p>
                <p>"It is shown this once. " <code>{secret}</code></p>
                <CopyButton label="Copy the secret" text=move |()| copied.clone()/>
            </div>
        </div>
    }
}

#[component]
fn TargetTable(
    targets: Vec<Target>,
    edit: Callback<Option<Target>>,
    changed: Callback<Option<String>>,
) -> impl IntoView {
    if targets.is_empty() {
        return view! {
            <EmptyState
                icon=Shape::Send
                title="Nobody is told"
                text="Alerts are shown here alone until an address or a webhook is named."
            />
        }
        .into_any();
    }
    view! {
        <TableFrame label="Targets of alerts">
            <table class="table">
                <thead>
                    <tr>
                        <th scope="col">"Name"</th>
                        <th scope="col">"By"</th>
                        <th scope="col">"Of what"</th>
                        <th scope="col">"Last message"</th>
                        <th scope="col">
                            <span class="visually-hidden">"Test"</span>
                        </th>
                    </tr>
                </thead>
                <tbody>
                    {targets
                        .into_iter()
                        .map(|target| view! { <TargetRow target edit changed/> })
                        .collect_view()}
                </tbody>
            </table>
        </TableFrame>
    }
    .into_any()
}

#[component]
fn TargetRow(
    target: Target,
    edit: Callback<Option<Target>>,
    changed: Callback<Option<String>>,
) -> impl IntoView {
    let session = Session::expect();
    let notices = Notices::expect();
    let is_busy = RwSignal::new(false);
    let whole = StoredValue::new(target.clone());
    let name = move || whole.with_value(|target| target.name.clone());
    let test = move |_| {
        is_busy.set(true);
        spawn_local(async move {
            match api::alerts::test_target(&whole.with_value(|target| target.id.clone())).await {
                Ok(delivery) if delivery.delivered => {
                    notices.good(format!("A message went to {}.", name()));
                    changed.run(None);
                }
                Ok(delivery) => {
                    let why = delivery.problem.unwrap_or_else(|| "it was not taken".to_owned());
                    notices.bad(format!("The message did not reach {}: {why}.", name()));
                    changed.run(None);
                }
                Err(error) => notices.bad(error.sentence()),
            }
            is_busy.set(false);
        });
    };
    let (kind, place) = match target.channel {
        Channel::Email { address } => ("E-mail", address),
        Channel::Webhook { url } => ("Webhook", url),
    };
    view! {
        <tr>
            <th scope="row">
                <Show when=move || session.may(Permission::ManageSettings) fallback=name>
                    <button
                        type="button"
                        class="link-button"
                        on:click=move |_| edit.run(Some(whole.get_value()))
                    >
                        {name}
                    </button>
                </Show>
                {(!target.enabled)
                    .then(|| view! { " " <Badge tone=Tone::Neutral text="off".to_owned()/> })}
            </th>
            <td>
                {kind} " " <span class="quiet-text">{place}</span>
            </td>
            <td>
                <SeverityBadge severity=target.from_severity/>
                " and worse"
            </td>
            <td>
                {match target.last {
                    None => view! { <span class="quiet-text">"none yet"</span> }.into_any(),
                    Some(last) => {
                        let (tone, word) = if last.delivered {
                            (Tone::Good, "delivered")
                        } else {
                            (Tone::Bad, "not delivered")
                        };
                        view! {
                            <Badge tone text=word.to_owned()/>
                            " "
                            <span class="quiet-text">
                                <Moment time=last.at/>
                                {last.problem.map(|problem| format!(", {problem}"))}
                            </span>
                        }
                            .into_any()
                    }
                }}
            </td>
            <td>
                <Show when=move || session.may(Permission::ManageSettings)>
                    <button type="button" class="button" disabled=is_busy on:click=test>
                        <Icon shape=Shape::Send/>
                        {move || if is_busy.get() { "Sending…" } else { "Send a test" }}
                        <span class="visually-hidden">" to " {name}</span>
                    </button>
                </Show>
            </td>
        </tr>
    }
}

const EMAIL: &str = "email";
const WEBHOOK: &str = "webhook";

/// What stands in the form.
#[derive(Clone, Copy)]
struct Entry {
    name: RwSignal<String>,
    kind: RwSignal<String>,
    place: RwSignal<String>,
    severity: RwSignal<String>,
    is_enabled: RwSignal<bool>,
}

impl Entry {
    fn of(target: Option<&Target>) -> Self {
        let (kind, place) = match target.map(|target| &target.channel) {
            None => (EMAIL, String::new()),
            Some(Channel::Email { address }) => (EMAIL, address.clone()),
            Some(Channel::Webhook { url }) => (WEBHOOK, url.clone()),
        };
        let severity = target.map_or("warning", |target| severity_label(target.from_severity));
        Self {
            name: RwSignal::new(target.map(|target| target.name.clone()).unwrap_or_default()),
            kind: RwSignal::new(kind.to_owned()),
            place: RwSignal::new(place),
            severity: RwSignal::new(severity.to_owned()),
            is_enabled: RwSignal::new(target.is_none_or(|target| target.enabled)),
        }
    }

    fn target(self) -> NewTarget {
        let place = self.place.read_untracked().trim().to_owned();
        let is_mail = self.kind.with_untracked(|kind| kind == EMAIL);
        let channel = if is_mail {
            Channel::Email { address: place }
        } else {
            Channel::Webhook { url: place }
        };
        NewTarget {
            name: self.name.read_untracked().trim().to_owned(),
            channel,
            from_severity: severity_of(&self.severity.read_untracked()),
            enabled: self.is_enabled.get_untracked(),
        }
    }
}

#[component]
fn TargetForm(
    #[prop(optional_no_strip)] target: Option<Target>,
    /// Called with the secret of a new webhook.
    changed: Callback<Option<String>>,
) -> impl IntoView {
    let entry = Entry::of(target.as_ref());
    let is_new = target.is_none();
    let id = StoredValue::new(target.map(|target| target.id));
    let problems = RwSignal::new(Vec::<FieldProblem>::new());
    let refusal = RwSignal::new(None::<ApiError>);
    let is_busy = RwSignal::new(false);
    let submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        let new = entry.target();
        problems.set(new.problems());
        refusal.set(None);
        if problems.with_untracked(|problems| !problems.is_empty()) {
            return;
        }
        is_busy.set(true);
        spawn_local(async move {
            let saved = match id.get_value() {
                Some(id) => api::alerts::change_target(&id, &new).await.map(|_| None),
                None => api::alerts::create_target(&new).await.map(|made| made.signing_secret),
            };
            match saved {
                Ok(secret) => changed.run(secret),
                Err(error) => {
                    refusal.set(Some(error));
                    is_busy.set(false);
                }
            }
        });
    };
    let about = move |fields: &'static [&'static str]| {
        Signal::derive(move || {
            problems.with(|problems| {
                problems
                    .iter()
                    .find(|problem| fields.contains(&problem.field.as_str()))
                    .map(|problem| problem.message.clone())
            })
        })
    };
    let kinds = vec![Choice::new(EMAIL, "E-mail"), Choice::new(WEBHOOK, "Webhook")];
    view! {
        <form class="form" on:submit=submit novalidate>
            <TextField name="target-name" label="Name" value=entry.name problem=about(&["name"])/>
            // A target changes its place and not its kind.
            <Show when=move || is_new>
                <SelectField name="target-kind" label="By" value=entry.kind choices=kinds.clone()/>
            </Show>
            <TextField
                name="target-place"
                label="Address"
                hint="An e-mail address, or the URL that messages are posted to."
                value=entry.place
                problem=about(&["address", "url"])
            />
            <SelectField
                name="target-severity"
                label="Of alerts as bad as this, and worse"
                value=entry.severity
                choices=severity_choices()
            />
            <CheckboxField name="target-enabled" label="Send" value=entry.is_enabled/>
            <Refusal error=refusal/>
            <div class="actions">
                <button type="submit" class="button primary" disabled=is_busy>
                    "Save"
                </button>
                <Show when=move || !is_new>
                    <DeleteTarget id changed refusal/>
                </Show>
            </div>
        </form>
    }
}

#[component]
fn DeleteTarget(
    id: StoredValue<Option<shared::id::TargetId>>,
    changed: Callback<Option<String>>,
    refusal: RwSignal<Option<ApiError>>,
) -> impl IntoView {
    let is_sure = RwSignal::new(false);
    let delete = move |_| {
        // Once to ask, once to do it.
        if !is_sure.get_untracked() {
            return is_sure.set(true);
        }
        let Some(id) = id.get_value() else { return };
        spawn_local(async move {
            match api::alerts::delete_target(&id).await {
                Ok(()) => changed.run(None),
                Err(error) => refusal.set(Some(error)),
            }
        });
    };
    view! {
        <button type="button" class="button" on:click=delete>
            <Icon shape=Shape::Trash/>
            {move || if is_sure.get() { "Delete it for good" } else { "Delete" }}
        </button>
    }
}
