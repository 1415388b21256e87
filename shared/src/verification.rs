//! The comparison of source and target: how far it is, what it found, how long it holds.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::assessment::TableName;
use crate::id::{RunId, VerificationId};

/// Where a verification stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum VerificationState {
    Running,
    Paused,
    /// Every row of every table was compared, and all agree.
    Equal,
    Different,
    Failed,
}

impl VerificationState {
    pub const fn allows(self, next: Self) -> bool {
        matches!(
            (self, next),
            (Self::Running, Self::Paused | Self::Equal | Self::Different | Self::Failed)
                | (Self::Paused | Self::Failed, Self::Running)
        )
    }
}

/// Whether a verification still says something about the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Freshness {
    /// Neither side changed since.
    Fresh,
    Stale,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Verification {
    pub id: VerificationId,
    pub run_id: RunId,
    pub state: VerificationState,
    pub freshness: Freshness,
    pub started_at: DateTime<Utc>,
    pub tables: Vec<TableVerification>,
}

/// What comparing one table came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TableVerification {
    pub source: TableName,
    pub target: TableName,
    pub source_rows: u64,
    pub target_rows: u64,
    pub compared: u64,
    pub missing: u64,
    pub extra: u64,
    pub different: u64,
}

impl TableVerification {
    pub const fn is_equal(&self) -> bool {
        self.missing == 0 && self.extra == 0 && self.different == 0
    }
}

/// One row that is not the same on both sides, located by its key. Values stay out of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Mismatch {
    pub target: TableName,
    /// A keyed digest of the row's key, by which the row can be found again.
    pub key_digest: String,
    pub kind: MismatchKind,
    /// The columns that differ; empty when the row is missing or extra.
    pub columns: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum MismatchKind {
    /// The source has it, the target does not.
    Missing,
    /// The target has it, the source does not.
    Extra,
    Different,
}

#[cfg(test)]
mod tests {
    use super::VerificationState as State;

    #[test]
    fn a_verification_that_ended_is_not_taken_up_again() {
        for next in [State::Running, State::Paused, State::Equal, State::Different, State::Failed] {
            assert!(!State::Equal.allows(next) && !State::Different.allows(next), "{next:?}");
        }
    }
}
