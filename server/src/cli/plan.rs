use std::path::PathBuf;

use clap::{Args, Subcommand};
use engine::assessment::try_rules;
use serde::Serialize;
use shared::connection::without_secret;
use shared::error_code::ErrorCode;
use shared::plan::{PlanProblem, RulesTrial, TriedCell, TriedFault, TriedOutcome, TriedRow};

use super::CommandError;
use super::exit::Status;
use super::input::{expanded, read_plan, sides};
use super::output::{Json, give, tell, write_secret_to, write_to};
use crate::config::Installation;
use crate::jobs::databases;

#[derive(Debug, Subcommand)]
pub(super) enum Plan {
    /// Read both catalogs and write a complete, runnable plan
    Draft(Draft),
    /// Hold a plan against its databases and say what is wrong with it
    Check(Check),
    /// Say what one plan does otherwise than another
    Diff(Diff),
    /// Try the rules of one table on a few rows and show what becomes of them, masked
    Try(Try),
}

#[derive(Debug, Args)]
pub(super) struct Draft {
    /// The database to read
    #[arg(long, value_name = "URL")]
    source: String,
    /// The database to write
    #[arg(long, value_name = "URL")]
    target: String,
    /// A template, such as mdw, or `none`; else the one that fits, or names and types are matched
    #[arg(long, value_name = "NAME")]
    template: Option<String>,
    /// The plan's name
    #[arg(long)]
    name: Option<String>,
    /// The file to write; `-` is stdout
    #[arg(long, value_name = "FILE", default_value = "-")]
    out: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct Check {
    plan: PathBuf,
    #[command(flatten)]
    json: Json,
}

#[derive(Debug, Args)]
pub(super) struct Diff {
    old: PathBuf,
    new: PathBuf,
    #[command(flatten)]
    json: Json,
}

#[derive(Debug, Args)]
pub(super) struct Try {
    plan: PathBuf,
    /// The table, by its name in the source or in the target
    #[arg(long, value_name = "NAME")]
    table: String,
    /// How many rows are read; at most 50
    #[arg(long, value_name = "N", default_value_t = 5)]
    rows: u32,
    #[command(flatten)]
    json: Json,
}

impl Plan {
    pub(super) async fn run(self, installation: &Installation) -> Result<(), CommandError> {
        match self {
            Self::Draft(command) => command.run().await,
            Self::Check(command) => command.run(installation).await,
            Self::Diff(command) => command.run(),
            Self::Try(command) => command.run(installation).await,
        }
    }
}

impl Draft {
    async fn run(self) -> Result<(), CommandError> {
        let (source, target) = (expanded(&self.source)?, expanded(&self.target)?);
        let mut plan = databases::draft(&source, &target, self.template.as_deref()).await?;
        // As they were given: a variable stays a variable.
        plan.source = self.source;
        plan.target = self.target;
        if let Some(name) = self.name {
            plan.name = name;
        }
        let has_secret = [&plan.source, &plan.target].into_iter().any(|url| {
            let named_only = url.contains("${");
            !named_only && without_secret(url) != **url
        });
        let document = plan.to_yaml();
        if has_secret {
            write_secret_to(&self.out, document.as_bytes())?;
        } else {
            write_to(&self.out, document.as_bytes())?;
        }
        let signed = plan.tables.iter().flat_map(|table| &table.columns);
        let signed = signed.filter(|column| column.signed.is_some()).count();
        tell(format!("{}: {} tables", plan.name, plan.tables.len()));
        if signed > 0 {
            tell(format!("signatures for a loss, to be read under `signed`: {signed}"));
        }
        if has_secret {
            tell(
                "the plan has a password in it and is yours only; ${NAME} in its place keeps it out",
            );
        }
        Ok(())
    }
}

#[derive(Serialize)]
struct Checked<'a> {
    problems: &'a [PlanProblem],
}

impl Check {
    async fn run(self, installation: &Installation) -> Result<(), CommandError> {
        let plan = read_plan(&self.plan)?;
        let sides = sides(&plan, installation).await?;
        let problems = databases::check(&plan, &sides.source, &sides.target).await?;
        self.json.write(&Checked { problems: &problems })?;
        if problems.is_empty() {
            tell(format!("{}: {} tables, ready to run", plan.name, plan.tables.len()));
            return Ok(());
        }
        Err(refused(&problems))
    }
}

/// Says everything that is wrong with a plan, and ends with the first of it.
pub(super) fn refused(problems: &[PlanProblem]) -> CommandError {
    for problem in problems {
        tell(format!("{} {}: {}", problem.code, problem.at, problem.message));
    }
    let code = problems.first().map_or(ErrorCode::Map001, |problem| problem.code);
    let count = match problems.len() {
        1 => "a problem".to_owned(),
        count => format!("{count} problems"),
    };
    CommandError::new(code, format!("the plan has {count}")).exit(Status::Usage)
}

#[derive(Serialize)]
struct Differences {
    differences: Vec<String>,
}

impl Diff {
    fn run(self) -> Result<(), CommandError> {
        let (old, new) = (read_plan(&self.old)?, read_plan(&self.new)?);
        let differences = engine::map::diff::differences(&old, &new);
        let differences: Vec<String> = differences.iter().map(ToString::to_string).collect();
        if differences.is_empty() {
            tell("the plans do the same");
        } else if !self.json.is_stdout() {
            give(differences.join("\n"))?;
        }
        self.json.write(&Differences { differences })?;
        Ok(())
    }
}

impl Try {
    async fn run(self, installation: &Installation) -> Result<(), CommandError> {
        let plan = read_plan(&self.plan)?;
        let is_meant = |name: &str| name == self.table;
        let table = plan
            .tables
            .iter()
            .position(|it| is_meant(&it.source.to_string()) || is_meant(&it.target.to_string()));
        let table = table.and_then(|place| u32::try_from(place).ok()).ok_or_else(|| {
            let message = format!("the plan has no table {}", self.table);
            CommandError::new(ErrorCode::Map002, message).exit(Status::Usage)
        })?;
        let sides = sides(&plan, installation).await?;
        let key = installation.key()?.quarantine();
        let trial = RulesTrial { plan, table, rows: self.rows };
        let tried = try_rules(&trial, &sides.source, &sides.target, &key).await?;
        if !self.json.is_stdout() {
            give(tried.rows.iter().zip(1..).map(said).collect::<Vec<_>>().join("\n"))?;
        }
        self.json.write(&tried)?;
        Ok(())
    }
}

/// What became of a row, a line for each column.
fn said((row, number): (&TriedRow, u32)) -> String {
    let outcome = match row.outcome {
        TriedOutcome::Loaded => "would be loaded",
        TriedOutcome::Filtered => "is filtered",
        TriedOutcome::Quarantined => "would go to quarantine",
    };
    let why = row.fault.as_ref().map(|fault| format!(", {}", fault_of(fault))).unwrap_or_default();
    let mut lines = vec![format!("row {number} {outcome}{why}")];
    lines.extend(row.cells.iter().map(|cell| {
        let TriedCell { column, before, after, fault, .. } = cell;
        let after = fault.as_ref().map_or_else(|| shown(after.as_ref()), fault_of);
        format!("  {column}: {} → {after}", shown(before.as_ref()))
    }));
    lines.join("\n")
}

fn fault_of(fault: &TriedFault) -> String {
    format!("{} {}", fault.code, fault.reason)
}

fn shown(masked: Option<&String>) -> String {
    masked.map_or_else(|| "null".to_owned(), |text| format!("`{text}`"))
}
