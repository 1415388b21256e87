//! Conversions between counts and measures, in one place with their reasons.

/// A count as a measure. Exact up to 2^53.
#[expect(clippy::cast_precision_loss, reason = "no file has 2^53 pairs of anything")]
pub(crate) const fn real(count: u64) -> f64 {
    count as f64
}

/// A length as a measure.
pub(crate) const fn size(length: usize) -> f64 {
    real(wide(length))
}

/// A length as a count.
pub(crate) const fn wide(length: usize) -> u64 {
    length as u64
}

/// A length as a compact index.
///
/// # Panics
/// When there are more than four billion of a thing: rows and values are numbered with 32 bits.
pub(crate) fn compact(length: usize) -> u32 {
    u32::try_from(length).expect("fewer than four billion records and values")
}

/// The number of unordered pairs among `n`.
pub(crate) const fn pairs(n: u64) -> u64 {
    n * n.saturating_sub(1) / 2
}

/// A measure that is known to be small, rounded.
#[expect(clippy::cast_possible_truncation, reason = "saturates, which is what a measure wants")]
pub(crate) const fn rounded(value: f64) -> i64 {
    value.round() as i64
}

/// A small whole number as a measure.
#[expect(clippy::cast_precision_loss, reason = "used for places in a histogram")]
pub(crate) const fn signed(value: i64) -> f64 {
    value as f64
}

/// A measure to nine digits: as many as survive being written and read, and no more than were
/// learned.
pub(crate) fn settled(value: f64) -> f64 {
    format!("{value:.8e}").parse().unwrap_or(value)
}
