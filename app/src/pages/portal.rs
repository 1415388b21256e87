//! The portal: what stands behind the sign-in.

#![expect(clippy::unnecessary_wraps, reason = "a module that is fetched may not come")]

use futures::future::{FutureExt, LocalBoxFuture};
use leptos::{ev, prelude::*};
use leptos_router::hooks::{use_location, use_params_map};
use shared::assessment::Severity;
use shared::id::RunId;

use super::assistant::Assistant;
use super::home::Home;
use super::library::{ErrorCodes, Library, ManualPage};
use super::migration::Migration;
use super::module::{Module, NotLoaded, ShowPages};
use super::not_found::NotFoundHere;
use super::profile::Profile;
use super::reports::{ReportPage, Reports};
use super::reset_password::ResetPassword;
use super::settings::Settings;
use crate::api::activity;
use crate::api::live::{Following, PortalNews, follow_portal};
use crate::components::shell::Shell;
use crate::routes;
use crate::stores::{Link, Live, Notices, Tone};

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
    Ok(show)
}

/// Also the one page that the seldom guest needs: the first load of everybody else is smaller.
fn show() -> AnyView {
    if use_location().pathname.get_untracked() == routes::RESET_PASSWORD {
        view! { <ResetPassword/> }.into_any()
    } else {
        view! { <Places/> }.into_any()
    }
}

/// A place in the portal.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Home,
    Assistant,
    Library,
    ErrorCodes,
    /// By its name.
    Manual(String),
    Reports,
    /// Of one run.
    Report(RunId),
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
            rest => match rest.strip_prefix("reports/") {
                Some(run) => Self::Report(RunId::parse(run).ok()?),
                None => Self::Manual(manual_at(rest)?),
            },
        })
    }
}

/// The name of the manual at an address.
fn manual_at(rest: &str) -> Option<String> {
    let name = rest.strip_prefix("library/")?;
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    is_name.then(|| name.to_owned())
}

#[component]
fn Places() -> impl IntoView {
    provide_context(followed());
    note_activity();
    let parameters = use_params_map();
    let place = Memo::new(move |_| Place::at(&parameters.read().get("place").unwrap_or_default()));
    view! {
        <Shell>
            {move || match place.get() {
                Some(Place::Home) => view! { <Home/> }.into_any(),
                Some(Place::Assistant) => view! { <Assistant/> }.into_any(),
                Some(Place::Library) => view! { <Library/> }.into_any(),
                Some(Place::ErrorCodes) => view! { <ErrorCodes/> }.into_any(),
                Some(Place::Manual(name)) => view! { <ManualPage name/> }.into_any(),
                Some(Place::Reports) => view! { <Reports/> }.into_any(),
                Some(Place::Report(run)) => view! { <ReportPage run/> }.into_any(),
                Some(Place::Migration) => view! { <Migration/> }.into_any(),
                Some(Place::Profile) => view! { <Profile/> }.into_any(),
                Some(Place::Settings) => view! { <Settings/> }.into_any(),
                None => view! { <NotFoundHere/> }.into_any(),
            }}
        </Shell>
    }
}

/// The portal's channel, heard from here on until somebody leaves.
fn followed() -> Live {
    let notices = Notices::expect();
    let live = Live::new();
    let following = StoredValue::new_local(None::<Following>);
    following.set_value(follow_portal(move |news| match news {
        PortalNews::Connected => live.link_is(Link::Live),
        PortalNews::Lost => live.link_is(Link::Stale),
        PortalNews::Event(event) => {
            if let Some(notice) = live.hear(*event).and_then(|change| change.notice) {
                notices.tell(tone_of(notice.severity), notice.text);
            }
        }
    }));
    live
}

const fn tone_of(severity: Severity) -> Tone {
    match severity {
        Severity::Info => Tone::Info,
        Severity::Warning => Tone::Warning,
        Severity::Blocking => Tone::Bad,
    }
}

/// Whoever types and clicks is there, even when no request says so.
fn note_activity() {
    // Opening the page is an act as well.
    activity::note();
    let keys = window_event_listener(ev::keydown, |_| activity::note());
    let clicks = window_event_listener(ev::pointerdown, |_| activity::note());
    on_cleanup(move || {
        keys.remove();
        clicks.remove();
    });
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
            ("/portal/library/error-handling", Place::ErrorCodes),
            (routes::REPORTS, Place::Reports),
            (routes::MIGRATION, Place::Migration),
            (routes::PROFILE, Place::Profile),
            (routes::SETTINGS, Place::Settings),
        ] {
            let rest = route.strip_prefix(routes::HOME).unwrap();
            assert_eq!(Place::at(rest), Some(place.clone()), "{route}");
            assert_eq!(Place::at(&format!("{rest}/")), Some(place), "{route}/");
        }
        assert_eq!(Place::at("/migration/runs/r1"), Some(Place::Migration));
        assert_eq!(Place::at("/migrations"), None);
        assert_eq!(Place::at("/library/rules"), Some(Place::Manual("rules".to_owned())));
        assert_eq!(Place::at("/library/a/b"), None);
        assert_eq!(Place::at("/reports/r1"), Some(Place::Report("r1".parse().unwrap())));
        assert_eq!(Place::at("/reports/r1/x"), None);
    }
}
