//! A part of the portal that is fetched when it is first needed.
//!
//! Cut off by hand rather than by `#[lazy_route]`: that macro panics when the part cannot be
//! fetched (offline, or a newer build was installed), and the panic ends the whole portal.

use futures::future::LocalBoxFuture;
use leptos::prelude::*;

use crate::components::{CopyButton, Icon, PageSkeleton, Shape};
use crate::{browser, routes};

/// What shows the module's pages.
pub(super) type ShowPages = fn() -> AnyView;

/// The module could not be fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotLoaded;

#[cfg(feature = "split")]
impl From<leptos::wasm_split::SplitLoaderError> for NotLoaded {
    fn from(_: leptos::wasm_split::SplitLoaderError) -> Self {
        Self
    }
}

/// A module's pages, as soon as the module is there.
#[component]
pub(super) fn Module(
    /// What it holds, for when it cannot be fetched: `the migration pages`.
    what: &'static str,
    /// Fetches it, unless it is there.
    load: fn() -> LocalBoxFuture<'static, Result<ShowPages, NotLoaded>>,
) -> impl IntoView {
    let module = LocalResource::new(load);
    let retry = Callback::new(move |()| module.refetch());
    move || match module.get() {
        None => view! { <PageSkeleton/> }.into_any(),
        Some(Ok(show_pages)) => show_pages(),
        Some(Err(NotLoaded)) => view! { <NotLoadedPanel what retry/> }.into_any(),
    }
}

#[component]
fn NotLoadedPanel(what: &'static str, retry: Callback<()>) -> impl IntoView {
    let incident = browser::incident_id();
    let details = {
        let incident = incident.clone();
        move |()| format!("{incident}: could not load {what} at {}", browser::current_path())
    };
    view! {
        <section class="card error-panel" role="alert">
            <span class="error-panel-icon">
                <Icon shape=Shape::Warning/>
            </span>
            <h2>"Could not load " {what}</h2>
            <p>
                "The connection failed, or a newer version has been installed since this page was \
                opened. Runs go on: they live on the server, not here."
            </p>
            <p class="error-id">"Error ID: " <code>{incident}</code></p>
            <div class="actions">
                <button type="button" class="button primary" on:click=move |_| retry.run(())>
                    <Icon shape=Shape::Refresh/>
                    "Try again"
                </button>
                <button type="button" class="button" on:click=|_| browser::reload()>
                    "Reload the portal"
                </button>
                <a class="button" href=routes::HOME>
                    <Icon shape=Shape::Home/>
                    "Go home"
                </a>
                <CopyButton label="Copy details" text=details/>
            </div>
        </section>
    }
}
