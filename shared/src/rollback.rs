//! What undoing would do, and did.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::assessment::TableName;
use crate::id::{RollbackId, RunId};
use crate::run::{Failure, RunState};

/// How much of a run is undone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case", tag = "what")]
pub enum Scope {
    /// All of it, with everything that it made.
    #[default]
    Run,
    /// All rows of one table. The table stays, and the run can load it again.
    Table { target: TableName },
    /// The rows of one chunk, which the run can load again.
    Chunk { target: TableName, ordinal: u32 },
}

impl Scope {
    /// The table that it is about, where it is about one.
    pub const fn table(&self) -> Option<&TableName> {
        match self {
            Self::Run => None,
            Self::Table { target } | Self::Chunk { target, .. } => Some(target),
        }
    }
}

/// What becomes of rows of the run that somebody changed since.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Changed {
    /// They stay as they are, and are reported.
    #[default]
    Leave,
    /// They are undone like the others: what somebody wrote into them is lost.
    Discard,
}

impl Changed {
    /// As the stores write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Leave => "leave",
            Self::Discard => "discard",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Leave, Self::Discard].into_iter().find(|changed| changed.as_str() == name)
    }
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

    /// As the stores write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Previewed => "previewed",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Previewed, Self::Running, Self::Completed, Self::Failed]
            .into_iter()
            .find(|state| state.as_str() == name)
    }
}

/// One undoing, as it is asked for, looked at and carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Rollback {
    pub id: RollbackId,
    pub run_id: RunId,
    pub scope: Scope,
    pub changed: Changed,
    pub state: RollbackState,
    pub requested_by: String,
    pub requested_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
    /// What it would do, as long as it is a preview; then what it did.
    pub outcome: Option<RollbackOutcome>,
    pub failure: Option<Failure>,
}

/// What asks for a rollback. Nothing is undone by it: it answers with what would be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewRollback {
    pub run_id: RunId,
    #[serde(default)]
    pub scope: Scope,
    #[serde(default)]
    pub changed: Changed,
}

/// What undoing would do or did: the answer of `transfuse rollback --json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RollbackOutcome {
    pub run_id: RunId,
    pub scope: Scope,
    /// Only looked at: nothing was changed.
    pub dry_run: bool,
    /// What the run is afterwards.
    pub run_state: RunState,
    pub tables: Vec<TableRollback>,
    /// What the run made besides rows, and what became of it.
    pub objects: Vec<ObjectRollback>,
    /// What keeps it from being undone. Nothing is changed while there is something.
    pub obstacles: Vec<Obstacle>,
}

impl RollbackOutcome {
    /// Rows of the run that stay in the target.
    pub fn rows_left(&self) -> u64 {
        self.tables.iter().map(|table| table.changed_since - table.discarded).sum()
    }

    /// Whether nothing of what was to be undone is left.
    pub fn is_whole(&self) -> bool {
        self.rows_left() == 0
            && self.obstacles.is_empty()
            && self.objects.iter().all(|object| object.fate != Fate::Left)
    }
}

/// What undoing does to one table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TableRollback {
    pub target: TableName,
    /// How many chunks are undone.
    pub chunks: u32,
    /// Rows that the run brought and that go.
    pub removed: u64,
    /// Rows that the run changed and that become what they were.
    pub restored: u64,
    /// Rows of the run that are no longer as it left them. They stay, unless they are to be
    /// discarded. In a table that the run made, rows that somebody added are among them.
    pub changed_since: u64,
    /// Those of them that go, or become what they were, because somebody said so.
    pub discarded: u64,
    /// Rows of the run that somebody took away since.
    pub gone_since: u64,
    /// Rows of somebody else. They stay.
    pub others: u64,
    /// Rows that leave the quarantine.
    pub quarantined: u64,
    /// The table was made by the run and goes as a whole.
    pub dropped: bool,
}

/// Something that the run made in the target besides rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ObjectRollback {
    /// `table`, `index`, `function`, `sequence`: as the target calls it.
    pub kind: String,
    pub name: String,
    pub fate: Fate,
    /// Why it stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What becomes of something that the run made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It goes, or becomes what it was.
    Undone,
    /// It stays.
    Left,
}

/// Something of somebody else that stands on what would be undone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Obstacle {
    /// The table of the run that is depended on.
    pub target: TableName,
    /// The constraint, or the object, that depends on it.
    pub name: String,
    /// The table that has the constraint, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<TableName>,
    /// Rows that refer to rows of the run.
    pub rows: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_undone_that_was_not_previewed() {
        assert!(RollbackState::Previewed.allows(RollbackState::Running));
        assert!(!RollbackState::Previewed.allows(RollbackState::Completed));
        assert!(!RollbackState::Completed.allows(RollbackState::Running));
    }

    #[test]
    fn a_scope_is_written_with_what_it_is() {
        let scope = Scope::Chunk { target: "public.people".parse().unwrap(), ordinal: 3 };
        let written = serde_json::json!({"what": "chunk", "target": "public.people", "ordinal": 3});
        assert_eq!(serde_json::to_value(&scope).unwrap(), written);
        assert_eq!(serde_json::from_value::<Scope>(written).unwrap(), scope);
        let whole: NewRollback = serde_json::from_str(r#"{"run_id": "run-1"}"#).unwrap();
        assert_eq!((whole.scope, whole.changed), (Scope::Run, Changed::Leave));
    }

    #[test]
    fn rows_that_are_left_keep_a_rollback_from_being_whole() {
        let table = TableRollback {
            target: "people".parse().unwrap(),
            chunks: 1,
            removed: 5,
            restored: 0,
            changed_since: 2,
            discarded: 2,
            gone_since: 0,
            others: 7,
            quarantined: 0,
            dropped: false,
        };
        let outcome = |table| RollbackOutcome {
            run_id: "run-1".parse().unwrap(),
            scope: Scope::Run,
            dry_run: false,
            run_state: RunState::RolledBack,
            tables: vec![table],
            objects: Vec::new(),
            obstacles: Vec::new(),
        };
        assert!(outcome(table.clone()).is_whole());
        assert!(!outcome(TableRollback { discarded: 1, ..table }).is_whole());
    }
}
