//! Work that outlives a request.

pub mod databases;
pub mod failure;
pub mod crew;
mod watched;
mod run_migration;
pub mod runs;

pub use databases::Databases;
pub use failure::JobError;
pub use runs::Runs;
