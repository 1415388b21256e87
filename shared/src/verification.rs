//! The comparison of source and target: how far it is, what it found, how long it holds.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::assessment::TableName;
use crate::error_code::ErrorCode;
use crate::id::{RepairId, RunId, VerificationId};
use crate::problem::FieldProblem;
use crate::run::Failure;

/// Where a verification stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum VerificationState {
    Running,
    /// Stopped by somebody; can go on.
    Paused,
    /// Everything that the mode asks for was compared, and all agrees.
    Equal,
    Different,
    /// Stopped by a failure; can go on.
    Failed,
}

impl VerificationState {
    pub const fn allows(self, next: Self) -> bool {
        matches!(
            (self, next),
            (Self::Running, Self::Paused | Self::Equal | Self::Different | Self::Failed)
                | (Self::Paused | Self::Failed, Self::Running)
        )
    }

    /// As the stores write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Equal => "equal",
            Self::Different => "different",
            Self::Failed => "failed",
        }
    }

    /// Whether it came to its end.
    pub const fn is_through(self) -> bool {
        matches!(self, Self::Equal | Self::Different)
    }

    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Running, Self::Paused, Self::Equal, Self::Different, Self::Failed]
            .into_iter()
            .find(|state| state.as_str() == name)
    }

    /// What people read.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Running => "Running",
            Self::Paused => "Paused",
            Self::Equal => "Equal",
            Self::Different => "Different",
            Self::Failed => "Failed",
        }
    }
}

/// How much is compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Every row of every table.
    #[default]
    Full,
    /// Segments drawn at random, enough for a stated confidence.
    Sample,
    /// Tables of which a side changed since the last verification that found them equal.
    SinceLast,
}

impl Mode {
    /// As the stores write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Sample => "sample",
            Self::SinceLast => "since_last",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Full, Self::Sample, Self::SinceLast].into_iter().find(|mode| mode.as_str() == name)
    }

    /// What people read.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Full => "Every row",
            Self::Sample => "A sample",
            Self::SinceLast => "What changed since",
        }
    }
}

/// Whether a verification still says something about the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Freshness {
    /// Neither side changed since.
    Fresh,
    Stale,
}

/// Whether what a verification said still holds, as both databases tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FreshnessNow {
    pub freshness: Freshness,
    /// Tables of the target of which a side changed, or cannot tell whether it did.
    pub stale_tables: Vec<TableName>,
    pub looked_at: DateTime<Utc>,
}

/// What a sample has to show, and with what confidence.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct SampleSize {
    /// How sure the statement is to be, between 0 and 1.
    pub confidence: f64,
    /// The share of a table's segments that may differ unseen, between 0 and 1.
    pub tolerance: f64,
    /// The same seed draws the same segments of the same data.
    pub seed: u64,
}

impl Default for SampleSize {
    fn default() -> Self {
        Self { confidence: 0.99, tolerance: 0.01, seed: 1 }
    }
}

/// What starts a verification.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewVerification {
    pub run_id: RunId,
    #[serde(default)]
    pub mode: Mode,
    /// With the mode `sample`.
    #[serde(default)]
    pub sample: SampleSize,
}

impl NewVerification {
    /// What is wrong with it, field by field.
    pub fn problems(&self) -> Vec<FieldProblem> {
        let wrong = |field: &str, share: f64| {
            (!(share > 0.0 && share < 1.0)).then(|| FieldProblem {
                field: format!("sample.{field}"),
                message: "A number between 0 and 1.".to_owned(),
            })
        };
        let SampleSize { confidence, tolerance, .. } = self.sample;
        let found = [wrong("confidence", confidence), wrong("tolerance", tolerance)];
        found.into_iter().flatten().collect()
    }
}

/// A verification as the portal shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Verification {
    pub id: VerificationId,
    pub run_id: RunId,
    /// How the run's plan was called.
    pub plan_name: String,
    pub mode: Mode,
    /// What was asked of a sample; none in the other modes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample: Option<SampleSize>,
    pub state: VerificationState,
    pub started_by: String,
    pub started_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
    pub failure: Option<Failure>,
    /// How far it is, while it runs.
    pub progress: Option<Progress>,
    /// What it found, once it is through.
    pub findings: Option<Findings>,
}

/// How far a verification has come.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = VerificationProgress))]
pub struct Progress {
    pub tables: Vec<TableProgress>,
    pub elapsed_seconds: f64,
    /// Why nothing is read at the moment, where the plan says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<String>,
}

impl Progress {
    /// From 0 to 1, by segments.
    #[expect(clippy::cast_precision_loss, reason = "a progress bar has no use for more digits")]
    pub fn fraction(&self) -> f64 {
        let sum = |count: fn(&TableProgress) -> u32| {
            self.tables.iter().map(|table| u64::from(count(table))).sum::<u64>()
        };
        match sum(|table| table.segments_total) {
            0 => 1.0,
            total => sum(|table| table.segments_done) as f64 / total as f64,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = TableVerificationProgress))]
pub struct TableProgress {
    pub target: TableName,
    pub segments_total: u32,
    pub segments_done: u32,
    pub rows_compared: u64,
    pub mismatches: u64,
}

/// What a verification found.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Findings {
    pub tables: Vec<TableVerification>,
    /// Foreign keys of the target with rows that refer to nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<BrokenReference>,
    /// Sequences of the target whose next value is taken already.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sequences: Vec<SequenceBehind>,
    /// What limits the statement.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample: Option<SampleSize>,
    pub seconds: f64,
}

impl Findings {
    pub fn is_equal(&self) -> bool {
        self.tables.iter().all(TableVerification::is_equal)
            && self.references.is_empty()
            && self.sequences.is_empty()
    }
}

/// What comparing one table came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TableVerification {
    pub source: TableName,
    pub target: TableName,
    /// Rows that were read of the source, those that the plan leaves out too.
    pub source_rows: u64,
    pub target_rows: u64,
    /// Rows that have to be in the target and were looked for there.
    pub compared: u64,
    pub missing: u64,
    pub extra: u64,
    pub different: u64,
    /// What a sample shows of the table; none where every row was compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample: Option<SampleStatement>,
    /// Neither side changed since the last verification, whose result this is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub carried_over: bool,
}

impl TableVerification {
    pub const fn is_equal(&self) -> bool {
        self.missing == 0 && self.extra == 0 && self.different == 0
    }
}

/// What a sample says: of so many segments so many were drawn; if all of them agree, then with
/// the confidence given no more than so many of all differ.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SampleStatement {
    pub segments: u64,
    pub drawn: u64,
    pub confidence: f64,
    /// How many segments may differ although no difference was found.
    pub may_differ: u64,
}

/// Rows of the target that refer to rows that are not there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BrokenReference {
    pub target: TableName,
    pub foreign_key: String,
    pub references: TableName,
    pub rows: u64,
}

/// A column whose sequence would give out a value that is taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SequenceBehind {
    pub target: TableName,
    pub column: String,
    /// How many values it has to be moved on.
    pub behind: u64,
}

/// The answer of `transfuse verify --json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VerificationOutcome {
    pub status: VerificationState,
    #[serde(flatten)]
    pub findings: Findings,
    #[serde(skip)]
    pub id: Option<VerificationId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

impl VerificationOutcome {
    /// In numbers and names alone: how it ended, and how many rows are not the same.
    pub fn in_words(&self) -> String {
        let state = self.status.as_str();
        match &self.failure {
            Some(failure) => failure.code.to_string(),
            None if self.status.is_through() => {
                let sum = |count: fn(&TableVerification) -> u64| {
                    self.findings.tables.iter().map(count).sum::<u64>()
                };
                format!(
                    "{state}, {} rows compared, {} missing, {} extra, {} different",
                    sum(|table| table.compared),
                    sum(|table| table.missing),
                    sum(|table| table.extra),
                    sum(|table| table.different)
                )
            }
            None => state.to_owned(),
        }
    }
}

/// One row that is not the same on both sides, located by its key. Values stay out of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Mismatch {
    pub target: TableName,
    /// A keyed digest of the row's key, by which the row can be found again.
    pub key_digest: String,
    pub kind: MismatchKind,
    /// The columns that differ; empty when the row is missing or extra.
    pub columns: Vec<String>,
    pub state: MismatchState,
    /// Why a repair could not make the row alike.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<ErrorCode>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum MismatchKind {
    /// The source has it, the target does not.
    Missing,
    /// The target has it, the source does not.
    Extra,
    Different,
}

impl MismatchKind {
    /// As the stores write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Extra => "extra",
            Self::Different => "different",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Missing, Self::Extra, Self::Different].into_iter().find(|kind| kind.as_str() == name)
    }
}

/// What became of a mismatch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum MismatchState {
    Open,
    /// A repair made both sides alike.
    Repaired,
    /// Both sides were alike already when a repair looked.
    Gone,
}

impl MismatchState {
    /// As the stores write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Repaired => "repaired",
            Self::Gone => "gone",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Open, Self::Repaired, Self::Gone].into_iter().find(|state| state.as_str() == name)
    }
}

/// What a list of mismatches is narrowed to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct MismatchFilter {
    /// The target table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<TableName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<MismatchKind>,
}

/// The key of a row in clear. Somebody asked for it and the audit trail says so.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RevealedKey {
    pub key_digest: String,
    pub columns: Vec<KeyColumn>,
}

/// One column of a key and its value.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct KeyColumn {
    pub name: String,
    pub value: String,
}

impl std::fmt::Debug for RevealedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RevealedKey").field("key_digest", &self.key_digest).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for KeyColumn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyColumn").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What makes a mismatch go away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RepairAction {
    /// The row is put in as the source and the rules have it.
    Insert,
    /// The columns that differ get the values that they should have.
    Update,
    /// The row is taken out.
    Delete,
}

impl RepairAction {
    pub const fn of(kind: MismatchKind) -> Self {
        match kind {
            MismatchKind::Missing => Self::Insert,
            MismatchKind::Different => Self::Update,
            MismatchKind::Extra => Self::Delete,
        }
    }

    /// As the stores write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Insert => "insert",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Insert, Self::Update, Self::Delete].into_iter().find(|kind| kind.as_str() == name)
    }
}

/// Which mismatches are repaired; all of them unless it is narrowed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct RepairSelection {
    /// Tables of the target.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tables: Vec<TableName>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<MismatchKind>,
}

impl RepairSelection {
    /// `the missing and extra rows of people and visits`
    pub fn in_words(&self) -> String {
        let joined = |words: Vec<String>| words.join(" and ");
        let kinds = match self.kinds.as_slice() {
            [] => "all rows that differ".to_owned(),
            kinds => format!(
                "the {} rows",
                joined(kinds.iter().map(|kind| kind.as_str().to_owned()).collect())
            ),
        };
        match self.tables.as_slice() {
            [] => kinds,
            tables => {
                format!("{kinds} of {}", joined(tables.iter().map(ToString::to_string).collect()))
            }
        }
    }
}

/// What a repair did, or would do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RepairOutcome {
    pub repair_id: RepairId,
    pub verification_id: VerificationId,
    /// Whether it was done, and not only tried out and taken back.
    pub done: bool,
    pub tables: Vec<TableRepair>,
    /// Sequences that were moved on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sequences: Vec<SequenceBehind>,
    pub seconds: f64,
}

impl RepairOutcome {
    /// Whether every mismatch that it was about is gone.
    pub fn is_whole(&self) -> bool {
        self.tables.iter().all(|table| table.refused == 0 && table.not_found == 0)
    }

    /// In numbers alone: what became of the rows.
    pub fn in_words(&self) -> String {
        let sum = |count: fn(&TableRepair) -> u64| self.tables.iter().map(count).sum::<u64>();
        format!(
            "{} rows put in, {} corrected, {} taken out, {} refused",
            sum(|table| table.inserted),
            sum(|table| table.updated),
            sum(|table| table.deleted),
            sum(|table| table.refused)
        )
    }

    /// How many rows it writes.
    pub fn actions(&self) -> u64 {
        self.tables.iter().map(|table| table.inserted + table.updated + table.deleted).sum()
    }
}

/// What a repair did to one table, in rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TableRepair {
    pub target: TableName,
    pub inserted: u64,
    pub updated: u64,
    pub deleted: u64,
    /// Alike already.
    pub gone: u64,
    /// Refused by the target; the list of mismatches says by what code.
    pub refused: u64,
    /// Rows of the source that are not where they were: verify again first.
    pub not_found: u64,
}

/// Where a repair stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RepairState {
    /// It is being tried out, or carried out once it was approved.
    Running,
    /// What it would do is known, and waits for somebody to approve it.
    Previewed,
    Completed,
    Failed,
    /// What it did was taken back.
    TakenBack,
}

impl RepairState {
    pub const fn allows(self, next: Self) -> bool {
        matches!(
            (self, next),
            (Self::Running, Self::Previewed | Self::Completed | Self::Failed)
                | (Self::Previewed | Self::Failed, Self::Running)
                | (Self::Completed, Self::TakenBack)
        )
    }

    /// As the stores write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Previewed => "previewed",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::TakenBack => "taken_back",
        }
    }

    /// What people read.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Running => "Under way",
            Self::Previewed => "Looked at",
            Self::Completed => "Done",
            Self::Failed => "Failed",
            Self::TakenBack => "Taken back",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Running, Self::Previewed, Self::Completed, Self::Failed, Self::TakenBack]
            .into_iter()
            .find(|state| state.as_str() == name)
    }
}

/// A repair as the portal shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Repair {
    pub id: RepairId,
    pub verification_id: VerificationId,
    pub run_id: RunId,
    pub selection: RepairSelection,
    pub state: RepairState,
    pub requested_by: String,
    pub requested_at: DateTime<Utc>,
    /// The second person who agreed, where one was needed.
    pub approved_by: Option<String>,
    pub ended_at: Option<DateTime<Utc>>,
    /// What the preview, or the repair itself, came to.
    pub outcome: Option<RepairOutcome>,
    pub failure: Option<Failure>,
    /// The verification that looked at the target afterwards.
    pub verified_by: Option<VerificationId>,
    /// What taking it back came to.
    pub taken_back: Option<TakenBack>,
}

/// What taking a repair back came to, in rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TakenBack {
    pub restored: u64,
    /// Somebody changed them since: they stay as they are.
    pub changed_since: u64,
}

#[cfg(test)]
mod tests {
    use super::VerificationState as State;
    use super::{MismatchKind, NewVerification, RepairSelection};

    #[test]
    fn a_sample_is_a_share() {
        let new = |sample: &str| {
            let text = format!(r#"{{"run_id": "r1", "mode": "sample", "sample": {sample}}}"#);
            let new: NewVerification = serde_json::from_str(&text).unwrap();
            new.problems().into_iter().map(|problem| problem.field).collect::<Vec<_>>()
        };
        assert_eq!(new("{}"), Vec::<String>::new());
        assert_eq!(new(r#"{"confidence": 1}"#), ["sample.confidence"]);
        assert_eq!(new(r#"{"tolerance": 0}"#), ["sample.tolerance"]);
    }

    #[test]
    fn a_selection_says_what_it_is() {
        let mut selection = RepairSelection::default();
        assert_eq!(selection.in_words(), "all rows that differ");
        selection.kinds = vec![MismatchKind::Missing, MismatchKind::Extra];
        selection.tables = vec!["public.people".parse().unwrap()];
        assert_eq!(selection.in_words(), "the missing and extra rows of public.people");
    }

    #[test]
    fn a_verification_that_ended_is_not_taken_up_again() {
        for next in [State::Running, State::Paused, State::Equal, State::Different, State::Failed] {
            assert!(!State::Equal.allows(next) && !State::Different.allows(next), "{next:?}");
        }
    }
}
