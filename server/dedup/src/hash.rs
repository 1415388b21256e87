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
pub(crate) type NumberSet<K> = hashbrown::HashSet<K, BuildHasherDefault<Spread>>;

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

    const GARCIA: u64 = 3_527_201_834_411_858_417;
    const GARCIA_LOPEZ: u64 = 14_911_494_829_729_145_143;
}
