//! What a run would come to: everything was done, and nothing stayed.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::assessment::TableName;
use crate::error_code::ErrorCode;
use crate::id::{PlanId, RehearsalId};
use crate::quarantine::QuarantinedCell;
use crate::run::{Failure, RunOutcome, Start};

/// What asks for a rehearsal of a plan's latest version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewRehearsal {
    pub plan_id: PlanId,
    /// Where the target holds an earlier run of the version, only a fresh one can be rehearsed.
    #[serde(default)]
    pub start: Start,
}

/// A rehearsal that somebody asked the server for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RehearsalRecord {
    pub id: RehearsalId,
    pub plan_id: PlanId,
    pub plan_name: String,
    pub plan_version: u32,
    pub state: RehearsalState,
    pub started_by: String,
    pub started_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
    /// What it found, once it is through. A list leaves it out.
    pub report: Option<Rehearsal>,
    /// Why it could not begin, or be taken back.
    pub failure: Option<Failure>,
}

/// Where a rehearsal stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RehearsalState {
    Running,
    /// It has a report, which may say that the run would fail.
    Completed,
    Failed,
}

impl RehearsalState {
    /// As the stores write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Running, Self::Completed, Self::Failed]
            .into_iter()
            .find(|state| state.as_str() == name)
    }
}

/// What a rehearsal found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Rehearsal {
    /// What the run came to before it was taken back.
    #[serde(flatten)]
    pub outcome: RunOutcome,
    /// What would be quarantined, by table, column and code, the most frequent first.
    pub quarantine: Vec<RehearsedFault>,
    /// Rules that lose information, and who signed for them.
    pub losses: Vec<Loss>,
    pub forecast: Forecast,
}

/// Rows that would go to quarantine for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RehearsedFault {
    pub target: TableName,
    pub code: ErrorCode,
    pub column: Option<String>,
    pub rows: u64,
    /// What was said of one of them.
    pub reason: String,
    /// A few of the rows, masked.
    pub examples: Vec<Vec<QuarantinedCell>>,
}

/// A rule of the plan that can lose information.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Loss {
    pub target: TableName,
    pub column: String,
    pub rule: String,
    pub signed_by: Option<String>,
    pub reason: Option<String>,
    /// The column that keeps the value as it was read.
    pub kept_in: Option<String>,
}

/// How long the run will take, by what the rehearsal took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = RehearsalForecast))]
pub struct Forecast {
    /// Copying, by one worker, as measured.
    pub copy_seconds: f64,
    /// Everything else, as measured: cutting, indexes, orphans, keys.
    pub other_seconds: f64,
    /// How many workers the run will have.
    pub workers: u16,
    /// The run, if copying gets faster by every worker that has a processor.
    pub seconds: f64,
}
