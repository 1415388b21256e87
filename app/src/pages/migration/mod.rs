//! The migration pages: a module of their own, fetched when they are first visited.
//!
//! Nothing outside of this folder names anything in it but [`Migration`], or else it would be
//! part of what everybody loads before signing in.

mod place;
mod module;
mod overview;
mod connections;
mod plans;
mod plan;
mod rules;
mod start_run;
mod runs;
mod run;
mod quarantine;

use leptos::prelude::*;

use crate::components::{Icon, PageSkeleton, Shape};
use crate::{browser, routes};

/// The module's pages, as soon as the module is there.
#[component]
pub fn Migration() -> impl IntoView {
    let module = LocalResource::new(module::load);
    view! {
        <Suspense fallback=|| {
            view! { <PageSkeleton/> }
        }>
            {move || {
                module
                    .get()
                    .map(|loaded| match loaded {
                        Ok(pages) => pages(),
                        Err(module::NotLoaded) => {
                            view! { <ModuleFailed retry=move |()| module.refetch()/> }.into_any()
                        }
                    })
            }}
        </Suspense>
    }
}

#[component]
fn ModuleFailed(#[prop(into)] retry: Callback<()>) -> impl IntoView {
    view! {
        <section class="card error-panel" role="alert">
            <span class="error-panel-icon">
                <Icon shape=Shape::Warning/>
            </span>
            <h2>"The migration pages could not be loaded"</h2>
            <p>
                "The connection failed, or a newer version has been installed since this page was opened. \
                The rest of the portal works, and runs go on."
            </p>
            <p class="error-id">"Error ID: " <code>{browser::incident_id()}</code></p>
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
            </div>
        </section>
    }
}
