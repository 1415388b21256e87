use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use engine::clock::{Clock as _, SystemClock};
use engine::run::Stop;
use engine::verify::{GoingOn, Request};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use shared::audit::Action;
use shared::error_code::ErrorCode;
use shared::id::VerificationId;
use shared::verification::{
    Mode, Progress, SampleSize, TableVerification, VerificationOutcome, VerificationState,
};
use tokio::sync::watch;
use tokio::time::interval;

use super::CommandError;
use super::exit::Status;
use super::input::{read_plan, sides};
use super::output::{Json, count, table, tell};
use super::signal::Signals;
use super::trail::{Said, Trail};
use crate::config::Installation;

mod checks;
mod list;
mod repair;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct Verify {
    #[command(subcommand)]
    command: Option<About>,
    #[command(flatten)]
    compare: Compare,
}

/// What can be done about what a verification found, and what else is checked.
#[derive(Debug, Subcommand)]
enum About {
    /// List the rows that are not the same on both sides, without values
    List(list::List),
    /// Show what would make both sides equal; with --apply, do it
    Repair(repair::Repair),
    /// Take a repair back
    TakeBack(repair::TakeBack),
    Checks(checks::Checks),
}

#[derive(Debug, Args)]
struct Compare {
    #[arg(required = true)]
    plan: Option<PathBuf>,
    /// How much is compared
    #[arg(long, value_enum, default_value = "full")]
    mode: HowMuch,
    /// With --mode sample: how sure the statement is to be, between 0 and 1
    #[arg(long, value_name = "P", default_value_t = 0.99, value_parser = share)]
    confidence: f64,
    /// With --mode sample: the share of a table's segments that may differ unseen
    #[arg(long, value_name = "P", default_value_t = 0.01, value_parser = share)]
    tolerance: f64,
    /// With --mode sample: the same seed draws the same segments
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// How many segments are compared at once; else as the plan says
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    workers: Option<u16>,
    #[command(flatten)]
    json: Json,
}

/// How much of the tables is compared.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum HowMuch {
    /// Every row of every table
    Full,
    /// Segments drawn at random
    Sample,
    /// Tables of which a side changed since they were last found equal
    SinceLast,
}

impl From<HowMuch> for Mode {
    fn from(much: HowMuch) -> Self {
        match much {
            HowMuch::Full => Self::Full,
            HowMuch::Sample => Self::Sample,
            HowMuch::SinceLast => Self::SinceLast,
        }
    }
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(share) if share > 0.0 && share < 1.0 => Ok(share),
        _ => Err("give a number between 0 and 1".to_owned()),
    }
}

impl Verify {
    pub(super) async fn run(self, installation: &Installation) -> Result<(), CommandError> {
        match self.command {
            Some(About::List(command)) => command.run(installation).await,
            Some(About::Repair(command)) => command.run(installation).await,
            Some(About::TakeBack(command)) => command.run(installation).await,
            Some(About::Checks(command)) => command.run(installation).await,
            None => self.compare.run(installation).await,
        }
    }
}

impl Compare {
    async fn run(self, installation: &Installation) -> Result<(), CommandError> {
        let path = self.plan.unwrap_or_default();
        let plan = read_plan(&path)?;
        let sides = sides(&plan, installation).await?;
        let (progress, pictures) = watch::channel(None);
        let stop = Stop::default();
        let clock = SystemClock;
        let id = VerificationId::parse(clock.fresh_id().to_string()).expect("a UUID is an id");
        let sample =
            SampleSize { confidence: self.confidence, tolerance: self.tolerance, seed: self.seed };
        let request = Request {
            plan,
            source_url: sides.source.as_str().to_owned(),
            target_url: sides.target.as_str().to_owned(),
            verification_id: id,
            mode: self.mode.into(),
            sample,
            going_on: GoingOn::Latest,
            workers: self.workers,
            key: installation.key()?.quarantine(),
            progress,
            stop: stop.clone(),
            clock: Arc::new(clock),
        };
        let mut signals = Signals::listen()?;
        let subject = request.verification_id.to_string();
        let detail = format!("plan {}, mode {}", request.plan.name, request.mode.as_str());
        let begun = Said(Action::VerificationStarted, subject.clone(), detail);
        let trail = Trail::begin(installation, begun).await?;
        let verification = tokio::spawn(engine::verify::verify(request));
        let stopping = async {
            signals.next().await;
            tell("stopping after the segments under way; again to stop at once");
            stop.request();
            signals.next().await;
        };
        let outcome = tokio::select! {
            outcome = verification => match outcome {
                Ok(outcome) => outcome.map_err(CommandError::from),
                Err(panic) => {
                    let doing = "comparing source and target";
                    Err(CommandError::new(ErrorCode::Sys001, doing).because(&panic))
                }
            },
            never = show(pictures) => match never {},
            () = stopping => Err(CommandError::new(ErrorCode::Sys004, "stopped at once")),
        };
        let (action, detail) = match &outcome {
            Ok(outcome) => (outcome.status.into(), outcome.in_words()),
            Err(error) => (Action::VerificationFailed, error.code().to_string()),
        };
        trail.end(Said(action, subject, detail)).await?;
        let outcome = outcome?;
        self.json.write(&outcome)?;
        tell(summary(&outcome));
        judge(outcome, &path)
    }
}

/// What the exit status says of the outcome.
fn judge(outcome: VerificationOutcome, plan: &Path) -> Result<(), CommandError> {
    match (outcome.status, outcome.failure) {
        (VerificationState::Equal, _) => Ok(()),
        (VerificationState::Paused | VerificationState::Running, _) => Err(CommandError::new(
            ErrorCode::Sys004,
            "the verification is paused; the same command continues it",
        )),
        (VerificationState::Failed, Some(failure)) => Err(failure.into()),
        (VerificationState::Different | VerificationState::Failed, _) => {
            let what = format!("comparing the two sides of {}", plan.display());
            Err(CommandError::new(ErrorCode::Ver001, what).exit(Status::Different))
        }
    }
}

/// What was found, table by table.
pub(super) fn summary(outcome: &VerificationOutcome) -> String {
    let findings = &outcome.findings;
    let row = |table: &TableVerification| {
        let mark = match (&table.sample, table.is_equal()) {
            (_, false) => "DIFFERENT".to_owned(),
            (Some(sample), true) => format!(
                "{} of {} segments; {} % sure that at most {} differ",
                count(sample.drawn),
                count(sample.segments),
                sample.confidence * 100.0,
                count(sample.may_differ)
            ),
            (None, true) if table.carried_over => "unchanged since".to_owned(),
            (None, true) => String::new(),
        };
        [
            table.target.to_string(),
            count(table.source_rows),
            count(table.target_rows),
            count(table.compared),
            count(table.missing),
            count(table.extra),
            count(table.different),
            mark,
        ]
    };
    let rows: Vec<_> = findings.tables.iter().map(row).collect();
    let head =
        ["table", "source rows", "target rows", "compared", "missing", "extra", "different", ""];
    let mut text = table(head, &rows);
    // Writing to a String does not fail.
    for broken in &findings.references {
        let _ = write!(
            text,
            "\n{}: {} rows refer to nothing by {}",
            broken.target,
            count(broken.rows),
            broken.foreign_key
        );
    }
    for sequence in &findings.sequences {
        let _ = write!(
            text,
            "\n{}.{}: its sequence is {} behind",
            sequence.target,
            sequence.column,
            count(sequence.behind)
        );
    }
    for note in &findings.notes {
        let _ = write!(text, "\nnote: {note}");
    }
    let status = outcome.status.label().to_lowercase();
    let _ = write!(text, "\n{status}; {:.1} s", findings.seconds);
    text
}

/// Shows on stderr how far the verification is: a bar on a terminal, a line now and then elsewhere.
async fn show(pictures: watch::Receiver<Option<Progress>>) -> std::convert::Infallible {
    let is_terminal = std::io::stderr().is_terminal();
    let every = if is_terminal { Duration::from_millis(200) } else { Duration::from_secs(5) };
    let bar = ProgressBar::with_draw_target(
        Some(1000),
        if is_terminal {
            ProgressDrawTarget::stderr_with_hz(5)
        } else {
            ProgressDrawTarget::hidden()
        },
    );
    bar.set_style(
        ProgressStyle::with_template("{prefix} {bar:30} {msg}")
            .unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    bar.set_prefix("Comparing");
    let _clear_at_the_end = ClearAtTheEnd(bar.clone());
    let mut ticks = interval(every);
    ticks.tick().await;
    loop {
        ticks.tick().await;
        let Some(progress) = pictures.borrow().clone() else { continue };
        let rows = progress.tables.iter().map(|table| table.rows_compared).sum();
        let mismatches = progress.tables.iter().map(|table| table.mismatches).sum();
        let message = match &progress.held {
            Some(held) => format!("waiting: {held}"),
            None => format!("{} rows, {} mismatches", count(rows), count(mismatches)),
        };
        if is_terminal {
            bar.set_position(thousandths(progress.fraction()));
            bar.set_message(message);
        } else {
            tell(format!("{:.0} %: {message}", progress.fraction() * 100.0));
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a fraction is between 0 and 1"
)]
fn thousandths(fraction: f64) -> u64 {
    (fraction * 1000.0) as u64
}

/// The bar makes room for the summary.
struct ClearAtTheEnd(ProgressBar);

impl Drop for ClearAtTheEnd {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::verification::Findings;

    #[test]
    fn only_equal_sides_end_well() {
        let status = |status| {
            let outcome = VerificationOutcome {
                status,
                findings: Findings::default(),
                id: None,
                failure: None,
            };
            judge(outcome, Path::new("plan.yaml")).err().map(|error| error.status())
        };

        assert_eq!(status(VerificationState::Equal), None);
        assert_eq!(status(VerificationState::Different), Some(Status::Different));
        assert_eq!(status(VerificationState::Paused), Some(Status::Stopped));
    }

    #[test]
    fn the_answer_has_the_shape_that_scripts_rely_on() {
        let table = TableVerification {
            source: "person".parse().unwrap(),
            target: "public.people".parse().unwrap(),
            source_rows: 3,
            target_rows: 2,
            compared: 3,
            missing: 1,
            extra: 0,
            different: 0,
            sample: None,
            carried_over: false,
        };
        let findings = Findings { tables: vec![table], seconds: 1.5, ..Findings::default() };
        let status = VerificationState::Different;
        let outcome = VerificationOutcome { status, findings, id: None, failure: None };

        let json = serde_json::to_value(&outcome).unwrap();

        let expected = serde_json::json!({
            "status": "different",
            "tables": [{
                "source": "person", "target": "public.people", "source_rows": 3, "target_rows": 2,
                "compared": 3, "missing": 1, "extra": 0, "different": 0
            }],
            "seconds": 1.5
        });
        assert_eq!(json, expected);
    }
}
