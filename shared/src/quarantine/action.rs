use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Fix, QuarantineCount, QuarantineState, Selection};
use crate::assessment::TableName;
use crate::error_code::ErrorCode;
use crate::id::{QuarantineActionId, RunId};

/// What somebody did with rows in quarantine, all at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct QuarantineAction {
    pub id: QuarantineActionId,
    pub run_id: RunId,
    pub kind: ActionKind,
    pub by: String,
    pub at: DateTime<Utc>,
    /// What was done, in names and numbers.
    pub what: String,
    /// What was given as the reason.
    pub note: Option<String>,
    /// Rows that it changed.
    pub rows: u64,
    /// The action that this one undid.
    pub undoes: Option<QuarantineActionId>,
    /// The action by which this one was undone.
    pub undone_by: Option<QuarantineActionId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ActionKind {
    Triage,
    Fix,
    Waive,
    Replay,
    Undo,
}

impl ActionKind {
    const ALL: [Self; 5] = [Self::Triage, Self::Fix, Self::Waive, Self::Replay, Self::Undo];

    /// As the stores write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Triage => "triage",
            Self::Fix => "fix",
            Self::Waive => "waive",
            Self::Replay => "replay",
            Self::Undo => "undo",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// What one action did with one row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct QuarantineStep {
    /// Counts up from 1 for each row.
    pub number: u32,
    pub action: QuarantineActionId,
    pub kind: ActionKind,
    pub by: String,
    pub at: DateTime<Utc>,
    pub what: String,
    pub note: Option<String>,
    pub from: QuarantineState,
    pub to: QuarantineState,
    /// What was wrong with the row afterwards.
    pub code: ErrorCode,
    pub column: Option<String>,
    pub reason: String,
}

/// What is to be done with rows in quarantine. The field that is given says what.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct WorkRequest {
    #[serde(flatten)]
    pub selection: Selection,
    /// The rule, where rows are to be fixed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<Fix>,
    /// Why. A waiver needs it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Replays by the rules of this version of the run's plan, rather than the run's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan_version: Option<u32>,
    /// Does it, tells what came of it, and takes it back.
    pub dry_run: bool,
}

/// What an action came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WorkOutcome {
    pub action: QuarantineAction,
    /// It was only tried: nothing of it stayed.
    pub dry_run: bool,
    pub tables: Vec<TableWork>,
    /// Rows that were replayed and refused again, counted by what is wrong with them now.
    pub refused: Vec<QuarantineCount>,
}

impl WorkOutcome {
    /// Rows that the action was to deal with, over all tables.
    pub fn selected(&self) -> u64 {
        self.tables.iter().map(|table| table.selected).sum()
    }

    /// Rows with which it was done, over all tables.
    pub fn done(&self) -> u64 {
        self.tables.iter().map(|table| table.done).sum()
    }
}

/// What an action came to in one table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TableWork {
    /// The table's place in the plan.
    pub index: u32,
    pub target: Option<TableName>,
    /// Rows that the action looked at.
    pub selected: u64,
    /// Rows with which it was done: fixed, waived, in the target now, or as they were before.
    pub done: u64,
    /// Rows that were replayed and refused again.
    pub again: u64,
    /// Rows that were replayed and wait for their parent.
    pub parked: u64,
    /// Rows that stayed as they were: the rule found nothing in them, or they were changed in
    /// the target since they were replayed.
    pub left: u64,
    /// By how many rows the target has more than before; negative when rows were taken out.
    pub arrived: i64,
}
