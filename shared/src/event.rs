//! What the streams of events carry: one for each run, and one for the whole portal.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::audit::Action;
use crate::id::RunId;
use crate::run::{Failure, Progress, RunState};

/// The name under which each message comes in `text/event-stream`.
pub const NAME: &str = "run";

/// One message of a run's stream. Its number is the stream's `id`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunEvent {
    /// Counts up from 1 within a run.
    pub number: u64,
    pub state: RunState,
    pub progress: Option<Progress>,
    pub failure: Option<Failure>,
}

impl RunEvent {
    /// Whether nothing comes after it until somebody acts on the run.
    pub const fn is_last(&self) -> bool {
        !matches!(self.state, RunState::Planned | RunState::Running)
    }
}

/// One message of the portal's stream. Its `event` is the [name](PortalEvent::name).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(untagged)]
pub enum PortalEvent {
    /// Something changed. Its number is the stream's `id`: what came after it is sent again to
    /// whoever comes back with it.
    Change(Change),
    /// How far a run is now. A picture, without an `id`: only the latest counts.
    Run(RunPicture),
    /// How much of each kind there is now. A picture as well.
    Counts(Counts),
    /// More changed than is sent again: whoever gets it reads anew what it shows.
    Reset(Reset),
}

impl PortalEvent {
    /// The names of the messages in `text/event-stream`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Change(_) => "change",
            Self::Run(_) => NAME,
            Self::Counts(_) => "counts",
            Self::Reset(_) => "reset",
        }
    }
}

/// Something changed: what, and what was done to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Change {
    /// Counts up; the number of the entry in the audit trail.
    pub number: u64,
    pub at: DateTime<Utc>,
    pub topic: Topic,
    pub action: Action,
    /// The id of what changed.
    pub object: String,
    /// What to tell a person, where it is worth that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<Notice>,
}

/// What kind of thing changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Topic {
    Run,
    Quarantine,
    Verification,
    Duplicates,
    Plan,
    Assessment,
    Connection,
    Alert,
    Approval,
    Settings,
    User,
    Session,
    Other,
}

/// A sentence for a person, and where to look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Notice {
    pub severity: crate::assessment::Severity,
    pub text: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunPicture {
    pub run_id: RunId,
    #[serde(flatten)]
    pub event: RunEvent,
}

/// How much of each kind waits for somebody.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Counts {
    pub runs_running: u64,
    /// Paused or failed: they wait to be resumed.
    pub runs_stopped: u64,
    /// Raised and not acknowledged.
    pub alerts_open: u64,
    /// Waiting for an answer.
    pub approvals_waiting: u64,
    /// Rows in quarantine of the latest run of each plan, as its last picture says.
    pub rows_quarantined: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Reset {
    /// The last change: later ones follow.
    pub number: u64,
}

impl Topic {
    /// The topic of what an action is done to.
    pub fn of(action: Action) -> Self {
        let name = action.as_str();
        let starts = |words: &[&str]| words.iter().any(|word| name.starts_with(word));
        match action {
            Action::SignedIn | Action::SignInFailed | Action::SignedOut => Self::Session,
            Action::PasswordReset => Self::User,
            _ if starts(&["run_", "rehearsal", "rollback", "table_", "chunk_"]) => Self::Run,
            _ if starts(&["row_", "rows_", "quarantine"]) => Self::Quarantine,
            _ if starts(&[
                "verification_",
                "repair_",
                "key_",
                "clinical_",
                "sign_off",
                "signed_off",
                "person_",
            ]) =>
            {
                Self::Verification
            }
            _ if starts(&["match", "merge_", "people_"]) => Self::Duplicates,
            _ if starts(&["plan_"]) => Self::Plan,
            _ if starts(&["assessment_"]) => Self::Assessment,
            _ if starts(&["connection_"]) => Self::Connection,
            _ if starts(&["alert", "notification"]) => Self::Alert,
            _ if starts(&["approval"]) => Self::Approval,
            _ if starts(&["settings"]) => Self::Settings,
            _ if starts(&["user_", "password", "second_factor"]) => Self::User,
            _ if starts(&["session"]) => Self::Session,
            _ => Self::Other,
        }
    }

    /// Whether only those who manage users are told.
    pub const fn is_for_administrators(self) -> bool {
        matches!(self, Self::User | Self::Session)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_reads_back_as_the_one_that_was_sent() {
        let picture = PortalEvent::Run(RunPicture {
            run_id: "r1".parse().unwrap(),
            event: RunEvent { number: 3, state: RunState::Running, progress: None, failure: None },
        });
        let change = PortalEvent::Change(Change {
            number: 7,
            at: DateTime::UNIX_EPOCH,
            topic: Topic::Run,
            action: Action::RunStarted,
            object: "r1".to_owned(),
            notice: None,
        });
        let counts = PortalEvent::Counts(Counts { runs_running: 1, ..Counts::default() });
        let reset = PortalEvent::Reset(Reset { number: 9 });
        for event in [picture, change, counts, reset] {
            let text = serde_json::to_string(&event).unwrap();
            assert_eq!(serde_json::from_str::<PortalEvent>(&text).unwrap(), event, "{text}");
        }
    }

    #[test]
    fn what_is_done_to_users_is_told_to_administrators_only() {
        for action in [Action::SignedIn, Action::UserAdded, Action::PasswordReset] {
            assert!(Topic::of(action).is_for_administrators(), "{action}");
        }
        assert_eq!(Topic::of(Action::RunPaused), Topic::Run);
        assert_eq!(Topic::of(Action::RepairCompleted), Topic::Verification);
        assert_eq!(Topic::of(Action::ClinicalChecksMade), Topic::Verification);
        assert_eq!(Topic::of(Action::PersonJudged), Topic::Verification);
        assert_eq!(Topic::of(Action::SignedOff), Topic::Verification);
        assert_eq!(Topic::of(Action::SignedIn), Topic::Session);
        assert_eq!(Topic::of(Action::AuditExported), Topic::Other);
    }
}
