//! Works the quarantine of a run: one file for looking, one for repairing, one for the rest.

mod place;
mod look;
mod fix;
mod act;

use clap::Subcommand;
use shared::quarantine::{QuarantineCount, WorkOutcome};

use super::CommandError;
use super::output::{count, table, tell};
use crate::config::Installation;

#[derive(Debug, Subcommand)]
pub(super) enum Quarantine {
    /// Show what a run put into quarantine, and why; never the values
    List(look::List),
    /// Show one row: the form of its values, and all that was done with it
    Show(look::Show),
    /// Write all rows, masked, as CSV
    Export(look::Export),
    /// Show what was done with the run's quarantine
    Actions(look::Actions),
    /// Say that somebody has looked at rows
    Triage(act::Triage),
    /// Repair rows by a rule; the originals stay
    Fix(Box<fix::Fix>),
    /// Sign that rows stay behind
    Waive(act::Waive),
    /// Carry rows into the target, by the rules and the path of a chunk
    Replay(act::Replay),
    /// Take back what an action did
    Undo(act::Undo),
}

impl Quarantine {
    pub(super) async fn run(self, installation: Installation) -> Result<(), CommandError> {
        match self {
            Self::List(command) => command.run(installation).await,
            Self::Show(command) => command.run(installation).await,
            Self::Export(command) => command.run(installation).await,
            Self::Actions(command) => command.run(installation).await,
            Self::Triage(command) => command.run(installation).await,
            Self::Fix(command) => command.run(installation).await,
            Self::Waive(command) => command.run(installation).await,
            Self::Replay(command) => command.run(installation).await,
            Self::Undo(command) => command.run(installation).await,
        }
    }
}

/// What an action came to, table by table.
fn tell_outcome(outcome: &WorkOutcome) {
    let rows: Vec<_> = outcome
        .tables
        .iter()
        .map(|work| {
            [
                work.target.as_ref().map(ToString::to_string).unwrap_or_default(),
                count(work.selected),
                count(work.done),
                count(work.again),
                count(work.parked),
                count(work.left),
            ]
        })
        .collect();
    if rows.is_empty() {
        tell("no row is in a state for this");
        return;
    }
    tell(table(["table", "rows", "done", "refused again", "wait for a parent", "left"], &rows));
    tell_refused(&outcome.refused);
    let action = &outcome.action;
    if outcome.dry_run {
        tell("nothing of it stayed: it was a dry run");
    } else {
        tell(format!(
            "action {}: {}; `transfuse quarantine undo` takes it back",
            action.id, action.what
        ));
    }
}

fn tell_refused(refused: &[QuarantineCount]) {
    if refused.is_empty() {
        return;
    }
    let rows: Vec<_> = refused
        .iter()
        .map(|refused| {
            [
                refused.target.to_string(),
                refused.code.to_string(),
                refused.column.clone().unwrap_or_default(),
                count(refused.rows),
            ]
        })
        .collect();
    tell(table(["table", "code", "column", "rows"], &rows));
}
