//! Every path of the API, for both sides.

use crate::id::{ConnectionId, PlanId, RunId};

pub const BASE: &str = "/api/v1";

/// What runs here, and whether it can work.
pub const HEALTH: &str = "/api/v1/health";
/// The process answers.
pub const HEALTH_LIVE: &str = "/api/v1/health/live";
/// The control store answers too.
pub const HEALTH_READY: &str = "/api/v1/health/ready";
pub const OPENAPI: &str = "/api/v1/openapi.json";
/// The OpenAPI document as a page for people.
pub const DOCS: &str = "/api/v1/docs";

pub const SESSION: &str = "/api/v1/session";
pub const SESSION_REFRESH: &str = "/api/v1/session/refresh";

pub const CONNECTIONS: &str = "/api/v1/connections";
pub const CONNECTION: &str = "/api/v1/connections/{id}";
pub const CONNECTION_TEST: &str = "/api/v1/connections/{id}/test";

pub const PLANS: &str = "/api/v1/plans";
pub const PLANS_DRAFT: &str = "/api/v1/plans/draft";
pub const PLANS_CHECK: &str = "/api/v1/plans/check";
/// `?version=N` asks for an older one.
pub const PLAN: &str = "/api/v1/plans/{id}";
pub const PLAN_VERSIONS: &str = "/api/v1/plans/{id}/versions";

pub const RUNS: &str = "/api/v1/runs";
pub const RUN: &str = "/api/v1/runs/{id}";
pub const RUN_EVENTS: &str = "/api/v1/runs/{id}/events";
pub const RUN_PAUSE: &str = "/api/v1/runs/{id}/pause";
/// Rolls back the chunks under way, where `pause` waits for them.
pub const RUN_STOP: &str = "/api/v1/runs/{id}/stop";
pub const RUN_RESUME: &str = "/api/v1/runs/{id}/resume";
pub const RUN_QUARANTINE: &str = "/api/v1/runs/{id}/quarantine";
pub const RUN_QUARANTINE_COUNTS: &str = "/api/v1/runs/{id}/quarantine/counts";

pub const AUDIT: &str = "/api/v1/audit";

pub const ERROR_CODES: &str = "/api/v1/error-codes";

/// Every path above that answers.
pub const ALL: &[&str] = &[
    HEALTH,
    HEALTH_LIVE,
    HEALTH_READY,
    OPENAPI,
    DOCS,
    SESSION,
    SESSION_REFRESH,
    CONNECTIONS,
    CONNECTION,
    CONNECTION_TEST,
    PLANS,
    PLANS_DRAFT,
    PLANS_CHECK,
    PLAN,
    PLAN_VERSIONS,
    RUNS,
    RUN,
    RUN_EVENTS,
    RUN_PAUSE,
    RUN_STOP,
    RUN_RESUME,
    RUN_QUARANTINE,
    RUN_QUARANTINE_COUNTS,
    AUDIT,
    ERROR_CODES,
];

pub fn connection(id: &ConnectionId) -> String {
    fill(CONNECTION, id.as_str())
}

pub fn connection_test(id: &ConnectionId) -> String {
    fill(CONNECTION_TEST, id.as_str())
}

pub fn plan(id: &PlanId) -> String {
    fill(PLAN, id.as_str())
}

pub fn plan_versions(id: &PlanId) -> String {
    fill(PLAN_VERSIONS, id.as_str())
}

pub fn run(id: &RunId) -> String {
    fill(RUN, id.as_str())
}

pub fn run_events(id: &RunId) -> String {
    fill(RUN_EVENTS, id.as_str())
}

pub fn run_pause(id: &RunId) -> String {
    fill(RUN_PAUSE, id.as_str())
}

pub fn run_stop(id: &RunId) -> String {
    fill(RUN_STOP, id.as_str())
}

pub fn run_resume(id: &RunId) -> String {
    fill(RUN_RESUME, id.as_str())
}

pub fn run_quarantine(id: &RunId) -> String {
    fill(RUN_QUARANTINE, id.as_str())
}

pub fn run_quarantine_counts(id: &RunId) -> String {
    fill(RUN_QUARANTINE_COUNTS, id.as_str())
}

/// Ids have no character that a path would have to escape.
fn fill(path: &str, id: &str) -> String {
    path.replace("{id}", id)
}
