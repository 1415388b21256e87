use leptos::prelude::*;
use leptos_router::hooks::use_location;

use super::title_of;
use crate::components::{Badge, Icon, Shape};
use crate::stores::{Live, Scheme, Session, Theme, Tone};

#[component]
pub(super) fn Header(
    /// Whether the keyboard shortcuts are shown.
    help: RwSignal<bool>,
) -> impl IntoView {
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
            <div class="actions">
                <StaleMark/>
                <button
                    type="button"
                    class="button icon-only quiet header-help"
                    title="Keyboard shortcuts (?)"
                    aria-haspopup="dialog"
                    on:click=move |_| help.set(true)
                >
                    <Icon shape=Shape::Keyboard/>
                    <span class="visually-hidden">"Keyboard shortcuts"</span>
                </button>
                <ThemeToggle/>
            </div>
        </header>
    }
}

/// Says when the portal no longer hears of what changes.
#[component]
fn StaleMark() -> impl IntoView {
    let live = Live::expect();
    view! {
        <div role="status">
            {move || {
                live.is_stale()
                    .then(|| {
                        view! {
                            <Badge
                                tone=Tone::Warning
                                icon=Shape::Warning
                                text="Connection lost".to_owned()
                            />
                        }
                    })
            }}
        </div>
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
