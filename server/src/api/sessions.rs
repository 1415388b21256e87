//! Sessions on all devices: one's own, and for administrators anybody's.

use actix_web::HttpResponse;
use actix_web::web::{Data, Json, Path, Query};
use shared::audit::Action;
use shared::id::{SessionId, UserId};
use shared::page::{Page, PageQuery};
use shared::problem::Problem;
use shared::route;
use shared::user::{Permission, Session};

use super::extract::Authorized;
use super::{ApiError, Services, cursor};
use crate::audit;
use crate::auth::Caller;
use crate::auth::permission::{ManageUsers, Read};
use crate::store::{self, Place, sessions, users};

/// One's own sessions that are alive, the newest first.
#[utoipa::path(
    get, path = route::SESSIONS, tag = "session", params(PageQuery),
    responses(
        (status = 200, body = Page<Session>),
        (status = 401, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn own(
    Authorized { user, .. }: Authorized<Read>,
    services: Data<Services>,
    query: Query<PageQuery>,
) -> Result<Json<Page<Session>>, ApiError> {
    list(&services, &user.id, &user, &query).await
}

/// The sessions of a user that are alive, the newest first.
#[utoipa::path(
    get, path = route::USER_SESSIONS, tag = "users", params(("id" = UserId, Path), PageQuery),
    responses(
        (status = 200, body = Page<Session>),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn of_user(
    Authorized { user, .. }: Authorized<ManageUsers>,
    services: Data<Services>,
    id: Path<UserId>,
    query: Query<PageQuery>,
) -> Result<Json<Page<Session>>, ApiError> {
    if users::find(services.store.pool(), &id).await?.is_none() {
        return Err(ApiError::UserNotFound);
    }
    list(&services, &id, &user, &query).await
}

/// End a session: one's own, or as an administrator anybody's. What it started goes on.
#[utoipa::path(
    delete, path = route::SESSION_OF, tag = "session", params(("id" = SessionId, Path)),
    responses(
        (status = 204),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn end(
    Authorized { user, .. }: Authorized<Read>,
    services: Data<Services>,
    id: Path<SessionId>,
) -> Result<HttpResponse, ApiError> {
    let now = services.clock.now();
    let mut tx = services.store.begin().await?;
    let owner = sessions::find_owner(&mut *tx, &id).await?;
    // To others a session that is not theirs is not there.
    let may = |owner: &UserId| *owner == user.id || user.role.may(Permission::ManageUsers);
    let owner = owner.filter(may).ok_or(ApiError::SessionNotFound)?;
    if !sessions::revoke(&mut *tx, &id, now).await? {
        return Err(ApiError::SessionNotFound);
    }
    let detail = Some(format!("of user {owner}"));
    audit::record(&mut tx, now, &user, Action::SessionRevoked, id.as_str(), detail).await?;
    store::commit(tx).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Sign out everywhere: all of one's own sessions end, this one too.
#[utoipa::path(
    delete, path = route::SESSIONS, tag = "session",
    responses(
        (status = 204),
        (status = 401, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn end_own(
    Authorized { user, .. }: Authorized<Read>,
    services: Data<Services>,
) -> Result<HttpResponse, ApiError> {
    end_all(&services, &user, &user.id).await
}

/// End all sessions of a user.
#[utoipa::path(
    delete, path = route::USER_SESSIONS, tag = "users", params(("id" = UserId, Path)),
    responses(
        (status = 204),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn end_of_user(
    Authorized { user, .. }: Authorized<ManageUsers>,
    services: Data<Services>,
    id: Path<UserId>,
) -> Result<HttpResponse, ApiError> {
    if users::find(services.store.pool(), &id).await?.is_none() {
        return Err(ApiError::UserNotFound);
    }
    end_all(&services, &user, &id).await
}

async fn end_all(services: &Services, by: &Caller, of: &UserId) -> Result<HttpResponse, ApiError> {
    let now = services.clock.now();
    let mut tx = services.store.begin().await?;
    let ended = sessions::revoke_all(&mut *tx, of, now).await?;
    let detail = Some(format!("{ended} sessions"));
    audit::record(&mut tx, now, by, Action::SessionsRevoked, of.as_str(), detail).await?;
    store::commit(tx).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn list(
    services: &Services,
    of: &UserId,
    by: &Caller,
    query: &PageQuery,
) -> Result<Json<Page<Session>>, ApiError> {
    let now = services.clock.now();
    let idle_since = services.settings.session_limits().await?.idle_since(now);
    let after = cursor::decode(query.after.as_ref())?;
    let limit = query.limit();
    let pool = services.store.pool();
    let mut found = sessions::list(pool, of, now, idle_since, after.as_ref(), limit + 1).await?;
    for session in &mut found {
        session.current = by.session() == Some(&session.id);
    }
    Ok(Json(cursor::page(found, limit, |it| Place::of(it.created_at, it.id.as_str()))))
}
