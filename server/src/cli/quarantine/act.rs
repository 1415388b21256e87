use std::path::PathBuf;

use clap::Args;
use engine::quarantine::Job;
use shared::audit::Reason;
use shared::id::QuarantineActionId;
use shared::quarantine::WorkOutcome;

use super::place::{Place, Rows, by};
use super::tell_outcome;
use crate::cli::CommandError;
use crate::cli::input::read_plan;
use crate::cli::output::Json;
use crate::config::Installation;

#[derive(Debug, Args)]
pub(crate) struct Triage {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    rows: Rows,
    /// What was seen
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    #[command(flatten)]
    json: Json,
}

#[derive(Debug, Args)]
pub(crate) struct Waive {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    rows: Rows,
    /// Why they stay behind
    #[arg(long, value_name = "TEXT", value_parser = Reason::parse)]
    reason: Reason,
    #[command(flatten)]
    json: Json,
}

#[derive(Debug, Args)]
pub(crate) struct Replay {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    rows: Rows,
    /// Replay by the rules of this plan rather than of the run's own
    #[arg(long, value_name = "FILE")]
    rules_from: Option<PathBuf>,
    /// Do it, tell what came of it, and take it back
    #[arg(long)]
    dry_run: bool,
    /// Why
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    #[command(flatten)]
    json: Json,
}

#[derive(Debug, Args)]
pub(crate) struct Undo {
    #[command(flatten)]
    place: Place,
    /// The action, as `transfuse quarantine actions` shows it
    action: QuarantineActionId,
    /// Do it, tell what came of it, and take it back
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    json: Json,
}

impl Triage {
    pub(super) async fn run(self, installation: Installation) -> Result<(), CommandError> {
        let selection = self.rows.selection();
        let opened = self.place.open(&installation).await?;
        let by = by(self.note, false);
        let job = Job::Triage { selection: &selection };
        tell_of(&self.json, &opened.with(async |w, s| w.work(by, s, job).await).await?)
    }
}

impl Waive {
    pub(super) async fn run(self, installation: Installation) -> Result<(), CommandError> {
        let selection = self.rows.selection();
        let opened = self.place.open(&installation).await?;
        let by = by(Some(self.reason.into()), false);
        let job = Job::Waive { selection: &selection };
        tell_of(&self.json, &opened.with(async |w, s| w.work(by, s, job).await).await?)
    }
}

impl Replay {
    pub(super) async fn run(self, installation: Installation) -> Result<(), CommandError> {
        let selection = self.rows.selection();
        let rules = self.rules_from.as_deref().map(read_plan).transpose()?;
        let opened = self.place.open(&installation).await?;
        let by = by(self.note, self.dry_run);
        let job = Job::Replay { selection: &selection, rules: rules.as_ref() };
        tell_of(&self.json, &opened.with(async |w, s| w.work(by, s, job).await).await?)
    }
}

impl Undo {
    pub(super) async fn run(self, installation: Installation) -> Result<(), CommandError> {
        let opened = self.place.open(&installation).await?;
        let by = by(None, self.dry_run);
        let job = Job::Undo { action: &self.action };
        tell_of(&self.json, &opened.with(async |w, s| w.work(by, s, job).await).await?)
    }
}

pub(super) fn tell_of(json: &Json, outcome: &WorkOutcome) -> Result<(), CommandError> {
    json.write(outcome)?;
    tell_outcome(outcome);
    Ok(())
}
