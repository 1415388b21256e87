//! The audit trail: who did what, written down in the transaction that does it.

pub mod chain;
pub mod export;

use chrono::{DateTime, Utc};
use shared::audit::{Action, Entry};
use shared::user::User;

use crate::store::{self, StoreError, Transaction};

/// Who acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    id: String,
    name: String,
}

impl Actor {
    /// Transfuse itself.
    pub fn system() -> Self {
        Self { id: "system".to_owned(), name: "Transfuse".to_owned() }
    }

    /// Whoever may run commands on the server.
    pub fn command_line() -> Self {
        Self { id: "command-line".to_owned(), name: "the command line".to_owned() }
    }

    /// Somebody of whom only the network address is known.
    pub fn unknown(address: &str) -> Self {
        Self { id: "unknown".to_owned(), name: address.to_owned() }
    }
}

impl From<&User> for Actor {
    fn from(user: &User) -> Self {
        Self { id: user.id.to_string(), name: user.email.clone() }
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
    let actor = actor.into();
    let head = store::audit::lock_head(&mut **tx).await?;
    let mut entry = Entry {
        number: head.number + 1,
        // What the store keeps, so that the hash can be computed again from it.
        at: DateTime::from_timestamp_micros(now.timestamp_micros()).unwrap_or(now),
        actor: actor.id,
        actor_name: actor.name,
        action,
        subject: subject.to_owned(),
        detail,
        hash: String::new(),
    };
    entry.hash = chain::hash_of(&head.hash, &entry);
    store::audit::insert(&mut **tx, &entry).await?;
    store::audit::set_head_hash(&mut **tx, &entry.hash).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::{add_user, at, on_both};

    #[tokio::test]
    async fn an_entry_shares_the_fate_of_the_change_it_tells_of() {
        on_both(async |store| {
            let ada = add_user(&store, "ada").await;
            let mut tx = store.begin().await.unwrap();
            record(&mut tx, at(1), &ada, Action::PlanSaved, "plan", None).await.unwrap();
            drop(tx);
            assert!(store::audit::list_before(store.pool(), u64::MAX, 9).await.unwrap().is_empty());

            let mut tx = store.begin().await.unwrap();
            record(&mut tx, at(2), &ada, Action::PlanSaved, "plan", None).await.unwrap();
            store::commit(tx).await.unwrap();

            let entries = store::audit::list_before(store.pool(), u64::MAX, 9).await.unwrap();
            assert_eq!((entries.len(), entries[0].number), (1, 1));
            assert_eq!(entries[0].actor_name, "ada@clinic.example");
        })
        .await;
    }
}
