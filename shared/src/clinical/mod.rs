//! Checks of what the data says, clinically: templates with parameters, and what they came to.
//!
//! A check counts inside the database and brings back two numbers: rows that violate it, and rows
//! that it is about. What they mean is decided here, from the numbers alone, so that another
//! threshold needs no database.

mod template;
mod sets;
mod checking;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use checking::{
    Checking, CheckingCounts, CheckingItem, CheckingState, NewChecking, OtherThresholds,
};
pub use sets::{CheckSet, SETS};
pub use template::{Bound, Description, Form, Join, Kind, TEMPLATES, Test, Use};

use crate::assessment::{Severity, TableName};
use crate::error_code::ErrorCode;

/// One check of a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ClinicalCheck {
    /// The name by which people and scripts find it again, in small letters with hyphens.
    pub key: String,
    /// What has to be so; else as the template says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// A table of the target.
    pub table: TableName,
    pub test: Test,
    /// How much may violate it. Without one, nothing.
    #[serde(default, skip_serializing_if = "Threshold::is_default")]
    pub threshold: Threshold,
    /// What it weighs when it fails.
    #[serde(default = "warning")]
    pub severity: Severity,
}

const fn warning() -> Severity {
    Severity::Warning
}

impl ClinicalCheck {
    pub fn title(&self) -> &str {
        self.title.as_deref().unwrap_or(self.test.description().title)
    }
}

/// How much may violate a check: where both limits are given, neither may be passed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Threshold {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// Of the rows that the check is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percent: Option<f64>,
}

impl Threshold {
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// What is wrong with it.
    pub fn problem(self) -> Option<&'static str> {
        let is_share = |percent: f64| (0.0..=100.0).contains(&percent);
        let is_wrong = self.percent.is_some_and(|percent| !is_share(percent));
        is_wrong.then_some("a percentage is from 0 to 100")
    }

    #[expect(clippy::cast_precision_loss, reason = "beyond 2^53 rows a percentage is near enough")]
    fn is_passed_by(self, violated: u64, denominator: u64) -> bool {
        match (self.rows, self.percent) {
            (None, None) => violated > 0,
            (rows, percent) => {
                rows.is_some_and(|rows| violated > rows)
                    || percent.is_some_and(|percent| {
                        violated as f64 * 100.0 > percent * denominator as f64
                    })
            }
        }
    }

    /// `0`, `12 rows`, `0.5 %`, `12 rows and 0.5 %`.
    pub fn text(self) -> String {
        let rows = self.rows.map(|rows| format!("{rows} row{}", if rows == 1 { "" } else { "s" }));
        let percent = self.percent.map(|percent| format!("{percent} %"));
        match (rows, percent) {
            (None, None) => "0".to_owned(),
            (Some(rows), Some(percent)) => format!("{rows} and {percent}"),
            (Some(one), None) | (None, Some(one)) => one,
        }
    }
}

/// What a database said to a check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Measure {
    Counted {
        violated: u64,
        /// The rows, or keys, or values that the check is about.
        denominator: u64,
    },
    NotApplicable {
        why: String,
    },
    /// The database refused the question.
    Error {
        code: ErrorCode,
        message: String,
    },
}

impl Measure {
    pub fn not_applicable(why: impl Into<String>) -> Self {
        Self::NotApplicable { why: why.into() }
    }

    /// What the numbers mean under a threshold.
    pub fn judge(&self, threshold: Threshold) -> CheckStatus {
        match *self {
            Self::Error { .. } => CheckStatus::Error,
            Self::NotApplicable { .. } | Self::Counted { denominator: 0, .. } => {
                CheckStatus::NotApplicable
            }
            Self::Counted { violated: 0, .. } => CheckStatus::Pass,
            Self::Counted { violated, denominator } => {
                if threshold.is_passed_by(violated, denominator) {
                    CheckStatus::Fail
                } else {
                    CheckStatus::PassWithFailures
                }
            }
        }
    }

    pub const fn violated(&self) -> Option<u64> {
        match self {
            Self::Counted { violated, .. } => Some(*violated),
            Self::NotApplicable { .. } | Self::Error { .. } => None,
        }
    }

    /// Why there are no numbers.
    pub fn note(&self) -> Option<&str> {
        match self {
            Self::Counted { denominator: 0, .. } => Some("there is nothing that it is about"),
            Self::Counted { .. } => None,
            Self::NotApplicable { why } => Some(why),
            Self::Error { message, .. } => Some(message),
        }
    }
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ClinicalCheckStatus))]
#[serde(rename_all = "snake_case")]
pub enum CheckStatus {
    Pass,
    /// Something violates it, within the threshold.
    PassWithFailures,
    Fail,
    /// It could not be made.
    Error,
    /// There is no such table or column, or no row that it is about.
    NotApplicable,
}

impl CheckStatus {
    pub const ALL: [Self; 5] =
        [Self::Fail, Self::Error, Self::PassWithFailures, Self::Pass, Self::NotApplicable];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::PassWithFailures => "pass_with_failures",
            Self::Fail => "fail",
            Self::Error => "error",
            Self::NotApplicable => "not_applicable",
        }
    }

    /// What people read.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Pass => "Pass",
            Self::PassWithFailures => "Pass with failures",
            Self::Fail => "Fail",
            Self::Error => "Error",
            Self::NotApplicable => "Not applicable",
        }
    }

    /// Whether it says that the data is not known to be as it has to be.
    pub const fn is_bad(self) -> bool {
        matches!(self, Self::Fail | Self::Error)
    }
}

/// A check of a plan, with what the databases said and what that means.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CheckOutcome {
    pub key: String,
    /// The shipped set that it is of; none for one of the plan's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<String>,
    /// The safety-critical data that it guards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guards: Option<CriticalData>,
    pub title: String,
    pub kind: Kind,
    pub template: String,
    pub table: TableName,
    pub columns: Vec<String>,
    pub severity: Severity,
    pub threshold: Threshold,
    pub status: CheckStatus,
    /// What the target said.
    pub target: Measure,
    /// What the source said to the same question, where it could be asked.
    pub source: Measure,
    /// The question, as the target was asked it. Values in it are the plan's.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub sql: String,
    pub seconds: f64,
}

impl CheckOutcome {
    /// Whether as much violated it before anything was moved.
    pub fn was_so_in_the_source(&self) -> bool {
        match (self.target.violated(), self.source.violated()) {
            (Some(target), Some(source)) => target > 0 && source >= target,
            _ => false,
        }
    }

    /// The same numbers under another threshold.
    #[must_use]
    pub fn under(self, threshold: Threshold) -> Self {
        Self { threshold, status: self.target.judge(threshold), ..self }
    }

    /// What the catalogue says about its template; none for one that is there no more.
    pub fn description(&self) -> Option<&'static Description> {
        TEMPLATES.iter().find(|it| it.template == self.template)
    }

    /// What is to be done about it; none where it passed.
    pub fn action(&self) -> Option<String> {
        match (self.status, &self.target) {
            (CheckStatus::Pass, _) => None,
            (CheckStatus::PassWithFailures, _) => {
                Some("Nothing has to be done: as much is allowed.".to_owned())
            }
            (CheckStatus::Error, Measure::Error { code, .. }) => {
                Some(code.explanation().action.to_owned())
            }
            (CheckStatus::NotApplicable, Measure::Counted { .. }) => {
                Some("Nothing has to be done: nothing is there that it is about.".to_owned())
            }
            (CheckStatus::NotApplicable, _) => Some(
                "Correct the name in the plan, or leave the check out there with the reason."
                    .to_owned(),
            ),
            (CheckStatus::Fail | CheckStatus::Error, _) => {
                let action = self.description()?.action.to_owned();
                Some(if self.was_so_in_the_source() {
                    format!("It was so before anything moved. {action}")
                } else {
                    action
                })
            }
        }
    }

    /// Whether it keeps the data from being used: a blocking check that failed, or that could not
    /// be made.
    pub fn blocks(&self) -> bool {
        self.severity == Severity::Blocking && self.status.is_bad()
    }
}

/// What the checks of a plan came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ClinicalOutcome {
    /// Whether no blocking check failed or could not be made.
    pub passed: bool,
    /// When the databases were asked.
    pub measured_at: DateTime<Utc>,
    /// When the numbers were held against the thresholds: later, where only these changed.
    pub judged_at: DateTime<Utc>,
    pub checks: Vec<CheckOutcome>,
    /// Checks of sets that the plan leaves out, each with the reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<LeftOut>,
    pub seconds: f64,
}

impl ClinicalOutcome {
    pub fn count(&self, status: CheckStatus) -> usize {
        self.checks.iter().filter(|check| check.status == status).count()
    }

    /// The same numbers under other thresholds, by the checks' keys.
    #[must_use]
    pub fn under(self, thresholds: &BTreeMap<String, Threshold>, at: DateTime<Utc>) -> Self {
        let judged = |check: CheckOutcome| match thresholds.get(&check.key) {
            Some(threshold) => check.under(*threshold),
            None => check,
        };
        let checks: Vec<_> = self.checks.into_iter().map(judged).collect();
        let passed = !checks.iter().any(CheckOutcome::blocks);
        Self { passed, judged_at: at, checks, ..self }
    }
}

/// A check of a set that is not made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LeftOut {
    pub key: String,
    pub reason: String,
}

/// Data that harms somebody when it is lost or changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum CriticalData {
    Allergies,
    Medication,
    Problems,
    /// Values and their units: columns of one entry are filled together.
    Results,
    /// Numbers by which people and orders are told apart: never empty.
    Identifiers,
}

impl CriticalData {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allergies => "allergies",
            Self::Medication => "medication",
            Self::Problems => "problems",
            Self::Results => "results",
            Self::Identifiers => "identifiers",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One blocking check, without a threshold.
    pub(super) fn outcome(violated: u64, denominator: u64) -> ClinicalOutcome {
        let measure = Measure::Counted { violated, denominator };
        let check = CheckOutcome {
            key: "weight".to_owned(),
            set: None,
            guards: None,
            title: "Weights are those of people".to_owned(),
            kind: Kind::Plausibility,
            template: "range".to_owned(),
            table: "public.observations".parse().unwrap(),
            columns: vec!["weight".to_owned()],
            severity: Severity::Blocking,
            threshold: Threshold::default(),
            status: measure.judge(Threshold::default()),
            target: measure,
            source: Measure::not_applicable("files cannot be asked in SQL"),
            sql: String::new(),
            seconds: 0.1,
        };
        ClinicalOutcome {
            passed: !check.blocks(),
            measured_at: DateTime::UNIX_EPOCH,
            judged_at: DateTime::UNIX_EPOCH,
            checks: vec![check],
            left_out: Vec::new(),
            seconds: 0.1,
        }
    }

    #[test]
    fn another_threshold_changes_the_verdict_and_no_number() {
        let first = outcome(3, 100);
        assert!(!first.passed);
        let later = DateTime::from_timestamp(60, 0).unwrap();
        let percent = |percent| Threshold { rows: None, percent: Some(percent) };
        let thresholds = BTreeMap::from([("weight".to_owned(), percent(3.0))]);

        let again = first.clone().under(&thresholds, later);

        assert!(again.passed);
        assert_eq!(again.checks[0].status, CheckStatus::PassWithFailures);
        assert_eq!(again.checks[0].target, first.checks[0].target);
        assert_eq!((again.measured_at, again.judged_at), (first.measured_at, later));
        let stricter = BTreeMap::from([("weight".to_owned(), percent(2.9))]);
        assert_eq!(again.under(&stricter, later).checks[0].status, CheckStatus::Fail);
    }

    #[test]
    fn what_to_do_depends_on_how_it_ended() {
        let check = |violated, denominator| outcome(violated, denominator).checks.remove(0);
        let action = |check: CheckOutcome| check.action().unwrap_or_default();
        assert_eq!(check(0, 10).action(), None);
        let failed = action(check(1, 10));
        assert!(failed.starts_with("Correct"), "{failed}");
        let mut before = check(1, 10);
        before.source = Measure::Counted { violated: 1, denominator: 10 };
        assert_eq!(action(before), format!("It was so before anything moved. {failed}"));
        let allowed = check(1, 10).under(Threshold { rows: Some(1), percent: None });
        assert!(action(allowed).contains("as much is allowed"));
        let mut refused = check(1, 10);
        let message = "counting".to_owned();
        refused.target = Measure::Error { code: ErrorCode::Conn001, message };
        let refused = refused.under(Threshold::default());
        assert_eq!(action(refused), ErrorCode::Conn001.explanation().action);
        assert!(action(check(0, 0)).contains("nothing is there"));
    }

    #[track_caller]
    fn judged(
        violated: u64,
        denominator: u64,
        rows: Option<u64>,
        percent: Option<f64>,
    ) -> CheckStatus {
        Measure::Counted { violated, denominator }.judge(Threshold { rows, percent })
    }

    #[test]
    fn without_a_threshold_nothing_may_violate() {
        assert_eq!(judged(0, 10, None, None), CheckStatus::Pass);
        assert_eq!(judged(1, 10, None, None), CheckStatus::Fail);
        assert_eq!(judged(0, 0, None, None), CheckStatus::NotApplicable);
    }

    #[test]
    fn a_threshold_counts_rows_or_percent_or_both() {
        assert_eq!(judged(2, 1000, Some(2), None), CheckStatus::PassWithFailures);
        assert_eq!(judged(3, 1000, Some(2), None), CheckStatus::Fail);
        assert_eq!(judged(5, 1000, None, Some(0.5)), CheckStatus::PassWithFailures);
        assert_eq!(judged(6, 1000, None, Some(0.5)), CheckStatus::Fail);
        assert_eq!(judged(3, 1000, Some(2), Some(0.5)), CheckStatus::Fail);
        assert_eq!(judged(0, 1000, Some(0), Some(0.0)), CheckStatus::Pass);
    }

    #[test]
    fn what_could_not_be_asked_is_neither_passed_nor_failed() {
        let refused =
            Measure::Error { code: ErrorCode::Sys001, message: "asking the target".to_owned() };
        let lenient = Threshold { rows: Some(u64::MAX), percent: Some(100.0) };

        assert_eq!(refused.judge(lenient), CheckStatus::Error);
        assert_eq!(Measure::not_applicable("no table").judge(lenient), CheckStatus::NotApplicable);
    }
}
