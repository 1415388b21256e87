//! Plans and their versions.

use shared::draft::{NewDraft, PlanCheck};
use shared::id::PlanId;
use shared::page::{MAX_LIMIT, Page};
use shared::plan::{Plan, PlanSummary, SavedPlan};
use shared::route;

use super::{ApiError, get, page_of, post, put, send};

pub(crate) async fn list() -> Result<Page<PlanSummary>, ApiError> {
    send(get(&page_of(route::PLANS, None, MAX_LIMIT))).await
}

pub(crate) async fn find(id: &PlanId) -> Result<SavedPlan, ApiError> {
    send(get(&route::plan(id))).await
}

/// Reads both catalogs and proposes a plan for them. It is not saved.
pub(crate) async fn draft(new: &NewDraft) -> Result<Plan, ApiError> {
    send(post(route::PLANS_DRAFT).json(new)?).await
}

/// Holds a plan against its databases, without saving it.
pub(crate) async fn check(plan: &Plan) -> Result<PlanCheck, ApiError> {
    send(post(route::PLANS_CHECK).json(plan)?).await
}

/// Saves a new plan.
pub(crate) async fn create(plan: &Plan) -> Result<SavedPlan, ApiError> {
    send(post(route::PLANS).json(plan)?).await
}

/// Saves a new version, unless somebody else saved one after `before`.
pub(crate) async fn save(before: &SavedPlan, plan: &Plan) -> Result<SavedPlan, ApiError> {
    let call = put(&route::plan(&before.id)).json(plan)?;
    send(call.header("if-match", format!("\"{}\"", before.hash))).await
}
