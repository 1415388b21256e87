//! Rows that could not be carried over, why, and what became of them.

mod state;
mod fix;
mod action;
mod row;

use serde::{Deserialize, Serialize};

pub use action::{
    ActionKind, QuarantineAction, QuarantineStep, TableWork, WorkOutcome, WorkRequest,
};
pub use fix::Fix;
pub use row::{FixPreview, PreviewExample, PreviewRequest, QuarantinedCell, QuarantinedDetail};
pub use row::{RevealRequest, RevealedCell, RevealedRow};
pub use state::QuarantineState;

use chrono::{DateTime, Utc};

use crate::assessment::TableName;
use crate::error_code::ErrorCode;
use crate::id::{QuarantineId, RunId};

/// A row in quarantine, as it may be shown: where it is from and what is wrong, without values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct QuarantinedRow {
    pub id: QuarantineId,
    pub run_id: RunId,
    pub source: TableName,
    pub target: TableName,
    pub code: ErrorCode,
    /// The column of the target that refused its value, where one did.
    pub column: Option<String>,
    /// What was wrong, without the value.
    pub reason: String,
    pub state: QuarantineState,
    pub quarantined_at: DateTime<Utc>,
    /// How often something was done with it; its steps are told with the row.
    #[serde(default)]
    pub steps: u32,
}

/// What a list of quarantined rows is narrowed to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct QuarantineFilter {
    /// The target table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<TableName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<ErrorCode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<QuarantineState>,
}

/// Rows that something is done with: those that the filter leaves, and of these only the ones
/// named, where some are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Selection {
    #[serde(flatten)]
    pub filter: QuarantineFilter,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<QuarantineId>,
}

/// Rows in quarantine, counted by what is wrong with them. Those that were replayed are not in
/// quarantine any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct QuarantineCount {
    pub target: TableName,
    pub code: ErrorCode,
    pub column: Option<String>,
    pub rows: u64,
}
