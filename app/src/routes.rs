//! Path → page, guarded.

use leptos::prelude::*;
use leptos_router::components::{ParentRoute, ProtectedParentRoute, ProtectedRoute, Route, Routes};
use leptos_router::hooks::{use_location, use_query_map};
use leptos_router::path;

use crate::api::with_query;
use crate::components::PageSkeleton;
use crate::components::shell::Shell;
use crate::pages::{
    Assistant, ErrorCodes, Home, Landing, Library, Migration, NotFound, NotFoundHere, Profile,
    Reports, Settings, SignIn,
};
use crate::stores::Session;

pub(crate) const LANDING: &str = "/";
pub(crate) const SIGN_IN: &str = "/login";
pub(crate) const HOME: &str = "/portal";
pub(crate) const ASSISTANT: &str = "/portal/assistant";
pub(crate) const LIBRARY: &str = "/portal/library";
pub(crate) const ERROR_CODES: &str = "/portal/library/error-handling";
pub(crate) const REPORTS: &str = "/portal/reports";
pub(crate) const MIGRATION: &str = "/portal/migration";
pub(crate) const PROFILE: &str = "/portal/profile";
pub(crate) const SETTINGS: &str = "/portal/settings";

/// The parameter that says where to go after signing in.
const RETURN_TO: &str = "redirectTo";

#[component]
pub fn Pages() -> impl IntoView {
    let session = Session::expect();
    // A memo, so that a page is not made anew when only the user's name changes.
    let is_signed_in = Memo::new(move |_| session.is_signed_in());
    let is_guest = move || is_signed_in.get().map(|is_signed_in| !is_signed_in);
    view! {
        <Routes fallback=|| view! { <NotFound/> }>
            <ProtectedRoute
                path=path!("/")
                view=Landing
                condition=is_guest
                redirect_path=|| HOME
                fallback=|| view! { <PageSkeleton/> }
            />
            <ProtectedRoute
                path=path!("/login")
                view=SignIn
                condition=is_guest
                redirect_path=after_sign_in
                fallback=|| view! { <PageSkeleton/> }
            />
            <ProtectedParentRoute
                path=path!("/portal")
                view=Shell
                condition=move || is_signed_in.get()
                redirect_path=sign_in_and_return
                fallback=|| view! { <PageSkeleton/> }
            >
                <Route path=path!("") view=Home/>
                <Route path=path!("assistant") view=Assistant/>
                <ParentRoute path=path!("library") view=leptos_router::components::Outlet>
                    <Route path=path!("") view=Library/>
                    <Route path=path!("error-handling") view=ErrorCodes/>
                </ParentRoute>
                <Route path=path!("reports") view=Reports/>
                <Route path=path!("migration/*place") view=Migration/>
                <Route path=path!("profile") view=Profile/>
                <Route path=path!("settings") view=Settings/>
                <Route path=path!("*anything") view=NotFoundHere/>
            </ProtectedParentRoute>
        </Routes>
    }
}

/// The sign-in page, which comes back to this one.
fn sign_in_and_return() -> String {
    let location = use_location();
    let (path, query) = (location.pathname.get_untracked(), location.search.get_untracked());
    let here = if query.is_empty() { path } else { format!("{path}?{query}") };
    let back = return_path(&here).filter(|path| *path != HOME);
    with_query(SIGN_IN, [(RETURN_TO, back)])
}

/// Where somebody wanted to go before having to sign in.
fn after_sign_in() -> String {
    let wanted = use_query_map().read_untracked().get(RETURN_TO);
    wanted.as_deref().and_then(return_path).unwrap_or(HOME).to_owned()
}

/// The path, if it is one of the portal's: a link must not lead to another site after sign-in.
fn return_path(path: &str) -> Option<&str> {
    let rest = path.strip_prefix(HOME)?;
    (rest.is_empty() || rest.starts_with(['/', '?']))
        .then_some(path)
        .filter(|path| !path.contains(['\\', '\r', '\n', '\t']))
}

#[cfg(test)]
mod tests {
    use super::return_path;

    #[test]
    fn signing_in_leads_to_pages_of_the_portal_only() {
        for path in ["/portal", "/portal/migration/runs/r1?code=DATA-001", "/portal?x=1"] {
            assert_eq!(return_path(path), Some(path));
        }
        for path in
            ["", "/", "/login", "//evil.example", "https://evil.example", "/portals", "/portal\\x"]
        {
            assert_eq!(return_path(path), None, "{path}");
        }
    }
}
