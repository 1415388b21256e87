use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use engine::clock::{Clock, SystemClock};
use uuid::Uuid;

/// The machine's clock, which a test can put forward.
#[derive(Debug, Default)]
pub(crate) struct TestClock {
    ahead_seconds: AtomicI64,
}

impl TestClock {
    pub(crate) fn advance(&self, by: TimeDelta) {
        self.ahead_seconds.fetch_add(by.num_seconds(), Ordering::Relaxed);
    }
}

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        SystemClock.now() + TimeDelta::seconds(self.ahead_seconds.load(Ordering::Relaxed))
    }

    fn fresh_id(&self) -> Uuid {
        SystemClock.fresh_id()
    }
}
