use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use engine::backup::Folder;
use engine::clock::SystemClock;
use engine::run::plan_hash;
use serde::Serialize;
use shared::assessment::TableName;
use shared::audit::Action;
use shared::backup::{DatabaseBackup, Manifest, PlanNamed};
use shared::error_code::ErrorCode;

use super::input::{expanded, read_plan, sides};
use super::output::{Json, count, table, tell};
use super::{CommandError, whoever};
use crate::config::Installation;
use crate::jobs::backups::{self, TargetTables};

/// Copy the tables that a plan touches, and the control store, into a folder.
///
/// The copy is sealed with the installation's key: keep the key in another place. Others may read and
/// write while it is taken.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct Backup {
    #[command(subcommand)]
    command: Option<BackupCommand>,
    #[command(flatten)]
    take: Take,
}

#[derive(Debug, Subcommand)]
enum BackupCommand {
    /// Read a backup to its end: is it whole, and as it was taken?
    Verify(Verify),
}

#[derive(Debug, Args)]
struct Take {
    /// The folder to write, which has to be empty or not there
    #[arg(long, value_name = "DIR", required = true)]
    out: Option<PathBuf>,
    /// Back up the tables of this plan's target
    #[arg(long, value_name = "FILE", conflicts_with = "target")]
    plan: Option<PathBuf>,
    /// Back up tables of this database
    #[arg(long, value_name = "URL", requires = "tables")]
    target: Option<String>,
    /// A table of it; may be given several times
    #[arg(long = "table", value_name = "TABLE", requires = "target")]
    tables: Vec<TableName>,
    /// Leave the control store out
    #[arg(long)]
    no_store: bool,
    #[command(flatten)]
    json: Json,
}

#[derive(Debug, Args)]
struct Verify {
    folder: PathBuf,
    #[command(flatten)]
    json: Json,
}

#[derive(Serialize)]
struct Verified<'a> {
    intact: bool,
    manifest: &'a Manifest,
}

impl Backup {
    pub(super) async fn run(self, installation: &Installation) -> Result<(), CommandError> {
        match self.command {
            Some(BackupCommand::Verify(command)) => command.run(installation),
            None => self.take.run(installation).await,
        }
    }
}

impl Take {
    async fn run(self, installation: &Installation) -> Result<(), CommandError> {
        let out = self.out.as_deref().unwrap_or(Path::new("."));
        let key = installation.key()?.quarantine();
        let (url, tables, plan) = match (&self.plan, &self.target) {
            (Some(path), _) => {
                let plan = read_plan(path)?;
                let tables = plan.tables.iter().map(|mapping| mapping.target.clone()).collect();
                let named = PlanNamed { name: plan.name.clone(), hash: plan_hash(&plan) };
                (Some(sides(&plan, installation).await?.target), tables, Some(named))
            }
            (None, Some(url)) => (Some(expanded(url)?), self.tables.clone(), None),
            (None, None) => (None, Vec::new(), None),
        };
        if url.is_none() && self.no_store {
            let message = "neither a target nor the control store is to be backed up";
            return Err(CommandError::new(ErrorCode::Sys005, message)
                .hint("Name a plan or a target, or leave out --no-store."));
        }
        // The store is opened first, so that its schema is the one of this build.
        let store = installation.open_store().await?;
        let store_url = (!self.no_store).then(|| store_url(installation));
        let target =
            url.as_ref().map(|url| TargetTables { url: url.as_str(), tables, plan: plan.clone() });
        let taken = backups::take(out, &key, &SystemClock, target, store_url.as_deref()).await;
        let recorded = match &taken {
            Ok(manifest) => {
                backups::record(
                    &store,
                    &SystemClock,
                    whoever::actor(),
                    Action::BackupTaken,
                    manifest,
                )
                .await
            }
            Err(_) => Ok(()),
        };
        store.close().await;
        let manifest = taken?;
        recorded?;
        self.json.write(&manifest)?;
        tell(summary(&manifest));
        Ok(())
    }
}

impl Verify {
    fn run(self, installation: &Installation) -> Result<(), CommandError> {
        let folder = Folder::open(&self.folder, &installation.key()?.quarantine())?;
        folder.verify()?;
        let manifest = folder.manifest();
        self.json.write(&Verified { intact: true, manifest })?;
        tell(format!("{}\nthe backup is whole", summary(manifest)));
        Ok(())
    }
}

/// Where the control store is, as the engine names databases.
pub(super) fn store_url(installation: &Installation) -> String {
    installation
        .store_url()
        .unwrap_or_else(|| format!("sqlite:{}", store_file(installation).display()))
}

/// The control store's file, where it is one.
pub(super) fn store_file(installation: &Installation) -> PathBuf {
    installation.data().join("control.db")
}

fn summary(manifest: &Manifest) -> String {
    let mut rows = Vec::new();
    let parts = [("target", &manifest.target), ("control store", &manifest.store)];
    for (name, part) in parts {
        let Some(part) = part else { continue };
        rows.push(line(name, part));
    }
    let bytes: u64 = manifest.files.iter().map(|file| file.bytes).sum();
    format!(
        "{}\nbackup {} of {}: {} bytes in {} files",
        table(["part", "tables", "rows", "server"], &rows),
        manifest.id,
        manifest.taken_at.format("%Y-%m-%d %H:%M UTC"),
        count(bytes),
        count(u64::try_from(manifest.files.len()).unwrap_or(u64::MAX))
    )
}

fn line(name: &str, part: &DatabaseBackup) -> [String; 4] {
    let rows = part.tables.iter().map(|table| table.rows).sum();
    let tables = u64::try_from(part.tables.len()).unwrap_or(u64::MAX);
    [name.to_owned(), count(tables), count(rows), part.server.clone()]
}
