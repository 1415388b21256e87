use std::path::PathBuf;

use clap::Args;
use shared::assessment::TableName;
use shared::connection::Engine;
use shared::error_code::ErrorCode;
use shared::verification::{Mismatch, MismatchFilter, MismatchKind};

use crate::cli::CommandError;
use crate::cli::input::{read_plan, sides};
use crate::cli::output::{Json, give, table};
use crate::config::Installation;

/// How many mismatches are shown unless asked otherwise.
const LIMIT: u32 = 100;

#[derive(Debug, Args)]
pub(super) struct List {
    plan: PathBuf,
    /// Only those of this table of the target
    #[arg(long, value_name = "TABLE")]
    table: Option<TableName>,
    /// Only missing, extra or different rows
    #[arg(long, value_name = "KIND", value_parser = kind)]
    kind: Option<MismatchKind>,
    /// How many at most
    #[arg(long, value_name = "N", default_value_t = LIMIT)]
    limit: u32,
    #[command(flatten)]
    json: Json,
}

pub(super) fn kind(text: &str) -> Result<MismatchKind, String> {
    MismatchKind::from_name(text).ok_or_else(|| "give missing, extra or different".to_owned())
}

/// A table's name as the target has it.
pub(super) fn in_target(target_url: &str, name: TableName) -> TableName {
    match Engine::of_url(target_url) {
        Some(engine) => engine::map::target_name(engine, &name),
        None => name,
    }
}

impl List {
    pub(super) async fn run(self, installation: &Installation) -> Result<(), CommandError> {
        let plan = read_plan(&self.plan)?;
        let sides = sides(&plan, installation).await?;
        let found = engine::verify::latest(&sides.target, &plan).await?;
        let id = found.map(|known| known.id).ok_or_else(|| {
            CommandError::new(ErrorCode::Ver003, format!("listing for {}", self.plan.display()))
        })?;
        let filter = MismatchFilter {
            table: self.table.map(|name| in_target(&sides.target, name)),
            kind: self.kind,
        };
        let mut rows: Vec<Mismatch> = Vec::new();
        let mut after = None;
        while rows.len() < self.limit as usize {
            let left = self.limit - u32::try_from(rows.len()).unwrap_or(self.limit);
            let limit = left.min(1_000);
            let page =
                engine::verify::mismatches(&sides.target, &id, &filter, after.as_ref(), limit)
                    .await?;
            rows.extend(page.items);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        if self.json.write(&rows)? {
            return Ok(());
        }
        let shown: Vec<_> = rows.iter().map(row).collect();
        give(table(["table", "row", "kind", "columns", "state"], &shown))?;
        Ok(())
    }
}

fn row(mismatch: &Mismatch) -> [String; 5] {
    let state = match mismatch.refused {
        Some(code) => format!("{}, {code}", mismatch.state.as_str()),
        None => mismatch.state.as_str().to_owned(),
    };
    [
        mismatch.target.to_string(),
        mismatch.key_digest.clone(),
        mismatch.kind.as_str().to_owned(),
        mismatch.columns.join(", "),
        state,
    ]
}
