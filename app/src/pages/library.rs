//! The manuals.

use leptos::prelude::*;
use leptos_meta::Title;
use shared::route;

use crate::components::{Icon, Shape};
use crate::routes;

#[component]
pub fn Library() -> impl IntoView {
    view! {
        <Title text="Library"/>
        <div class="page-head">
            <div>
                <h2>"Manuals"</h2>
                <p class="quiet-text">
                    "What is here now. The user guide and the manuals for operators will follow."
                </p>
            </div>
        </div>
        <ul class="card-grid">
            <li>
                <a class="card document" href=routes::ERROR_CODES>
                    <span class="feature-icon">
                        <Icon shape=Shape::Warning/>
                    </span>
                    <h3>"Error handling"</h3>
                    <p>"Every code with its cause, what to look at first and what mends it."</p>
                </a>
            </li>
            <li>
                <a class="card document" href=route::DOCS rel="external">
                    <span class="feature-icon">
                        <Icon shape=Shape::Text/>
                    </span>
                    <h3>"API reference"</h3>
                    <p>"Every endpoint, generated from the code that answers it."</p>
                </a>
            </li>
        </ul>
    }
}
