//! Who is told of alerts.

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::{Data, Json, Path};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use shared::alert::{Channel, CreatedTarget, Delivery, NewTarget, Target};
use shared::audit::Action;
use shared::id::TargetId;
use shared::problem::Problem;
use shared::route;

use super::extract::Authorized;
use super::{ApiError, Services};
use crate::audit;
use crate::auth::permission::{ManageSettings, Read};
use crate::store::notifications::{self, SealedTarget};
use crate::store::{self};

/// More than anybody tells.
const MOST_TARGETS: usize = 50;

/// All targets, in the order of their names, without their secrets.
#[utoipa::path(
    get, path = route::NOTIFICATION_TARGETS, tag = "notification targets",
    responses((status = 200, body = Vec<Target>)),
)]
pub(super) async fn list(
    _: Authorized<Read>,
    services: Data<Services>,
) -> Result<Json<Vec<Target>>, ApiError> {
    Ok(Json(notifications::list_targets(services.store.pool()).await?))
}

/// Add a target. Messages to a webhook are signed with the secret of the answer, which is shown
/// this once.
#[utoipa::path(
    post, path = route::NOTIFICATION_TARGETS, tag = "notification targets", request_body = NewTarget,
    responses(
        (status = 201, body = CreatedTarget),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn create(
    Authorized { user, .. }: Authorized<ManageSettings>,
    services: Data<Services>,
    body: Json<NewTarget>,
) -> Result<HttpResponse, ApiError> {
    let now = services.clock.now();
    let id = TargetId::parse(services.clock.fresh_id().to_string()).expect("a UUID is an id");
    let new = checked(body.into_inner())?;
    let signing_secret = match new.channel {
        Channel::Webhook { .. } => Some(URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())),
        Channel::Email { .. } => None,
    };
    let sealed_secret =
        signing_secret.as_deref().map(|secret| services.vault.seal(secret)).transpose()?;
    let target = target_of(id, new, now, None);
    let sealed = SealedTarget { target: target.clone(), sealed_secret };
    let mut tx = services.store.begin().await?;
    if notifications::list_targets(&mut *tx).await?.len() >= MOST_TARGETS {
        return Err(ApiError::TooMany { limit: MOST_TARGETS });
    }
    notifications::insert_target(&mut *tx, &sealed).await?;
    let detail = Some(target.name.clone());
    let action = Action::NotificationTargetCreated;
    audit::record(&mut tx, now, &user, action, target.id.as_str(), detail).await?;
    store::commit(tx).await?;
    let location = route::notification_target(&target.id);
    Ok(HttpResponse::Created()
        .insert_header((header::LOCATION, location))
        .json(CreatedTarget { target, signing_secret }))
}

/// Change a target. Its signing secret stays; a target changes its place and not its kind.
#[utoipa::path(
    put, path = route::NOTIFICATION_TARGET, tag = "notification targets", params(("id" = TargetId, Path)),
    request_body = NewTarget,
    responses(
        (status = 200, body = Target),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn change(
    Authorized { user, .. }: Authorized<ManageSettings>,
    services: Data<Services>,
    id: Path<TargetId>,
    body: Json<NewTarget>,
) -> Result<Json<Target>, ApiError> {
    let now = services.clock.now();
    let new = checked(body.into_inner())?;
    let mut tx = services.store.begin().await?;
    let found = notifications::find_target(&mut *tx, &id).await?;
    let before = found.ok_or(ApiError::TargetNotFound)?.target;
    if std::mem::discriminant(&before.channel) != std::mem::discriminant(&new.channel) {
        return super::users::check([("channel", Some("Add another target for this."))])
            .map(|()| Json(before));
    }
    let target = target_of(before.id, new, before.created_at, before.last);
    notifications::update_target(&mut *tx, &target).await?;
    let detail = Some(target.name.clone());
    let action = Action::NotificationTargetChanged;
    audit::record(&mut tx, now, &user, action, target.id.as_str(), detail).await?;
    store::commit(tx).await?;
    Ok(Json(target))
}

/// Delete a target. Messages to it that were not delivered go with it.
#[utoipa::path(
    delete, path = route::NOTIFICATION_TARGET, tag = "notification targets", params(("id" = TargetId, Path)),
    responses(
        (status = 204),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn remove(
    Authorized { user, .. }: Authorized<ManageSettings>,
    services: Data<Services>,
    id: Path<TargetId>,
) -> Result<HttpResponse, ApiError> {
    let now = services.clock.now();
    let mut tx = services.store.begin().await?;
    if !notifications::delete_target(&mut *tx, &id).await? {
        return Err(ApiError::TargetNotFound);
    }
    let action = Action::NotificationTargetDeleted;
    audit::record(&mut tx, now, &user, action, id.as_str(), None).await?;
    store::commit(tx).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Send a message to a target now, and tell how it went.
#[utoipa::path(
    post, path = route::NOTIFICATION_TARGET_TEST, tag = "notification targets", params(("id" = TargetId, Path)),
    responses(
        (status = 200, body = Delivery),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn test(
    _: Authorized<ManageSettings>,
    services: Data<Services>,
    id: Path<TargetId>,
) -> Result<Json<Delivery>, ApiError> {
    let found = notifications::find_target(services.store.pool(), &id).await?;
    let target = found.ok_or(ApiError::TargetNotFound)?;
    Ok(Json(services.notifier.test(&target).await?))
}

fn checked(new: NewTarget) -> Result<NewTarget, ApiError> {
    let problems = new.problems();
    if problems.is_empty() { Ok(new) } else { Err(ApiError::InvalidFields(problems)) }
}

fn target_of(
    id: TargetId,
    new: NewTarget,
    created_at: chrono::DateTime<chrono::Utc>,
    last: Option<Delivery>,
) -> Target {
    let NewTarget { name, channel, from_severity, enabled } = new;
    Target { id, name: name.trim().to_owned(), channel, from_severity, enabled, created_at, last }
}
