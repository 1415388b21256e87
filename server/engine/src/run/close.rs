//! How a run ended, for now or for good.

use std::time::Instant;

use shared::error_code::ErrorCode;
use shared::run::{Failure, OutcomeStatus, Phase, RunOutcome, RunState, TableOutcome};

use super::board::Board;
use super::conduct::{Done, Seat, Work};
use crate::error::{EngineError, Result};
use crate::load::Target;
use crate::load::ledger::{self, RunRecord};

impl<T: Target + 'static> Work<T> {
    /// Writes down how the run ended and adds up.
    pub(super) async fn close(
        self,
        seat: &mut Seat<T>,
        done: Result<Done>,
        began: Instant,
    ) -> Result<RunOutcome> {
        let failure = match &done {
            Err(error) => Some(error.into()),
            Ok(Done::Everything) => self.unclosed(),
            Ok(Done::Stopped) => None,
        };
        let (state, status) = match (&done, &failure) {
            (_, Some(_)) => (RunState::Failed, OutcomeStatus::Failed),
            (Ok(Done::Stopped), None) => (RunState::Paused, OutcomeStatus::Paused),
            _ => (RunState::Completed, OutcomeStatus::Completed),
        };
        if let Err(error) = &done {
            tracing::error!(run.id = %self.run.run_id, code = %error.code(), cause = ?causes(error),
                "the run stopped: {error}");
        }
        if state == RunState::Completed {
            self.board.enter(Phase::Done);
        }
        let written = self.write_state(seat, state).await;
        match (written, &failure) {
            // When the target is gone, why the run failed matters more than that this failed too.
            (Err(error), None) => return Err(error),
            (Err(error), Some(_)) => {
                tracing::warn!(run.id = %self.run.run_id, "the run's state could not be written: {error}");
            }
            (Ok(()), _) => {}
        }
        outcome(&self.board, &self.run, status, failure, began)
    }

    /// Writes the state down; on a new connection where the old one is lost.
    async fn write_state(&self, seat: &mut Seat<T>, state: RunState) -> Result<()> {
        let (run_id, now) = (&self.run.run_id, self.request.clock.now());
        if self.claim.hold(&mut seat.session).await.is_err() {
            seat.session = self.target.session().await?;
            self.claim.hold(&mut seat.session).await?;
        }
        ledger::set_state(&mut seat.session, run_id, state, now).await
    }

    /// The first table whose books do not close.
    fn unclosed(&self) -> Option<Failure> {
        let picture = self.board.picture();
        let table = picture.tables.iter().find(|table| !table.books.close())?;
        let books = table.books;
        Some(Failure {
            code: ErrorCode::Load005,
            message: format!(
                "{}: {} rows read, {} accounted for",
                table.source,
                books.read,
                books.accounted()
            ),
        })
    }
}

/// The chain below an error, for the log.
pub(super) fn causes(error: &EngineError) -> Vec<String> {
    let mut causes = Vec::new();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        causes.push(cause.to_string());
        next = cause.source();
    }
    causes
}

#[expect(clippy::cast_precision_loss, reason = "a speed has no use for more digits")]
pub(super) fn outcome(
    board: &Board,
    run: &RunRecord,
    status: OutcomeStatus,
    failure: Option<Failure>,
    began: Instant,
) -> Result<RunOutcome> {
    let picture = board.picture();
    let seconds = began.elapsed().as_secs_f64();
    let run_id = run.run_id.parse().map_err(|error: shared::id::InvalidId| {
        EngineError::new(ErrorCode::Sys001, "reading the run's id from the target").because(error)
    })?;
    Ok(RunOutcome {
        run_id,
        status,
        books_close: status == OutcomeStatus::Completed
            && picture.tables.iter().all(|table| table.books.close()),
        rows_per_second: picture.books().accounted() as f64 / seconds.max(f64::EPSILON),
        tables: picture
            .tables
            .into_iter()
            .map(|table| TableOutcome {
                source: table.source,
                target: table.target,
                books: table.books,
                bytes: table.bytes,
                seconds: table.seconds,
            })
            .collect(),
        seconds,
        peak_rss_bytes: super::peak_rss_bytes(),
        failure,
    })
}
