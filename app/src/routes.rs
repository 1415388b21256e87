//! Path → page, guarded.
//!
//! What stands behind the sign-in is two modules that are fetched when they are needed: see
//! [`crate::pages::Portal`], which finds the place within the portal.

use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::components::{FlatRoutes, Route};
use leptos_router::hooks::{use_location, use_navigate};
use leptos_router::path;

use crate::api::with_query;
use crate::components::PageSkeleton;
use crate::pages::{Landing, NotFound, Portal, SignIn};
use crate::stores::Session;

pub(crate) const LANDING: &str = "/";
pub(crate) const SIGN_IN: &str = "/login";
pub(crate) const RESET_PASSWORD: &str = "/reset-password";
pub(crate) const HOME: &str = "/portal";
pub(crate) const ASSISTANT: &str = "/portal/assistant";
pub(crate) const LIBRARY: &str = "/portal/library";
pub(crate) const REPORTS: &str = "/portal/reports";
pub(crate) const MIGRATION: &str = "/portal/migration";
pub(crate) const PROFILE: &str = "/portal/profile";
pub(crate) const SETTINGS: &str = "/portal/settings";

/// The parameter that says where to go after signing in.
const RETURN_TO: &str = "redirectTo";

#[component]
pub fn Pages() -> impl IntoView {
    view! {
        <FlatRoutes fallback=|| view! { <NotFound/> }>
            <Route
                path=path!("/")
                view=|| {
                    guarded(
                        Audience::Guests,
                        || HOME.to_owned(),
                        || view! { <Landing/> }.into_any(),
                    )
                }
            />
            <Route
                path=path!("/login")
                view=|| {
                    guarded(Audience::Guests, after_sign_in, || view! { <SignIn/> }.into_any())
                }
            />
            // Whoever is signed in, as somebody else perhaps, may follow a link too.
            <Route path=path!("/reset-password") view=Portal/>
            <Route
                path=path!("/portal/*place")
                view=|| {
                    guarded(
                        Audience::SignedIn,
                        sign_in_and_return,
                        || view! { <Portal/> }.into_any(),
                    )
                }
            />
        </FlatRoutes>
    }
}

/// For whom a page is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Audience {
    Guests,
    SignedIn,
}

/// Shows a page to those for whom it is, and leads everybody else on.
fn guarded(audience: Audience, elsewhere: fn() -> String, page: fn() -> AnyView) -> AnyView {
    let session = Session::expect();
    // A memo, so that a page is not made anew when only the user's name changes.
    let is_for_them = Memo::new(move |_| {
        session.is_signed_in().map(|is_signed_in| is_signed_in == (audience == Audience::SignedIn))
    });
    let navigate = use_navigate();
    Effect::new(move || {
        if is_for_them.get() == Some(false) {
            navigate(&elsewhere(), NavigateOptions { replace: true, ..Default::default() });
        }
    });
    (move || match is_for_them.get() {
        Some(true) => page(),
        Some(false) => ().into_any(),
        None => view! { <PageSkeleton/> }.into_any(),
    })
    .into_any()
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
    let wanted = use_location().query.read_untracked().get(RETURN_TO);
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
