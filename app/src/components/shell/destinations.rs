//! Where the navigation leads.

use crate::components::Shape;
use crate::routes;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Destination {
    pub(super) path: &'static str,
    pub(super) label: &'static str,
    /// For where there is room for one word only.
    pub(super) short: &'static str,
    pub(super) icon: Shape,
}

const HOME: Destination =
    Destination { path: routes::HOME, label: "Home", short: "Home", icon: Shape::Home };
const ASSISTANT: Destination = Destination {
    path: routes::ASSISTANT,
    label: "Assistant",
    short: "Assistant",
    icon: Shape::Assistant,
};
const LIBRARY: Destination =
    Destination { path: routes::LIBRARY, label: "Library", short: "Library", icon: Shape::Library };
const REPORTS: Destination =
    Destination { path: routes::REPORTS, label: "Reports", short: "Reports", icon: Shape::Reports };
const MIGRATION: Destination = Destination {
    path: routes::MIGRATION,
    label: "Data Migration",
    short: "Migration",
    icon: Shape::Database,
};
pub(super) const PROFILE: Destination =
    Destination { path: routes::PROFILE, label: "Profile", short: "Profile", icon: Shape::User };
pub(super) const SETTINGS: Destination = Destination {
    path: routes::SETTINGS,
    label: "Settings",
    short: "Settings",
    icon: Shape::Settings,
};

pub(super) const SIDEBAR: [Destination; 5] = [HOME, ASSISTANT, LIBRARY, REPORTS, MIGRATION];

/// What the bar at the bottom of a small screen has room for.
pub(super) const BOTTOM_BAR: [Destination; 4] = [HOME, ASSISTANT, MIGRATION, REPORTS];

/// What stands behind the bar's "More".
pub(super) const BEHIND_MORE: [Destination; 3] = [LIBRARY, PROFILE, SETTINGS];

/// The key that leads to a destination of the sidebar, after `g`.
pub(super) fn go_key(to: Destination) -> &'static str {
    match to.path {
        routes::HOME => "h",
        routes::ASSISTANT => "a",
        routes::LIBRARY => "l",
        routes::REPORTS => "r",
        _ => "m",
    }
}

/// The title of the page at a path.
pub(crate) fn title_of(path: &str) -> &'static str {
    let place = path.strip_prefix(routes::HOME).unwrap_or_default();
    match place.trim_start_matches('/').split('/').next().unwrap_or_default() {
        "" => "Dashboard",
        "assistant" => "AI Assistant",
        "library" => "Knowledge Library",
        "reports" => "Reports & Analytics",
        "migration" => "Data Migration",
        "profile" => "Profile",
        "settings" => "Settings",
        _ => "Portal",
    }
}

/// Whether a destination is where a path leads. Home is only itself, not all that is in it.
pub(super) fn is_at(destination: Destination, path: &str) -> bool {
    let rest = path.trim_end_matches('/').strip_prefix(destination.path);
    match rest {
        Some("") => true,
        Some(rest) => destination != HOME && rest.starts_with('/'),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_destination_at_most_is_where_a_path_leads() {
        for (path, expected) in [
            ("/portal", Some("Home")),
            ("/portal/", Some("Home")),
            ("/portal/migration/runs/r1", Some("Data Migration")),
            ("/portal/migrations", None),
            ("/", None),
        ] {
            let found: Vec<_> = SIDEBAR.iter().filter(|at| is_at(**at, path)).collect();
            assert_eq!(found.first().map(|at| at.label), expected, "{path}");
            assert!(found.len() < 2, "{path}");
        }
    }

    #[test]
    fn a_page_within_a_place_has_the_title_of_the_place() {
        assert_eq!(title_of("/portal"), "Dashboard");
        assert_eq!(title_of("/portal/migration/plans/p1"), "Data Migration");
        assert_eq!(title_of("/portal/nowhere"), "Portal");
    }

    #[test]
    fn every_place_of_the_sidebar_can_be_reached_on_a_small_screen() {
        for place in SIDEBAR {
            assert!(BOTTOM_BAR.contains(&place) || BEHIND_MORE.contains(&place), "{place:?}");
        }
    }
}
