//! Plans and their versions.

use std::fmt::Write;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;
use shared::draft::{NewDraft, PlanCheck};
use shared::id::PlanId;
use shared::page::{MAX_LIMIT, Page};
use shared::plan::{Plan, PlanDiff, PlanSummary, RulesTrial, SavedPlan, TriedRules};
use shared::route;

use super::{ApiError, get, page_of, post, put, send, with_query};

pub(crate) async fn list() -> Result<Page<PlanSummary>, ApiError> {
    send(get(&page_of(route::PLANS, None, MAX_LIMIT))).await
}

pub(crate) async fn find(id: &PlanId) -> Result<SavedPlan, ApiError> {
    send(get(&route::plan(id))).await.and_then(read)
}

/// Reads both catalogs and saves a complete, runnable plan for them.
pub(crate) async fn draft(new: &NewDraft) -> Result<SavedPlan, ApiError> {
    send(post(route::PLANS_DRAFT).json(new)?).await.and_then(read)
}

/// Holds a plan against its databases, without saving it.
pub(crate) async fn check(plan: &Plan) -> Result<PlanCheck, ApiError> {
    send(post(route::PLANS_CHECK).json(plan)?).await
}

/// Tries the rules of one table on a few rows. Nothing is saved.
pub(crate) async fn try_rules(trial: &RulesTrial) -> Result<TriedRules, ApiError> {
    send(post(route::PLANS_TRY).json(trial)?).await
}

/// The versions of a plan, the latest first.
pub(crate) async fn versions(id: &PlanId) -> Result<Page<PlanSummary>, ApiError> {
    send(get(&page_of(&route::plan_versions(id), None, MAX_LIMIT))).await
}

pub(crate) async fn diff(id: &PlanId, from: u32, to: u32) -> Result<PlanDiff, ApiError> {
    let (from, to) = (from.to_string(), to.to_string());
    let versions = [("from", Some(from.as_str())), ("to", Some(to.as_str()))];
    send(get(&with_query(&route::plan_diff(id), versions))).await
}

/// Saves a new version, unless somebody else saved one after `before`.
pub(crate) async fn save(before: &SavedPlan, plan: &Plan) -> Result<SavedPlan, ApiError> {
    let call = put(&route::plan(&before.id)).json(plan)?;
    send(call.header("if-match", format!("\"{}\"", before.hash))).await.and_then(read)
}

/// A [`SavedPlan`] whose document has not been read yet.
#[derive(Deserialize)]
struct Unread {
    id: PlanId,
    name: String,
    version: u32,
    hash: String,
    saved_at: DateTime<Utc>,
    saved_by: String,
    plan: Value,
}

fn read(unread: Unread) -> Result<SavedPlan, ApiError> {
    let Unread { id, name, version, hash, saved_at, saved_by, plan } = unread;
    let plan = read_plan(&plan)?;
    Ok(SavedPlan { id, name, version, hash, saved_at, saved_by, plan })
}

/// JSON is YAML, and the editor needs a reader for that anyway: a second one for the largest
/// type there is would make the module a seventh larger.
fn read_plan(json: &Value) -> Result<Plan, ApiError> {
    Plan::from_yaml(&as_yaml(&json.to_string())).map_err(|_| ApiError::Unreadable)
}

/// JSON takes a few characters as they are that YAML wants escaped.
fn as_yaml(json: &str) -> String {
    let mut yaml = String::with_capacity(json.len());
    for character in json.chars() {
        match character {
            '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}' => {
                // Writing to a String does not fail.
                let _ = write!(yaml, "\\u{:04x}", u32::from(character));
            }
            _ => yaml.push(character),
        }
    }
    yaml
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_read_as_it_was_sent() {
        let text = "'\"\\/ {[:,#&*!|>%@`]} ä 😀 ~ \r\n\t\u{0}\u{1f}\u{7f}\u{85}\u{9f}\u{2028}\u{feff}\u{ffff}";
        let plan = Plan::from_yaml(
            "{format: 1, name: n, source: a, target: b, tables: [{source: s, key: [id],
              target: public.t, columns: [{target: id, source: id, type: bigint,
              transform: [{rule: map, entries: {'1': x}, otherwise: {value: y}}]}]}]}",
        );
        let plan = Plan { description: Some(text.to_owned()), ..plan.unwrap() };

        let sent = serde_json::to_value(&plan).unwrap();

        assert_eq!(read_plan(&sent), Ok(plan));
    }
}
