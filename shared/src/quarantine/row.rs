use serde::{Deserialize, Serialize};

use super::{Fix, QuarantineCount, QuarantineStep, QuarantinedRow, Selection};
use crate::assessment::TableName;
use crate::error_code::ErrorCode;
use crate::id::QuarantineId;

/// A row in quarantine with the form of its values and all that was done with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct QuarantinedDetail {
    pub row: QuarantinedRow,
    /// The columns of the kept row: the source's as they were read, or, for a row without its
    /// parent, the target's.
    pub cells: Vec<QuarantinedCell>,
    pub steps: Vec<QuarantineStep>,
}

/// One value, masked: letters become x, digits 9, and what stands between them stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct QuarantinedCell {
    pub column: String,
    /// The value as it was read; absent for null.
    pub original: Option<String>,
    /// The value as it is to be replayed; absent for null.
    pub current: Option<String>,
    /// Whether a fix changed it.
    pub is_changed: bool,
}

/// What is needed to see a row's values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RevealRequest {
    /// Why they have to be seen: it goes into the audit trail.
    pub reason: String,
}

/// A row in quarantine with its values. Somebody asked for them and the audit trail says so.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RevealedRow {
    pub row: QuarantinedRow,
    pub cells: Vec<RevealedCell>,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RevealedCell {
    pub column: String,
    /// The value as it was read; absent for null.
    pub original: Option<String>,
    /// The value as it is to be replayed; absent for null.
    pub current: Option<String>,
}

impl std::fmt::Debug for RevealedRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RevealedRow").field("row", &self.row.id).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for RevealedCell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RevealedCell").field("column", &self.column).finish_non_exhaustive()
    }
}

/// Which rows a fix is tried on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PreviewRequest {
    #[serde(flatten)]
    pub selection: Selection,
    /// Without one, the rows are tried as they are.
    #[serde(default)]
    pub fix: Option<Fix>,
    /// How many rows are shown, masked.
    #[serde(default = "ten")]
    pub examples: u32,
}

const fn ten() -> u32 {
    10
}

/// What a fix would do, by the rules and types of the plan. The target may still refuse a row: a
/// replay as a dry run tells.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FixPreview {
    /// Rows that were looked at.
    pub selected: u64,
    /// Rows that the fix changes.
    pub changed: u64,
    /// Rows that then pass all rules and fit all types.
    pub passes: u64,
    /// The others, counted by what would be wrong with them.
    pub refused: Vec<QuarantineCount>,
    pub examples: Vec<PreviewExample>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PreviewExample {
    pub id: QuarantineId,
    pub target: TableName,
    /// The columns that the fix changes, masked.
    pub cells: Vec<QuarantinedCell>,
    /// What would still be wrong; nothing when the row passes.
    pub code: Option<ErrorCode>,
    pub column: Option<String>,
    pub reason: Option<String>,
}
