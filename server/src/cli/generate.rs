use std::path::PathBuf;

use clap::{Args, Subcommand};
use engine::sample::mdw;
use serde::Serialize;

use super::CommandError;
use super::input::expanded;
use super::output::{Json, count, tell};

#[derive(Debug, Subcommand)]
pub(super) enum Generate {
    /// The legacy clinical database MDW, with its known defects and a file that tells them
    Mdw(Mdw),
}

#[derive(Debug, Args)]
pub(super) struct Mdw {
    /// The database to fill: sqlite:PATH, postgres://… or mysql://…
    #[arg(long, value_name = "URL")]
    into: String,
    /// Its size; 1 is the real system's, some four million rows
    #[arg(long, default_value_t = 0.01, value_name = "N")]
    scale: f64,
    /// The same seed makes the same rows
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
    /// The file that tells what was planted; else beside the database or in this folder
    #[arg(long, value_name = "FILE")]
    truth: Option<PathBuf>,
    #[command(flatten)]
    json: Json,
}

#[derive(Serialize)]
struct Generated {
    truth: PathBuf,
    rows: u64,
    tables: std::collections::BTreeMap<String, u64>,
}

impl Generate {
    pub(super) async fn run(self) -> Result<(), CommandError> {
        match self {
            Self::Mdw(command) => command.run().await,
        }
    }
}

impl Mdw {
    async fn run(self) -> Result<(), CommandError> {
        let url = expanded(&self.into)?;
        let truth = self.truth.unwrap_or_else(|| mdw::truth_path(&url));
        let summary = mdw::generate(&url, self.scale, self.seed, Some(&truth)).await?;
        let rows = summary.tables.iter().map(|(_, rows)| rows).sum();
        tell(format!("{} rows in {} tables", count(rows), summary.tables.len()));
        tell(format!("what was planted is told in {}", truth.display()));
        self.json.write(&Generated {
            truth,
            rows,
            tables: summary.tables.into_iter().collect(),
        })?;
        Ok(())
    }
}
