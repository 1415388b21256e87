//! A pair side by side, and what the model and its thresholds would do.

use dedup::find::{Scored, explain};
use dedup::score::Scorer;
use dedup::{Builder, Model, Policy};
use engine::EngineError;
use engine::merge::{PersonRow, target};
use shared::audit::{Action, Outcome, Reason};
use shared::duplicate::{
    Attribute, ModelSummary, PairExplanation, Person, RecordId, Simulation, simulate,
};
use shared::error_code::ErrorCode;
use shared::id::{MatchId, MatchingId};
use shared::matching::{
    Difference, MatchDetail, MatchItem, Matching, MatchingState, Piece, TriedThresholds,
};
use similar::{ChangeTag, TextDiff};

use super::failure::of_people;
use super::golden::{self, Choices};
use super::rows::{Shape, cell};
use super::{By, Duplicates, DuplicatesError, Inner, JobError};
use crate::audit::{self, Deed};
use crate::store::{self, StoreError, match_decisions, matchings};

/// How much of people is shown.
#[derive(Debug, Clone, Copy)]
pub enum Look<'a> {
    /// How far they agree, and no value.
    Masked,
    /// All of it, for a reason that goes into the trail first.
    Clear(&'a By, &'a Reason),
}

impl Duplicates {
    /// One pair with all that its weight rests on.
    pub async fn pair(&self, id: &MatchId, look: Look<'_>) -> Result<MatchDetail, JobError> {
        let (item, matching) = self.find_match(id).await?;
        let subject = self.subject_of(&matching).await?;
        let (policy, model) = self.policy_and_model(&matching).await?;
        let absorbed = self.absorbed(&matching.people).await?;
        let now = [&item.left_id, &item.right_id].map(|id| absorbed.now(id));
        let rows = target::people(subject.place(), &now).await?;
        let [left, right] = now.map(|id| rows.iter().find(|row| row.id == id).cloned());
        let shape = Shape::of(subject.duplicates());
        let explanation = match (&left, &right) {
            (Some(left), Some(right)) if left.id != right.id => {
                Some(explanation(&item, [left, right], &shape, &policy, &model)?)
            }
            _ => None,
        };
        let mut detail = MatchDetail {
            matching_id: matching.id.clone(),
            plan_id: matching.plan_id.clone(),
            left: None,
            right: None,
            explanation,
            golden: None,
            differences: Vec::new(),
            item,
        };
        match look {
            Look::Masked => mask(&mut detail),
            Look::Clear(by, reason) => {
                self.record_look(by, id.as_str(), "of a pair", reason).await?;
                let person = |row: &PersonRow| shape.person(row);
                detail.left = left.as_ref().map(person);
                detail.right = right.as_ref().map(person);
                if let (Some(left), Some(right)) = (&detail.left, &detail.right)
                    && left.id != right.id
                {
                    let two = [left.clone(), right.clone()];
                    detail.golden = golden::record(&two, subject.duplicates(), &Choices::new());
                    detail.differences = differences(left, right);
                }
            }
        }
        Ok(detail)
    }

    /// The model by which a search decided, for people.
    pub async fn model(&self, id: &MatchingId) -> Result<ModelSummary, JobError> {
        let matching = self.find(id).await?;
        let documents = matchings::documents(self.0.store.pool(), id).await?;
        let summary = documents.and_then(|(_, _, summary)| summary);
        let wrong = DuplicatesError::WrongState { state: matching.state };
        Ok(summary.ok_or(wrong)?)
    }

    /// What two thresholds would do with the pairs of a search, and with those that people decided.
    pub async fn simulate(
        &self,
        id: &MatchingId,
        tried: TriedThresholds,
    ) -> Result<Simulation, JobError> {
        let summary = self.model(id).await?;
        let people = self.find(id).await?.people;
        let decided = match_decisions::list_weighed(self.0.store.pool(), &people).await?;
        Ok(simulate(&summary.weights, &decided, tried.automatic, tried.review))
    }

    /// Writes down who looks at people in clear, and why.
    pub(super) async fn record_look(
        &self,
        by: &By,
        subject: &str,
        of: &str,
        reason: &Reason,
    ) -> Result<(), StoreError> {
        let Inner { store, clock, .. } = &*self.0;
        let deed = Deed {
            actor: by.actor.clone(),
            action: Action::PeopleUnmasked,
            subject,
            detail: Some(of.to_owned()),
            outcome: Outcome::Success,
            reason: Some(reason.as_str()),
        };
        let mut tx = store.begin().await?;
        audit::write(&mut tx, clock.now(), deed).await?;
        store::commit(tx).await
    }

    async fn policy_and_model(&self, matching: &Matching) -> Result<(Policy, Model), JobError> {
        if matching.state != MatchingState::Completed {
            return Err(DuplicatesError::WrongState { state: matching.state }.into());
        }
        let found = matchings::documents(self.0.store.pool(), &matching.id).await?;
        let (policy, model, _) = found.ok_or(DuplicatesError::MatchingNotFound)?;
        let unreadable = |error: serde_json::Error| {
            EngineError::new(ErrorCode::Match005, "reading the model of a search").because(error)
        };
        let policy = serde_json::from_str(&policy).map_err(unreadable)?;
        let model = serde_json::from_str(model.as_deref().unwrap_or("null"));
        Ok((policy, model.map_err(unreadable)?))
    }
}

/// How the weight of two records comes about, as they are now.
fn explanation(
    item: &MatchItem,
    rows: [&PersonRow; 2],
    shape: &Shape,
    policy: &Policy,
    model: &Model,
) -> Result<PairExplanation, JobError> {
    let columns = shape.columns(&policy.ignore).map_err(|error| of_people(error.into()))?;
    let mut builder = Builder::excluding(columns, &[]);
    // Under the ids of the pair, so that left stays left.
    let named = |id: &RecordId, row: &PersonRow| PersonRow { id: id.clone(), ..row.clone() };
    let rows = [named(&item.left_id, rows[0]), named(&item.right_id, rows[1])];
    builder.extend(&rows, cell);
    let people = builder.finish(Some(&model.reading)).map_err(|error| of_people(error.into()))?;
    let scorer = Scorer::new(model, &people);
    let pair = Scored {
        left: 0,
        right: 1,
        weight: scorer.weigh(0, 1).1,
        verdict: item.verdict,
        vetoes: item.vetoes.clone(),
    };
    Ok(explain(&people, &scorer, &pair))
}

/// Takes every value out.
fn mask(detail: &mut MatchDetail) {
    for factor in detail.explanation.iter_mut().flat_map(|it| &mut it.factors) {
        (factor.left, factor.right) = (None, None);
    }
}

/// Which characters of their values two people have in common.
fn differences(left: &Person, right: &Person) -> Vec<Difference> {
    let said = |person: &Person, attribute| {
        person.values.get(&attribute).map(|values| values.join("; ")).unwrap_or_default()
    };
    Attribute::ALL
        .into_iter()
        .map(|attribute| (attribute, said(left, attribute), said(right, attribute)))
        .filter(|(_, left, right)| !left.is_empty() || !right.is_empty())
        .map(|(attribute, left, right)| {
            let (left, right) = pieces(&left, &right);
            Difference { attribute, left, right }
        })
        .collect()
}

fn pieces(left: &str, right: &str) -> (Vec<Piece>, Vec<Piece>) {
    let (mut one, mut other) = (Vec::new(), Vec::new());
    for change in TextDiff::from_chars(left, right).iter_all_changes() {
        match change.tag() {
            ChangeTag::Equal => {
                push(&mut one, change.value(), true);
                push(&mut other, change.value(), true);
            }
            ChangeTag::Delete => push(&mut one, change.value(), false),
            ChangeTag::Insert => push(&mut other, change.value(), false),
        }
    }
    (one, other)
}

fn push(pieces: &mut Vec<Piece>, text: &str, is_common: bool) {
    match pieces.last_mut() {
        Some(last) if last.is_common == is_common => last.text.push_str(text),
        _ => pieces.push(Piece { text: text.to_owned(), is_common }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_say_where_two_values_differ_and_join_to_them() {
        let (left, right) = pieces("Moór", "Moore");

        let told = |pieces: &[Piece]| {
            let marked = |piece: &Piece| {
                if piece.is_common { piece.text.clone() } else { format!("[{}]", piece.text) }
            };
            pieces.iter().map(marked).collect::<String>()
        };
        assert_eq!((told(&left), told(&right)), ("Mo[ó]r".to_owned(), "Mo[o]r[e]".to_owned()));
        assert_eq!(pieces("", "x").0, []);
    }
}
