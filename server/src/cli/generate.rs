use std::fs::File;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use engine::sample::{mdw, people};
use serde::Serialize;

use super::CommandError;
use super::input::expanded;
use super::output::{Json, count, tell, unwritable};

#[derive(Debug, Subcommand)]
pub(super) enum Generate {
    /// The legacy clinical database MDW, with its known defects and a file that tells them
    Mdw(Mdw),
    /// Invented people, some of them more than once, and a file that tells who is who
    People(People),
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

#[derive(Debug, Args)]
pub(super) struct People {
    /// How many records
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    count: u64,
    /// The same seed makes the same records
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
    /// The CSV file to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// The file that tells who each record is
    #[arg(long, value_name = "FILE")]
    truth: PathBuf,
    /// Who they are to each other
    #[arg(long, value_enum, default_value_t)]
    kind: Kind,
    #[command(flatten)]
    json: Json,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Kind {
    /// Households, and some people more than once
    #[default]
    Usual,
    /// Nobody lives with anybody
    Singles,
    /// Everybody once
    Clean,
}

#[derive(Serialize)]
struct GeneratedPeople {
    records: u64,
    people: u64,
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
            Self::People(command) => command.run(),
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

impl People {
    fn run(self) -> Result<(), CommandError> {
        let kind = match self.kind {
            Kind::Usual => people::Kind::Usual,
            Kind::Singles => people::Kind::Singles,
            Kind::Clean => people::Kind::Clean,
        };
        let file = |path: &Path| File::create(path).map_err(unwritable(path));
        let (out, truth) = (file(&self.out)?, file(&self.truth)?);
        // Beside the result there is room for as much again, or there is none for the result.
        let scratch = self.out.parent().filter(|folder| !folder.as_os_str().is_empty());
        let scratch = scratch.unwrap_or(Path::new("."));
        let summary = people::write(self.count, self.seed, kind, out, truth, scratch)
            .map_err(unwritable(&self.out))?;
        tell(format!("{} records of {} people", count(summary.records), count(summary.people)));
        self.json.write(&GeneratedPeople { records: summary.records, people: summary.people })?;
        Ok(())
    }
}
