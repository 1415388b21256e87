//! Work that outlives a request.

pub mod approvals;
pub mod alerts;
pub mod databases;
pub mod failure;
mod outcome;
pub mod crew;
pub mod people;
pub mod duplicates;
pub mod assessments;
mod watched;
mod run_migration;
pub mod runs;
pub mod changes;
pub mod quarantine;
pub mod rehearsals;
pub mod rollbacks;
pub mod verifications;
pub mod checkings;
pub mod sign_offs;
pub mod reports;
pub mod backups;

pub use assessments::Assessments;
pub use checkings::Checkings;
pub use databases::Databases;
pub use duplicates::Duplicates;
pub use failure::JobError;
pub use outcome::Left;
pub use quarantine::QuarantineWork;
pub use rehearsals::Rehearsals;
pub use reports::Reports;
pub use rollbacks::Rollbacks;
pub use runs::Runs;
pub use sign_offs::SignOffs;
pub use verifications::Verifications;
