use leptos::{html, prelude::*};
use leptos_router::hooks::use_location;

use super::destinations::{Destination, PROFILE, SETTINGS, SIDEBAR, is_at};
use super::sign_out::SignOutButton;
use crate::components::{Icon, Logo, Shape};
use crate::format;
use crate::routes;
use crate::stores::{Session, Sidebar as SidebarStore};

#[component]
pub(super) fn Sidebar() -> impl IntoView {
    let sidebar = SidebarStore::expect();
    view! {
        <aside class="sidebar" aria-label="Sidebar">
            <div class="sidebar-head">
                <a class="sidebar-brand" href=routes::HOME aria-label="Transfuse, home">
                    <Logo/>
                </a>
                <button
                    type="button"
                    class="button icon-only quiet sidebar-trigger"
                    aria-expanded=move || sidebar.is_open().to_string()
                    aria-keyshortcuts="Control+B"
                    title="Ctrl+B"
                    on:click=move |_| sidebar.toggle()
                >
                    <Icon shape=Shape::Panel/>
                    <span class="visually-hidden">"Sidebar"</span>
                </button>
            </div>
            <nav class="sidebar-nav" aria-label="Main">
                <ul>
                    {SIDEBAR
                        .into_iter()
                        .map(|to| view! { <li><NavigationLink to/></li> })
                        .collect_view()}
                </ul>
            </nav>
            <div class="sidebar-foot">
                <UserMenu/>
                <SignOutButton/>
            </div>
        </aside>
    }
}

#[component]
fn NavigationLink(to: Destination) -> impl IntoView {
    let path = use_location().pathname;
    view! {
        <a
            class="nav-link"
            href=to.path
            title=to.label
            aria-current=move || path.with(|path| is_at(to, path)).then_some("page")
        >
            <Icon shape=to.icon/>
            <span class="label">{to.label}</span>
        </a>
    }
}

/// Who is signed in, and what is theirs.
#[component]
fn UserMenu() -> impl IntoView {
    const MENU: &str = "user-menu";
    let session = Session::expect();
    let user = Memo::new(move |_| session.user());
    let name = move || user.get().map(|user| user.name).unwrap_or_default();
    let role = move || user.get().map(|user| user.role.label()).unwrap_or_default();
    let menu = NodeRef::<html::Div>::new();
    let close = move |_| {
        if let Some(menu) = menu.get() {
            let _ = menu.hide_popover();
        }
    };
    view! {
        <button type="button" class="user-button" popovertarget=MENU title=name>
            <span class="avatar" aria-hidden="true">
                {move || format::initials(&name())}
            </span>
            <span class="label user-button-text">
                <span class="user-name">{name}</span>
                <span class="user-role">{role}</span>
            </span>
            <span class="visually-hidden">"Account"</span>
        </button>
        <div class="menu" id=MENU popover="auto" node_ref=menu>
            {[PROFILE, SETTINGS]
                .into_iter()
                .map(|to| {
                    view! {
                        <a class="menu-item" href=to.path on:click=close>
                            <Icon shape=to.icon/>
                            {to.label}
                        </a>
                    }
                })
                .collect_view()}
        </div>
    }
}
