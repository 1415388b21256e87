//! What stands around every page of the portal.

mod destinations;
mod sidebar;
mod header;
mod mobile_navigation;
mod sign_out;
mod shortcuts;
mod failure_list;

use leptos::{ev, html, prelude::*};
use leptos_router::hooks::use_location;

use crate::stores::Sidebar as SidebarStore;
use failure_list::FailureList;
use header::Header;
use mobile_navigation::MobileNavigation;
use shortcuts::KeyboardShortcuts;
use sidebar::Sidebar;

pub(crate) use destinations::title_of;
pub use header::ThemeToggle;

#[component]
pub fn Shell(
    /// The page.
    children: Children,
) -> impl IntoView {
    let sidebar = SidebarStore::expect();
    let is_help_open = RwSignal::new(false);
    let main = NodeRef::<html::Main>::new();
    // Who follows a link goes on reading at the new page, not behind the link.
    let path = use_location().pathname;
    Effect::new(move |before: Option<String>| {
        let path = path.get();
        if before.is_some_and(|before| before != path)
            && let Some(main) = main.get_untracked()
        {
            let _ = main.focus();
        }
        path
    });
    let skip = move |event: ev::MouseEvent| {
        event.prevent_default();
        if let Some(main) = main.get() {
            let _ = main.focus();
        }
    };
    view! {
        <div class="portal" class:collapsed=move || !sidebar.is_open()>
            <a class="skip-link" href="#main" on:click=skip>
                "Skip to the content"
            </a>
            <Sidebar/>
            <div class="portal-column">
                <Header help=is_help_open/>
                <main class="portal-main" id="main" tabindex="-1" node_ref=main>
                    {children()}
                </main>
            </div>
            <MobileNavigation/>
            <FailureList/>
            <KeyboardShortcuts open=is_help_open/>
        </div>
    }
}
