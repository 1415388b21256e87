//! Every path of the API, for both sides.

use crate::id::{ConnectionId, PlanId, RunId};

pub const BASE: &str = "/api/v1";

pub const HEALTH: &str = "/api/v1/health";
pub const OPENAPI: &str = "/api/v1/openapi.json";

pub const SESSION: &str = "/api/v1/session";
pub const SESSION_REFRESH: &str = "/api/v1/session/refresh";

pub const CONNECTIONS: &str = "/api/v1/connections";
pub const CONNECTION: &str = "/api/v1/connections/{id}";
pub const CONNECTION_TEST: &str = "/api/v1/connections/{id}/test";

pub const PLANS: &str = "/api/v1/plans";
pub const PLANS_DRAFT: &str = "/api/v1/plans/draft";
pub const PLAN: &str = "/api/v1/plans/{id}";

pub const RUNS: &str = "/api/v1/runs";
pub const RUN: &str = "/api/v1/runs/{id}";
pub const RUN_EVENTS: &str = "/api/v1/runs/{id}/events";
pub const RUN_PAUSE: &str = "/api/v1/runs/{id}/pause";
pub const RUN_RESUME: &str = "/api/v1/runs/{id}/resume";
pub const RUN_QUARANTINE: &str = "/api/v1/runs/{id}/quarantine";
pub const RUN_QUARANTINE_COUNTS: &str = "/api/v1/runs/{id}/quarantine/counts";

pub const ERROR_CODES: &str = "/api/v1/error-codes";

pub fn connection(id: &ConnectionId) -> String {
    fill(CONNECTION, id.as_str())
}

pub fn connection_test(id: &ConnectionId) -> String {
    fill(CONNECTION_TEST, id.as_str())
}

pub fn plan(id: &PlanId) -> String {
    fill(PLAN, id.as_str())
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
