//! What a run would come to: everything was done, and nothing stayed.

use serde::{Deserialize, Serialize};

use crate::assessment::TableName;
use crate::error_code::ErrorCode;
use crate::quarantine::QuarantinedCell;
use crate::run::RunOutcome;

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
