//! Time and fresh ids, as arguments.

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// Where time and fresh ids come from.
pub trait Clock: Send + Sync {
    fn now(&self) -> DateTime<Utc>;
    fn fresh_id(&self) -> Uuid;
}

/// The machine's own.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the machine")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that asks the machine")]
    fn fresh_id(&self) -> Uuid {
        Uuid::new_v4()
    }
}

/// A clock that stands still until it is told, for tests and for replays.
#[derive(Debug)]
pub struct FixedClock {
    pub at: DateTime<Utc>,
    next_id: std::sync::atomic::AtomicU64,
}

impl FixedClock {
    pub const fn at(at: DateTime<Utc>) -> Self {
        Self { at, next_id: std::sync::atomic::AtomicU64::new(1) }
    }
}

impl Clock for FixedClock {
    fn now(&self) -> DateTime<Utc> {
        self.at
    }

    fn fresh_id(&self) -> Uuid {
        let number = self.next_id.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Uuid::from_u128(u128::from(number))
    }
}
