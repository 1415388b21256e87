//! What an administrator sets for the whole installation.

use actix_web::http::header::{ETAG, IF_MATCH};
use actix_web::web::{Data, Json};
use actix_web::{HttpRequest, HttpResponse};
use shared::audit::Action;
use shared::problem::{FieldProblem, Problem};
use shared::route;
use shared::settings::{AssistantKey, Settings, SettingsState};

use super::extract::Authorized;
use super::{ApiError, Services};
use crate::audit;
use crate::auth::permission::{ManageSettings, Read};
use crate::settings::ASSISTANT_KEY;
use crate::store::settings::{self, Saved};
use crate::store::{self};

/// The settings in force. They hold no secret.
#[utoipa::path(
    get, path = route::SETTINGS, tag = "settings",
    responses((status = 200, body = SettingsState, headers(("ETag" = String)))),
)]
pub(super) async fn read(
    _: Authorized<Read>,
    services: Data<Services>,
) -> Result<HttpResponse, ApiError> {
    services.settings.forget();
    let state = services.settings.state().await?;
    Ok(HttpResponse::Ok().insert_header((ETAG, etag_of(state.version))).json(state))
}

/// Change the settings. With `If-Match` and the `ETag` that was read, a change of somebody else in
/// the meantime is not lost.
#[utoipa::path(
    put, path = route::SETTINGS, tag = "settings", request_body = Settings,
    params(("If-Match" = Option<String>, Header)),
    responses(
        (status = 200, body = SettingsState, headers(("ETag" = String))),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 412, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn change(
    Authorized { user, .. }: Authorized<ManageSettings>,
    services: Data<Services>,
    request: HttpRequest,
    body: Json<Settings>,
) -> Result<HttpResponse, ApiError> {
    let new = body.into_inner();
    let mut problems = new.problems();
    if let Some(hours) = &new.notifications.quiet_hours
        && hours.zone.parse::<chrono_tz::Tz>().is_err()
    {
        problems.push(FieldProblem {
            field: "notifications.quiet_hours.zone".to_owned(),
            message: "Name a zone, such as Europe/Berlin.".to_owned(),
        });
    }
    if !problems.is_empty() {
        return Err(ApiError::InvalidFields(problems));
    }
    if !services.settings.leave_fixed(&new) {
        return Err(ApiError::SettingFixed);
    }
    let now = services.clock.now();
    let mut tx = services.store.begin().await?;
    let version = settings::find(&mut *tx).await?.map_or(0, |saved| saved.version);
    if let Some(wanted) = request.headers().get(IF_MATCH)
        && wanted.as_bytes() != etag_of(version).as_bytes()
    {
        return Err(ApiError::SettingsChanged);
    }
    let saved = Saved {
        version: version + 1,
        settings: new,
        changed_at: now,
        changed_by: user.name.clone(),
    };
    if !settings::save(&mut *tx, &saved).await? {
        return Err(ApiError::SettingsChanged);
    }
    let detail = Some(format!("version {}", saved.version));
    audit::record(&mut tx, now, &user, Action::SettingsChanged, "settings", detail).await?;
    store::commit(tx).await?;
    services.settings.forget();
    let state = services.settings.state().await?;
    Ok(HttpResponse::Ok().insert_header((ETAG, etag_of(state.version))).json(state))
}

/// Give the assistant's service a key, or forget it. It is sealed and never comes out again.
#[utoipa::path(
    put, path = route::SETTINGS_ASSISTANT_KEY, tag = "settings", request_body = AssistantKey,
    responses(
        (status = 204),
        (status = 403, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn set_assistant_key(
    Authorized { user, .. }: Authorized<ManageSettings>,
    services: Data<Services>,
    body: Json<AssistantKey>,
) -> Result<HttpResponse, ApiError> {
    let key = body.key.as_deref().map(str::trim).filter(|key| !key.is_empty());
    let now = services.clock.now();
    let mut tx = services.store.begin().await?;
    let detail = if let Some(key) = key {
        let sealed = services.vault.seal(key)?;
        settings::set_secret(&mut *tx, ASSISTANT_KEY, &sealed).await?;
        "the assistant's key was set"
    } else {
        settings::forget_secret(&mut *tx, ASSISTANT_KEY).await?;
        "the assistant's key was forgotten"
    };
    let detail = Some(detail.to_owned());
    audit::record(&mut tx, now, &user, Action::SettingsChanged, "settings", detail).await?;
    store::commit(tx).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn etag_of(version: u32) -> String {
    format!("\"settings-{version}\"")
}
