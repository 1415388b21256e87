use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use engine::EngineError;
use engine::clock::{Clock as _, SystemClock};
use engine::load::ledger::work_hash;
use engine::run::{Matcher, Request, Start, Stop};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use shared::audit::Action;
use shared::error_code::ErrorCode;
use shared::id::RunId;
use shared::plan::{Plan, When};
use shared::rehearsal::Rehearsal;
use shared::run::{Books, OutcomeStatus, Phase, Progress, RunOutcome, TableProgress};
use tokio::sync::watch;
use tokio::time::interval;

use super::exit::Status;
use super::input::{read_plan, sides};
use super::output::{Json, count, table, tell};
use super::plan::refused;
use super::rehearsal;
use super::runs::KnownRuns;
use super::signal::Signals;
use super::trail::{Said, Trail};
use super::{CommandError, whoever};
use crate::auth::secret::Secrets;
use crate::causes;
use crate::config::Installation;
use crate::jobs::Duplicates;
use crate::jobs::crew::Leader;
use crate::jobs::databases::{self, Sides};
use crate::jobs::duplicates::{Keep, Subject};
use crate::store::Store;

#[derive(Debug, Args)]
pub(super) struct Migrate {
    plan: PathBuf,
    /// How many chunks are copied at once; else as the plan says
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    workers: Option<u16>,
    /// Take back what an earlier run of the plan made, and begin again
    #[arg(long)]
    fresh: bool,
    /// Do all of it, tell what came of it, and take it back: the target stays as it is
    #[arg(long)]
    rehearse: bool,
    #[command(flatten)]
    json: Json,
}

impl Migrate {
    pub(super) async fn run(self, installation: &Installation) -> Result<(), CommandError> {
        let plan = read_plan(&self.plan)?;
        let sides = sides(&plan, installation).await?;
        let (progress, pictures) = watch::channel(None);
        let stop = Stop::default();
        let clock = SystemClock;
        let people = self.people(&plan, &sides, installation).await?;
        let request = Request {
            plan: plan.clone(),
            source_url: sides.source.as_str().to_owned(),
            target_url: sides.target.as_str().to_owned(),
            run_id: RunId::parse(clock.fresh_id().to_string()).expect("a UUID is an id"),
            workers: self.workers,
            start: if self.fresh { Start::Fresh } else { Start::Continue },
            key: installation.key()?.quarantine(),
            progress,
            stop: stop.clone(),
            clock: Arc::new(clock),
            matcher: people.as_ref().and_then(|people| people.matcher.clone()),
        };
        let mut signals = Signals::listen()?;
        let crew = crew(installation, &request.run_id).await?;
        let trail = Trail::begin(installation, self.begun(&request)).await?;
        let (rehearse, id) = (self.rehearse, request.run_id.clone());
        let migration = tokio::spawn(async move {
            if rehearse {
                engine::run::rehearse(request).await.map(Came::Rehearsed)
            } else {
                engine::run::migrate_with(request, crew).await.map(Came::Run)
            }
        });
        let stopping = async {
            signals.next().await;
            tell("stopping after the chunks under way; again to roll them back and stop at once");
            stop.request();
            signals.next().await;
            tell("rolling back the chunks under way; again to end without waiting for that");
            stop.request_at_once();
            signals.next().await;
        };
        let came = tokio::select! {
            came = migration => {
                if let Some(people) = people {
                    people.learn(self.rehearse).await;
                }
                match came {
                    Ok(Ok(came)) => Ok(came),
                    Ok(Err(error)) => Err(refused_by(error, &plan, &sides).await),
                    Err(panic) => {
                        let doing = "carrying out the plan";
                        Err(CommandError::new(ErrorCode::Sys001, doing).because(&panic))
                    }
                }
            }
            never = show(pictures) => match never {},
            () = stopping => Err(CommandError::new(ErrorCode::Sys004, "stopped at once")),
        };
        trail.end(self.ended(&id, &came)).await?;
        let outcome = match came? {
            Came::Run(outcome) => outcome,
            Came::Rehearsed(report) => return rehearsal::tell_of(&self.json, report),
        };
        self.json.write(&outcome)?;
        tell(summary(&outcome, &self.plan));
        judge(outcome)
    }
}

impl Migrate {
    /// What the audit trail says beforehand.
    fn begun(&self, request: &Request) -> Said {
        let action = if self.rehearse { Action::RehearsalStarted } else { Action::RunStarted };
        let (plan, hash) = (&request.plan.name, work_hash(&request.plan));
        let how = if self.fresh { ", from nothing" } else { "" };
        Said(action, request.run_id.to_string(), format!("plan {plan}, {hash}{how}"))
    }

    /// What the audit trail says of what came of it. A run that went on has the id that it began with.
    fn ended(&self, id: &RunId, came: &Result<Came, CommandError>) -> Said {
        let failed = if self.rehearse { Action::RehearsalFailed } else { Action::RunFailed };
        match came {
            Ok(Came::Run(outcome)) => {
                let action = match outcome.status {
                    OutcomeStatus::Completed => Action::RunCompleted,
                    OutcomeStatus::Paused => Action::RunPaused,
                    OutcomeStatus::Failed => failed,
                };
                let books = outcome.tables.iter().map(|table| table.books).sum::<Books>();
                let mut detail = format!(
                    "{} read, {} loaded, {} in quarantine",
                    books.read, books.loaded, books.quarantined
                );
                if let Some(failure) = &outcome.failure {
                    detail = format!("{}: {detail}", failure.code);
                }
                if outcome.run_id != *id {
                    detail = format!("{detail}; gone on with as {id}");
                }
                Said(action, outcome.run_id.to_string(), detail)
            }
            Ok(Came::Rehearsed(report)) => {
                let code = report.outcome.failure.as_ref().map(|failure| failure.code.to_string());
                let detail = code.unwrap_or_else(|| "all of it was taken back".to_owned());
                Said(Action::RehearsalCompleted, id.to_string(), detail)
            }
            Err(error) => Said(failed, id.to_string(), error.code().to_string()),
        }
    }
}

/// The people of the plan, and what decides who of them is the same.
struct People {
    store: Store,
    duplicates: Duplicates,
    subject: Arc<Subject>,
    matcher: Option<Matcher>,
}

impl People {
    /// The store learns what was merged; the target has the truth in any case.
    async fn learn(self, rehearsed: bool) {
        if !rehearsed && let Err(error) = self.duplicates.take_stock(&self.subject).await {
            tracing::warn!(cause = causes::line(&error), "learning what was merged: {error}");
        }
        self.store.close().await;
    }
}

impl Migrate {
    async fn people(
        &self,
        plan: &Plan,
        sides: &Sides,
        installation: &Installation,
    ) -> Result<Option<People>, CommandError> {
        let wants = |section: &shared::plan::Duplicates| section.when != When::OnRequest;
        if !plan.duplicates.as_ref().is_some_and(wants) {
            return Ok(None);
        }
        let subject = Arc::new(Subject::new(None, plan.clone(), sides.target.clone())?);
        let KnownRuns { store, runs, .. } = KnownRuns::open(installation).await?;
        let duplicates = runs.duplicates().clone();
        let by = whoever::by();
        let keep = if self.rehearse { Keep::Nothing } else { Keep::Search };
        let matcher = duplicates.matcher(&subject, &by, keep)?;
        Ok(Some(People { store, duplicates, subject, matcher }))
    }
}

/// Workers of other processes may take part where the store was named, so that others can find it.
async fn crew(
    installation: &Installation,
    run: &RunId,
) -> Result<Option<engine::run::Crew>, CommandError> {
    if !installation.is_shared() {
        return Ok(None);
    }
    let secrets = Secrets::new(&installation.key()?);
    let store = installation.open_store().await?;
    let queues = installation.open_queues().await?;
    Ok(Some(Leader::new(store, secrets, queues).lead(run.clone())))
}

/// What the work came to.
enum Came {
    Run(RunOutcome),
    Rehearsed(Rehearsal),
}

/// The engine names the first thing that is wrong with a plan; people want to know all.
async fn refused_by(error: EngineError, plan: &Plan, sides: &Sides) -> CommandError {
    if error.code().as_str().starts_with("MAP-")
        && let Ok(problems) = databases::check(plan, &sides.source, &sides.target).await
        && !problems.is_empty()
    {
        return refused(&problems);
    }
    error.into()
}

/// What the exit status says of the outcome.
pub(super) fn judge(outcome: RunOutcome) -> Result<(), CommandError> {
    match (outcome.status, outcome.failure) {
        (OutcomeStatus::Completed, None) if outcome.books_close => Ok(()),
        (OutcomeStatus::Paused, _) => Err(CommandError::new(
            ErrorCode::Sys004,
            "the run is paused; the same command continues it",
        )),
        (_, Some(failure)) => Err(failure.into()),
        (_, None) => Err(CommandError::new(
            ErrorCode::Load005,
            "adding up what became of the rows of each table",
        )
        .exit(Status::Different)),
    }
}

/// The books, table by table, and what there is to do about the quarantine.
fn summary(outcome: &RunOutcome, plan: &Path) -> String {
    let mut text = books(outcome);
    if outcome.tables.iter().any(|table| table.books.quarantined > 0) {
        let run = &outcome.run_id;
        let plan = plan.display();
        // Writing to a String does not fail.
        let _ = write!(text, "\ntransfuse quarantine list {run} --plan {plan} shows why");
    }
    text
}

/// The books, table by table.
pub(super) fn books(outcome: &RunOutcome) -> String {
    let row = |name: String, books: Books| {
        [
            name,
            count(books.read),
            count(books.loaded),
            count(books.merged),
            count(books.filtered),
            count(books.quarantined),
            (if books.close() { "" } else { "DOES NOT CLOSE" }).to_owned(),
        ]
    };
    let mut rows: Vec<_> =
        outcome.tables.iter().map(|table| row(table.target.to_string(), table.books)).collect();
    let total = outcome.tables.iter().map(|table| table.books).sum::<Books>();
    rows.push(row("all".to_owned(), total));
    let head = ["table", "read", "loaded", "merged", "filtered", "quarantined", ""];
    let status = match outcome.status {
        OutcomeStatus::Completed => "completed",
        OutcomeStatus::Paused => "paused",
        OutcomeStatus::Failed => "failed",
    };
    let books = if outcome.books_close { "the books close" } else { "the books do not close" };
    let speed = format!("{:.1} s, {:.0} rows/s", outcome.seconds, outcome.rows_per_second);
    let memory = outcome.peak_rss_bytes >> 20;
    let mut text = table(head, &rows);
    // Writing to a String does not fail.
    let _ = write!(text, "\nrun {} {status}: {books}; {speed}, {memory} MiB", outcome.run_id);
    text
}

/// Shows pictures of the run on stderr: bars on a terminal, a line now and then elsewhere.
async fn show(pictures: watch::Receiver<Option<Progress>>) -> std::convert::Infallible {
    if std::io::stderr().is_terminal() {
        show_bars(pictures).await
    } else {
        show_lines(pictures).await
    }
}

async fn show_lines(pictures: watch::Receiver<Option<Progress>>) -> std::convert::Infallible {
    let mut ticks = interval(Duration::from_secs(5));
    ticks.tick().await;
    loop {
        ticks.tick().await;
        let Some(progress) = pictures.borrow().clone() else { continue };
        let books = progress.books();
        tell(format!(
            "{}: {} of {} rows, {} in quarantine, {:.0} rows/s",
            progress.phase.label(),
            count(books.accounted()),
            count(books.read),
            count(books.quarantined),
            progress.rows_per_second
        ));
        if let Some(trouble) = trouble(&progress) {
            tell(trouble);
        }
    }
}

/// What goes wrong right now, if anything does.
fn trouble(progress: &Progress) -> Option<String> {
    let health = &progress.health;
    if let Some(stall) = &health.stall {
        return Some(format!("no progress for {:.0} s because {}", stall.seconds, stall.reason));
    }
    let retry = health.retrying.first()?;
    Some(format!(
        "{}: {}; tried {} times, again in {:.1} s, given up in {:.0} s",
        retry.code, retry.message, retry.tries, retry.after_seconds, retry.patience_seconds
    ))
}

/// Tables shown at once: more would scroll.
const BARS: usize = 8;

async fn show_bars(pictures: watch::Receiver<Option<Progress>>) -> std::convert::Infallible {
    let bars = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(5));
    let _clear_at_the_end = ClearAtTheEnd(bars.clone());
    let template = "{prefix:<32.32} {bar:30} {msg}";
    let style = ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("█▉▊▋▌▍▎▏ ");
    let bar = || bars.add(ProgressBar::new(1000).with_style(style.clone()));
    let all = bar();
    let plain =
        ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_bar());
    let mut warning: Option<ProgressBar> = None;
    let mut tables: Vec<ProgressBar> = Vec::new();
    let mut ticks = interval(Duration::from_millis(200));
    loop {
        ticks.tick().await;
        let Some(progress) = pictures.borrow().clone() else { continue };
        show_all(&all, &progress);
        match (trouble(&progress), &warning) {
            (Some(text), Some(line)) => line.set_message(text),
            (Some(text), None) => {
                let line = bars.add(ProgressBar::new(1).with_style(plain.clone()));
                line.set_message(text);
                warning = Some(line);
            }
            (None, Some(line)) => {
                bars.remove(line);
                warning = None;
            }
            (None, None) => {}
        }
        let under_way: Vec<_> = progress
            .tables
            .iter()
            .filter(|table| table.phase < Phase::Done && table.chunks_done > 0)
            .take(BARS)
            .collect();
        while tables.len() < under_way.len() {
            tables.push(bar());
        }
        for gone in tables.drain(under_way.len()..) {
            bars.remove(&gone);
        }
        for (bar, table) in tables.iter().zip(under_way) {
            show_table(bar, table);
        }
    }
}

fn show_all(bar: &ProgressBar, progress: &Progress) {
    let books = progress.books();
    let eta = progress.eta_seconds.map_or_else(String::new, |seconds| {
        format!(", {} left", indicatif::HumanDuration(Duration::from_secs_f64(seconds.max(0.0))))
    });
    bar.set_prefix(progress.phase.label());
    bar.set_position(thousandths(progress.fraction()));
    bar.set_message(format!(
        "{} of {} rows, {:.0}/s{eta}, {} in quarantine",
        count(books.accounted()),
        count(books.read),
        progress.rows_per_second,
        count(books.quarantined)
    ));
}

fn show_table(bar: &ProgressBar, table: &TableProgress) {
    bar.set_prefix(table.target.to_string());
    bar.set_position(thousandths(table.fraction()));
    bar.set_message(format!("{} of {}", count(table.books.accounted()), count(table.books.read)));
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a fraction is between 0 and 1"
)]
fn thousandths(fraction: Option<f64>) -> u64 {
    (fraction.unwrap_or_default() * 1000.0) as u64
}

/// The bars make room for the summary.
struct ClearAtTheEnd(MultiProgress);

impl Drop for ClearAtTheEnd {
    fn drop(&mut self) {
        // Where the terminal is gone there is nothing to clear.
        let _ = self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::run::{Failure, TableOutcome};

    #[test]
    fn only_closed_books_end_well() {
        let status = |outcome| judge(outcome).err().map(|error| error.status());

        assert_eq!(status(outcome(OutcomeStatus::Completed, true, None)), None);
        let open = outcome(OutcomeStatus::Completed, false, None);
        assert_eq!(status(open), Some(Status::Different));
        let paused = outcome(OutcomeStatus::Paused, true, None);
        assert_eq!(status(paused), Some(Status::Stopped));
        let full = outcome(OutcomeStatus::Failed, true, Some(ErrorCode::Load003));
        assert_eq!(status(full), Some(Status::Database));
        let many = outcome(OutcomeStatus::Failed, true, Some(ErrorCode::Load006));
        assert_eq!(status(many), Some(Status::Different));
    }

    #[test]
    fn a_summary_names_the_table_whose_books_do_not_close() {
        let mut outcome = outcome(OutcomeStatus::Failed, false, None);
        outcome.tables.push(TableOutcome {
            source: "person".parse().unwrap(),
            target: "public.person".parse().unwrap(),
            books: Books { read: 1200, loaded: 1199, ..Books::default() },
            bytes: 1,
            seconds: 1.0,
        });

        let text = summary(&outcome, Path::new("plan.yaml"));

        let line = text.lines().find(|line| line.starts_with("public.person")).unwrap();
        assert!(line.contains("1,200") && line.ends_with("DOES NOT CLOSE"), "{text}");
    }

    fn outcome(status: OutcomeStatus, books_close: bool, failure: Option<ErrorCode>) -> RunOutcome {
        RunOutcome {
            run_id: RunId::parse("run").expect("an id"),
            status,
            tables: Vec::new(),
            books_close,
            seconds: 1.0,
            rows_per_second: 1.0,
            peak_rss_bytes: 1,
            failure: failure.map(|code| Failure { code, message: "copying".to_owned() }),
        }
    }
}
