//! Signing in and out, and staying signed in.

use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::web::{Data, Json};
use actix_web::{HttpRequest, HttpResponse};
use shared::audit::Action;
use shared::id::SessionId;
use shared::problem::Problem;
use shared::route;
use shared::user::{Access, SignIn, User};

use super::extract::{Authorized, Origin, bearer};
use super::{ApiError, Services};
use crate::audit::{self, Actor};
use crate::auth::permission::Read;
use crate::auth::session::{self, Opened, Refreshed};
use crate::auth::{password, sha256_hex, throttle};
use crate::store::{self, sessions, sign_in_failures, users};

const COOKIE: &str = "transfuse_session";

/// Sign in. The answer has a bearer token for a quarter of an hour; a cookie beside it, which
/// scripts cannot read, gets the next one.
#[utoipa::path(
    post, path = route::SESSION, tag = "session", security(()),
    request_body = SignIn,
    responses(
        (status = 200, body = Access, headers(("Set-Cookie" = String, description = "the refresh token"))),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 429, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn sign_in(
    services: Data<Services>,
    origin: Origin,
    body: Json<SignIn>,
) -> Result<HttpResponse, ApiError> {
    let Services { store, clock, .. } = &**services;
    let now = clock.now();
    let account_hash = sha256_hex(body.email.trim().to_lowercase());

    // Counted before the password is looked at, so that attempts made at once count as well.
    let mut tx = store.begin().await?;
    let since = now - throttle::WINDOW;
    let failures = sign_in_failures::count(&mut *tx, &account_hash, &origin.address, since).await?;
    if !throttle::allows(failures) {
        return Err(ApiError::TooManyAttempts);
    }
    let attempt = clock.fresh_id().to_string();
    sign_in_failures::insert(&mut *tx, &attempt, &account_hash, &origin.address, now).await?;
    store::commit(tx).await?;

    let account = users::find_by_email(store.pool(), &body.email).await?;
    let hash = account.as_ref().map(|account| account.password_hash.as_str());
    let is_right = password::verify(&body.password, hash).await?;
    let mut tx = store.begin().await?;
    let Some(account) = account.filter(|_| is_right) else {
        // Not what was typed: people type their password into the wrong field.
        let actor = Actor::unknown(&origin.address);
        let subject = format!("account {}", &account_hash[..12]);
        audit::record(&mut tx, now, actor, Action::SignInFailed, &subject, None).await?;
        store::commit(tx).await?;
        return Err(ApiError::WrongCredentials);
    };
    sign_in_failures::forget(&mut *tx, &account_hash, &origin.address, since).await?;
    let opened = session::open(&mut tx, &**clock, &account.user, &origin.address).await?;
    let detail = Some(format!("from {}", origin.address));
    let id = opened.session.to_string();
    audit::record(&mut tx, now, &account.user, Action::SignedIn, &id, detail).await?;
    store::commit(tx).await?;

    let access = access(&services, account.user, &opened.session)?;
    Ok(HttpResponse::Ok().cookie(cookie_of(&opened, &services, &origin)).json(access))
}

/// Who is signed in.
#[utoipa::path(
    get, path = route::SESSION, tag = "session",
    responses(
        (status = 200, body = User),
        (status = 401, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn who_am_i(authorized: Authorized<Read>) -> Json<User> {
    Json(authorized.user)
}

/// Exchange the cookie for another access token and the next cookie. A cookie that was exchanged
/// before ends the session.
#[utoipa::path(
    post, path = route::SESSION_REFRESH, tag = "session", security(("session" = [])),
    responses(
        (status = 200, body = Access, headers(("Set-Cookie" = String, description = "the next refresh token"))),
        (status = 401, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn refresh(
    services: Data<Services>,
    origin: Origin,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let Services { store, clock, .. } = &**services;
    let secret = request.cookie(COOKIE).ok_or(ApiError::Unauthenticated)?;
    let mut tx = store.begin().await?;
    let refreshed = session::refresh(&mut tx, &**clock, secret.value()).await?;
    if let Refreshed::Reused { user, session } = &refreshed {
        let actor = user.as_ref().map_or_else(|| Actor::unknown(&origin.address), Actor::from);
        let detail = Some(format!("from {}", origin.address));
        let action = Action::SessionRevoked;
        audit::record(&mut tx, clock.now(), actor, action, session.as_str(), detail).await?;
    }
    store::commit(tx).await?;
    match refreshed {
        Refreshed::Rotated { user, opened } => {
            let access = access(&services, user, &opened.session)?;
            Ok(HttpResponse::Ok().cookie(cookie_of(&opened, &services, &origin)).json(access))
        }
        Refreshed::JustRotated { user, session } => {
            Ok(HttpResponse::Ok().json(access(&services, user, &session)?))
        }
        Refreshed::Reused { .. } | Refreshed::Refused => Err(ApiError::SessionEnded),
    }
}

/// Sign out. Whoever is not signed in may do so too.
#[utoipa::path(
    delete, path = route::SESSION, tag = "session", security((), ("session" = []), ("bearer" = [])),
    responses((status = 204)),
)]
pub(super) async fn sign_out(
    services: Data<Services>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let Services { store, clock, .. } = &**services;
    let now = clock.now();
    if let Some((user, id)) = signed_in(&request, &services).await? {
        let mut tx = store.begin().await?;
        if sessions::revoke(&mut *tx, &id, now).await? {
            audit::record(&mut tx, now, &user, Action::SignedOut, id.as_str(), None).await?;
        }
        store::commit(tx).await?;
    }
    let mut cookie = Cookie::build(COOKIE, "").path(route::BASE).http_only(true).finish();
    cookie.make_removal();
    Ok(HttpResponse::NoContent().cookie(cookie).finish())
}

/// Who the request is from: by its bearer token, or else by the browser's cookie.
pub(super) async fn signed_in(
    request: &HttpRequest,
    services: &Services,
) -> Result<Option<(User, SessionId)>, ApiError> {
    if let Some(found) = bearer(request).await? {
        return Ok(Some(found));
    }
    let Some(secret) = request.cookie(COOKIE) else { return Ok(None) };
    let pool = services.store.pool();
    Ok(session::find_by_secret(pool, secret.value(), services.clock.now()).await?)
}

fn access(services: &Services, user: User, session: &SessionId) -> Result<Access, ApiError> {
    let (token, expires_at) = services.tokens.issue(&user.id, session, services.clock.now())?;
    Ok(Access { token, expires_at, user })
}

/// For the API only, and never sent along with what another site starts.
fn cookie_of(opened: &Opened, services: &Services, origin: &Origin) -> Cookie<'static> {
    let seconds = (opened.expires_at - services.clock.now()).num_seconds();
    Cookie::build(COOKIE, opened.secret.as_str().to_owned())
        .path(route::BASE)
        .http_only(true)
        .same_site(SameSite::Strict)
        .secure(origin.is_secure)
        .max_age(Duration::seconds(seconds))
        .finish()
}
