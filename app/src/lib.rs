//! The portal: what people see of Transfuse, in their browser.

#![expect(unreachable_pub, reason = "`#[component]` hides the item behind a private one")]

mod browser;
mod format;
mod api;
mod stores;
mod components;
mod pages;
mod routes;
mod app;
mod crash;

use leptos::mount::mount_to_body;

/// Puts the portal in the place of what the page showed while it was loading.
pub fn start() {
    crash::explain_panics();
    browser::remove_element("starting");
    mount_to_body(app::App);
}
