//! The access token: in memory only, renewed by the refresh cookie.

use std::cell::RefCell;

use futures::{FutureExt, future::LocalBoxFuture, future::Shared};
use shared::route;
use shared::user::{Access, User};

use super::{ApiError, accepted, answer, post};
use crate::browser;

/// Says that there is a refresh cookie, which the portal itself cannot see. Without it the
/// first page of every visitor would begin with a refused request.
const SIGNED_IN: &str = "transfuse.signed-in";

/// The lock that pages of this site hold while they renew.
const RENEWING: &str = "transfuse.renewing";

type Renewal = Shared<LocalBoxFuture<'static, Result<(String, User), ApiError>>>;

thread_local! {
    static TOKEN: RefCell<Option<String>> = const { RefCell::new(None) };
    static RENEWAL: RefCell<Option<Renewal>> = const { RefCell::new(None) };
    static WHEN_OVER: RefCell<Option<Box<dyn Fn()>>> = const { RefCell::new(None) };
}

/// Calls `react` whenever a session ends without having been asked to.
pub(crate) fn when_session_ends(react: impl Fn() + 'static) {
    WHEN_OVER.with_borrow_mut(|when_over| *when_over = Some(Box::new(react)));
}

/// Whether somebody signed in here before and did not sign out.
pub(crate) fn has_session_to_restore() -> bool {
    browser::remembered(SIGNED_IN).is_some()
}

/// Begins a session with what signing in gave.
pub(super) fn begin(access: Access) -> User {
    browser::remember(SIGNED_IN, "yes");
    TOKEN.set(Some(access.token));
    access.user
}

/// Forgets everything about the session.
pub(super) fn forget() {
    browser::forget(SIGNED_IN);
    TOKEN.set(None);
}

/// Forgets the session and says so to who wanted to know.
pub(super) fn end() {
    forget();
    WHEN_OVER.with_borrow(|when_over| {
        if let Some(react) = when_over {
            react();
        }
    });
}

/// The access token; renewed first, where there is none yet.
pub(super) async fn token() -> Result<String, ApiError> {
    match TOKEN.with_borrow(Clone::clone) {
        Some(token) => Ok(token),
        None => renew().await.map(|(token, _)| token),
    }
}

/// Another token than `used`, which the server did not take.
pub(super) async fn renewed(used: &str) -> Result<String, ApiError> {
    match TOKEN.with_borrow(Clone::clone) {
        // Somebody else's request was refused first, and has renewed it already.
        Some(token) if token != used => Ok(token),
        _ => renew().await.map(|(token, _)| token),
    }
}

/// Takes a new access token for the refresh cookie. Requests that need one at the same time
/// share it: the cookie rotates, and a second use of the old one would end the session.
pub(super) async fn renew() -> Result<(String, User), ApiError> {
    let renewal = RENEWAL.with_borrow_mut(|renewal| {
        renewal
            .get_or_insert_with(|| {
                // Other pages of the browser share the cookie, not our memory.
                browser::alone(RENEWING, take_new_token()).boxed_local().shared()
            })
            .clone()
    });
    let renewed = renewal.await;
    RENEWAL.set(None);
    renewed
}

async fn take_new_token() -> Result<(String, User), ApiError> {
    if !has_session_to_restore() {
        return Err(ApiError::SessionOver);
    }
    let response = answer(&post(route::SESSION_REFRESH), None).await?;
    if matches!(response.status(), 401 | 403) {
        end();
        return Err(ApiError::SessionOver);
    }
    let text = accepted(response).await?.text().await.map_err(|_| ApiError::Unreachable)?;
    let access: Access = serde_json::from_str(&text).map_err(|_| ApiError::Unreadable)?;
    let token = access.token.clone();
    Ok((token, begin(access)))
}
