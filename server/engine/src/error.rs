//! What can go wrong in the engine, and what is to be done about it.

use std::error::Error as StdError;
use std::fmt;

use shared::error_code::ErrorCode;
use shared::run::Failure;

/// An error says what was being done; its cause stays in `source`. Names may appear in it,
/// values never.
#[derive(Debug)]
pub struct EngineError {
    code: ErrorCode,
    doing: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

pub type Result<T, E = EngineError> = std::result::Result<T, E>;

impl EngineError {
    /// `doing` completes the sentence "it failed while …": "copying into public.patients".
    pub fn new(code: ErrorCode, doing: impl Into<String>) -> Self {
        Self { code, doing: doing.into(), source: None }
    }

    #[must_use]
    pub fn because(mut self, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(cause.into());
        self
    }

    /// The same failure for somebody else whom it stops; its cause is only told.
    pub(crate) fn again(&self) -> Self {
        let source = self.source.as_ref().map(|cause| cause.to_string().into());
        Self { code: self.code, doing: self.doing.clone(), source }
    }

    pub const fn code(&self) -> ErrorCode {
        self.code
    }

    pub const fn directive(&self) -> Directive {
        directive(self.code)
    }
}

/// As runs and whatever else people asked for keep it: without its causes, which may name hosts and
/// files.
impl From<&EngineError> for Failure {
    fn from(error: &EngineError) -> Self {
        Self { code: error.code(), message: error.to_string() }
    }
}

impl fmt::Display for EngineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.explanation().title, self.doing)
    }
}

impl StdError for EngineError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

/// What is to be done about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Directive {
    /// The transaction is rolled back; the same connections may do it again.
    Retry,
    /// The connection is lost or in doubt: a new one may do it again.
    Reconnect,
    /// Somebody has to act first.
    Stop,
}

/// The one place that turns a failure into a decision.
const fn directive(code: ErrorCode) -> Directive {
    match code {
        ErrorCode::Load041 => Directive::Retry,
        // Settings of the old session may be what limited it: a new one begins without them.
        ErrorCode::Conn001 | ErrorCode::Conn005 | ErrorCode::Load002 | ErrorCode::Load042 => {
            Directive::Reconnect
        }
        _ => Directive::Stop,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_pass_is_tried_again() {
        let again: Vec<_> = ErrorCode::ALL
            .iter()
            .filter(|code| directive(**code) != Directive::Stop)
            .map(|code| code.as_str())
            .collect();

        assert_eq!(again, ["CONN-001", "CONN-005", "LOAD-002", "LOAD-041", "LOAD-042"]);
    }
}
