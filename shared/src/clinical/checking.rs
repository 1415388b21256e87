//! The clinical checks of a run's plan, made once, and judged again under other thresholds.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{CheckStatus, ClinicalOutcome, Threshold};
use crate::id::{CheckingId, RunId};
use crate::problem::FieldProblem;
use crate::run::Failure;

/// Where a checking stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum CheckingState {
    /// The databases are being asked.
    Running,
    /// Every check was made or could not be made, whatever was found.
    Completed,
    /// The target could not be asked at all.
    Failed,
}

impl CheckingState {
    pub const ALL: [Self; 3] = [Self::Running, Self::Completed, Self::Failed];

    /// As the stores write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }

    /// What people read.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Running => "Running",
            Self::Completed => "Completed",
            Self::Failed => "Failed",
        }
    }
}

/// What starts a checking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewChecking {
    pub run_id: RunId,
}

/// Under which thresholds the same numbers are to be judged, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct OtherThresholds {
    /// By the check's key; the others stay as they are.
    pub thresholds: BTreeMap<String, Threshold>,
    /// One line, which the audit trail keeps.
    #[cfg_attr(feature = "openapi", schema(min_length = 3, max_length = 500))]
    pub reason: String,
}

impl OtherThresholds {
    /// What is wrong with them for these numbers, field by field.
    pub fn problems(&self, outcome: &ClinicalOutcome) -> Vec<FieldProblem> {
        let wrong = |field: String, message: String| FieldProblem { field, message };
        let mut problems = Vec::new();
        if self.thresholds.is_empty() {
            problems.push(wrong("thresholds".to_owned(), "One threshold at least.".to_owned()));
        }
        for (key, threshold) in &self.thresholds {
            let field = format!("thresholds.{key}");
            if !outcome.checks.iter().any(|check| check.key == *key) {
                problems.push(wrong(field, "No check that was made has this key.".to_owned()));
            } else if let Some(why) = threshold.problem() {
                problems.push(wrong(field, why.to_owned()));
            }
        }
        problems
    }
}

/// The clinical checks of a run's plan, as lists have them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CheckingItem {
    pub id: CheckingId,
    pub run_id: RunId,
    /// How the run's plan was called.
    pub plan_name: String,
    pub state: CheckingState,
    pub started_by: String,
    pub started_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
    /// The checking whose numbers were judged; none where the databases were asked.
    pub numbers_of: Option<CheckingId>,
    pub failure: Option<Failure>,
    /// What it came to, once it did.
    pub counts: Option<CheckingCounts>,
}

/// How many checks ended how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CheckingCounts {
    /// Whether no blocking check failed or could not be made.
    pub passed: bool,
    pub pass: u64,
    pub pass_with_failures: u64,
    pub fail: u64,
    pub error: u64,
    pub not_applicable: u64,
}

impl CheckingCounts {
    pub fn of(outcome: &ClinicalOutcome) -> Self {
        let count = |status| outcome.count(status) as u64;
        Self {
            passed: outcome.passed,
            pass: count(CheckStatus::Pass),
            pass_with_failures: count(CheckStatus::PassWithFailures),
            fail: count(CheckStatus::Fail),
            error: count(CheckStatus::Error),
            not_applicable: count(CheckStatus::NotApplicable),
        }
    }
}

/// A checking with everything that was counted. Numbers and the plan's own words, no row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Checking {
    #[serde(flatten)]
    pub item: CheckingItem,
    pub outcome: Option<ClinicalOutcome>,
}

#[cfg(test)]
mod tests {
    use super::super::tests::outcome;
    use super::*;

    fn fields(thresholds: &[(&str, Option<f64>)]) -> Vec<String> {
        let thresholds = thresholds
            .iter()
            .map(|(key, percent)| ((*key).to_owned(), Threshold { rows: None, percent: *percent }));
        let other =
            OtherThresholds { thresholds: thresholds.collect(), reason: "agreed".to_owned() };
        other.problems(&outcome(3, 100)).into_iter().map(|problem| problem.field).collect()
    }

    #[test]
    fn thresholds_are_of_checks_that_were_made_and_can_be() {
        assert_eq!(fields(&[("weight", Some(2.5))]), [""; 0]);
        assert_eq!(fields(&[]), ["thresholds"]);
        assert_eq!(fields(&[("height", None)]), ["thresholds.height"]);
        assert_eq!(fields(&[("weight", Some(100.5))]), ["thresholds.weight"]);
        assert_eq!(fields(&[("weight", Some(f64::NAN))]), ["thresholds.weight"]);
    }

    #[test]
    fn counts_are_of_every_status() {
        let counts = CheckingCounts::of(&outcome(3, 100));

        assert_eq!((counts.fail, counts.pass, counts.passed), (1, 0, false));
    }
}
