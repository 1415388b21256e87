//! What is asked about a plan before it is saved.

use serde::{Deserialize, Serialize};

use crate::id::ConnectionId;
use crate::plan::PlanProblem;

/// What a draft is made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewDraft {
    pub source: ConnectionId,
    pub target: ConnectionId,
    /// A template's name, or `none`. Without it, the one that fits; else names and types are
    /// matched.
    #[serde(default)]
    pub template: Option<String>,
    /// The plan's name; by default it is made of the connections' names.
    #[serde(default)]
    pub name: Option<String>,
}

/// What was found when a plan was held against its databases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PlanCheck {
    /// Everything that keeps the plan from running; empty when it can run.
    pub problems: Vec<PlanProblem>,
}
