//! The audit trail: who did what, written down in the transaction that does it.

pub mod chain;
pub mod export;
pub mod fhir;

use chrono::{DateTime, Utc};
use shared::audit::{Action, Entry, Outcome, Reason};
use shared::user::{User, UserRole};

use crate::auth::Caller;
use crate::store::{self, StoreError, Transaction};

/// Who acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    id: String,
    name: String,
    role: Option<UserRole>,
    address: Option<String>,
}

impl Actor {
    /// Transfuse itself.
    pub fn system() -> Self {
        Self::named("system", "Transfuse")
    }

    /// Whoever runs commands on the server, under the name that its system knows them by.
    pub fn command_line(name: &str) -> Self {
        Self::named("command-line", name)
    }

    /// Somebody of whom only the network address is known.
    pub fn unknown(address: &str) -> Self {
        Self { address: Some(address.to_owned()), ..Self::named("unknown", address) }
    }

    /// The same from this address.
    #[must_use]
    pub fn at(mut self, address: &str) -> Self {
        self.address = Some(address.to_owned());
        self
    }

    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether it is somebody who signs in.
    pub const fn is_user(&self) -> bool {
        self.role.is_some()
    }

    fn named(id: &str, name: &str) -> Self {
        Self { id: id.to_owned(), name: name.to_owned(), role: None, address: None }
    }
}

impl From<&User> for Actor {
    fn from(user: &User) -> Self {
        Self { role: Some(user.role), ..Self::named(user.id.as_str(), &user.email) }
    }
}

impl From<&Caller> for Actor {
    fn from(caller: &Caller) -> Self {
        let user: &User = caller;
        Self { address: caller.address().map(str::to_owned), ..user.into() }
    }
}

/// Adds an entry to the trail, in the caller's transaction: what was done and its entry become
/// visible together or not at all. `detail` has names and numbers, never a value of a row.
pub async fn record(
    tx: &mut Transaction,
    now: DateTime<Utc>,
    actor: impl Into<Actor>,
    action: Action,
    subject: &str,
    detail: Option<String>,
) -> Result<(), StoreError> {
    let outcome = usual_outcome(action);
    write(tx, now, Deed { actor: actor.into(), action, subject, detail, outcome, reason: None })
        .await
}

/// Adds an entry about something that needed a reason.
pub async fn record_with_reason(
    tx: &mut Transaction,
    now: DateTime<Utc>,
    actor: impl Into<Actor>,
    action: Action,
    subject: &str,
    reason: &Reason,
) -> Result<(), StoreError> {
    let outcome = usual_outcome(action);
    let reason = Some(reason.as_str());
    write(tx, now, Deed { actor: actor.into(), action, subject, detail: None, outcome, reason })
        .await
}

/// What an entry tells.
#[derive(Debug, Clone)]
pub struct Deed<'a> {
    pub actor: Actor,
    pub action: Action,
    pub subject: &'a str,
    /// Names and numbers that say more, never a value of a row.
    pub detail: Option<String>,
    pub outcome: Outcome,
    pub reason: Option<&'a str>,
}

/// Adds an entry to the trail, in the caller's transaction.
pub async fn write(
    tx: &mut Transaction,
    now: DateTime<Utc>,
    deed: Deed<'_>,
) -> Result<(), StoreError> {
    let head = store::audit::lock_head(&mut **tx).await?;
    let mut entry = Entry {
        number: head.number + 1,
        // What the store keeps, so that the hash can be computed again from it.
        at: DateTime::from_timestamp_micros(now.timestamp_micros()).unwrap_or(now),
        actor: deed.actor.id,
        actor_name: deed.actor.name,
        role: deed.actor.role,
        address: deed.actor.address,
        action: deed.action,
        subject: deed.subject.to_owned(),
        detail: deed.detail,
        outcome: deed.outcome,
        reason: deed.reason.map(str::to_owned),
        hash: String::new(),
    };
    entry.hash = chain::hash_of(&head.hash, &entry);
    store::audit::insert(&mut **tx, &entry).await?;
    store::audit::set_head_hash(&mut **tx, &entry.hash).await
}

const fn usual_outcome(action: Action) -> Outcome {
    match action {
        Action::SignInFailed
        | Action::AssessmentFailed
        | Action::RunFailed
        | Action::RehearsalFailed
        | Action::RollbackFailed
        | Action::VerificationFailed
        | Action::RepairFailed
        | Action::ClinicalChecksFailed
        | Action::SignOffFailed
        | Action::MatchingFailed => Outcome::Failed,
        Action::SignInLocked | Action::ApprovalRefused | Action::MergeRefused => Outcome::Refused,
        _ => Outcome::Success,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Access;
    use crate::store::testing::{add_user, at, on_both};
    use shared::audit::AuditFilter;

    #[tokio::test]
    async fn an_entry_shares_the_fate_of_the_change_it_tells_of() {
        on_both(async |store| {
            let ada = add_user(&store, "ada").await;
            let all = AuditFilter::default();
            let mut tx = store.begin().await.unwrap();
            record(&mut tx, at(1), &ada, Action::PlanSaved, "plan", None).await.unwrap();
            drop(tx);
            assert!(
                store::audit::list_before(store.pool(), u64::MAX, &all, 9)
                    .await
                    .unwrap()
                    .is_empty()
            );

            let mut tx = store.begin().await.unwrap();
            record(&mut tx, at(2), &ada, Action::PlanSaved, "plan", None).await.unwrap();
            store::commit(tx).await.unwrap();

            let entries = store::audit::list_before(store.pool(), u64::MAX, &all, 9).await.unwrap();
            assert_eq!((entries.len(), entries[0].number), (1, 1));
            assert_eq!(entries[0].actor_name, "ada@clinic.example");
        })
        .await;
    }

    #[test]
    fn an_entry_of_what_failed_or_was_refused_says_so() {
        for action in Action::ALL.iter().copied() {
            let by_name = match action.as_str().rsplit('_').next() {
                Some("failed") => Outcome::Failed,
                Some("refused" | "locked") => Outcome::Refused,
                _ => Outcome::Success,
            };
            assert_eq!(usual_outcome(action), by_name, "{action}");
        }
    }

    #[tokio::test]
    async fn an_entry_says_in_which_role_from_where_and_why() {
        on_both(async |store| {
            let ada = Caller::new(add_user(&store, "ada").await, Access::Local, "192.0.2.1");
            let reason = Reason::parse("the ward asked").unwrap();
            let mut tx = store.begin().await.unwrap();
            let action = Action::RowUnmasked;
            record_with_reason(&mut tx, at(1), &ada, action, "row", &reason).await.unwrap();
            let nobody = Actor::unknown("192.0.2.2");
            record(&mut tx, at(2), nobody, Action::SignInFailed, "a", None).await.unwrap();
            store::commit(tx).await.unwrap();

            let all = AuditFilter::default();
            let entries = store::audit::list_after(store.pool(), 0, &all, 9).await.unwrap();

            assert_eq!(entries[0].role, Some(UserRole::Member));
            assert_eq!(entries[0].address.as_deref(), Some("192.0.2.1"));
            assert_eq!(entries[0].reason.as_deref(), Some("the ward asked"));
            assert_eq!(
                (entries[0].outcome, entries[1].outcome),
                (Outcome::Success, Outcome::Failed)
            );
        })
        .await;
    }
}
