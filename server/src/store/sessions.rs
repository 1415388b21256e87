//! Sign-ins, and the refresh tokens that keep them alive.

use chrono::{DateTime, Utc};
use shared::id::{SessionId, UserId};
use shared::user::User;

use super::{Executor, StoreError, column, users};

/// One sign-in on one device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSession {
    pub id: SessionId,
    pub user_id: UserId,
    /// Where the sign-in came from.
    pub address: String,
    pub created_at: DateTime<Utc>,
    /// It ends then, however much it is used.
    pub expires_at: DateTime<Utc>,
}

/// A refresh token as the store knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshToken {
    pub hash: String,
    pub session_id: SessionId,
    pub issued_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    /// When it was exchanged for the next one.
    pub used_at: Option<DateTime<Utc>>,
}

pub async fn insert(executor: impl Executor<'_>, session: &NewSession) -> Result<(), StoreError> {
    sqlx::query(
        "insert into sessions (id, user_id, address, created_at, expires_at)
         values ($1, $2, $3, $4, $5)",
    )
    .bind(session.id.as_str())
    .bind(session.user_id.as_str())
    .bind(&session.address)
    .bind(session.created_at.timestamp_micros())
    .bind(session.expires_at.timestamp_micros())
    .execute(executor)
    .await
    .map(drop)
    .map_err(StoreError::while_doing("beginning a session"))
}

/// Whose session it is, while it is neither revoked nor expired.
pub async fn find_user(
    executor: impl Executor<'_>,
    id: &SessionId,
    now: DateTime<Utc>,
) -> Result<Option<User>, StoreError> {
    sqlx::query(
        "select users.id, users.email, users.name, users.role, users.created_at
         from sessions
         join users on users.id = sessions.user_id
         where sessions.id = $1 and sessions.revoked_at is null and sessions.expires_at > $2",
    )
    .bind(id.as_str())
    .bind(now.timestamp_micros())
    .fetch_optional(executor)
    .await
    .and_then(|row| row.as_ref().map(users::user_of).transpose())
    .map_err(StoreError::while_doing("finding a session"))
}

/// When the session ends however much it is used.
pub async fn find_expiry(
    executor: impl Executor<'_>,
    id: &SessionId,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    sqlx::query("select expires_at from sessions where id = $1")
        .bind(id.as_str())
        .fetch_optional(executor)
        .await
        .and_then(|row| row.map(|row| column::time(&row, "expires_at")).transpose())
        .map_err(StoreError::while_doing("finding a session's end"))
}

/// Ends a session. False when it had ended before.
pub async fn revoke(
    executor: impl Executor<'_>,
    id: &SessionId,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    sqlx::query("update sessions set revoked_at = $1 where id = $2 and revoked_at is null")
        .bind(now.timestamp_micros())
        .bind(id.as_str())
        .execute(executor)
        .await
        .map(|done| done.rows_affected() == 1)
        .map_err(StoreError::while_doing("ending a session"))
}

/// Ends all sessions of a user.
pub async fn revoke_all(
    executor: impl Executor<'_>,
    user: &UserId,
    now: DateTime<Utc>,
) -> Result<u64, StoreError> {
    sqlx::query("update sessions set revoked_at = $1 where user_id = $2 and revoked_at is null")
        .bind(now.timestamp_micros())
        .bind(user.as_str())
        .execute(executor)
        .await
        .map(|done| done.rows_affected())
        .map_err(StoreError::while_doing("ending a user's sessions"))
}

/// Forgets sessions that can never be used again, with their tokens.
pub async fn forget_ended(
    executor: impl Executor<'_>,
    before: DateTime<Utc>,
) -> Result<u64, StoreError> {
    sqlx::query("delete from sessions where expires_at < $1")
        .bind(before.timestamp_micros())
        .execute(executor)
        .await
        .map(|done| done.rows_affected())
        .map_err(StoreError::while_doing("forgetting ended sessions"))
}

pub async fn insert_token(
    executor: impl Executor<'_>,
    token: &RefreshToken,
) -> Result<(), StoreError> {
    sqlx::query(
        "insert into refresh_tokens (hash, session_id, issued_at, expires_at, used_at)
         values ($1, $2, $3, $4, $5)",
    )
    .bind(&token.hash)
    .bind(token.session_id.as_str())
    .bind(token.issued_at.timestamp_micros())
    .bind(token.expires_at.timestamp_micros())
    .bind(token.used_at.map(|at| at.timestamp_micros()))
    .execute(executor)
    .await
    .map(drop)
    .map_err(StoreError::while_doing("issuing a refresh token"))
}

pub async fn find_token(
    executor: impl Executor<'_>,
    hash: &str,
) -> Result<Option<RefreshToken>, StoreError> {
    sqlx::query(
        "select hash, session_id, issued_at, expires_at, used_at
         from refresh_tokens
         where hash = $1",
    )
    .bind(hash)
    .fetch_optional(executor)
    .await
    .and_then(|row| {
        row.map(|row| {
            Ok(RefreshToken {
                hash: column::text(&row, "hash")?,
                session_id: column::parsed(&row, "session_id")?,
                issued_at: column::time(&row, "issued_at")?,
                expires_at: column::time(&row, "expires_at")?,
                used_at: column::optional_time(&row, "used_at")?,
            })
        })
        .transpose()
    })
    .map_err(StoreError::while_doing("finding a refresh token"))
}

/// Marks a token as exchanged. False when somebody was faster.
pub async fn use_token(
    executor: impl Executor<'_>,
    hash: &str,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    sqlx::query("update refresh_tokens set used_at = $1 where hash = $2 and used_at is null")
        .bind(now.timestamp_micros())
        .bind(hash)
        .execute(executor)
        .await
        .map(|done| done.rows_affected() == 1)
        .map_err(StoreError::while_doing("exchanging a refresh token"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;
    use crate::store::testing::{add_user, at, on_both};

    #[tokio::test]
    async fn a_session_names_its_user_until_it_is_revoked_or_expires() {
        on_both(async |store| {
            let ada = add_user(&store, "ada").await;
            let id = begin(&store, &ada.id, "one").await;

            let user = |now| find_user(store.pool(), &id, at(now));
            assert_eq!(user(1).await.unwrap(), Some(ada.clone()));
            assert_eq!(user(100).await.unwrap(), None);
            assert_eq!(find_expiry(store.pool(), &id).await.unwrap(), Some(at(100)));

            assert!(revoke(store.pool(), &id, at(2)).await.unwrap());
            assert!(!revoke(store.pool(), &id, at(3)).await.unwrap());
            assert_eq!(find_user(store.pool(), &id, at(3)).await.unwrap(), None);
        })
        .await;
    }

    #[tokio::test]
    async fn all_sessions_of_one_user_end_together() {
        on_both(async |store| {
            let ada = add_user(&store, "ada").await;
            let bea = add_user(&store, "bea").await;
            begin(&store, &ada.id, "one").await;
            begin(&store, &ada.id, "two").await;
            let other = begin(&store, &bea.id, "three").await;

            assert_eq!(revoke_all(store.pool(), &ada.id, at(1)).await.unwrap(), 2);

            assert_eq!(find_user(store.pool(), &other, at(2)).await.unwrap(), Some(bea));
        })
        .await;
    }

    #[tokio::test]
    async fn a_refresh_token_is_used_once() {
        on_both(async |store| {
            let ada = add_user(&store, "ada").await;
            let session_id = begin(&store, &ada.id, "one").await;
            let token = RefreshToken {
                hash: "abc".to_owned(),
                session_id,
                issued_at: at(0),
                expires_at: at(50),
                used_at: None,
            };
            insert_token(store.pool(), &token).await.unwrap();

            assert_eq!(find_token(store.pool(), "abc").await.unwrap(), Some(token.clone()));
            assert!(use_token(store.pool(), "abc", at(5)).await.unwrap());
            assert!(!use_token(store.pool(), "abc", at(6)).await.unwrap());
            let used = RefreshToken { used_at: Some(at(5)), ..token };
            assert_eq!(find_token(store.pool(), "abc").await.unwrap(), Some(used));
            assert_eq!(find_token(store.pool(), "other").await.unwrap(), None);
        })
        .await;
    }

    #[tokio::test]
    async fn ended_sessions_are_forgotten_with_their_tokens() {
        on_both(async |store| {
            let ada = add_user(&store, "ada").await;
            let session_id = begin(&store, &ada.id, "one").await;
            let token = RefreshToken {
                hash: "abc".to_owned(),
                session_id,
                issued_at: at(0),
                expires_at: at(50),
                used_at: None,
            };
            insert_token(store.pool(), &token).await.unwrap();

            assert_eq!(forget_ended(store.pool(), at(100)).await.unwrap(), 0);
            assert_eq!(forget_ended(store.pool(), at(101)).await.unwrap(), 1);

            assert_eq!(find_token(store.pool(), "abc").await.unwrap(), None);
        })
        .await;
    }

    /// A session from the first moment to 100 seconds later.
    async fn begin(store: &Store, user_id: &UserId, id: &str) -> SessionId {
        let session = NewSession {
            id: SessionId::parse(id).expect("an id"),
            user_id: user_id.clone(),
            address: "192.0.2.1".to_owned(),
            created_at: at(0),
            expires_at: at(100),
        };
        insert(store.pool(), &session).await.expect("a session");
        session.id
    }
}
