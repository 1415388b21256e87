//! Links by which somebody sets a password: made by an administrator, good once and for a while.

use actix_web::HttpResponse;
use actix_web::web::{Data, Json, Path};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use shared::audit::Action;
use shared::id::UserId;
use shared::problem::Problem;
use shared::route;
use shared::user::{PasswordLink, PasswordReset, User};

use super::extract::{Authorized, Origin};
use super::{ApiError, Services, proof};
use crate::audit::{self, Actor};
use crate::auth::permission::ManageUsers;
use crate::auth::{Caller, password, sha256_hex};
use crate::store::{self, StoreError, Transaction, password_links, sessions, users};

/// Long enough for a night and a morning.
const LIFETIME: TimeDelta = TimeDelta::hours(24);

/// Make a link by which a user sets a password. Earlier links of theirs no longer count; their
/// password does until they set another one.
#[utoipa::path(
    post, path = route::USER_PASSWORD_LINK, tag = "users", params(("id" = UserId, Path)),
    responses(
        (status = 201, body = PasswordLink),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn create_link(
    Authorized { user, .. }: Authorized<ManageUsers>,
    services: Data<Services>,
    id: Path<UserId>,
) -> Result<HttpResponse, ApiError> {
    let mut tx = services.store.begin().await?;
    let account = users::find(&mut *tx, &id).await?.ok_or(ApiError::UserNotFound)?;
    let link = make(&mut tx, services.clock.now(), &user, &account.user).await?;
    store::commit(tx).await?;
    Ok(HttpResponse::Created().json(link))
}

/// Set a password by the token of a link. All sessions of the user end, and failed attempts from
/// the same place no longer count.
#[utoipa::path(
    post, path = route::PASSWORD_RESET, tag = "session", security(()),
    request_body = PasswordReset,
    responses(
        (status = 204),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 410, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn reset(
    services: Data<Services>,
    origin: Origin,
    body: Json<PasswordReset>,
) -> Result<HttpResponse, ApiError> {
    let Services { store, clock, .. } = &**services;
    let now = clock.now();
    let token_hash = hash_of(&body.token);
    let id = password_links::find(store.pool(), &token_hash, now).await?;
    let id = id.ok_or(ApiError::LinkInvalid)?;
    let account = users::find(store.pool(), &id).await?.ok_or(ApiError::LinkInvalid)?;
    if account.disabled {
        return Err(ApiError::LinkInvalid);
    }
    let hash = password::hash_chosen(&body.password, &account.user.email).await?;

    let mut tx = store.begin().await?;
    if !password_links::take(&mut *tx, &token_hash, now).await? {
        return Err(ApiError::LinkInvalid);
    }
    users::set_password(&mut *tx, &id, &hash).await?;
    sessions::revoke_all(&mut *tx, &id, now).await?;
    proof::forgive(&mut tx, &account.user.email, &origin.address, now).await?;
    let actor = Actor::from(&account.user).at(&origin.address);
    let detail = Some("by a link".to_owned());
    audit::record(&mut tx, now, actor, Action::PasswordReset, id.as_str(), detail).await?;
    store::commit(tx).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Makes a link in the caller's transaction.
pub(super) async fn make(
    tx: &mut Transaction,
    now: DateTime<Utc>,
    by: &Caller,
    of: &User,
) -> Result<PasswordLink, StoreError> {
    let token = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>());
    let expires_at = now + LIFETIME;
    let created_by = by.id.as_str();
    password_links::replace(tx, &hash_of(&token), &of.id, created_by, now, expires_at).await?;
    audit::record(tx, now, by, Action::PasswordLinkMade, of.id.as_str(), None).await?;
    Ok(PasswordLink { path: format!("/reset-password#{token}"), expires_at })
}

fn hash_of(token: &str) -> String {
    sha256_hex(format!("password link {token}"))
}
