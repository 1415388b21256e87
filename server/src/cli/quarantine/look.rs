use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use shared::audit::Reason;
use shared::error_code::ErrorCode;
use shared::id::QuarantineId;
use shared::quarantine::{
    QuarantineAction, QuarantineCount, QuarantineStep, QuarantinedDetail, QuarantinedRow,
    RevealedRow,
};

use super::place::{Place, Which};
use crate::cli::output::{self, Json, count, give, table, tell};
use crate::cli::{CommandError, whoever};
use crate::config::Installation;
use crate::jobs::quarantine::export;

/// Rows that are asked for at once.
const PAGE: u32 = 1_000;

#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    which: Which,
    /// How many rows at most
    #[arg(long, default_value_t = 50, value_name = "N")]
    limit: usize,
    #[command(flatten)]
    json: Json,
}

#[derive(Debug, Args)]
pub(crate) struct Show {
    #[command(flatten)]
    place: Place,
    row: QuarantineId,
    /// Show the values as well; this and the reason go into the audit trail
    #[arg(long, requires = "reason")]
    unmask: bool,
    /// Why the values have to be seen
    #[arg(long, value_name = "TEXT", value_parser = Reason::parse)]
    reason: Option<Reason>,
    #[command(flatten)]
    json: Json,
}

#[derive(Debug, Args)]
pub(crate) struct Export {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    which: Which,
    /// The file to write; `-` is stdout
    #[arg(long, value_name = "FILE", default_value = "-")]
    out: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Actions {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    json: Json,
}

#[derive(Serialize)]
struct Listed {
    counts: Vec<QuarantineCount>,
    rows: Vec<QuarantinedRow>,
}

impl List {
    pub(super) async fn run(self, installation: Installation) -> Result<(), CommandError> {
        let opened = self.place.open(&installation).await?;
        let (filter, limit) = (self.which.filter(), self.limit);
        let listed = opened
            .with(async |work, subject| {
                let counts = work.counts(subject).await?;
                let mut rows = Vec::new();
                let mut after = None;
                while rows.len() < limit {
                    let wanted = u32::try_from(limit - rows.len()).unwrap_or(PAGE).min(PAGE);
                    let page = work.list(subject, &filter, after.as_ref(), wanted).await?;
                    rows.extend(page.items);
                    after = page.next;
                    if after.is_none() {
                        break;
                    }
                }
                Ok(Listed { counts, rows })
            })
            .await?;
        let all: u64 = listed.counts.iter().map(|count| count.rows).sum();
        self.json.write(&listed)?;
        if !self.json.is_stdout() {
            give_tables(&listed)?;
        }
        tell(format!(
            "{} rows in quarantine, {} shown",
            count(all),
            count(u64::try_from(listed.rows.len()).unwrap_or(u64::MAX))
        ));
        Ok(())
    }
}

fn give_tables(listed: &Listed) -> Result<(), CommandError> {
    let column = |column: &Option<String>| column.clone().unwrap_or_default();
    let counts: Vec<_> = listed
        .counts
        .iter()
        .map(|c| [c.target.to_string(), c.code.to_string(), column(&c.column), count(c.rows)])
        .collect();
    give(table(["table", "code", "column", "rows"], &counts))?;
    let rows: Vec<_> = listed
        .rows
        .iter()
        .map(|row| {
            [
                row.id.to_string(),
                row.target.to_string(),
                row.state.to_string(),
                row.code.to_string(),
                column(&row.column),
                row.reason.clone(),
            ]
        })
        .collect();
    give(format!("\n{}", table(["row", "table", "state", "code", "column", "reason"], &rows)))
}

/// A row as JSON tells it, with its values where they were asked for.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    detail: QuarantinedDetail,
    #[serde(skip_serializing_if = "Option::is_none")]
    revealed: Option<RevealedRow>,
}

impl Show {
    pub(super) async fn run(self, installation: Installation) -> Result<(), CommandError> {
        let opened = self.place.open(&installation).await?;
        let run = self.place.run.clone();
        let shown = opened
            .with(async |work, subject| {
                let Some(detail) = work.show(subject, &self.row).await? else { return Ok(None) };
                let revealed = match &self.reason {
                    Some(reason) if self.unmask => {
                        work.reveal(whoever::actor(), reason, subject, &self.row).await?
                    }
                    _ => None,
                };
                Ok(Some(Shown { detail, revealed }))
            })
            .await?;
        let shown = shown.ok_or_else(|| {
            let doing = format!("looking for row {} in the quarantine of run {run}", self.row);
            CommandError::new(ErrorCode::Load050, doing)
        })?;
        self.json.write(&shown)?;
        if !self.json.is_stdout() {
            give_row(&shown)?;
        }
        Ok(())
    }
}

fn give_row(shown: &Shown) -> Result<(), CommandError> {
    let row = &shown.detail.row;
    give(format!(
        "{} of {} for {}: {}\n{}{}: {}\n",
        row.id,
        row.source,
        row.target,
        row.state,
        row.code,
        row.column.as_ref().map(|column| format!(" in {column}")).unwrap_or_default(),
        row.reason
    ))?;
    let cell = |text: Option<&str>| text.unwrap_or("(null)").to_owned();
    let cells: Vec<_> = match &shown.revealed {
        None => shown
            .detail
            .cells
            .iter()
            .map(|c| [c.column.clone(), cell(c.original.as_deref()), cell(c.current.as_deref())])
            .collect(),
        Some(revealed) => revealed
            .cells
            .iter()
            .map(|c| [c.column.clone(), cell(c.original.as_deref()), cell(c.current.as_deref())])
            .collect(),
    };
    give(table(["column", "as it was read", "to be replayed"], &cells))?;
    if shown.detail.steps.is_empty() {
        return Ok(());
    }
    let steps: Vec<_> = shown.detail.steps.iter().map(step).collect();
    give(format!("\n{}", table(["when", "who", "what", "from", "to", "why"], &steps)))
}

fn step(step: &QuarantineStep) -> [String; 6] {
    [
        step.at.format("%Y-%m-%d %H:%M:%S").to_string(),
        step.by.clone(),
        step.what.clone(),
        step.from.to_string(),
        step.to.to_string(),
        step.note.clone().unwrap_or_else(|| format!("{}: {}", step.code, step.reason)),
    ]
}

impl Export {
    pub(super) async fn run(self, installation: Installation) -> Result<(), CommandError> {
        let opened = self.place.open(&installation).await?;
        let filter = self.which.filter();
        let mut out = output::writer(&self.out)?;
        let written = opened
            .with(async |work, subject| {
                let mut written = 0;
                let mut after = None;
                let mut failed = out.write_all(export::HEAD).err();
                loop {
                    let page = work.export(subject, &filter, after.as_ref(), PAGE / 2).await?;
                    for detail in &page.items {
                        let line = export::line(detail);
                        failed = failed.or(out.write_all(line.as_bytes()).err());
                        written += 1;
                    }
                    after = page.next;
                    if after.is_none() || failed.is_some() {
                        return Ok((written, failed.or(out.flush().err())));
                    }
                }
            })
            .await?;
        match written {
            (rows, None) => {
                tell(format!("{} rows", count(rows)));
                Ok(())
            }
            (_, Some(error)) => Ok(output::until_seen_enough(Err(error))?),
        }
    }
}

impl Actions {
    pub(super) async fn run(self, installation: Installation) -> Result<(), CommandError> {
        let opened = self.place.open(&installation).await?;
        let actions = opened.with(async |work, subject| work.actions(subject).await).await?;
        self.json.write(&actions)?;
        if !self.json.is_stdout() {
            let rows: Vec<_> = actions.iter().map(action).collect();
            give(table(["action", "when", "who", "what", "rows", "undone by", "why"], &rows))?;
        }
        Ok(())
    }
}

fn action(action: &QuarantineAction) -> [String; 7] {
    [
        action.id.to_string(),
        action.at.format("%Y-%m-%d %H:%M:%S").to_string(),
        action.by.clone(),
        action.what.clone(),
        count(action.rows),
        action.undone_by.as_ref().map(ToString::to_string).unwrap_or_default(),
        action.note.clone().unwrap_or_default(),
    ]
}
