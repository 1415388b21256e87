//! What somebody decided beforehand: columns, thresholds, vetoes, passes, and how a golden record
//! is made. A policy can replace training.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use shared::duplicate::{Agreement, Attribute, Exclusion, Field, Veto};
pub use shared::plan::{ColumnNames, Survival, Thresholds};

use crate::block::{DEFAULT_LARGEST_BLOCK, Pass};
use crate::compare::levels;
use crate::model::Chances;

/// The version of a policy's format that this build reads.
pub const FORMAT: u32 = 1;

/// A whole policy, the same in YAML and in JSON. Everything has a default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    pub format: u32,
    /// Names of columns that are not recognised by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: BTreeMap<Attribute, ColumnNames>,
    /// What is not looked at although there is a column for it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ignore: Vec<Attribute>,
    pub model: ModelChoice,
    pub thresholds: Thresholds,
    /// Contradictions that keep a pair from being merged unseen.
    pub vetoes: Vec<Veto>,
    /// Records that are not compared.
    pub exclude: Vec<Exclusion>,
    pub blocking: Blocking,
    pub clusters: Clustering,
    pub survival: Survival,
}

/// Where the model comes from when none was saved.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelChoice {
    /// It is learned from the records.
    #[default]
    Learned,
    /// The tables that come with the program; only how frequent duplicates are is learned.
    Shipped,
    /// The shipped tables with these changes.
    HandMade(HandMade),
}

/// What somebody wrote instead of learning it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HandMade {
    /// How many pairs of one person there are per record. Learned when it is not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matches_per_record: Option<f64>,
    /// Chances that replace the shipped ones.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<Field, BTreeMap<Agreement, Chances>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Blocking {
    /// A block of more records is divided by what else they share.
    pub largest_block: u32,
    /// The passes; chosen for the table when there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub passes: Vec<Pass>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Clustering {
    /// More records than this are not believed to be one person.
    pub largest: u32,
}

/// A policy that cannot be followed.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    #[error("reading the policy")]
    Unreadable(#[source] serde_norway::Error),
    #[error("the policy has format {found}, this program reads format {FORMAT}")]
    Format { found: u32 },
    #[error("thresholds: `review` is {review} and must not be above `automatic`, {automatic}")]
    ThresholdsCross { review: f64, automatic: f64 },
    #[error("model: {field} cannot be `{agreement}`")]
    NoSuchLevel { field: Field, agreement: Agreement },
    #[error("model: the chances of {field} {agreement} must be above 0 and at most 1")]
    NoChance { field: Field, agreement: Agreement },
    #[error("model: `matches_per_record` must be above 0 and at most 10")]
    MatchesPerRecord,
    #[error("blocking: `phone` must stand first in a pass")]
    PhoneNotFirst,
    #[error("blocking: `largest_block` must be at least 2")]
    LargestBlock,
    #[error("clusters: `largest` must be at least 2")]
    LargestCluster,
}

impl Policy {
    /// Reads a policy and refuses one that cannot be followed.
    pub fn parse(yaml: &str) -> Result<Self, PolicyError> {
        // An empty document is a policy: all defaults.
        let policy: Option<Self> = serde_norway::from_str(yaml).map_err(PolicyError::Unreadable)?;
        let policy = policy.unwrap_or_default();
        policy.check()?;
        Ok(policy)
    }

    pub fn check(&self) -> Result<(), PolicyError> {
        if self.format != FORMAT {
            return Err(PolicyError::Format { found: self.format });
        }
        let Thresholds { automatic, review, .. } = self.thresholds;
        if !self.thresholds.are_ordered() {
            return Err(PolicyError::ThresholdsCross { review, automatic });
        }
        if self.blocking.largest_block < 2 {
            return Err(PolicyError::LargestBlock);
        }
        if self.clusters.largest < 2 {
            return Err(PolicyError::LargestCluster);
        }
        if self.blocking.passes.iter().any(|pass| !pass.is_possible()) {
            return Err(PolicyError::PhoneNotFirst);
        }
        let ModelChoice::HandMade(hand_made) = &self.model else { return Ok(()) };
        if hand_made.matches_per_record.is_some_and(|rate| !(rate > 0.0 && rate <= 10.0)) {
            return Err(PolicyError::MatchesPerRecord);
        }
        for (&field, chances) in &hand_made.fields {
            for (&agreement, chances) in chances {
                if !levels(field).contains(&agreement) {
                    return Err(PolicyError::NoSuchLevel { field, agreement });
                }
                if !chances.by_class().into_iter().all(|chance| chance > 0.0 && chance <= 1.0) {
                    return Err(PolicyError::NoChance { field, agreement });
                }
            }
        }
        Ok(())
    }

    /// The columns that the policy names, as pairs.
    pub fn named_columns(&self) -> Vec<(Attribute, String)> {
        self.columns
            .iter()
            .flat_map(|(attribute, names)| names.iter().map(|name| (*attribute, name.to_owned())))
            .collect()
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            format: FORMAT,
            columns: BTreeMap::new(),
            ignore: Vec::new(),
            model: ModelChoice::default(),
            thresholds: Thresholds::default(),
            vetoes: Veto::ALL.to_vec(),
            exclude: vec![Exclusion::TestRecord, Exclusion::Anonymous],
            blocking: Blocking::default(),
            clusters: Clustering::default(),
            survival: Survival::default(),
        }
    }
}

impl Default for Blocking {
    fn default() -> Self {
        Self { largest_block: DEFAULT_LARGEST_BLOCK, passes: Vec::new() }
    }
}

impl Default for Clustering {
    fn default() -> Self {
        Self { largest: 50 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_policy_is_the_default() {
        assert_eq!(Policy::parse("").unwrap(), Policy::default());
        assert_eq!(Policy::parse("{}").unwrap(), Policy::default());
    }

    #[test]
    fn a_policy_reads_back_as_it_was_written() {
        let yaml = "
columns: {record_id: nummer, phone: [mobil, festnetz]}
ignore: [other_identifier]
model: !hand_made
  matches_per_record: 0.2
  fields:
    sex: {exact: {same: 0.99, household: 0.5, twin: 0.6, namesake: 0.9, stranger: 0.5}}
thresholds: {automatic: 9, review: 0}
vetoes: [identifier_conflict]
exclude: []
blocking: {passes: [[surname, birth_date], [phone, given_initial]]}
survival: {rule: most_complete, rules: {phone: newest}, sources: [registry, clinic]}
";
        let policy = Policy::parse(yaml).unwrap();

        assert_eq!(policy.named_columns().len(), 3);
        assert_eq!(policy.blocking.passes[1].name(), "phone+given_initial");
        assert_eq!(Policy::parse(&serde_norway::to_string(&policy).unwrap()).unwrap(), policy);
    }

    #[track_caller]
    fn refuses(yaml: &str, because: &str) {
        let error = Policy::parse(yaml).unwrap_err();
        assert!(error.to_string().contains(because), "{error}");
    }

    #[test]
    fn a_policy_that_cannot_be_followed_is_refused() {
        refuses("format: 2", "format 2");
        refuses("thresholds: {automatic: 1, review: 2}", "must not be above");
        refuses("thresholds: {automatic: .nan}", "must not be above");
        refuses("tresholds: {}", "reading the policy");
        refuses("blocking: {passes: [[surname, phone]]}", "must stand first");
        refuses("blocking: {largest_block: 1}", "at least 2");
        refuses("clusters: {largest: 1}", "at least 2");
        refuses(
            "model: !hand_made {fields: {sex: {near: {same: 1, household: 1, twin: 1, namesake: 1, stranger: 1}}}}",
            "sex cannot be `near`",
        );
        refuses(
            "model: !hand_made {fields: {sex: {exact: {same: 0, household: 1, twin: 1, namesake: 1, stranger: 1}}}}",
            "above 0",
        );
    }
}
