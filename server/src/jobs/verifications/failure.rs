use shared::id::VerificationId;
use shared::verification::{RepairState, VerificationState};

/// Why something about a verification was refused.
#[derive(Debug, thiserror::Error)]
pub enum VerificationError {
    #[error("there is no such verification")]
    NotFound,
    #[error("there is no such mismatch")]
    MismatchNotFound,
    #[error("there is no such repair")]
    RepairNotFound,
    #[error("the verification is {}", .state.label().to_lowercase())]
    WrongState { state: VerificationState },
    /// The run is being compared already.
    #[error("a verification of the run is under way")]
    UnderWay,
    /// A sample knows not where rows lie, and one that is not through not all of them.
    #[error("verification {id} cannot be repaired from")]
    NothingToRepair { id: VerificationId },
    #[error("the repair is {}", .state.label().to_lowercase())]
    WrongRepairState { state: RepairState },
    /// What it would do is not known.
    #[error("nobody has looked at what the repair would do")]
    NotPreviewed,
    /// The run's target is being repaired already.
    #[error("a repair of the run's target is under way")]
    RepairUnderWay,
}
