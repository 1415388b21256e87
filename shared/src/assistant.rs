//! Questions about the migration, and what is known of their answers.

use serde::{Deserialize, Serialize};

/// What somebody asks.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Question {
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 500))]
    pub text: String,
}

/// More is no question.
pub const LONGEST_QUESTION: usize = 500;

// Who asks may name somebody: no log shows it.
impl std::fmt::Debug for Question {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Question").finish_non_exhaustive()
    }
}

/// What is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Answer {
    /// What fits best comes first; empty when nothing is known.
    pub passages: Vec<Passage>,
    /// The same put into words by the service that the settings name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub words: Option<String>,
    pub service: Service,
}

/// One thing that is known, and where to look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Passage {
    pub source: Source,
    pub title: String,
    pub text: String,
    /// A path of the portal.
    pub address: String,
}

/// Where something is known from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// How a run stands.
    Run,
    /// What waits for somebody.
    Step,
    /// The catalogue of errors.
    Code,
    Manual,
}

/// Whether a service put the answer into words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Service {
    /// None is asked: the settings name none.
    Off,
    Used,
    /// It did not answer; what is known stands without it.
    Failed,
}
