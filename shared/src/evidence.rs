//! What is known of a run, for whoever has to vouch for it. Names, counts and times; no value of
//! a row.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::assessment::TableName;
use crate::audit::{Action, Outcome};
use crate::clinical::ClinicalOutcome;
use crate::error_code::ErrorCode;
use crate::id::{ApprovalId, AssessmentId, RepairId, RunId, VerificationId};
use crate::quarantine::QuarantineState;
use crate::rehearsal::Loss;
use crate::run::{Books, RunState};
use crate::sign_off::SignOff;
use crate::verification::{
    Findings, MismatchKind, MismatchState, Mode, RepairState, TableRepair, TakenBack,
    VerificationState,
};

/// The version of the pack's format that this build writes.
pub const FORMAT: u32 = 1;

/// Everything that a pack tells. The same run in the same state gives the same document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Evidence {
    pub format: u32,
    pub run: RunEvidence,
    pub tables: Vec<TableEvidence>,
    pub books_close: bool,
    /// What the last assessment of the plan before the run foretold, beside what came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forecast: Option<ForecastEvidence>,
    /// Rules that lose information, and who signed for them.
    pub losses: Vec<Loss>,
    /// Everything that ever was in quarantine, by reason and by what became of it.
    pub quarantine: Vec<QuarantineEvidence>,
    pub quarantine_work: Vec<WorkEvidence>,
    pub merges: Vec<MergeEvidence>,
    pub verifications: Vec<VerificationEvidence>,
    /// What was done to make the two sides alike.
    #[serde(default)]
    pub repairs: Vec<RepairEvidence>,
    /// People who were drawn and looked at, what was said of them, and who signed.
    #[serde(default)]
    pub sign_offs: Vec<SignOff>,
    /// Clinical checks, each time that they were made or judged again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<ClinicalOutcome>,
    /// Acts on the run for which a second person was asked.
    pub approvals: Vec<ApprovalEvidence>,
    /// What the audit trail says of the run.
    pub deeds: Vec<DeedEvidence>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunEvidence {
    /// The id in the target's ledger.
    pub id: RunId,
    pub plan_name: String,
    /// The plan's fingerprint, over everything that decides what is done.
    pub plan_hash: String,
    pub state: RunState,
    pub started_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
    /// What the source said of its state when it was read: its snapshot, or a position in its log.
    pub source_position: Option<String>,
    /// What the run made in the target, by kind.
    pub made: Vec<MadeEvidence>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MadeEvidence {
    pub kind: String,
    pub name: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TableEvidence {
    pub source: TableName,
    pub target: TableName,
    #[serde(flatten)]
    pub books: Books,
    /// Commits by which the rows came in.
    pub chunks: u64,
    pub bytes: u64,
    /// Seconds of all workers together.
    pub seconds: f64,
}

/// What was foretold of a run, and what came.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ForecastEvidence {
    pub assessment_id: AssessmentId,
    pub assessed_at: DateTime<Utc>,
    /// Whether every row was looked at; what was foretold is otherwise that of a sample.
    pub is_complete: bool,
    pub tables: Vec<ForecastTable>,
    pub quarantine: Vec<ForecastFault>,
    /// How long the copy was to take by the plan's workers.
    pub copy_seconds: f64,
    /// How long the run was to take, as far as that was tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_seconds_foretold: Option<f64>,
    /// How long the run took from its beginning to its end, pauses and all.
    pub run_seconds: Option<f64>,
}

/// Rows of a table: foretold, and come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ForecastTable {
    pub target: TableName,
    /// Rows that the assessment looked at, and that the run read.
    pub looked_at: u64,
    pub read: u64,
    pub loaded_foretold: u64,
    /// Loaded or merged.
    pub loaded: u64,
    pub filtered_foretold: u64,
    pub filtered: u64,
    pub quarantined_foretold: u64,
    pub quarantined: u64,
}

/// Rows in quarantine for one reason: foretold, and come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ForecastFault {
    pub target: TableName,
    pub code: ErrorCode,
    pub column: Option<String>,
    pub foretold: u64,
    /// Whatever became of them since.
    pub came: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct QuarantineEvidence {
    pub target: TableName,
    pub code: ErrorCode,
    pub column: Option<String>,
    pub state: QuarantineState,
    pub rows: u64,
}

/// What somebody did with rows in quarantine, all at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WorkEvidence {
    pub kind: String,
    pub by: String,
    pub at: DateTime<Utc>,
    pub rows: u64,
    pub was_undone: bool,
}

/// Decisions on who is one person. Who they are stays out of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MergeEvidence {
    pub people: TableName,
    pub state: String,
    pub decided_by: String,
    pub merges: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VerificationEvidence {
    pub id: VerificationId,
    pub mode: Mode,
    pub state: VerificationState,
    pub started_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
    pub findings: Option<Findings>,
    /// What became of the rows that differed.
    pub mismatches: Vec<MismatchEvidence>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MismatchEvidence {
    pub target: TableName,
    pub kind: MismatchKind,
    pub state: MismatchState,
    pub rows: u64,
}

/// A repair, from what was asked for to the verification that looked at it afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RepairEvidence {
    pub id: RepairId,
    /// The verification whose mismatches it was about.
    pub verification_id: VerificationId,
    /// Which of them, in words.
    pub selection: String,
    pub state: RepairState,
    pub requested_by: String,
    pub requested_at: DateTime<Utc>,
    pub approved_by: Option<String>,
    pub ended_at: Option<DateTime<Utc>>,
    /// What it does to each table, or did once it was carried out.
    pub tables: Vec<TableRepair>,
    /// Sequences that were moved on.
    pub sequences: u64,
    /// The verification that compared again what was repaired, and what it found.
    pub verified_by: Option<VerificationId>,
    pub found: Option<VerificationState>,
    pub taken_back: Option<TakenBack>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ApprovalEvidence {
    pub id: ApprovalId,
    /// The act, in one sentence.
    pub act: String,
    pub state: crate::approval::ApprovalState,
    pub requested_by: String,
    pub requested_at: DateTime<Utc>,
    pub answered_by: Option<String>,
    pub answered_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeedEvidence {
    /// The entry's number in the audit trail, and its hash in the chain.
    pub number: u64,
    pub hash: String,
    pub at: DateTime<Utc>,
    pub by: String,
    pub action: Action,
    pub outcome: Outcome,
}

/// What a pack consists of. It is signed as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    pub format: u32,
    pub run_id: RunId,
    /// SHA-256 over the names and hashes of the files: the same as long as what is told is the same.
    pub hash: String,
    pub files: Vec<PackFile>,
    /// Whose key signed it: an Ed25519 public key, in hexadecimal digits.
    pub public_key: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PackFile {
    pub name: String,
    pub bytes: u64,
    pub sha256: String,
}

/// A pack, as the API gives it; its files come by their names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Report {
    pub evidence: Evidence,
    pub manifest: Manifest,
    /// Ed25519 over the file `manifest.json`, in hexadecimal digits.
    pub signature: String,
}
