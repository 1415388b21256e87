//! The audit trail's rows. There is no function here that changes or removes one.

use chrono::{DateTime, Utc};
use shared::audit::{Action, AuditFilter, Entry, Outcome};
use shared::user::UserRole;
use sqlx::any::AnyRow;

use super::{Executor, StoreError, column};

/// The end of the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    pub number: u64,
    pub hash: String,
}

/// Takes the next number and waits for whoever took the one before: nobody else appends until
/// the caller's transaction ends. Gives the end of the chain as it was.
pub async fn lock_head(executor: impl Executor<'_>) -> Result<Head, StoreError> {
    sqlx::query("update audit_head set number = number + 1 where id = 1 returning number, hash")
        .fetch_one(executor)
        .await
        .and_then(|row| {
            let next: u64 = column::number(&row, "number")?;
            Ok(Head { number: next.saturating_sub(1), hash: column::text(&row, "hash")? })
        })
        .map_err(StoreError::while_doing("finding the end of the audit trail"))
}

/// Where the chain ends.
pub async fn find_head(executor: impl Executor<'_>) -> Result<Head, StoreError> {
    sqlx::query("select number, hash from audit_head where id = 1")
        .fetch_one(executor)
        .await
        .and_then(|row| {
            Ok(Head { number: column::number(&row, "number")?, hash: column::text(&row, "hash")? })
        })
        .map_err(StoreError::while_doing("finding the end of the audit trail"))
}

/// Notes the hash of the entry whose number was taken.
pub async fn set_head_hash(executor: impl Executor<'_>, hash: &str) -> Result<(), StoreError> {
    sqlx::query("update audit_head set hash = $1 where id = 1")
        .bind(hash)
        .execute(executor)
        .await
        .map(drop)
        .map_err(StoreError::while_doing("moving the end of the audit trail"))
}

pub async fn insert(executor: impl Executor<'_>, entry: &Entry) -> Result<(), StoreError> {
    sqlx::query(
        "insert into audit_entries
             (number, at, actor, actor_name, action, subject, detail, hash, role, address,
              outcome, reason)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    )
    .bind(entry.number.cast_signed())
    .bind(entry.at.timestamp_micros())
    .bind(&entry.actor)
    .bind(&entry.actor_name)
    .bind(entry.action.as_str())
    .bind(&entry.subject)
    .bind(entry.detail.as_deref())
    .bind(&entry.hash)
    .bind(entry.role.map(UserRole::as_str))
    .bind(entry.address.as_deref())
    .bind(entry.outcome.as_str())
    .bind(entry.reason.as_deref())
    .execute(executor)
    .await
    .map(drop)
    .map_err(StoreError::while_doing("adding to the audit trail"))
}

/// Entries after a number, the oldest first.
pub async fn list_after(
    executor: impl Executor<'_>,
    number: u64,
    filter: &AuditFilter,
    limit: u32,
) -> Result<Vec<Entry>, StoreError> {
    let query = sqlx::query(
        "select number, at, actor, actor_name, role, address, action, subject, detail, outcome,
             reason, hash
         from audit_entries
         where number > $1 and at >= $2 and at < $3
             and ($4 = '' or actor = $4) and ($5 = '' or action = $5)
             and ($6 = '' or subject = $6) and ($7 = '' or outcome = $7)
         order by number
         limit $8",
    );
    narrowed(query.bind(number.cast_signed()), filter)
        .bind(i64::from(limit))
        .fetch_all(executor)
        .await
        .and_then(|rows| rows.iter().map(entry_of).collect())
        .map_err(StoreError::while_doing("reading the audit trail"))
}

/// Entries before a number, the latest first.
pub async fn list_before(
    executor: impl Executor<'_>,
    number: u64,
    filter: &AuditFilter,
    limit: u32,
) -> Result<Vec<Entry>, StoreError> {
    let query = sqlx::query(
        "select number, at, actor, actor_name, role, address, action, subject, detail, outcome,
             reason, hash
         from audit_entries
         where number < $1 and at >= $2 and at < $3
             and ($4 = '' or actor = $4) and ($5 = '' or action = $5)
             and ($6 = '' or subject = $6) and ($7 = '' or outcome = $7)
         order by number desc
         limit $8",
    );
    narrowed(query.bind(i64::try_from(number).unwrap_or(i64::MAX)), filter)
        .bind(i64::from(limit))
        .fetch_all(executor)
        .await
        .and_then(|rows| rows.iter().map(entry_of).collect())
        .map_err(StoreError::while_doing("reading the end of the audit trail"))
}

type Query<'q> = sqlx::query::Query<'q, sqlx::Any, sqlx::any::AnyArguments>;

/// Binds a filter's six parts. An empty text narrows nothing: a null would have no type.
fn narrowed<'q>(query: Query<'q>, filter: &'q AuditFilter) -> Query<'q> {
    let micros = |time: Option<DateTime<Utc>>, open| time.map_or(open, |t| t.timestamp_micros());
    query
        .bind(micros(filter.from, i64::MIN))
        .bind(micros(filter.to, i64::MAX))
        .bind(filter.actor.as_deref().unwrap_or_default())
        .bind(filter.action.map_or("", Action::as_str))
        .bind(filter.object.as_deref().unwrap_or_default())
        .bind(filter.outcome.map_or("", Outcome::as_str))
}

fn entry_of(row: &AnyRow) -> Result<Entry, sqlx::Error> {
    Ok(Entry {
        number: column::number(row, "number")?,
        at: column::time(row, "at")?,
        actor: column::text(row, "actor")?,
        actor_name: column::text(row, "actor_name")?,
        role: column::optional_named(row, "role", UserRole::from_name)?,
        address: column::optional_text(row, "address")?,
        action: column::named(row, "action", Action::from_name)?,
        subject: column::text(row, "subject")?,
        detail: column::optional_text(row, "detail")?,
        outcome: column::named(row, "outcome", Outcome::from_name)?,
        reason: column::optional_text(row, "reason")?,
        hash: column::text(row, "hash")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::{at, on_both};

    #[tokio::test]
    async fn entries_come_back_as_they_were_added_in_both_orders() {
        on_both(async |store| {
            for number in 1..=3 {
                insert(store.pool(), &entry(number)).await.unwrap();
            }

            let all = AuditFilter::default();
            let forth = list_after(store.pool(), 1, &all, 10).await.unwrap();
            assert_eq!(forth, [entry(2), entry(3)]);
            let back = list_before(store.pool(), u64::MAX, &all, 2).await.unwrap();
            assert_eq!(back, [entry(3), entry(2)]);
        })
        .await;
    }

    #[tokio::test]
    async fn the_trail_is_narrowed_by_each_part_of_a_filter() {
        on_both(async |store| {
            for number in 1..=3 {
                insert(store.pool(), &entry(number)).await.unwrap();
            }
            let other = Entry {
                actor: "system".to_owned(),
                action: Action::RunFailed,
                subject: "run".to_owned(),
                outcome: Outcome::Failed,
                ..entry(4)
            };
            insert(store.pool(), &other).await.unwrap();
            let found = async |filter: AuditFilter| {
                let forth = list_after(store.pool(), 0, &filter, 10).await.unwrap();
                let mut back = list_before(store.pool(), u64::MAX, &filter, 10).await.unwrap();
                back.reverse();
                assert_eq!(forth, back);
                forth.into_iter().map(|entry| entry.number).collect::<Vec<_>>()
            };
            let all = AuditFilter::default;

            let period = AuditFilter { from: Some(at(2)), to: Some(at(3)), ..all() };
            assert_eq!(found(period).await, [2]);
            assert_eq!(found(AuditFilter { actor: Some("system".into()), ..all() }).await, [4]);
            assert_eq!(
                found(AuditFilter { action: Some(Action::PlanSaved), ..all() }).await,
                [1, 2, 3]
            );
            assert_eq!(found(AuditFilter { object: Some("run".into()), ..all() }).await, [4]);
            assert_eq!(found(AuditFilter { outcome: Some(Outcome::Failed), ..all() }).await, [4]);
        })
        .await;
    }

    #[tokio::test]
    async fn a_number_is_taken_once() {
        on_both(async |store| {
            insert(store.pool(), &entry(1)).await.unwrap();

            assert!(insert(store.pool(), &entry(1)).await.unwrap_err().is_taken());
        })
        .await;
    }

    #[tokio::test]
    async fn the_head_moves_with_the_transaction_that_locked_it() {
        on_both(async |store| {
            let mut tx = store.begin().await.unwrap();
            assert_eq!(lock_head(&mut *tx).await.unwrap().number, 0);
            drop(tx);
            let mut tx = store.begin().await.unwrap();
            assert_eq!(lock_head(&mut *tx).await.unwrap().number, 0);
            set_head_hash(&mut *tx, "one").await.unwrap();
            crate::store::commit(tx).await.unwrap();

            let head = find_head(store.pool()).await.unwrap();

            assert_eq!(head, Head { number: 1, hash: "one".to_owned() });
        })
        .await;
    }

    fn entry(number: u64) -> Entry {
        Entry {
            number,
            at: at(number.cast_signed()),
            actor: "user".to_owned(),
            actor_name: "ada@clinic.example".to_owned(),
            role: (number > 1).then_some(UserRole::Admin),
            address: (number > 1).then(|| "192.0.2.1".to_owned()),
            action: Action::PlanSaved,
            subject: "plan".to_owned(),
            detail: (number > 1).then(|| "version 2".to_owned()),
            outcome: Outcome::Success,
            reason: (number > 2).then(|| "asked for".to_owned()),
            hash: format!("hash {number}"),
        }
    }
}
