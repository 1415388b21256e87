use engine::EngineError;
use shared::assessment::AssessmentState;
use shared::id::{AssessmentId, RunId};
use shared::plan::PlanProblem;
use shared::rollback::RollbackState;
use shared::run::RunState;

use super::approvals::ApprovalError;
use super::checkings::CheckingError;
use super::duplicates::DuplicatesError;
use super::sign_offs::SignOffError;
use super::verifications::VerificationError;
use crate::egress::Forbidden;
use crate::store::StoreError;

/// Why work was refused or could not be done.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// It leads to a place that the settings do not allow.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    #[error("there is no such plan")]
    PlanNotFound,
    #[error("there is no such run")]
    RunNotFound,
    #[error(transparent)]
    Approval(#[from] ApprovalError),
    #[error(transparent)]
    Duplicates(#[from] DuplicatesError),
    #[error(transparent)]
    Verification(#[from] VerificationError),
    #[error(transparent)]
    Checking(#[from] CheckingError),
    #[error(transparent)]
    SignOff(#[from] SignOffError),
    #[error("there is no such assessment")]
    AssessmentNotFound,
    /// An assessment of the same plan is under way.
    #[error("assessment {assessment} of this plan is under way")]
    AssessmentUnderWay { assessment: AssessmentId },
    /// The assessment has ended.
    #[error("the assessment is {}", .state.as_str())]
    WrongAssessmentState { state: AssessmentState },
    #[error("there is no such rehearsal")]
    RehearsalNotFound,
    #[error("there is no such rollback")]
    RollbackNotFound,
    /// The rollback is under way, or through.
    #[error("the rollback is {}", .state.as_str())]
    WrongRollbackState { state: RollbackState },
    #[error("there is no such connection")]
    ConnectionNotFound,
    /// The plan names a connection that is not there.
    #[error("the plan names the connection `{name}`, which is not there")]
    ConnectionMissing { name: String },
    /// The run is not in a state from which it can do that.
    #[error("the run is {}", .state.label().to_lowercase())]
    WrongState { state: RunState },
    #[error("another server works on the run")]
    Elsewhere,
    /// A run of the same plan version waits to be resumed, or is under way.
    #[error("run {run} of this plan has not ended")]
    Unfinished { run: RunId },
    /// The plan cannot run as it is.
    #[error("the plan has problems")]
    PlanProblems(Vec<PlanProblem>),
    /// The server is on its way down.
    #[error("the server is stopping")]
    Stopping,
}
