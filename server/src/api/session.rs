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

use super::extract::{Activity, Authorized, Origin, address, bearer};
use super::proof::{self, Attempt};
use super::{ApiError, Services};
use crate::audit::{self, Actor};
use crate::auth::permission::Read;
use crate::auth::second_factor::{Authenticator, recovery_hash};
use crate::auth::session::{self, Device, Opened, Refreshed};
use crate::auth::{self, Caller, password};
use crate::store::{self, second_factors, sessions, users};

const COOKIE: &str = "transfuse_session";

/// Sign in. The answer has a bearer token for a quarter of an hour; a cookie beside it, which
/// scripts cannot read, gets the next one. Where the account has a second factor, the first
/// attempt is answered with `code_required` and the second one has the `code`.
#[utoipa::path(
    post, path = route::SESSION, tag = "session", security(()),
    request_body = SignIn,
    responses(
        (status = 200, body = Access, headers(("Set-Cookie" = String, description = "the refresh token"))),
        (status = 400, body = Problem, content_type = "application/problem+json"),
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
    let account = proof::account_of(&body.email);
    let attempt = Attempt::begin(&services, &account, &origin.address).await?;

    let account = users::find_by_email(store.pool(), &body.email).await?;
    let hash = account.as_ref().map(|account| account.password_hash.as_str());
    let is_right = password::verify(&body.password, hash).await?;
    let Some(account) = account.filter(|account| is_right && !account.disabled) else {
        attempt.fail(&services).await?;
        return Err(ApiError::WrongCredentials);
    };
    match second_factor(&services, &account.user, body.code.as_deref()).await? {
        Factor::Passed => {}
        Factor::Missing => {
            attempt.withdraw(&services).await?;
            return Err(ApiError::CodeRequired);
        }
        Factor::Wrong => {
            attempt.fail(&services).await?;
            return Err(ApiError::WrongCode);
        }
    }
    let mut tx = store.begin().await?;
    attempt.succeed(&mut tx).await?;
    let limits = services.settings.session_limits().await?;
    let device = Device { address: &origin.address, agent: origin.agent.as_deref() };
    let opened = session::open(&mut tx, &**clock, &account.user, device, limits).await?;
    let id = opened.session.to_string();
    let actor = Actor::from(&account.user).at(&origin.address);
    audit::record(&mut tx, now, actor, Action::SignedIn, &id, None).await?;
    store::commit(tx).await?;

    let access = access(&services, account.user, &opened.session)?;
    Ok(HttpResponse::Ok().cookie(cookie_of(&opened, &services, &origin)).json(access))
}

enum Factor {
    /// The code is right, or none is asked for.
    Passed,
    Missing,
    Wrong,
}

/// Takes a code, or a recovery code, of which each counts once.
async fn second_factor(
    services: &Services,
    user: &User,
    code: Option<&str>,
) -> Result<Factor, ApiError> {
    let pool = services.store.pool();
    let found = second_factors::find(pool, &user.id).await?;
    let Some(factor) = found.filter(|factor| factor.confirmed) else { return Ok(Factor::Passed) };
    let Some(code) = code.map(str::trim).filter(|code| !code.is_empty()) else {
        return Ok(Factor::Missing);
    };
    let now = services.clock.now();
    let secret = services.vault.open(&factor.sealed_secret)?;
    let authenticator = Authenticator::with_secret(&secret, &user.email)?;
    let is_right = if let Some(step) = authenticator.check(code, now) {
        second_factors::take_step(pool, &user.id, step).await?
    } else {
        let hash = recovery_hash(code);
        second_factors::take_recovery_code(pool, &user.id, &hash, now).await?
    };
    Ok(if is_right { Factor::Passed } else { Factor::Wrong })
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
    Json(authorized.user.into_user())
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
    let limits = services.settings.session_limits().await?;
    let refreshed = session::refresh(&mut tx, &**clock, secret.value(), limits).await?;
    if let Refreshed::Reused { user, session } = &refreshed {
        let actor = user.as_ref().map_or_else(|| Actor::unknown(&origin.address), Actor::from);
        let (actor, action) = (actor.at(&origin.address), Action::SessionRevoked);
        audit::record(&mut tx, clock.now(), actor, action, session.as_str(), None).await?;
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
    if let Some(caller) = signed_in(&request, &services).await?
        && let Some(id) = caller.session()
    {
        let mut tx = store.begin().await?;
        if sessions::revoke(&mut *tx, id, now).await? {
            audit::record(&mut tx, now, &caller, Action::SignedOut, id.as_str(), None).await?;
        }
        store::commit(tx).await?;
    }
    let mut cookie = Cookie::build(COOKIE, "").path(route::BASE).http_only(true).finish();
    cookie.make_removal();
    Ok(HttpResponse::NoContent().cookie(cookie).finish())
}

/// Somebody is at the keyboard: the session is not idle. A page sends it when there is input but
/// nothing to ask for; every other request with a bearer token counts as well, unless it has the
/// header `Transfuse-Background`.
#[utoipa::path(
    post, path = route::SESSION_ACTIVITY, tag = "session",
    responses(
        (status = 204),
        (status = 401, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn activity(_: Authorized<Read>) -> HttpResponse {
    HttpResponse::NoContent().finish()
}

/// Who the request is from: by its bearer token, or else by the browser's cookie. It does not
/// count as a sign of somebody at the keyboard.
pub(super) async fn signed_in(
    request: &HttpRequest,
    services: &Services,
) -> Result<Option<Caller>, ApiError> {
    if let Some(caller) = bearer(request, Activity::Background).await? {
        return Ok(Some(caller));
    }
    let Some(secret) = request.cookie(COOKIE) else { return Ok(None) };
    let limits = services.settings.session_limits().await?;
    let (pool, now) = (services.store.pool(), services.clock.now());
    let found = session::find_by_secret(pool, secret.value(), now, limits).await?;
    let caller =
        |(user, session)| Caller::new(user, auth::Access::Session(session), address(request));
    Ok(found.map(caller))
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
