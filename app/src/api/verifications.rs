//! Comparing what runs left with what they read, and making alike what is not.

use shared::id::{ApprovalId, RepairId, RunId, VerificationId};
use shared::page::{Cursor, MAX_LIMIT, Page};
use shared::quarantine::RevealRequest;
use shared::route;
use shared::verification::{
    FreshnessNow, Mismatch, MismatchFilter, MismatchKind, NewVerification, Repair, RepairSelection,
    RevealedKey, Verification,
};

use super::{ApiError, get, page_of, page_of_run, post, send, with_query};

/// One page of the verifications, latest first; those of one run where it is named.
pub(crate) async fn list(
    run: Option<&RunId>,
    after: Option<&Cursor>,
    limit: u32,
) -> Result<Page<Verification>, ApiError> {
    send(get(&page_of_run(route::VERIFICATIONS, run, after, limit))).await
}

pub(crate) async fn start(new: &NewVerification) -> Result<Verification, ApiError> {
    send(post(route::VERIFICATIONS).json(new)?).await
}

pub(crate) async fn find(id: &VerificationId) -> Result<Verification, ApiError> {
    send(get(&route::of_verification(route::VERIFICATION, id))).await
}

/// Asks a verification to stop after what is being compared.
pub(crate) async fn pause(id: &VerificationId) -> Result<Verification, ApiError> {
    send(post(&route::of_verification(route::VERIFICATION_PAUSE, id))).await
}

/// Lets a verification go on where it stopped.
pub(crate) async fn resume(id: &VerificationId) -> Result<Verification, ApiError> {
    send(post(&route::of_verification(route::VERIFICATION_RESUME, id))).await
}

/// Whether both sides are still what they were.
pub(crate) async fn freshness(id: &VerificationId) -> Result<FreshnessNow, ApiError> {
    send(get(&route::of_verification(route::VERIFICATION_FRESHNESS, id))).await
}

/// One page of the rows that differ.
pub(crate) async fn mismatches(
    id: &VerificationId,
    filter: &MismatchFilter,
    after: Option<&Cursor>,
    limit: u32,
) -> Result<Page<Mismatch>, ApiError> {
    let limit = limit.to_string();
    let table = filter.table.as_ref().map(ToString::to_string);
    let parameters = [
        ("table", table.as_deref()),
        ("kind", filter.kind.map(MismatchKind::as_str)),
        ("limit", Some(limit.as_str())),
        ("after", after.map(|after| after.0.as_str())),
    ];
    let path = route::of_verification(route::VERIFICATION_MISMATCHES, id);
    send(get(&with_query(&path, parameters))).await
}

/// The key of a row that differs. That somebody looked, and why, is written down.
pub(crate) async fn reveal(
    id: &VerificationId,
    digest: &str,
    reason: &str,
) -> Result<RevealedKey, ApiError> {
    let request = RevealRequest { reason: reason.to_owned() };
    send(post(&route::verification_reveal(id, digest)).json(&request)?).await
}

/// The repairs from a verification, latest first: there are a handful.
pub(crate) async fn repairs(id: &VerificationId) -> Result<Page<Repair>, ApiError> {
    let path = route::of_verification(route::VERIFICATION_REPAIRS, id);
    send(get(&page_of(&path, None, MAX_LIMIT))).await
}

/// Tries out what a repair would do.
pub(crate) async fn preview(
    id: &VerificationId,
    selection: &RepairSelection,
) -> Result<Repair, ApiError> {
    let path = route::of_verification(route::VERIFICATION_REPAIRS, id);
    send(post(&path).json(selection)?).await
}

pub(crate) async fn find_repair(id: &RepairId) -> Result<Repair, ApiError> {
    send(get(&route::of_repair(route::REPAIR, id))).await
}

/// Carries out what was tried out.
pub(crate) async fn start_repair(
    id: &RepairId,
    approval: Option<&ApprovalId>,
) -> Result<Repair, ApiError> {
    let mut call = post(&route::of_repair(route::REPAIR_START, id));
    if let Some(approval) = approval {
        call = call.header("transfuse-approval", approval.to_string());
    }
    send(call).await
}

/// Takes a repair back.
pub(crate) async fn take_back(id: &RepairId) -> Result<Repair, ApiError> {
    send(post(&route::of_repair(route::REPAIR_TAKE_BACK, id))).await
}
