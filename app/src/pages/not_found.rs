//! An address that leads nowhere.

use leptos::prelude::*;
use leptos_meta::Title;

use crate::components::Logo;
use crate::routes;

/// Outside of the portal, where nothing else is on the page.
#[component]
pub fn NotFound() -> impl IntoView {
    view! {
        <main class="not-found" id="main">
            <Logo named=false/>
            <h1>
                <span class="not-found-number">"404"</span>
                "Oops! Page not found"
            </h1>
            <WayBack/>
        </main>
    }
}

/// Within the portal.
#[component]
pub fn NotFoundHere() -> impl IntoView {
    view! {
        <div class="not-found">
            <h2>
                <span class="not-found-number">"404"</span>
                "Oops! Page not found"
            </h2>
            <WayBack/>
        </div>
    }
}

#[component]
fn WayBack() -> impl IntoView {
    view! {
        <Title text="Page not found"/>
        <p class="quiet-text">"Nothing is at this address. It may be mistyped, or gone."</p>
        <a class="button primary" href=routes::LANDING>
            "Return to Home"
        </a>
    }
}
