//! Who is looked for, and by which policy.

use dedup::Policy;
use engine::EngineError;
use engine::merge::target::Place;
use shared::connection::without_secret;
use shared::error_code::ErrorCode;
use shared::id::PlanId;
use shared::plan::{Duplicates, Plan};
use zeroize::Zeroizing;

use super::{DuplicatesError, JobError};

/// The people of a plan, in its target.
pub struct Subject {
    pub plan_id: Option<PlanId>,
    pub plan: Plan,
    pub target: Zeroizing<String>,
    /// The database as the plan names it, without a secret, and the table. Decisions are about them,
    /// whichever plan or search they were made for.
    pub people: String,
}

impl Subject {
    pub fn new(
        plan_id: Option<PlanId>,
        plan: Plan,
        target: Zeroizing<String>,
    ) -> Result<Self, JobError> {
        let section = plan.duplicates.as_ref().ok_or(DuplicatesError::NoSection)?;
        let people = format!("{} {}", without_secret(&plan.target), section.table);
        Ok(Self { plan_id, plan, target, people })
    }

    pub(super) const fn duplicates(&self) -> &Duplicates {
        self.plan.duplicates.as_ref().expect("a subject has this part")
    }

    pub(super) fn place(&self) -> Place<'_> {
        Place { url: &self.target, plan: &self.plan, duplicates: self.duplicates() }
    }
}

/// The matcher's policy: the plan's own words, and what it says further under `policy`.
pub(super) fn policy(duplicates: &Duplicates) -> Result<Policy, JobError> {
    let refused = || EngineError::new(ErrorCode::Match003, "reading the policy of the plan");
    let mut policy: Policy = match &duplicates.policy {
        Some(further) => {
            serde_json::from_value(further.clone()).map_err(|error| refused().because(error))?
        }
        None => Policy::default(),
    };
    policy.columns.clone_from(&duplicates.columns);
    policy.thresholds = duplicates.thresholds;
    policy.survival = duplicates.survival.clone();
    policy.exclude.clone_from(&duplicates.exclude);
    policy.check().map_err(|error| refused().because(error))?;
    Ok(policy)
}

/// What a new search can take over from an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reuse {
    /// Model and pairs: only what changed is compared.
    Everything,
    /// The model; all pairs are weighed again.
    Model,
    Nothing,
}

/// What the policies of two searches have in common.
pub(super) fn reuse(before: &Policy, now: &Policy) -> Reuse {
    if before == now {
        return Reuse::Everything;
    }
    let is_same_model = before.columns == now.columns
        && before.ignore == now.ignore
        && before.model == now.model
        && before.exclude == now.exclude
        && before.blocking == now.blocking;
    if is_same_model { Reuse::Model } else { Reuse::Nothing }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::plan::Thresholds;

    #[test]
    fn a_model_outlives_other_thresholds_and_not_other_columns() {
        let before = Policy::default();
        let thresholds = Thresholds { automatic: 9.0, ..Thresholds::default() };
        let stricter = Policy { thresholds, ..Policy::default() };
        let mut others = Policy::default();
        others.exclude.clear();

        assert_eq!(reuse(&before, &before), Reuse::Everything);
        assert_eq!(reuse(&before, &stricter), Reuse::Model);
        assert_eq!(reuse(&before, &others), Reuse::Nothing);
    }
}
