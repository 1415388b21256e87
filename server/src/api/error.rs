//! Every refusal, as a table: status, code and sentence.

use std::fmt;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use engine::EngineError;
use shared::error_code::ErrorCode;
use shared::id::RunId;
use shared::problem::{FieldProblem, MEDIA_TYPE, Problem};
use shared::run::RunState;

use crate::auth::password::PasswordError;
use crate::auth::token::TokenError;
use crate::causes;
use crate::jobs::JobError;
use crate::store::StoreError;

/// Why a request was refused.
#[derive(Debug)]
pub enum ApiError {
    NoSuchEndpoint,
    MethodNotAllowed,
    InvalidBody {
        detail: String,
    },
    BodyTooLarge,
    InvalidQuery {
        detail: String,
    },
    InvalidCursor,
    InvalidFields(Vec<FieldProblem>),
    Unauthenticated,
    WrongCredentials,
    SessionEnded,
    TooManyAttempts,
    Forbidden,
    ConnectionNotFound,
    ConnectionNameTaken,
    ConnectionMissing {
        name: String,
    },
    PlanNotFound,
    PlanChanged,
    PlanProblems(Vec<FieldProblem>),
    RunNotFound,
    RunUnfinished {
        run: RunId,
    },
    WrongRunState {
        state: RunState,
    },
    RunElsewhere,
    Stopping,
    /// What the engine says, in the words of the catalogue.
    Engine(EngineError),
    /// Anything that is nobody's business but the log's.
    Internal(Box<dyn std::error::Error>),
}

impl ApiError {
    /// The table: what each refusal is on the wire.
    fn entry(&self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::NoSuchEndpoint => {
                (StatusCode::NOT_FOUND, "no_such_endpoint", "There is no such endpoint")
            }
            Self::MethodNotAllowed => (
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "The endpoint does not take this method",
            ),
            Self::InvalidBody { .. } => {
                (StatusCode::BAD_REQUEST, "invalid_body", "The body cannot be read")
            }
            Self::BodyTooLarge => {
                (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", "The body is too large")
            }
            Self::InvalidQuery { .. } => {
                (StatusCode::BAD_REQUEST, "invalid_query", "The query cannot be read")
            }
            Self::InvalidCursor => {
                (StatusCode::BAD_REQUEST, "invalid_cursor", "The cursor is not one of this list")
            }
            Self::InvalidFields(_) => {
                (StatusCode::UNPROCESSABLE_ENTITY, "invalid_fields", "Some fields are wrong")
            }
            Self::Unauthenticated => (StatusCode::UNAUTHORIZED, "unauthenticated", "Sign in first"),
            Self::WrongCredentials => (
                StatusCode::UNAUTHORIZED,
                "wrong_credentials",
                "The e-mail address or the password is wrong",
            ),
            Self::SessionEnded => {
                (StatusCode::UNAUTHORIZED, "session_ended", "The session has ended")
            }
            Self::TooManyAttempts => {
                (StatusCode::TOO_MANY_REQUESTS, "too_many_attempts", "Signing in failed too often")
            }
            Self::Forbidden => {
                (StatusCode::FORBIDDEN, "forbidden", "Your role does not allow this")
            }
            Self::ConnectionNotFound => {
                (StatusCode::NOT_FOUND, "connection_not_found", "There is no such connection")
            }
            Self::ConnectionNameTaken => {
                (StatusCode::CONFLICT, "connection_name_taken", "Another connection has this name")
            }
            Self::ConnectionMissing { .. } => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "connection_missing",
                "The plan names a connection that is not there",
            ),
            Self::PlanNotFound => {
                (StatusCode::NOT_FOUND, "plan_not_found", "There is no such plan")
            }
            Self::PlanChanged => (
                StatusCode::PRECONDITION_FAILED,
                "plan_changed",
                "Somebody else saved the plan in the meantime",
            ),
            Self::PlanProblems(_) => {
                (StatusCode::UNPROCESSABLE_ENTITY, "plan_problems", "The plan cannot run as it is")
            }
            Self::RunNotFound => (StatusCode::NOT_FOUND, "run_not_found", "There is no such run"),
            Self::RunUnfinished { .. } => {
                (StatusCode::CONFLICT, "run_unfinished", "A run of this plan version has not ended")
            }
            Self::WrongRunState { .. } => {
                (StatusCode::CONFLICT, "wrong_run_state", "The run is not in a state for this")
            }
            Self::RunElsewhere => {
                (StatusCode::CONFLICT, "run_elsewhere", "Another server works on the run")
            }
            Self::Stopping => {
                (StatusCode::SERVICE_UNAVAILABLE, "stopping", "The server is stopping")
            }
            Self::Engine(error) => {
                let code = error.code();
                (engine_status(code), code.as_str(), code.explanation().title)
            }
            Self::Internal(_) => (
                StatusCode::INTERNAL_SERVER_ERROR,
                ErrorCode::Sys001.as_str(),
                ErrorCode::Sys001.explanation().title,
            ),
        }
    }

    /// What was wrong this time.
    fn detail(&self) -> Option<String> {
        match self {
            Self::InvalidBody { detail } | Self::InvalidQuery { detail } => Some(detail.clone()),
            Self::ConnectionMissing { name } => {
                Some(format!("There is no connection with the name {name}."))
            }
            Self::RunUnfinished { run } => Some(format!("It is run {run}.")),
            Self::WrongRunState { state } => {
                Some(format!("The run is {}.", state.label().to_lowercase()))
            }
            Self::Engine(error) => Some(error.to_string()),
            _ => None,
        }
    }

    /// What to do about it.
    fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::TooManyAttempts => "Wait a quarter of an hour, or have the password reset.",
            Self::Unauthenticated | Self::SessionEnded => "Sign in again.",
            Self::Forbidden => "Ask an administrator for another role.",
            Self::ConnectionMissing { .. } => {
                "Create the connection, or name another one in the plan."
            }
            Self::PlanChanged => "Load the plan again and repeat the change.",
            Self::RunUnfinished { .. } => {
                "Resume that run, or begin again with \"start\": \"fresh\"."
            }
            Self::RunElsewhere => "Ask the server that started it.",
            Self::InvalidCursor => "Begin with the first page again.",
            Self::Stopping => "Try again when it is back.",
            Self::Engine(error) => error.code().hint(),
            Self::Internal(_) => ErrorCode::Sys001.hint(),
            _ => return None,
        })
    }

    fn docs(&self) -> Option<String> {
        match self {
            Self::Engine(error) => Some(error.code().docs()),
            Self::Internal(_) => Some(ErrorCode::Sys001.docs()),
            _ => None,
        }
    }

    fn fields(&self) -> Vec<FieldProblem> {
        match self {
            Self::InvalidFields(fields) | Self::PlanProblems(fields) => fields.clone(),
            _ => Vec::new(),
        }
    }
}

/// What a failure of a database is to whoever asked for it over HTTP.
const fn engine_status(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::Conn001
        | ErrorCode::Conn002
        | ErrorCode::Conn003
        | ErrorCode::Conn004
        | ErrorCode::Conn005
        | ErrorCode::Conn007
        | ErrorCode::Conn008 => StatusCode::BAD_GATEWAY,
        ErrorCode::Sys001 => StatusCode::INTERNAL_SERVER_ERROR,
        ErrorCode::Load001 | ErrorCode::Load007 | ErrorCode::Load009 => StatusCode::CONFLICT,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.entry().1)
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.entry().0
    }

    fn error_response(&self) -> HttpResponse {
        let (status, code, title) = self.entry();
        if status.is_server_error() {
            tracing::error!(code, cause = self.causes(), "a request failed: {title}");
        }
        let problem = Problem {
            code: code.to_owned(),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: self.detail(),
            hint: self.hint().map(str::to_owned),
            docs: self.docs(),
            fields: self.fields(),
        };
        let mut response = HttpResponse::build(status);
        match self {
            Self::Unauthenticated => {
                response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
            }
            Self::TooManyAttempts => {
                let seconds = crate::auth::throttle::WINDOW.num_seconds();
                response.insert_header((header::RETRY_AFTER, seconds));
            }
            _ => {}
        }
        response.insert_header((header::CACHE_CONTROL, "no-store"));
        // Not `json`, which would set the media type of its own.
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        response.content_type(MEDIA_TYPE).body(body)
    }
}

impl ApiError {
    /// For the log: names of tables and hosts may be in it, values are not.
    fn causes(&self) -> String {
        match self {
            Self::Engine(error) => format!("{error}: {}", causes::line(error)),
            Self::Internal(error) => format!("{error}: {}", causes::line(&**error)),
            _ => String::new(),
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        Self::Internal(error.into())
    }
}

impl From<EngineError> for ApiError {
    fn from(error: EngineError) -> Self {
        Self::Engine(error)
    }
}

impl From<PasswordError> for ApiError {
    fn from(error: PasswordError) -> Self {
        Self::Internal(error.into())
    }
}

impl From<TokenError> for ApiError {
    fn from(error: TokenError) -> Self {
        Self::Internal(error.into())
    }
}

impl From<JobError> for ApiError {
    fn from(error: JobError) -> Self {
        match error {
            JobError::Store(error) => error.into(),
            JobError::Engine(error) => Self::Engine(error),
            JobError::PlanNotFound => Self::PlanNotFound,
            JobError::RunNotFound => Self::RunNotFound,
            JobError::ConnectionNotFound => Self::ConnectionNotFound,
            JobError::ConnectionMissing { name } => Self::ConnectionMissing { name },
            JobError::WrongState { state } => Self::WrongRunState { state },
            JobError::Elsewhere => Self::RunElsewhere,
            JobError::Unfinished { run } => Self::RunUnfinished { run },
            JobError::PlanProblems(problems) => Self::PlanProblems(
                problems
                    .into_iter()
                    .map(|problem| FieldProblem {
                        field: problem.at,
                        message: format!("{}: {}", problem.code, problem.message),
                    })
                    .collect(),
            ),
            JobError::Stopping => Self::Stopping,
        }
    }
}
