//! The description of the API, made from its code.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use actix_web::web::Json;
use shared::problem::MEDIA_TYPE;
use shared::route;
use utoipa::openapi::path::{Operation, ParameterIn, PathItem};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{Modify, OpenApi};

use super::{
    alerts, approvals, assessments, assistant, audit, checkings, connections, docs, error_codes,
    events, health, manuals, matches, matchings, metrics, notification_targets, openapi,
    password_links, plans, portal_events, profile, quarantine, rehearsals, repairs, reports,
    rollbacks, runs, session, sessions, settings, sign_offs, users, verifications,
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
        password_links::reset, password_links::create_link,
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
        plans::versions, plans::diff, plans::try_rules,
        assessments::list, assessments::start, assessments::read, assessments::stop,
        assessments::checks,
        runs::list, runs::start, runs::read, events::follow, runs::pause, runs::stop,
        runs::resume,
        reports::read, reports::file,
        rehearsals::list, rehearsals::start, rehearsals::read, rehearsals::stop,
        rollbacks::list, rollbacks::preview, rollbacks::read, rollbacks::start,
        verifications::list, verifications::start, verifications::read, verifications::pause,
        verifications::resume, verifications::freshness, verifications::mismatches,
        verifications::reveal,
        repairs::list, repairs::preview, repairs::read, repairs::start, repairs::take_back,
        checkings::list, checkings::start, checkings::read, checkings::judge,
        sign_offs::list, sign_offs::start, sign_offs::read, sign_offs::people,
        sign_offs::reveal, sign_offs::judge, sign_offs::sign,
        quarantine::list, quarantine::counts, quarantine::export, quarantine::preview,
        quarantine::triage, quarantine::fix, quarantine::waive, quarantine::replay,
        quarantine::actions, quarantine::undo, quarantine::read, quarantine::reveal,
        matchings::list, matchings::start, matchings::read, matchings::model, matchings::simulate,
        matchings::queue, matchings::clusters, matchings::merges,
        matches::read_match, matches::reveal_match, matches::decide, matches::undo, matches::read_cluster,
        matches::reveal_cluster, matches::merge_cluster, matches::read_merge, matches::unmerge,
        audit::list, audit::export, audit::chain,
        error_codes::list,
        manuals::list, manuals::search, manuals::read,
        assistant::ask,
        health::summary, health::live, health::ready,
        openapi::document, docs::page,
    ),
    components(schemas(shared::audit::ExportFormat)),
    security(("bearer" = [])),
    modifiers(&Security, &OperationIds, &Refusals),
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

struct Refusals;

impl Modify for Refusals {
    /// What is answered alike everywhere stands in each operation, and nobody has to write it.
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        for (path, item) in &mut openapi.paths.paths {
            for operation in operations_of(item) {
                let is_open = operation.security.is_some();
                let has_query = operation.parameters.iter().flatten().any(|parameter| {
                    let RefOr::T(parameter) = parameter else { return false };
                    matches!(parameter.parameter_in, ParameterIn::Query | ParameterIn::Header)
                });
                let has_body = operation.request_body.is_some();
                let refusals = [
                    (
                        has_body || has_query,
                        "400",
                        "the body, the query or a header cannot be read",
                    ),
                    (!is_open, "401", "nobody is signed in"),
                    (!is_open, "403", "the role does not allow it"),
                    (path.contains('{'), "404", "there is no such thing"),
                    (has_body, "413", "the body is too large"),
                ];
                for (_, status, about) in refusals.into_iter().filter(|(applies, ..)| *applies) {
                    let responses = &mut operation.responses.responses;
                    responses.entry(status.to_owned()).or_insert_with(|| refusal(about).into());
                }
            }
        }
    }
}

fn refusal(about: &str) -> Response {
    let problem = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    ResponseBuilder::new().description(about).content(MEDIA_TYPE, problem).build()
}

fn operations_of(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.post, &mut item.put, &mut item.delete].into_iter().flatten()
}

/// The methods that a path takes, as the header `Allow` has them.
pub(super) fn methods_of(path: &str) -> String {
    static METHODS: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| {
        let mut paths = description().paths.paths;
        let methods = |item: &mut PathItem| {
            let named = [
                ("GET", item.get.is_some()),
                ("POST", item.post.is_some()),
                ("PUT", item.put.is_some()),
                ("DELETE", item.delete.is_some()),
            ];
            let there = named.into_iter().filter(|(_, is_there)| *is_there);
            there.map(|(name, _)| name).collect::<Vec<_>>().join(", ")
        };
        paths.iter_mut().map(|(path, item)| (path.clone(), methods(item))).collect()
    });
    METHODS.get(path).cloned().unwrap_or_default()
}

struct OperationIds;

impl Modify for OperationIds {
    /// Handlers are named within their resource; in the document names are unique.
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        for path in openapi.paths.paths.values_mut() {
            for operation in operations_of(path) {
                let resource = operation.tags.iter().flatten().next();
                let resource = resource.map(|tag| tag.replace(' ', "_")).unwrap_or_default();
                let name = operation.operation_id.take().unwrap_or_default();
                operation.operation_id = Some(format!("{resource}_{name}"));
            }
        }
    }
}
