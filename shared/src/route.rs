//! Every path of the API, for both sides.

use crate::id::{
    AlertId, ApprovalId, AssessmentId, CheckingId, ClusterKey, ConnectionId, MatchId, MatchingId,
    MergeId, PlanId, QuarantineActionId, QuarantineId, RehearsalId, RepairId, RollbackId, RunId,
    SessionId, SignOffId, TargetId, UserId, VerificationId,
};

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

/// Somebody is at the keyboard: the session is not idle.
pub const SESSION_ACTIVITY: &str = "/api/v1/session/activity";
/// One's own sessions on all devices.
pub const SESSIONS: &str = "/api/v1/sessions";
pub const SESSION_OF: &str = "/api/v1/sessions/{id}";
/// Setting a password by a link.
pub const PASSWORD_RESET: &str = "/api/v1/password-reset";
/// Oneself.
pub const PROFILE: &str = "/api/v1/profile";
pub const PROFILE_PASSWORD: &str = "/api/v1/profile/password";
pub const SECOND_FACTOR: &str = "/api/v1/profile/second-factor";
pub const SECOND_FACTOR_CONFIRM: &str = "/api/v1/profile/second-factor/confirm";
pub const SECOND_FACTOR_REMOVE: &str = "/api/v1/profile/second-factor/remove";

pub const USERS: &str = "/api/v1/users";
pub const USER: &str = "/api/v1/users/{id}";
pub const USER_PASSWORD_LINK: &str = "/api/v1/users/{id}/password-link";
pub const USER_SECOND_FACTOR: &str = "/api/v1/users/{id}/second-factor";
pub const USER_SESSIONS: &str = "/api/v1/users/{id}/sessions";

pub const SETTINGS: &str = "/api/v1/settings";
pub const SETTINGS_ASSISTANT_KEY: &str = "/api/v1/settings/assistant-key";

pub const APPROVALS: &str = "/api/v1/approvals";
pub const APPROVAL: &str = "/api/v1/approvals/{id}";
pub const APPROVAL_APPROVE: &str = "/api/v1/approvals/{id}/approve";
pub const APPROVAL_REFUSE: &str = "/api/v1/approvals/{id}/refuse";
pub const APPROVAL_WITHDRAW: &str = "/api/v1/approvals/{id}/withdraw";

pub const ALERTS: &str = "/api/v1/alerts";
pub const ALERT: &str = "/api/v1/alerts/{id}";
pub const ALERT_ACKNOWLEDGE: &str = "/api/v1/alerts/{id}/acknowledge";
pub const ALERT_RULES: &str = "/api/v1/alert-rules";
pub const ALERT_RULE: &str = "/api/v1/alert-rules/{id}";
pub const NOTIFICATION_TARGETS: &str = "/api/v1/notification-targets";
pub const NOTIFICATION_TARGET: &str = "/api/v1/notification-targets/{id}";
pub const NOTIFICATION_TARGET_TEST: &str = "/api/v1/notification-targets/{id}/test";

/// Everything that changes, for the whole portal.
pub const EVENTS: &str = "/api/v1/events";
/// Figures for Prometheus.
pub const METRICS: &str = "/api/v1/metrics";

pub const CONNECTIONS: &str = "/api/v1/connections";
pub const CONNECTION: &str = "/api/v1/connections/{id}";
pub const CONNECTION_TEST: &str = "/api/v1/connections/{id}/test";

pub const PLANS: &str = "/api/v1/plans";
pub const PLANS_DRAFT: &str = "/api/v1/plans/draft";
pub const PLANS_CHECK: &str = "/api/v1/plans/check";
pub const PLANS_TRY: &str = "/api/v1/plans/try";
/// `?version=N` asks for an older one.
pub const PLAN: &str = "/api/v1/plans/{id}";
pub const PLAN_VERSIONS: &str = "/api/v1/plans/{id}/versions";
/// `?from=N&to=M` names the versions.
pub const PLAN_DIFF: &str = "/api/v1/plans/{id}/diff";

/// What is found before anything moves. `?plan=ID` asks for those of one plan.
pub const ASSESSMENTS: &str = "/api/v1/assessments";
pub const ASSESSMENT: &str = "/api/v1/assessments/{id}";
pub const ASSESSMENT_STOP: &str = "/api/v1/assessments/{id}/stop";
/// The checks that there are.
pub const CHECKS: &str = "/api/v1/checks";

/// The evidence of a run.
pub const REPORT: &str = "/api/v1/reports/{id}";
pub const REPORT_FILE: &str = "/api/v1/reports/{id}/files/{name}";

pub const RUNS: &str = "/api/v1/runs";
pub const RUN: &str = "/api/v1/runs/{id}";
pub const RUN_EVENTS: &str = "/api/v1/runs/{id}/events";
pub const RUN_PAUSE: &str = "/api/v1/runs/{id}/pause";
/// Rolls back the chunks under way, where `pause` waits for them.
pub const RUN_STOP: &str = "/api/v1/runs/{id}/stop";
pub const RUN_RESUME: &str = "/api/v1/runs/{id}/resume";
pub const RUN_QUARANTINE: &str = "/api/v1/runs/{id}/quarantine";
pub const RUN_QUARANTINE_COUNTS: &str = "/api/v1/runs/{id}/quarantine/counts";
/// All rows, masked, as CSV.
pub const RUN_QUARANTINE_EXPORT: &str = "/api/v1/runs/{id}/quarantine/export";
pub const RUN_QUARANTINE_PREVIEW: &str = "/api/v1/runs/{id}/quarantine/preview";
pub const RUN_QUARANTINE_TRIAGE: &str = "/api/v1/runs/{id}/quarantine/triage";
pub const RUN_QUARANTINE_FIX: &str = "/api/v1/runs/{id}/quarantine/fix";
pub const RUN_QUARANTINE_WAIVE: &str = "/api/v1/runs/{id}/quarantine/waive";
pub const RUN_QUARANTINE_REPLAY: &str = "/api/v1/runs/{id}/quarantine/replay";
pub const RUN_QUARANTINE_ACTIONS: &str = "/api/v1/runs/{id}/quarantine/actions";
pub const RUN_QUARANTINE_UNDO: &str = "/api/v1/runs/{id}/quarantine/actions/{action}/undo";
pub const RUN_QUARANTINE_ROW: &str = "/api/v1/runs/{id}/quarantine/rows/{row}";
pub const RUN_QUARANTINE_REVEAL: &str = "/api/v1/runs/{id}/quarantine/rows/{row}/reveal";

/// `?run=ID` asks for those of one run. What is posted is only looked at.
pub const ROLLBACKS: &str = "/api/v1/rollbacks";
pub const ROLLBACK: &str = "/api/v1/rollbacks/{id}";
/// Carries out what was looked at.
pub const ROLLBACK_START: &str = "/api/v1/rollbacks/{id}/start";

/// `?run=ID` asks for those of one run.
pub const VERIFICATIONS: &str = "/api/v1/verifications";
pub const VERIFICATION: &str = "/api/v1/verifications/{id}";
pub const VERIFICATION_PAUSE: &str = "/api/v1/verifications/{id}/pause";
pub const VERIFICATION_RESUME: &str = "/api/v1/verifications/{id}/resume";
/// Asks both databases whether they changed since.
pub const VERIFICATION_FRESHNESS: &str = "/api/v1/verifications/{id}/freshness";
pub const VERIFICATION_MISMATCHES: &str = "/api/v1/verifications/{id}/mismatches";
/// The key of the row that a mismatch is about, in clear.
pub const VERIFICATION_REVEAL: &str = "/api/v1/verifications/{id}/mismatches/{digest}/reveal";
/// What is posted is only tried out.
pub const VERIFICATION_REPAIRS: &str = "/api/v1/verifications/{id}/repairs";
pub const REPAIR: &str = "/api/v1/repairs/{id}";
/// Carries out what was tried out.
pub const REPAIR_START: &str = "/api/v1/repairs/{id}/start";
pub const REPAIR_TAKE_BACK: &str = "/api/v1/repairs/{id}/take-back";

/// Clinical checks of runs. `?run=ID` asks for those of one run. What is posted begins.
pub const CHECKINGS: &str = "/api/v1/checkings";
pub const CHECKING: &str = "/api/v1/checkings/{id}";
/// Judges the same numbers under other thresholds.
pub const CHECKING_THRESHOLDS: &str = "/api/v1/checkings/{id}/thresholds";

/// People drawn from a run, to be looked at by eye. `?run=ID` asks for those of one run.
pub const SIGN_OFFS: &str = "/api/v1/sign-offs";
pub const SIGN_OFF: &str = "/api/v1/sign-offs/{id}";
pub const SIGN_OFF_PEOPLE: &str = "/api/v1/sign-offs/{id}/people";
/// Somebody's rows on both sides, in clear.
pub const SIGN_OFF_REVEAL: &str = "/api/v1/sign-offs/{id}/people/{number}/reveal";
pub const SIGN_OFF_JUDGEMENT: &str = "/api/v1/sign-offs/{id}/people/{number}/judgement";
pub const SIGN_OFF_SIGNATURE: &str = "/api/v1/sign-offs/{id}/signature";

/// `?plan=ID` asks for those of one plan. What is posted begins.
pub const REHEARSALS: &str = "/api/v1/rehearsals";
pub const REHEARSAL: &str = "/api/v1/rehearsals/{id}";
pub const REHEARSAL_STOP: &str = "/api/v1/rehearsals/{id}/stop";

/// Searches for people who are there twice. `?plan=ID` asks for those of one plan.
pub const MATCHINGS: &str = "/api/v1/matchings";
pub const MATCHING: &str = "/api/v1/matchings/{id}";
/// What the search's model knows, and what its passes found.
pub const MATCHING_MODEL: &str = "/api/v1/matchings/{id}/model";
/// What two thresholds would do.
pub const MATCHING_SIMULATION: &str = "/api/v1/matchings/{id}/simulation";
/// The queue of pairs.
pub const MATCHING_MATCHES: &str = "/api/v1/matchings/{id}/matches";
pub const MATCHING_CLUSTERS: &str = "/api/v1/matchings/{id}/clusters";
/// Merges of the people among whom the search looked.
pub const MATCHING_MERGES: &str = "/api/v1/matchings/{id}/merges";
/// A pair, its people masked.
pub const MATCH: &str = "/api/v1/matches/{id}";
/// The same with its people in clear.
pub const MATCH_REVEAL: &str = "/api/v1/matches/{id}/reveal";
/// What somebody says of a pair, and how that is taken back.
pub const MATCH_DECISION: &str = "/api/v1/matches/{id}/decision";
pub const CLUSTER: &str = "/api/v1/clusters/{id}";
pub const CLUSTER_REVEAL: &str = "/api/v1/clusters/{id}/reveal";
pub const CLUSTER_MERGE: &str = "/api/v1/clusters/{id}/merge";
pub const MERGE: &str = "/api/v1/merges/{id}";
pub const MERGE_UNMERGE: &str = "/api/v1/merges/{id}/unmerge";

pub const AUDIT: &str = "/api/v1/audit";
pub const AUDIT_EXPORT: &str = "/api/v1/audit/export";
pub const AUDIT_CHAIN: &str = "/api/v1/audit/chain";

pub const ERROR_CODES: &str = "/api/v1/error-codes";

pub const MANUALS: &str = "/api/v1/manuals";
/// `?words=` says what is looked for.
pub const MANUALS_SEARCH: &str = "/api/v1/manuals/search";
pub const MANUAL: &str = "/api/v1/manuals/{id}";
/// Questions about the migration.
pub const ASSISTANT: &str = "/api/v1/assistant";

/// Every path above that answers.
pub const ALL: &[&str] = &[
    HEALTH,
    HEALTH_LIVE,
    HEALTH_READY,
    OPENAPI,
    DOCS,
    SESSION,
    SESSION_REFRESH,
    SESSION_ACTIVITY,
    SESSIONS,
    SESSION_OF,
    PASSWORD_RESET,
    PROFILE,
    PROFILE_PASSWORD,
    SECOND_FACTOR,
    SECOND_FACTOR_CONFIRM,
    SECOND_FACTOR_REMOVE,
    USERS,
    USER,
    USER_PASSWORD_LINK,
    USER_SECOND_FACTOR,
    USER_SESSIONS,
    SETTINGS,
    SETTINGS_ASSISTANT_KEY,
    APPROVALS,
    APPROVAL,
    APPROVAL_APPROVE,
    APPROVAL_REFUSE,
    APPROVAL_WITHDRAW,
    ALERTS,
    ALERT,
    ALERT_ACKNOWLEDGE,
    ALERT_RULES,
    ALERT_RULE,
    NOTIFICATION_TARGETS,
    NOTIFICATION_TARGET,
    NOTIFICATION_TARGET_TEST,
    EVENTS,
    METRICS,
    CONNECTIONS,
    CONNECTION,
    CONNECTION_TEST,
    PLANS,
    PLANS_DRAFT,
    PLANS_CHECK,
    PLANS_TRY,
    PLAN,
    PLAN_VERSIONS,
    PLAN_DIFF,
    ASSESSMENTS,
    ASSESSMENT,
    ASSESSMENT_STOP,
    CHECKS,
    REPORT,
    REPORT_FILE,
    RUNS,
    RUN,
    RUN_EVENTS,
    RUN_PAUSE,
    RUN_STOP,
    RUN_RESUME,
    RUN_QUARANTINE,
    RUN_QUARANTINE_COUNTS,
    ROLLBACKS,
    ROLLBACK,
    ROLLBACK_START,
    VERIFICATIONS,
    VERIFICATION,
    VERIFICATION_PAUSE,
    VERIFICATION_RESUME,
    VERIFICATION_FRESHNESS,
    VERIFICATION_MISMATCHES,
    VERIFICATION_REVEAL,
    VERIFICATION_REPAIRS,
    REPAIR,
    REPAIR_START,
    REPAIR_TAKE_BACK,
    CHECKINGS,
    CHECKING,
    CHECKING_THRESHOLDS,
    SIGN_OFFS,
    SIGN_OFF,
    SIGN_OFF_PEOPLE,
    SIGN_OFF_REVEAL,
    SIGN_OFF_JUDGEMENT,
    SIGN_OFF_SIGNATURE,
    REHEARSALS,
    REHEARSAL,
    REHEARSAL_STOP,
    RUN_QUARANTINE_EXPORT,
    RUN_QUARANTINE_PREVIEW,
    RUN_QUARANTINE_TRIAGE,
    RUN_QUARANTINE_FIX,
    RUN_QUARANTINE_WAIVE,
    RUN_QUARANTINE_REPLAY,
    RUN_QUARANTINE_ACTIONS,
    RUN_QUARANTINE_UNDO,
    RUN_QUARANTINE_ROW,
    RUN_QUARANTINE_REVEAL,
    MATCHINGS,
    MATCHING,
    MATCHING_MODEL,
    MATCHING_SIMULATION,
    MATCHING_MATCHES,
    MATCHING_CLUSTERS,
    MATCHING_MERGES,
    MATCH,
    MATCH_REVEAL,
    MATCH_DECISION,
    CLUSTER,
    CLUSTER_REVEAL,
    CLUSTER_MERGE,
    MERGE,
    MERGE_UNMERGE,
    AUDIT,
    AUDIT_EXPORT,
    AUDIT_CHAIN,
    ERROR_CODES,
    MANUALS,
    MANUALS_SEARCH,
    MANUAL,
    ASSISTANT,
];

pub fn user(id: &UserId) -> String {
    fill(USER, id.as_str())
}

pub fn user_password_link(id: &UserId) -> String {
    fill(USER_PASSWORD_LINK, id.as_str())
}

pub fn user_second_factor(id: &UserId) -> String {
    fill(USER_SECOND_FACTOR, id.as_str())
}

pub fn user_sessions(id: &UserId) -> String {
    fill(USER_SESSIONS, id.as_str())
}

pub fn session_of(id: &SessionId) -> String {
    fill(SESSION_OF, id.as_str())
}

pub fn approval(id: &ApprovalId) -> String {
    fill(APPROVAL, id.as_str())
}

pub fn approval_approve(id: &ApprovalId) -> String {
    fill(APPROVAL_APPROVE, id.as_str())
}

pub fn approval_refuse(id: &ApprovalId) -> String {
    fill(APPROVAL_REFUSE, id.as_str())
}

pub fn approval_withdraw(id: &ApprovalId) -> String {
    fill(APPROVAL_WITHDRAW, id.as_str())
}

pub fn alert(id: &AlertId) -> String {
    fill(ALERT, id.as_str())
}

pub fn alert_acknowledge(id: &AlertId) -> String {
    fill(ALERT_ACKNOWLEDGE, id.as_str())
}

pub fn alert_rule(id: &AlertId) -> String {
    fill(ALERT_RULE, id.as_str())
}

pub fn notification_target(id: &TargetId) -> String {
    fill(NOTIFICATION_TARGET, id.as_str())
}

pub fn notification_target_test(id: &TargetId) -> String {
    fill(NOTIFICATION_TARGET_TEST, id.as_str())
}

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

pub fn plan_diff(id: &PlanId) -> String {
    fill(PLAN_DIFF, id.as_str())
}

pub fn assessment(id: &AssessmentId) -> String {
    fill(ASSESSMENT, id.as_str())
}

pub fn assessment_stop(id: &AssessmentId) -> String {
    fill(ASSESSMENT_STOP, id.as_str())
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

pub fn report(id: &RunId) -> String {
    fill(REPORT, id.as_str())
}

pub fn report_file(id: &RunId, name: &str) -> String {
    fill(REPORT_FILE, id.as_str()).replace("{name}", name)
}

pub fn rollback(id: &RollbackId) -> String {
    fill(ROLLBACK, id.as_str())
}

pub fn rehearsal(id: &RehearsalId) -> String {
    fill(REHEARSAL, id.as_str())
}

pub fn rehearsal_stop(id: &RehearsalId) -> String {
    fill(REHEARSAL_STOP, id.as_str())
}

pub fn rollback_start(id: &RollbackId) -> String {
    fill(ROLLBACK_START, id.as_str())
}

/// One of the paths below a verification, or the verification itself.
pub fn of_verification(path: &str, id: &VerificationId) -> String {
    fill(path, id.as_str())
}

/// The digest is one that a list of mismatches gave.
pub fn verification_reveal(id: &VerificationId, digest: &str) -> String {
    fill(VERIFICATION_REVEAL, id.as_str()).replace("{digest}", digest)
}

/// One of the paths below a repair, or the repair itself.
pub fn of_repair(path: &str, id: &RepairId) -> String {
    fill(path, id.as_str())
}

/// One of the paths below a checking, or the checking itself.
pub fn of_checking(path: &str, id: &CheckingId) -> String {
    fill(path, id.as_str())
}

/// One of the paths below a sign-off, or the sign-off itself.
pub fn of_sign_off(path: &str, id: &SignOffId) -> String {
    fill(path, id.as_str())
}

/// One of the paths below somebody of a sample.
pub fn of_sampled_person(path: &str, id: &SignOffId, number: u32) -> String {
    fill(path, id.as_str()).replace("{number}", &number.to_string())
}

/// One of the paths below a run's quarantine that need nothing but the run.
pub fn run_quarantine_work(path: &str, id: &RunId) -> String {
    fill(path, id.as_str())
}

pub fn run_quarantine_row(id: &RunId, row: &QuarantineId) -> String {
    fill(RUN_QUARANTINE_ROW, id.as_str()).replace("{row}", row.as_str())
}

pub fn run_quarantine_reveal(id: &RunId, row: &QuarantineId) -> String {
    fill(RUN_QUARANTINE_REVEAL, id.as_str()).replace("{row}", row.as_str())
}

pub fn run_quarantine_undo(id: &RunId, action: &QuarantineActionId) -> String {
    fill(RUN_QUARANTINE_UNDO, id.as_str()).replace("{action}", action.as_str())
}

/// One of the paths below a search for duplicates, or the search itself.
pub fn of_matching(path: &str, id: &MatchingId) -> String {
    fill(path, id.as_str())
}

/// One of the paths below a pair, or the pair itself.
pub fn of_match(path: &str, id: &MatchId) -> String {
    fill(path, id.as_str())
}

/// One of the paths below a cluster, or the cluster itself.
pub fn of_cluster(path: &str, key: &ClusterKey) -> String {
    fill(path, key.as_str())
}

/// One of the paths below a merge, or the merge itself.
pub fn of_merge(path: &str, id: &MergeId) -> String {
    fill(path, id.as_str())
}

/// A manual by its name.
pub fn manual(name: &str) -> String {
    fill(MANUAL, name)
}

/// Ids have no character that a path would have to escape.
fn fill(path: &str, id: &str) -> String {
    path.replace("{id}", id)
}
