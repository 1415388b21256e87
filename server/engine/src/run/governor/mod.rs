//! Spares a source that people work with: how much of it is used at once follows how fast it
//! answers, and when it may be read at all is the plan's to say.

mod gate;
mod pace;
mod probe;
mod window;

use std::time::Duration;

use shared::connection::without_secret;
use shared::error_code::ErrorCode;
use shared::plan::Governor;
use tokio::time::{Instant, sleep, timeout};

pub(super) use self::gate::{Gate, Slot};
use self::pace::{Limits, Pace};
use self::probe::Probe;
use self::window::Allowed;
use super::conduct::Work;
use crate::connect::Source;
use crate::error::{Directive, EngineError, Result};
use crate::load::Target;

/// How often the source is asked, and the clock looked at.
const BEAT: Duration = Duration::from_millis(500);

impl<T: Target + 'static> Work<T> {
    /// Waits until the plan lets the source be read. Nothing of the source is held meanwhile.
    pub(super) async fn await_window(&self) -> Result<()> {
        while let Allowed::Until(opens) = self.allowed()? {
            self.board.hold(Some(window::closed(opens)));
            tokio::select! {
                () = sleep(BEAT) => {}
                () = self.request.stop.requested() => break,
            }
        }
        self.board.hold(None);
        Ok(())
    }

    /// Opens and closes the gate for as long as it is polled. Comes back only with what stops the
    /// run.
    pub(super) async fn govern(&self, source: &Source, gate: &Gate, workers: usize) -> EngineError {
        match self.govern_until_it_fails(source, gate, workers).await {
            Ok(never) => match never {},
            Err(error) => error,
        }
    }

    async fn govern_until_it_fails(
        &self,
        source: &Source,
        gate: &Gate,
        workers: usize,
    ) -> Result<std::convert::Infallible> {
        let options = &self.request.plan.options;
        let governor = &options.governor;
        let most_bytes = self.batch_bytes(workers);
        let limits = limits(governor, workers, most_bytes);
        let mut pace = limits.map(Pace::first);
        let mut probe = None;
        loop {
            let allowed = match self.allowed()? {
                Allowed::Until(opens) => {
                    gate.set(0, most_bytes);
                    self.board.hold(Some(window::closed(opens)));
                    sleep(BEAT).await;
                    continue;
                }
                Allowed::Workers(allowed) => allowed,
            };
            self.board.hold(None);
            let Some((limits, pace)) = limits.as_ref().zip(pace.as_mut()) else {
                gate.set(allowed, most_bytes);
                sleep(BEAT).await;
                continue;
            };
            gate.set(pace.workers().min(allowed), pace.batch_bytes());
            if probe.is_none() {
                probe = Probe::open(source, governor.probe.as_deref()).await.ok();
            }
            let Some(open) = probe.as_mut() else {
                // What cannot even be connected to is not to be read faster.
                let late = limits.latency + Duration::from_millis(1);
                self.answered(*limits, pace, gate, allowed, late)?;
                sleep(BEAT).await;
                continue;
            };
            let asked = Instant::now();
            let answered = {
                let answer = open.ask();
                tokio::pin!(answer);
                loop {
                    match timeout(limits.latency.max(BEAT), &mut answer).await {
                        Ok(answered) => break answered,
                        // It is slow already, whenever the answer comes.
                        Err(_) => self.answered(*limits, pace, gate, allowed, asked.elapsed())?,
                    }
                }
            };
            match answered {
                Ok(()) => self.answered(*limits, pace, gate, allowed, asked.elapsed())?,
                // A lost connection is nobody's fault, and a wrong statement the plan's.
                Err(error) if error.directive() != Directive::Stop => probe = None,
                Err(error) => {
                    return Err(EngineError::new(ErrorCode::Map006, "asking `governor.probe`")
                        .because(error));
                }
            }
            sleep(BEAT).await;
        }
    }

    /// Goes by how long the source took.
    fn answered(
        &self,
        limits: Limits,
        pace: &mut Pace,
        gate: &Gate,
        allowed: usize,
        latency: Duration,
    ) -> Result<()> {
        pace.follow(latency, limits);
        gate.set(pace.workers().min(allowed), pace.batch_bytes());
        if latency > limits.latency {
            self.board.note(SLOW.to_owned());
        }
        if pace.is_strained() {
            let doing = format!("reading {}", without_secret(&self.request.source_url));
            return Err(EngineError::new(ErrorCode::Load045, doing).because(format!(
                "it took {} ms to answer, again and again",
                latency.as_millis()
            )));
        }
        Ok(())
    }

    fn allowed(&self) -> Result<Allowed> {
        window::allowed(&self.request.plan.options.governor, self.request.clock.now())
    }
}

const SLOW: &str = "The source took longer to answer than `governor.latency_ms` allows: fewer chunks \
    were read at once, in smaller batches, until it was quick again.";

/// What the source's answers are held against; none where the plan says nothing of them.
fn limits(governor: &Governor, most_workers: usize, most_bytes: usize) -> Option<Limits> {
    let milliseconds = |number: u32| Duration::from_millis(number.into());
    governor.latency_ms.map(|latency| Limits {
        latency: milliseconds(latency),
        stop: governor.stop_ms.map(milliseconds),
        most_workers,
        most_bytes,
    })
}
