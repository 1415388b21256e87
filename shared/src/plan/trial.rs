//! The rules of one table, tried on a few rows of the source.

use serde::{Deserialize, Serialize};

use super::Plan;
use crate::assessment::TableName;
use crate::error_code::ErrorCode;

/// Rules that are to be tried.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RulesTrial {
    /// It need not be saved.
    pub plan: Plan,
    /// The table's place in the plan; counts from 0.
    pub table: u32,
    /// How many rows are read; at most 50.
    #[serde(default = "few")]
    pub rows: u32,
}

const fn few() -> u32 {
    5
}

/// What became of the rows that were read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TriedRules {
    pub source: TableName,
    pub target: TableName,
    pub rows: Vec<TriedRow>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TriedRow {
    pub outcome: TriedOutcome,
    /// What is wrong with the row as a whole.
    pub fault: Option<TriedFault>,
    /// One for each column that the table's mapping fills; none for a row that is wrong as a whole.
    pub cells: Vec<TriedCell>,
}

/// What would become of a row. Keys, and what the target itself checks, are not looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum TriedOutcome {
    Loaded,
    Filtered,
    Quarantined,
}

/// One value before and after its rules, masked: letters become x, digits 9.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TriedCell {
    /// The column of the target.
    pub column: String,
    /// The column that was read; absent where the rules make the value.
    pub source: Option<String>,
    /// The value as it was read; absent for null.
    pub before: Option<String>,
    /// The value as the target gets it; absent for null, and where there is a fault.
    pub after: Option<String>,
    /// Whether the rules make another text of it.
    pub is_changed: bool,
    pub fault: Option<TriedFault>,
}

/// Why a value, or a row, would go to the quarantine. Says what is wrong, never the value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TriedFault {
    pub code: ErrorCode,
    pub reason: String,
}
