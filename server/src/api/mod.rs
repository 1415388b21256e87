//! HTTP and nothing else: each resource in its own file, all of them in the table below.

pub mod error;
mod extract;
mod external;
mod proof;
mod cursor;
mod session;
mod sessions;
mod profile;
mod password_links;
mod users;
mod settings;
mod approvals;
mod alerts;
mod notification_targets;
mod portal_events;
mod metrics;
mod connections;
pub(crate) mod plans;
mod assessments;
mod runs;
mod events;
mod quarantine;
mod matchings;
mod matches;
mod rehearsals;
mod rollbacks;
mod verifications;
mod repairs;
mod checkings;
mod sign_offs;
mod reports;
mod audit;
mod error_codes;
mod manuals;
mod assistant;
mod health;
pub mod openapi;
mod docs;

use std::sync::Arc;

use actix_web::Resource;
use actix_web::web::{Data, ServiceConfig, resource, to};
use engine::clock::Clock;
use shared::route;

pub use error::ApiError;
pub use extract::is_secure;

use crate::audit::chain::Checker;
use crate::auth::external::Provider;
use crate::auth::secret::Secrets;
use crate::auth::token::AccessTokens;
use crate::jobs::alerts::Notifier;
use crate::jobs::changes::Changes;
use crate::jobs::{
    Assessments, Checkings, Databases, Duplicates, QuarantineWork, Rehearsals, Reports, Rollbacks,
    Runs, SignOffs, Verifications,
};
use crate::settings::Current;
use crate::store::Store;
use crate::telemetry::Metrics;

/// What handlers work with.
pub struct Services {
    pub store: Store,
    pub clock: Arc<dyn Clock>,
    pub tokens: AccessTokens,
    pub databases: Databases,
    pub assessments: Assessments,
    pub runs: Runs,
    pub rehearsals: Rehearsals,
    pub rollbacks: Rollbacks,
    pub verifications: Verifications,
    pub checkings: Checkings,
    pub sign_offs: SignOffs,
    pub quarantine: QuarantineWork,
    pub reports: Reports,
    pub duplicates: Duplicates,
    pub proxy: Proxy,
    pub settings: Current,
    /// Seals secrets of accounts and settings.
    pub vault: Secrets,
    /// The identity provider whose tokens are accepted.
    pub provider: Option<Provider>,
    pub notifier: Notifier,
    /// What changes, for everybody who listens.
    pub changes: Changes,
    pub metrics: Metrics,
    pub chain: Checker,
    /// This installation's name.
    pub installation: String,
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
            .configure(accounts)
            .service(at(route::APPROVALS).get(approvals::list).post(approvals::request))
            .service(at(route::APPROVAL).get(approvals::read))
            .service(at(route::APPROVAL_APPROVE).post(approvals::approve))
            .service(at(route::APPROVAL_REFUSE).post(approvals::refuse))
            .service(at(route::APPROVAL_WITHDRAW).post(approvals::withdraw))
            .service(at(route::ALERTS).get(alerts::list))
            .service(at(route::ALERT).get(alerts::read))
            .service(at(route::ALERT_ACKNOWLEDGE).post(alerts::acknowledge))
            .service(at(route::ALERT_RULES).get(alerts::rules).post(alerts::create_rule))
            .service(at(route::ALERT_RULE).put(alerts::change_rule).delete(alerts::delete_rule))
            .service(
                at(route::NOTIFICATION_TARGETS)
                    .get(notification_targets::list)
                    .post(notification_targets::create),
            )
            .service(
                at(route::NOTIFICATION_TARGET)
                    .put(notification_targets::change)
                    .delete(notification_targets::remove),
            )
            .service(at(route::NOTIFICATION_TARGET_TEST).post(notification_targets::test))
            .service(at(route::EVENTS).get(portal_events::follow))
            .service(at(route::METRICS).get(metrics::render))
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
            .service(at(route::PLANS_TRY).post(plans::try_rules))
            .service(at(route::PLAN).get(plans::read).put(plans::save))
            .service(at(route::PLAN_VERSIONS).get(plans::versions))
            .service(at(route::PLAN_DIFF).get(plans::diff))
            .service(at(route::ASSESSMENTS).get(assessments::list).post(assessments::start))
            .service(at(route::ASSESSMENT).get(assessments::read))
            .service(at(route::ASSESSMENT_STOP).post(assessments::stop))
            .service(at(route::CHECKS).get(assessments::checks))
            .service(at(route::RUNS).get(runs::list).post(runs::start))
            .service(at(route::RUN).get(runs::read))
            .service(at(route::RUN_EVENTS).get(events::follow))
            .service(at(route::RUN_PAUSE).post(runs::pause))
            .service(at(route::RUN_STOP).post(runs::stop))
            .service(at(route::RUN_RESUME).post(runs::resume))
            .configure(quarantined)
            .service(at(route::REPORT).get(reports::read))
            .service(at(route::REPORT_FILE).get(reports::file))
            .service(at(route::REHEARSALS).get(rehearsals::list).post(rehearsals::start))
            .service(at(route::REHEARSAL).get(rehearsals::read))
            .service(at(route::REHEARSAL_STOP).post(rehearsals::stop))
            .service(at(route::ROLLBACKS).get(rollbacks::list).post(rollbacks::preview))
            .service(at(route::ROLLBACK).get(rollbacks::read))
            .service(at(route::ROLLBACK_START).post(rollbacks::start))
            .configure(compared)
            .configure(duplicates)
            .service(at(route::AUDIT).get(audit::list))
            .service(at(route::AUDIT_EXPORT).get(audit::export))
            .service(at(route::AUDIT_CHAIN).get(audit::chain))
            .service(at(route::ERROR_CODES).get(error_codes::list))
            .service(at(route::MANUALS).get(manuals::list))
            .service(at(route::MANUALS_SEARCH).get(manuals::search))
            .service(at(route::MANUAL).get(manuals::read))
            .service(at(route::ASSISTANT).post(assistant::ask))
            .service(at(route::HEALTH).get(health::summary))
            .service(at(route::HEALTH_LIVE).get(health::live))
            .service(at(route::HEALTH_READY).get(health::ready))
            .service(at(route::OPENAPI).get(openapi::document))
            .service(at(route::DOCS).get(docs::page));
    }
}

/// The routes about who is signed in, who may be, and what is set for all.
fn accounts(config: &mut ServiceConfig) {
    config
        .service(
            at(route::SESSION)
                .get(session::who_am_i)
                .post(session::sign_in)
                .delete(session::sign_out),
        )
        .service(at(route::SESSION_REFRESH).post(session::refresh))
        .service(at(route::SESSION_ACTIVITY).post(session::activity))
        .service(at(route::SESSIONS).get(sessions::own).delete(sessions::end_own))
        .service(at(route::SESSION_OF).delete(sessions::end))
        .service(at(route::PASSWORD_RESET).post(password_links::reset))
        .service(at(route::PROFILE).put(profile::change))
        .service(at(route::PROFILE_PASSWORD).put(profile::change_password))
        .service(at(route::SECOND_FACTOR).get(profile::second_factor).post(profile::enrol))
        .service(at(route::SECOND_FACTOR_CONFIRM).post(profile::confirm))
        .service(at(route::SECOND_FACTOR_REMOVE).post(profile::remove_second_factor))
        .service(at(route::USERS).get(users::list).post(users::create))
        .service(at(route::USER).get(users::read).put(users::change))
        .service(at(route::USER_PASSWORD_LINK).post(password_links::create_link))
        .service(at(route::USER_SECOND_FACTOR).delete(users::remove_second_factor))
        .service(at(route::USER_SESSIONS).get(sessions::of_user).delete(sessions::end_of_user))
        .service(at(route::SETTINGS).get(settings::read).put(settings::change))
        .service(at(route::SETTINGS_ASSISTANT_KEY).put(settings::set_assistant_key));
}

/// The routes about the rows of a run that could not be carried over.
fn quarantined(config: &mut ServiceConfig) {
    config
        .service(at(route::RUN_QUARANTINE).get(quarantine::list))
        .service(at(route::RUN_QUARANTINE_COUNTS).get(quarantine::counts))
        .service(at(route::RUN_QUARANTINE_EXPORT).get(quarantine::export))
        .service(at(route::RUN_QUARANTINE_PREVIEW).post(quarantine::preview))
        .service(at(route::RUN_QUARANTINE_TRIAGE).post(quarantine::triage))
        .service(at(route::RUN_QUARANTINE_FIX).post(quarantine::fix))
        .service(at(route::RUN_QUARANTINE_WAIVE).post(quarantine::waive))
        .service(at(route::RUN_QUARANTINE_REPLAY).post(quarantine::replay))
        .service(at(route::RUN_QUARANTINE_ACTIONS).get(quarantine::actions))
        .service(at(route::RUN_QUARANTINE_UNDO).post(quarantine::undo))
        .service(at(route::RUN_QUARANTINE_ROW).get(quarantine::read))
        .service(at(route::RUN_QUARANTINE_REVEAL).post(quarantine::reveal));
}

/// The routes about what a run left: held against its source, checked, and looked at by eye.
fn compared(config: &mut ServiceConfig) {
    config
        .service(at(route::VERIFICATIONS).get(verifications::list).post(verifications::start))
        .service(at(route::VERIFICATION).get(verifications::read))
        .service(at(route::VERIFICATION_PAUSE).post(verifications::pause))
        .service(at(route::VERIFICATION_RESUME).post(verifications::resume))
        .service(at(route::VERIFICATION_FRESHNESS).get(verifications::freshness))
        .service(at(route::VERIFICATION_MISMATCHES).get(verifications::mismatches))
        .service(at(route::VERIFICATION_REVEAL).post(verifications::reveal))
        .service(at(route::VERIFICATION_REPAIRS).get(repairs::list).post(repairs::preview))
        .service(at(route::REPAIR).get(repairs::read))
        .service(at(route::REPAIR_START).post(repairs::start))
        .service(at(route::REPAIR_TAKE_BACK).post(repairs::take_back))
        .service(at(route::CHECKINGS).get(checkings::list).post(checkings::start))
        .service(at(route::CHECKING).get(checkings::read))
        .service(at(route::CHECKING_THRESHOLDS).post(checkings::judge))
        .service(at(route::SIGN_OFFS).get(sign_offs::list).post(sign_offs::start))
        .service(at(route::SIGN_OFF).get(sign_offs::read))
        .service(at(route::SIGN_OFF_PEOPLE).get(sign_offs::people))
        .service(at(route::SIGN_OFF_REVEAL).post(sign_offs::reveal))
        .service(at(route::SIGN_OFF_JUDGEMENT).post(sign_offs::judge))
        .service(at(route::SIGN_OFF_SIGNATURE).post(sign_offs::sign));
}

/// The routes about people who are there twice.
fn duplicates(config: &mut ServiceConfig) {
    config
        .service(at(route::MATCHINGS).get(matchings::list).post(matchings::start))
        .service(at(route::MATCHING).get(matchings::read))
        .service(at(route::MATCHING_MODEL).get(matchings::model))
        .service(at(route::MATCHING_SIMULATION).get(matchings::simulate))
        .service(at(route::MATCHING_MATCHES).get(matchings::queue))
        .service(at(route::MATCHING_CLUSTERS).get(matchings::clusters))
        .service(at(route::MATCHING_MERGES).get(matchings::merges))
        .service(at(route::MATCH).get(matches::read_match))
        .service(at(route::MATCH_REVEAL).post(matches::reveal_match))
        .service(at(route::MATCH_DECISION).put(matches::decide).delete(matches::undo))
        .service(at(route::CLUSTER).get(matches::read_cluster))
        .service(at(route::CLUSTER_REVEAL).post(matches::reveal_cluster))
        .service(at(route::CLUSTER_MERGE).post(matches::merge_cluster))
        .service(at(route::MERGE).get(matches::read_merge))
        .service(at(route::MERGE_UNMERGE).post(matches::unmerge));
}

/// A resource that refuses other methods the way everything else is refused.
fn at(path: &str) -> Resource {
    let allowed = openapi::methods_of(path);
    resource(path).default_service(to(move || {
        let refusal = ApiError::MethodNotAllowed { allowed: allowed.clone() };
        async { Err::<String, _>(refusal) }
    }))
}

/// What answers under the API's base where no resource does.
pub async fn no_such_endpoint() -> Result<String, ApiError> {
    Err(ApiError::NoSuchEndpoint)
}
