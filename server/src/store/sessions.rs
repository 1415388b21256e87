//! Sign-ins, and the refresh tokens that keep them alive.

use chrono::{DateTime, Utc};
use shared::id::{SessionId, UserId};
use shared::user::{Session, User};
use sqlx::any::AnyRow;

use super::{Executor, Place, StoreError, column, users};

/// One sign-in on one device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSession {
    pub id: SessionId,
    pub user_id: UserId,
    /// Where the sign-in came from.
    pub address: String,
    /// What the browser said of itself.
    pub device: Option<String>,
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
        "insert into sessions (id, user_id, address, created_at, expires_at, device)
         values ($1, $2, $3, $4, $5, $6)",
    )
    .bind(session.id.as_str())
    .bind(session.user_id.as_str())
    .bind(&session.address)
    .bind(session.created_at.timestamp_micros())
    .bind(session.expires_at.timestamp_micros())
    .bind(session.device.as_deref())
    .execute(executor)
    .await
    .map(drop)
    .map_err(StoreError::while_doing("beginning a session"))
}

/// A session that is neither revoked nor expired nor idle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Live {
    pub user: User,
    /// When somebody last did something in it.
    pub active_at: DateTime<Utc>,
}

/// A session's user and last use, while it is neither revoked nor expired, its user may sign in,
/// and somebody did something after `idle_since`.
pub async fn find_live(
    executor: impl Executor<'_>,
    id: &SessionId,
    now: DateTime<Utc>,
    idle_since: DateTime<Utc>,
) -> Result<Option<Live>, StoreError> {
    sqlx::query(
        "select users.id, users.email, users.name, users.role, users.created_at,
             coalesce(sessions.active_at, sessions.created_at) as active_at
         from sessions
         join users on users.id = sessions.user_id
         where sessions.id = $1 and sessions.revoked_at is null and sessions.expires_at > $2
             and users.disabled_at is null
             and coalesce(sessions.active_at, sessions.created_at) > $3",
    )
    .bind(id.as_str())
    .bind(now.timestamp_micros())
    .bind(idle_since.timestamp_micros())
    .fetch_optional(executor)
    .await
    .and_then(|row| {
        let Some(row) = row else { return Ok(None) };
        let active_at = column::time(&row, "active_at")?;
        Ok(Some(Live { user: users::user_of(&row)?, active_at }))
    })
    .map_err(StoreError::while_doing("finding a session"))
}

/// Notes that somebody did something in a session.
pub async fn touch(
    executor: impl Executor<'_>,
    id: &SessionId,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query("update sessions set active_at = $1 where id = $2")
        .bind(now.timestamp_micros())
        .bind(id.as_str())
        .execute(executor)
        .await
        .map(drop)
        .map_err(StoreError::while_doing("noting that a session is used"))
}

/// The sessions of a user that are alive, the newest first.
pub async fn list(
    executor: impl Executor<'_>,
    user: &UserId,
    now: DateTime<Utc>,
    idle_since: DateTime<Utc>,
    after: Option<&Place>,
    limit: u32,
) -> Result<Vec<Session>, StoreError> {
    let (created_at, id) = Place::bounds(after);
    sqlx::query(
        "select id, address, device, created_at, expires_at,
             coalesce(active_at, created_at) as last_active_at
         from sessions
         where user_id = $1 and revoked_at is null and expires_at > $2
             and coalesce(active_at, created_at) > $3
             and (created_at < $4 or (created_at = $4 and id < $5))
         order by created_at desc, id desc
         limit $6",
    )
    .bind(user.as_str())
    .bind(now.timestamp_micros())
    .bind(idle_since.timestamp_micros())
    .bind(created_at)
    .bind(id)
    .bind(i64::from(limit))
    .fetch_all(executor)
    .await
    .and_then(|rows| rows.iter().map(session_of).collect())
    .map_err(StoreError::while_doing("listing sessions"))
}

/// Whose session it is, alive or not.
pub async fn find_owner(
    executor: impl Executor<'_>,
    id: &SessionId,
) -> Result<Option<UserId>, StoreError> {
    sqlx::query("select user_id from sessions where id = $1")
        .bind(id.as_str())
        .fetch_optional(executor)
        .await
        .and_then(|row| row.map(|row| column::parsed(&row, "user_id")).transpose())
        .map_err(StoreError::while_doing("finding a session's user"))
}

fn session_of(row: &AnyRow) -> Result<Session, sqlx::Error> {
    Ok(Session {
        id: column::parsed(row, "id")?,
        address: column::text(row, "address")?,
        device: column::optional_text(row, "device")?,
        created_at: column::time(row, "created_at")?,
        last_active_at: column::time(row, "last_active_at")?,
        expires_at: column::time(row, "expires_at")?,
        current: false,
    })
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

/// Ends all sessions of a user but one.
pub async fn revoke_others(
    executor: impl Executor<'_>,
    user: &UserId,
    but: &SessionId,
    now: DateTime<Utc>,
) -> Result<u64, StoreError> {
    sqlx::query(
        "update sessions set revoked_at = $1
         where user_id = $2 and id <> $3 and revoked_at is null",
    )
    .bind(now.timestamp_micros())
    .bind(user.as_str())
    .bind(but.as_str())
    .execute(executor)
    .await
    .map(|done| done.rows_affected())
    .map_err(StoreError::while_doing("ending a user's other sessions"))
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

            let user = async |now| find(&store, &id, now).await;
            assert_eq!(user(1).await, Some(ada.clone()));
            assert_eq!(user(100).await, None);
            assert_eq!(find_expiry(store.pool(), &id).await.unwrap(), Some(at(100)));

            assert!(revoke(store.pool(), &id, at(2)).await.unwrap());
            assert!(!revoke(store.pool(), &id, at(3)).await.unwrap());
            assert_eq!(user(3).await, None);
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

            assert_eq!(find(&store, &other, 2).await, Some(bea));
        })
        .await;
    }

    #[tokio::test]
    async fn all_sessions_but_one_end() {
        on_both(async |store| {
            let ada = add_user(&store, "ada").await;
            let kept = begin(&store, &ada.id, "one").await;
            let ended = begin(&store, &ada.id, "two").await;

            assert_eq!(revoke_others(store.pool(), &ada.id, &kept, at(1)).await.unwrap(), 1);

            assert!(
                find(&store, &kept, 2).await.is_some() && find(&store, &ended, 2).await.is_none()
            );
            let left = list(store.pool(), &ada.id, at(2), at(-1), None, 9).await.unwrap();
            assert_eq!((left.len(), &left[0].id), (1, &kept));
            assert_eq!(find_owner(store.pool(), &ended).await.unwrap(), Some(ada.id));
        })
        .await;
    }

    #[tokio::test]
    async fn a_session_is_alive_while_somebody_uses_it_and_its_user_may_sign_in() {
        on_both(async |store| {
            let ada = add_user(&store, "ada").await;
            let id = begin(&store, &ada.id, "one").await;
            let live = async |now, idle| {
                find_live(store.pool(), &id, at(now), at(now - idle)).await.unwrap()
            };
            assert!(live(29, 30).await.is_some() && live(30, 30).await.is_none());

            touch(store.pool(), &id, at(20)).await.unwrap();
            assert_eq!(live(49, 30).await.unwrap().active_at, at(20));

            let role = ada.role;
            users::update(store.pool(), &ada.id, "Ada", role, Some(at(21))).await.unwrap();
            assert!(live(22, 30).await.is_none());
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

    /// Whose it is, however long nobody used it.
    async fn find(store: &Store, id: &SessionId, now: i64) -> Option<User> {
        let live = find_live(store.pool(), id, at(now), at(-1)).await.expect("an answer");
        live.map(|live| live.user)
    }

    /// A session from the first moment to 100 seconds later.
    async fn begin(store: &Store, user_id: &UserId, id: &str) -> SessionId {
        let session = NewSession {
            id: SessionId::parse(id).expect("an id"),
            user_id: user_id.clone(),
            address: "192.0.2.1".to_owned(),
            device: Some("a browser".to_owned()),
            created_at: at(0),
            expires_at: at(100),
        };
        insert(store.pool(), &session).await.expect("a session");
        session.id
    }
}
