use std::fmt::Write as _;

use clap::Args;
use engine::rollback::{Effect, Request, roll_back};
use shared::assessment::TableName;
use shared::error_code::ErrorCode;
use shared::id::RunId;
use shared::rollback::{Changed, Fate, NewRollback, RollbackOutcome, Scope};

use super::exit::Status;
use super::input::{RunTarget, run_not_found};
use super::output::{Json, count, table, tell};
use super::runs::KnownRuns;
use super::{CommandError, whoever};
use crate::config::Installation;
use crate::jobs::approvals::Permit;
use crate::jobs::runs::Ledger;
use crate::jobs::{Left, Rollbacks};

/// Undo what a run did, and leave everybody else's rows alone.
///
/// Without --table, the whole run is undone, with everything that it made. What is undone of a table
/// or of a chunk, the same plan does again. Undoing that was interrupted goes on when the same
/// command is started again.
#[derive(Debug, Args)]
pub(super) struct Rollback {
    run: RunId,
    /// Only this table of the target: its rows go, the table stays
    #[arg(long)]
    table: Option<TableName>,
    /// Only this chunk of the table, counted from 0
    #[arg(long, value_name = "N", requires = "table")]
    chunk: Option<u32>,
    /// Only say what would happen
    #[arg(long)]
    dry_run: bool,
    /// Undo rows that somebody changed since as well: what they wrote is lost
    #[arg(long)]
    discard_changes: bool,
    #[command(flatten)]
    target: RunTarget,
    #[command(flatten)]
    json: Json,
}

impl Rollback {
    pub(super) async fn run(self, installation: &Installation) -> Result<(), CommandError> {
        let named = self.target.url(installation).await?;
        let KnownRuns { key, store, clock, owner, runs } = KnownRuns::open(installation).await?;
        let new = NewRollback {
            run_id: self.run.clone(),
            scope: self.scope(),
            changed: if self.discard_changes { Changed::Discard } else { Changed::Leave },
        };
        let done = async {
            let ledger = match named {
                Some(target) => Ledger { target, run: self.run.clone() },
                None => runs.ledger(&self.run).await.map_err(run_not_found)?,
            };
            if self.dry_run {
                let request = Request {
                    target_url: ledger.target.as_str().to_owned(),
                    run_id: ledger.run,
                    scope: new.scope.clone(),
                    changed: new.changed,
                    effect: Effect::Preview,
                    key: key.quarantine(),
                    clock,
                };
                return Ok(roll_back(&request).await?);
            }
            let rollbacks = Rollbacks::new(store.clone(), clock, runs, &key, owner);
            rollbacks.recover(Left::InSilence).await?;
            let by = whoever::by();
            Ok::<_, CommandError>(
                rollbacks.carry_out(&by, &new, &ledger, Permit::of_the_command_line()).await?,
            )
        }
        .await;
        store.close().await;
        let outcome = done?;
        self.json.write(&outcome)?;
        tell(summary(&outcome));
        judge(&outcome)
    }

    fn scope(&self) -> Scope {
        match (&self.table, self.chunk) {
            (None, _) => Scope::Run,
            (Some(target), None) => Scope::Table { target: target.clone() },
            (Some(target), Some(ordinal)) => Scope::Chunk { target: target.clone(), ordinal },
        }
    }
}

/// What the exit status says of the outcome.
fn judge(outcome: &RollbackOutcome) -> Result<(), CommandError> {
    if let Some(obstacle) = outcome.obstacles.first() {
        let message = match &obstacle.table {
            Some(table) => format!(
                "{} rows of {table} refer to rows of {} by {}",
                count(obstacle.rows),
                obstacle.target,
                obstacle.name
            ),
            None => format!("{} stands on {}", obstacle.name, obstacle.target),
        };
        return Err(CommandError::new(ErrorCode::Load020, message));
    }
    if outcome.is_whole() {
        return Ok(());
    }
    let left = outcome.rows_left();
    let message = format!("{} rows that somebody changed since stay", count(left));
    Err(CommandError::new(ErrorCode::Load025, message).exit(Status::Different))
}

fn summary(outcome: &RollbackOutcome) -> String {
    let rows: Vec<_> = outcome
        .tables
        .iter()
        .map(|table| {
            [
                table.target.to_string(),
                count(table.chunks.into()),
                count(table.removed),
                count(table.restored),
                count(table.changed_since - table.discarded),
                count(table.discarded),
                count(table.gone_since),
                count(table.others),
                (if table.dropped { "the table goes" } else { "" }).to_owned(),
            ]
        })
        .collect();
    let head =
        ["table", "chunks", "removed", "restored", "left", "discarded", "gone", "others'", ""];
    let mut text = table(head, &rows);
    for object in outcome.objects.iter().filter(|object| object.fate == Fate::Left) {
        let reason = object.reason.as_deref().unwrap_or("it is needed");
        // Writing to a String does not fail.
        let _ = write!(text, "\n{} {} stays: {reason}", object.kind, object.name);
    }
    let undone = outcome.objects.iter().filter(|object| object.fate == Fate::Undone).count();
    let undone = u64::try_from(undone).unwrap_or(u64::MAX);
    let would = if outcome.dry_run { "would be" } else { "is" };
    let made = if undone > 0 {
        format!("; {} things that it made go", count(undone))
    } else {
        String::new()
    };
    let _ = write!(
        text,
        "\nrun {} {would} {}{made}",
        outcome.run_id,
        outcome.run_state.label().to_lowercase()
    );
    text
}
