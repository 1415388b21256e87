//! What the assistant will do.

use leptos::prelude::*;
use leptos_meta::Title;

use crate::components::{EmptyState, Shape};
use crate::routes;

#[component]
pub fn Assistant() -> impl IntoView {
    view! {
        <Title text="Assistant"/>
        <section class="card">
            <EmptyState
                icon=Shape::Assistant
                title="The assistant is not here yet"
                text="It will answer questions about your migrations: why a row was quarantined, \
                what a rule does, which table holds up a run. Until then, every error names its \
                cause and what mends it."
            >
                <a class="button primary" href=routes::MIGRATION>
                    "Open the migration"
                </a>
                <a class="button" href=routes::ERROR_CODES>
                    "Look up an error"
                </a>
            </EmptyState>
        </section>
    }
}
