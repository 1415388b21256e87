//! What binds each entry of the audit trail to the one before it.

use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest as _, Sha256};
use shared::audit::{AuditFilter, ChainState, Entry, Outcome};
use shared::user::UserRole;
use tokio::sync::Mutex;

use crate::auth::hex;
use crate::store::audit::{find_head, list_after};
use crate::store::{Store, StoreError};

/// What a walk along the whole trail found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verified {
    /// Every entry is as it was written and none is missing.
    Intact {
        entries: u64,
        last_hash: String,
    },
    Broken {
        number: u64,
        what: Damage,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    /// The entry is not what was written, or the one before it is not.
    Changed,
    Missing,
    /// Entries at the end are missing, or some were added past the trail's end.
    End,
}

impl Damage {
    pub const fn explanation(self) -> &'static str {
        match self {
            Self::Changed => "it, or the one before it, is not what was written",
            Self::Missing => "it is missing",
            Self::End => "the trail does not end where it should",
        }
    }
}

/// Walks the trail for whoever asks, one walk at a time and not every moment.
#[derive(Debug, Default)]
pub struct Checker(Mutex<Option<ChainState>>);

impl Checker {
    pub async fn state(&self, store: &Store, now: DateTime<Utc>) -> Result<ChainState, StoreError> {
        let mut last = self.0.lock().await;
        if let Some(state) = &*last
            && (now - FRESH..=now).contains(&state.checked_at)
        {
            return Ok(state.clone());
        }
        let state = match verify(store).await? {
            Verified::Intact { entries, last_hash } => ChainState {
                intact: true,
                entries,
                last_hash,
                broken_at: None,
                damage: None,
                checked_at: now,
            },
            Verified::Broken { number, what } => ChainState {
                intact: false,
                entries: number.saturating_sub(1),
                last_hash: String::new(),
                broken_at: Some(number),
                damage: Some(what.explanation().to_owned()),
                checked_at: now,
            },
        };
        *last = Some(state.clone());
        Ok(state)
    }
}

/// For how long an answer is given again.
const FRESH: TimeDelta = TimeDelta::seconds(10);

/// Walks the trail from its beginning to its end.
pub async fn verify(store: &Store) -> Result<Verified, StoreError> {
    const PAGE: u32 = 1_000;
    // Before the entries: one that is added meanwhile lies beyond it.
    let head = find_head(store.pool()).await?;
    let all = AuditFilter::default();
    let mut number = 0;
    let mut last_hash = String::new();
    loop {
        let page = list_after(store.pool(), number, &all, PAGE).await?;
        let is_last = page.is_empty();
        for entry in page {
            if entry.number != number + 1 {
                return Ok(Verified::Broken { number: number + 1, what: Damage::Missing });
            }
            if entry.hash != hash_of(&last_hash, &entry) {
                return Ok(Verified::Broken { number: entry.number, what: Damage::Changed });
            }
            number = entry.number;
            last_hash = entry.hash;
            if number == head.number && last_hash != head.hash {
                return Ok(Verified::Broken { number, what: Damage::End });
            }
        }
        if is_last {
            break;
        }
    }
    if number < head.number {
        return Ok(Verified::Broken { number: number + 1, what: Damage::End });
    }
    let after = find_head(store.pool()).await?;
    if after.number < number {
        return Ok(Verified::Broken { number: after.number + 1, what: Damage::End });
    }
    Ok(Verified::Intact { entries: number, last_hash })
}

/// The hash of an entry that follows on the one with the hash `previous`.
pub(super) fn hash_of(previous: &str, entry: &Entry) -> String {
    let mut hasher = Sha256::new();
    // Each part with its length, so that no two entries are the same text.
    let mut part = |bytes: &[u8]| {
        hasher.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
        hasher.update(bytes);
    };
    part(previous.as_bytes());
    part(&entry.number.to_be_bytes());
    part(&entry.at.timestamp_micros().to_be_bytes());
    part(entry.actor.as_bytes());
    part(entry.actor_name.as_bytes());
    part(entry.action.as_str().as_bytes());
    part(entry.subject.as_bytes());
    match &entry.detail {
        Some(detail) => part(detail.as_bytes()),
        None => part(b"\0none"),
    }
    // Each with its name, and only what is there: entries from before these were written down
    // keep their hashes.
    let later = [
        ("role", entry.role.map(UserRole::as_str)),
        ("address", entry.address.as_deref()),
        ("outcome", (entry.outcome != Outcome::Success).then(|| entry.outcome.as_str())),
        ("reason", entry.reason.as_deref()),
    ];
    for (name, value) in later {
        if let Some(value) = value {
            part(name.as_bytes());
            part(value.as_bytes());
        }
    }
    hex(&hasher.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{Actor, record};
    use crate::store::testing::{at, on_both, user};
    use shared::audit::Action;

    #[tokio::test]
    async fn an_untouched_trail_is_intact() {
        on_both(async |store| {
            add_entries(&store, 5).await;

            let verified = verify(&store).await.unwrap();

            assert!(matches!(verified, Verified::Intact { entries: 5, .. }), "{verified:?}");
        })
        .await;
    }

    #[tokio::test]
    async fn entries_of_many_writers_are_one_chain() {
        on_both(async |store| {
            let writers: Vec<_> = (0..4)
                .map(|_| {
                    let store = store.clone();
                    tokio::spawn(async move { add_entries(&store, 5).await })
                })
                .collect();
            for writer in writers {
                writer.await.unwrap();
            }

            let verified = verify(&store).await.unwrap();

            assert!(matches!(verified, Verified::Intact { entries: 20, .. }), "{verified:?}");
        })
        .await;
    }

    #[tokio::test]
    async fn a_changed_entry_is_found() {
        check_damage(
            "update audit_entries set subject = 'other' where number = 3",
            3,
            Damage::Changed,
        )
        .await;
        check_damage("update audit_entries set detail = null where number = 2", 2, Damage::Changed)
            .await;
        for tampering in [
            "update audit_entries set at = at + 1 where number = 1",
            "update audit_entries set role = null where number = 1",
            "update audit_entries set address = 'elsewhere' where number = 1",
            "update audit_entries set outcome = 'refused' where number = 1",
            "update audit_entries set reason = 'none' where number = 1",
        ] {
            check_damage(tampering, 1, Damage::Changed).await;
        }
    }

    #[tokio::test]
    async fn a_removed_entry_is_found_in_the_middle_and_at_the_end() {
        check_damage("delete from audit_entries where number = 2", 2, Damage::Missing).await;
        check_damage("delete from audit_entries where number = 5", 5, Damage::End).await;
        check_damage("update audit_head set number = 4", 4, Damage::End).await;
    }

    /// Written by a version that knew of no role, address, outcome and reason.
    #[test]
    fn an_entry_from_before_keeps_its_hash() {
        let entry = Entry {
            number: 1,
            at: at(1),
            actor: "system".to_owned(),
            actor_name: "Transfuse".to_owned(),
            role: None,
            address: None,
            action: Action::PlanSaved,
            subject: "plan".to_owned(),
            detail: Some("version 1".to_owned()),
            outcome: Outcome::Success,
            reason: None,
            hash: String::new(),
        };
        assert_eq!(
            hash_of("", &entry),
            "2f4641fd5cd0905b9be281e4c4191882a1f95972b194d30ed9f10bc511fffd49"
        );
    }

    async fn check_damage(tampering: &'static str, number: u64, what: Damage) {
        on_both(async |store| {
            add_entries(&store, 5).await;
            crate::store::lift(&store).await;
            sqlx::query(tampering).execute(store.pool()).await.expect("the tampering");

            let verified = verify(&store).await.expect("an answer");

            assert_eq!(verified, Verified::Broken { number, what }, "{tampering}");
        })
        .await;
    }

    async fn add_entries(store: &Store, count: u64) {
        for number in 0..count {
            let mut tx = store.begin().await.expect("a transaction");
            let detail = Some(format!("version {number}"));
            let at = at(number.cast_signed());
            let actor = Actor::from(&user("ada")).at("192.0.2.1");
            record(&mut tx, at, actor, Action::PlanSaved, "plan", detail).await.expect("an entry");
            crate::store::commit(tx).await.expect("a commit");
        }
    }
}
