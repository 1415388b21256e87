//! The assessment of a plan: its databases, its schema and its rows, before anything moves.
//!
//! Nothing is changed. Both databases are opened read-only, save for the trial of how fast the
//! target takes rows, which writes into a temporary table of a transaction that is rolled back.
//! It stands behind the steps that it foretells, because it does what they do.

mod notebook;
mod doctor;
mod connection;
mod source;
mod target;
mod schema;
mod scratch;
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

use self::notebook::Notebook;
use crate::assess::profile;
use crate::clock::Clock;
use crate::error::Result;
use crate::load::ledger::work_hash;
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

/// Assesses a plan. A database that cannot be reached is a finding.
pub async fn assess(request: Request) -> Result<Assessment> {
    let began = Instant::now();
    let mut book = Notebook::new(request.selection.clone());
    let mut opened = connection::look(&mut book, &request).await;
    source::look(&mut book, &request, &mut opened).await;
    target::look(&mut book, &request, &mut opened).await;
    let found = data::look(&mut book, &request, &mut opened).await;
    governance::look(&mut book, &request);
    let profile = match (&opened.source, request.profile) {
        (Some(source), Look::Everything) => {
            profile::of_source(&source.source, &source.catalog, u64::MAX).await?
        }
        (Some(source), Look::Rows(rows)) => {
            profile::of_source(&source.source, &source.catalog, rows).await?
        }
        _ => Vec::new(),
    };
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

/// Whether any check of a group is to be made.
fn wants_any(book: &Notebook, group: Group) -> bool {
    Check::ALL.iter().any(|check| check.group() == group && book.wants(*check))
}
