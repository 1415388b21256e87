//! Who did what, when: entries that are only ever added, each bound to the one before it.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// One thing that somebody did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Entry {
    /// Counts up from 1 without a gap.
    pub number: u64,
    pub at: DateTime<Utc>,
    /// The id of a user, or one of the words `system`, `command-line` and `unknown`.
    pub actor: String,
    /// How the actor was called at the time.
    pub actor_name: String,
    pub action: Action,
    /// What it was done to: the id of a connection, a plan, a run or a user.
    pub subject: String,
    /// Names and numbers that say more. Never a value of a row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// SHA-256 over this entry and the hash before it, in hexadecimal digits.
    pub hash: String,
}

macro_rules! actions {
    ($( $(#[$doc:meta])* $variant:ident = $name:literal, $label:literal; )+) => {
        /// What can be done that is worth an entry.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        pub enum Action {
            $( $(#[$doc])* #[serde(rename = $name)] $variant, )+
        }

        impl Action {
            pub const ALL: &[Self] = &[ $( Self::$variant, )+ ];

            /// As the stores write it.
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $name, )+ }
            }

            /// What people read.
            pub const fn label(self) -> &'static str {
                match self { $( Self::$variant => $label, )+ }
            }
        }
    };
}

actions! {
    SignedIn = "signed_in", "Signed in";
    SignInFailed = "sign_in_failed", "Failed to sign in";
    SignedOut = "signed_out", "Signed out";
    /// A refresh token came back that had been used before: the session was ended.
    SessionRevoked = "session_revoked", "Session revoked";
    UserAdded = "user_added", "User added";
    PasswordReset = "password_reset", "Password reset";
    ConnectionCreated = "connection_created", "Connection created";
    ConnectionChanged = "connection_changed", "Connection changed";
    ConnectionDeleted = "connection_deleted", "Connection deleted";
    ConnectionTested = "connection_tested", "Connection tested";
    PlanSaved = "plan_saved", "Plan saved";
    RunStarted = "run_started", "Run started";
    RunPaused = "run_paused", "Run paused";
    RunResumed = "run_resumed", "Run resumed";
    RunCompleted = "run_completed", "Run completed";
    RunFailed = "run_failed", "Run failed";
}

impl Action {
    /// The action that the stores write so.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|action| action.as_str() == name)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::Action;

    #[test]
    fn an_action_is_found_by_the_name_that_the_stores_write() {
        for action in Action::ALL {
            assert_eq!(Action::from_name(action.as_str()), Some(*action));
            assert_eq!(serde_json::to_value(action).unwrap(), action.as_str());
        }
    }
}
