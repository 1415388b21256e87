//! Carrying changes after the copy: how far it has read, and what both sides changed.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::assessment::TableName;
use crate::id::{ConflictId, SyncId};

/// Where a sync stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SyncState {
    /// Changes are kept while the copy runs.
    Waiting,
    /// It reads faster than the source writes, and is not there yet.
    CatchingUp,
    InSync,
    Paused,
    Failed,
    /// Ended on purpose; what held changes back at the source is gone.
    Ended,
}

impl SyncState {
    pub const fn allows(self, next: Self) -> bool {
        matches!(
            (self, next),
            (Self::Waiting | Self::Paused | Self::Failed | Self::InSync, Self::CatchingUp)
                | (Self::CatchingUp, Self::InSync)
                | (Self::Waiting | Self::CatchingUp | Self::InSync, Self::Paused | Self::Failed)
                | (
                    Self::Waiting | Self::CatchingUp | Self::InSync | Self::Paused | Self::Failed,
                    Self::Ended
                )
        )
    }
}

/// A place in the source's stream of changes, in the source's own terms: an LSN, a GTID set, a
/// file and an offset, a counter.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct Position(pub String);

/// How far behind a sync is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Lag {
    pub milliseconds: u64,
    /// Changes known and not yet carried over.
    pub changes: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Sync {
    pub id: SyncId,
    pub state: SyncState,
    pub position: Option<Position>,
    pub lag: Option<Lag>,
}

/// Both sides changed the same row since they were last the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Conflict {
    pub id: ConflictId,
    pub sync_id: SyncId,
    pub table: TableName,
    pub kind: ConflictKind,
    /// The columns that both sides changed.
    pub columns: Vec<String>,
    pub found_at: DateTime<Utc>,
    pub resolution: Option<Resolution>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ConflictKind {
    /// Both sides changed the row.
    BothChanged,
    /// One side changed it, the other deleted it.
    ChangedAndDeleted,
    /// Both sides made a row with this key.
    BothMade,
    /// The row that it refers to is not on the other side.
    ParentMissing,
}

/// Which side a conflict was decided for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Resolution {
    Source,
    Target,
    /// Column by column, by a person.
    Merged,
    Ignored,
}

#[cfg(test)]
mod tests {
    use super::SyncState;

    #[test]
    fn a_sync_that_ended_stays_ended() {
        for next in [
            SyncState::Waiting,
            SyncState::CatchingUp,
            SyncState::InSync,
            SyncState::Paused,
            SyncState::Failed,
            SyncState::Ended,
        ] {
            assert!(!SyncState::Ended.allows(next));
        }
    }
}
