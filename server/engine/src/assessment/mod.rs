//! The assessment of a plan: its databases, its schema and its rows, before anything moves.
//!
//! Nothing is changed. Both databases are opened read-only, save for the trial of how fast the
//! target takes rows, which writes into a temporary table of a transaction that is rolled back.
//! It stands behind the steps that it foretells, because it does what they do.

mod notebook;
mod held;
mod doctor;
mod connection;
mod source;
mod target;
mod schema;
mod scratch;
mod pace;
mod forecast;
mod data;
mod governance;
mod trial;

use std::sync::Arc;
use std::time::Instant;

use chrono::{DateTime, Utc};
use shared::assessment::{Assessment, Readiness, Severity};
use shared::check::{Check, CheckSelection, Group};
use shared::plan::Plan;

pub use doctor::{Pooler, pooler_of};
pub use trial::try_rules;

use tokio::sync::watch;

use self::held::Heard;
use self::notebook::Notebook;
use crate::assess::profile;
use crate::clock::Clock;
use crate::error::Result;
use crate::load::ledger::work_hash;
use crate::run::Stop;
use crate::run::governor::{Governor, Sparing, Watcher};
use crate::seal::Key;

/// What is to be assessed, and how.
pub struct Request {
    pub plan: Plan,
    pub source_url: String,
    pub target_url: String,
    /// Which checks are made.
    pub selection: CheckSelection,
    /// How many rows the forecast looks at.
    pub forecast: Look,
    /// How many rows of each table the profile looks at.
    pub profile: Look,
    /// How many readers work at once; else as the plan says.
    pub workers: Option<u16>,
    pub key: Key,
    pub clock: Arc<dyn Clock>,
    pub surroundings: Surroundings,
    /// Takes why the source is not read at the moment, where the plan says so.
    pub held: watch::Sender<Option<String>>,
}

/// How many rows of a table are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    Everything,
    /// About so many.
    Rows(u64),
    Nothing,
}

/// What only the installation knows. What is not known is not judged.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// Whether a second person has to approve.
    pub second_person: Option<bool>,
    /// Whether anybody is told of failures.
    pub notifications: Option<bool>,
    /// When the target was last backed up, if it ever was.
    pub last_backup: Option<Option<DateTime<Utc>>>,
    /// Whether the plan's document names a password.
    pub secret_in_plan: Option<bool>,
}

/// Assesses a plan, as fast as the source bears it and when the plan lets it be read. A database that
/// cannot be reached is a finding.
pub async fn assess(request: Request) -> Result<Assessment> {
    let mut book = Notebook::new(request.selection.clone());
    let heard = Arc::new(Heard::new(request.held.clone()));
    let watcher = Arc::clone(&heard) as Arc<dyn Watcher>;
    let sparing = Sparing::of(&request.plan, &request.source_url, &request.clock, watcher);
    // Whoever asks for it gives it up as a whole.
    let stop = Stop::default();
    sparing.await_window(&stop).await?;
    let began = Instant::now();
    let mut opened = connection::look(&mut book, &request).await;
    let batch_bytes = usize::try_from(request.plan.options.batch_bytes).unwrap_or(usize::MAX);
    let governor = match &opened.source {
        Some(side) => sparing.begin(&side.source, workers(&request), batch_bytes),
        None => Governor::free(batch_bytes),
    };
    let looked = async {
        source::look(&mut book, &request, &mut opened).await;
        Ok(())
    };
    governor.spare(&stop, looked).await?;
    target::look(&mut book, &request, &mut opened).await;
    let mut found = Box::pin(data::look(&mut book, &request, &mut opened, &governor)).await;
    governance::look(&mut book, &request);
    let rows = match request.profile {
        Look::Everything => Some(u64::MAX),
        Look::Rows(rows) => Some(rows),
        Look::Nothing => None,
    };
    let from = opened.source.as_ref().map(|side| (&side.source, &side.catalog));
    let profile = async move {
        match from.zip(rows) {
            Some(((source, catalog), rows)) => profile::of_source(source, catalog, rows).await,
            None => Ok(Vec::new()),
        }
    };
    let profile = governor.spare(&stop, profile).await?.unwrap_or_default();
    drop(governor);
    if let Some(forecast) = &mut found.forecast {
        forecast.notes.extend(heard.notes());
    }
    let (checks, findings) = book.close();
    let status = match findings.iter().map(|finding| finding.severity).max() {
        Some(Severity::Blocking) => Readiness::Blocked,
        Some(Severity::Warning) => Readiness::Warnings,
        Some(Severity::Info) | None => Readiness::Ready,
    };
    Ok(Assessment {
        status,
        plan: request.plan.name.clone(),
        plan_hash: work_hash(&request.plan),
        source: opened.source.map(|side| side.catalog.server),
        target: opened.target.map(|side| side.catalog.server),
        checks,
        findings,
        schema: found.schema,
        forecast: found.forecast,
        profile,
        seconds: began.elapsed().as_secs_f64(),
    })
}

/// How many readers work at once.
fn workers(request: &Request) -> usize {
    usize::from(request.workers.unwrap_or(request.plan.options.workers).max(1))
}

/// Whether any check of a group is to be made.
fn wants_any(book: &Notebook, group: Group) -> bool {
    Check::ALL.iter().any(|check| check.group() == group && book.wants(*check))
}
