//! PostgreSQL's own hash of a text, computed here: what is hashed in the database and what is
//! hashed in this process can be compared.

/// What `hashtextextended(text, seed)` gives for a text of these bytes.
///
/// Bob Jenkins' lookup3 as PostgreSQL has it since version 11. Hash partitions rest on it, so that
/// it stays as it is.
pub(super) fn hash(bytes: &[u8], seed: u64) -> u64 {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let start = 0x9e37_79b9_u32.wrapping_add(length).wrapping_add(3_923_095);
    let mut state = State(start, start, start);
    if seed != 0 {
        let half = |bits: u64| u32::try_from(bits & 0xffff_ffff).unwrap_or(0);
        state.add(half(seed >> 32), half(seed), 0);
        state.mix();
    }
    let (blocks, rest) = bytes.as_chunks::<12>();
    for block in blocks {
        state.add(word(&block[..4]), word(&block[4..8]), word(&block[8..]));
        state.mix();
    }
    // The lowest byte of the third word is kept for the length.
    let part = |from: usize| rest.get(from..).unwrap_or_default();
    let last = part(8).iter().rev().fold(0_u32, |sum, byte| (sum | u32::from(*byte)) << 8);
    state.add(word(rest), word(part(4)), last);
    state.finish();
    u64::from(state.1) << 32 | u64::from(state.2)
}

struct State(u32, u32, u32);

impl State {
    fn add(&mut self, a: u32, b: u32, c: u32) {
        self.0 = self.0.wrapping_add(a);
        self.1 = self.1.wrapping_add(b);
        self.2 = self.2.wrapping_add(c);
    }

    fn mix(&mut self) {
        let Self(mut x, mut y, mut z) = *self;
        for by in [4, 6, 8, 16, 19, 4] {
            x = x.wrapping_sub(z) ^ z.rotate_left(by);
            z = z.wrapping_add(y);
            (x, y, z) = (y, z, x);
        }
        *self = Self(x, y, z);
    }

    fn finish(&mut self) {
        let Self(mut z, mut y, mut x) = *self;
        for by in [14, 11, 25, 16, 4, 14, 24] {
            x = (x ^ y).wrapping_sub(y.rotate_left(by));
            (x, y, z) = (z, x, y);
        }
        // Seven turns end one place after where they began.
        *self = Self(x, z, y);
    }
}

/// Up to four bytes, the first one lowest.
fn word(bytes: &[u8]) -> u32 {
    bytes.iter().take(4).rev().fold(0, |sum, byte| sum << 8 | u32::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As a server answers to `select hashtextextended(…, …)`.
    #[test]
    fn a_text_has_the_hash_that_postgresql_gives_it() {
        for (text, seed, expected) in KNOWN {
            assert_eq!(hash(text.as_bytes(), *seed).cast_signed(), *expected, "{text:?} {seed}");
        }
    }

    const KNOWN: &[(&str, u64, i64)] = &[
        ("", 0, -6_939_563_903_564_495_251),
        ("a", 0, 3_591_986_179_850_072_241),
        ("abcd", 0, -1_038_429_303_365_892_052),
        ("abcdefgh", 0, -8_882_191_227_074_733_005),
        ("abcdefghijk", 0, 3_112_909_444_737_856_467),
        ("abcdefghijkl", 0, -7_556_637_188_122_330_412),
        ("the quick brown fox jumps over", 0, 3_328_224_497_627_452_227),
        ("12|5:été|", 0, 5_783_706_752_260_198_002),
        ("", 1, -150_071_773_020_461_347),
        ("abcdefghijkl", 1, -6_429_754_808_531_195_817),
        ("12|5:été|", 1, -5_306_881_338_333_960_148),
    ];
}
