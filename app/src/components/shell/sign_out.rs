use leptos::{prelude::*, task::spawn_local};

use crate::components::{Icon, Shape};
use crate::{api, browser, routes};

/// Ends the session and leaves for the front page.
#[component]
pub(super) fn SignOutButton() -> impl IntoView {
    let leave = move |_| {
        spawn_local(async {
            // The page is left either way: with it goes the token. A server that cannot be
            // reached ends the session when it runs out.
            let _ = api::session::sign_out().await;
            browser::reload_at(routes::LANDING);
        });
    };
    view! {
        <button type="button" class="button wide sign-out" on:click=leave>
            <Icon shape=Shape::SignOut/>
            <span class="label">"Sign Out"</span>
        </button>
    }
}
