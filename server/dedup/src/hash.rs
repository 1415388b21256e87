//! A hash of content that is the same on every machine and in every version.
//!
//! Saved models and block keys refer to values by it, so that neither the order of the input
//! nor the layout of memory shows in a result. It is not cryptographic.

use std::hash::{BuildHasherDefault, Hasher};

const SEED: u64 = 0x9e37_79b9_7f4a_7c15;
const STEP: u64 = 0xd6e8_feb8_6659_fd93;

/// The hash of a text.
pub(crate) fn of(text: &str) -> u64 {
    let bytes = text.as_bytes();
    let mut state = SEED ^ crate::number::wide(bytes.len());
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        state = mix(state, u64::from_le_bytes(*word));
    }
    if !rest.is_empty() {
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        state = mix(state, u64::from_le_bytes(last));
    }
    mix(state, STEP)
}

/// Folds a further part into a hash.
#[expect(clippy::cast_possible_truncation, reason = "both halves of the product are used")]
pub(crate) fn mix(state: u64, part: u64) -> u64 {
    let product = u128::from(state ^ part.rotate_left(32) ^ STEP)
        * u128::from(part ^ SEED ^ state.rotate_left(17) | 1);
    (product as u64) ^ ((product >> 64) as u64)
}

/// The upper half, for where four bytes must do.
pub(crate) const fn upper(hash: u64) -> u32 {
    (hash >> 32) as u32
}

/// A map by numbers, which a multiplication spreads.
pub(crate) type NumberMap<K, V> = hashbrown::HashMap<K, V, BuildHasherDefault<Spread>>;

/// The entries whose first number another one has, in the order of these numbers, and few others:
/// most records are alone with theirs, and are not worth sorting. The numbers are hashes.
pub(crate) fn perhaps_shared(entries: &[&[(u64, u32)]]) -> Vec<(u64, u32)> {
    let count: usize = entries.iter().map(|some| some.len()).sum();
    let words = (count / 8).next_power_of_two();
    let (mut once, mut twice) = (vec![0_u64; words], vec![0_u64; words]);
    let place = |number: u64| ((number >> 6) as usize & (words - 1), 1_u64 << (number & 63));
    for (number, _) in entries.iter().copied().flatten() {
        let (word, bit) = place(*number);
        twice[word] |= once[word] & bit;
        once[word] |= bit;
    }
    let is_shared = |number: u64| {
        let (word, bit) = place(number);
        twice[word] & bit != 0
    };
    let mut shared: Vec<(u64, u32)> = entries
        .iter()
        .copied()
        .flatten()
        .copied()
        .filter(|(number, _)| is_shared(*number))
        .collect();
    shared.sort_unstable_by_key(|(number, _)| *number);
    shared
}

/// Tells of most numbers that they are not among some thousand, in the memory of a small cache.
#[derive(Debug)]
pub(crate) struct Sieve(Vec<u64>);

impl Sieve {
    const WORDS: usize = 1 << 12;

    pub(crate) fn of(numbers: impl Iterator<Item = u32>) -> Self {
        let mut words = vec![0; Self::WORDS];
        for number in numbers {
            let (word, bit) = Self::place(number);
            words[word] |= bit;
        }
        Self(words)
    }

    /// Whether a number may be among them. Never false for one that is.
    pub(crate) fn may_hold(&self, number: u32) -> bool {
        let (word, bit) = Self::place(number);
        self.0[word] & bit != 0
    }

    const fn place(number: u32) -> (usize, u64) {
        ((number >> 6) as usize % Self::WORDS, 1 << (number & 63))
    }
}

#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(u64::from(number));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = mix(self.0, number);
    }

    fn write_usize(&mut self, number: usize) {
        self.write_u64(crate::number::wide(number));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_never_changes_between_versions() {
        assert_eq!(of(""), of(""));
        assert_eq!((of("garcia"), of("garcia lopez")), (GARCIA, GARCIA_LOPEZ));
    }

    #[test]
    fn small_differences_change_half_of_the_bits() {
        let near = [("smith", "smitt"), ("19800101", "19800102"), ("a", "b"), ("", "a")];
        for (left, right) in near {
            let changed = (of(left) ^ of(right)).count_ones();
            assert!((16..=48).contains(&changed), "{left} {right}: {changed}");
        }
    }

    #[test]
    fn entries_that_share_a_number_stay_and_most_others_go() {
        let entries: Vec<(u64, u32)> =
            (0..1000).map(|record| (mix(7, u64::from(record / 2 * 2).min(500)), record)).collect();
        let (one, other) = entries.split_at(333);
        let alone: Vec<(u64, u32)> =
            (1000..9000).map(|record| (mix(8, record.into()), record)).collect();

        let shared = perhaps_shared(&[one, other, &alone]);

        assert!(shared.is_sorted_by_key(|(number, _)| *number));
        let mut kept: Vec<u32> = shared.iter().map(|(_, record)| *record).collect();
        kept.sort_unstable();
        assert!((0..1000).eq(kept.iter().copied().take(1000)));
        assert!(kept.len() < 2000, "{}", kept.len());
    }

    #[test]
    fn a_sieve_holds_what_was_put_in_and_little_else() {
        let sieve = Sieve::of((0..20_000).map(|number| number * 13));
        assert!((0..20_000).all(|number| sieve.may_hold(number * 13)));
        let others = (300_000..400_000).filter(|number| sieve.may_hold(*number)).count();
        assert!(others < 10_000, "{others}");
    }

    const GARCIA: u64 = 3_527_201_834_411_858_417;
    const GARCIA_LOPEZ: u64 = 14_911_494_829_729_145_143;
}
