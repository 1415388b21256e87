//! Asking a run to stop.

use std::sync::Arc;

use tokio::sync::watch;

/// A request to stop, shared between whoever asks and the run.
#[derive(Debug, Clone)]
pub struct Stop(Arc<watch::Sender<Wish>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Wish {
    GoOn,
    AfterChunks,
    AtOnce,
}

impl Default for Stop {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(Wish::GoOn)))
    }
}

impl Stop {
    /// Asks the run to stop after the chunks that are being copied.
    pub fn request(&self) {
        self.wish(Wish::AfterChunks);
    }

    /// Asks the run to stop now: chunks that are being copied are rolled back.
    pub fn request_at_once(&self) {
        self.wish(Wish::AtOnce);
    }

    pub fn is_requested(&self) -> bool {
        *self.0.borrow() >= Wish::AfterChunks
    }

    /// Comes when the run is to stop, in either way.
    pub async fn requested(&self) {
        self.at_least(Wish::AfterChunks).await;
    }

    /// Comes when the run is to stop now.
    pub async fn requested_at_once(&self) {
        self.at_least(Wish::AtOnce).await;
    }

    /// A wish is only ever made stronger.
    fn wish(&self, wish: Wish) {
        self.0.send_if_modified(|known| {
            let is_stronger = wish > *known;
            if is_stronger {
                *known = wish;
            }
            is_stronger
        });
    }

    async fn at_least(&self, wish: Wish) {
        // The sender lives as long as this value, so that waiting cannot fail.
        let _ = self.0.subscribe().wait_for(|known| *known >= wish).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stop_at_once_is_not_taken_back_by_a_gentler_one() {
        let stop = Stop::default();
        assert!(!stop.is_requested());

        stop.request_at_once();
        stop.request();

        stop.requested_at_once().await;
        assert!(stop.is_requested());
    }
}
