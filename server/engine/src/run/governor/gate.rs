//! Lets so many chunks be copied at once, and no more.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

#[derive(Debug)]
pub(crate) struct Gate {
    state: Mutex<State>,
    changed: Notify,
    batch_bytes: AtomicUsize,
}

#[derive(Debug)]
struct State {
    most: usize,
    inside: usize,
}

/// The right to read one piece, until it is dropped.
#[derive(Debug)]
pub(crate) struct Slot(Arc<Gate>);

impl Gate {
    pub(crate) fn of(most: usize, batch_bytes: usize) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State { most, inside: 0 }),
            changed: Notify::new(),
            batch_bytes: AtomicUsize::new(batch_bytes),
        })
    }

    /// From now on. Whoever is inside stays until the chunk is done.
    pub(super) fn set(&self, most: usize, batch_bytes: usize) {
        self.batch_bytes.store(batch_bytes, Ordering::Relaxed);
        self.lock().most = most;
        self.changed.notify_waiters();
    }

    /// Bytes that are held of one chunk at a time.
    pub(crate) fn batch_bytes(&self) -> usize {
        self.batch_bytes.load(Ordering::Relaxed)
    }

    /// Waits until there is room.
    pub(crate) async fn enter(self: &Arc<Self>) -> Slot {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            {
                let mut state = self.lock();
                if state.inside < state.most {
                    state.inside += 1;
                    return Slot(Arc::clone(self));
                }
            }
            changed.await;
        }
    }

    /// Comes when nobody is let in, not even those inside.
    pub(super) async fn closed(&self) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if self.lock().most == 0 {
                return;
            }
            changed.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.lock().inside -= 1;
        self.0.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn as_many_are_inside_as_the_gate_lets_in() {
        let gate = Gate::of(2, 10);
        let first = gate.enter().await;
        let second = gate.enter().await;
        assert!(gate.enter().now_or_never().is_none());

        gate.set(1, 5);
        drop(first);
        assert!(gate.enter().now_or_never().is_none());
        drop(second);

        let third = gate.enter().now_or_never();
        assert!(third.is_some());
        assert!(gate.enter().now_or_never().is_none());
        assert_eq!(gate.batch_bytes(), 5);
    }

    #[tokio::test]
    async fn whoever_waits_goes_in_when_the_gate_opens() {
        let gate = Gate::of(0, 10);
        let waiting = tokio::spawn({
            let gate = Arc::clone(&gate);
            async move { drop(gate.enter().await) }
        });
        tokio::task::yield_now().await;

        gate.set(1, 10);

        waiting.await.expect("no panic");
    }
}
