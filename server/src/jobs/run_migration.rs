//! One run, from its start to its end: pictures of it go to whoever watches and into the store.

use std::sync::Arc;
use std::time::Duration;

use engine::EngineError;
use engine::clock::Clock;
use shared::audit::Action;
use shared::id::RunId;
use shared::run::{Failure, OutcomeStatus, Progress, RunOutcome, RunState};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::outcome::{self, write_down};
use super::watched::Watched;
use crate::audit::{self, Actor};
use crate::causes;
use crate::store::runs::{self, Ending};
use crate::store::{self, Store, StoreError};

/// Five pictures a second are more than anybody sees.
const BETWEEN_PICTURES: Duration = Duration::from_millis(200);
/// How often the last picture is written down, which is also the run's sign of life.
const BETWEEN_RECORDS: Duration = Duration::from_secs(2);

/// Works a run until it ends, and writes down how.
pub(super) async fn work(
    store: Store,
    clock: Arc<dyn Clock>,
    run: RunId,
    watched: Arc<Watched>,
    migration: impl Future<Output = Result<RunOutcome, EngineError>> + Send + 'static,
    pictures: watch::Receiver<Option<Progress>>,
) {
    let runtime = Handle::current();
    let working = outcome::of(&runtime, "carrying out the run", migration);
    let showing = show_pictures(&store, &*clock, &run, &watched, pictures.clone());
    let outcome = tokio::select! {
        outcome = working => outcome,
        never = showing => match never {},
    };
    if let Some(progress) = pictures.borrow().clone() {
        watched.show(progress);
    }
    let (end, what) = (End::of(outcome), format!("run {run}"));
    // What cannot be written down is logged, and found half a minute later.
    let _ = write_down(&what, || record_end(&store, &*clock, &run, &watched, &end)).await;
    watched.show_end(end.state, end.failure);
}

/// How a run ended, in the words of the store.
struct End {
    state: RunState,
    failure: Option<Failure>,
    /// The id that the ledger knows it by, where it got so far.
    ledger_run_id: Option<RunId>,
}

impl End {
    fn of(outcome: Result<RunOutcome, EngineError>) -> Self {
        match outcome {
            Ok(outcome) => Self {
                state: match outcome.status {
                    OutcomeStatus::Completed => RunState::Completed,
                    OutcomeStatus::Paused => RunState::Paused,
                    OutcomeStatus::Failed => RunState::Failed,
                },
                failure: outcome.failure,
                ledger_run_id: Some(outcome.run_id),
            },
            Err(error) => {
                // The cause may name hosts and files; it is for the log, not for the portal.
                tracing::error!(
                    error.code = %error.code(),
                    cause = causes::line(&error),
                    "a run failed: {error}"
                );
                Self {
                    state: RunState::Failed,
                    failure: Some((&error).into()),
                    ledger_run_id: None,
                }
            }
        }
    }

    const fn action(&self) -> Action {
        match self.state {
            RunState::Completed => Action::RunCompleted,
            RunState::Paused => Action::RunPaused,
            _ => Action::RunFailed,
        }
    }
}

/// Passes pictures on, not too many, and writes one down now and then.
async fn show_pictures(
    store: &Store,
    clock: &dyn Clock,
    run: &RunId,
    watched: &Watched,
    mut pictures: watch::Receiver<Option<Progress>>,
) -> std::convert::Infallible {
    let mut ticks = interval(BETWEEN_PICTURES);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut recorded = Instant::now();
    loop {
        ticks.tick().await;
        // An error means that the engine has gone; its outcome is about to be seen.
        if pictures.has_changed().unwrap_or_default()
            && let Some(progress) = pictures.borrow_and_update().clone()
        {
            watched.show(progress);
        }
        if recorded.elapsed() >= BETWEEN_RECORDS {
            recorded = Instant::now();
            let event = watched.latest();
            let progress = event.progress.as_ref();
            let now = clock.now();
            let noted = runs::record_picture(store.pool(), run, progress, event.number, now).await;
            if let Err(error) = noted {
                // The ledger has the truth, and the next picture comes in two seconds.
                tracing::warn!(run.id = %run, cause = causes::line(&error), "{error}");
            }
        }
    }
}

async fn record_end(
    store: &Store,
    clock: &dyn Clock,
    run: &RunId,
    watched: &Watched,
    end: &End,
) -> Result<(), StoreError> {
    let now = clock.now();
    let event = watched.latest();
    let ending = Ending {
        state: end.state,
        failure: end.failure.as_ref(),
        progress: event.progress.as_ref(),
        // The event that will tell of the end.
        event_number: event.number + 1,
        ledger_run_id: end.ledger_run_id.as_ref().unwrap_or(run),
    };
    let actor = match end.state {
        RunState::Paused => watched.stopped_by(),
        _ => None,
    };
    let mut tx = store.begin().await?;
    if runs::end(&mut *tx, run, ending, now).await? {
        let detail = end.failure.as_ref().map(|failure| failure.code.to_string());
        let actor = actor.unwrap_or_else(Actor::system);
        audit::record(&mut tx, now, actor, end.action(), run.as_str(), detail).await?;
    }
    store::commit(tx).await
}
