//! Signs of life, for whoever watches the server.

use actix_web::HttpResponse;
use actix_web::web::{Data, Json};
use shared::health::{Health, HealthStatus};
use shared::route;

use super::Services;

/// What runs here, and whether it can work.
#[utoipa::path(
    get, path = route::HEALTH, tag = "health", security(()),
    responses((status = 200, body = Health)),
)]
pub(super) async fn summary(services: Data<Services>) -> Json<Health> {
    Json(Health { status: status(&services).await, version: env!("CARGO_PKG_VERSION").to_owned() })
}

/// The process answers. Restart it when it does not.
#[utoipa::path(
    get, path = route::HEALTH_LIVE, tag = "health", security(()), responses((status = 204)),
)]
pub(super) async fn live() -> HttpResponse {
    HttpResponse::NoContent().finish()
}

/// The server can work. Send it no requests when it cannot.
#[utoipa::path(
    get, path = route::HEALTH_READY, tag = "health", security(()),
    responses((status = 204), (status = 503, body = Health)),
)]
pub(super) async fn ready(services: Data<Services>) -> HttpResponse {
    match status(&services).await {
        HealthStatus::Ready => HttpResponse::NoContent().finish(),
        status @ HealthStatus::StoreUnreachable => {
            let version = env!("CARGO_PKG_VERSION").to_owned();
            HttpResponse::ServiceUnavailable().json(Health { status, version })
        }
    }
}

async fn status(services: &Services) -> HealthStatus {
    match services.store.ping().await {
        Ok(()) => HealthStatus::Ready,
        Err(error) => {
            tracing::warn!("{error}");
            HealthStatus::StoreUnreachable
        }
    }
}
