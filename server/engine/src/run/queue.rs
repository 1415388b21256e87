//! Chunks that may be copied side by side, by workers here and elsewhere.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::Stop;
use super::copy::Job;

pub(super) struct Queue {
    state: Mutex<State>,
    changed: Notify,
    halt: Stop,
}

struct State {
    jobs: VecDeque<Job>,
    /// Jobs that somebody is at, and that may come back.
    out: usize,
}

impl Queue {
    pub(super) fn new(jobs: VecDeque<Job>) -> Self {
        let state = Mutex::new(State { jobs, out: 0 });
        Self { state, changed: Notify::new(), halt: Stop::default() }
    }

    /// The next chunk. Waits while none is left and one may come back; none when all are copied,
    /// or when nobody is to begin another one.
    pub(super) async fn take(&self, stop: &Stop) -> Option<Job> {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if stop.is_requested() || self.halt.is_requested() {
                return None;
            }
            {
                let mut state = self.lock();
                if let Some(job) = state.jobs.pop_front() {
                    state.out += 1;
                    return Some(job);
                }
                if state.out == 0 {
                    return None;
                }
            }
            tokio::select! {
                () = changed => {}
                () = stop.requested() => {}
            }
        }
    }

    /// A chunk that was taken is committed.
    pub(super) fn done(&self) {
        self.lock().out -= 1;
        self.changed.notify_waiters();
    }

    /// A chunk that was taken is for somebody else.
    pub(super) fn put_back(&self, job: Job) {
        {
            let mut state = self.lock();
            state.jobs.push_front(job);
            state.out -= 1;
        }
        self.changed.notify_waiters();
    }

    /// Nobody is to begin another chunk.
    pub(super) fn halt(&self) {
        self.halt.request();
        self.changed.notify_waiters();
    }

    pub(super) const fn halted(&self) -> &Stop {
        &self.halt
    }

    /// Comes when no chunk is left, or nobody is to begin another one.
    pub(super) async fn ended(&self) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if self.halt.is_requested() || self.is_done() {
                return;
            }
            changed.await;
        }
    }

    pub(super) fn is_done(&self) -> bool {
        let state = self.lock();
        state.jobs.is_empty() && state.out == 0
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
