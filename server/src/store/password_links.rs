//! Links by which somebody sets a password, once.

use chrono::{DateTime, Utc};
use shared::id::UserId;

use super::{Executor, StoreError, column};

/// Adds a link; earlier ones of the same user no longer count.
pub async fn replace(
    tx: &mut super::Transaction,
    hash: &str,
    user: &UserId,
    created_by: &str,
    now: DateTime<Utc>,
    expires_at: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query("delete from password_links where user_id = $1")
        .bind(user.as_str())
        .execute(&mut **tx)
        .await
        .map_err(StoreError::while_doing("forgetting earlier links"))?;
    sqlx::query(
        "insert into password_links (hash, user_id, created_at, created_by, expires_at)
         values ($1, $2, $3, $4, $5)",
    )
    .bind(hash)
    .bind(user.as_str())
    .bind(now.timestamp_micros())
    .bind(created_by)
    .bind(expires_at.timestamp_micros())
    .execute(&mut **tx)
    .await
    .map(drop)
    .map_err(StoreError::while_doing("adding a link"))
}

/// Whose link it is, without using it up.
pub async fn find(
    executor: impl Executor<'_>,
    hash: &str,
    now: DateTime<Utc>,
) -> Result<Option<UserId>, StoreError> {
    sqlx::query(
        "select user_id from password_links
         where hash = $1 and used_at is null and expires_at > $2",
    )
    .bind(hash)
    .bind(now.timestamp_micros())
    .fetch_optional(executor)
    .await
    .and_then(|row| row.map(|row| column::parsed(&row, "user_id")).transpose())
    .map_err(StoreError::while_doing("finding a link"))
}

/// Uses a link up. False when it was used, replaced or has expired.
pub async fn take(
    executor: impl Executor<'_>,
    hash: &str,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    sqlx::query(
        "update password_links set used_at = $1
         where hash = $2 and used_at is null and expires_at > $1",
    )
    .bind(now.timestamp_micros())
    .bind(hash)
    .execute(executor)
    .await
    .map(|done| done.rows_affected() == 1)
    .map_err(StoreError::while_doing("using a link"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::commit;
    use crate::store::testing::{add_user, at, on_both};

    #[tokio::test]
    async fn a_link_counts_once_and_for_a_while() {
        on_both(async |store| {
            let ada = add_user(&store, "ada").await;
            add(&store, "one", &ada.id).await;

            assert_eq!(find(store.pool(), "one", at(5)).await.unwrap(), Some(ada.id));
            assert!(!take(store.pool(), "one", at(100)).await.unwrap());
            assert!(take(store.pool(), "one", at(99)).await.unwrap());
            assert!(!take(store.pool(), "one", at(99)).await.unwrap());
            assert_eq!(find(store.pool(), "one", at(5)).await.unwrap(), None);
        })
        .await;
    }

    #[tokio::test]
    async fn a_new_link_replaces_the_one_before() {
        on_both(async |store| {
            let ada = add_user(&store, "ada").await;
            add(&store, "one", &ada.id).await;
            add(&store, "two", &ada.id).await;

            assert!(!take(store.pool(), "one", at(5)).await.unwrap());
            assert!(take(store.pool(), "two", at(5)).await.unwrap());
        })
        .await;
    }

    async fn add(store: &crate::store::Store, hash: &str, user: &UserId) {
        let mut tx = store.begin().await.expect("a transaction");
        replace(&mut tx, hash, user, "admin", at(0), at(100)).await.expect("a link");
        commit(tx).await.expect("a commit");
    }
}
