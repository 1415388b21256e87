//! What every page stands in: the stores, the router, the notices.

use leptos::{prelude::*, task::spawn_local};
use leptos_meta::{Title, provide_meta_context};
use leptos_router::components::Router;
use wasm_bindgen::{JsCast, closure::Closure};

use crate::api::{self, ApiError};
use crate::browser;
use crate::components::NoticeList;
use crate::routes::Pages;
use crate::stores::{
    Failures, Notices, Scheme, Session, SessionState, Shortcuts, Sidebar, Theme, ThemeChoice,
};

const THEME: &str = "theme";
const SIDEBAR: &str = "transfuse.sidebar";
const SINGLE_KEYS: &str = "transfuse.single-keys";
const PREFERS_DARK: &str = "(prefers-color-scheme: dark)";

#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    let notices = Notices::new();
    provide_context(notices);
    provide_context(Failures::new());
    provide_context(shortcuts());
    provide_context(theme());
    provide_context(sidebar());
    provide_context(session(notices));

    let formatter = |page: String| match page.as_str() {
        "" => "Transfuse".to_owned(),
        page => format!("{page} · Transfuse"),
    };
    view! {
        <Title formatter text=""/>
        <Router>
            <Pages/>
        </Router>
        <NoticeList/>
    }
}

/// The session, taken up again if an earlier page had one.
fn session(notices: Notices) -> Session {
    if !api::has_session_to_restore() {
        return kept_informed(Session::new(SessionState::SignedOut));
    }
    let session = kept_informed(Session::new(SessionState::Restoring));
    spawn_local(async move {
        match api::session::restore().await {
            Ok(user) => session.begin(user),
            Err(error) => {
                session.end();
                if error != ApiError::SessionOver {
                    notices.bad(error.sentence());
                }
            }
        }
    });
    session
}

fn kept_informed(session: Session) -> Session {
    api::when_session_ends(move || session.expire());
    session
}

/// The theme as it was chosen, and shown from here on.
fn theme() -> Theme {
    let choice = browser::remembered(THEME).and_then(|name| ThemeChoice::from_name(&name));
    let system = Scheme::of_system(browser::matches_media(PREFERS_DARK));
    let theme = Theme::new(choice.unwrap_or_default(), system);

    if let Ok(Some(media)) = window().match_media(PREFERS_DARK) {
        let changed = Closure::<dyn Fn()>::new(move || {
            theme.system_changed(Scheme::of_system(browser::matches_media(PREFERS_DARK)));
        });
        let _ = media.add_event_listener_with_callback("change", changed.as_ref().unchecked_ref());
        // As long as the portal lives.
        changed.forget();
    }
    Effect::new(move || browser::remember(THEME, theme.choice().as_str()));
    Effect::new(move || show(theme.scheme()));
    theme
}

fn show(scheme: Scheme) {
    let (is_dark, colour) = match scheme {
        Scheme::Light => (false, "#ffffff"),
        Scheme::Dark => (true, "#0f172a"),
    };
    if let Some(root) = document().document_element() {
        let _ = root.class_list().toggle_with_force("dark", is_dark);
    }
    if let Ok(Some(meta)) = document().query_selector("meta[name=theme-color]") {
        let _ = meta.set_attribute("content", colour);
    }
}

fn shortcuts() -> Shortcuts {
    const OFF: &str = "off";
    let shortcuts = Shortcuts::new(browser::remembered(SINGLE_KEYS).as_deref() != Some(OFF));
    Effect::new(move || {
        browser::remember(SINGLE_KEYS, if shortcuts.has_single_keys() { "on" } else { OFF });
    });
    shortcuts
}

fn sidebar() -> Sidebar {
    const CLOSED: &str = "closed";
    let sidebar = Sidebar::new(browser::remembered(SIDEBAR).as_deref() != Some(CLOSED));
    Effect::new(move || {
        browser::remember(SIDEBAR, if sidebar.is_open() { "open" } else { CLOSED });
    });
    sidebar
}
