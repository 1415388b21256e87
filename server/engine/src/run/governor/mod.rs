//! Spares a source that people work with: how much of it is used at once follows how fast it
//! answers, and when it may be read at all is the plan's to say. Whoever reads a source for a plan
//! goes by it: runs, verifications and assessments.

mod gate;
mod pace;
mod probe;
mod window;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::try_join_all;
use shared::connection::without_secret;
use shared::error_code::ErrorCode;
use shared::plan::{Governor as Wishes, Plan};
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, timeout};

pub(crate) use self::gate::Gate;
pub(super) use self::gate::Slot;
use self::pace::{Limits, Pace};
use self::probe::Probe;
use self::window::Allowed;
use super::Stop;
use crate::clock::Clock;
use crate::connect::Source;
use crate::error::{Directive, EngineError, Result};
use crate::extract::{Chunk, Snapshot, TableRead};

/// How often the source is asked, and the clock looked at.
const BEAT: Duration = Duration::from_millis(500);

/// Who hears how the source is spared.
pub(crate) trait Watcher: Send + Sync {
    /// Why nothing is read now; none when it goes on.
    fn hold(&self, reason: Option<String>);
    /// What is to be said of it in the end.
    fn note(&self, note: String);
}

/// What a plan says of how its source is to be read.
#[derive(Clone)]
pub(crate) struct Sparing {
    wishes: Wishes,
    /// For people.
    source: String,
    clock: Arc<dyn Clock>,
    watcher: Arc<dyn Watcher>,
}

impl Sparing {
    pub(crate) fn of(
        plan: &Plan,
        source_url: &str,
        clock: &Arc<dyn Clock>,
        watcher: Arc<dyn Watcher>,
    ) -> Self {
        Self {
            wishes: plan.options.governor.clone(),
            source: without_secret(source_url),
            clock: Arc::clone(clock),
            watcher,
        }
    }

    /// Waits until the plan lets the source be read, or somebody asks to stop. Nothing of the
    /// source is held meanwhile.
    pub(crate) async fn await_window(&self, stop: &Stop) -> Result<()> {
        while let Allowed::Until(opens) = self.allowed()? {
            self.watcher.hold(Some(window::closed(opens)));
            tokio::select! {
                () = sleep(BEAT) => {}
                () = stop.requested() => break,
            }
        }
        self.watcher.hold(None);
        Ok(())
    }

    /// From now on, until what comes back is dropped, the source is watched: at most so many read
    /// it at once, each so many bytes at a time.
    pub(crate) fn begin(self, source: &Source, workers: usize, batch_bytes: usize) -> Governor {
        if self.wishes.latency_ms.is_none() && self.wishes.windows.is_empty() {
            return Governor::free(batch_bytes);
        }
        // Closed until it is known what the source bears.
        let gate = Gate::of(0, batch_bytes);
        let failure = Arc::new(Failed::default());
        let watching = tokio::spawn({
            let (source, gate, failure) = (source.clone(), Arc::clone(&gate), Arc::clone(&failure));
            async move {
                match self.govern(&source, &gate, workers, batch_bytes).await {
                    Ok(never) => match never {},
                    Err(error) => failure.set(error),
                }
            }
        });
        Governor { gate, failure, watching: Some(watching.abort_handle()) }
    }

    /// Opens and closes the gate for as long as it is polled. Comes back only with what stops
    /// whoever reads.
    async fn govern(
        &self,
        source: &Source,
        gate: &Gate,
        workers: usize,
        most_bytes: usize,
    ) -> Result<Infallible> {
        let limits = limits(&self.wishes, workers, most_bytes);
        let mut pace = limits.map(Pace::first);
        let mut probe = None;
        loop {
            let allowed = match self.allowed()? {
                Allowed::Until(opens) => {
                    gate.set(0, most_bytes);
                    self.watcher.hold(Some(window::closed(opens)));
                    sleep(BEAT).await;
                    continue;
                }
                Allowed::Workers(allowed) => allowed,
            };
            self.watcher.hold(None);
            let Some((limits, pace)) = limits.as_ref().zip(pace.as_mut()) else {
                gate.set(allowed, most_bytes);
                sleep(BEAT).await;
                continue;
            };
            gate.set(pace.workers().min(allowed), pace.batch_bytes());
            if probe.is_none() {
                probe = Probe::open(source, self.wishes.probe.as_deref()).await.ok();
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
            self.watcher.note(SLOW.to_owned());
        }
        if pace.is_strained() {
            let doing = format!("reading {}", self.source);
            return Err(EngineError::new(ErrorCode::Load045, doing).because(format!(
                "it took {} ms to answer, again and again",
                latency.as_millis()
            )));
        }
        Ok(())
    }

    fn allowed(&self) -> Result<Allowed> {
        window::allowed(&self.wishes, self.clock.now())
    }
}

/// Watches a source while it is read.
pub(crate) struct Governor {
    gate: Arc<Gate>,
    failure: Arc<Failed>,
    watching: Option<AbortHandle>,
}

impl Governor {
    /// Lets everybody read.
    pub(crate) fn free(batch_bytes: usize) -> Self {
        Self { gate: Gate::of(usize::MAX, batch_bytes), failure: Arc::default(), watching: None }
    }

    /// Who reads passes it for each piece.
    pub(crate) const fn gate(&self) -> &Arc<Gate> {
        &self.gate
    }

    /// Comes with why nobody may go on reading.
    pub(crate) async fn failed(&self) -> EngineError {
        self.failure.get().await
    }

    /// Reads something that goes on by itself, piece after piece, for as long as the source may be
    /// read; none when somebody asked to stop before it was done. It is only ever given up, so it
    /// has to leave nothing half done.
    pub(crate) async fn spare<V>(
        &self,
        stop: &Stop,
        reading: impl Future<Output = Result<V>>,
    ) -> Result<Option<V>> {
        tokio::pin!(reading);
        loop {
            let slot = tokio::select! {
                biased;
                error = self.failed() => return Err(error),
                () = stop.requested() => return Ok(None),
                slot = self.gate.enter() => slot,
            };
            tokio::select! {
                biased;
                error = self.failed() => return Err(error),
                () = stop.requested() => return Ok(None),
                () = self.gate.closed() => drop(slot),
                done = &mut reading => return done.map(Some),
            }
        }
    }
}

impl Governor {
    /// Cuts tables into chunks by all readers of a state, and tells of each table, by its place, when
    /// it is cut; none when somebody asked to stop before all were.
    pub(crate) async fn cut(
        &self,
        stop: &Stop,
        snapshot: &mut Snapshot,
        tables: &[&TableRead],
        chunk_rows: u64,
        is_cut: impl Fn(usize, &[Chunk]),
    ) -> Result<Option<Vec<Vec<Chunk>>>> {
        let next = AtomicUsize::new(0);
        let reading = snapshot.readers().iter_mut().map(|reader| async {
            let mut cuts = Vec::new();
            loop {
                let place = next.fetch_add(1, Ordering::Relaxed);
                let Some(read) = tables.get(place) else { return Ok(Some(cuts)) };
                let chunks = self.spare(stop, reader.plan_chunks(read, chunk_rows)).await?;
                let Some(chunks) = chunks else { return Ok::<_, EngineError>(None) };
                is_cut(place, &chunks);
                cuts.push((place, chunks));
            }
        });
        let cuts: Option<Vec<_>> = try_join_all(reading).await?.into_iter().collect();
        Ok(cuts.map(|cuts| {
            let in_order: BTreeMap<usize, Vec<Chunk>> = cuts.into_iter().flatten().collect();
            in_order.into_values().collect()
        }))
    }
}

impl Drop for Governor {
    fn drop(&mut self) {
        if let Some(watching) = &self.watching {
            watching.abort();
        }
    }
}

/// What ended the watch, for all who read.
#[derive(Debug, Default)]
struct Failed {
    error: Mutex<Option<EngineError>>,
    told: Notify,
}

impl Failed {
    fn set(&self, error: EngineError) {
        *self.error.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        self.told.notify_waiters();
    }

    async fn get(&self) -> EngineError {
        loop {
            let told = self.told.notified();
            tokio::pin!(told);
            told.as_mut().enable();
            if let Some(error) = &*self.error.lock().unwrap_or_else(PoisonError::into_inner) {
                return error.again();
            }
            told.await;
        }
    }
}

const SLOW: &str = "The source took longer to answer than `governor.latency_ms` allows: fewer chunks \
    were read at once, in smaller batches, until it was quick again.";

/// What the source's answers are held against; none where the plan says nothing of them.
fn limits(wishes: &Wishes, most_workers: usize, most_bytes: usize) -> Option<Limits> {
    let milliseconds = |number: u32| Duration::from_millis(number.into());
    wishes.latency_ms.map(|latency| Limits {
        latency: milliseconds(latency),
        stop: wishes.stop_ms.map(milliseconds),
        most_workers,
        most_bytes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_read_piece_by_piece_waits_while_the_gate_is_closed() {
        let governor = Governor::free(1);
        let gate = Arc::clone(governor.gate());
        let steps = std::sync::atomic::AtomicUsize::new(0);
        let reading = async {
            for _ in 0..3 {
                steps.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                gate.set(0, 1);
                tokio::task::yield_now().await;
            }
            Ok(())
        };
        let stop = Stop::default();
        let spared = governor.spare(&stop, reading);
        tokio::pin!(spared);

        for expected in 1..=3 {
            let waits = timeout(Duration::from_millis(20), &mut spared).await;
            assert!(waits.is_err());
            assert_eq!(steps.load(std::sync::atomic::Ordering::Relaxed), expected);
            gate.set(1, 1);
        }

        assert_eq!(spared.await.expect("no failure"), Some(()));
    }

    #[tokio::test]
    async fn all_who_read_hear_why_nobody_may_go_on() {
        let governor = Governor::free(1);
        let stop = Stop::default();
        let first = governor.spare(&stop, std::future::pending::<Result<()>>());
        let second = governor.spare(&stop, std::future::pending::<Result<()>>());
        governor.failure.set(EngineError::new(ErrorCode::Load045, "reading it"));

        let (first, second) = tokio::join!(first, second);

        for heard in [first, second] {
            assert_eq!(heard.expect_err("it failed").code(), ErrorCode::Load045);
        }
    }

    #[tokio::test]
    async fn whoever_asks_to_stop_does_not_wait_for_the_next_window() {
        let governor = Governor::free(1);
        governor.gate().set(0, 1);
        let stop = Stop::default();
        stop.request();

        let stopped = governor.spare(&stop, async { Ok(()) }).await;

        assert_eq!(stopped.expect("no failure"), None);
    }
}
