//! How work that outlives its request goes on and ends: it says that it is alive, and its end, which
//! may be an answer, an error or a panic, is written down however often that takes.

use std::iter::successors;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use engine::EngineError;
use engine::clock::Clock;
use futures::FutureExt as _;
use shared::error_code::ErrorCode;
use shared::run::Failure;
use tokio::runtime::Handle;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::causes;
use crate::store::signs::{self, Abandoned, Work};
use crate::store::{Store, StoreError};

/// How often whoever works says so.
pub(super) const BETWEEN_SIGNS: Duration = Duration::from_secs(2);
/// Others' work is given up after so long without a sign of life.
pub(super) const SILENCE: TimeDelta = TimeDelta::seconds(60);

/// Begins work on a task of its own, and waits for what it comes to. A panic in it is an outcome
/// like any other.
pub(super) fn of<T, W>(
    runtime: &Handle,
    doing: &'static str,
    work: W,
) -> impl Future<Output = Result<T, EngineError>> + use<T, W>
where
    T: Send + 'static,
    W: Future<Output = Result<T, EngineError>> + Send + 'static,
{
    let task = runtime.spawn(work);
    async move {
        let failed = |panic| Err(EngineError::new(ErrorCode::Sys001, doing).because(panic));
        task.await.unwrap_or_else(failed)
    }
}

/// The same where work borrows, and so cannot have a task of its own.
pub(super) async fn here<T, E: From<EngineError>>(
    doing: &'static str,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let ended = AssertUnwindSafe(work).catch_unwind().await;
    ended.unwrap_or_else(|_| {
        // What it says was logged where it happened, and may have values.
        Err(EngineError::new(ErrorCode::Sys001, doing).because("a panic").into())
    })
}

/// Works, and says meanwhile that somebody does.
pub(super) async fn alive<T>(
    (store, clock): (&Store, &dyn Clock),
    (work, id): (Work, &str),
    working: impl Future<Output = T>,
) -> T {
    let giving = async {
        let mut ticks = interval(BETWEEN_SIGNS);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if let Err(error) = signs::give(store.pool(), work, id, clock.now()).await {
                // The next sign comes soon.
                tracing::warn!(work.id = id, cause = causes::line(&error), "{error}");
            }
        }
    };
    tokio::select! {
        ended = working => ended,
        never = giving => never,
    }
}

/// Whose work is looked for that its process left behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// All of this installation's, which just began.
    Before,
    /// That of anybody who gives no sign of life any more.
    InSilence,
}

impl Left {
    pub(super) fn by(self, owner: &str, now: DateTime<Utc>) -> Abandoned<'_> {
        let owner = (self == Self::Before).then_some(owner);
        Abandoned { owner, silent_since: now - SILENCE }
    }
}

/// Why work ended that its process left behind.
pub(super) const fn interrupted(doing: String) -> Failure {
    Failure { code: ErrorCode::Sys006, message: doing }
}

/// Writes an end down, however often it takes: until then the work is said to be under way.
pub(super) async fn write_down<F>(what: &str, end: impl FnMut() -> F) -> Result<(), StoreError>
where
    F: Future<Output = Result<(), StoreError>>,
{
    let longer = |pause: &Duration| Some((*pause * 2).min(Duration::from_secs(10)));
    let pauses = successors(Some(Duration::from_millis(200)), longer);
    // About a minute.
    write_down_after(pauses.take(9), what, end).await
}

async fn write_down_after<F>(
    pauses: impl Iterator<Item = Duration>,
    what: &str,
    mut end: impl FnMut() -> F,
) -> Result<(), StoreError>
where
    F: Future<Output = Result<(), StoreError>>,
{
    for pause in pauses {
        let Err(error) = end().await else { return Ok(()) };
        let cause = causes::line(&error);
        tracing::warn!(cause, "the end of {what} is not written down yet: {error}");
        sleep(pause).await;
    }
    let written = end().await;
    if let Err(error) = &written {
        let cause = causes::line(error);
        tracing::error!(cause, "the end of {what} is not written down, and found later: {error}");
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::iter::repeat_n;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[tokio::test]
    async fn a_panic_is_an_outcome_like_any_other() {
        let panics = async || -> Result<(), EngineError> { panic!("on purpose") };

        let apart = of(&Handle::current(), "working", async move { panics().await }).await;
        let here: Result<(), EngineError> = here("working", panics()).await;

        for error in [apart.unwrap_err(), here.unwrap_err()] {
            assert_eq!(error.code(), ErrorCode::Sys001);
            assert!(error.to_string().ends_with("working"), "{error}");
        }
    }

    #[tokio::test]
    async fn an_end_is_written_down_once_the_store_takes_it() {
        check(3, 3, true).await;
        check(5, 5, true).await;
        check(6, 5, false).await;
    }

    async fn check(taken_at: u32, expected: u32, is_written: bool) {
        let tried = AtomicU32::new(0);
        let end = async || match tried.fetch_add(1, Ordering::Relaxed) + 1 {
            this if this >= taken_at => Ok(()),
            _ => Err(StoreError::while_doing("ending work")(sqlx::Error::PoolClosed)),
        };

        let written = write_down_after(repeat_n(Duration::ZERO, 4), "work", end).await;

        assert_eq!((tried.into_inner(), written.is_ok()), (expected, is_written));
    }
}
