//! How much of a source is used at once: a little more while it is quick, half as much as soon as it
//! is slow. Additive increase and multiplicative decrease find the most that a source bears, and
//! leave it to whoever comes.

use std::time::Duration;

/// Smaller batches would cost more than they spare.
const LEAST_BYTES: usize = 256 << 10;
const MORE_BYTES: usize = 256 << 10;
/// Quick answers in a row after which more is asked.
const CALM: u32 = 3;
/// Answers in a row that are far too slow, after which the run stops.
const STRAINED: u32 = 3;

/// What a source may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limits {
    /// How long it may take to answer.
    pub(super) latency: Duration,
    /// How long is far too long.
    pub(super) stop: Option<Duration>,
    pub(super) most_workers: usize,
    pub(super) most_bytes: usize,
}

/// How much it is used for at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pace {
    workers: usize,
    batch_bytes: usize,
    calm: u32,
    strained: u32,
}

impl Pace {
    /// A run begins gently: what the source bears is not known yet.
    pub(super) fn first(limits: Limits) -> Self {
        Self {
            workers: limits.most_workers.min(1),
            batch_bytes: limits.most_bytes.min(LEAST_BYTES),
            calm: 0,
            strained: 0,
        }
    }

    pub(super) const fn workers(&self) -> usize {
        self.workers
    }

    pub(super) const fn batch_bytes(&self) -> usize {
        self.batch_bytes
    }

    /// The source was far too slow, again and again.
    pub(super) const fn is_strained(&self) -> bool {
        self.strained >= STRAINED
    }

    /// Follows an answer.
    pub(super) fn follow(&mut self, latency: Duration, limits: Limits) {
        let is_far_too_slow = limits.stop.is_some_and(|stop| latency > stop);
        self.strained = if is_far_too_slow { self.strained.saturating_add(1) } else { 0 };
        if latency > limits.latency {
            self.calm = 0;
            self.workers = (self.workers / 2).max(1).min(limits.most_workers);
            let least = LEAST_BYTES.min(limits.most_bytes);
            self.batch_bytes = (self.batch_bytes / 2).max(least);
            return;
        }
        self.calm += 1;
        if self.calm >= CALM {
            self.calm = 0;
            self.workers = (self.workers + 1).min(limits.most_workers);
            self.batch_bytes = (self.batch_bytes + MORE_BYTES).min(limits.most_bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn limits(most_workers: usize, most_bytes: usize) -> Limits {
        Limits {
            latency: Duration::from_millis(100),
            stop: Some(Duration::from_secs(1)),
            most_workers,
            most_bytes,
        }
    }

    const QUICK: Duration = Duration::from_millis(99);
    const SLOW: Duration = Duration::from_millis(101);
    const FAR_TOO_SLOW: Duration = Duration::from_millis(1001);

    proptest! {
        #[test]
        fn whatever_the_source_answers_the_limits_hold(
            answers in proptest::collection::vec(0_u64..3_000, 0..200),
            most_workers in 1_usize..20,
            most_bytes in 1_usize..(16 << 20),
        ) {
            let limits = limits(most_workers, most_bytes);
            let mut pace = Pace::first(limits);
            for answer in answers {
                let before = pace;
                let latency = Duration::from_millis(answer);
                pace.follow(latency, limits);
                prop_assert!((1..=most_workers).contains(&pace.workers));
                prop_assert!(pace.batch_bytes >= most_bytes.min(LEAST_BYTES));
                prop_assert!(pace.batch_bytes <= most_bytes);
                if latency > limits.latency {
                    prop_assert!(pace.workers <= before.workers.div_ceil(2));
                    prop_assert!(pace.batch_bytes <= before.batch_bytes);
                } else {
                    prop_assert!(pace.workers <= before.workers + 1);
                    prop_assert!(pace.workers >= before.workers);
                    prop_assert!(pace.batch_bytes <= before.batch_bytes + MORE_BYTES);
                }
            }
        }

        #[test]
        fn a_quick_source_is_used_in_full_sooner_or_later(
            answers in proptest::collection::vec(0_u64..3_000, 0..50),
            most_workers in 1_usize..20,
        ) {
            let limits = limits(most_workers, 4 << 20);
            let mut pace = Pace::first(limits);
            for answer in answers {
                pace.follow(Duration::from_millis(answer), limits);
            }
            for _ in 0..CALM * 20 {
                pace.follow(QUICK, limits);
            }
            prop_assert_eq!((pace.workers, pace.batch_bytes), (most_workers, 4 << 20));
        }

        #[test]
        fn a_slow_source_is_used_by_one_after_a_few_answers(most_workers in 1_usize..64) {
            let limits = limits(most_workers, 4 << 20);
            let mut pace = Pace::first(limits);
            for _ in 0..CALM * 64 {
                pace.follow(QUICK, limits);
            }
            for _ in 0..6 {
                pace.follow(SLOW, limits);
            }
            prop_assert_eq!((pace.workers, pace.batch_bytes), (1, LEAST_BYTES));
            prop_assert!(!pace.is_strained());
        }
    }

    #[test]
    fn one_answer_that_is_far_too_slow_stops_nothing_and_three_in_a_row_do() {
        let limits = limits(4, 1 << 20);
        let mut pace = Pace::first(limits);
        for answer in [FAR_TOO_SLOW, FAR_TOO_SLOW, SLOW, FAR_TOO_SLOW, FAR_TOO_SLOW] {
            pace.follow(answer, limits);
            assert!(!pace.is_strained());
        }
        pace.follow(FAR_TOO_SLOW, limits);

        assert!(pace.is_strained());
    }
}
