//! Icons: decoration beside a text, never the only name of a thing.

mod shapes;

use leptos::prelude::*;

pub use shapes::Shape;

#[component]
pub fn Icon(shape: Shape) -> impl IntoView {
    view! {
        <svg
            class="icon"
            viewBox="0 0 24 24"
            fill="none"
            stroke="currentColor"
            stroke-width="2"
            stroke-linecap="round"
            stroke-linejoin="round"
            aria-hidden="true"
            inner_html=shape.markup()
        ></svg>
    }
}
