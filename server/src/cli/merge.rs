//! Making people one, and taking that back, in the target of a plan.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use shared::duplicate::RecordId;
use shared::error_code::ErrorCode;
use shared::id::MergeId;
use shared::matching::{
    AutoMerge, MatchingCounts, Merge as Made, MergeState, ModelUse, NewMerge, Remember,
};

use super::input::{read_plan, sides};
use super::match_people::input::decisions;
use super::output::{Json, count, table, tell};
use super::runs::KnownRuns;
use super::{CommandError, whoever};
use crate::config::Installation;
use crate::jobs::duplicates::Subject;
use crate::jobs::rollbacks::By;
use crate::jobs::{Duplicates, Left};
use crate::store::Store;

/// Make people who are in a plan's target twice one.
///
/// Looks for them by the plan's part about duplicates, and merges those of whom the policy, or
/// somebody, is sure. Who is in doubt is left for somebody to look at. Each merge can be taken back.
#[derive(Debug, Args)]
pub(super) struct Merge {
    plan: PathBuf,
    /// Merge exactly the people with these keys, without a search; two or more
    #[arg(long = "record", value_name = "KEY", conflicts_with_all = ["dry_run", "decisions", "new_model"])]
    records: Vec<String>,
    /// What people decided: `left_id,right_id,decision`; it stands in later searches too
    #[arg(long, value_name = "FILE")]
    decisions: Option<PathBuf>,
    /// Learn a new model, although there is one of these people
    #[arg(long)]
    new_model: bool,
    /// Only search, and say what there is
    #[arg(long)]
    dry_run: bool,
    /// Only list what was merged
    #[arg(long, conflicts_with_all = ["records", "decisions", "new_model", "dry_run"])]
    list: bool,
    #[command(flatten)]
    json: Json,
}

/// Take a merge back: rows and references are what they were, and what was changed since stays.
#[derive(Debug, Args)]
pub(super) struct Unmerge {
    plan: PathBuf,
    /// The merge, as `transfuse merge PLAN --list` names it
    merge: MergeId,
    /// Remember that they are not the same person; else somebody has to look before they are merged
    /// again
    #[arg(long)]
    not_the_same: bool,
    #[command(flatten)]
    json: Json,
}

/// What scripts read.
#[derive(Serialize)]
struct Report {
    #[serde(skip_serializing_if = "Option::is_none")]
    search: Option<MatchingCounts>,
    merged: usize,
    refused: usize,
    merges: Vec<Made>,
}

impl Merge {
    pub(super) async fn run(self, installation: &Installation) -> Result<(), CommandError> {
        let place = Place::open(&self.plan, installation).await?;
        let done = self.work(&place).await;
        place.store.close().await;
        let report = done?;
        self.json.write(&report)?;
        tell(summary(&report));
        match report.merges.iter().find_map(|merge| merge.refusal.as_ref()) {
            // Somebody named them, and they are not one.
            Some(refusal) if !self.records.is_empty() => {
                Err(CommandError::new(refusal.code, refusal.reason.clone()))
            }
            _ => Ok(()),
        }
    }

    async fn work(&self, place: &Place) -> Result<Report, CommandError> {
        let Place { duplicates, subject, by, .. } = place;
        duplicates.take_stock(subject).await?;
        if self.list {
            return Ok(report(None, duplicates.merges(subject).await?));
        }
        if !self.records.is_empty() {
            let members: Vec<RecordId> =
                self.records.iter().map(|key| RecordId(key.clone())).collect();
            let new = NewMerge::default();
            let basis = "asked for on the command line".to_owned();
            let merge = duplicates.merge_members(by, subject, &members, &new, basis).await?;
            return Ok(report(None, vec![merge]));
        }
        if let Some(path) = &self.decisions {
            duplicates.say_all(by, subject, &decisions(path)?).await?;
        }
        let before = duplicates.merges(subject).await?;
        let model = if self.new_model { ModelUse::New } else { ModelUse::Known };
        let merge = if self.dry_run { AutoMerge::Leave } else { AutoMerge::Merge };
        let search = duplicates.search(by, subject, model, merge).await?;
        let mut merges = duplicates.merges(subject).await?;
        merges.retain(|merge| before.iter().all(|known| known.id != merge.id));
        Ok(report(Some(search.counts), merges))
    }
}

impl Unmerge {
    pub(super) async fn run(self, installation: &Installation) -> Result<(), CommandError> {
        let place = Place::open(&self.plan, installation).await?;
        let remember = if self.not_the_same { Remember::NotTheSame } else { Remember::Review };
        let Place { duplicates, subject, by, .. } = &place;
        let done = async {
            duplicates.take_stock(subject).await?;
            duplicates.unmerge(by, subject, &self.merge, remember).await
        };
        let done = done.await;
        place.store.close().await;
        let unmerged = done?;
        self.json.write(&unmerged)?;
        let rows: u64 = unmerged.restored.values().sum();
        let mut lines = unmerged.remarks.clone();
        lines.push(format!(
            "merge {} was taken back: {} rows are there again",
            self.merge,
            count(rows)
        ));
        tell(lines.join("\n"));
        Ok(())
    }
}

/// The people of a plan, and what works on them.
struct Place {
    store: Store,
    duplicates: Duplicates,
    subject: Subject,
    by: By,
}

impl Place {
    async fn open(
        plan: &std::path::Path,
        installation: &Installation,
    ) -> Result<Self, CommandError> {
        let plan = read_plan(plan)?;
        let target = sides(&plan, installation).await?.target;
        let subject = Subject::new(None, plan, target).map_err(|error| {
            CommandError::new(ErrorCode::Map001, error.to_string())
                .hint("Say in the plan, under `duplicates`, which table holds people.")
        })?;
        let KnownRuns { store, runs, .. } = KnownRuns::open(installation).await?;
        let duplicates = runs.duplicates().clone();
        duplicates.recover(Left::InSilence).await?;
        let by = whoever::by();
        Ok(Self { store, duplicates, subject, by })
    }
}

fn report(search: Option<MatchingCounts>, merges: Vec<Made>) -> Report {
    let so_many = |state| merges.iter().filter(|merge| merge.state == state).count();
    Report {
        search,
        merged: so_many(MergeState::Applied),
        refused: so_many(MergeState::Refused),
        merges,
    }
}

fn summary(report: &Report) -> String {
    let mut lines = Vec::new();
    if let Some(counts) = &report.search {
        lines.push(format!(
            "{} records, {} pairs compared: {} matches, {} to be reviewed; {} people are there more \
             than once, of {} there is no doubt",
            count(counts.records),
            count(counts.pairs_compared),
            count(counts.matches),
            count(counts.reviews),
            count(counts.clusters),
            count(counts.automatic)
        ));
    }
    if !report.merges.is_empty() {
        let rows: Vec<[String; 4]> = report
            .merges
            .iter()
            .map(|merge| {
                let word = merge.decided_by.clone().unwrap_or_else(|| "the policy".to_owned());
                let records = count(merge.members.len() as u64);
                [merge.id.to_string(), merge.state.label().to_lowercase(), records, word]
            })
            .collect();
        lines.push(table(["merge", "state", "records", "decided by"], &rows));
    }
    lines.push(format!("{} merged, {} not", report.merged, report.refused));
    lines.join("\n")
}
