use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use engine::backup::{Folder, Occupied};
use engine::clock::SystemClock;
use shared::audit::Action;
use shared::backup::RestoreOutcome;
use shared::error_code::ErrorCode;

use super::backup::{store_file, store_url};
use super::input::{expanded, read_plan, sides};
use super::output::{Json, count, table, tell};
use super::{CommandError, whoever};
use crate::config::Installation;
use crate::jobs::approvals::Permit;
use crate::jobs::backups;

/// Put a backup back, after reading it to its end.
///
/// Tables that are missing are made. Of what is in the others nothing is left but what the backup has:
/// that needs --replace.
#[derive(Debug, Args)]
pub(super) struct Restore {
    folder: PathBuf,
    /// The database to put the target's tables into
    #[arg(long, value_name = "URL", conflicts_with = "plan")]
    target: Option<String>,
    /// The plan whose target it is
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// Put the control store back; no server may be running
    #[arg(long)]
    control_store: bool,
    /// Put the backup in the place of what is there
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    json: Json,
}

impl Restore {
    pub(super) async fn run(self, installation: &Installation) -> Result<(), CommandError> {
        let began = Instant::now();
        let url = match (&self.target, &self.plan) {
            (Some(url), _) => Some(expanded(url)?),
            (None, Some(path)) => Some(sides(&read_plan(path)?, installation).await?.target),
            (None, None) => None,
        };
        if url.is_none() && !self.control_store {
            let message = "nothing is named that is to be restored";
            return Err(CommandError::new(ErrorCode::Sys005, message)
                .hint("Name a target with --target or --plan, or ask for --control-store."));
        }
        let key = installation.key()?.quarantine();
        let occupied = if self.replace { Occupied::Replace } else { Occupied::Refuse };
        let permit = Permit::of_the_command_line();
        let folder = Folder::open(&self.folder, &key)?;
        folder.verify()?;
        let manifest = folder.manifest().clone();
        let mut outcome = RestoreOutcome {
            id: manifest.id.clone(),
            tables: Vec::new(),
            missing_keys: Vec::new(),
            control_store: false,
            seconds: 0.0,
        };
        if self.control_store {
            // Whoever serves from it has it locked.
            let _lock = installation.lock()?;
            let folder = Folder::open(&self.folder, &key)?;
            let (url, file) = (store_url(installation), store_file(installation));
            let kept = backups::restore_store(folder, &url, &file, occupied, &permit).await?;
            if let Some(kept) = kept {
                tell(format!("the control store that was there is now {}", kept.display()));
            }
            outcome.control_store = true;
        }
        if let Some(url) = url {
            let restored = backups::restore_target(folder, &url, occupied, &permit).await?;
            outcome.tables = restored.tables;
            outcome.missing_keys = restored.missing_keys;
        }
        let store = installation.open_store().await?;
        let recorded = backups::record(
            &store,
            &SystemClock,
            whoever::actor(),
            Action::BackupRestored,
            &manifest,
        )
        .await;
        store.close().await;
        recorded?;
        outcome.seconds = began.elapsed().as_secs_f64();
        self.json.write(&outcome)?;
        tell(summary(&outcome));
        Ok(())
    }
}

fn summary(outcome: &RestoreOutcome) -> String {
    let rows: Vec<_> = outcome
        .tables
        .iter()
        .map(|table| {
            let made = if table.made { "was made" } else { "" };
            [table.name.to_string(), count(table.rows), made.to_owned()]
        })
        .collect();
    let mut text =
        if rows.is_empty() { String::new() } else { table(["table", "rows", ""], &rows) + "\n" };
    for key in &outcome.missing_keys {
        let _ =
            writeln!(text, "the foreign key {key} was not made: what it refers to is not there");
    }
    text + &format!("backup {} is restored; {:.1} s", outcome.id, outcome.seconds)
}
