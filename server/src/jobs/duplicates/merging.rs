//! Merges made and taken back, each with its row and its entry in the trail.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::DateTime;
use engine::EngineError;
use engine::merge::target::{self, Approval, Hand};
use engine::merge::{By as Word, Merge as Made, Order, TakenBack};
use shared::audit::{Action, Outcome};
use shared::duplicate::{RecordId, Verdict};
use shared::error_code::ErrorCode;
use shared::id::{MergeId, RunId};
use shared::matching::{Merge, MergeRefusal, MergeState, Remember, Unmerged};

use super::failure::of_store;
use super::golden::{Choices, survival};
use super::said::{Saying, say, standing, withdraw};
use super::search::Absorbed;
use super::{By, Duplicates, DuplicatesError, Inner, JobError, Subject};
use crate::audit::{self, Actor, Deed};
use crate::store::{self, StoreError, Transaction, merges};

/// Orders that are carried out in one transaction of the target.
const ORDERS_AT_ONCE: usize = 100;
/// Rows and entries that share a transaction of the store.
const ROWS_AT_ONCE: usize = 200;

/// What is written beside a merge that is taken back.
pub(super) enum After {
    /// The decision that had made it goes too.
    Withdraw(Saying),
    Remember(Remember),
}

impl Duplicates {
    /// A merge, and the people it is of.
    pub async fn find_merge(&self, id: &MergeId) -> Result<Merge, JobError> {
        let found = merges::find(self.0.store.pool(), id).await?;
        Ok(found.ok_or(DuplicatesError::MergeNotFound)?.0)
    }

    /// Everything that was merged of these people, the newest first.
    pub async fn merges(&self, subject: &Subject) -> Result<Vec<Merge>, JobError> {
        let pool = self.0.store.pool();
        Ok(merges::list(pool, &subject.people, None, None, u32::MAX).await?)
    }

    /// Merges those of whom there is no doubt. Who cannot be merged is left, with the reason.
    pub(super) async fn merge_all(
        &self,
        by: &By,
        subject: &Subject,
        orders: &[Order],
    ) -> Result<(), JobError> {
        let survive = survival(subject.duplicates(), &Choices::new());
        for orders in orders.chunks(ORDERS_AT_ONCE) {
            let approval: Approval<'_, Vec<Made>> = Box::new(|made| {
                let made = made.clone();
                Box::pin(async move {
                    let mut tx = self.0.store.begin().await.map_err(of_store)?;
                    self.write_merges(&mut tx, by, subject, &made).await.map_err(of_store)?;
                    store::commit(tx).await.map_err(of_store)
                })
            });
            let hand = self.hand(by);
            target::merge(subject.place(), orders, Arc::clone(&survive), hand, approval).await?;
        }
        Ok(())
    }

    /// Merges people of whom somebody said that they are one. What else is to be written when it is
    /// done, `also` writes in the same transaction.
    pub(super) async fn merge_one(
        &self,
        by: &By,
        subject: &Subject,
        members: Vec<RecordId>,
        choices: &Choices,
        basis: String,
        also: Vec<Saying>,
    ) -> Result<Merge, JobError> {
        let Inner { clock, .. } = &*self.0;
        let now = clock.now();
        let order = Order {
            id: clock.fresh_id().to_string(),
            cluster: None,
            members,
            decision: engine::merge::Decided { by: Word::Person(by.name.clone()), at: now, basis },
        };
        let orders = [order];
        let approval: Approval<'_, Vec<Made>> = Box::new(|made| {
            let made = made.clone();
            Box::pin(async move {
                let written = async {
                    let mut tx = self.0.store.begin().await?;
                    for saying in &also {
                        say(&mut tx, &**clock, by, saying).await?;
                    }
                    self.write_merges(&mut tx, by, subject, &made).await?;
                    store::commit(tx).await
                };
                written.await.map_err(of_store)
            })
        });
        let survive = survival(subject.duplicates(), choices);
        let made = target::merge(subject.place(), &orders, survive, self.hand(by), approval);
        let made = made.await?.into_iter().next().and_then(|made| told(&made));
        made.ok_or_else(|| {
            EngineError::new(ErrorCode::Sys001, "reading the record of a merge").into()
        })
    }

    /// Takes a merge back. What is said of its members keeps a search from merging them again.
    pub async fn unmerge(
        &self,
        by: &By,
        subject: &Subject,
        id: &MergeId,
        remember: Remember,
    ) -> Result<Unmerged, JobError> {
        self.take_back(by, subject, id, After::Remember(remember)).await
    }

    /// The people of a merge that the store knows, by the plan that searched among them last.
    pub async fn subject_of_merge(&self, id: &MergeId) -> Result<Subject, JobError> {
        let pool = self.0.store.pool();
        let found = merges::find(pool, id).await?;
        let (_, people) = found.ok_or(DuplicatesError::MergeNotFound)?;
        self.subject_named(None, &people).await
    }

    /// Learns from the target what was merged without a word to the store: by a run, by a server that
    /// ended between two commits, or by a rollback that took it back.
    pub async fn take_stock(&self, subject: &Subject) -> Result<(), JobError> {
        let Inner { store, .. } = &*self.0;
        let made = match target::merges(subject.place(), None).await {
            Ok(made) => made,
            // The table of people is still to come.
            Err(error) if error.code() == ErrorCode::Map002 => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let known = merges::list(store.pool(), &subject.people, None, None, u32::MAX).await?;
        let mut known: BTreeMap<MergeId, Merge> =
            known.into_iter().map(|merge| (merge.id.clone(), merge)).collect();
        let mut news = Vec::new();
        for made in made {
            let Some(merge) = told(&made) else { continue };
            let before = known.remove(&merge.id).map(|known| known.state);
            if merge.state != MergeState::Decided && before != Some(merge.state) {
                news.push(made);
            }
        }
        // The record in the target goes with the run whose rows it is about.
        let gone = known.into_values().filter(|merge| merge.state == MergeState::Applied);
        let gone: Vec<Merge> =
            gone.map(|merge| Merge { state: MergeState::TakenBack, ..merge }).collect();
        let by = By { actor: Actor::system(), name: String::new() };
        // The oldest first: later ones stand on them.
        news.reverse();
        for news in news.chunks(ROWS_AT_ONCE) {
            let mut tx = store.begin().await?;
            self.write_merges(&mut tx, &by, subject, news).await?;
            store::commit(tx).await?;
        }
        for gone in gone.chunks(ROWS_AT_ONCE) {
            let mut tx = store.begin().await?;
            for merge in gone {
                merges::save(&mut tx, &subject.people, None, merge, &[]).await?;
                self.record(&mut tx, &by, merge).await?;
            }
            store::commit(tx).await?;
        }
        Ok(())
    }

    pub(super) async fn take_back(
        &self,
        by: &By,
        subject: &Subject,
        id: &MergeId,
        after: After,
    ) -> Result<Unmerged, JobError> {
        let approval: Approval<'_, (Made, TakenBack)> = Box::new(|(made, _)| {
            let made = made.clone();
            Box::pin(async move {
                let written = async {
                    let mut tx = self.0.store.begin().await?;
                    self.write_merges(&mut tx, by, subject, std::slice::from_ref(&made)).await?;
                    match &after {
                        After::Withdraw(saying) => {
                            withdraw(&mut tx, &*self.0.clock, by, saying).await?;
                            self.withdraw_all(&mut tx, by, subject, &made).await?;
                        }
                        After::Remember(remember) => {
                            let verdict = remember.verdict();
                            self.say_of_all(&mut tx, by, subject, &made, verdict).await?;
                        }
                    }
                    store::commit(tx).await
                };
                written.await.map_err(of_store)
            })
        });
        let hand = self.hand(by);
        let (made, back) = target::take_back(subject.place(), id.as_str(), hand, approval).await?;
        let merge = told(&made).ok_or(DuplicatesError::MergeNotFound)?;
        Ok(Unmerged {
            merge,
            restored: back.restored,
            remarks: back.remarks.iter().map(ToString::to_string).collect(),
        })
    }

    /// Whoever merged several said it of each pair of them.
    async fn withdraw_all(
        &self,
        tx: &mut Transaction,
        by: &By,
        subject: &Subject,
        made: &Made,
    ) -> Result<(), StoreError> {
        for (left, right) in pairs_of(&made.order.members) {
            let saying = Saying::new(subject, left, right, Verdict::Match);
            if standing(tx, &saying).await? == Some(Verdict::Match) {
                withdraw(tx, &*self.0.clock, by, &saying).await?;
            }
        }
        Ok(())
    }

    async fn say_of_all(
        &self,
        tx: &mut Transaction,
        by: &By,
        subject: &Subject,
        made: &Made,
        verdict: Verdict,
    ) -> Result<(), StoreError> {
        for (left, right) in pairs_of(&made.order.members) {
            let saying = Saying::new(subject, left, right, verdict);
            let standing = standing(tx, &saying).await?;
            // Nothing is stronger than that they are not the same.
            if standing != Some(Verdict::NoMatch) {
                say(tx, &*self.0.clock, by, &saying).await?;
            }
        }
        Ok(())
    }

    pub(super) fn hand<'a>(&'a self, by: &'a By) -> Hand<'a> {
        Hand { key: &self.0.key, clock: &*self.0.clock, by: &by.name }
    }

    pub(super) async fn write_merges(
        &self,
        tx: &mut Transaction,
        by: &By,
        subject: &Subject,
        made: &[Made],
    ) -> Result<(), StoreError> {
        let people = &subject.people;
        let state = Some(MergeState::Applied);
        let standing = merges::list(&mut **tx, people, state, None, u32::MAX).await?;
        let absorbed = Absorbed::of(&standing);
        for made in made {
            let Some(merge) = told(made) else { continue };
            let run = made.run_id.as_deref().and_then(|run| RunId::parse(run).ok());
            let behind = absorbed.behind(&merge.members);
            merges::save(tx, people, run.as_ref(), &merge, &behind).await?;
            self.record(tx, by, &merge).await?;
        }
        Ok(())
    }

    async fn record(&self, tx: &mut Transaction, by: &By, merge: &Merge) -> Result<(), StoreError> {
        let (action, outcome) = match merge.state {
            MergeState::Refused => (Action::MergeRefused, Outcome::Refused),
            MergeState::TakenBack => (Action::MergeTakenBack, Outcome::Success),
            MergeState::Applied | MergeState::Decided => (Action::PeopleMerged, Outcome::Success),
        };
        let deed = Deed {
            actor: by.actor.clone(),
            action,
            subject: merge.id.as_str(),
            detail: Some(detail(merge)),
            outcome,
            reason: None,
        };
        audit::write(tx, self.0.clock.now(), deed).await
    }
}

/// What the trail says of a merge: numbers, a code and whose word it was. Keys of records are not in
/// it.
fn detail(merge: &Merge) -> String {
    let records = merge.members.len();
    let word = if merge.decided_by.is_some() { "somebody" } else { "the policy" };
    if let Some(refusal) = &merge.refusal {
        return format!("{records} records, decided by {word}: {}", refusal.code);
    }
    let (gone, moved) = (merge.removed.values().sum::<u64>(), merge.moved.values().sum::<u64>());
    format!("{records} records, decided by {word}; {gone} rows went, {moved} changed")
}

/// A merge as its target tells it, in the words of the store.
pub(super) fn told(made: &Made) -> Option<Merge> {
    let at = made.order.decision.at;
    Some(Merge {
        // Whatever made it gave it an id of ours; anything else is not shown.
        id: MergeId::parse(made.order.id.as_str()).ok()?,
        state: made.state,
        members: made.order.members.clone(),
        survivor: made.survivor.clone(),
        decided_by: match &made.order.decision.by {
            Word::Person(name) => Some(name.clone()),
            Word::Policy => None,
        },
        // As the store keeps it.
        decided_at: DateTime::from_timestamp_micros(at.timestamp_micros()).unwrap_or(at),
        removed: made.removed.clone(),
        moved: made.moved.clone(),
        refusal: made
            .refusal
            .as_ref()
            .map(|refusal| MergeRefusal { code: refusal.code, reason: refusal.reason.clone() }),
    })
}

/// Every pair of some records, the smaller id first.
pub(super) fn pairs_of(records: &[RecordId]) -> Vec<(RecordId, RecordId)> {
    let pairs = records.iter().enumerate().flat_map(|(at, one)| {
        records[at + 1..].iter().map(|other| super::rows::ordered(one.clone(), other.clone()))
    });
    pairs.filter(|(left, right)| left != right).collect()
}
