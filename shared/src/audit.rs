//! Who did what, when: entries that are only ever added, each bound to the one before it.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::user::UserRole;
use crate::verification::VerificationState;

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
    /// The actor's role at the time; none for those who are no users.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<UserRole>,
    /// The network address that the request came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    pub action: Action,
    /// What it was done to: the id of a connection, a plan, a run or a user.
    pub subject: String,
    #[serde(default)]
    pub outcome: Outcome,
    /// Why, in the actor's own words, where the act needed a reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Names and numbers that say more. Never a value of a row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// SHA-256 over this entry and the hash before it, in hexadecimal digits.
    pub hash: String,
}

/// How it went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    #[default]
    Success,
    /// Somebody, or a rule, said no.
    Refused,
    Failed,
}

impl Outcome {
    pub const ALL: &[Self] = &[Self::Success, Self::Refused, Self::Failed];

    /// As the stores write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|outcome| outcome.as_str() == name)
    }
}

/// Why somebody does something that needs a reason: one line that says something.
///
/// It is kept in the audit trail, so it names no patient; only whoever writes it can see to that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(value_type = String, min_length = 5, max_length = 500))]
#[serde(try_from = "String", into = "String")]
pub struct Reason(String);

/// A reason that says nothing, or too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidReason;

impl fmt::Display for InvalidReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a reason is one line of 5 to 500 characters")
    }
}

impl std::error::Error for InvalidReason {}

impl Reason {
    pub fn parse(text: &str) -> Result<Self, InvalidReason> {
        let text = text.trim();
        let is_one_line = !text.chars().any(char::is_control);
        if is_one_line && (5..=500).contains(&text.chars().count()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidReason)
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Reason {
    type Error = InvalidReason;

    fn try_from(text: String) -> Result<Self, InvalidReason> {
        Self::parse(&text)
    }
}

impl From<Reason> for String {
    fn from(reason: Reason) -> Self {
        reason.0
    }
}

/// Which entries are wanted; what is absent narrows nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "openapi", into_params(parameter_in = Query))]
#[serde(default)]
pub struct AuditFilter {
    /// The id of a user, or `system`, `command-line` or `unknown`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<Action>,
    /// The id of what it was done to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// From this moment on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<DateTime<Utc>>,
    /// Until before this moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<DateTime<Utc>>,
}

/// How an export is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ExportFormat {
    /// One JSON object a line.
    #[default]
    Json,
    Csv,
    /// One FHIR R4 `AuditEvent` a line.
    Fhir,
}

/// What a walk along the whole trail found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ChainState {
    pub intact: bool,
    /// How many entries were found to be as they were written.
    pub entries: u64,
    /// The hash of the last of them: noted elsewhere, it proves later that nothing was cut off.
    pub last_hash: String,
    /// The first entry that is not as it should be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broken_at: Option<u64>,
    /// What is wrong with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub damage: Option<String>,
    pub checked_at: DateTime<Utc>,
}

macro_rules! actions {
    ($( $(#[$doc:meta])* $variant:ident = $name:literal, $label:literal; )+) => {
        /// What can be done that is worth an entry.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
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

        #[cfg(feature = "openapi")]
        impl utoipa::PartialSchema for Action {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                crate::openapi::one_of(Self::ALL.iter().map(|action| action.as_str()))
            }
        }

        #[cfg(feature = "openapi")]
        impl utoipa::ToSchema for Action {}
    };
}

actions! {
    SignedIn = "signed_in", "Signed in";
    SignInFailed = "sign_in_failed", "Failed to sign in";
    SignedOut = "signed_out", "Signed out";
    /// Signing in failed so often that it has to wait.
    SignInLocked = "sign_in_locked", "Locked out";
    /// A refresh token came back that had been used before: the session was ended.
    SessionRevoked = "session_revoked", "Session revoked";
    UserAdded = "user_added", "User added";
    UserChanged = "user_changed", "User changed";
    PasswordReset = "password_reset", "Password reset";
    PasswordChanged = "password_changed", "Password changed";
    PasswordLinkMade = "password_link_made", "Password link made";
    /// All sessions of a user, or all but one, were ended.
    SessionsRevoked = "sessions_revoked", "Signed out everywhere";
    SecondFactorEnabled = "second_factor_enabled", "Second factor enabled";
    SecondFactorRemoved = "second_factor_removed", "Second factor removed";
    SettingsChanged = "settings_changed", "Settings changed";
    ApprovalRequested = "approval_requested", "Approval requested";
    ApprovalGiven = "approval_given", "Approved";
    ApprovalRefused = "approval_refused", "Refused";
    ApprovalWithdrawn = "approval_withdrawn", "Request withdrawn";
    /// Nobody answered, or nobody acted, in time.
    ApprovalExpired = "approval_expired", "Request expired";
    /// What was approved was begun.
    ApprovalUsed = "approval_used", "Approval used";
    AlertRaised = "alert_raised", "Alert raised";
    AlertAcknowledged = "alert_acknowledged", "Alert acknowledged";
    AlertCleared = "alert_cleared", "Alert cleared";
    AlertRuleCreated = "alert_rule_created", "Alert rule created";
    AlertRuleChanged = "alert_rule_changed", "Alert rule changed";
    AlertRuleDeleted = "alert_rule_deleted", "Alert rule deleted";
    NotificationTargetCreated = "notification_target_created", "Notification target created";
    NotificationTargetChanged = "notification_target_changed", "Notification target changed";
    NotificationTargetDeleted = "notification_target_deleted", "Notification target deleted";
    ConnectionCreated = "connection_created", "Connection created";
    ConnectionChanged = "connection_changed", "Connection changed";
    ConnectionDeleted = "connection_deleted", "Connection deleted";
    ConnectionTested = "connection_tested", "Connection tested";
    PlanSaved = "plan_saved", "Plan saved";
    AssessmentStarted = "assessment_started", "Assessment started";
    AssessmentCompleted = "assessment_completed", "Assessment completed";
    AssessmentFailed = "assessment_failed", "Assessment failed";
    AssessmentStopped = "assessment_stopped", "Assessment stopped";
    RunStarted = "run_started", "Run started";
    RunPaused = "run_paused", "Run paused";
    RunResumed = "run_resumed", "Run resumed";
    RunCompleted = "run_completed", "Run completed";
    RunFailed = "run_failed", "Run failed";
    RehearsalStarted = "rehearsal_started", "Rehearsal started";
    RehearsalCompleted = "rehearsal_completed", "Rehearsal completed";
    RehearsalFailed = "rehearsal_failed", "Rehearsal failed";
    ReportMade = "report_made", "Report made";
    BackupTaken = "backup_taken", "Backup taken";
    BackupRestored = "backup_restored", "Backup restored";
    RollbackStarted = "rollback_started", "Rollback started";
    RollbackCompleted = "rollback_completed", "Rollback completed";
    RollbackFailed = "rollback_failed", "Rollback failed";
    VerificationStarted = "verification_started", "Verification started";
    VerificationResumed = "verification_resumed", "Verification resumed";
    VerificationPaused = "verification_paused", "Verification paused";
    /// It came to its end, whatever it found.
    VerificationCompleted = "verification_completed", "Verification completed";
    VerificationFailed = "verification_failed", "Verification failed";
    /// Somebody looked at the key of a row that differs.
    KeyUnmasked = "key_unmasked", "Key looked at in clear";
    RepairStarted = "repair_started", "Repair started";
    RepairCompleted = "repair_completed", "Repair completed";
    RepairFailed = "repair_failed", "Repair failed";
    RepairTakenBack = "repair_taken_back", "Repair taken back";
    ClinicalChecksStarted = "clinical_checks_started", "Clinical checks started";
    /// They were made, whatever they found.
    ClinicalChecksMade = "clinical_checks_made", "Clinical checks made";
    ClinicalChecksFailed = "clinical_checks_failed", "Clinical checks failed";
    ClinicalChecksJudged = "clinical_checks_judged", "Clinical checks judged again";
    SignOffBegun = "sign_off_begun", "Sample for a sign-off drawn";
    SignOffFailed = "sign_off_failed", "Sample for a sign-off not drawn";
    PersonJudged = "person_judged", "Person of a sample judged";
    SignedOff = "signed_off", "Run signed off";
    /// Somebody looked at a quarantined row in clear.
    RowUnmasked = "row_unmasked", "Row looked at in clear";
    QuarantineTriaged = "quarantine_triaged", "Quarantined rows looked at";
    QuarantineFixed = "quarantine_fixed", "Quarantined rows fixed";
    QuarantineWaived = "quarantine_waived", "Quarantined rows waived";
    QuarantineReplayed = "quarantine_replayed", "Quarantined rows replayed";
    QuarantineUndone = "quarantine_undone", "Work on quarantined rows undone";
    MatchingStarted = "matching_started", "Search for duplicates started";
    MatchingCompleted = "matching_completed", "Search for duplicates completed";
    MatchingFailed = "matching_failed", "Search for duplicates failed";
    MatchingForgotten = "matching_forgotten", "Old search for duplicates forgotten";
    /// Somebody looked at people in clear.
    PeopleUnmasked = "people_unmasked", "People looked at in clear";
    MatchDecided = "match_decided", "Pair decided";
    MatchWithdrawn = "match_withdrawn", "Decision on a pair withdrawn";
    PeopleMerged = "people_merged", "People merged";
    MergeRefused = "merge_refused", "People not merged";
    MergeTakenBack = "merge_taken_back", "Merge taken back";
    AuditExported = "audit_exported", "Audit trail exported";
}

/// How a verification ended.
impl From<VerificationState> for Action {
    fn from(state: VerificationState) -> Self {
        match state {
            VerificationState::Equal | VerificationState::Different => Self::VerificationCompleted,
            VerificationState::Paused => Self::VerificationPaused,
            VerificationState::Running | VerificationState::Failed => Self::VerificationFailed,
        }
    }
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
    use super::{Action, Outcome, Reason};

    #[test]
    fn an_action_is_found_by_the_name_that_the_stores_write() {
        for action in Action::ALL {
            assert_eq!(Action::from_name(action.as_str()), Some(*action));
            assert_eq!(serde_json::to_value(action).unwrap(), action.as_str());
        }
    }

    #[test]
    fn an_outcome_is_found_by_the_name_that_the_stores_write() {
        for outcome in Outcome::ALL {
            assert_eq!(Outcome::from_name(outcome.as_str()), Some(*outcome));
            assert_eq!(serde_json::to_value(outcome).unwrap(), outcome.as_str());
        }
    }

    #[test]
    fn a_reason_says_something_in_one_line() {
        for text in ["", "   ok   ", "because\nof", "tab\there", &"x".repeat(501)] {
            assert!(Reason::parse(text).is_err(), "{text:?}");
            assert!(serde_json::from_value::<Reason>(text.into()).is_err(), "{text:?}");
        }
        assert_eq!(Reason::parse("  asked by the ward ").unwrap().as_str(), "asked by the ward");
    }
}
