//! How many segments have to agree before so many rows can be said to be alike, and which.

use std::collections::BTreeSet;

use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};
use sha2::{Digest as _, Sha256};
use shared::verification::{SampleSize, SampleStatement};

/// Rows in a segment of a sample. Few, so that there are many to draw from.
pub(super) const SEGMENT_ROWS: u64 = 1_000;

/// The segments of a table that are compared, in order; all of them where there are too few to
/// leave any out.
pub(super) fn draw(size: SampleSize, table: &str, segments: usize) -> BTreeSet<usize> {
    let wanted = needed(size, segments as u64);
    let mut seed = Sha256::new();
    seed.update(size.seed.to_le_bytes());
    seed.update(table.as_bytes());
    let mut dice = ChaCha12Rng::from_seed(seed.finalize().into());
    let mut drawn = BTreeSet::new();
    // Floyd's way: every set of this size is as likely as any other.
    let wanted = usize::try_from(wanted).unwrap_or(segments).min(segments);
    for last in segments - wanted..segments {
        let place = below(&mut dice, last + 1);
        drawn.insert(if drawn.contains(&place) { last } else { place });
    }
    drawn
}

/// What can be said once all that were drawn agree.
pub(super) fn statement(size: SampleSize, segments: u64, drawn: u64) -> SampleStatement {
    // The fewest differing segments of which one would have been drawn with that confidence.
    let (mut unseen, mut seen) = (0, segments + 1);
    while seen - unseen > 1 {
        let middle = unseen + (seen - unseen) / 2;
        if missed(segments, middle, drawn) <= 1.0 - size.confidence {
            seen = middle;
        } else {
            unseen = middle;
        }
    }
    SampleStatement { segments, drawn, confidence: size.confidence, may_differ: unseen }
}

/// How many have to be drawn so that no more than the tolerated share can differ unseen.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of a count is a count"
)]
fn needed(size: SampleSize, segments: u64) -> u64 {
    let differing = (size.tolerance * segments as f64).floor() as u64 + 1;
    let (mut few, mut enough) = (0, segments);
    while enough - few > 1 {
        let middle = few + (enough - few) / 2;
        if missed(segments, differing, middle) <= 1.0 - size.confidence {
            enough = middle;
        } else {
            few = middle;
        }
    }
    enough
}

/// How likely it is that none of the differing ones is drawn: (N-K choose n) / (N choose n).
#[expect(clippy::cast_precision_loss, reason = "a probability has no use for more digits")]
fn missed(segments: u64, differing: u64, drawn: u64) -> f64 {
    if differing + drawn > segments {
        return 0.0;
    }
    // As many factors as the smaller of the two: the formula is the same either way.
    let (fewer, more) = (differing.min(drawn), differing.max(drawn));
    (0..fewer).map(|i| (segments - more - i) as f64 / (segments - i) as f64).product()
}

/// A number below the limit, each as likely as any other.
fn below(dice: &mut ChaCha12Rng, limit: usize) -> usize {
    let limit = limit as u64;
    // What remains above the last whole multiple would favour small numbers.
    let fair = u64::MAX - u64::MAX % limit;
    loop {
        let number = dice.next_u64();
        if number < fair {
            return usize::try_from(number % limit).unwrap_or(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: SampleSize = SampleSize { confidence: 0.99, tolerance: 0.01, seed: 7 };

    #[test]
    fn a_large_table_needs_about_as_many_as_the_rule_of_three_says() {
        // ln(0.01) / ln(0.99) is 458.2 for a table without end.
        assert!((450..=459).contains(&needed(SIZE, 100_000)), "{}", needed(SIZE, 100_000));
        assert_eq!(needed(SIZE, 50), 50);
    }

    #[test]
    fn the_statement_is_no_bolder_than_what_was_drawn() {
        let drawn = needed(SIZE, 10_000);
        let said = statement(SIZE, 10_000, drawn);

        assert!(said.may_differ <= 100, "{said:?}");
        assert!(missed(10_000, said.may_differ + 1, drawn) <= 0.01);
        assert!(said.may_differ == 0 || missed(10_000, said.may_differ, drawn) > 0.01);
        assert_eq!(statement(SIZE, 50, 50).may_differ, 0);
    }

    #[test]
    fn a_seed_draws_the_same_again_and_another_draws_others() {
        let first = draw(SIZE, "people", 5_000);
        assert_eq!(first, draw(SIZE, "people", 5_000));
        assert_ne!(first, draw(SampleSize { seed: 8, ..SIZE }, "people", 5_000));
        assert_ne!(first, draw(SIZE, "visits", 5_000));
        assert_eq!(first.len() as u64, needed(SIZE, 5_000));
    }

    /// Every segment has its turn.
    #[test]
    fn no_segment_is_left_out_for_ever() {
        let size = |seed| SampleSize { confidence: 0.5, tolerance: 0.3, seed };
        let seen: BTreeSet<usize> = (0..200).flat_map(|seed| draw(size(seed), "t", 10)).collect();
        assert_eq!(seen.len(), 10);
    }
}
