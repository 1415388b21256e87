//! The portal: what stands behind the sign-in.

#![expect(clippy::unnecessary_wraps, reason = "a module that is fetched may not come")]

use futures::future::{FutureExt, LocalBoxFuture};
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use super::assistant::Assistant;
use super::error_codes::ErrorCodes;
use super::home::Home;
use super::library::Library;
use super::migration::Migration;
use super::module::{Module, NotLoaded, ShowPages};
use super::not_found::NotFoundHere;
use super::profile::Profile;
use super::reports::Reports;
use super::settings::Settings;
use crate::components::shell::Shell;

#[component]
pub fn Portal() -> impl IntoView {
    view! { <Module what="the portal" load/> }
}

/// Fetches the module, unless it is there. Whoever signs in will need it.
pub(super) fn load() -> LocalBoxFuture<'static, Result<ShowPages, NotLoaded>> {
    #[cfg(feature = "split")]
    return module().boxed_local();
    #[cfg(not(feature = "split"))]
    futures::future::ready(module()).boxed_local()
}

#[cfg_attr(
    feature = "split",
    leptos::wasm_split::wasm_split(portal, wasm_split_path = leptos::wasm_split, fallible)
)]
fn module() -> Result<ShowPages, NotLoaded> {
    Ok(|| view! { <Places/> }.into_any())
}

/// A place in the portal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Home,
    Assistant,
    Library,
    ErrorCodes,
    Reports,
    /// With places of its own.
    Migration,
    Profile,
    Settings,
}

impl Place {
    /// The place at what follows the portal's own address.
    fn at(rest: &str) -> Option<Self> {
        Some(match rest.trim_matches('/') {
            "" => Self::Home,
            "assistant" => Self::Assistant,
            "library" => Self::Library,
            "library/error-handling" => Self::ErrorCodes,
            "reports" => Self::Reports,
            "profile" => Self::Profile,
            "settings" => Self::Settings,
            "migration" => Self::Migration,
            rest if rest.starts_with("migration/") => Self::Migration,
            _ => return None,
        })
    }
}

#[component]
fn Places() -> impl IntoView {
    let parameters = use_params_map();
    let place = Memo::new(move |_| Place::at(&parameters.read().get("place").unwrap_or_default()));
    view! {
        <Shell>
            {move || match place.get() {
                Some(Place::Home) => view! { <Home/> }.into_any(),
                Some(Place::Assistant) => view! { <Assistant/> }.into_any(),
                Some(Place::Library) => view! { <Library/> }.into_any(),
                Some(Place::ErrorCodes) => view! { <ErrorCodes/> }.into_any(),
                Some(Place::Reports) => view! { <Reports/> }.into_any(),
                Some(Place::Migration) => view! { <Migration/> }.into_any(),
                Some(Place::Profile) => view! { <Profile/> }.into_any(),
                Some(Place::Settings) => view! { <Settings/> }.into_any(),
                None => view! { <NotFoundHere/> }.into_any(),
            }}
        </Shell>
    }
}

#[cfg(test)]
mod tests {
    use super::Place;
    use crate::routes;

    #[test]
    fn every_route_of_the_portal_is_a_place() {
        for (route, place) in [
            (routes::HOME, Place::Home),
            (routes::ASSISTANT, Place::Assistant),
            (routes::LIBRARY, Place::Library),
            (routes::ERROR_CODES, Place::ErrorCodes),
            (routes::REPORTS, Place::Reports),
            (routes::MIGRATION, Place::Migration),
            (routes::PROFILE, Place::Profile),
            (routes::SETTINGS, Place::Settings),
        ] {
            let rest = route.strip_prefix(routes::HOME).unwrap();
            assert_eq!(Place::at(rest), Some(place), "{route}");
            assert_eq!(Place::at(&format!("{rest}/")), Some(place), "{route}/");
        }
        assert_eq!(Place::at("/migration/runs/r1"), Some(Place::Migration));
        assert_eq!(Place::at("/migrations"), None);
    }
}
