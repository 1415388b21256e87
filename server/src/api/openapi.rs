//! The description of the API, made from its code.

use actix_web::web::Json;
use shared::route;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use super::{
    alerts, approvals, audit, connections, docs, error_codes, events, health, metrics,
    notification_targets, openapi, password_links, plans, portal_events, profile, quarantine, runs,
    session, sessions, settings, users,
};

/// The OpenAPI document.
#[utoipa::path(
    get, path = route::OPENAPI, tag = "documents", security(()),
    responses((status = 200, description = "this document")),
)]
pub(super) async fn document() -> Json<utoipa::openapi::OpenApi> {
    Json(description())
}

/// What the API is.
pub fn description() -> utoipa::openapi::OpenApi {
    Description::openapi()
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Transfuse",
        description = "Moves a legacy clinical database into a modern PostgreSQL one. Errors are \
                       `application/problem+json` (RFC 9457) with a code, a hint and a link to \
                       the manual. Lists come in pages: `?after=` takes the `next` of the page \
                       before."
    ),
    paths(
        session::sign_in, session::who_am_i, session::refresh, session::sign_out,
        session::activity,
        sessions::own, sessions::end_own, sessions::end, sessions::of_user, sessions::end_of_user,
        password_links::reset, password_links::create,
        profile::change, profile::change_password, profile::second_factor, profile::enrol,
        profile::confirm, profile::remove_second_factor,
        users::list, users::create, users::read, users::change, users::remove_second_factor,
        approvals::list, approvals::request, approvals::read, approvals::approve,
        approvals::refuse, approvals::withdraw,
        alerts::list, alerts::read, alerts::acknowledge, alerts::rules, alerts::create_rule,
        alerts::change_rule, alerts::delete_rule,
        notification_targets::list, notification_targets::create, notification_targets::change,
        notification_targets::remove, notification_targets::test,
        portal_events::follow, metrics::render,
        settings::read, settings::change, settings::set_assistant_key,
        connections::list, connections::create, connections::read, connections::update,
        connections::remove, connections::test,
        plans::list, plans::draft, plans::check, plans::create, plans::read, plans::save,
        plans::versions,
        runs::list, runs::start, runs::read, events::follow, runs::pause, runs::stop,
        runs::resume,
        quarantine::list, quarantine::counts,
        audit::list, audit::export, audit::chain,
        error_codes::list,
        health::summary, health::live, health::ready,
        openapi::document, docs::page,
    ),
    security(("bearer" = [])),
    modifiers(&Security, &OperationIds),
)]
struct Description;

struct Security;

impl Modify for Security {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let components = openapi.components.get_or_insert_default();
        components.add_security_scheme(
            "bearer",
            SecurityScheme::Http(
                HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build(),
            ),
        );
        components.add_security_scheme(
            "session",
            SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new("transfuse_session"))),
        );
    }
}

struct OperationIds;

impl Modify for OperationIds {
    /// Handlers are named within their resource; in the document names are unique.
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        for path in openapi.paths.paths.values_mut() {
            let operations =
                [&mut path.get, &mut path.post, &mut path.put, &mut path.delete].into_iter();
            for operation in operations.flatten() {
                let resource = operation.tags.iter().flatten().next();
                let resource = resource.map(|tag| tag.replace(' ', "_")).unwrap_or_default();
                let name = operation.operation_id.take().unwrap_or_default();
                operation.operation_id = Some(format!("{resource}_{name}"));
            }
        }
    }
}
