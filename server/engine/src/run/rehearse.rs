//! A run that is done and taken back: everything that can go wrong has gone wrong by then, and
//! the target is as it was.
//!
//! On PostgreSQL it is one transaction, which is rolled back. On SQLite it is a copy of the file,
//! which is removed.

use std::path::{Path, PathBuf};

use shared::connection::{Engine, without_secret};
use shared::error_code::ErrorCode;
use shared::id::RunId;
use shared::plan::Plan;
use shared::rehearsal::{Forecast, Rehearsal as Report};
use shared::run::{OutcomeStatus, RunOutcome};

use super::{Request, Start, conduct, work_hash};
use crate::connect::{Address, Purpose, sqlite};
use crate::error::{EngineError, Result};
use crate::load::ledger;
use crate::load::rehearsal::Rehearsal;
use crate::load::{PostgresTarget, Session, SqliteTarget, Target};
use crate::quarantine;
use crate::seal::Key;

/// Does everything that a run would do, and takes it back.
///
/// The report tells what came of it, also of a run that would stop. An error means that it could
/// not begin, or could not be taken back; a connection that is lost has taken it back already.
pub async fn rehearse(request: Request) -> Result<Report> {
    super::on_a_thread(move || rehearsed(request)).await
}

async fn rehearsed(request: Request) -> Result<Report> {
    let plan = request.plan.clone();
    match Engine::of_url(&request.target_url) {
        Some(Engine::Postgres) => in_a_transaction(request, &plan).await,
        Some(Engine::Sqlite) => in_a_copy(request, &plan).await,
        _ => Err(super::no_target(&request.target_url)),
    }
}

async fn in_a_transaction(mut request: Request, plan: &Plan) -> Result<Report> {
    // One transaction is one session's.
    let workers = request.workers.replace(1).unwrap_or(plan.options.workers);
    // What is lost with its connection cannot be gone on with.
    request.plan.options.patience_seconds = 0;
    let key = request.key.clone();
    let target = PostgresTarget::new(&request.target_url);
    refuse_earlier_run(&mut target.session().await?, &request).await?;
    let rehearsal = Rehearsal::begin(target).await?;
    let done = async {
        let mut outcome = Box::pin(conduct::conduct(rehearsal.clone(), request, None)).await?;
        let mut report = report(&mut rehearsal.session().await?, &outcome, plan, &key).await?;
        if outcome.status == OutcomeStatus::Completed
            && let Err(error) = rehearsal.check().await
        {
            outcome.status = OutcomeStatus::Failed;
            outcome.books_close = false;
            outcome.failure = Some((&error).into());
        }
        report.forecast = forecast(&outcome, workers);
        report.outcome = outcome;
        Ok(report)
    }
    .await;
    let ended = rehearsal.end().await;
    match (done, ended) {
        // A connection that is gone has rolled back by itself.
        (Ok(report), Err(error)) if error.code() != ErrorCode::Conn005 => {
            tracing::warn!(run.id = %report.outcome.run_id, "a rehearsal could not be ended: {error}");
            Err(error)
        }
        (done, _) => done,
    }
}

async fn in_a_copy(mut request: Request, plan: &Plan) -> Result<Report> {
    let Address::Sqlite(path) = Address::parse(&request.target_url)? else {
        return Err(super::no_target(&request.target_url));
    };
    let real = SqliteTarget::new(&request.target_url);
    // Nobody else rehearses here meanwhile, and no run changes what is copied.
    let _lock = if path.exists() {
        let taken = real.lock().await?.ok_or_else(|| {
            let target = without_secret(&request.target_url);
            EngineError::new(ErrorCode::Load009, format!("rehearsing in {target}"))
        })?;
        Some(taken)
    } else {
        None
    };
    let copy = Copy::of(&path, &request.target_url).await?;
    request.target_url = format!("sqlite:{}", copy.0.display());
    let key = request.key.clone();
    let target = SqliteTarget::new(&request.target_url);
    if copy.0.exists() {
        refuse_earlier_run(&mut target.session().await?, &request).await?;
    }
    let outcome = Box::pin(conduct::conduct(target.clone(), request, None)).await?;
    let mut report = report(&mut target.session().await?, &outcome, plan, &key).await?;
    report.forecast = forecast(&outcome, 1);
    report.outcome = outcome;
    Ok(report)
}

/// What is there already would not be done again, and nothing could be said of it.
async fn refuse_earlier_run<S: Session>(session: &mut S, request: &Request) -> Result<()> {
    if request.start == Start::Fresh || !ledger::is_there(session).await? {
        return Ok(());
    }
    match ledger::find_run(session, &work_hash(&request.plan)).await? {
        None => Ok(()),
        Some(run) => Err(EngineError::new(
            ErrorCode::Load007,
            format!("rehearsing: run {} of this plan is in the target already", run.run_id),
        )),
    }
}

/// How many rows of each kind are shown.
const EXAMPLES: u32 = 3;

async fn report<S: Session>(
    session: &mut S,
    outcome: &RunOutcome,
    plan: &Plan,
    key: &Key,
) -> Result<Report> {
    let run: &RunId = &outcome.run_id;
    let quarantine = quarantine::faults(session, run, key, EXAMPLES).await?;
    Ok(Report {
        outcome: outcome.clone(),
        quarantine,
        losses: plan.losses(),
        forecast: Forecast::default(),
    })
}

/// How many of so many workers get a processor.
pub(crate) fn at_once(workers: usize) -> usize {
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    workers.clamp(1, processors)
}

fn forecast(outcome: &RunOutcome, workers: u16) -> Forecast {
    let copy_seconds: f64 = outcome.tables.iter().map(|table| table.seconds).sum();
    let other_seconds = (outcome.seconds - copy_seconds).max(0.0);
    #[expect(clippy::cast_precision_loss, reason = "a forecast has no use for more digits")]
    let at_once = at_once(usize::from(workers)) as f64;
    Forecast {
        copy_seconds,
        other_seconds,
        workers,
        seconds: copy_seconds / at_once + other_seconds,
    }
}

/// A copy of a SQLite file, removed when it is dropped. One that a killed process left is removed
/// by the next.
struct Copy(PathBuf);

impl Copy {
    async fn of(path: &Path, url: &str) -> Result<Self> {
        let mut name = path.as_os_str().to_owned();
        name.push(".transfuse-rehearsal");
        let copy = Self(name.into());
        copy.remove();
        if path.exists() {
            let mut connection = sqlite::connect(url, Purpose::Read).await?;
            let to = copy.0.to_string_lossy().into_owned();
            let failed =
                |error| crate::connect::classify(error, "copying the target for a rehearsal");
            // The file itself is opened for reading; SQLite takes its copy for writing.
            sqlx::query("pragma query_only = off")
                .execute(&mut connection)
                .await
                .map_err(failed)?;
            sqlx::query("vacuum into ?").bind(to).execute(&mut connection).await.map_err(failed)?;
        }
        Ok(copy)
    }

    fn remove(&self) {
        for ending in ["", "-wal", "-shm", "-journal", ".transfuse-lock"] {
            let mut name = self.0.as_os_str().to_owned();
            name.push(ending);
            // What is not there need not be removed.
            let _ = std::fs::remove_file(Path::new(&name));
        }
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        self.remove();
    }
}
