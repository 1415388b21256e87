//! Figures for Prometheus: counts and durations, by route, state and code, and never a value.

use actix_web::http::header;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use shared::problem::Problem;
use shared::route;
use shared::user::Permission;

use super::extract::{Activity, bearer};
use super::{ApiError, Services};
use crate::store::audit::find_head;
use crate::store::{alerts, approvals, runs};

/// Figures about the server in the format of Prometheus. Takes the token that the deployment
/// names in `TRANSFUSE_METRICS_TOKEN`, or the one of an administrator.
#[utoipa::path(
    get, path = route::METRICS, tag = "health",
    responses(
        (status = 200, body = String, content_type = "text/plain"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn render(
    services: Data<Services>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let presented = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    if !services.metrics.takes(presented) {
        let caller = bearer(&request, Activity::Background).await?;
        let caller = caller.ok_or(ApiError::Unauthenticated)?;
        if !caller.role.may(Permission::ManageSettings) {
            return Err(ApiError::Forbidden);
        }
    }
    note_state(&services).await?;
    Ok(HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .body(services.metrics.render()))
}

/// What is counted in the store, at the moment of asking.
#[expect(clippy::cast_precision_loss, reason = "gauges are floating-point numbers")]
async fn note_state(services: &Services) -> Result<(), ApiError> {
    let pool = services.store.pool();
    let counts = runs::count(pool).await?;
    metrics::gauge!("transfuse_runs", "state" => "running").set(counts.running as f64);
    metrics::gauge!("transfuse_runs", "state" => "stopped").set(counts.stopped as f64);
    metrics::gauge!("transfuse_alerts_open").set(alerts::count_raised(pool).await? as f64);
    let waiting = approvals::count_waiting(pool, services.clock.now()).await?;
    metrics::gauge!("transfuse_approvals_waiting").set(waiting as f64);
    metrics::gauge!("transfuse_audit_entries").set(find_head(pool).await?.number as f64);
    Ok(())
}
