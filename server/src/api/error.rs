//! Every refusal, as a table: status, code and sentence.

use std::fmt;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use engine::EngineError;
use shared::approval::ApprovalState;
use shared::assessment::AssessmentState;
use shared::error_code::ErrorCode;
use shared::id::{AssessmentId, RunId};
use shared::problem::{FieldProblem, MEDIA_TYPE, Problem};
use shared::rollback::RollbackState;
use shared::run::RunState;

use crate::auth::password::PasswordError;
use crate::auth::second_factor::FactorError;
use crate::auth::token::TokenError;
use crate::causes;
use crate::egress::Forbidden;
use crate::jobs::JobError;
use crate::jobs::approvals::ApprovalError;
use crate::jobs::checkings::CheckingError;
use crate::jobs::duplicates::DuplicatesError;
use crate::jobs::sign_offs::SignOffError;
use crate::jobs::verifications::VerificationError;
use crate::store::StoreError;

/// Why a request was refused.
#[derive(Debug)]
pub enum ApiError {
    NoSuchEndpoint,
    MethodNotAllowed {
        allowed: String,
    },
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
    /// The password is right; the account asks for a code as well.
    CodeRequired,
    WrongCode,
    TooManyAttempts,
    Forbidden,
    WrongPassword,
    LinkInvalid,
    UserNotFound,
    EmailTaken,
    LastAdministrator,
    SessionNotFound,
    NoSecondFactor,
    SecondFactorThere,
    SettingsChanged,
    SettingFixed,
    HostForbidden(Forbidden),
    AlertNotFound,
    WrongAlertState,
    RuleNotFound,
    ManualNotFound,
    TargetNotFound,
    TooMany {
        limit: usize,
    },
    ApprovalNotFound,
    OwnRequest,
    WrongApprovalState {
        state: ApprovalState,
    },
    ApprovalRequired,
    ApprovalDoesNotCount,
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
    AssessmentNotFound,
    AssessmentUnderWay {
        assessment: AssessmentId,
    },
    WrongAssessmentState {
        state: AssessmentState,
    },
    RehearsalNotFound,
    RollbackNotFound,
    WrongRollbackState {
        state: RollbackState,
    },
    QuarantinedRowNotFound,
    Duplicates(DuplicatesError),
    Verification(VerificationError),
    Checking(CheckingError),
    SignOff(SignOffError),
    Stopping,
    /// What the engine says, in the words of the catalogue.
    Engine(EngineError),
    /// Anything that is nobody's business but the log's.
    Internal(Box<dyn std::error::Error>),
}

impl ApiError {
    /// The table: what each refusal is on the wire.
    #[expect(clippy::too_many_lines, reason = "a table, with a line or two for each refusal")]
    fn entry(&self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::NoSuchEndpoint => {
                (StatusCode::NOT_FOUND, "no_such_endpoint", "There is no such endpoint")
            }
            Self::MethodNotAllowed { .. } => (
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
            Self::CodeRequired => (
                StatusCode::UNAUTHORIZED,
                "code_required",
                "The account asks for a code of the authenticator as well",
            ),
            Self::WrongCode => {
                (StatusCode::UNAUTHORIZED, "wrong_code", "The code is wrong or was used before")
            }
            Self::WrongPassword => {
                (StatusCode::FORBIDDEN, "wrong_password", "The password is wrong")
            }
            Self::LinkInvalid => (
                StatusCode::GONE,
                "link_invalid",
                "The link was used, was replaced by another one, or has expired",
            ),
            Self::UserNotFound => {
                (StatusCode::NOT_FOUND, "user_not_found", "There is no such user")
            }
            Self::EmailTaken => {
                (StatusCode::CONFLICT, "email_taken", "Somebody signs in with this address already")
            }
            Self::LastAdministrator => (
                StatusCode::CONFLICT,
                "last_administrator",
                "Nobody else could manage users and settings",
            ),
            Self::SessionNotFound => {
                (StatusCode::NOT_FOUND, "session_not_found", "There is no such session")
            }
            Self::NoSecondFactor => (
                StatusCode::CONFLICT,
                "no_second_factor",
                "There is no second factor to do this to",
            ),
            Self::SecondFactorThere => (
                StatusCode::CONFLICT,
                "second_factor_there",
                "The account has a second factor already",
            ),
            Self::SettingsChanged => (
                StatusCode::PRECONDITION_FAILED,
                "settings_changed",
                "Somebody else changed the settings in the meantime",
            ),
            Self::SettingFixed => {
                (StatusCode::CONFLICT, "setting_fixed", "The deployment decides this setting")
            }
            Self::HostForbidden(_) => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "host_forbidden",
                "The installation may not connect to this place",
            ),
            Self::AlertNotFound => {
                (StatusCode::NOT_FOUND, "alert_not_found", "There is no such alert")
            }
            Self::WrongAlertState => (
                StatusCode::CONFLICT,
                "wrong_alert_state",
                "The alert was acknowledged or cleared before",
            ),
            Self::RuleNotFound => {
                (StatusCode::NOT_FOUND, "rule_not_found", "There is no such rule")
            }
            Self::ManualNotFound => {
                (StatusCode::NOT_FOUND, "manual_not_found", "There is no such manual")
            }
            Self::TargetNotFound => {
                (StatusCode::NOT_FOUND, "target_not_found", "There is no such target")
            }
            Self::TooMany { .. } => {
                (StatusCode::CONFLICT, "too_many", "There are as many of these as there may be")
            }
            Self::ApprovalNotFound => {
                (StatusCode::NOT_FOUND, "approval_not_found", "There is no such request")
            }
            Self::OwnRequest => (
                StatusCode::FORBIDDEN,
                "own_request",
                "Nobody answers what they asked for themselves",
            ),
            Self::WrongApprovalState { .. } => (
                StatusCode::CONFLICT,
                "wrong_approval_state",
                "The request no longer waits for this",
            ),
            Self::ApprovalRequired => {
                (StatusCode::CONFLICT, "approval_required", "This needs a second person")
            }
            Self::ApprovalDoesNotCount => (
                StatusCode::CONFLICT,
                "approval_does_not_count",
                "The approval is for something else, or no longer counts",
            ),
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
            Self::AssessmentNotFound => {
                (StatusCode::NOT_FOUND, "assessment_not_found", "There is no such assessment")
            }
            Self::AssessmentUnderWay { .. } => (
                StatusCode::CONFLICT,
                "assessment_under_way",
                "An assessment of this plan is under way",
            ),
            Self::WrongAssessmentState { .. } => (
                StatusCode::CONFLICT,
                "wrong_assessment_state",
                "The assessment is not in a state for this",
            ),
            Self::RehearsalNotFound => {
                (StatusCode::NOT_FOUND, "rehearsal_not_found", "There is no such rehearsal")
            }
            Self::RollbackNotFound => {
                (StatusCode::NOT_FOUND, "rollback_not_found", "There is no such rollback")
            }
            Self::WrongRollbackState { .. } => (
                StatusCode::CONFLICT,
                "wrong_rollback_state",
                "The rollback is not in a state for this",
            ),
            Self::RunElsewhere => {
                (StatusCode::CONFLICT, "run_elsewhere", "Another server works on the run")
            }
            Self::QuarantinedRowNotFound => (
                StatusCode::NOT_FOUND,
                "quarantined_row_not_found",
                "There is no such row in the quarantine of the run",
            ),
            Self::Duplicates(error) => duplicates_entry(error),
            Self::Verification(error) => verification_entry(error),
            Self::Checking(error) => checking_entry(error),
            Self::SignOff(error) => sign_off_entry(error),
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
            Self::HostForbidden(why) => Some(sentence(why)),
            Self::TooMany { limit } => Some(format!("There may be {limit}.")),
            Self::WrongApprovalState { state } => Some(format!("It is {}.", state.as_str())),
            Self::AssessmentUnderWay { assessment } => {
                Some(format!("It is assessment {assessment}."))
            }
            Self::WrongAssessmentState { state } => {
                Some(format!("The assessment is {}.", state.as_str()))
            }
            Self::WrongRollbackState { state } => {
                Some(format!("The rollback is {}.", state.as_str()))
            }
            Self::Duplicates(error) => Some(sentence(error)),
            Self::Verification(error) => Some(sentence(error)),
            Self::Checking(error) => Some(sentence(error)),
            Self::SignOff(error) => Some(sentence(error)),
            Self::Engine(error) => Some(error.to_string()),
            _ => None,
        }
    }

    /// What to do about it.
    fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::TooManyAttempts => "Wait a quarter of an hour, or have the password reset.",
            Self::Unauthenticated | Self::SessionEnded => "Sign in again.",
            Self::CodeRequired => "Send `code` with the code that the authenticator shows.",
            Self::WrongCode => "Wait for the next code, or use a recovery code.",
            Self::LinkInvalid => "Ask an administrator for another link.",
            Self::ApprovalRequired => {
                "Ask for an approval, and name it in the header Transfuse-Approval."
            }
            Self::ApprovalDoesNotCount => "Ask for an approval of exactly this.",
            Self::LastAdministrator => "Make somebody else an administrator first.",
            Self::NoSecondFactor => "Begin an enrolment first.",
            Self::SecondFactorThere => "Remove it first.",
            Self::SettingsChanged => "Load the settings again and repeat the change.",
            Self::SettingFixed => "Whoever deploys the server can change it.",
            Self::HostForbidden(_) => "Ask an administrator to allow it in the settings.",
            Self::Forbidden => "Ask an administrator for another role.",
            Self::ConnectionMissing { .. } => {
                "Create the connection, or name another one in the plan."
            }
            Self::PlanChanged => "Load the plan again and repeat the change.",
            Self::RunNotFound => {
                "One that was made elsewhere is known once its plan, saved here as it was, is started: the \
                 target tells of it, and nothing is copied again."
            }
            Self::RunUnfinished { .. } => {
                "Resume that run, or begin again with \"start\": \"fresh\"."
            }
            Self::AssessmentUnderWay { .. } => "Wait until it has ended, or stop it.",
            Self::RunElsewhere => "Ask the server that started it.",
            Self::Duplicates(DuplicatesError::NoSection) => {
                "Say in the plan, under `duplicates`, which table holds people."
            }
            Self::Duplicates(DuplicatesError::Merged) => "Take the merge back first.",
            Self::Duplicates(DuplicatesError::PlanChanged) => "Search again.",
            Self::Verification(VerificationError::UnderWay) => "Wait for it, or pause it.",
            Self::Verification(VerificationError::NothingToRepair { .. }) => {
                "Compare every row, then repair what that finds."
            }
            Self::Verification(VerificationError::NotPreviewed) => "Try the repair out again.",
            Self::Checking(CheckingError::NoChecks) => {
                "Name a set, or checks of its own, under `checks` in the plan."
            }
            Self::Checking(CheckingError::UnderWay) => "Wait for them.",
            Self::SignOff(SignOffError::NoPeopleTable) => {
                "Name it in `table`, or say it in the plan under `duplicates`."
            }
            Self::SignOff(SignOffError::NoBirthDate) => {
                "Name the column of the table of people, or draw by rows of other tables."
            }
            Self::SignOff(SignOffError::NotSeen) => "Look at the person first.",
            Self::SignOff(SignOffError::NotJudged { .. }) => "Judge them, then sign.",
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

fn sentence(error: &impl fmt::Display) -> String {
    let text = error.to_string();
    let mut letters = text.chars();
    let first = letters.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(letters).chain(['.']).collect()
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
        ErrorCode::Load023 | ErrorCode::Load050 => StatusCode::NOT_FOUND,
        ErrorCode::Load001
        | ErrorCode::Load007
        | ErrorCode::Load009
        | ErrorCode::Load020
        | ErrorCode::Load022
        | ErrorCode::Load030
        | ErrorCode::Load031
        | ErrorCode::Load051
        | ErrorCode::Load052 => StatusCode::CONFLICT,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

/// What each refusal about people who are there twice is on the wire.
const fn duplicates_entry(error: &DuplicatesError) -> (StatusCode, &'static str, &'static str) {
    match error {
        DuplicatesError::NoSection => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "no_people_in_plan",
            "The plan says nothing of people who are there twice",
        ),
        DuplicatesError::MatchingNotFound => {
            (StatusCode::NOT_FOUND, "matching_not_found", "There is no such search for duplicates")
        }
        DuplicatesError::MatchNotFound => {
            (StatusCode::NOT_FOUND, "match_not_found", "There is no such pair")
        }
        DuplicatesError::ClusterNotFound => {
            (StatusCode::NOT_FOUND, "cluster_not_found", "There are no such people")
        }
        DuplicatesError::MergeNotFound => {
            (StatusCode::NOT_FOUND, "merge_not_found", "There is no such merge")
        }
        DuplicatesError::UnderWay { .. } => (
            StatusCode::CONFLICT,
            "matching_under_way",
            "A search among the same people is under way",
        ),
        DuplicatesError::WrongState { .. } => {
            (StatusCode::CONFLICT, "wrong_matching_state", "The search is not in a state for this")
        }
        DuplicatesError::PlanChanged => (
            StatusCode::CONFLICT,
            "people_changed",
            "The plan is about other people since the search",
        ),
        DuplicatesError::Merged => (StatusCode::CONFLICT, "merged", "They are one by now"),
        DuplicatesError::NothingSaid => {
            (StatusCode::CONFLICT, "nothing_said", "Nobody said anything of the pair")
        }
        DuplicatesError::InvalidChoice => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "invalid_choice",
            "A choice names a record that is not one of them",
        ),
        DuplicatesError::InvalidMembers => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "invalid_members",
            "Two or more of the people have to be named",
        ),
    }
}

/// What each refusal about verifications and repairs is on the wire.
const fn verification_entry(error: &VerificationError) -> (StatusCode, &'static str, &'static str) {
    match error {
        VerificationError::NotFound => {
            (StatusCode::NOT_FOUND, "verification_not_found", "There is no such verification")
        }
        VerificationError::MismatchNotFound => {
            (StatusCode::NOT_FOUND, "mismatch_not_found", "There is no such mismatch")
        }
        VerificationError::RepairNotFound => {
            (StatusCode::NOT_FOUND, "repair_not_found", "There is no such repair")
        }
        VerificationError::WrongState { .. } => (
            StatusCode::CONFLICT,
            "wrong_verification_state",
            "The verification is not in a state for this",
        ),
        VerificationError::UnderWay => {
            (StatusCode::CONFLICT, "verification_under_way", "The run is being verified already")
        }
        VerificationError::NothingToRepair { .. } => {
            (StatusCode::CONFLICT, "nothing_to_repair", "A sample does not say where the rows lie")
        }
        VerificationError::WrongRepairState { .. } => {
            (StatusCode::CONFLICT, "wrong_repair_state", "The repair is not in a state for this")
        }
        VerificationError::NotPreviewed => {
            (StatusCode::CONFLICT, "repair_not_previewed", "What the repair would do is not known")
        }
        VerificationError::RepairUnderWay => {
            (StatusCode::CONFLICT, "repair_under_way", "The run's target is being repaired already")
        }
    }
}

/// What each refusal about clinical checks is on the wire.
const fn checking_entry(error: &CheckingError) -> (StatusCode, &'static str, &'static str) {
    match error {
        CheckingError::NotFound => {
            (StatusCode::NOT_FOUND, "checking_not_found", "There are no such clinical checks")
        }
        CheckingError::NoChecks => (StatusCode::CONFLICT, "no_checks", "The plan has no checks"),
        CheckingError::UnderWay => (
            StatusCode::CONFLICT,
            "checking_under_way",
            "The clinical checks of the run are being made already",
        ),
        CheckingError::WrongState { .. } => (
            StatusCode::CONFLICT,
            "wrong_checking_state",
            "The clinical checks are not in a state for this",
        ),
    }
}

/// What each refusal about sign-offs is on the wire.
const fn sign_off_entry(error: &SignOffError) -> (StatusCode, &'static str, &'static str) {
    match error {
        SignOffError::NotFound => {
            (StatusCode::NOT_FOUND, "sign_off_not_found", "There is no such sign-off")
        }
        SignOffError::PersonNotFound => (
            StatusCode::NOT_FOUND,
            "sampled_person_not_found",
            "Nobody of the sample has this number",
        ),
        SignOffError::WrongState { .. } => (
            StatusCode::CONFLICT,
            "wrong_sign_off_state",
            "The sign-off is not in a state for this",
        ),
        SignOffError::NoPeopleTable => {
            (StatusCode::CONFLICT, "no_people_table", "Nothing says which table has the people")
        }
        SignOffError::NoBirthDate => {
            (StatusCode::CONFLICT, "no_birth_date", "Nothing says which column has the birth date")
        }
        SignOffError::NotSeen => {
            (StatusCode::CONFLICT, "person_not_seen", "Nobody judges what they have not seen")
        }
        SignOffError::NotJudged { .. } => {
            (StatusCode::CONFLICT, "people_not_judged", "Not everybody was judged yet")
        }
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
            Self::Unauthenticated | Self::SessionEnded => {
                response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
            }
            Self::MethodNotAllowed { allowed } => {
                response.insert_header((header::ALLOW, allowed.as_str()));
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
    /// What is wrong with one field.
    pub(super) fn about(field: &str, message: impl Into<String>) -> Self {
        Self::InvalidFields(vec![FieldProblem { field: field.to_owned(), message: message.into() }])
    }

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
        match error {
            PasswordError::Weak(weakness) => Self::InvalidFields(vec![FieldProblem {
                field: "password".to_owned(),
                message: weakness.message().to_owned(),
            }]),
            error => Self::Internal(error.into()),
        }
    }
}

impl From<ApprovalError> for ApiError {
    fn from(error: ApprovalError) -> Self {
        match error {
            ApprovalError::Store(error) => error.into(),
            ApprovalError::NotFound => Self::ApprovalNotFound,
            ApprovalError::OwnRequest => Self::OwnRequest,
            ApprovalError::WrongState { state } => Self::WrongApprovalState { state },
            ApprovalError::Required => Self::ApprovalRequired,
            ApprovalError::DoesNotCount => Self::ApprovalDoesNotCount,
        }
    }
}

impl From<FactorError> for ApiError {
    fn from(error: FactorError) -> Self {
        Self::Internal(error.into())
    }
}

impl From<Forbidden> for ApiError {
    fn from(why: Forbidden) -> Self {
        Self::HostForbidden(why)
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
            JobError::Forbidden(why) => why.into(),
            JobError::PlanNotFound => Self::PlanNotFound,
            JobError::RunNotFound => Self::RunNotFound,
            JobError::ConnectionNotFound => Self::ConnectionNotFound,
            JobError::ConnectionMissing { name } => Self::ConnectionMissing { name },
            JobError::WrongState { state } => Self::WrongRunState { state },
            JobError::Elsewhere => Self::RunElsewhere,
            JobError::Approval(error) => error.into(),
            JobError::Duplicates(error) => Self::Duplicates(error),
            JobError::Verification(error) => Self::Verification(error),
            JobError::Checking(error) => Self::Checking(error),
            JobError::SignOff(error) => Self::SignOff(error),
            JobError::AssessmentNotFound => Self::AssessmentNotFound,
            JobError::AssessmentUnderWay { assessment } => Self::AssessmentUnderWay { assessment },
            JobError::WrongAssessmentState { state } => Self::WrongAssessmentState { state },
            JobError::RehearsalNotFound => Self::RehearsalNotFound,
            JobError::RollbackNotFound => Self::RollbackNotFound,
            JobError::WrongRollbackState { state } => Self::WrongRollbackState { state },
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
