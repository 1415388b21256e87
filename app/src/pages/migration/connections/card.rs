//! One connection, and its test.

use leptos::{prelude::*, task::spawn_local};
use shared::connection::{Connection, ConnectionTest, TestedAt};
use shared::user::Permission;

use crate::api::{self, ApiError};
use crate::components::{Badge, Dialog, Icon, Moment, Refusal, RoleBadge, Shape, Skeleton};
use crate::stores::{Notices, Session, Tone};

#[component]
pub(super) fn ConnectionCard(
    connection: Connection,
    /// Called when the list is no longer what it was.
    changed: Callback<()>,
) -> impl IntoView {
    let test = Test::new();
    let Connection { name, role, engine, url, created_at, tested, .. } = connection.clone();
    view! {
        <li class="card connection">
            <div class="card-head">
                <div>
                    <h3>{name}</h3>
                    <div class="badges">
                        <RoleBadge role/>
                        <Badge tone=Tone::Neutral text=engine.label().to_owned()/>
                        <LastTest test tested/>
                    </div>
                </div>
                <Controls connection test changed/>
            </div>
            <p class="connection-url">
                <code>{url}</code>
            </p>
            <p class="quiet-text">
                "Added " <Moment time=created_at/>
            </p>
            <div aria-live="polite">
                <Show when=move || test.is_running.get()>
                    <Skeleton lines=2/>
                </Show>
                {move || {
                    test.outcome
                        .get()
                        .map(|outcome| match outcome {
                            Ok(test) => view! { <TestSteps test/> }.into_any(),
                            Err(error) => view! { <Refusal error=Some(error)/> }.into_any(),
                        })
                }}
            </div>
        </li>
    }
}

/// A test that was started on this page.
#[derive(Clone, Copy)]
struct Test {
    is_running: RwSignal<bool>,
    outcome: RwSignal<Option<Result<ConnectionTest, ApiError>>>,
}

impl Test {
    fn new() -> Self {
        Self { is_running: RwSignal::new(false), outcome: RwSignal::new(None) }
    }

    fn run(self, connection: &Connection) {
        let id = connection.id.clone();
        self.is_running.set(true);
        self.outcome.set(None);
        spawn_local(async move {
            self.outcome.set(Some(api::connections::test(&id).await));
            self.is_running.set(false);
        });
    }
}

#[component]
fn Controls(connection: Connection, test: Test, changed: Callback<()>) -> impl IntoView {
    let session = Session::expect();
    let notices = Notices::expect();
    let is_removing = RwSignal::new(false);
    let name = connection.name.clone();
    let connection = StoredValue::new(connection);
    let name_again = move || connection.with_value(|connection| connection.name.clone());
    let remove = move |_| {
        let Connection { id, name, .. } = connection.get_value();
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
    };
    view! {
        <Show when=move || session.may(Permission::ManageConnections)>
            <div class="actions">
                <button
                    type="button"
                    class="button"
                    disabled=test.is_running
                    on:click=move |_| connection.with_value(|connection| test.run(connection))
                >
                    <Icon shape=Shape::Plug/>
                    {move || if test.is_running.get() { "Testing…" } else { "Test" }}
                    <span class="visually-hidden">{name_again}</span>
                </button>
                <button
                    type="button"
                    class="button icon-only quiet"
                    on:click=move |_| is_removing.set(true)
                >
                    <Icon shape=Shape::Trash/>
                    <span class="visually-hidden">"Remove " {name_again}</span>
                </button>
            </div>
        </Show>
        <Dialog name="remove-connection" title=format!("Remove {name}?") open=is_removing>
            <p>"Plans that name it can no longer be run. The database itself is not touched."</p>
            <div class="actions">
                <button type="button" class="button danger" on:click=remove>
                    "Remove"
                </button>
                <button type="button" class="button" on:click=move |_| is_removing.set(false)>
                    "Keep"
                </button>
            </div>
        </Dialog>
    }
}

/// What the last test said, here or before.
#[component]
fn LastTest(test: Test, tested: Option<TestedAt>) -> impl IntoView {
    move || match (test.outcome.get(), &tested) {
        (Some(Ok(outcome)), _) => tested_badge(outcome.passed),
        (_, Some(tested)) => view! {
            {tested_badge(tested.passed)}
            <span class="quiet-text">
                <Moment time=tested.at/>
            </span>
        }
        .into_any(),
        (_, None) => {
            view! { <Badge tone=Tone::Neutral text="Not tested yet".to_owned()/> }.into_any()
        }
    }
}

fn tested_badge(passed: bool) -> AnyView {
    if passed {
        view! { <Badge tone=Tone::Good icon=Shape::Done text="Works".to_owned()/> }.into_any()
    } else {
        view! { <Badge tone=Tone::Bad icon=Shape::Failed text="Test failed".to_owned()/> }
            .into_any()
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
