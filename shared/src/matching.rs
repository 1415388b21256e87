//! The search for people who are there twice, and its review: what was found, what is to be looked
//! at, what was decided, and what was merged.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::assessment::TableName;
use crate::duplicate::{
    Attribute, ClusterId, Decision, GoldenRecord, PairExplanation, Person, RecordId, Refusal,
    Verdict, Veto,
};
use crate::error_code::ErrorCode;
use crate::id::{ClusterKey, MatchId, MatchingId, MergeId, PlanId};
use crate::run::Failure;

/// One search for people who are there twice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Matching {
    pub id: MatchingId,
    /// None when it was asked for on the command line.
    pub plan_id: Option<PlanId>,
    pub plan_name: String,
    /// Which people: the database and the table.
    pub people: String,
    pub side: Side,
    pub state: MatchingState,
    pub started_by: String,
    pub started_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
    pub failure: Option<Failure>,
    pub counts: MatchingCounts,
    /// Which model decided; another model has another.
    pub model: Option<String>,
}

/// From which side people were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Side {
    Source,
    Target,
}

impl Side {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Target => "target",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Source, Self::Target].into_iter().find(|side| side.as_str() == name)
    }
}

/// Where a search stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum MatchingState {
    Running,
    Completed,
    Failed,
}

impl MatchingState {
    pub const ALL: [Self; 3] = [Self::Running, Self::Completed, Self::Failed];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
        }
    }

    pub const fn label(self) -> &'static str {
        match self {
            Self::Running => "Running",
            Self::Completed => "Completed",
            Self::Failed => "Failed",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}

/// What a search came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct MatchingCounts {
    pub records: u64,
    /// Records that are nobody's, and were not compared.
    pub excluded: u64,
    pub pairs_compared: u64,
    pub matches: u64,
    pub reviews: u64,
    /// People who are there more than once.
    pub clusters: u64,
    /// Of them, those that the policy merges by itself.
    pub automatic: u64,
}

/// What starts a search.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewMatching {
    pub plan_id: PlanId,
    #[serde(default)]
    pub model: ModelUse,
    #[serde(default)]
    pub merge: AutoMerge,
}

/// Whether a model that is known is used again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ModelUse {
    /// The last one of these people, so that weights stay what they were.
    #[default]
    Known,
    /// A new one is learned. What people decided stays decided.
    New,
}

/// What a search does with those of whom the policy is sure.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum AutoMerge {
    #[default]
    Leave,
    /// They are merged at once.
    Merge,
}

/// A pair in the queue: who, how alike, and where it stands. No value of a person is in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MatchItem {
    pub id: MatchId,
    pub left_id: RecordId,
    pub right_id: RecordId,
    pub weight: f64,
    pub probability: f64,
    /// What was computed.
    pub verdict: Verdict,
    pub vetoes: Vec<Veto>,
    /// In how many pairs of the queue the more frequent of the two records is.
    pub frequency: u32,
    /// What somebody said of it.
    pub decision: Option<Decision>,
    /// The merge by which both are one by now.
    pub merge: Option<MergeId>,
}

/// Which pairs of a search are wanted.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "openapi", into_params(parameter_in = Query))]
#[serde(default)]
pub struct MatchFilter {
    /// Pairs of this computed verdict: `match` or `review`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", param(value_type = Option<String>))]
    pub verdict: Option<Verdict>,
    /// Pairs that stand so: `open`, `decided` or `merged`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", param(value_type = Option<String>))]
    pub state: Option<ReviewState>,
    /// Pairs that this keeps from being merged unseen.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", param(value_type = Option<String>))]
    pub veto: Option<Veto>,
    /// Pairs of at least this weight, in bits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<f64>,
    /// Pairs of at most this weight, in bits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<f64>,
    /// `doubt`, the most doubtful first, unless asked otherwise; `frequency`; `weight`.
    pub sort: MatchOrder,
}

/// Where a pair stands in its review.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ReviewState {
    /// Nobody has said anything, and the two are not one.
    Open,
    /// Somebody said whether they are the same.
    Decided,
    /// The two are one by now.
    Merged,
}

/// In what order pairs are looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum MatchOrder {
    /// The most doubtful first: there a person's look tells most.
    #[default]
    Doubt,
    /// Records that are in many pairs first.
    Frequency,
    /// The heaviest first.
    Weight,
}

/// One pair side by side. People, what survives, differences and the values of factors are there
/// only when somebody asked for them with a reason; each such look is in the audit trail.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MatchDetail {
    pub item: MatchItem,
    pub matching_id: MatchingId,
    pub plan_id: Option<PlanId>,
    /// As they are in the target now; none when the record is not there, since it was merged.
    pub left: Option<Person>,
    pub right: Option<Person>,
    pub explanation: Option<PairExplanation>,
    /// What would survive of the two.
    pub golden: Option<GoldenRecord>,
    /// Attribute by attribute, which characters the two have in common.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<Difference>,
}

/// The values of an attribute on both sides, in pieces. Joined, the pieces are the value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Difference {
    pub attribute: Attribute,
    pub left: Vec<Piece>,
    pub right: Vec<Piece>,
}

/// Some characters of a value. They are not printed with `{:?}`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Piece {
    pub text: String,
    /// Whether the other side has them too, in the same place.
    pub is_common: bool,
}

impl std::fmt::Debug for Piece {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Piece").field("is_common", &self.is_common).finish_non_exhaustive()
    }
}

/// What somebody says of a pair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewDecision {
    pub verdict: Verdict,
    /// Of which record an attribute's value survives, where somebody chose. The values themselves
    /// stay in the target.
    #[serde(default)]
    pub choices: BTreeMap<Attribute, RecordId>,
}

/// What became of a decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DecisionOutcome {
    pub item: MatchItem,
    /// The merge that was made, or refused, for it.
    pub merge: Option<Merge>,
    /// What was changed since a merge that was taken back for it, and stays as it is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
}

/// People found to be one, in a list. No value of a person is in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ClusterItem {
    pub key: ClusterKey,
    pub id: ClusterId,
    pub members: Vec<RecordId>,
    /// The weakest mean weight at which two parts of it were joined.
    pub cohesion: f64,
    /// Whether a machine alone may merge it.
    pub decision: Verdict,
    /// The merge by which they are one by now.
    pub merge: Option<MergeId>,
}

/// In what order clusters are looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ClusterOrder {
    /// The largest first.
    #[default]
    Size,
    /// The one that hangs together by the weakest link first.
    WeakestLink,
}

/// One cluster with its people.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ClusterDetail {
    pub item: ClusterItem,
    pub matching_id: MatchingId,
    /// Its pairs that a search found, the heaviest first.
    pub links: Vec<MatchItem>,
    /// Pairs that lead out of it and joined nothing, with what kept them apart; the heaviest first.
    pub apart: Vec<Refusal>,
    /// The merge by which they are one by now, and whose row stayed.
    pub merge: Option<Merge>,
    /// Those who are in the target now.
    pub people: Vec<Person>,
    /// What would survive of them.
    pub golden: Option<GoldenRecord>,
}

/// Who of a cluster is to be merged, and what survives where somebody chose.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct NewMerge {
    /// Some of the members; all of them when none is named.
    pub members: Vec<RecordId>,
    pub choices: BTreeMap<Attribute, RecordId>,
}

/// People who became one row, or were to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Merge {
    pub id: MergeId,
    pub state: MergeState,
    pub members: Vec<RecordId>,
    /// Whose row stayed.
    pub survivor: Option<RecordId>,
    /// A person's name; none when the policy decided.
    pub decided_by: Option<String>,
    pub decided_at: DateTime<Utc>,
    /// Rows by table that went into others.
    pub removed: BTreeMap<TableName, u64>,
    /// Rows by table that refer to the survivor now, or were changed.
    pub moved: BTreeMap<TableName, u64>,
    /// Why they were not merged. Names may appear in it, values never.
    pub refusal: Option<MergeRefusal>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MergeRefusal {
    pub code: ErrorCode,
    pub reason: String,
}

/// Where a merge stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum MergeState {
    /// It is still to be made.
    Decided,
    Applied,
    Refused,
    TakenBack,
}

impl MergeState {
    pub const ALL: [Self; 4] = [Self::Decided, Self::Applied, Self::Refused, Self::TakenBack];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Decided => "decided",
            Self::Applied => "applied",
            Self::Refused => "refused",
            Self::TakenBack => "taken_back",
        }
    }

    pub const fn label(self) -> &'static str {
        match self {
            Self::Decided => "Decided",
            Self::Applied => "Merged",
            Self::Refused => "Not merged",
            Self::TakenBack => "Taken back",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}

/// What is to be remembered of people whose merge is taken back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct NewUnmerge {
    pub remember: Remember,
}

/// What is said of those whose merge is taken back, so that no search merges them again unseen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Remember {
    /// Somebody has to look before they are merged again.
    #[default]
    Review,
    /// They are not the same person.
    NotTheSame,
}

impl Remember {
    /// What stands of each pair of them from then on.
    pub const fn verdict(self) -> Verdict {
        match self {
            Self::Review => Verdict::Review,
            Self::NotTheSame => Verdict::NoMatch,
        }
    }
}

/// A merge that was taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Unmerged {
    pub merge: Merge,
    /// Rows by table that are back.
    pub restored: BTreeMap<TableName, u64>,
    /// What was changed since the merge, and stays as it is now.
    pub remarks: Vec<String>,
}

/// Two thresholds, in bits, to be tried.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "openapi", into_params(parameter_in = Query))]
pub struct TriedThresholds {
    /// From here on a pair is a match.
    pub automatic: f64,
    /// From here on, and below `automatic`, somebody looks.
    pub review: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_found_by_the_name_that_the_stores_write() {
        for state in MatchingState::ALL {
            assert_eq!(MatchingState::from_name(state.as_str()), Some(state));
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
        }
        for state in MergeState::ALL {
            assert_eq!(MergeState::from_name(state.as_str()), Some(state));
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
        }
        for side in [Side::Source, Side::Target] {
            assert_eq!(Side::from_name(side.as_str()), Some(side));
        }
    }
}
