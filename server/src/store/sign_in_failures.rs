//! Failed sign-ins of the last while.

use chrono::{DateTime, Utc};

use super::{Executor, StoreError, column};

/// How often signing in failed since some moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// For this account, from anywhere.
    pub account: u32,
    /// From this address, for any account.
    pub address: u32,
    /// For this account from this address.
    pub both: u32,
}

impl Count {
    /// After one more, of this account from this address.
    #[must_use]
    pub const fn and_one(self) -> Self {
        Self { account: self.account + 1, address: self.address + 1, both: self.both + 1 }
    }
}

pub async fn insert(
    executor: impl Executor<'_>,
    id: &str,
    account_hash: &str,
    address: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query(
        "insert into sign_in_failures (id, account_hash, address, failed_at)
         values ($1, $2, $3, $4)",
    )
    .bind(id)
    .bind(account_hash)
    .bind(address)
    .bind(now.timestamp_micros())
    .execute(executor)
    .await
    .map(drop)
    .map_err(StoreError::while_doing("counting a failed sign-in"))
}

pub async fn count(
    executor: impl Executor<'_>,
    account_hash: &str,
    address: &str,
    since: DateTime<Utc>,
) -> Result<Count, StoreError> {
    sqlx::query(
        "select
             count(case when account_hash = $1 then 1 end) as account,
             count(case when address = $2 then 1 end) as address,
             count(case when account_hash = $1 and address = $2 then 1 end) as both_count
         from sign_in_failures
         where failed_at > $3",
    )
    .bind(account_hash)
    .bind(address)
    .bind(since.timestamp_micros())
    .fetch_one(executor)
    .await
    .and_then(|row| {
        Ok(Count {
            account: column::number(&row, "account")?,
            address: column::number(&row, "address")?,
            both: column::number(&row, "both_count")?,
        })
    })
    .map_err(StoreError::while_doing("counting failed sign-ins"))
}

/// Takes one back: it was none.
pub async fn withdraw(executor: impl Executor<'_>, id: &str) -> Result<(), StoreError> {
    sqlx::query("delete from sign_in_failures where id = $1")
        .bind(id)
        .execute(executor)
        .await
        .map(drop)
        .map_err(StoreError::while_doing("taking a failed sign-in back"))
}

/// How often signing in failed anywhere since some moment.
pub async fn count_all(
    executor: impl Executor<'_>,
    since: DateTime<Utc>,
) -> Result<u64, StoreError> {
    sqlx::query("select count(*) as number from sign_in_failures where failed_at > $1")
        .bind(since.timestamp_micros())
        .fetch_one(executor)
        .await
        .and_then(|row| column::number(&row, "number"))
        .map_err(StoreError::while_doing("counting all failed sign-ins"))
}

/// Forgets what happened before: after a while for all, at once for who signed in.
pub async fn forget(
    executor: impl Executor<'_>,
    account_hash: &str,
    address: &str,
    before: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query(
        "delete from sign_in_failures
         where failed_at < $1 or (account_hash = $2 and address = $3)",
    )
    .bind(before.timestamp_micros())
    .bind(account_hash)
    .bind(address)
    .execute(executor)
    .await
    .map(drop)
    .map_err(StoreError::while_doing("forgetting failed sign-ins"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::{at, on_both};

    #[tokio::test]
    async fn failures_are_counted_by_account_and_by_address() {
        on_both(async |store| {
            let fails = [("1", "ada", "a", 1), ("2", "ada", "b", 2), ("3", "bea", "a", 3)];
            for (id, account, address, second) in fails {
                insert(store.pool(), id, account, address, at(second)).await.unwrap();
            }

            let all = count(store.pool(), "ada", "a", at(0)).await.unwrap();
            assert_eq!(all, Count { account: 2, address: 2, both: 1 });
            let recent = count(store.pool(), "ada", "a", at(2)).await.unwrap();
            assert_eq!(recent, Count { account: 0, address: 1, both: 0 });
        })
        .await;
    }

    #[tokio::test]
    async fn a_failure_can_be_taken_back() {
        on_both(async |store| {
            insert(store.pool(), "1", "ada", "a", at(1)).await.unwrap();
            insert(store.pool(), "2", "bea", "b", at(2)).await.unwrap();

            withdraw(store.pool(), "1").await.unwrap();

            assert_eq!(count_all(store.pool(), at(0)).await.unwrap(), 1);
            assert_eq!(count_all(store.pool(), at(2)).await.unwrap(), 0);
        })
        .await;
    }

    #[tokio::test]
    async fn who_signed_in_starts_again_from_nothing() {
        on_both(async |store| {
            insert(store.pool(), "1", "ada", "a", at(1)).await.unwrap();
            insert(store.pool(), "2", "bea", "a", at(1)).await.unwrap();

            forget(store.pool(), "ada", "a", at(0)).await.unwrap();

            let left = count(store.pool(), "ada", "a", at(0)).await.unwrap();
            assert_eq!(left, Count { account: 0, address: 1, both: 0 });
        })
        .await;
    }
}
