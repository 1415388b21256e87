//! Which run, which rows, and who asks.

use clap::Args;
use shared::assessment::TableName;
use shared::error_code::ErrorCode;
use shared::id::{QuarantineId, RunId};
use shared::quarantine::{QuarantineFilter, QuarantineState, Selection};

use crate::cli::input::{RunTarget, run_not_found};
use crate::cli::runs::KnownRuns;
use crate::cli::{CommandError, whoever};
use crate::config::Installation;
use crate::jobs::quarantine::{By, Subject};
use crate::jobs::runs::Ledger;
use crate::jobs::{JobError, QuarantineWork};
use crate::store::Store;

/// Where the run wrote.
#[derive(Debug, Args)]
pub(super) struct Place {
    pub(super) run: RunId,
    #[command(flatten)]
    target: RunTarget,
}

/// Which rows are meant: all that the filters leave.
#[derive(Debug, Args)]
pub(super) struct Which {
    /// Only rows for this table of the target
    #[arg(long)]
    table: Option<TableName>,
    /// Only rows with this error code
    #[arg(long, value_parser = code)]
    code: Option<ErrorCode>,
    /// Only rows that this column of the target refused
    #[arg(long)]
    column: Option<String>,
    /// Only rows in this state: new, parked, triaged, fixed, mapped, waived, again, replayed
    #[arg(long, value_parser = state)]
    state: Option<QuarantineState>,
}

/// Rows by their ids.
#[derive(Debug, Args)]
pub(super) struct Rows {
    #[command(flatten)]
    which: Which,
    /// Only this row; may be given several times
    #[arg(long = "row", value_name = "ROW")]
    rows: Vec<QuarantineId>,
}

impl Which {
    pub(super) fn filter(&self) -> QuarantineFilter {
        QuarantineFilter {
            table: self.table.clone(),
            code: self.code,
            column: self.column.clone(),
            state: self.state,
        }
    }
}

impl Rows {
    pub(super) fn selection(&self) -> Selection {
        Selection { filter: self.which.filter(), rows: self.rows.clone() }
    }
}

/// The quarantine of a run, and what works it.
pub(super) struct Opened {
    pub(super) work: QuarantineWork,
    pub(super) subject: Subject,
    store: Store,
}

impl Opened {
    /// Does something and closes the store, however it went.
    pub(super) async fn with<T>(
        self,
        act: impl AsyncFnOnce(&QuarantineWork, &Subject) -> Result<T, JobError>,
    ) -> Result<T, CommandError> {
        let done = act(&self.work, &self.subject).await;
        self.store.close().await;
        done.map_err(CommandError::from)
    }
}

impl Place {
    /// Opens the run's quarantine. What is done there goes into the audit trail of this
    /// installation.
    pub(super) async fn open(&self, installation: &Installation) -> Result<Opened, CommandError> {
        let named = self.target.url(installation).await?;
        let KnownRuns { key, store, clock, runs, .. } = KnownRuns::open(installation).await?;
        let work = QuarantineWork::new(store.clone(), clock, runs, key.quarantine());
        let subject = match named {
            Some(target) => {
                let run = self.run.clone();
                Ok(Subject { ledger: Ledger { target, run: run.clone() }, run })
            }
            None => work.of(&self.run).await,
        };
        match subject {
            Ok(subject) => Ok(Opened { work, subject, store }),
            Err(error) => {
                store.close().await;
                Err(run_not_found(error))
            }
        }
    }
}

/// Whoever runs the command, and what they say of it.
pub(super) fn by(note: Option<String>, dry_run: bool) -> By {
    let whoever = whoever::by();
    By { actor: whoever.actor, name: whoever.name, note, dry_run }
}

fn code(text: &str) -> Result<ErrorCode, String> {
    ErrorCode::from_name(&text.to_ascii_uppercase())
        .ok_or_else(|| "there is no such code; DATA-001 is one".to_owned())
}

fn state(text: &str) -> Result<QuarantineState, String> {
    QuarantineState::from_name(&text.to_ascii_lowercase())
        .ok_or_else(|| "there is no such state; new is one".to_owned())
}
