//! Alerts, the rules that raise them, and who is told.

use shared::alert::{Alert, AlertState, CreatedTarget, Delivery, NewRule, NewTarget, Rule, Target};
use shared::id::{AlertId, TargetId};
use shared::page::{Cursor, Page};
use shared::route;

use super::{ApiError, delete, get, post, put, send, with_query};

/// One page of the alerts, latest first.
pub(crate) async fn list(
    state: Option<AlertState>,
    after: Option<&Cursor>,
    limit: u32,
) -> Result<Page<Alert>, ApiError> {
    let limit = limit.to_string();
    let parameters = [
        ("state", state.map(AlertState::as_str)),
        ("limit", Some(limit.as_str())),
        ("after", after.map(|after| after.0.as_str())),
    ];
    send(get(&with_query(route::ALERTS, parameters))).await
}

/// Says that somebody saw an alert.
pub(crate) async fn acknowledge(id: &AlertId) -> Result<Alert, ApiError> {
    send(post(&route::alert_acknowledge(id))).await
}

pub(crate) async fn rules() -> Result<Vec<Rule>, ApiError> {
    send(get(route::ALERT_RULES)).await
}

/// Saves a rule: a new one, or another form of the one with the id.
pub(crate) async fn save_rule(id: Option<&AlertId>, rule: &NewRule) -> Result<Rule, ApiError> {
    let call = match id {
        Some(id) => put(&route::alert_rule(id)),
        None => post(route::ALERT_RULES),
    };
    send(call.json(rule)?).await
}

pub(crate) async fn delete_rule(id: &AlertId) -> Result<(), ApiError> {
    send(delete(&route::alert_rule(id))).await
}

pub(crate) async fn targets() -> Result<Vec<Target>, ApiError> {
    send(get(route::NOTIFICATION_TARGETS)).await
}

pub(crate) async fn create_target(new: &NewTarget) -> Result<CreatedTarget, ApiError> {
    send(post(route::NOTIFICATION_TARGETS).json(new)?).await
}

pub(crate) async fn change_target(id: &TargetId, new: &NewTarget) -> Result<Target, ApiError> {
    send(put(&route::notification_target(id)).json(new)?).await
}

pub(crate) async fn delete_target(id: &TargetId) -> Result<(), ApiError> {
    send(delete(&route::notification_target(id))).await
}

/// Sends a message now.
pub(crate) async fn test_target(id: &TargetId) -> Result<Delivery, ApiError> {
    send(post(&route::notification_target_test(id))).await
}
