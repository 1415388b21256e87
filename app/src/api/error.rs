//! Why a request failed, fit to show.

use shared::problem::{FieldProblem, Problem};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ApiError {
    /// There was no answer: the network or the server is away.
    Unreachable,
    /// The session has ended, and only signing in begins another.
    SessionOver,
    /// The server refused, and said why.
    Refused(Box<Problem>),
    /// The server failed, or something between it and us answered instead.
    Failed { status: u16 },
    /// An answer that is not what the API promises: portal and server are of different versions.
    Unreadable,
}

impl ApiError {
    /// The error that an answer other than a success is.
    pub(crate) fn of_answer(status: u16, body: &str) -> Self {
        match serde_json::from_str::<Problem>(body) {
            Ok(problem) => Self::Refused(Box::new(problem)),
            Err(_) => Self::Failed { status },
        }
    }

    pub(crate) fn status(&self) -> Option<u16> {
        match self {
            Self::Refused(problem) => Some(problem.status),
            Self::Failed { status } => Some(*status),
            Self::SessionOver => Some(401),
            Self::Unreachable | Self::Unreadable => None,
        }
    }

    /// The code to look up, where there is one.
    pub(crate) fn code(&self) -> Option<&str> {
        match self {
            Self::Refused(problem) => Some(&problem.code),
            _ => None,
        }
    }

    /// What happened, as one sentence.
    pub(crate) fn title(&self) -> &str {
        match self {
            Self::Unreachable => "The server cannot be reached",
            Self::SessionOver => "Your session has expired",
            Self::Refused(problem) => &problem.title,
            Self::Failed { .. } => "The server could not answer",
            Self::Unreadable => "The answer could not be read",
        }
    }

    pub(crate) fn detail(&self) -> Option<&str> {
        match self {
            Self::Refused(problem) => problem.detail.as_deref(),
            _ => None,
        }
    }

    /// What to do about it.
    pub(crate) fn hint(&self) -> Option<&str> {
        match self {
            Self::Unreachable => Some("Check your connection and try again."),
            Self::SessionOver => Some("Please sign in again."),
            Self::Refused(problem) => problem.hint.as_deref(),
            Self::Failed { .. } => {
                Some("Try again. If it happens again, look at the server's log.")
            }
            Self::Unreadable => Some("Reload the page: it may be older than the server."),
        }
    }

    /// The page of the manual about it.
    pub(crate) fn docs(&self) -> Option<&str> {
        match self {
            Self::Refused(problem) => problem.docs.as_deref(),
            _ => None,
        }
    }

    /// What is wrong with which field of a form.
    pub(crate) fn fields(&self) -> &[FieldProblem] {
        match self {
            Self::Refused(problem) => &problem.fields,
            _ => &[],
        }
    }

    /// What is wrong with one field of a form.
    pub(crate) fn about(&self, field: &str) -> Option<String> {
        self.fields()
            .iter()
            .find(|problem| problem.field == field)
            .map(|problem| problem.message.clone())
    }

    /// What happened and what to do, for a place with room for no more than that.
    pub(crate) fn sentence(&self) -> String {
        let said = self.detail().unwrap_or_else(|| self.title());
        let stop = if said.ends_with(['.', '!', '?']) { "" } else { "." };
        match self.hint() {
            Some(hint) => format!("{said}{stop} {hint}"),
            None => format!("{said}{stop}"),
        }
    }
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.title())
    }
}

impl std::error::Error for ApiError {}

#[cfg(test)]
mod tests {
    use super::ApiError;

    #[test]
    fn a_refusal_says_what_the_server_said() {
        let body = r#"{"code": "run_not_running", "title": "The run is not running",
            "status": 409, "hint": "Reload the page."}"#;

        let error = ApiError::of_answer(409, body);

        assert_eq!(error.code(), Some("run_not_running"));
        assert_eq!(error.sentence(), "The run is not running. Reload the page.");
        assert_eq!(error.status(), Some(409));
    }

    #[test]
    fn an_answer_that_is_no_problem_document_is_a_failure() {
        let error = ApiError::of_answer(502, "<html>Bad gateway</html>");
        assert_eq!(error, ApiError::Failed { status: 502 });
        assert!(error.hint().is_some());
    }
}
