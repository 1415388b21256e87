//! Sessions: kept alive by a refresh token that is good for one exchange.
//!
//! A token that comes back after it was exchanged has been stolen, by whoever came first or by
//! whoever came second: the session ends for both. Two tabs of one browser may exchange the same
//! token at the same moment, though; for a few seconds it therefore still counts, and gives
//! nothing that could outlive the session.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use engine::clock::Clock;
use shared::id::SessionId;
use shared::user::User;

use super::sha256_hex;
use crate::settings::Limits;
use crate::store::sessions::{self, NewSession, RefreshToken};
use crate::store::{Executor, StoreError, Transaction};

/// Ended sessions are kept for so long, so that a token that comes back is still recognised.
const KEPT: TimeDelta = TimeDelta::days(7);
/// How long an exchanged token still counts.
const GRACE: TimeDelta = TimeDelta::seconds(10);

/// A refresh token in clear, on its way into a cookie.
#[derive(Clone, PartialEq, Eq)]
pub struct RefreshSecret(String);

impl RefreshSecret {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn fresh() -> Self {
        Self(URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>()))
    }

    fn hash(&self) -> String {
        hash_of(&self.0)
    }
}

impl fmt::Debug for RefreshSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RefreshSecret(…)")
    }
}

/// A session with the token that keeps it alive.
#[derive(Debug, Clone)]
pub struct Opened {
    pub session: SessionId,
    pub secret: RefreshSecret,
    pub expires_at: DateTime<Utc>,
}

/// Where somebody signs in from.
#[derive(Debug, Clone, Copy)]
pub struct Device<'a> {
    pub address: &'a str,
    /// What the browser says of itself.
    pub agent: Option<&'a str>,
}

/// Begins a session of somebody who proved who they are.
pub async fn open(
    tx: &mut Transaction,
    clock: &dyn Clock,
    user: &User,
    device: Device<'_>,
    limits: Limits,
) -> Result<Opened, StoreError> {
    let now = clock.now();
    sessions::forget_ended(&mut **tx, now - KEPT).await?;
    let session = NewSession {
        id: SessionId::parse(clock.fresh_id().to_string()).expect("a UUID is an id"),
        user_id: user.id.clone(),
        address: device.address.to_owned(),
        device: device
            .agent
            .map(|agent| agent.chars().filter(|c| !c.is_control()).take(200).collect()),
        created_at: now,
        expires_at: now + limits.longest,
    };
    sessions::insert(&mut **tx, &session).await?;
    issue(tx, session.id, session.expires_at, now).await
}

/// What became of an attempt to exchange a refresh token.
#[derive(Debug)]
pub enum Refreshed {
    /// The session goes on, with the next token.
    Rotated { user: User, opened: Opened },
    /// Another tab was faster. The session goes on with the token that it got.
    JustRotated { user: User, session: SessionId },
    /// The token had been exchanged before: the session has ended.
    Reused { user: Option<User>, session: SessionId },
    /// No token of a session that is alive.
    Refused,
}

/// Exchanges a refresh token for the next one. This is no sign of somebody at the keyboard: a
/// session that nobody uses ends all the same.
pub async fn refresh(
    tx: &mut Transaction,
    clock: &dyn Clock,
    secret: &str,
    limits: Limits,
) -> Result<Refreshed, StoreError> {
    let now = clock.now();
    let hash = hash_of(secret);
    let Some(token) = sessions::find_token(&mut **tx, &hash).await? else {
        return Ok(Refreshed::Refused);
    };
    let idle_since = limits.idle_since(now);
    let live = sessions::find_live(&mut **tx, &token.session_id, now, idle_since).await?;
    let user = live.map(|live| live.user);
    let exchanged = sessions::use_token(&mut **tx, &hash, now).await?;
    let session = token.session_id;
    match (user, exchanged) {
        (Some(user), true) if token.expires_at > now => {
            let end = sessions::find_expiry(&mut **tx, &session).await?.unwrap_or(now);
            let opened = issue(tx, session, end, now).await?;
            Ok(Refreshed::Rotated { user, opened })
        }
        (Some(user), false) if token.used_at.is_none_or(|used| used + GRACE > now) => {
            Ok(Refreshed::JustRotated { user, session })
        }
        (user, false) => {
            let ended = sessions::revoke(&mut **tx, &session, now).await?;
            Ok(if ended { Refreshed::Reused { user, session } } else { Refreshed::Refused })
        }
        (_, true) => Ok(Refreshed::Refused),
    }
}

/// Whose refresh token it is, without exchanging it.
pub async fn find_by_secret(
    executor: impl Executor<'_> + Copy,
    secret: &str,
    now: DateTime<Utc>,
    limits: Limits,
) -> Result<Option<(User, SessionId)>, StoreError> {
    let Some(token) = sessions::find_token(executor, &hash_of(secret)).await? else {
        return Ok(None);
    };
    let counts = token.used_at.is_none_or(|used| used + GRACE > now) && token.expires_at > now;
    if !counts {
        return Ok(None);
    }
    let idle_since = limits.idle_since(now);
    let live = sessions::find_live(executor, &token.session_id, now, idle_since).await?;
    Ok(live.map(|live| (live.user, token.session_id)))
}

async fn issue(
    tx: &mut Transaction,
    session: SessionId,
    expires_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Opened, StoreError> {
    let secret = RefreshSecret::fresh();
    let token = RefreshToken {
        hash: secret.hash(),
        session_id: session.clone(),
        issued_at: now,
        expires_at,
        used_at: None,
    };
    sessions::insert_token(&mut **tx, &token).await?;
    Ok(Opened { session, secret, expires_at })
}

fn hash_of(secret: &str) -> String {
    sha256_hex(secret)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::{add_user, at, on_both};
    use crate::store::{self, Store};
    use engine::clock::SystemClock;

    #[tokio::test]
    async fn a_session_goes_on_with_a_new_token_each_time() {
        on_both(async |store| {
            let first = sign_in(&store, 0).await;

            let Refreshed::Rotated { user, opened: second } =
                exchange(&store, &first.secret, 60).await
            else {
                panic!("not rotated");
            };

            assert_eq!(user.id.as_str(), "ada");
            assert_eq!(second.session, first.session);
            assert_ne!(second.secret, first.secret);
            let again = exchange(&store, &second.secret, 120).await;
            assert!(matches!(again, Refreshed::Rotated { .. }));
        })
        .await;
    }

    #[tokio::test]
    async fn a_token_that_comes_back_ends_the_session() {
        on_both(async |store| {
            let first = sign_in(&store, 0).await;
            let Refreshed::Rotated { opened: second, .. } =
                exchange(&store, &first.secret, 60).await
            else {
                panic!("not rotated");
            };

            let reused = exchange(&store, &first.secret, 71).await;

            assert!(matches!(reused, Refreshed::Reused { user: Some(_), .. }), "{reused:?}");
            let thief = exchange(&store, &second.secret, 72).await;
            assert!(matches!(thief, Refreshed::Refused), "{thief:?}");
            let again = exchange(&store, &first.secret, 73).await;
            assert!(matches!(again, Refreshed::Refused), "{again:?}");
        })
        .await;
    }

    #[tokio::test]
    async fn two_tabs_may_exchange_the_same_token_at_once() {
        on_both(async |store| {
            let first = sign_in(&store, 0).await;
            let one = exchange(&store, &first.secret, 60).await;
            let other = exchange(&store, &first.secret, 61).await;

            let Refreshed::Rotated { opened, .. } = one else { panic!("not rotated") };
            assert!(matches!(other, Refreshed::JustRotated { .. }), "{other:?}");
            let next = exchange(&store, &opened.secret, 62).await;
            assert!(matches!(next, Refreshed::Rotated { .. }));
        })
        .await;
    }

    #[tokio::test]
    async fn a_session_ends_when_nobody_uses_it_however_often_it_is_refreshed() {
        on_both(async |store| {
            let mut opened = sign_in(&store, 0).await;
            for second in [300, 600, 899] {
                opened = match exchange(&store, &opened.secret, second).await {
                    Refreshed::Rotated { opened, .. } => opened,
                    other => panic!("{other:?}"),
                };
            }
            let idle = exchange(&store, &opened.secret, 900).await;
            assert!(matches!(idle, Refreshed::Refused), "{idle:?}");
        })
        .await;
    }

    #[tokio::test]
    async fn a_session_that_is_used_ends_in_any_case_after_a_day() {
        on_both(async |store| {
            const HOUR: i64 = 3600;
            let mut opened = sign_in(&store, 0).await;
            for hour in 1..24 {
                sessions::touch(store.pool(), &opened.session, at(hour * HOUR - 1)).await.unwrap();
                opened = match exchange(&store, &opened.secret, hour * HOUR).await {
                    Refreshed::Rotated { opened, .. } => opened,
                    other => panic!("{other:?}"),
                };
            }
            assert_eq!(opened.expires_at, at(24 * HOUR));
            sessions::touch(store.pool(), &opened.session, at(24 * HOUR - 1)).await.unwrap();
            let ended = exchange(&store, &opened.secret, 24 * HOUR).await;
            assert!(matches!(ended, Refreshed::Refused));
        })
        .await;
    }

    #[tokio::test]
    async fn a_secret_names_its_user_until_it_is_exchanged() {
        on_both(async |store| {
            let opened = sign_in(&store, 0).await;
            let find = async |now| {
                find_by_secret(store.pool(), opened.secret.as_str(), at(now), LIMITS).await
            };
            assert_eq!(find(5).await.unwrap().unwrap().1, opened.session);

            exchange(&store, &opened.secret, 60).await;

            assert!(find(69).await.unwrap().is_some());
            assert!(find(70).await.unwrap().is_none());
            assert!(find_by_secret(store.pool(), "guess", at(5), LIMITS).await.unwrap().is_none());
        })
        .await;
    }

    const LIMITS: Limits = Limits { idle: TimeDelta::minutes(15), longest: TimeDelta::hours(24) };

    /// The machine's ids at a time of the test's own.
    struct At(DateTime<Utc>);

    impl Clock for At {
        fn now(&self) -> DateTime<Utc> {
            self.0
        }

        fn fresh_id(&self) -> uuid::Uuid {
            SystemClock.fresh_id()
        }
    }

    async fn sign_in(store: &Store, second: i64) -> Opened {
        let account = store::users::find_by_email(store.pool(), "ada@clinic.example").await;
        let ada = match account.expect("an answer") {
            Some(account) => account.user,
            None => add_user(store, "ada").await,
        };
        let mut tx = store.begin().await.expect("a transaction");
        let device = Device { address: "192.0.2.1", agent: Some("a browser") };
        let opened = open(&mut tx, &At(at(second)), &ada, device, LIMITS).await.expect("a session");
        store::commit(tx).await.expect("a commit");
        opened
    }

    async fn exchange(store: &Store, secret: &RefreshSecret, second: i64) -> Refreshed {
        let mut tx = store.begin().await.expect("a transaction");
        let refreshed =
            refresh(&mut tx, &At(at(second)), secret.as_str(), LIMITS).await.expect("an answer");
        store::commit(tx).await.expect("a commit");
        refreshed
    }
}
