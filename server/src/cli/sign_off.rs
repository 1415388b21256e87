//! People of a run: drawn, shown side by side, judged, and signed for.

use std::fmt::Write as _;
use std::sync::Arc;

use clap::{Args, Subcommand, ValueEnum};
use engine::clock::{Clock, SystemClock};
use shared::assessment::TableName;
use shared::audit::Reason;
use shared::id::{RunId, SignOffId};
use shared::sign_off::{
    Judgement, NewSignOff, PairState, RevealedPerson, RowPair, SampledPerson, ShareInterval,
    SideBySide, SignOff as Sample, SignOffState, StrataBy, StratumResult,
};

use super::output::{Json, count, give, table, tell};
use super::{CommandError, whoever};
use crate::auth::secret::Secrets;
use crate::config::Installation;
use crate::jobs::rollbacks::By;
use crate::jobs::{Databases, JobError, Left, Runs, SignOffs};
use crate::store::Store;

/// Draw people of a run, look at both sides of each, judge them, and sign for it.
#[derive(Debug, Subcommand)]
pub(super) enum SignOff {
    /// Draw people of a completed run: some of every kind, the same for the same seed
    Draw(Draw),
    /// List the sign-offs, the latest first
    List(List),
    /// Show who was drawn, what was said of them, and what that says of everybody
    Show(Show),
    /// Show one person's rows on both sides; this and the reason go into the audit trail
    Look(Look),
    /// Say that what both sides have of somebody is right
    Accept(Accept),
    /// Say that it is not
    Reject(Reject),
    /// Sign for a sample of which everybody was judged
    Sign(Sign),
}

#[derive(Debug, Args)]
pub(super) struct Draw {
    /// A run that the control store knows
    run: RunId,
    /// How many people, where there are so many
    #[arg(long, value_name = "N", default_value_t = NewSignOff::USUAL_SIZE,
          value_parser = clap::value_parser!(u32).range(1..=i64::from(NewSignOff::MOST)))]
    size: u32,
    /// The same seed draws the same people of the same data
    #[arg(long, value_name = "N", default_value_t = NewSignOff::USUAL_SEED)]
    seed: u64,
    /// The table of the target in which each row is a person; else the one that the plan names for
    /// duplicates
    #[arg(long)]
    table: Option<TableName>,
    /// By what those who were carried over are told apart
    #[arg(long, value_enum, default_value = "records")]
    strata: Kinds,
    /// With --strata age: the column with the birth date; else the one that the plan names for
    /// duplicates
    #[arg(long, value_name = "COLUMN")]
    born: Option<String>,
    #[command(flatten)]
    json: Json,
}

#[derive(Debug, Args)]
pub(super) struct List {
    /// Only those of this run
    run: Option<RunId>,
    /// How many at most
    #[arg(long, default_value_t = 50, value_name = "N")]
    limit: u32,
    #[command(flatten)]
    json: Json,
}

#[derive(Debug, Args)]
pub(super) struct Show {
    sign_off: SignOffId,
    #[command(flatten)]
    json: Json,
}

#[derive(Debug, Args)]
pub(super) struct Look {
    #[command(flatten)]
    person: Person,
    /// Why the person has to be seen
    #[arg(long, value_name = "TEXT", value_parser = Reason::parse)]
    reason: Reason,
    #[command(flatten)]
    json: Json,
}

#[derive(Debug, Args)]
pub(super) struct Accept {
    #[command(flatten)]
    said: Said,
}

#[derive(Debug, Args)]
pub(super) struct Reject {
    #[command(flatten)]
    said: Said,
}

#[derive(Debug, Args)]
struct Said {
    #[command(flatten)]
    person: Person,
    /// Why; it is kept sealed
    #[arg(long, value_name = "TEXT", value_parser = Reason::parse)]
    reason: Reason,
    #[command(flatten)]
    json: Json,
}

/// Somebody of a sample.
#[derive(Debug, Args)]
struct Person {
    sign_off: SignOffId,
    /// The person's number in the sample, from 1
    number: u32,
}

#[derive(Debug, Args)]
pub(super) struct Sign {
    sign_off: SignOffId,
    #[command(flatten)]
    json: Json,
}

/// What scripts read of a sample.
#[derive(serde::Serialize)]
struct Shown {
    #[serde(flatten)]
    sample: Sample,
    people: Vec<SampledPerson>,
}

impl SignOff {
    pub(super) async fn run(self, installation: &Installation) -> Result<(), CommandError> {
        let desk = Desk::open(installation).await?;
        let done = match self {
            Self::Draw(command) => command.run(&desk).await,
            Self::List(command) => command.run(&desk).await,
            Self::Show(command) => command.run(&desk).await,
            Self::Look(command) => command.run(&desk).await,
            Self::Accept(command) => command.said.run(&desk, Judgement::Accepted).await,
            Self::Reject(command) => command.said.run(&desk, Judgement::Rejected).await,
            Self::Sign(command) => command.run(&desk).await,
        };
        desk.store.close().await;
        done
    }
}

/// By what people are told apart.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kinds {
    /// How many rows of other tables refer to them
    Records,
    /// How old they were when the run began
    Age,
}

impl From<Kinds> for StrataBy {
    fn from(kinds: Kinds) -> Self {
        match kinds {
            Kinds::Records => Self::Records,
            Kinds::Age => Self::Age,
        }
    }
}

impl Draw {
    async fn run(self, desk: &Desk) -> Result<(), CommandError> {
        let new = NewSignOff {
            run_id: self.run,
            size: self.size,
            seed: self.seed,
            table: self.table,
            strata: self.strata.into(),
            born: self.born,
        };
        let sample = match desk.sign_offs.draw_now(&desk.by, &new).await {
            Err(error @ JobError::RunNotFound) => {
                return Err(CommandError::from(error).hint(
                    "A run of the command line is known once the server started its plan, saved in \
                     the portal as it was: the target tells of it, and nothing is copied again.",
                ));
            }
            drawn => drawn?,
        };
        self.json.write(&sample)?;
        if let Some(failure) = sample.failure {
            return Err(failure.into());
        }
        tell(summary(&sample));
        tell(format!("sign-off {}: `transfuse sign-off look` shows one of them", sample.id));
        Ok(())
    }
}

impl List {
    async fn run(self, desk: &Desk) -> Result<(), CommandError> {
        let found = desk.sign_offs.list(self.run.as_ref(), None, self.limit).await;
        let found = found.map_err(JobError::from)?;
        self.json.write(&found)?;
        if !self.json.is_stdout() {
            let rows: Vec<_> = found.iter().map(line).collect();
            give(table(
                ["sign-off", "run", "state", "drawn", "accepted", "rejected", "signed by"],
                &rows,
            ))?;
        }
        Ok(())
    }
}

fn line(sample: &Sample) -> [String; 7] {
    let found = &sample.acceptance;
    [
        sample.id.to_string(),
        sample.run_id.to_string(),
        sample.state.label().to_lowercase(),
        count(found.drawn.into()),
        count(found.accepted.into()),
        count(found.rejected.into()),
        sample.signed_by.clone().unwrap_or_default(),
    ]
}

impl Show {
    async fn run(self, desk: &Desk) -> Result<(), CommandError> {
        let sample = desk.sign_offs.find(&self.sign_off).await?;
        let people = desk.sign_offs.people(&self.sign_off).await?;
        let shown = Shown { sample, people };
        self.json.write(&shown)?;
        if !self.json.is_stdout() {
            let rows: Vec<_> = shown.people.iter().map(person).collect();
            give(table(["person", "kind", "judgement", "by"], &rows))?;
        }
        tell(summary(&shown.sample));
        Ok(())
    }
}

fn person(person: &SampledPerson) -> [String; 4] {
    [
        person.number.to_string(),
        person.stratum.label().to_owned(),
        person.judgement.map_or("", Judgement::label).to_owned(),
        person.judged_by.clone().unwrap_or_default(),
    ]
}

impl Look {
    async fn run(self, desk: &Desk) -> Result<(), CommandError> {
        let Person { sign_off, number } = &self.person;
        let found = desk.sign_offs.reveal(&desk.by, &self.reason, sign_off, *number).await?;
        self.json.write(&found)?;
        if !self.json.is_stdout() {
            give(side_by_side(&found))?;
        }
        Ok(())
    }
}

impl Said {
    async fn run(self, desk: &Desk, judgement: Judgement) -> Result<(), CommandError> {
        let Person { sign_off, number } = &self.person;
        let (by, reason) = (&desk.by, &self.reason);
        let judged = desk.sign_offs.judge(by, sign_off, *number, judgement, reason).await?;
        self.json.write(&judged)?;
        let sample = desk.sign_offs.find(sign_off).await?;
        let found = &sample.acceptance;
        let left = found.drawn.saturating_sub(found.accepted + found.rejected);
        let left = match left {
            0 => "everybody is judged: `transfuse sign-off sign` signs for it".to_owned(),
            left => format!("{} of {} are not judged yet", count(left.into()), found.drawn),
        };
        tell(format!("person {number}: {}; {left}", judgement.label().to_lowercase()));
        Ok(())
    }
}

impl Sign {
    async fn run(self, desk: &Desk) -> Result<(), CommandError> {
        let signed = desk.sign_offs.sign(&desk.by, &self.sign_off).await?;
        self.json.write(&signed)?;
        tell(summary(&signed));
        Ok(())
    }
}

/// What works on samples, and on whose behalf.
struct Desk {
    store: Store,
    sign_offs: SignOffs,
    by: By,
}

impl Desk {
    async fn open(installation: &Installation) -> Result<Self, CommandError> {
        let key = installation.key()?;
        let store = installation.open_store().await?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let owner = installation.name()?;
        let databases = Databases::new(store.clone(), Secrets::new(&key));
        let runs = Runs::new(
            store.clone(),
            Arc::clone(&clock),
            databases,
            key.quarantine(),
            None,
            owner.clone(),
        );
        let sign_offs = SignOffs::new(store.clone(), clock, runs, &key, owner);
        sign_offs.recover(Left::InSilence).await?;
        let by = whoever::by();
        Ok(Self { store, sign_offs, by })
    }
}

/// What was drawn and said, stratum by stratum, and what that says of everybody.
fn summary(sample: &Sample) -> String {
    let found = &sample.acceptance;
    let rows: Vec<_> = found.strata.iter().map(stratum).collect();
    let mut text =
        table(["kind", "people", "drawn", "accepted", "rejected", "share accepted"], &rows);
    // Writing to a String does not fail.
    if let (Some(share), Some(interval)) = (found.share, found.interval) {
        let _ = write!(
            text,
            "\n{} of everybody would be accepted; with {} confidence {}",
            percent(share),
            percent(found.confidence),
            range(interval)
        );
    }
    let _ = match (&sample.signed_by, sample.state) {
        (Some(by), _) => write!(text, "\nsigned by {by}"),
        (None, SignOffState::Open) => write!(text, "\nnot signed yet"),
        (None, state) => write!(text, "\n{}", state.label().to_lowercase()),
    };
    text
}

fn stratum(stratum: &StratumResult) -> [String; 6] {
    let about = if stratum.is_counted { "" } else { "about " };
    [
        stratum.stratum.label().to_owned(),
        format!("{about}{}", count(stratum.people)),
        count(stratum.drawn.into()),
        count(stratum.accepted.into()),
        count(stratum.rejected.into()),
        stratum.share.map(range).unwrap_or_default(),
    ]
}

fn range(interval: ShareInterval) -> String {
    format!("{} to {}", percent(interval.low), percent(interval.high))
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// Table by table and row by row, each column with what both sides have in it.
fn side_by_side(found: &RevealedPerson) -> String {
    let mut text = String::new();
    for of_table in &found.tables {
        let SideBySide { source, target, rows, has_more, .. } = of_table;
        // Writing to a String does not fail.
        let _ = writeln!(text, "{target} from {source}");
        for row in rows {
            let _ = writeln!(text, "{}\n{}\n", row.state.label(), cells(of_table, row));
        }
        if rows.is_empty() {
            let _ = writeln!(text, "no rows\n");
        }
        if *has_more {
            let _ = writeln!(text, "there are more rows than are shown\n");
        }
    }
    if let Some(reason) = &found.reason {
        let said = found.person.judgement.map_or("said", Judgement::label);
        let _ = writeln!(text, "{said}: {reason}");
    }
    text.trim_end().to_owned()
}

fn cells(of_table: &SideBySide, row: &RowPair) -> String {
    let cell = |cells: &Option<Vec<Option<String>>>, place: usize| match cells {
        Some(cells) => match cells.get(place) {
            Some(Some(text)) => text.clone(),
            _ => "(null)".to_owned(),
        },
        None => String::new(),
    };
    let rows: Vec<_> = of_table
        .columns
        .iter()
        .enumerate()
        .map(|(place, column)| {
            let differs = row.differs.iter().any(|it| usize::try_from(*it) == Ok(place));
            let mark = if differs && row.state == PairState::Different { "DIFFERENT" } else { "" };
            let (source, target) = (&column.source, &column.target);
            [
                target.as_ref().or(source.as_ref()).cloned().unwrap_or_default(),
                if source.is_some() { cell(&row.source, place) } else { String::new() },
                if target.is_some() { cell(&row.target, place) } else { String::new() },
                mark.to_owned(),
            ]
        })
        .collect();
    table(["column", "source", "target", ""], &rows)
}
