//! How a command ends: its exit status, and what it says when it fails.

use std::error::Error;
use std::fmt::Write as _;
use std::io;
use std::process::ExitCode;

use engine::EngineError;
use shared::error_code::ErrorCode;
use shared::run::Failure;

use super::output;
use crate::audit::export::ExportError;
use crate::auth::password::PasswordError;
use crate::causes;
use crate::config::SettingError;
use crate::demo::DemoError;
use crate::jobs::JobError;
use crate::jobs::people::PeopleError;
use crate::startup::StartupError;
use crate::store::StoreError;

/// What scripts rely on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Unexpected = 1,
    /// The command line, the plan or a setting is bad.
    Usage = 2,
    /// What was found keeps the work from beginning.
    Blocked = 3,
    /// The books do not close, or a check found a difference.
    Different = 4,
    /// A database could not be reached, or refused.
    Database = 5,
    /// Somebody stopped it, and it can be resumed.
    Stopped = 6,
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        Self::from(status as u8)
    }
}

/// The table from codes to exit statuses: by the code's family, and those that are not like it.
pub(super) fn status_of(code: ErrorCode) -> Status {
    use ErrorCode as E;
    match code {
        E::Conn006 | E::Load023 | E::Load024 | E::Load050 | E::Sys002 | E::Sys003 | E::Sys005 => {
            Status::Usage
        }
        E::Load001
        | E::Load007
        | E::Load009
        | E::Load020
        | E::Load022
        | E::Load051
        | E::Load052
        | E::Sys021 => Status::Blocked,
        E::Load005
        | E::Load006
        | E::Load008
        | E::Load025
        | E::Sys008
        | E::Sys020
        | E::Ver001
        | E::Ver007 => Status::Different,
        E::Sys007 => Status::Database,
        E::Sys004 | E::Sys006 => Status::Stopped,
        _ => match code.as_str().split('-').next() {
            Some("CONN" | "LOAD") => Status::Database,
            Some("DATA") => Status::Different,
            Some("MAP" | "MATCH") => Status::Usage,
            Some("VER") => Status::Blocked,
            _ => Status::Unexpected,
        },
    }
}

/// Why a command failed.
#[derive(Debug)]
pub struct CommandError {
    code: ErrorCode,
    message: String,
    causes: Vec<String>,
    hint: Option<String>,
    status: Status,
}

impl CommandError {
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { code, message, causes: Vec::new(), hint: None, status: status_of(code) }
    }

    #[must_use]
    pub fn because(mut self, cause: &(dyn Error + 'static)) -> Self {
        self.causes.push(causes::words(cause));
        self.causes.extend(causes::of(cause));
        self
    }

    /// A hint that knows more than the catalogue's.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    #[must_use]
    pub const fn exit(mut self, status: Status) -> Self {
        self.status = status;
        self
    }

    pub const fn code(&self) -> ErrorCode {
        self.code
    }

    pub const fn status(&self) -> Status {
        self.status
    }

    /// Says on stderr what is wrong, in the order in which one reads: what, what to do, where to
    /// read more, and why.
    pub fn tell(&self) {
        output::tell(self.text());
    }

    fn text(&self) -> String {
        let hint = self.hint.as_deref().unwrap_or_else(|| self.code.hint());
        let title = self.code.explanation().title;
        let what = if self.message.starts_with(title) {
            self.message.clone()
        } else {
            format!("{title}: {}", self.message)
        };
        let mut text = format!(
            "error {}: {what}\nhint: {hint}\nsee: docs/migration/error-handling.md#{}",
            self.code,
            self.code.as_str().to_ascii_lowercase()
        );
        for cause in &self.causes {
            // Writing to a String does not fail.
            let _ = write!(text, "\ncause: {cause}");
        }
        text
    }

    fn with(code: ErrorCode, error: &(dyn Error + 'static)) -> Self {
        Self { causes: causes::of(error), ..Self::new(code, error.to_string()) }
    }
}

impl From<EngineError> for CommandError {
    fn from(error: EngineError) -> Self {
        Self::with(error.code(), &error)
    }
}

impl From<SettingError> for CommandError {
    fn from(error: SettingError) -> Self {
        Self::with(error.code(), &error)
    }
}

impl From<StartupError> for CommandError {
    fn from(error: StartupError) -> Self {
        Self::with(error.code(), &error)
    }
}

impl From<StoreError> for CommandError {
    fn from(error: StoreError) -> Self {
        Self::with(ErrorCode::Sys007, &error)
    }
}

impl From<ExportError> for CommandError {
    fn from(error: ExportError) -> Self {
        match error {
            ExportError::Store(error) => error.into(),
            ExportError::Write(_) => Self::with(ErrorCode::Sys003, &error),
        }
    }
}

impl From<PasswordError> for CommandError {
    fn from(error: PasswordError) -> Self {
        let code = match error {
            PasswordError::Weak(_) => ErrorCode::Sys005,
            _ => ErrorCode::Sys001,
        };
        Self::with(code, &error)
    }
}

impl From<DemoError> for CommandError {
    fn from(error: DemoError) -> Self {
        match error {
            DemoError::Store(error) => error.into(),
            DemoError::Engine(error) => error.into(),
            DemoError::Password(error) => error.into(),
            DemoError::Files(_) => Self::with(ErrorCode::Sys003, &error),
        }
    }
}

impl From<PeopleError> for CommandError {
    fn from(error: PeopleError) -> Self {
        let code = error.code();
        match error {
            PeopleError::Engine(error) => error.into(),
            PeopleError::Ragged { .. } => Self::with(code, &error)
                .hint("An unquoted separator or line break inside a field is the usual cause.")
                .exit(Status::Usage),
            error => Self::with(code, &error),
        }
    }
}

impl From<JobError> for CommandError {
    fn from(error: JobError) -> Self {
        match error {
            JobError::Store(error) => error.into(),
            JobError::Engine(error) => error.into(),
            JobError::ConnectionMissing { .. } => Self::with(ErrorCode::Map002, &error)
                .hint("Write a database URL in its place, or name the data folder with --data."),
            error => Self::with(ErrorCode::Sys005, &error),
        }
    }
}

impl From<Failure> for CommandError {
    fn from(failure: Failure) -> Self {
        Self::new(failure.code, failure.message)
    }
}

/// Writing a result or reading an answer failed.
impl From<io::Error> for CommandError {
    fn from(error: io::Error) -> Self {
        Self::new(ErrorCode::Sys003, "writing the result").because(&error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_but_the_unexpected_one_has_a_status_of_its_own_kind() {
        for code in ErrorCode::ALL {
            let status = status_of(*code);
            assert_eq!(status == Status::Unexpected, *code == ErrorCode::Sys001, "{code}");
        }
    }

    #[test]
    fn an_error_says_what_and_what_to_do_and_then_why() {
        let error = EngineError::new(ErrorCode::Conn001, "reaching postgres://db:5432/mdw")
            .because(io::Error::from(io::ErrorKind::ConnectionRefused));

        let text = CommandError::from(error).text();

        let lines: Vec<_> = text.lines().collect();
        assert!(lines[0].starts_with("error CONN-001: The server cannot be reached: "), "{text}");
        assert!(lines[1].starts_with("hint: Check host and port"), "{text}");
        assert!(lines[2].ends_with("#conn-001"), "{text}");
        assert_eq!(lines[3], "cause: connection refused");
    }
}
