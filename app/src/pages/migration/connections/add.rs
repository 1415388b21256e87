//! The form that adds a connection.

use leptos::{ev, prelude::*, task::spawn_local};
use shared::connection::{Engine, NewConnection, Role, without_secret};

use crate::api::{self, ApiError};
use crate::components::{Choice, Refusal, SelectField, TextField};
use crate::stores::Notices;

#[component]
pub(super) fn AddConnection(
    /// Called when the connection was added.
    #[prop(into)]
    added: Callback<()>,
) -> impl IntoView {
    let notices = Notices::expect();
    let name = RwSignal::new(String::new());
    let role = RwSignal::new(SOURCE.to_owned());
    let url = RwSignal::new(String::new());
    let name_left = RwSignal::new(false);
    let url_left = RwSignal::new(false);
    let refusal = RwSignal::new(None::<ApiError>);
    let is_busy = RwSignal::new(false);

    let new = Memo::new(move |_| NewConnection {
        name: name.get().trim().to_owned(),
        role: if role.with(|role| role == TARGET) { Role::Target } else { Role::Source },
        url: url.get().trim().to_owned(),
    });
    let about = move |field: &'static str, left: RwSignal<bool>| {
        Signal::derive(move || {
            let refused = refusal.with(|refusal| refusal.as_ref()?.about(field));
            refused.or_else(|| left.get().then(|| new.with(|new| problem_of(new, field))).flatten())
        })
    };
    let understood = move || {
        new.with(|new| {
            let engine = Engine::of_url(&new.url)?;
            Some(format!("{}: {}", engine.label(), without_secret(&new.url)))
        })
    };
    let submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        name_left.set(true);
        url_left.set(true);
        refusal.set(None);
        let new = new.get_untracked();
        if !new.problems().is_empty() {
            return;
        }
        is_busy.set(true);
        spawn_local(async move {
            match api::connections::create(&new).await {
                Ok(connection) => {
                    notices.good(format!("Added {}.", connection.name));
                    added.run(());
                }
                Err(error) => {
                    refusal.set(Some(error));
                    is_busy.set(false);
                }
            }
        });
    };
    let role_choices =
        vec![Choice::new(SOURCE, "Source: read only"), Choice::new(TARGET, "Target: written to")];
    view! {
        <form class="form" on:submit=submit novalidate>
            <TextField
                name="connection-name"
                label="Name"
                placeholder="Legacy clinic"
                value=name
                problem=about("name", name_left)
                left=move |()| name_left.set(true)
            />
            <SelectField
                name="connection-role"
                label="What it is for"
                value=role
                choices=role_choices
                problem=about("role", url_left)
            />
            <TextField
                name="connection-url"
                label="URL"
                placeholder="postgres://user:password@host:5432/database"
                hint="postgres://…, mysql://…, sqlite:file.db or csv:folder. Special characters of \
                a password are percent-encoded."
                value=url
                problem=about("url", url_left)
                left=move |()| url_left.set(true)
            />
            <p class="field-hint" aria-live="polite">
                {understood}
            </p>
            <Refusal error=move || refusal.get().filter(|error| error.fields().is_empty())/>
            <div class="actions">
                <button type="submit" class="button primary" disabled=is_busy>
                    {move || if is_busy.get() { "Adding…" } else { "Add" }}
                </button>
            </div>
        </form>
    }
}

const SOURCE: &str = "source";
const TARGET: &str = "target";

fn problem_of(new: &NewConnection, field: &str) -> Option<String> {
    new.problems().into_iter().find(|(name, _)| *name == field).map(|(_, problem)| problem)
}
