use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use shared::error_code::ErrorCode;
use shared::id::RunId;

use super::exit::Status;
use super::input::{RunTarget, run_not_found};
use super::output::{Json, give, tell};
use super::runs::KnownRuns;
use super::{CommandError, whoever};
use crate::config::Installation;
use crate::jobs::Reports;
use crate::jobs::reports::pack::{PackError, Signer, verify};
use crate::jobs::runs::Ledger;

/// Write the evidence of a run: counts, quarantine, verification, approvals, signed
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct Report {
    #[command(subcommand)]
    command: Option<About>,
    #[command(flatten)]
    make: Make,
}

#[derive(Debug, Subcommand)]
enum About {
    /// Hold a pack against its signature
    Verify(Verify),
    /// Tell the public key by which others verify this installation's packs
    Key,
}

#[derive(Debug, Args)]
struct Make {
    #[arg(required = true)]
    run: Option<RunId>,
    /// The folder to write into
    #[arg(long, value_name = "DIR", required = true)]
    out: Option<PathBuf>,
    #[command(flatten)]
    target: RunTarget,
    #[command(flatten)]
    json: Json,
}

#[derive(Debug, Args)]
struct Verify {
    folder: PathBuf,
    /// Whose signature is expected, as `transfuse report key` tells it; else this installation's
    #[arg(long, value_name = "HEX")]
    key: Option<String>,
    #[command(flatten)]
    json: Json,
}

impl Report {
    pub(super) async fn run(self, installation: &Installation) -> Result<(), CommandError> {
        match self.command {
            Some(About::Verify(command)) => command.run(installation),
            Some(About::Key) => give(Signer::new(&installation.key()?).public_key()),
            None => self.make.run(installation).await,
        }
    }
}

impl Make {
    async fn run(self, installation: &Installation) -> Result<(), CommandError> {
        let (Some(run), Some(out)) = (&self.run, &self.out) else { return Ok(()) };
        let named = self.target.url(installation).await?;
        let KnownRuns { key, store, clock, runs, .. } = KnownRuns::open(installation).await?;
        let reports = Reports::new(store.clone(), clock, runs, &key);
        let actor = whoever::actor();
        let pack = match named {
            Some(target) => reports.at(actor, run, &Ledger { target, run: run.clone() }).await,
            None => reports.of(actor, run).await,
        };
        store.close().await;
        let pack = pack.map_err(run_not_found)?;
        pack.write(out).map_err(|error| untrusted(&error))?;
        self.json.write(&pack.manifest)?;
        tell(format!(
            "{}: {} files, open report.html; hash {}",
            out.display(),
            pack.files().len(),
            pack.manifest.hash
        ));
        Ok(())
    }
}

impl Verify {
    fn run(self, installation: &Installation) -> Result<(), CommandError> {
        let key = match self.key {
            Some(key) => key.to_ascii_lowercase(),
            None => Signer::new(&installation.key()?).public_key(),
        };
        let manifest = verify(&self.folder, Some(&key)).map_err(|error| untrusted(&error))?;
        self.json.write(&manifest)?;
        tell(format!(
            "run {}: {} files as they were signed; hash {}",
            manifest.run_id,
            manifest.files.len(),
            manifest.hash
        ));
        Ok(())
    }
}

fn untrusted(error: &PackError) -> CommandError {
    match error {
        PackError::Folder { path, source } => {
            let doing = format!("opening {}", path.display());
            CommandError::new(ErrorCode::Sys003, doing)
                .hint("Check the folder and its rights.")
                .because(source)
        }
        PackError::NotEmpty { path } => not_empty(path),
        PackError::Changed { .. } | PackError::Foreign { .. } | PackError::OtherKey { .. } => {
            CommandError::new(ErrorCode::Ver007, error.to_string())
        }
    }
}

fn not_empty(path: &Path) -> CommandError {
    CommandError::new(ErrorCode::Sys003, format!("{} has other files in it", path.display()))
        .hint("Name a folder that is empty or not there yet.")
        .exit(Status::Usage)
}
