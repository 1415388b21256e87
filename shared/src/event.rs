//! What the progress stream of a run carries.

use serde::{Deserialize, Serialize};

use crate::run::{Failure, Progress, RunState};

/// The name under which each message comes in `text/event-stream`.
pub const NAME: &str = "run";

/// One message of a run's stream. Its number is the stream's `id`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunEvent {
    /// Counts up from 1 within a run.
    pub number: u64,
    pub state: RunState,
    pub progress: Option<Progress>,
    pub failure: Option<Failure>,
}

impl RunEvent {
    /// Whether nothing comes after it until somebody acts on the run.
    pub const fn is_last(&self) -> bool {
        !matches!(self.state, RunState::Planned | RunState::Running)
    }
}
