//! What people say of pairs, and how that is taken back.

use std::collections::BTreeMap;

use engine::clock::Clock;
use shared::audit::Action;
use shared::duplicate::{Decision, RecordId, Verdict};
use shared::error_code::ErrorCode;
use shared::id::MatchId;
use shared::matching::{DecisionOutcome, MatchItem, Matching, NewDecision, Side};

use super::golden::Choices;
use super::merging::After;
use super::rows::ordered;
use super::search::Absorbed;
use super::{By, Duplicates, DuplicatesError, Inner, JobError, Subject};
use crate::audit;
use crate::store::match_decisions::NewDecision as NewRow;
use crate::store::{self, StoreError, Transaction, match_decisions, matches, merges};

/// Sayings that share a transaction.
const SAYINGS_AT_ONCE: usize = 200;

/// Something that is said of two records.
#[derive(Debug, Clone)]
pub(super) struct Saying {
    people: String,
    left: RecordId,
    right: RecordId,
    verdict: Verdict,
    /// What the two weighed at the time, to try thresholds on.
    weight: Option<f64>,
    is_vetoed: bool,
}

impl Saying {
    pub(super) fn new(
        subject: &Subject,
        left: RecordId,
        right: RecordId,
        verdict: Verdict,
    ) -> Self {
        let people = subject.people.clone();
        Self { people, left, right, verdict, weight: None, is_vetoed: false }
    }

    fn of(matching: &Matching, item: &MatchItem, verdict: Verdict) -> Self {
        Self {
            people: matching.people.clone(),
            left: item.left_id.clone(),
            right: item.right_id.clone(),
            verdict,
            weight: Some(item.weight),
            is_vetoed: !item.vetoes.is_empty(),
        }
    }
}

impl Duplicates {
    /// Writes down what somebody says of a pair; who is the same person becomes one at once, where
    /// both are in the target.
    pub async fn decide(
        &self,
        by: &By,
        id: &MatchId,
        new: &NewDecision,
    ) -> Result<DecisionOutcome, JobError> {
        let (item, matching) = self.find_match(id).await?;
        if item.merge.is_some() {
            return Err(DuplicatesError::Merged.into());
        }
        let saying = Saying::of(&matching, &item, new.verdict);
        let merge = if new.verdict == Verdict::Match {
            let (members, choices) = self.as_they_are(&matching, &item, &new.choices).await?;
            let subject = self.subject_of(&matching).await?;
            let basis = basis(&matching, &item);
            let also = vec![saying.clone()];
            match self.merge_one(by, &subject, members, &choices, basis, also).await {
                Ok(merge) => Some(merge),
                Err(error) if is_still_to_come(&matching, &error) => {
                    self.only_say(by, &saying).await?;
                    None
                }
                Err(error) => return Err(error),
            }
        } else if new.choices.is_empty() {
            self.only_say(by, &saying).await?;
            None
        } else {
            return Err(DuplicatesError::InvalidChoice.into());
        };
        let (item, _) = self.find_match(id).await?;
        Ok(DecisionOutcome { item, merge, remarks: Vec::new() })
    }

    /// Writes down what people said of many pairs, in place of what stands.
    pub async fn say_all(
        &self,
        by: &By,
        subject: &Subject,
        decisions: &[Decision],
    ) -> Result<(), JobError> {
        let Inner { store, clock, .. } = &*self.0;
        for some in decisions.chunks(SAYINGS_AT_ONCE) {
            let mut tx = store.begin().await?;
            for said in some.iter().filter(|said| said.left_id != said.right_id) {
                let (left, right) = ordered(said.left_id.clone(), said.right_id.clone());
                let saying = Saying::new(subject, left, right, said.verdict);
                if standing(&mut tx, &saying).await? != Some(said.verdict) {
                    say(&mut tx, &**clock, by, &saying).await?;
                }
            }
            store::commit(tx).await?;
        }
        Ok(())
    }

    /// Takes back what was said of a pair, and the merge that was made for it.
    pub async fn undo(&self, by: &By, id: &MatchId) -> Result<DecisionOutcome, JobError> {
        let (item, matching) = self.find_match(id).await?;
        let said = item.decision.as_ref().ok_or(DuplicatesError::NothingSaid)?.verdict;
        let saying = Saying::of(&matching, &item, said);
        let (merge, remarks) = match &item.merge {
            Some(merge) if said == Verdict::Match => {
                let subject = self.subject_of(&matching).await?;
                let after = After::Withdraw(saying);
                let back = self.take_back(by, &subject, merge, after).await?;
                (Some(back.merge), back.remarks)
            }
            // Others made them one: that is taken back by itself.
            Some(_) => return Err(DuplicatesError::Merged.into()),
            None => {
                let Inner { store, clock, .. } = &*self.0;
                let mut tx = store.begin().await?;
                if !withdraw(&mut tx, &**clock, by, &saying).await? {
                    return Err(DuplicatesError::NothingSaid.into());
                }
                store::commit(tx).await?;
                (None, Vec::new())
            }
        };
        let (item, _) = self.find_match(id).await?;
        Ok(DecisionOutcome { item, merge, remarks })
    }

    pub(super) async fn find_match(&self, id: &MatchId) -> Result<(MatchItem, Matching), JobError> {
        let found = matches::find(self.0.store.pool(), id).await?;
        let (item, matching) = found.ok_or(DuplicatesError::MatchNotFound)?;
        Ok((item, self.find(&matching).await?))
    }

    /// The records that stand for the two, and what was chosen of them.
    async fn as_they_are(
        &self,
        matching: &Matching,
        item: &MatchItem,
        choices: &BTreeMap<shared::duplicate::Attribute, RecordId>,
    ) -> Result<(Vec<RecordId>, Choices), JobError> {
        let absorbed = self.absorbed(&matching.people).await?;
        let members = vec![absorbed.now(&item.left_id), absorbed.now(&item.right_id)];
        Ok((members.clone(), chosen(choices, &members, &absorbed)?))
    }

    pub(super) async fn absorbed(&self, people: &str) -> Result<Absorbed, StoreError> {
        let state = Some(shared::matching::MergeState::Applied);
        let merges = merges::list(self.0.store.pool(), people, state, None, u32::MAX).await?;
        Ok(Absorbed::of(&merges))
    }

    pub(super) async fn only_say(&self, by: &By, saying: &Saying) -> Result<(), StoreError> {
        let Inner { store, clock, .. } = &*self.0;
        let mut tx = store.begin().await?;
        say(&mut tx, &**clock, by, saying).await?;
        store::commit(tx).await
    }
}

/// Choices among the members: a record that went into one of them counts as that one.
pub(super) fn chosen(
    choices: &BTreeMap<shared::duplicate::Attribute, RecordId>,
    members: &[RecordId],
    absorbed: &Absorbed,
) -> Result<Choices, DuplicatesError> {
    choices
        .iter()
        .map(|(attribute, id)| {
            let now = absorbed.now(id);
            if members.contains(&now) {
                Ok((*attribute, now))
            } else {
                Err(DuplicatesError::InvalidChoice)
            }
        })
        .collect()
}

/// What a merge rests on that somebody asked for.
fn basis(matching: &Matching, item: &MatchItem) -> String {
    let model = matching.model.as_deref().unwrap_or("none");
    format!("looked at: {:.1} bits, model {model}", item.weight)
}

/// Whether the rows of a run are not all there: what was said counts when they are.
fn is_still_to_come(matching: &Matching, error: &JobError) -> bool {
    let JobError::Engine(error) = error else { return false };
    let is_under_way = matches!(error.code(), ErrorCode::Load007 | ErrorCode::Load009);
    is_under_way || (matching.side == Side::Source && error.code() == ErrorCode::Map002)
}

/// What stands of a pair.
pub(super) async fn standing(
    tx: &mut Transaction,
    saying: &Saying,
) -> Result<Option<Verdict>, StoreError> {
    let Saying { people, left, right, .. } = saying;
    let found = match_decisions::find(&mut **tx, people, left, right).await?;
    Ok(found.map(|(_, verdict)| verdict))
}

/// Says it in place of what stands.
pub(super) async fn say(
    tx: &mut Transaction,
    clock: &dyn Clock,
    by: &By,
    saying: &Saying,
) -> Result<(), StoreError> {
    let now = clock.now();
    let (left, right) = ordered(saying.left.clone(), saying.right.clone());
    match_decisions::withdraw(&mut **tx, &saying.people, &left, &right, &by.name, now).await?;
    let id = clock.fresh_id().to_string();
    let row = NewRow {
        id: &id,
        people: &saying.people,
        left_id: &left,
        right_id: &right,
        verdict: saying.verdict,
        decided_by: &by.name,
        weight: saying.weight,
        is_vetoed: saying.is_vetoed,
    };
    match_decisions::insert(&mut **tx, &row, now).await?;
    let detail = Some(format!("{}, among {}", saying.verdict, saying.people));
    audit::record(tx, now, by.actor.clone(), Action::MatchDecided, &id, detail).await
}

/// Takes back what stands of a pair. False when nothing does.
pub(super) async fn withdraw(
    tx: &mut Transaction,
    clock: &dyn Clock,
    by: &By,
    saying: &Saying,
) -> Result<bool, StoreError> {
    let now = clock.now();
    let (left, right) = ordered(saying.left.clone(), saying.right.clone());
    let Some((id, verdict)) =
        match_decisions::find(&mut **tx, &saying.people, &left, &right).await?
    else {
        return Ok(false);
    };
    match_decisions::withdraw(&mut **tx, &saying.people, &left, &right, &by.name, now).await?;
    let detail = Some(format!("{verdict}, among {}", saying.people));
    audit::record(tx, now, by.actor.clone(), Action::MatchWithdrawn, &id, detail).await?;
    Ok(true)
}
