//! What one version of a plan does otherwise than another.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Two versions of a plan, held against each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PlanDiff {
    /// The version that is compared with.
    pub from: u32,
    pub to: u32,
    /// What the newer one does otherwise; empty when they do the same.
    pub changes: Vec<PlanChange>,
    /// Stretches of the document as YAML in which lines differ, each with a few lines around them.
    pub lines: Vec<Vec<DiffLine>>,
}

/// One thing that is not as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PlanChange {
    pub kind: ChangeKind,
    /// Where in the plan, from the outside inwards: a table, one of its columns, what of it.
    pub place: Vec<String>,
    /// What it was, and what it is: both, or neither where the place says all.
    pub values: Option<ChangedValues>,
}

/// In words: what is not there is `none`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ChangedValues {
    pub old: String,
    pub new: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    Added,
    Removed,
    Changed,
}

impl ChangeKind {
    pub const fn sign(self) -> char {
        match self {
            Self::Added => '+',
            Self::Removed => '-',
            Self::Changed => '~',
        }
    }
}

/// In one line, as the command line says it.
impl fmt::Display for PlanChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.sign(), self.place.join(": "))?;
        match &self.values {
            Some(ChangedValues { old, new }) => write!(f, ": {old} → {new}"),
            None => Ok(()),
        }
    }
}

/// A line of the document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DiffLine {
    /// Absent for a line that both have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub side: Option<DiffSide>,
    /// Its number in the version that has it, the newer one where both do. Counts from 1.
    pub number: u32,
    pub text: String,
}

/// Which version a line is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DiffSide {
    Old,
    New,
}
