//! How much of the memory for rows under way one worker may take.

/// How many batches wait between reading and writing.
pub(super) const BATCHES_AHEAD: usize = 1;

/// Batches that are held of one chunk: one is read, some wait, one is turned into what is written.
const BATCHES_A_WORKER: usize = 1 + BATCHES_AHEAD + 2;

/// A batch that is more than so many times what it was to be has rows larger than a batch.
pub(super) const USUAL: usize = 2;

/// Bytes of rows that all workers of a process hold together, also where single rows are larger than
/// a batch: those wait until there is room for them, and one that is larger than all of it goes alone.
pub(super) const BYTES_UNDER_WAY: usize = 40 << 20;

/// Bytes of one batch: as many as the plan says, and no more than the worker's share.
pub(super) fn batch_bytes(planned: u64, workers: usize) -> usize {
    let share = BYTES_UNDER_WAY / (workers.max(1) * BATCHES_A_WORKER);
    usize::try_from(planned).unwrap_or(usize::MAX).min(share.max(1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn two_workers_have_the_batches_that_a_plan_has_by_itself() {
        let planned = shared::plan::Options::default().batch_bytes;

        assert_eq!(batch_bytes(planned, 2), 4 << 20);
        assert!(batch_bytes(planned, 4) < 4 << 20);
    }

    proptest! {
        #[test]
        fn all_workers_together_hold_no_more_than_there_is(
            planned in 1_u64..1 << 40,
            workers in 1_usize..1_000,
        ) {
            let each = batch_bytes(planned, workers);

            prop_assert!(each >= 1);
            prop_assert!(each as u64 <= planned);
            prop_assert!(each * BATCHES_A_WORKER * workers <= BYTES_UNDER_WAY);
        }
    }
}
