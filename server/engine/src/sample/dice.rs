//! Chance, repeatable: the same seed and purpose give the same throws on every machine.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

/// A source of chance of its own for each purpose, so that a change to one table's making does
/// not shift the others.
pub(super) struct Dice(ChaCha8Rng);

impl Dice {
    pub(super) fn new(seed: u64, purpose: &str) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..16].copy_from_slice(&fingerprint(purpose).to_le_bytes());
        Self(ChaCha8Rng::from_seed(key))
    }

    /// A number from 0 to `limit`, the limit left out.
    pub(super) fn below(&mut self, limit: u32) -> u32 {
        let product = u64::from(self.0.next_u32()) * u64::from(limit);
        u32::try_from(product >> 32).expect("a 32-bit number times a fraction of one")
    }

    /// The same for limits of more than 32 bits.
    pub(super) fn below_long(&mut self, limit: u64) -> u64 {
        let product = u128::from(self.0.next_u64()) * u128::from(limit);
        u64::try_from(product >> 64).expect("a 64-bit number times a fraction of one")
    }

    /// A number from the first to the last, both included.
    pub(super) fn between(&mut self, first: i64, last: i64) -> i64 {
        let width = u128::from((last - first).unsigned_abs()) + 1;
        let step = (u128::from(self.0.next_u64()) * width) >> 64;
        first + i64::try_from(step).expect("no more than the width")
    }

    /// True so many times of a thousand.
    pub(super) fn permille(&mut self, times: u32) -> bool {
        self.below(1000) < times
    }

    /// True so many times of a million.
    pub(super) fn per_million(&mut self, times: u32) -> bool {
        self.below(1_000_000) < times
    }

    /// A place in something of this length.
    pub(super) fn index(&mut self, length: usize) -> usize {
        self.below(u32::try_from(length).expect("no list is longer")) as usize
    }

    pub(super) fn pick<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.index(of.len())]
    }

    pub(super) fn any<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.index(of.len())]
    }

    /// One of the values, each as often as its weight says.
    pub(super) fn weighted<T: Copy>(&mut self, of: &[(u32, T)]) -> T {
        let total = of.iter().map(|(weight, _)| weight).sum();
        let mut left = self.below(total);
        for (weight, value) in of {
            if left < *weight {
                return *value;
            }
            left -= weight;
        }
        unreachable!("the weights add up to the total")
    }

    pub(super) fn shuffle<T>(&mut self, values: &mut [T]) {
        for last in (1..values.len()).rev() {
            values.swap(last, self.index(last + 1));
        }
    }

    /// A UUID of version 4 in all but its origin.
    pub(super) fn uuid(&mut self) -> [u8; 16] {
        let mut bytes = [0; 16];
        self.0.fill_bytes(&mut bytes);
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        bytes
    }

    /// So many different places below the limit, in order.
    pub(super) fn places(&mut self, wanted: u32, limit: u64) -> std::collections::BTreeSet<u64> {
        let mut places = std::collections::BTreeSet::new();
        let wanted = u64::from(wanted).min(limit);
        let last = i64::try_from(limit).expect("a count of rows").saturating_sub(1);
        while (places.len() as u64) < wanted {
            places.insert(self.between(0, last).unsigned_abs());
        }
        places
    }
}

/// FNV-1a, 64 bits.
fn fingerprint(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::Dice;

    #[test]
    fn the_same_seed_and_purpose_give_the_same_throws() {
        let throws = |seed, purpose| {
            let mut dice = Dice::new(seed, purpose);
            (0..8).map(|_| dice.below(1000)).collect::<Vec<_>>()
        };

        assert_eq!(throws(1, "a"), throws(1, "a"));
        assert_ne!(throws(1, "a"), throws(2, "a"));
        assert_ne!(throws(1, "a"), throws(1, "b"));
        // Other versions of this program must make the same database from the same seed.
        assert_eq!(throws(1, "a"), [790, 924, 42, 77, 95, 972, 42, 852]);
    }
}
