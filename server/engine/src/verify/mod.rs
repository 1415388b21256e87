//! Compares source and target: every row that should be there, by the plan's own rules, with the
//! one that is.
//!
//! Each side adds up the hashes of its rows, a part of a table at a time and in whatever order
//! they come; a database that can compute them does so itself. Where two sums differ, the rows of
//! that part are read on both sides, turned by the very code that loads them, and compared one by
//! one: a sum alone convicts nobody.

mod hash;
mod jsonb;
mod canonical;
mod sums;
mod table;
mod absent;
mod kept;
mod merged;
mod rows;
mod matcher;
mod record;
mod freshness;
mod sample;
mod references;
mod board;
mod conduct;
mod prepare;
mod compare;
mod locate;
mod again;
mod repair;
mod list;
mod people;

use std::sync::Arc;

use shared::connection::Engine;
use shared::error_code::ErrorCode;
use shared::id::VerificationId;
use shared::plan::Plan;
use shared::verification::{Mode, Progress, SampleSize, VerificationOutcome};
use tokio::sync::watch;

use crate::clock::Clock;
use crate::error::{EngineError, Result};
use crate::load::{PostgresTarget, SqliteTarget};
use crate::run::Stop;
use crate::seal::Key;

pub(crate) use freshness::{is_as_it_was_left, keep_beside};
pub use list::{Known, key_of, latest, mismatches, stale_tables};
pub use people::{Ages, DrawRequest, Drawn, DrawnPerson, DrawnStratum, LookRequest, draw, look};
pub use repair::{Approval, Effect, RepairRequest, repair, take_back};

/// What is to be compared, and how.
pub struct Request {
    pub plan: Plan,
    pub source_url: String,
    pub target_url: String,
    /// The id of the verification when it is a new one. One that goes on keeps its own.
    pub verification_id: VerificationId,
    pub mode: Mode,
    pub sample: SampleSize,
    pub going_on: GoingOn,
    /// How many segments are compared at once; else as the plan says.
    pub workers: Option<u16>,
    /// What keys of mismatches are sealed with; the one of the run.
    pub key: Key,
    /// Takes the latest picture of the verification.
    pub progress: watch::Sender<Option<Progress>>,
    pub stop: Stop,
    pub clock: Arc<dyn Clock>,
}

/// Which unfinished verification of the same plan version and mode goes on, if neither side changed
/// meanwhile.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum GoingOn {
    /// The latest, unless it is under way. One whose process is gone is not.
    #[default]
    Latest,
    /// This one, even if it is said to be under way: nobody works on it any more.
    This(VerificationId),
    /// None: a new one begins.
    None,
}

/// Compares, or goes on with an unfinished comparison of the same plan version if neither side
/// changed meanwhile.
pub async fn verify(request: Request) -> Result<VerificationOutcome> {
    match Engine::of_url(&request.target_url) {
        Some(Engine::Postgres) => {
            let target = PostgresTarget::new(&request.target_url);
            Box::pin(conduct::conduct(target, request)).await
        }
        Some(Engine::Sqlite) => {
            let target = SqliteTarget::new(&request.target_url);
            Box::pin(conduct::conduct(target, request)).await
        }
        _ => Err(EngineError::new(
            ErrorCode::Conn006,
            format!(
                "opening the target {}: only PostgreSQL and SQLite are targets",
                shared::connection::without_secret(&request.target_url)
            ),
        )),
    }
}
