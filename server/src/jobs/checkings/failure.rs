use shared::clinical::CheckingState;

/// Why something about clinical checks was refused.
#[derive(Debug, thiserror::Error)]
pub enum CheckingError {
    #[error("there are no such clinical checks")]
    NotFound,
    #[error("the plan of the run names no checks")]
    NoChecks,
    #[error("the clinical checks of the run are being made already")]
    UnderWay,
    #[error("the clinical checks are {}", .state.label().to_lowercase())]
    WrongState { state: CheckingState },
}
