//! What somebody may change of their own account.

use actix_web::HttpResponse;
use actix_web::web::{Data, Json};
use shared::audit::Action;
use shared::problem::Problem;
use shared::route;
use shared::user::{
    CodeProof, Enrolment, PasswordChange, PasswordProof, ProfileChange, RecoveryCodes,
    SecondFactor, User, name_problem,
};

use super::extract::Authorized;
use super::users::check;
use super::{ApiError, Services, proof};
use crate::audit;
use crate::auth::password;
use crate::auth::permission::Read;
use crate::auth::second_factor::{Authenticator, recovery_codes, recovery_hash};
use crate::store::{self, second_factors, sessions, users};

/// Change one's own name. Address and role are an administrator's to change.
#[utoipa::path(
    put, path = route::PROFILE, tag = "profile", request_body = ProfileChange,
    responses(
        (status = 200, body = User),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn change(
    Authorized { user, .. }: Authorized<Read>,
    services: Data<Services>,
    body: Json<ProfileChange>,
) -> Result<Json<User>, ApiError> {
    check([("name", name_problem(&body.name))])?;
    let name = body.name.trim();
    let mut tx = services.store.begin().await?;
    users::update(&mut *tx, &user.id, name, user.role, None).await?;
    let (now, action) = (services.clock.now(), Action::UserChanged);
    let detail = Some("own name".to_owned());
    audit::record(&mut tx, now, &user, action, user.id.as_str(), detail).await?;
    store::commit(tx).await?;
    Ok(Json(User { name: name.to_owned(), ..user.into_user() }))
}

/// Change one's own password. All other sessions end.
#[utoipa::path(
    put, path = route::PROFILE_PASSWORD, tag = "profile", request_body = PasswordChange,
    responses(
        (status = 204),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 429, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn change_password(
    Authorized { user, .. }: Authorized<Read>,
    services: Data<Services>,
    body: Json<PasswordChange>,
) -> Result<HttpResponse, ApiError> {
    proof::by_password(&services, &user, &body.current).await?;
    let hash = password::hash_chosen(&body.new, &user.email).await?;
    let now = services.clock.now();
    let mut tx = services.store.begin().await?;
    users::set_password(&mut *tx, &user.id, &hash).await?;
    match user.session() {
        Some(session) => sessions::revoke_others(&mut *tx, &user.id, session, now).await?,
        None => sessions::revoke_all(&mut *tx, &user.id, now).await?,
    };
    audit::record(&mut tx, now, &user, Action::PasswordChanged, user.id.as_str(), None).await?;
    store::commit(tx).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Whether one's account has a second factor.
#[utoipa::path(
    get, path = route::SECOND_FACTOR, tag = "profile",
    responses((status = 200, body = SecondFactor)),
)]
pub(super) async fn second_factor(
    Authorized { user, .. }: Authorized<Read>,
    services: Data<Services>,
) -> Result<Json<SecondFactor>, ApiError> {
    let pool = services.store.pool();
    let factor = second_factors::find(pool, &user.id).await?;
    let recovery_codes_left = second_factors::count_recovery_codes(pool, &user.id).await?;
    let enabled = factor.is_some_and(|factor| factor.confirmed);
    Ok(Json(SecondFactor { enabled, recovery_codes_left }))
}

/// Begin to set up a second factor. The authenticator gets the secret of the answer; a code of it
/// then confirms that it has it.
#[utoipa::path(
    post, path = route::SECOND_FACTOR, tag = "profile", request_body = PasswordProof,
    responses(
        (status = 200, body = Enrolment),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 429, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn enrol(
    Authorized { user, .. }: Authorized<Read>,
    services: Data<Services>,
    body: Json<PasswordProof>,
) -> Result<Json<Enrolment>, ApiError> {
    proof::by_password(&services, &user, &body.password).await?;
    let (authenticator, secret) = Authenticator::fresh(&user.email)?;
    let sealed = services.vault.seal(&secret)?;
    let mut tx = services.store.begin().await?;
    if !second_factors::begin(&mut tx, &user.id, &sealed).await? {
        return Err(ApiError::SecondFactorThere);
    }
    store::commit(tx).await?;
    Ok(Json(Enrolment {
        secret: secret.to_string(),
        url: authenticator.url()?.to_string(),
        qr_svg: authenticator.qr_svg()?,
    }))
}

/// Confirm the second factor with a code. From now on signing in asks for one. The recovery codes
/// of the answer are shown this once.
#[utoipa::path(
    post, path = route::SECOND_FACTOR_CONFIRM, tag = "profile", request_body = CodeProof,
    responses(
        (status = 200, body = RecoveryCodes),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn confirm(
    Authorized { user, .. }: Authorized<Read>,
    services: Data<Services>,
    body: Json<CodeProof>,
) -> Result<Json<RecoveryCodes>, ApiError> {
    let now = services.clock.now();
    let mut tx = services.store.begin().await?;
    let found = second_factors::find(&mut *tx, &user.id).await?;
    let factor = found.filter(|it| !it.confirmed).ok_or(ApiError::NoSecondFactor)?;
    let secret = services.vault.open(&factor.sealed_secret)?;
    let authenticator = Authenticator::with_secret(&secret, &user.email)?;
    let step = authenticator.check(&body.code, now).ok_or(ApiError::WrongCode)?;
    let codes = recovery_codes();
    let hashes: Vec<_> = codes.iter().map(|code| recovery_hash(code)).collect();
    if !second_factors::confirm(&mut tx, &user.id, &hashes, now).await? {
        return Err(ApiError::NoSecondFactor);
    }
    second_factors::take_step(&mut *tx, &user.id, step).await?;
    let action = Action::SecondFactorEnabled;
    audit::record(&mut tx, now, &user, action, user.id.as_str(), None).await?;
    store::commit(tx).await?;
    Ok(Json(RecoveryCodes { codes }))
}

/// Take one's own second factor away.
#[utoipa::path(
    post, path = route::SECOND_FACTOR_REMOVE, tag = "profile", request_body = PasswordProof,
    responses(
        (status = 204),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 429, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn remove_second_factor(
    Authorized { user, .. }: Authorized<Read>,
    services: Data<Services>,
    body: Json<PasswordProof>,
) -> Result<HttpResponse, ApiError> {
    proof::by_password(&services, &user, &body.password).await?;
    let now = services.clock.now();
    let mut tx = services.store.begin().await?;
    if !second_factors::remove(&mut tx, &user.id).await? {
        return Err(ApiError::NoSecondFactor);
    }
    let action = Action::SecondFactorRemoved;
    audit::record(&mut tx, now, &user, action, user.id.as_str(), None).await?;
    store::commit(tx).await?;
    Ok(HttpResponse::NoContent().finish())
}
