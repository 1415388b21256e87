//! Who is signed in.

use leptos::prelude::*;
use shared::user::{Permission, User};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SessionState {
    /// An earlier page had a session; whether it still holds is being found out.
    Restoring,
    SignedOut,
    /// The session ended without having been asked to.
    Expired,
    SignedIn(User),
}

#[derive(Clone, Copy)]
pub(crate) struct Session(RwSignal<SessionState>);

impl Session {
    pub(crate) fn new(state: SessionState) -> Self {
        Self(RwSignal::new(state))
    }

    /// The session that the shell provides.
    pub(crate) fn expect() -> Self {
        expect_context()
    }

    pub(crate) fn begin(self, user: User) {
        self.0.set(SessionState::SignedIn(user));
    }

    /// Nobody is signed in, as far as anyone knows.
    pub(crate) fn end(self) {
        self.0.set(SessionState::SignedOut);
    }

    /// The server no longer takes the session. Who is not signed in notices nothing.
    pub(crate) fn expire(self) {
        self.0.update(|state| {
            *state = match state {
                SessionState::SignedIn(_) => SessionState::Expired,
                _ => SessionState::SignedOut,
            };
        });
    }

    /// Whether somebody is signed in; none until it is known.
    pub(crate) fn is_signed_in(self) -> Option<bool> {
        self.0.with(|state| match state {
            SessionState::Restoring => None,
            SessionState::SignedOut | SessionState::Expired => Some(false),
            SessionState::SignedIn(_) => Some(true),
        })
    }

    pub(crate) fn has_expired(self) -> bool {
        self.0.with(|state| *state == SessionState::Expired)
    }

    pub(crate) fn user(self) -> Option<User> {
        self.0.with(|state| match state {
            SessionState::SignedIn(user) => Some(user.clone()),
            _ => None,
        })
    }

    /// Whether the user may do something: it hides the button; the server refuses the request.
    pub(crate) fn may(self, permission: Permission) -> bool {
        self.user().is_some_and(|user| user.role.may(permission))
    }
}

#[cfg(test)]
mod tests {
    use shared::id::UserId;
    use shared::user::UserRole;

    use super::*;

    fn viewer() -> User {
        User {
            id: UserId::parse("u1").unwrap(),
            email: "ida@example.org".to_owned(),
            name: "Ida Sample".to_owned(),
            role: UserRole::Viewer,
            created_at: "2026-01-01T00:00:00Z".parse().unwrap(),
        }
    }

    #[test]
    fn nothing_is_known_while_a_session_is_restored() {
        Owner::new().with(|| {
            let session = Session::new(SessionState::Restoring);
            assert_eq!(session.is_signed_in(), None);
            session.begin(viewer());
            assert_eq!(session.is_signed_in(), Some(true));
        });
    }

    #[test]
    fn only_a_session_that_was_there_expires() {
        Owner::new().with(|| {
            let session = Session::new(SessionState::Restoring);
            session.expire();
            assert!(!session.has_expired());
            session.begin(viewer());
            session.expire();
            assert!(session.has_expired());
            assert_eq!(session.is_signed_in(), Some(false));
        });
    }

    #[test]
    fn a_viewer_is_offered_nothing_that_changes_something() {
        Owner::new().with(|| {
            let session = Session::new(SessionState::SignedIn(viewer()));
            assert!(session.may(Permission::Read));
            assert!(!session.may(Permission::ControlRuns));
            session.end();
            assert!(!session.may(Permission::Read));
        });
    }
}
