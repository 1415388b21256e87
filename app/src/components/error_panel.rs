use leptos::prelude::*;
use serde_json::json;

use super::{CopyButton, Icon, Shape};
use crate::stores::{Failure, Failures};
use crate::{api::ApiError, browser, routes};

/// What stands in the place of what could not be shown: what happened, what to do, and an id
/// to tell whoever helps.
#[component]
pub fn ErrorPanel(
    error: ApiError,
    /// Tries again.
    #[prop(into)]
    retry: Callback<()>,
) -> impl IntoView {
    let incident = browser::incident_id();
    let details = json!({
        "id": incident,
        "time": browser::now(),
        "page": browser::current_path(),
        "code": error.code(),
        "status": error.status(),
        "title": error.title(),
        "detail": error.detail(),
    });
    let details = format!("{details:#}");
    Failures::expect().add(Failure {
        id: incident.clone(),
        at: browser::now(),
        title: error.title().to_owned(),
        details: details.clone(),
    });
    view! {
        <section class="card error-panel" role="alert">
            <span class="error-panel-icon">
                <Icon shape=Shape::Warning/>
            </span>
            <h2>{error.title().to_owned()}</h2>
            {error.detail().map(|detail| view! { <p>{detail.to_owned()}</p> })}
            {error.hint().map(|hint| view! { <p>{hint.to_owned()}</p> })}
            <p class="error-id">
                {error.code().map(|code| format!("{code} · "))} "Error ID: " <code>{incident}</code>
            </p>
            <div class="actions">
                <button type="button" class="button primary" on:click=move |_| retry.run(())>
                    <Icon shape=Shape::Refresh/>
                    "Try again"
                </button>
                <a class="button" href=routes::HOME>
                    <Icon shape=Shape::Home/>
                    "Go home"
                </a>
                <CopyButton label="Copy details" text=move |()| details.clone()/>
            </div>
            {error
                .docs()
                .map(|docs| {
                    view! {
                        <p>
                            <a href=docs.to_owned()>"What this error means and what mends it"</a>
                        </p>
                    }
                })}
        </section>
    }
}

/// Why what was asked for was not done, beside the form or button that asked.
#[component]
pub fn Refusal(#[prop(into)] error: Signal<Option<ApiError>>) -> impl IntoView {
    view! {
        <div role="alert">
            {move || {
                error
                    .get()
                    .map(|error| {
                        view! {
                            <div class="alert tone-bad">
                                <Icon shape=Shape::Warning/>
                                <div>
                                    <p class="alert-title">{error.title().to_owned()}</p>
                                    {[error.detail(), error.hint()]
                                        .into_iter()
                                        .flatten()
                                        .map(|text| view! { <p>{text.to_owned()}</p> })
                                        .collect_view()}
                                    {error
                                        .docs()
                                        .map(|docs| {
                                            view! {
                                                <a href=docs.to_owned()>"More about this error"</a>
                                            }
                                        })}
                                </div>
                            </div>
                        }
                    })
            }}
        </div>
    }
}
