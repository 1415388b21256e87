//! Works a run's quarantine: what lies there is shown without values, repaired by rules, carried
//! over by the very rules and the very path of a chunk, and taken back again.
//!
//! Everything that is done is an action, recorded with who did it and when, and a step for each
//! row; the sealed original stays as it is. An action is one transaction of the target.

mod list;
pub(crate) mod mask;
mod kept;
mod record;
mod fix;
mod lane;
mod parents;
mod work;
mod preview;
mod show;
mod faults;
mod replay;
mod undo;

use std::future::Future;

use shared::connection::{Engine, without_secret};
use shared::error_code::ErrorCode;
use shared::id::RunId;
use shared::page::{Cursor, Page};
use shared::plan::Plan;
use shared::quarantine::{
    FixPreview, PreviewRequest, QuarantineAction, QuarantineFilter, QuarantinedDetail, RevealedRow,
    WorkOutcome,
};

pub(crate) use faults::faults;
pub use list::{counts, list};
pub use work::{Approval, Job, Worker};

use crate::clock::Clock;
use crate::error::{EngineError, Result};
use crate::load::{PostgresTarget, Session, SqliteTarget, Target};
use crate::seal::Key;

/// A run's quarantine, and what opens it.
#[derive(Clone, Copy)]
pub struct Quarantine<'a> {
    pub target_url: &'a str,
    pub run: &'a RunId,
    pub key: &'a Key,
    pub clock: &'a dyn Clock,
}

impl Quarantine<'_> {
    /// A row with the form of its values and its steps; none when there is no such row.
    pub async fn show(&self, row: &str) -> Result<Option<QuarantinedDetail>> {
        in_target(self.target_url, show::Show { quarantine: *self, row }).await
    }

    /// One page of rows with the form of their values, in the order of their ids. Their steps are
    /// not told.
    pub async fn masked(
        &self,
        filter: &QuarantineFilter,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<Page<QuarantinedDetail>> {
        let page = list(self.target_url, self.run, filter, after, limit).await?;
        in_target(self.target_url, show::Masked { quarantine: *self, page }).await
    }

    /// A row with its values. The caller has seen to it that this is written down.
    pub async fn reveal(&self, row: &str) -> Result<Option<RevealedRow>> {
        in_target(self.target_url, show::Reveal { quarantine: *self, row }).await
    }

    /// All that was done with the run's quarantine, the latest first.
    pub async fn actions(&self) -> Result<Vec<QuarantineAction>> {
        in_target(self.target_url, record::Actions { run: self.run }).await
    }

    /// What a fix would do, by the rules and types of the plan, or of another version of it.
    pub async fn preview(
        &self,
        request: &PreviewRequest,
        rules: Option<&Plan>,
    ) -> Result<FixPreview> {
        in_target(self.target_url, preview::Preview { quarantine: *self, request, rules }).await
    }

    /// Does a piece of work, as one transaction of the target.
    pub async fn work(&self, job: Job<'_>, worker: Worker<'_>) -> Result<WorkOutcome> {
        // What changes the tables of the target keeps runs out meanwhile.
        let touches_tables =
            !matches!(job, Job::Fix { .. } | Job::Triage { .. } | Job::Waive { .. });
        let work = work::Work { quarantine: *self, job, worker };
        match Engine::of_url(self.target_url) {
            Some(Engine::Postgres) => {
                work_in(&PostgresTarget::new(self.target_url), work, touches_tables).await
            }
            Some(Engine::Sqlite) => {
                work_in(&SqliteTarget::new(self.target_url), work, touches_tables).await
            }
            _ => Err(no_target()),
        }
    }
}

async fn work_in<T: Target>(
    target: &T,
    work: work::Work<'_, '_>,
    touches_tables: bool,
) -> Result<WorkOutcome> {
    let mut session = target.session().await?;
    let _lock = if touches_tables {
        let url = without_secret(work.quarantine.target_url);
        let taken = target.lock().await?.ok_or_else(|| {
            EngineError::new(ErrorCode::Load009, format!("working the quarantine in {url}"))
        })?;
        Some(taken)
    } else {
        None
    };
    work.ask(&mut session).await
}

/// A question that is put to a target of either kind.
trait Question {
    type Answer;

    fn ask<S: Session>(self, session: &mut S) -> impl Future<Output = Result<Self::Answer>> + Send;
}

async fn in_target<Q: Question>(target_url: &str, question: Q) -> Result<Q::Answer> {
    match Engine::of_url(target_url) {
        Some(Engine::Postgres) => {
            question.ask(&mut PostgresTarget::new(target_url).session().await?).await
        }
        Some(Engine::Sqlite) => {
            question.ask(&mut SqliteTarget::new(target_url).session().await?).await
        }
        _ => Err(no_target()),
    }
}

fn no_target() -> EngineError {
    EngineError::new(ErrorCode::Conn006, "opening the target of a run")
}

fn parsed<T: std::str::FromStr>(text: Option<String>) -> Result<T> {
    text.as_deref().and_then(|text| text.parse().ok()).ok_or_else(unreadable)
}

fn unreadable() -> EngineError {
    EngineError::new(ErrorCode::Sys001, "reading the quarantine")
}
