use engine::EngineError;
use shared::error_code::ErrorCode;
use shared::id::MatchingId;
use shared::matching::MatchingState;
use shared::run::Failure;

use super::JobError;
use crate::jobs::people::PeopleError;
use crate::store::StoreError;

/// Why nothing was done about people who are there twice.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DuplicatesError {
    #[error("the plan says nothing of people who are there twice")]
    NoSection,
    #[error("there is no such search for duplicates")]
    MatchingNotFound,
    #[error("there is no such pair")]
    MatchNotFound,
    #[error("there are no such people")]
    ClusterNotFound,
    #[error("there is no such merge")]
    MergeNotFound,
    #[error("search {matching} among the same people is under way")]
    UnderWay { matching: MatchingId },
    #[error("the search is {}", .state.label().to_lowercase())]
    WrongState { state: MatchingState },
    #[error("the plan is about other people since the search")]
    PlanChanged,
    /// What is merged is taken apart before something else is said of it.
    #[error("they are one by now")]
    Merged,
    #[error("nobody said anything of the pair")]
    NothingSaid,
    #[error("a choice names a record, or an attribute, that is not theirs")]
    InvalidChoice,
    #[error("two or more of the people have to be named")]
    InvalidMembers,
}

/// What the store keeps of an error: names, never values.
pub(super) fn failure_of(error: &JobError) -> Failure {
    let code = match error {
        JobError::Engine(error) => error.code(),
        JobError::Store(_) => ErrorCode::Sys007,
        _ => ErrorCode::Sys001,
    };
    Failure { code, message: error.to_string() }
}

/// An error of the matcher in the words of the engine.
pub(super) fn of_people(error: PeopleError) -> JobError {
    match error {
        PeopleError::Engine(error) => error.into(),
        error => {
            let doing = "looking for people who are there twice";
            EngineError::new(error.code(), doing).because(error).into()
        }
    }
}

/// An error of a job, for the engine that waits for it.
pub(super) fn for_engine(error: JobError) -> EngineError {
    match error {
        JobError::Engine(error) => error,
        error => {
            let code = failure_of(&error).code;
            EngineError::new(code, "looking for people who are there twice").because(error)
        }
    }
}

/// The store did not take what goes with a deed: the deed is not done.
pub(super) fn of_store(error: StoreError) -> EngineError {
    let doing = "writing the audit entry of work on people";
    EngineError::new(ErrorCode::Sys007, doing).because(error)
}

/// A task ended without an answer.
pub(super) fn panicked(error: tokio::task::JoinError) -> JobError {
    let doing = "looking for people who are there twice";
    EngineError::new(ErrorCode::Sys001, doing).because(error).into()
}
