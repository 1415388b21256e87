//! Alerts, and the rules that raise them.

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::{Data, Json, Path, Query};
use shared::alert::{Alert, AlertFilter, NewRule, Rule};
use shared::audit::Action;
use shared::id::AlertId;
use shared::page::{Page, PageQuery};
use shared::problem::Problem;
use shared::route;

use super::extract::Authorized;
use super::{ApiError, Services, cursor};
use crate::audit;
use crate::auth::permission::{HandleAlerts, Read};
use crate::store::{self, Place, alerts};

/// More rules than anybody reads.
const MOST_RULES: usize = 200;

/// All alerts, the newest first.
#[utoipa::path(
    get, path = route::ALERTS, tag = "alerts", params(AlertFilter, PageQuery),
    responses(
        (status = 200, body = Page<Alert>),
        (status = 400, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn list(
    _: Authorized<Read>,
    services: Data<Services>,
    filter: Query<AlertFilter>,
    query: Query<PageQuery>,
) -> Result<Json<Page<Alert>>, ApiError> {
    let after = cursor::decode(query.after.as_ref())?;
    let limit = query.limit();
    let found = alerts::list(services.store.pool(), &filter, after.as_ref(), limit + 1).await?;
    Ok(Json(cursor::page(found, limit, |it| Place::of(it.raised_at, it.id.as_str()))))
}

/// One alert.
#[utoipa::path(
    get, path = route::ALERT, tag = "alerts", params(("id" = AlertId, Path)),
    responses(
        (status = 200, body = Alert),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn read(
    _: Authorized<Read>,
    services: Data<Services>,
    id: Path<AlertId>,
) -> Result<Json<Alert>, ApiError> {
    let found = alerts::find(services.store.pool(), &id).await?;
    Ok(Json(found.ok_or(ApiError::AlertNotFound)?))
}

/// Say that somebody saw an alert: it is not raised again while its cause lasts.
#[utoipa::path(
    post, path = route::ALERT_ACKNOWLEDGE, tag = "alerts", params(("id" = AlertId, Path)),
    responses(
        (status = 200, body = Alert),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn acknowledge(
    Authorized { user, .. }: Authorized<HandleAlerts>,
    services: Data<Services>,
    id: Path<AlertId>,
) -> Result<Json<Alert>, ApiError> {
    let now = services.clock.now();
    let mut tx = services.store.begin().await?;
    if !alerts::acknowledge(&mut *tx, &id, &user.name, now).await? {
        let found = alerts::find(&mut *tx, &id).await?;
        return Err(found.map_or(ApiError::AlertNotFound, |_| ApiError::WrongAlertState));
    }
    let action = Action::AlertAcknowledged;
    audit::record(&mut tx, now, &user, action, id.as_str(), None).await?;
    let alert = alerts::find(&mut *tx, &id).await?.ok_or(ApiError::AlertNotFound)?;
    store::commit(tx).await?;
    Ok(Json(alert))
}

/// All rules, in the order of their names.
#[utoipa::path(
    get, path = route::ALERT_RULES, tag = "alerts",
    responses((status = 200, body = Vec<Rule>)),
)]
pub(super) async fn rules(
    _: Authorized<Read>,
    services: Data<Services>,
) -> Result<Json<Vec<Rule>>, ApiError> {
    Ok(Json(alerts::list_rules(services.store.pool()).await?))
}

/// Add a rule.
#[utoipa::path(
    post, path = route::ALERT_RULES, tag = "alerts", request_body = NewRule,
    responses(
        (status = 201, body = Rule),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn create_rule(
    Authorized { user, .. }: Authorized<HandleAlerts>,
    services: Data<Services>,
    body: Json<NewRule>,
) -> Result<HttpResponse, ApiError> {
    let now = services.clock.now();
    let id = AlertId::parse(services.clock.fresh_id().to_string()).expect("a UUID is an id");
    let rule = checked(id, body.into_inner())?;
    let mut tx = services.store.begin().await?;
    if alerts::list_rules(&mut *tx).await?.len() >= MOST_RULES {
        return Err(ApiError::TooMany { limit: MOST_RULES });
    }
    alerts::save_rule(&mut *tx, &rule, now).await?;
    let detail = Some(rule.name.clone());
    let action = Action::AlertRuleCreated;
    audit::record(&mut tx, now, &user, action, rule.id.as_str(), detail).await?;
    store::commit(tx).await?;
    let location = route::alert_rule(&rule.id);
    Ok(HttpResponse::Created().insert_header((header::LOCATION, location)).json(rule))
}

/// Change a rule.
#[utoipa::path(
    put, path = route::ALERT_RULE, tag = "alerts", params(("id" = AlertId, Path)),
    request_body = NewRule,
    responses(
        (status = 200, body = Rule),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn change_rule(
    Authorized { user, .. }: Authorized<HandleAlerts>,
    services: Data<Services>,
    id: Path<AlertId>,
    body: Json<NewRule>,
) -> Result<Json<Rule>, ApiError> {
    let now = services.clock.now();
    let rule = checked(id.into_inner(), body.into_inner())?;
    let mut tx = services.store.begin().await?;
    if alerts::find_rule(&mut *tx, &rule.id).await?.is_none() {
        return Err(ApiError::RuleNotFound);
    }
    alerts::save_rule(&mut *tx, &rule, now).await?;
    let detail = Some(rule.name.clone());
    let action = Action::AlertRuleChanged;
    audit::record(&mut tx, now, &user, action, rule.id.as_str(), detail).await?;
    store::commit(tx).await?;
    Ok(Json(rule))
}

/// Delete a rule. Its open alerts are cleared; the history stays.
#[utoipa::path(
    delete, path = route::ALERT_RULE, tag = "alerts", params(("id" = AlertId, Path)),
    responses(
        (status = 204),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn delete_rule(
    Authorized { user, .. }: Authorized<HandleAlerts>,
    services: Data<Services>,
    id: Path<AlertId>,
) -> Result<HttpResponse, ApiError> {
    let now = services.clock.now();
    let mut tx = services.store.begin().await?;
    if !alerts::delete_rule(&mut *tx, &id).await? {
        return Err(ApiError::RuleNotFound);
    }
    let action = Action::AlertRuleDeleted;
    audit::record(&mut tx, now, &user, action, id.as_str(), None).await?;
    store::commit(tx).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn checked(id: AlertId, new: NewRule) -> Result<Rule, ApiError> {
    let problems = new.problems();
    if !problems.is_empty() {
        return Err(ApiError::InvalidFields(problems));
    }
    let NewRule { name, condition, severity, quiet_seconds, enabled } = new;
    Ok(Rule { id, name: name.trim().to_owned(), condition, severity, quiet_seconds, enabled })
}
