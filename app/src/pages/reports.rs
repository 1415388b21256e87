//! What the reports will hold.

use leptos::prelude::*;
use leptos_meta::Title;

use crate::components::{EmptyState, Shape};
use crate::routes;

#[component]
pub fn Reports() -> impl IntoView {
    view! {
        <Title text="Reports"/>
        <section class="card">
            <EmptyState
                icon=Shape::Reports
                title="No reports yet"
                text="This page will hold a report per run to sign and to file: the books of every \
                table, what stayed in quarantine and why, and who did what. Today a run's own page \
                shows its books."
            >
                <a class="button primary" href=format!("{}/runs", routes::MIGRATION)>
                    "Look at the runs"
                </a>
            </EmptyState>
        </section>
    }
}
