//! Authenticators of users, and the codes for when one is lost.

use chrono::{DateTime, Utc};
use shared::id::UserId;

use super::{Executor, StoreError, Transaction, column};

/// A user's authenticator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Factor {
    pub sealed_secret: String,
    /// Whether a code proved that the authenticator has the secret.
    pub confirmed: bool,
    /// The last step of which a code was taken.
    pub last_step: u64,
}

pub async fn find(
    executor: impl Executor<'_>,
    user: &UserId,
) -> Result<Option<Factor>, StoreError> {
    sqlx::query(
        "select sealed_secret, confirmed_at, last_step from second_factors where user_id = $1",
    )
    .bind(user.as_str())
    .fetch_optional(executor)
    .await
    .and_then(|row| {
        let Some(row) = row else { return Ok(None) };
        Ok(Some(Factor {
            sealed_secret: column::text(&row, "sealed_secret")?,
            confirmed: column::optional_number(&row, "confirmed_at")?.is_some(),
            last_step: column::number(&row, "last_step")?,
        }))
    })
    .map_err(StoreError::while_doing("finding a second factor"))
}

/// Begins an enrolment, in place of one that was not confirmed. False when there is a confirmed
/// one.
pub async fn begin(
    tx: &mut Transaction,
    user: &UserId,
    sealed_secret: &str,
) -> Result<bool, StoreError> {
    sqlx::query("delete from second_factors where user_id = $1 and confirmed_at is null")
        .bind(user.as_str())
        .execute(&mut **tx)
        .await
        .map_err(StoreError::while_doing("forgetting an enrolment"))?;
    sqlx::query(
        "insert into second_factors (user_id, sealed_secret, last_step)
         values ($1, $2, 0)
         on conflict (user_id) do nothing",
    )
    .bind(user.as_str())
    .bind(sealed_secret)
    .execute(&mut **tx)
    .await
    .map(|done| done.rows_affected() == 1)
    .map_err(StoreError::while_doing("beginning an enrolment"))
}

/// From now on a code is asked for, or one of the recovery codes with these hashes.
pub async fn confirm(
    tx: &mut Transaction,
    user: &UserId,
    code_hashes: &[String],
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let confirmed = sqlx::query(
        "update second_factors set confirmed_at = $1
         where user_id = $2 and confirmed_at is null",
    )
    .bind(now.timestamp_micros())
    .bind(user.as_str())
    .execute(&mut **tx)
    .await
    .map_err(StoreError::while_doing("confirming a second factor"))?;
    if confirmed.rows_affected() != 1 {
        return Ok(false);
    }
    sqlx::query("delete from recovery_codes where user_id = $1")
        .bind(user.as_str())
        .execute(&mut **tx)
        .await
        .map_err(StoreError::while_doing("forgetting recovery codes"))?;
    for hash in code_hashes {
        sqlx::query("insert into recovery_codes (user_id, hash) values ($1, $2)")
            .bind(user.as_str())
            .bind(hash)
            .execute(&mut **tx)
            .await
            .map_err(StoreError::while_doing("adding a recovery code"))?;
    }
    Ok(true)
}

/// Notes that a code of a step was taken. False when one of it, or of a later one, was before.
pub async fn take_step(
    executor: impl Executor<'_>,
    user: &UserId,
    step: u64,
) -> Result<bool, StoreError> {
    sqlx::query("update second_factors set last_step = $1 where user_id = $2 and last_step < $1")
        .bind(step.cast_signed())
        .bind(user.as_str())
        .execute(executor)
        .await
        .map(|done| done.rows_affected() == 1)
        .map_err(StoreError::while_doing("taking a code"))
}

/// Uses a recovery code up. False when there is none with this hash.
pub async fn take_recovery_code(
    executor: impl Executor<'_>,
    user: &UserId,
    hash: &str,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    sqlx::query(
        "update recovery_codes set used_at = $1
         where user_id = $2 and hash = $3 and used_at is null",
    )
    .bind(now.timestamp_micros())
    .bind(user.as_str())
    .bind(hash)
    .execute(executor)
    .await
    .map(|done| done.rows_affected() == 1)
    .map_err(StoreError::while_doing("taking a recovery code"))
}

pub async fn count_recovery_codes(
    executor: impl Executor<'_>,
    user: &UserId,
) -> Result<u32, StoreError> {
    sqlx::query(
        "select count(*) as number from recovery_codes where user_id = $1 and used_at is null",
    )
    .bind(user.as_str())
    .fetch_one(executor)
    .await
    .and_then(|row| column::number(&row, "number"))
    .map_err(StoreError::while_doing("counting recovery codes"))
}

/// Takes the second factor away. False when there was none.
pub async fn remove(tx: &mut Transaction, user: &UserId) -> Result<bool, StoreError> {
    sqlx::query("delete from recovery_codes where user_id = $1")
        .bind(user.as_str())
        .execute(&mut **tx)
        .await
        .map_err(StoreError::while_doing("forgetting recovery codes"))?;
    sqlx::query("delete from second_factors where user_id = $1")
        .bind(user.as_str())
        .execute(&mut **tx)
        .await
        .map(|done| done.rows_affected() == 1)
        .map_err(StoreError::while_doing("removing a second factor"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::commit;
    use crate::store::testing::{add_user, at, on_both};

    #[tokio::test]
    async fn an_enrolment_counts_once_it_is_confirmed_and_can_be_begun_again_before() {
        on_both(async |store| {
            let ada = add_user(&store, "ada").await.id;
            let mut tx = store.begin().await.unwrap();
            assert!(begin(&mut tx, &ada, "first").await.unwrap());
            assert!(begin(&mut tx, &ada, "second").await.unwrap());
            let hashes = ["a".to_owned(), "b".to_owned()];
            assert!(confirm(&mut tx, &ada, &hashes, at(1)).await.unwrap());
            assert!(!confirm(&mut tx, &ada, &hashes, at(2)).await.unwrap());
            assert!(!begin(&mut tx, &ada, "third").await.unwrap());
            commit(tx).await.unwrap();

            let factor = find(store.pool(), &ada).await.unwrap().unwrap();
            assert_eq!((factor.sealed_secret.as_str(), factor.confirmed), ("second", true));
            assert_eq!(count_recovery_codes(store.pool(), &ada).await.unwrap(), 2);
        })
        .await;
    }

    #[tokio::test]
    async fn a_code_and_a_recovery_code_count_once() {
        on_both(async |store| {
            let ada = add_user(&store, "ada").await.id;
            let mut tx = store.begin().await.unwrap();
            begin(&mut tx, &ada, "secret").await.unwrap();
            confirm(&mut tx, &ada, &["a".to_owned()], at(1)).await.unwrap();
            commit(tx).await.unwrap();

            assert!(take_step(store.pool(), &ada, 7).await.unwrap());
            assert!(!take_step(store.pool(), &ada, 7).await.unwrap());
            assert!(!take_step(store.pool(), &ada, 6).await.unwrap());
            assert!(take_recovery_code(store.pool(), &ada, "a", at(2)).await.unwrap());
            assert!(!take_recovery_code(store.pool(), &ada, "a", at(3)).await.unwrap());
            assert_eq!(count_recovery_codes(store.pool(), &ada).await.unwrap(), 0);
        })
        .await;
    }

    #[tokio::test]
    async fn a_removed_factor_is_gone_with_its_codes() {
        on_both(async |store| {
            let ada = add_user(&store, "ada").await.id;
            let mut tx = store.begin().await.unwrap();
            begin(&mut tx, &ada, "secret").await.unwrap();
            confirm(&mut tx, &ada, &["a".to_owned()], at(1)).await.unwrap();

            assert!(remove(&mut tx, &ada).await.unwrap());
            assert!(!remove(&mut tx, &ada).await.unwrap());
            commit(tx).await.unwrap();

            assert_eq!(find(store.pool(), &ada).await.unwrap(), None);
            assert_eq!(count_recovery_codes(store.pool(), &ada).await.unwrap(), 0);
        })
        .await;
    }
}
