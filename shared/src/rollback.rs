//! What undoing would do, and did.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::assessment::TableName;
use crate::id::{RollbackId, RunId};

/// How much of a run is undone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case", tag = "what")]
pub enum Scope {
    Run,
    Table { target: TableName },
    Chunk { target: TableName, ordinal: u32 },
}

/// Where a rollback stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RollbackState {
    /// What it would do is known; nothing was done.
    Previewed,
    Running,
    Completed,
    Failed,
}

impl RollbackState {
    pub const fn allows(self, next: Self) -> bool {
        matches!(
            (self, next),
            (Self::Previewed | Self::Failed, Self::Running)
                | (Self::Running, Self::Completed | Self::Failed)
        )
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Rollback {
    pub id: RollbackId,
    pub run_id: RunId,
    pub scope: Scope,
    pub state: RollbackState,
    pub requested_by: String,
    pub requested_at: DateTime<Utc>,
    pub tables: Vec<TableRollback>,
}

/// What undoing does to one table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TableRollback {
    pub target: TableName,
    /// Rows that the run brought and that go.
    pub removed: u64,
    /// Rows that the run changed and that become what they were.
    pub restored: u64,
    /// Rows of the run that somebody changed since: they are shown, and stay.
    pub changed_since: u64,
    /// The table was made by the run and goes as a whole.
    pub dropped: bool,
}

#[cfg(test)]
mod tests {
    use super::RollbackState;

    #[test]
    fn nothing_is_undone_that_was_not_previewed() {
        assert!(RollbackState::Previewed.allows(RollbackState::Running));
        assert!(!RollbackState::Previewed.allows(RollbackState::Completed));
        assert!(!RollbackState::Completed.allows(RollbackState::Running));
    }
}
