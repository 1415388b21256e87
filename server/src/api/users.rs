//! Who may sign in, for administrators.

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::{Data, Json, Path, Query};
use shared::audit::Action;
use shared::id::UserId;
use shared::page::{Page, PageQuery};
use shared::problem::{FieldProblem, Problem};
use shared::route;
use shared::user::{
    Invited, NewUser, User, UserAccount, UserChange, UserRole, email_problem, name_problem,
};

use super::extract::Authorized;
use super::{ApiError, Services, cursor, password_links};
use crate::audit;
use crate::auth::permission::ManageUsers;
use crate::store::{self, StoreError, second_factors, sessions, users};

/// All users, in the order of their addresses.
#[utoipa::path(
    get, path = route::USERS, tag = "users", params(PageQuery),
    responses(
        (status = 200, body = Page<UserAccount>),
        (status = 403, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn list(
    _: Authorized<ManageUsers>,
    services: Data<Services>,
    query: Query<PageQuery>,
) -> Result<Json<Page<UserAccount>>, ApiError> {
    let after: Option<String> = cursor::decode(query.after.as_ref())?;
    let limit = query.limit();
    let after = after.unwrap_or_default();
    let found = users::list_accounts(services.store.pool(), &after, limit + 1).await?;
    Ok(Json(cursor::page(found, limit, |account| account.user.email.clone())))
}

/// Add a user. They set their password by the link in the answer.
#[utoipa::path(
    post, path = route::USERS, tag = "users", request_body = NewUser,
    responses(
        (status = 201, body = Invited),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn create(
    Authorized { user: by, .. }: Authorized<ManageUsers>,
    services: Data<Services>,
    body: Json<NewUser>,
) -> Result<HttpResponse, ApiError> {
    check([("email", email_problem(&body.email)), ("name", name_problem(&body.name))])?;
    let now = services.clock.now();
    let user = User {
        id: UserId::parse(services.clock.fresh_id().to_string()).expect("a UUID is an id"),
        email: body.email.trim().to_lowercase(),
        name: body.name.trim().to_owned(),
        role: body.role,
        created_at: now,
    };
    let mut tx = services.store.begin().await?;
    users::insert(&mut *tx, &user, "").await.map_err(email_taken)?;
    let detail = Some(user.role.as_str().to_owned());
    audit::record(&mut tx, now, &by, Action::UserAdded, user.id.as_str(), detail).await?;
    let link = password_links::make(&mut tx, now, &by, &user).await?;
    let account = users::find_account(&mut *tx, &user.id).await?.ok_or(ApiError::UserNotFound)?;
    store::commit(tx).await?;
    let location = route::user(&user.id);
    Ok(HttpResponse::Created()
        .insert_header((header::LOCATION, location))
        .json(Invited { account, link }))
}

/// One user.
#[utoipa::path(
    get, path = route::USER, tag = "users", params(("id" = UserId, Path)),
    responses(
        (status = 200, body = UserAccount),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn read(
    _: Authorized<ManageUsers>,
    services: Data<Services>,
    id: Path<UserId>,
) -> Result<Json<UserAccount>, ApiError> {
    let found = users::find_account(services.store.pool(), &id).await?;
    Ok(Json(found.ok_or(ApiError::UserNotFound)?))
}

/// Change a user's name and role, or whether they may sign in. Whoever may no longer is signed out
/// at once. Somebody has to remain who manages users.
#[utoipa::path(
    put, path = route::USER, tag = "users", params(("id" = UserId, Path)),
    request_body = UserChange,
    responses(
        (status = 200, body = UserAccount),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn change(
    Authorized { user: by, .. }: Authorized<ManageUsers>,
    services: Data<Services>,
    id: Path<UserId>,
    body: Json<UserChange>,
) -> Result<Json<UserAccount>, ApiError> {
    check([("name", name_problem(&body.name))])?;
    let now = services.clock.now();
    let mut tx = services.store.begin().await?;
    let before = users::find_account(&mut *tx, &id).await?.ok_or(ApiError::UserNotFound)?;
    let disabled_at = body.disabled.then(|| before.disabled_at.unwrap_or(now));
    users::update(&mut *tx, &id, body.name.trim(), body.role, disabled_at).await?;
    if before.user.role == UserRole::Admin && users::count_administrators(&mut *tx).await? == 0 {
        return Err(ApiError::LastAdministrator);
    }
    if body.disabled {
        sessions::revoke_all(&mut *tx, &id, now).await?;
    }
    let state = if body.disabled { "disabled" } else { "enabled" };
    let detail = format!("{} to {}, {state}", before.user.role.as_str(), body.role.as_str());
    let action = Action::UserChanged;
    audit::record(&mut tx, now, &by, action, id.as_str(), Some(detail)).await?;
    let account = users::find_account(&mut *tx, &id).await?.ok_or(ApiError::UserNotFound)?;
    store::commit(tx).await?;
    Ok(Json(account))
}

/// Take a user's second factor away, because their authenticator is lost. Their sessions end.
#[utoipa::path(
    delete, path = route::USER_SECOND_FACTOR, tag = "users", params(("id" = UserId, Path)),
    responses(
        (status = 204),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn remove_second_factor(
    Authorized { user: by, .. }: Authorized<ManageUsers>,
    services: Data<Services>,
    id: Path<UserId>,
) -> Result<HttpResponse, ApiError> {
    let now = services.clock.now();
    let mut tx = services.store.begin().await?;
    if users::find(&mut *tx, &id).await?.is_none() {
        return Err(ApiError::UserNotFound);
    }
    if !second_factors::remove(&mut tx, &id).await? {
        return Err(ApiError::NoSecondFactor);
    }
    sessions::revoke_all(&mut *tx, &id, now).await?;
    audit::record(&mut tx, now, &by, Action::SecondFactorRemoved, id.as_str(), None).await?;
    store::commit(tx).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Refuses fields with what is wrong with each.
pub(super) fn check<const N: usize>(
    fields: [(&str, Option<&'static str>); N],
) -> Result<(), ApiError> {
    let problems: Vec<_> = fields
        .into_iter()
        .filter_map(|(field, message)| {
            Some(FieldProblem { field: field.to_owned(), message: message?.to_owned() })
        })
        .collect();
    if problems.is_empty() { Ok(()) } else { Err(ApiError::InvalidFields(problems)) }
}

fn email_taken(error: StoreError) -> ApiError {
    if error.is_taken() { ApiError::EmailTaken } else { error.into() }
}
