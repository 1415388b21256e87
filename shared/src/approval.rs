//! What nobody may do alone: asked for by one person, answered by another.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::audit::Reason;
use crate::id::{ApprovalId, CutoverId, RepairId, RunId, VerificationId};
use crate::problem::FieldProblem;
use crate::rollback::{Changed, Scope};
use crate::verification::RepairSelection;

/// The exact act that is asked for. An approval counts for this one and no other: it is bound to
/// a hash of all that is said here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case", tag = "act", deny_unknown_fields)]
pub enum Act {
    RollBack {
        run_id: RunId,
        scope: Scope,
        /// What becomes of rows that somebody changed since.
        #[serde(default)]
        changed: Changed,
    },
    /// Making a target's rows what a repair showed when it was tried out.
    Repair {
        run_id: RunId,
        verification_id: VerificationId,
        repair_id: RepairId,
        #[serde(default)]
        selection: RepairSelection,
    },
    CutOver {
        cutover_id: CutoverId,
    },
    /// Forgetting for good what a run kept: before-images, quarantined rows.
    Purge {
        run_id: RunId,
        /// What is forgotten: `quarantine`, `before_images`, `decisions`.
        #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 64))]
        what: String,
    },
    /// Putting a backup in the place of what is there.
    Restore {
        /// The backup's name or its hash.
        #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 200))]
        backup: String,
        /// What is replaced: the name of a connection, or `control_store`.
        #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 200))]
        into: String,
    },
}

impl Act {
    pub const fn kind(&self) -> ActKind {
        match self {
            Self::RollBack { .. } => ActKind::RollBack,
            Self::Repair { .. } => ActKind::Repair,
            Self::CutOver { .. } => ActKind::CutOver,
            Self::Purge { .. } => ActKind::Purge,
            Self::Restore { .. } => ActKind::Restore,
        }
    }

    /// The id of what it is done to.
    pub fn object(&self) -> &str {
        match self {
            Self::RollBack { run_id, .. } | Self::Purge { run_id, .. } => run_id.as_str(),
            Self::Repair { repair_id, .. } => repair_id.as_str(),
            Self::CutOver { cutover_id } => cutover_id.as_str(),
            Self::Restore { into, .. } => into,
        }
    }

    /// What is wrong with it, field by field; empty when it can be asked for.
    pub fn problems(&self) -> Vec<FieldProblem> {
        let wrong = |field: &str, text: &str, most: usize| {
            let is_right =
                (1..=most).contains(&text.chars().count()) && !text.chars().any(char::is_control);
            (!is_right).then(|| FieldProblem {
                field: format!("act.{field}"),
                message: format!("One line of 1 to {most} characters."),
            })
        };
        let found = match self {
            Self::RollBack { .. } | Self::Repair { .. } | Self::CutOver { .. } => [None, None],
            Self::Purge { what, .. } => [wrong("what", what, 64), None],
            Self::Restore { backup, into } => {
                [wrong("backup", backup, 200), wrong("into", into, 200)]
            }
        };
        found.into_iter().flatten().collect()
    }

    /// One sentence for the person who has to answer.
    pub fn summary(&self) -> String {
        match self {
            Self::RollBack { run_id, scope, changed } => {
                let what = match scope {
                    Scope::Run => format!("Undo the whole run {run_id}"),
                    Scope::Table { target } => format!("Undo the table {target} of run {run_id}"),
                    Scope::Chunk { target, ordinal } => {
                        format!("Undo chunk {ordinal} of the table {target} of run {run_id}")
                    }
                };
                match changed {
                    Changed::Leave => format!("{what}."),
                    Changed::Discard => format!("{what}, and what others changed in its rows."),
                }
            }
            Self::Repair { run_id, selection, .. } => {
                format!("Repair {} in the target of run {run_id}.", selection.in_words())
            }
            Self::CutOver { cutover_id } => format!("Switch over: {cutover_id}."),
            Self::Purge { run_id, what } => format!("Forget the {what} of run {run_id} for good."),
            Self::Restore { backup, into } => {
                format!("Put the backup {backup} in place of {into}.")
            }
        }
    }
}

/// Kinds of acts that can be set to need a second person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ActKind {
    RollBack,
    Repair,
    CutOver,
    Purge,
    Restore,
}

impl ActKind {
    pub const ALL: &[Self] =
        &[Self::RollBack, Self::Repair, Self::CutOver, Self::Purge, Self::Restore];

    /// As the stores write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RollBack => "roll_back",
            Self::Repair => "repair",
            Self::CutOver => "cut_over",
            Self::Purge => "purge",
            Self::Restore => "restore",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == name)
    }

    /// What people read.
    pub const fn label(self) -> &'static str {
        match self {
            Self::RollBack => "Rollback",
            Self::Repair => "Repair",
            Self::CutOver => "Cut-over",
            Self::Purge => "Purge",
            Self::Restore => "Restore",
        }
    }
}

/// Where a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ApprovalState {
    Requested,
    Approved,
    Refused,
    /// Taken back by whoever asked.
    Withdrawn,
    /// Nobody answered, or nobody acted, in time.
    Expired,
    /// The act was begun: an approval counts once.
    Used,
}

impl ApprovalState {
    pub const ALL: &[Self] = &[
        Self::Requested,
        Self::Approved,
        Self::Refused,
        Self::Withdrawn,
        Self::Expired,
        Self::Used,
    ];

    pub const fn allows(self, next: Self) -> bool {
        matches!(
            (self, next),
            (Self::Requested, Self::Approved | Self::Refused | Self::Withdrawn | Self::Expired)
                | (Self::Approved, Self::Used | Self::Withdrawn | Self::Expired)
        )
    }

    /// As the stores write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Approved => "approved",
            Self::Refused => "refused",
            Self::Withdrawn => "withdrawn",
            Self::Expired => "expired",
            Self::Used => "used",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|state| state.as_str() == name)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Approval {
    pub id: ApprovalId,
    pub act: Act,
    /// What is asked for, as one sentence.
    pub summary: String,
    /// SHA-256 of the act, in hexadecimal digits: the act that is begun has to have the same.
    pub act_hash: String,
    pub state: ApprovalState,
    pub reason: String,
    pub requested_by: Person,
    pub requested_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answered_by: Option<Person>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answered_at: Option<DateTime<Utc>>,
    /// What the second person said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
}

/// Somebody by id and name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ApprovalPerson))]
pub struct Person {
    pub id: String,
    pub name: String,
}

/// What asks for an approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewApproval {
    pub act: Act,
    pub reason: Reason,
}

/// What the second person says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ApprovalAnswer))]
#[serde(deny_unknown_fields)]
pub struct Answer {
    pub reason: Reason,
}

/// Which approvals are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "openapi", into_params(parameter_in = Query))]
#[serde(default)]
pub struct ApprovalFilter {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<ApprovalState>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_as_the_stores_write_them() {
        for kind in ActKind::ALL {
            assert_eq!(ActKind::from_name(kind.as_str()), Some(*kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
        for state in ApprovalState::ALL {
            assert_eq!(ApprovalState::from_name(state.as_str()), Some(*state));
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
        }
    }

    #[test]
    fn an_approval_is_given_once_and_used_once() {
        use ApprovalState as S;
        assert!(S::Requested.allows(S::Approved) && S::Approved.allows(S::Used));
        for ended in [S::Refused, S::Withdrawn, S::Expired, S::Used] {
            assert!(S::ALL.iter().all(|next| !ended.allows(*next)), "{ended:?}");
        }
        assert!(!S::Requested.allows(S::Used));
    }

    #[test]
    fn an_act_with_an_endless_text_is_not_asked_for() {
        let restore = |backup: &str| Act::Restore { backup: backup.into(), into: "modern".into() };
        assert_eq!(restore("2026-07-31").problems(), []);
        for text in ["", &"x".repeat(201), "two\nlines"] {
            assert_eq!(restore(text).problems()[0].field, "act.backup", "{text}");
        }
    }

    #[test]
    fn an_act_says_what_it_is_done_to() {
        let act: Act = serde_json::from_value(serde_json::json!({
            "act": "roll_back", "run_id": "r1", "scope": {"what": "run"},
        }))
        .unwrap();
        assert_eq!((act.kind(), act.object()), (ActKind::RollBack, "r1"));
        assert_eq!(act.summary(), "Undo the whole run r1.");
    }
}
