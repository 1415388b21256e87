//! HTTP and nothing else: each resource in its own file, all of them in the table below.

pub mod error;
mod extract;
mod cursor;
mod session;
mod connections;
pub(crate) mod plans;
mod runs;
mod events;
mod quarantine;
mod audit;
mod error_codes;
mod health;
pub mod openapi;
mod docs;

use std::sync::Arc;

use actix_web::Resource;
use actix_web::web::{Data, ServiceConfig, resource, to};
use engine::clock::Clock;
use shared::route;

pub use error::ApiError;

use crate::auth::token::AccessTokens;
use crate::jobs::{Databases, Runs};
use crate::store::Store;

/// What handlers work with.
pub struct Services {
    pub store: Store,
    pub clock: Arc<dyn Clock>,
    pub tokens: AccessTokens,
    pub databases: Databases,
    pub runs: Runs,
    pub proxy: Proxy,
}

/// Whether a reverse proxy stands before the server, whose word about clients counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proxy {
    None,
    Trusted,
}

/// A plan of a large database has a few hundred kilobytes; nothing else comes near.
const BODY_LIMIT: usize = 8 << 20;

/// Every route of the API.
pub fn configure(services: Data<Services>) -> impl FnOnce(&mut ServiceConfig) {
    move |config| {
        config
            .app_data(services)
            .app_data(extract::json_config(BODY_LIMIT))
            .app_data(extract::path_config())
            .app_data(extract::query_config())
            .service(
                at(route::SESSION)
                    .get(session::who_am_i)
                    .post(session::sign_in)
                    .delete(session::sign_out),
            )
            .service(at(route::SESSION_REFRESH).post(session::refresh))
            .service(at(route::CONNECTIONS).get(connections::list).post(connections::create))
            .service(
                at(route::CONNECTION)
                    .get(connections::read)
                    .put(connections::update)
                    .delete(connections::remove),
            )
            .service(at(route::CONNECTION_TEST).post(connections::test))
            .service(at(route::PLANS).get(plans::list).post(plans::create))
            .service(at(route::PLANS_DRAFT).post(plans::draft))
            .service(at(route::PLANS_CHECK).post(plans::check))
            .service(at(route::PLAN).get(plans::read).put(plans::save))
            .service(at(route::PLAN_VERSIONS).get(plans::versions))
            .service(at(route::RUNS).get(runs::list).post(runs::start))
            .service(at(route::RUN).get(runs::read))
            .service(at(route::RUN_EVENTS).get(events::follow))
            .service(at(route::RUN_PAUSE).post(runs::pause))
            .service(at(route::RUN_STOP).post(runs::stop))
            .service(at(route::RUN_RESUME).post(runs::resume))
            .service(at(route::RUN_QUARANTINE).get(quarantine::list))
            .service(at(route::RUN_QUARANTINE_COUNTS).get(quarantine::counts))
            .service(at(route::AUDIT).get(audit::list))
            .service(at(route::ERROR_CODES).get(error_codes::list))
            .service(at(route::HEALTH).get(health::summary))
            .service(at(route::HEALTH_LIVE).get(health::live))
            .service(at(route::HEALTH_READY).get(health::ready))
            .service(at(route::OPENAPI).get(openapi::document))
            .service(at(route::DOCS).get(docs::page));
    }
}

/// A resource that refuses other methods the way everything else is refused.
fn at(path: &str) -> Resource {
    resource(path).default_service(to(async || Err::<String, _>(ApiError::MethodNotAllowed)))
}

/// What answers under the API's base where no resource does.
pub async fn no_such_endpoint() -> Result<String, ApiError> {
    Err(ApiError::NoSuchEndpoint)
}
