use leptos::prelude::*;
use leptos_router::hooks::use_location;

use super::title_of;
use crate::components::{Icon, Shape};
use crate::stores::{Scheme, Session, Theme};

#[component]
pub(super) fn Header() -> impl IntoView {
    let session = Session::expect();
    let path = use_location().pathname;
    let welcome = move || {
        session.user().map(|user| format!("Welcome back, {}", user.name)).unwrap_or_default()
    };
    view! {
        <header class="portal-header">
            <div>
                <h1>{move || path.with(|path| title_of(path))}</h1>
                <p class="portal-subtitle">{welcome}</p>
            </div>
            <ThemeToggle/>
        </header>
    }
}

#[component]
pub fn ThemeToggle() -> impl IntoView {
    let theme = Theme::expect();
    let is_dark = move || theme.scheme() == Scheme::Dark;
    view! {
        <button
            type="button"
            class="button icon-only quiet"
            aria-pressed=move || is_dark().to_string()
            title="Light or dark"
            on:click=move |_| theme.toggle()
        >
            {move || {
                let shape = if is_dark() { Shape::Sun } else { Shape::Moon };
                view! { <Icon shape/> }
            }}
            <span class="visually-hidden">"Dark theme"</span>
        </button>
    }
}
