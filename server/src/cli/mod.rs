//! The command line: one file for each command, with its arguments, its call and its words.

mod exit;
mod input;
mod runs;
mod output;
mod signal;
mod whoever;
mod trail;
mod serve;
mod plan;
mod assess;
mod migrate;
mod worker;
mod verify;
mod sign_off;
mod rehearsal;
mod quarantine;
mod match_people;
mod merge;
mod evaluate;
mod rollback;
mod report;
mod backup;
mod restore;
mod generate;
mod user;
mod audit;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::config::Installation;
use crate::telemetry::{self, LogFormat};

pub use exit::CommandError;

/// The command line's arguments.
#[derive(Debug, Parser)]
#[command(name = "transfuse", version, max_term_width = 100, about = ABOUT, long_about = LONG_ABOUT)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

const ABOUT: &str = "Moves a legacy clinical database into a modern PostgreSQL one";

const LONG_ABOUT: &str = "\
Moves a legacy clinical database into a modern PostgreSQL one.

Databases are named by URLs: postgres://user:password@host/database, mysql://…, sqlite:PATH,
csv:FOLDER. A URL on the command line or in a plan may hold ${NAME}, which stands for an environment
variable, so that no secret has to be in a file.

Exit status: 0 done, 1 unexpected, 2 bad command line, plan or setting, 3 blocked by what was found,
4 the books do not close or a check found differences, 5 a database could not be reached or refused,
6 stopped and can be resumed.";

#[derive(Debug, Args)]
struct Global {
    /// The folder with the installation's key and its control store
    #[arg(
        long,
        global = true,
        env = "TRANSFUSE_DATA",
        default_value = "./transfuse-data",
        value_name = "DIR"
    )]
    data: PathBuf,
    /// A control store elsewhere, shared by several servers: postgres://…
    #[arg(
        long,
        global = true,
        env = "TRANSFUSE_STORE",
        hide_env_values = true,
        value_name = "URL"
    )]
    store: Option<String>,
    /// How log lines are written
    #[arg(
        long,
        global = true,
        env = "TRANSFUSE_LOG_FORMAT",
        default_value = "text",
        long_help = "How log lines are written; TRANSFUSE_LOG says which: warn, info, engine=debug"
    )]
    log_format: LogFormat,
}

impl Global {
    fn installation(&self) -> Installation {
        Installation::new(self.data.clone(), self.store.clone())
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Answer as API and portal
    Serve(serve::Serve),
    /// Make, check and compare plans
    #[command(subcommand)]
    Plan(plan::Plan),
    /// Check both databases and foretell what a run would come to; nothing is changed
    Assess(assess::Assess),
    /// Carry a plan out, or continue its unfinished run
    Migrate(migrate::Migrate),
    /// Take part in the runs of a shared store
    Worker(worker::Worker),
    /// Compare every row of every table on both sides
    Verify(verify::Verify),
    #[command(subcommand)]
    SignOff(Box<sign_off::SignOff>),
    /// Look at rows that could not be carried over
    #[command(subcommand)]
    Quarantine(Box<quarantine::Quarantine>),
    /// Find the records that are one person
    #[command(name = "match")]
    Match(match_people::Match),
    Merge(merge::Merge),
    Unmerge(merge::Unmerge),
    /// Say how right pairs and clusters are, where the truth is known
    Evaluate(evaluate::Evaluate),
    Rollback(rollback::Rollback),
    Report(report::Report),
    Backup(backup::Backup),
    Restore(restore::Restore),
    /// Write a sample to try things on
    #[command(subcommand)]
    Generate(generate::Generate),
    /// Say who may sign in
    #[command(subcommand)]
    User(user::User),
    /// Check and copy the audit trail
    #[command(subcommand)]
    Audit(audit::Audit),
}

/// Runs the command and says how it went.
pub async fn run(cli: Cli) -> ExitCode {
    let serves = matches!(cli.command, Command::Serve(_) | Command::Worker(_));
    let default = if serves {
        "info,actix_server=warn,sqlx=warn,apalis_core=warn,apalis_postgres=warn"
    } else {
        "warn"
    };
    telemetry::start(default, cli.global.log_format);
    let installation = cli.global.installation();
    let outcome = match cli.command {
        Command::Serve(command) => command.run(installation).await,
        Command::Plan(command) => command.run(&installation).await,
        Command::Assess(command) => Box::pin(command.run(&installation)).await,
        Command::Migrate(command) => command.run(&installation).await,
        Command::Worker(command) => command.run(&installation).await,
        Command::Verify(command) => command.run(&installation).await,
        Command::SignOff(command) => command.run(&installation).await,
        Command::Quarantine(command) => command.run(installation).await,
        Command::Match(command) => command.run(&installation).await,
        Command::Merge(command) => command.run(&installation).await,
        Command::Unmerge(command) => command.run(&installation).await,
        Command::Evaluate(command) => command.run(),
        Command::Report(command) => command.run(&installation).await,
        Command::Rollback(command) => command.run(&installation).await,
        Command::Backup(command) => command.run(&installation).await,
        Command::Restore(command) => command.run(&installation).await,
        Command::Generate(command) => command.run().await,
        Command::User(command) => command.run(&installation).await,
        Command::Audit(command) => command.run(&installation).await,
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error.tell();
            error.status().into()
        }
    }
}
