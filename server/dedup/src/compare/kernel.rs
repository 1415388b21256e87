//! How far two texts are from each other. Exact answers of Jaro-Winkler and of the optimal string
//! alignment, in registers for texts of up to 64 bytes.

use crate::number::size;
use crate::people::letter;

/// Jaro-Winkler similarity of two texts, from 0 to 1, where it is at least `floor`, and 0 mostly
/// where it is not: what the letters alone rule out is not computed.
pub fn jaro_winkler_from(left: &[u8], right: &[u8], floor: f64) -> f64 {
    if left == right {
        return 1.0;
    }
    if !left.is_ascii() || !right.is_ascii() || left.len().max(right.len()) > 64 {
        let [left, right] = [left, right].map(|text| std::str::from_utf8(text).unwrap_or_default());
        return strsim::jaro_winkler(left, right);
    }
    let letters =
        |text: &[u8]| text.iter().fold(0, |letters, byte| letters | LETTERS[*byte as usize]);
    if !is_possible(left, letters(left), right, letters(right), floor) {
        0.0
    } else if left.len().max(right.len()) <= 16 {
        similarity::<2>(left, right)
    } else {
        similarity::<8>(left, right)
    }
}

const LETTERS: [u32; 256] = {
    let mut letters = [0; 256];
    let mut byte: u8 = 255;
    loop {
        letters[byte as usize] = letter(byte);
        if byte == 0 {
            break letters;
        }
        byte -= 1;
    }
};

/// Jaro-Winkler similarity of ASCII texts of at most 16 bytes.
pub fn short_similarity(left: &[u8], right: &[u8]) -> f64 {
    similarity::<2>(left, right)
}

/// Whether two texts can be as similar as `floor`, by the letters that occur in them. A letter
/// that the other lacks matches nothing, which bounds the matches and thereby the similarity.
pub fn is_possible(left: &[u8], letters: u32, right: &[u8], others: u32, floor: f64) -> bool {
    let bound = |text: &[u8], extra: u32| text.len().saturating_sub(extra.count_ones() as usize);
    let matches = bound(left, letters & !others).min(bound(right, others & !letters));
    if matches == 0 {
        return false;
    }
    let most = size(matches);
    let jaro = (most / size(left.len()) + most / size(right.len()) + 1.0) / 3.0;
    boosted(jaro, left, right) >= floor
}

/// Whether one insertion, deletion, substitution or swap of neighbours makes one text of the other.
pub fn is_one_edit(left: &[u8], right: &[u8]) -> bool {
    if left.len().abs_diff(right.len()) > 1 {
        return false;
    }
    let same = |(a, b): &(&u8, &u8)| a == b;
    let before = left.iter().zip(right).take_while(same).count();
    let (left, right) = (&left[before..], &right[before..]);
    let behind = left.iter().rev().zip(right.iter().rev()).take_while(same).count();
    match (&left[..left.len() - behind], &right[..right.len() - behind]) {
        ([_], [_] | []) | ([], [_]) => true,
        ([a, b], [c, d]) => a == d && b == c,
        _ => false,
    }
}

/// Insertions, deletions, substitutions and swaps of neighbours that make one text of the other.
pub fn edits(left: &[u8], right: &[u8]) -> usize {
    match (left.len(), right.len()) {
        (0, other) | (other, 0) => other,
        (..=16, _) => alignment::<2>(left, right),
        (..=64, _) => alignment::<8>(left, right),
        (_, ..=64) => alignment::<8>(right, left),
        _ => strsim::generic_damerau_levenshtein(left, right),
    }
}

fn boosted(jaro: f64, left: &[u8], right: &[u8]) -> f64 {
    if jaro <= 0.7 {
        return jaro;
    }
    let prefix = left.iter().zip(right).take(4).take_while(|(a, b)| a == b).count();
    (0.1 * size(prefix)).mul_add(1.0 - jaro, jaro)
}

fn similarity<const N: usize>(left: &[u8], right: &[u8]) -> f64 {
    if left.is_empty() || right.is_empty() {
        return if left.len() == right.len() { 1.0 } else { 0.0 };
    }
    let reach = (left.len().max(right.len()) / 2).saturating_sub(1);
    let words = packed::<N>(right);
    let (mut used, mut taken) = (0_u64, 0_u64);
    for (at, byte) in left.iter().enumerate() {
        let window = below(at + reach + 1) & !below(at.saturating_sub(reach));
        let free = positions(&words, *byte) & window & !used;
        if free != 0 {
            used |= free & free.wrapping_neg();
            taken |= 1 << at;
        }
    }
    let matches = used.count_ones();
    if matches == 0 {
        return 0.0;
    }
    let mut moved = 0_u32;
    let (mut of_left, mut of_right) = (taken, used);
    while of_left != 0 {
        let (a, b) = (of_left.trailing_zeros() as usize, of_right.trailing_zeros() as usize);
        moved += u32::from(left[a] != right[b]);
        of_left &= of_left - 1;
        of_right &= of_right - 1;
    }
    let matches = f64::from(matches);
    let jaro = (matches / size(left.len())
        + matches / size(right.len())
        + (matches - f64::from(moved / 2)) / matches)
        / 3.0;
    boosted(jaro, left, right)
}

/// Hyyrö's bit-parallel alignment; `pattern` has at most `8 * N` bytes.
fn alignment<const N: usize>(pattern: &[u8], text: &[u8]) -> usize {
    let words = packed::<N>(pattern);
    let last = 1_u64 << (pattern.len() - 1);
    let (mut plus, mut minus, mut diagonal, mut previous) = (u64::MAX, 0_u64, 0_u64, 0_u64);
    let mut distance = pattern.len();
    for byte in text {
        let here = positions(&words, *byte);
        let swapped = ((!diagonal & here) << 1) & previous;
        diagonal = ((here & plus).wrapping_add(plus) ^ plus) | here | minus | swapped;
        let mut right = minus | !(diagonal | plus);
        let mut left = diagonal & plus;
        distance += usize::from(right & last != 0);
        distance -= usize::from(left & last != 0);
        right = right << 1 | 1;
        left <<= 1;
        plus = left | !(diagonal | right);
        minus = right & diagonal;
        previous = here;
    }
    distance
}

fn packed<const N: usize>(bytes: &[u8]) -> [u64; N] {
    let mut words = [0; N];
    for (word, chunk) in words.iter_mut().zip(bytes.chunks(8)) {
        let mut held = [0; 8];
        held[..chunk.len()].copy_from_slice(chunk);
        *word = u64::from_le_bytes(held);
    }
    words
}

/// A bit for each place at which a byte stands. Zero bytes fill the end and equal no letter.
fn positions<const N: usize>(words: &[u64; N], byte: u8) -> u64 {
    const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    const GATHER: u64 = 0x0102_0408_1020_4080;
    let wanted = u64::from_le_bytes([byte; 8]);
    let mut found = 0;
    for (at, word) in words.iter().enumerate() {
        let differs = word ^ wanted;
        let equal = !(((differs & LOW) + LOW) | differs | LOW);
        found |= ((equal >> 7).wrapping_mul(GATHER) >> 56) << (8 * at);
    }
    found
}

const fn below(bit: usize) -> u64 {
    if bit >= 64 { u64::MAX } else { (1 << bit) - 1 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn word() -> impl Strategy<Value = String> {
        prop_oneof!["[a-e]{0,8}", "[a-z]{0,16}", "[a-f ]{0,30}", "[a-c]{0,64}", "[a-zäö]{0,9}"]
    }

    proptest! {
        #[test]
        fn jaro_winkler_is_what_it_is_elsewhere(left in word(), right in word()) {
            let of = |left: &str, right: &str| jaro_winkler_from(left.as_bytes(), right.as_bytes(), 0.0);
            let ours = of(&left, &right);
            prop_assert!((ours - strsim::jaro_winkler(&left, &right)).abs() < 1e-9);
            prop_assert!((ours - of(&right, &left)).abs() < 1e-9);
        }

        #[test]
        fn the_letters_alone_never_rule_out_what_is_similar(left in word(), right in word()) {
            for floor in [0.7, 0.8, 0.88, 0.92] {
                let exact = strsim::jaro_winkler(&left, &right);
                let quick = jaro_winkler_from(left.as_bytes(), right.as_bytes(), floor);
                prop_assert!(exact < floor || (quick - exact).abs() < 1e-12);
            }
        }

        #[test]
        fn edits_are_what_they_are_elsewhere(left in "[a-d]{0,20}", right in "[a-d]{0,20}") {
            prop_assert_eq!(edits(left.as_bytes(), right.as_bytes()), strsim::osa_distance(&left, &right));
        }

        #[test]
        fn one_edit_is_what_makes_a_distance_of_one(left in "[a-c]{0,5}", right in "[a-c]{0,5}") {
            let is_one = is_one_edit(left.as_bytes(), right.as_bytes());
            prop_assert_eq!(is_one, strsim::osa_distance(&left, &right) == 1);
        }

        #[test]
        fn edits_of_numbers_are_what_they_are_elsewhere(left in "[0-9]{7,10}", right in "[0-9]{7,10}") {
            prop_assert_eq!(edits(left.as_bytes(), right.as_bytes()), strsim::osa_distance(&left, &right));
        }
    }
}
