use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, Subcommand};
use engine::clock::SystemClock;
use serde::Serialize;
use shared::assessment::TableName;
use shared::error_code::ErrorCode;
use shared::id::RunId;
use shared::quarantine::{QuarantineCount, QuarantineFilter, QuarantinedRow};
use zeroize::Zeroizing;

use super::CommandError;
use super::input::{expanded, read_plan, sides};
use super::output::{Json, count, give, table, tell};
use crate::auth::secret::Secrets;
use crate::config::Installation;
use crate::jobs::runs::Ledger;
use crate::jobs::{Databases, Runs};

#[derive(Debug, Subcommand)]
pub(super) enum Quarantine {
    /// Show what a run put into quarantine, and why; never the values
    List(List),
}

#[derive(Debug, Args)]
pub(super) struct List {
    run: RunId,
    /// The target in which the run wrote; a run of the portal is found without it
    #[arg(long, value_name = "URL", conflicts_with = "plan")]
    target: Option<String>,
    /// The plan of the run, which names the target
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// Only rows for this table of the target
    #[arg(long)]
    table: Option<TableName>,
    /// Only rows with this error code
    #[arg(long, value_parser = code)]
    code: Option<ErrorCode>,
    /// Only rows that this column of the target refused
    #[arg(long)]
    column: Option<String>,
    /// How many rows at most
    #[arg(long, default_value_t = 50, value_name = "N")]
    limit: usize,
    #[command(flatten)]
    json: Json,
}

impl Quarantine {
    pub(super) async fn run(self, installation: Installation) -> Result<(), CommandError> {
        match self {
            Self::List(command) => command.run(installation).await,
        }
    }
}

#[derive(Serialize)]
struct Listed {
    counts: Vec<QuarantineCount>,
    rows: Vec<QuarantinedRow>,
}

impl List {
    async fn run(self, installation: Installation) -> Result<(), CommandError> {
        let ledger = self.ledger(&installation).await?;
        let counts = engine::quarantine::counts(&ledger.target, &ledger.run).await?;
        let filter = QuarantineFilter {
            table: self.table.clone(),
            code: self.code,
            column: self.column.clone(),
        };
        let mut rows = Vec::new();
        let mut after = None;
        while rows.len() < self.limit {
            let wanted = u32::try_from(self.limit - rows.len()).unwrap_or(u32::MAX).min(1_000);
            let page = engine::quarantine::list(
                &ledger.target,
                &ledger.run,
                &filter,
                after.as_ref(),
                wanted,
            )
            .await?;
            rows.extend(page.items);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let all: u64 = counts.iter().map(|count| count.rows).sum();
        let listed = Listed { counts, rows };
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

    async fn ledger(&self, installation: &Installation) -> Result<Ledger, CommandError> {
        let in_target = |target: Zeroizing<String>| Ledger { target, run: self.run.clone() };
        if let Some(url) = &self.target {
            return Ok(in_target(expanded(url)?));
        }
        if let Some(path) = &self.plan {
            return Ok(in_target(sides(&read_plan(path)?, installation).await?.target));
        }
        let store = installation.open_store().await?;
        let key = installation.key()?;
        let databases = Databases::new(store.clone(), Secrets::new(&key));
        let clock = Arc::new(SystemClock);
        let owner = installation.name()?;
        let runs = Runs::new(store.clone(), clock, databases, key.quarantine(), None, owner);
        let ledger = runs.ledger(&self.run).await;
        store.close().await;
        ledger.map_err(|error| {
            CommandError::from(error).hint(
                "A run of the command line is found with --plan FILE or --target URL; one of \
                 the portal with the server's --data or --store.",
            )
        })
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
                row.code.to_string(),
                column(&row.column),
                row.reason.clone(),
            ]
        })
        .collect();
    give(format!("\n{}", table(["row", "table", "code", "column", "reason"], &rows)))
}

fn code(text: &str) -> Result<ErrorCode, String> {
    ErrorCode::from_name(&text.to_ascii_uppercase())
        .ok_or_else(|| "there is no such code; DATA-001 is one".to_owned())
}
