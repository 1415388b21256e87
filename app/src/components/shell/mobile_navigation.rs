use leptos::prelude::*;
use leptos_router::hooks::use_location;

use super::destinations::{BEHIND_MORE, BOTTOM_BAR, Destination, is_at};
use super::sign_out::SignOutButton;
use crate::components::{Dialog, Icon, Shape};

/// The bar at the bottom of small screens.
#[component]
pub(super) fn MobileNavigation() -> impl IntoView {
    let more = RwSignal::new(false);
    let path = use_location().pathname;
    let is_behind_more =
        move || path.with(|path| BEHIND_MORE.into_iter().any(|to| is_at(to, path)));
    view! {
        <nav class="bottom-bar" aria-label="Mobile">
            {BOTTOM_BAR
                .into_iter()
                .map(|to| view! { <BarLink to/> })
                .collect_view()}
            <button
                type="button"
                class="bottom-bar-item"
                class:current=is_behind_more
                aria-haspopup="dialog"
                on:click=move |_| more.set(true)
            >
                <Icon shape=Shape::More/>
                <span>"More"</span>
            </button>
        </nav>
        <Dialog name="more" title="More".to_owned() open=more>
            <div class="more-grid">
                {BEHIND_MORE
                    .into_iter()
                    .map(|to| {
                        view! {
                            <a class="more-item" href=to.path on:click=move |_| more.set(false)>
                                <Icon shape=to.icon/>
                                {to.label}
                            </a>
                        }
                    })
                    .collect_view()}
            </div>
            <SignOutButton/>
        </Dialog>
    }
}

#[component]
fn BarLink(to: Destination) -> impl IntoView {
    let path = use_location().pathname;
    view! {
        <a
            class="bottom-bar-item"
            href=to.path
            aria-current=move || path.with(|path| is_at(to, path)).then_some("page")
        >
            <Icon shape=to.icon/>
            <span>{to.short}</span>
        </a>
    }
}
