//! How long a run tries again, and how long it waits in between.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use shared::run::Retry;
use tokio::time::Instant;

use crate::error::{Directive, EngineError};

const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// The patience of a run: shared by everybody who works on it, and whole again whenever
/// something goes well.
#[derive(Debug)]
pub(super) struct Patience {
    limit: Duration,
    /// Since when nothing went well; none while all is well.
    since: Mutex<Option<Instant>>,
}

/// What one worker tries again, until it goes well.
#[derive(Debug)]
pub(super) struct Tries {
    pauses: ExponentialBackoff,
    count: u32,
}

/// What a worker does next about a failure.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Next {
    Again { pause: Duration, retry: Retry },
    GiveUp,
}

impl Patience {
    pub(super) fn of_seconds(seconds: u32) -> Self {
        Self { limit: Duration::from_secs(seconds.into()), since: Mutex::new(None) }
    }

    /// Something went well.
    pub(super) fn renew(&self) {
        *self.since.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// What is to be done about a failure, given what was tried before.
    pub(super) fn next(&self, error: &EngineError, tries: &mut Tries) -> Next {
        let waited = {
            let mut since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
            if since.is_none() {
                *tries = Tries::new();
            }
            since.get_or_insert_with(Instant::now).elapsed()
        };
        tries.count += 1;
        let pause = tries.pauses.next().unwrap_or(LONGEST_PAUSE);
        let left = self.limit.saturating_sub(waited);
        decide(error, tries.count, pause, left)
    }
}

impl Tries {
    pub(super) fn new() -> Self {
        let pauses = ExponentialBuilder::new()
            .with_min_delay(FIRST_PAUSE)
            .with_max_delay(LONGEST_PAUSE)
            .with_factor(2.0)
            // Workers that lost one server do not all come back in the same instant.
            .with_jitter()
            .without_max_times()
            .build();
        Self { pauses, count: 0 }
    }

    pub(super) const fn count(&self) -> u32 {
        self.count
    }
}

fn decide(error: &EngineError, tries: u32, pause: Duration, left: Duration) -> Next {
    if error.directive() == Directive::Stop || left.is_zero() {
        return Next::GiveUp;
    }
    let pause = pause.min(left);
    Next::Again {
        pause,
        retry: Retry {
            code: error.code(),
            message: error.to_string(),
            tries,
            after_seconds: pause.as_secs_f64(),
            patience_seconds: left.as_secs_f64(),
        },
    }
}

#[cfg(test)]
mod tests {
    use shared::error_code::ErrorCode;

    use super::*;

    fn lost() -> EngineError {
        EngineError::new(ErrorCode::Conn005, "copying")
    }

    #[test]
    fn what_somebody_has_to_mend_is_not_tried_again() {
        let full = EngineError::new(ErrorCode::Load003, "copying");
        let patience = Patience::of_seconds(300);

        assert_eq!(patience.next(&full, &mut Tries::new()), Next::GiveUp);
        assert!(matches!(patience.next(&lost(), &mut Tries::new()), Next::Again { .. }));
    }

    #[test]
    fn a_run_without_patience_gives_up_at_once() {
        assert_eq!(Patience::of_seconds(0).next(&lost(), &mut Tries::new()), Next::GiveUp);
    }

    #[test]
    fn pauses_grow_differ_and_stay_within_bounds() {
        let pauses = || {
            let patience = Patience::of_seconds(3_600);
            let mut tries = Tries::new();
            (0..12)
                .map(|_| match patience.next(&lost(), &mut tries) {
                    Next::Again { pause, .. } => pause,
                    Next::GiveUp => panic!("it gave up"),
                })
                .collect::<Vec<_>>()
        };

        let (left, right) = (pauses(), pauses());

        assert!(left[0] >= FIRST_PAUSE && left[0] <= FIRST_PAUSE * 2);
        assert!(left.iter().all(|pause| *pause <= LONGEST_PAUSE * 2));
        assert!(left[11] > left[0]);
        assert_ne!(left, right, "two workers wait alike");
    }

    #[test]
    fn patience_ends_and_is_whole_again_when_something_goes_well() {
        let pause = Duration::from_secs(1);
        assert_eq!(decide(&lost(), 3, pause, Duration::ZERO), Next::GiveUp);
        let Next::Again { pause, retry } = decide(&lost(), 3, pause, Duration::from_millis(500))
        else {
            panic!("it gave up");
        };
        assert_eq!((pause.as_millis(), retry.tries, retry.code), (500, 3, ErrorCode::Conn005));
        let patience = Patience::of_seconds(300);
        patience.next(&lost(), &mut Tries::new());
        assert!(patience.since.lock().unwrap().is_some());

        patience.renew();

        assert!(patience.since.lock().unwrap().is_none());
    }
}
