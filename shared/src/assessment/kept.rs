//! Assessments as the installation keeps them: asked for, under way, and what they found.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    Assessment, AssessmentState, Drift, Finding, Foretold, Readiness, SchemaItem, Severity,
    TableProfile,
};
use crate::check::{CheckResult, CheckSelection};
use crate::id::{AssessmentId, PlanId};
use crate::run::Failure;

/// What is to be assessed, and how thoroughly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewAssessment {
    /// The latest version of this plan.
    pub plan_id: PlanId,
    /// Which checks are made; all where none is named.
    #[serde(default)]
    pub selection: CheckSelection,
    #[serde(default)]
    pub look: Thoroughness,
}

/// How many rows are looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Thoroughness {
    /// About so many rows of each table are foretold: none for 0, all where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// What the values look like is told of the first so many rows of each table: of none where
    /// nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<u64>,
}

/// An assessment as lists have it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AssessmentItem {
    pub id: AssessmentId,
    /// None for one of the command line, whose plan is a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan_id: Option<PlanId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan_version: Option<u32>,
    pub plan_name: String,
    pub selection: CheckSelection,
    pub look: Thoroughness,
    pub state: AssessmentState,
    pub started_by: String,
    pub started_at: DateTime<Utc>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// What it came to, once it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counts: Option<AssessmentCounts>,
    /// Why the source is not read at the moment, where the plan says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<String>,
}

/// What an assessment came to, in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AssessmentCounts {
    pub status: Readiness,
    pub blocking: u64,
    pub warnings: u64,
    pub infos: u64,
    /// Checks that were made.
    pub checks: u64,
    /// Rows that would go to quarantine, where that was foretold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quarantined: Option<u64>,
    /// How long copying would take, where that was foretold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy_seconds: Option<f64>,
}

impl AssessmentCounts {
    pub fn of(found: &Assessment) -> Self {
        let of = |severity| found.findings.iter().filter(|it| it.severity == severity).count();
        let forecast = found.forecast.as_ref();
        Self {
            status: found.status,
            blocking: of(Severity::Blocking) as u64,
            warnings: of(Severity::Warning) as u64,
            infos: of(Severity::Info) as u64,
            checks: found.checks.iter().filter(|check| check.was_made()).count() as u64,
            quarantined: forecast.map(Foretold::quarantined),
            copy_seconds: forecast.map(|forecast| forecast.copy_seconds),
        }
    }
}

/// An assessment with everything that it found. Values are in none of it: those of the profile are
/// told by their form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct KeptAssessment {
    #[serde(flatten)]
    pub item: AssessmentItem,
    /// The plan's fingerprint, as its runs have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan_hash: Option<String>,
    /// The servers' own names and versions, where they answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The heaviest first, each severity that has any.
    pub findings: Vec<SeverityFindings>,
    pub checks: Vec<CheckResult>,
    pub schema: Vec<SchemaItem>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forecast: Option<Foretold>,
    pub profile: Vec<TableProfile>,
    /// What changed in the source since an earlier profile of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift: Option<DriftSince>,
}

/// Findings of one weight.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SeverityFindings {
    pub severity: Severity,
    pub findings: Vec<Finding>,
}

/// What changed in a source between two profiles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DriftSince {
    /// The assessment that has the earlier one, and when that was.
    pub assessment_id: AssessmentId,
    pub at: DateTime<Utc>,
    pub changes: Vec<Drift>,
}

impl KeptAssessment {
    pub fn new(
        item: AssessmentItem,
        found: Option<Assessment>,
        profile: Vec<TableProfile>,
        drift: Option<DriftSince>,
    ) -> Self {
        let Some(found) = found else {
            return Self {
                item,
                plan_hash: None,
                source: None,
                target: None,
                findings: Vec::new(),
                checks: Vec::new(),
                schema: Vec::new(),
                forecast: None,
                profile,
                drift,
            };
        };
        Self {
            item,
            plan_hash: Some(found.plan_hash),
            source: found.source,
            target: found.target,
            findings: by_severity(&found.findings),
            checks: found.checks,
            schema: found.schema,
            forecast: found.forecast,
            profile,
            drift,
        }
    }
}

fn by_severity(findings: &[Finding]) -> Vec<SeverityFindings> {
    let of = |severity| {
        let findings: Vec<_> =
            findings.iter().filter(|it| it.severity == severity).cloned().collect();
        (!findings.is_empty()).then_some(SeverityFindings { severity, findings })
    };
    Severity::ALL.into_iter().rev().filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Check;

    fn finding(check: Check, severity: Severity) -> Finding {
        let (message, action) = ("found".to_owned(), "mend it".to_owned());
        Finding { check, severity, table: None, column: None, message, action }
    }

    #[test]
    fn findings_are_grouped_the_heaviest_first() {
        let findings = [
            finding(Check::LossyRules, Severity::Info),
            finding(Check::RowsThere, Severity::Blocking),
            finding(Check::PlanFits, Severity::Blocking),
        ];

        let groups = by_severity(&findings);

        let told: Vec<_> = groups.iter().map(|it| (it.severity, it.findings.len())).collect();
        assert_eq!(told, [(Severity::Blocking, 2), (Severity::Info, 1)]);
    }
}
