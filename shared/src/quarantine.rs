//! Rows that could not be carried over, why, and what became of them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

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
}

/// What became of a row in quarantine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum QuarantineState {
    New,
    /// A repaired version waits to be replayed.
    Fixed,
    /// Somebody signed that it stays behind.
    Waived,
    /// It is in the target now.
    Replayed,
}

impl QuarantineState {
    pub const fn allows(self, next: Self) -> bool {
        matches!(
            (self, next),
            (Self::New, Self::Fixed | Self::Waived | Self::Replayed)
                | (Self::Fixed, Self::New | Self::Replayed)
                | (Self::Waived, Self::New)
        )
    }

    /// As the stores write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Fixed => "fixed",
            Self::Waived => "waived",
            Self::Replayed => "replayed",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        [Self::New, Self::Fixed, Self::Waived, Self::Replayed]
            .into_iter()
            .find(|state| state.as_str() == name)
    }
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
}

/// Rows in quarantine, counted by what is wrong with them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct QuarantineCount {
    pub target: TableName,
    pub code: ErrorCode,
    pub column: Option<String>,
    pub rows: u64,
}
