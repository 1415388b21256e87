//! Rules that watch, and what they found.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::id::{AlertId, RunId};

/// What is watched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case", tag = "when")]
pub enum Condition {
    RunFailed,
    RunCompleted,
    /// More than so many percent of the rows read are in quarantine.
    QuarantinePercent {
        above: f64,
    },
    /// No chunk was committed for so long.
    NoProgress {
        seconds: u64,
    },
    LagAbove {
        milliseconds: u64,
    },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Rule {
    pub id: AlertId,
    pub name: String,
    pub condition: Condition,
    pub severity: crate::assessment::Severity,
    /// For how long the same cause is not raised again.
    pub quiet_seconds: u64,
    pub enabled: bool,
}

/// Where an alert stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum AlertState {
    Raised,
    Acknowledged,
    /// Its cause is gone.
    Cleared,
}

impl AlertState {
    pub const fn allows(self, next: Self) -> bool {
        matches!(
            (self, next),
            (Self::Raised, Self::Acknowledged | Self::Cleared)
                | (Self::Acknowledged, Self::Cleared)
        )
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Alert {
    pub id: AlertId,
    pub rule_id: AlertId,
    pub run_id: Option<RunId>,
    pub state: AlertState,
    pub raised_at: DateTime<Utc>,
    /// What was found, without values.
    pub message: String,
}

#[cfg(test)]
mod tests {
    use super::AlertState;

    #[test]
    fn an_alert_whose_cause_is_gone_is_not_raised_again() {
        assert!(!AlertState::Cleared.allows(AlertState::Raised));
        assert!(AlertState::Raised.allows(AlertState::Cleared));
    }
}
