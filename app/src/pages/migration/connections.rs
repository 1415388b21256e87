//! Databases to read and to write: add, test, remove.

use leptos::{ev, prelude::*, task::spawn_local};
use leptos_meta::Title;
use shared::connection::{Connection, ConnectionTest, Engine, NewConnection, Role, without_secret};
use shared::user::Permission;

use crate::api::{self, ApiError};
use crate::components::{
    Badge, Choice, Dialog, EmptyState, Icon, Loaded, Moment, Refusal, RoleBadge, SelectField,
    Shape, Skeleton, TextField,
};
use crate::stores::{Notices, Session, Tone};

#[component]
pub fn Connections() -> impl IntoView {
    let session = Session::expect();
    let connections = LocalResource::new(api::connections::list);
    let is_adding = RwSignal::new(false);
    let may_manage = move || session.may(Permission::ManageConnections);
    let changed = Callback::new(move |()| connections.refetch());
    view! {
        <Title text="Connections"/>
        <div class="page-head">
            <div>
                <h2>"Connections"</h2>
                <p class="quiet-text">
                    "Databases to read and to write. Passwords go in sealed and never come out again."
                </p>
            </div>
            <Show when=may_manage>
                <button
                    type="button"
                    class="button primary"
                    on:click=move |_| is_adding.set(true)
                >
                    <Icon shape=Shape::Plus/>
                    "Add a connection"
                </button>
            </Show>
        </div>
        <Loaded resource=connections let:page>
            {if page.items.is_empty() {
                view! {
                    <section class="card">
                        <EmptyState
                            icon=Shape::Plug
                            title="No connections yet"
                            text="Add the legacy database as a source and the new one as a target."
                        />
                    </section>
                }
                    .into_any()
            } else {
                view! {
                    <ul class="connection-list">
                        {page
                            .items
                            .into_iter()
                            .map(|connection| view! { <ConnectionCard connection changed/> })
                            .collect_view()}
                    </ul>
                }
                    .into_any()
            }}
        </Loaded>
        <Dialog name="add-connection" title="Add a connection".to_owned() open=is_adding>
            <AddConnection
                added=move |()| {
                    is_adding.set(false);
                    connections.refetch();
                }
            />
        </Dialog>
    }
}

#[component]
fn ConnectionCard(
    connection: Connection,
    /// Called when the list is no longer what it was.
    changed: Callback<()>,
) -> impl IntoView {
    let session = Session::expect();
    let notices = Notices::expect();
    let may_manage = move || session.may(Permission::ManageConnections);
    let outcome = RwSignal::new(None::<Result<ConnectionTest, ApiError>>);
    let is_testing = RwSignal::new(false);
    let is_removing = RwSignal::new(false);
    let Connection { id, name, role, engine, url, created_at, tested } = connection;

    let test = {
        let id = id.clone();
        move |_| {
            let id = id.clone();
            is_testing.set(true);
            outcome.set(None);
            spawn_local(async move {
                outcome.set(Some(api::connections::test(&id).await));
                is_testing.set(false);
            });
        }
    };
    let remove = {
        let name = name.clone();
        Callback::new(move |()| {
            let (id, name) = (id.clone(), name.clone());
            is_removing.set(false);
            spawn_local(async move {
                match api::connections::remove(&id).await {
                    Ok(()) => {
                        notices.good(format!("Removed {name}."));
                        changed.run(());
                    }
                    Err(error) => notices.bad(error.sentence()),
                }
            });
        })
    };
    let shown_name = StoredValue::new(name.clone());
    // The last test, unless it has just been tested anew.
    let last = move || match outcome.get() {
        Some(Ok(test)) => tested_badge(test.passed).into_any(),
        _ => match &tested {
            Some(tested) => view! {
                {tested_badge(tested.passed)}
                <span class="quiet-text">
                    <Moment time=tested.at/>
                </span>
            }
            .into_any(),
            None => {
                view! { <Badge tone=Tone::Neutral text="Not tested yet".to_owned()/> }.into_any()
            }
        },
    };
    view! {
        <li class="card connection">
            <div class="card-head">
                <div>
                    <h3>{name.clone()}</h3>
                    <p class="badges">
                        <RoleBadge role/>
                        <Badge tone=Tone::Neutral text=engine.label().to_owned()/>
                        {last}
                    </p>
                </div>
                <Show when=may_manage>
                    <div class="actions">
                        <button
                            type="button"
                            class="button"
                            disabled=is_testing
                            on:click=test.clone()
                        >
                            <Icon shape=Shape::Plug/>
                            {move || if is_testing.get() { "Testing…" } else { "Test" }}
                            <span class="visually-hidden">{shown_name.get_value()}</span>
                        </button>
                        <button
                            type="button"
                            class="button icon-only quiet"
                            on:click=move |_| is_removing.set(true)
                        >
                            <Icon shape=Shape::Trash/>
                            <span class="visually-hidden">"Remove " {shown_name.get_value()}</span>
                        </button>
                    </div>
                </Show>
            </div>
            <p class="connection-url">
                <code>{url}</code>
            </p>
            <p class="quiet-text">
                "Added " <Moment time=created_at/>
            </p>
            <div aria-live="polite">
                <Show when=move || is_testing.get()>
                    <Skeleton lines=2/>
                </Show>
                {move || {
                    outcome
                        .get()
                        .map(|outcome| match outcome {
                            Ok(test) => view! { <TestSteps test/> }.into_any(),
                            Err(error) => view! { <Refusal error=Some(error)/> }.into_any(),
                        })
                }}
            </div>
            <Dialog
                name="remove-connection"
                title=format!("Remove {name}?")
                open=is_removing
            >
                <p>
                    "Plans that name it can no longer be run. The database itself is not touched."
                </p>
                <div class="actions">
                    <button type="button" class="button danger" on:click=move |_| remove.run(())>
                        "Remove"
                    </button>
                    <button
                        type="button"
                        class="button"
                        on:click=move |_| is_removing.set(false)
                    >
                        "Keep"
                    </button>
                </div>
            </Dialog>
        </li>
    }
}

fn tested_badge(passed: bool) -> impl IntoView {
    if passed {
        view! { <Badge tone=Tone::Good icon=Shape::Done text="Works".to_owned()/> }
    } else {
        view! { <Badge tone=Tone::Bad icon=Shape::Failed text="Test failed".to_owned()/> }
    }
}

#[component]
fn TestSteps(test: ConnectionTest) -> impl IntoView {
    view! {
        <div class="test">
            <p class="test-outcome">
                {if test.passed { "All steps passed" } else { "The test failed" }}
                {test.server.map(|server| format!(" · {server}"))}
            </p>
            <ol class="test-steps">
                {test
                    .steps
                    .into_iter()
                    .map(|step| {
                        let (class, shape, word) = if step.passed {
                            ("test-step passed", Shape::Done, "passed")
                        } else {
                            ("test-step failed", Shape::Failed, "failed")
                        };
                        view! {
                            <li class=class>
                                <Icon shape/>
                                <div>
                                    <p>
                                        <span class="test-step-name">{step.step}</span>
                                        <span class="visually-hidden">": " {word}</span>
                                        <span class="quiet-text">
                                            {format!(" {} ms", step.milliseconds)}
                                        </span>
                                    </p>
                                    <p class="quiet-text">{step.detail}</p>
                                </div>
                            </li>
                        }
                    })
                    .collect_view()}
            </ol>
        </div>
    }
}

#[component]
fn AddConnection(
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
                hint="postgres://…, mysql://…, sqlite:file.db or csv:folder. Percent-encode special characters of a password."
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
