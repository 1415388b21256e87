//! One execution of one plan version: its states, its progress, its books.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::assessment::TableName;
use crate::error_code::ErrorCode;
use crate::id::{PlanId, RunId};

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    Planned,
    Running,
    /// Stopped by somebody, between chunks, or a part of it was undone; can be resumed.
    Paused,
    /// Stopped by a failure or by books that do not close; can be resumed.
    Failed,
    /// Everything is done and the books close.
    Completed,
    /// It is being undone as a whole; nothing but undoing it can go on.
    RollingBack,
    RolledBack,
}

impl RunState {
    /// Whether a run may move from here to there.
    pub const fn allows(self, next: Self) -> bool {
        matches!(
            (self, next),
            (Self::Planned | Self::Paused | Self::Failed, Self::Running)
                | (Self::Running, Self::Paused | Self::Failed | Self::Completed)
                // A part of it was undone: that part can be done again.
                | (Self::Failed | Self::Completed, Self::Paused)
                | (Self::Paused | Self::Failed | Self::Completed, Self::RollingBack)
                | (Self::RollingBack, Self::RolledBack)
        )
    }

    /// As the stores write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Failed => "failed",
            Self::Completed => "completed",
            Self::RollingBack => "rolling_back",
            Self::RolledBack => "rolled_back",
        }
    }

    /// The state that the stores write so.
    pub fn from_name(name: &str) -> Option<Self> {
        [
            Self::Planned,
            Self::Running,
            Self::Paused,
            Self::Failed,
            Self::Completed,
            Self::RollingBack,
            Self::RolledBack,
        ]
        .into_iter()
        .find(|state| state.as_str() == name)
    }

    /// What people read.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Planned => "Planned",
            Self::Running => "Running",
            Self::Paused => "Paused",
            Self::Failed => "Failed",
            Self::Completed => "Completed",
            Self::RollingBack => "Rolling back",
            Self::RolledBack => "Rolled back",
        }
    }
}

/// What a run, or one of its tables, is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Opening both sides and cutting tables into chunks.
    Planning,
    /// Creating what the target lacks.
    Preparing,
    Copying,
    /// Indexes, foreign keys, sequences, statistics.
    Finishing,
    /// People who are there twice become one.
    Merging,
    /// Adding up.
    Closing,
    Done,
}

impl Phase {
    pub const fn label(self) -> &'static str {
        match self {
            Self::Planning => "Planning",
            Self::Preparing => "Preparing the target",
            Self::Copying => "Copying",
            Self::Finishing => "Indexes and keys",
            Self::Merging => "Merging duplicates",
            Self::Closing => "Closing the books",
            Self::Done => "Done",
        }
    }
}

/// What became of the rows of one table: `read = loaded + merged + filtered + quarantined`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Books {
    /// Rows that the source holds, counted by the source itself.
    pub read: u64,
    pub loaded: u64,
    /// Duplicates that live on in another row.
    pub merged: u64,
    pub filtered: u64,
    pub quarantined: u64,
}

impl Books {
    /// Rows of which it is known what became of them.
    pub const fn accounted(self) -> u64 {
        self.loaded + self.merged + self.filtered + self.quarantined
    }

    /// Whether every row that was read is accounted for, no more and no fewer.
    pub const fn close(self) -> bool {
        self.read == self.accounted()
    }
}

impl std::ops::Add for Books {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            read: self.read + other.read,
            loaded: self.loaded + other.loaded,
            merged: self.merged + other.merged,
            filtered: self.filtered + other.filtered,
            quarantined: self.quarantined + other.quarantined,
        }
    }
}

impl std::iter::Sum for Books {
    fn sum<I: Iterator<Item = Self>>(books: I) -> Self {
        books.fold(Self::default(), std::ops::Add::add)
    }
}

/// How far one table has come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TableProgress {
    /// The table's place in the plan.
    pub index: u32,
    pub source: TableName,
    pub target: TableName,
    pub phase: Phase,
    pub books: Books,
    pub chunks_total: u32,
    pub chunks_done: u32,
    pub bytes: u64,
    /// Seconds spent on the table so far, all workers together.
    pub seconds: f64,
}

impl TableProgress {
    /// From 0 to 1; none until the source has counted its rows. An empty table is done at once.
    #[expect(clippy::cast_precision_loss, reason = "a progress bar has no use for more digits")]
    pub fn fraction(&self) -> Option<f64> {
        match (self.phase, self.books.read) {
            (Phase::Planning | Phase::Preparing, _) => None,
            (_, 0) => Some(1.0),
            (_, read) => Some((self.books.accounted() as f64 / read as f64).min(1.0)),
        }
    }
}

/// How far a run has come, as one picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Progress {
    pub phase: Phase,
    pub tables: Vec<TableProgress>,
    /// Rows a second over the last few seconds.
    pub rows_per_second: f64,
    /// Seconds until the copy is through, once that can be told.
    pub eta_seconds: Option<f64>,
    pub elapsed_seconds: f64,
    #[serde(default)]
    pub health: Health,
}

/// Whether a run gets on, and what it does about what goes wrong.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = RunHealth))]
#[serde(default)]
pub struct Health {
    /// Seconds since the last row moved or the last step was taken.
    pub idle_seconds: f64,
    /// Why nothing has moved for a while.
    pub stall: Option<Stall>,
    /// Failures that are being tried again right now.
    pub retrying: Vec<Retry>,
    /// How often something was tried again so far.
    pub retries: u64,
    /// Workers that copy chunks right now, here and in other processes.
    pub workers: u32,
    /// How many of them are in other processes.
    pub remote_workers: u32,
    /// What limits a promise of the run, in words.
    pub notes: Vec<String>,
}

/// A run in which nothing has moved for a while.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Stall {
    pub seconds: f64,
    /// What is being waited for. Names may appear, values never.
    pub reason: String,
}

/// A failure that is being tried again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Retry {
    pub code: ErrorCode,
    /// What was being done.
    pub message: String,
    /// How often it was tried since something last went well.
    pub tries: u32,
    /// Seconds between the failure and the next try.
    pub after_seconds: f64,
    /// Seconds that are left of the run's patience.
    pub patience_seconds: f64,
}

impl Progress {
    pub fn books(&self) -> Books {
        self.tables.iter().map(|table| table.books).sum()
    }

    /// From 0 to 1 over all tables, by rows.
    #[expect(clippy::cast_precision_loss, reason = "a progress bar has no use for more digits")]
    pub fn fraction(&self) -> Option<f64> {
        if self.phase < Phase::Copying {
            return None;
        }
        let books = self.books();
        Some(match books.read {
            0 => 1.0,
            read => (books.accounted() as f64 / read as f64).min(1.0),
        })
    }
}

/// Why a run stopped before its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Failure {
    pub code: ErrorCode,
    /// What was being done. Names may appear, values never.
    pub message: String,
}

/// A run as the portal shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Run {
    pub id: RunId,
    pub plan_id: PlanId,
    pub plan_name: String,
    pub plan_version: u32,
    pub state: RunState,
    pub started_by: String,
    pub created_at: DateTime<Utc>,
    pub started_at: Option<DateTime<Utc>>,
    pub ended_at: Option<DateTime<Utc>>,
    pub failure: Option<Failure>,
    /// The last picture taken; live ones come as events.
    pub progress: Option<Progress>,
}

impl Run {
    /// Whether every table's books close.
    pub fn books_close(&self) -> bool {
        self.progress
            .as_ref()
            .is_some_and(|progress| progress.tables.iter().all(|table| table.books.close()))
    }
}

/// What starts a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewRun {
    pub plan_id: PlanId,
    #[serde(default)]
    pub start: Start,
}

/// What a run does about what an earlier run of the same plan left in the target.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Start {
    /// It goes on after the last chunk that was committed.
    #[default]
    Continue,
    /// It begins again from nothing.
    Fresh,
}

/// What a run came to: the answer of `transfuse migrate --json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunOutcome {
    pub run_id: RunId,
    pub status: OutcomeStatus,
    pub tables: Vec<TableOutcome>,
    pub books_close: bool,
    pub seconds: f64,
    pub rows_per_second: f64,
    pub peak_rss_bytes: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum OutcomeStatus {
    Completed,
    Paused,
    Failed,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TableOutcome {
    pub source: TableName,
    pub target: TableName,
    #[serde(flatten)]
    pub books: Books,
    pub bytes: u64,
    pub seconds: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATES: [RunState; 7] = [
        RunState::Planned,
        RunState::Running,
        RunState::Paused,
        RunState::Failed,
        RunState::Completed,
        RunState::RollingBack,
        RunState::RolledBack,
    ];

    #[test]
    fn a_run_that_was_rolled_back_goes_nowhere() {
        assert!(STATES.iter().all(|next| !RunState::RolledBack.allows(*next)));
    }

    #[test]
    fn a_run_that_is_being_undone_is_only_undone_further() {
        let next: Vec<_> =
            STATES.into_iter().filter(|next| RunState::RollingBack.allows(*next)).collect();
        assert_eq!(next, [RunState::RolledBack]);
    }

    #[test]
    fn only_a_running_run_completes() {
        let before: Vec<_> =
            STATES.into_iter().filter(|state| state.allows(RunState::Completed)).collect();
        assert_eq!(before, [RunState::Running]);
    }

    #[test]
    fn a_state_is_found_by_the_name_that_the_stores_write() {
        for state in STATES {
            assert_eq!(RunState::from_name(state.as_str()), Some(state));
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
        }
    }

    #[test]
    fn books_with_a_row_too_many_do_not_close() {
        let books = Books { read: 10, loaded: 7, merged: 1, filtered: 1, quarantined: 1 };
        assert!(books.close());
        assert!(!Books { loaded: 8, ..books }.close());
        assert!(!Books { quarantined: 0, ..books }.close());
    }
}
