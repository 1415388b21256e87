//! Backups of targets and of the control store, and what the trail says of them.

use std::fs;
use std::path::{Path, PathBuf};

use engine::EngineError;
use engine::backup::{self, Folder, NewFolder, Occupied, Restored, Tables};
use engine::clock::Clock;
use engine::seal::Key;
use shared::assessment::TableName;
use shared::audit::Action;
use shared::backup::{DatabaseBackup, FORMAT, Manifest, PlanNamed};
use shared::connection::Engine;
use shared::error_code::ErrorCode;

use super::approvals::Permit;
use crate::audit::{self, Actor};
use crate::store::{self, Store, StoreError};

/// The tables of a target that are to be backed up.
#[derive(Debug)]
pub struct TargetTables<'a> {
    pub url: &'a str,
    pub tables: Vec<TableName>,
    pub plan: Option<PlanNamed>,
}

/// Takes a backup of a target's tables, of the control store, or of both.
pub async fn take(
    folder: &Path,
    key: &Key,
    clock: &dyn Clock,
    target: Option<TargetTables<'_>>,
    store: Option<&str>,
) -> Result<Manifest, EngineError> {
    let mut new = NewFolder::create(folder, key)?;
    let mut manifest = Manifest {
        format: FORMAT,
        id: clock.fresh_id().to_string(),
        taken_at: clock.now(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        plan: None,
        target: None,
        store: None,
        files: Vec::new(),
        mac: String::new(),
    };
    if let Some(target) = target {
        let tables = Tables::OfAPlan(&target.tables);
        let part;
        (new, part) = backup::take(new, "target", target.url, tables).await?;
        manifest.target = Some(part);
        manifest.plan = target.plan;
    }
    if let Some(url) = store {
        let part;
        (new, part) = backup::take(new, "store", url, Tables::All).await?;
        manifest.store = Some(part);
    }
    new.finish(manifest)
}

/// Puts the target's part of a backup back. The folder has to be verified before.
pub async fn restore_target(
    folder: Folder,
    url: &str,
    occupied: Occupied,
    _: &Permit,
) -> Result<Restored, EngineError> {
    let part = part(folder.manifest().target.as_ref(), "a target")?;
    backup::restore(folder, &part, url, occupied).await
}

/// Puts the control store's part of a backup back. No server may use the store meanwhile. A file
/// that was there is kept beside it: the answer tells where.
pub async fn restore_store(
    folder: Folder,
    url: &str,
    file: &Path,
    occupied: Occupied,
    _: &Permit,
) -> Result<Option<PathBuf>, EngineError> {
    let part = part(folder.manifest().store.as_ref(), "a control store")?;
    if part.engine == Engine::Postgres || Engine::of_url(url) == Some(Engine::Postgres) {
        return backup::restore(folder, &part, url, occupied).await.map(|_| None);
    }
    if file.exists() && occupied == Occupied::Refuse {
        let doing = format!("restoring {}: there is a control store", file.display());
        return Err(EngineError::new(ErrorCode::Sys021, doing));
    }
    let scratch = with_suffix(file, ".restoring");
    let id = folder.manifest().id.clone();
    if let Err(error) = backup::extract_sqlite(&folder, &part, &scratch) {
        // Half a store is of no use to anybody.
        let _ = fs::remove_file(&scratch);
        return Err(error);
    }
    let fault = |error: std::io::Error| {
        EngineError::new(ErrorCode::Sys003, format!("restoring {}", file.display())).because(error)
    };
    let kept = with_suffix(file, &format!(".before-{id}"));
    let was_there = file.exists();
    // The log beside a SQLite file belongs to it.
    for suffix in ["-wal", "-shm", ""] {
        let from = with_suffix(file, suffix);
        if from.exists() {
            fs::rename(&from, with_suffix(&kept, suffix)).map_err(fault)?;
        }
    }
    fs::rename(&scratch, file).map_err(fault)?;
    Ok(was_there.then_some(kept))
}

/// Writes into the trail that a backup was taken or put back.
pub async fn record(
    store: &Store,
    clock: &dyn Clock,
    actor: Actor,
    action: Action,
    manifest: &Manifest,
) -> Result<(), StoreError> {
    let rows = |part: &Option<DatabaseBackup>| {
        part.as_ref().map_or(0, |part| part.tables.iter().map(|table| table.rows).sum::<u64>())
    };
    let detail = format!(
        "target: {} rows, control store: {} rows",
        rows(&manifest.target),
        rows(&manifest.store)
    );
    let mut tx = store.begin().await?;
    audit::record(&mut tx, clock.now(), actor, action, &manifest.id, Some(detail)).await?;
    store::commit(tx).await
}

fn part(part: Option<&DatabaseBackup>, what: &str) -> Result<DatabaseBackup, EngineError> {
    part.cloned().ok_or_else(|| {
        EngineError::new(ErrorCode::Sys021, format!("restoring {what}: the backup has none"))
    })
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
