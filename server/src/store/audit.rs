//! The audit trail's rows. There is no function here that changes or removes one.

use chrono::{DateTime, Utc};
use shared::audit::{Action, Entry};
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
             (number, at, actor, actor_name, action, subject, detail, hash)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(entry.number.cast_signed())
    .bind(entry.at.timestamp_micros())
    .bind(&entry.actor)
    .bind(&entry.actor_name)
    .bind(entry.action.as_str())
    .bind(&entry.subject)
    .bind(entry.detail.as_deref())
    .bind(&entry.hash)
    .execute(executor)
    .await
    .map(drop)
    .map_err(StoreError::while_doing("adding to the audit trail"))
}

/// What is narrowed to a time when the trail is read.
#[derive(Debug, Clone, Copy, Default)]
pub struct Period {
    pub from: Option<DateTime<Utc>>,
    pub to: Option<DateTime<Utc>>,
}

/// Entries after a number, the oldest first.
pub async fn list_after(
    executor: impl Executor<'_>,
    number: u64,
    period: Period,
    limit: u32,
) -> Result<Vec<Entry>, StoreError> {
    let micros = |time: Option<DateTime<Utc>>, open| time.map_or(open, |t| t.timestamp_micros());
    sqlx::query(
        "select number, at, actor, actor_name, action, subject, detail, hash
         from audit_entries
         where number > $1 and at >= $2 and at < $3
         order by number
         limit $4",
    )
    .bind(number.cast_signed())
    .bind(micros(period.from, i64::MIN))
    .bind(micros(period.to, i64::MAX))
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
    limit: u32,
) -> Result<Vec<Entry>, StoreError> {
    sqlx::query(
        "select number, at, actor, actor_name, action, subject, detail, hash
         from audit_entries
         where number < $1
         order by number desc
         limit $2",
    )
    .bind(i64::try_from(number).unwrap_or(i64::MAX))
    .bind(i64::from(limit))
    .fetch_all(executor)
    .await
    .and_then(|rows| rows.iter().map(entry_of).collect())
    .map_err(StoreError::while_doing("reading the end of the audit trail"))
}

fn entry_of(row: &AnyRow) -> Result<Entry, sqlx::Error> {
    Ok(Entry {
        number: column::number(row, "number")?,
        at: column::time(row, "at")?,
        actor: column::text(row, "actor")?,
        actor_name: column::text(row, "actor_name")?,
        action: column::named(row, "action", Action::from_name)?,
        subject: column::text(row, "subject")?,
        detail: column::optional_text(row, "detail")?,
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

            let forth = list_after(store.pool(), 1, Period::default(), 10).await.unwrap();
            assert_eq!(forth, [entry(2), entry(3)]);
            let back = list_before(store.pool(), u64::MAX, 2).await.unwrap();
            assert_eq!(back, [entry(3), entry(2)]);
            let period = Period { from: Some(at(2)), to: Some(at(3)) };
            assert_eq!(list_after(store.pool(), 0, period, 10).await.unwrap(), [entry(2)]);
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
            action: Action::PlanSaved,
            subject: "plan".to_owned(),
            detail: (number > 1).then(|| "version 2".to_owned()),
            hash: format!("hash {number}"),
        }
    }
}
