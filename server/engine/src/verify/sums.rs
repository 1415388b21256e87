//! What many rows come to, whatever their order.

/// How many rows, and the sum of their hashes. Rows can be added in any order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sum {
    pub(super) rows: u64,
    pub(super) total: i128,
}

impl Sum {
    pub(super) fn add(&mut self, hash: u64) {
        self.rows += 1;
        self.total += i128::from(hash.cast_signed());
    }
}

impl std::ops::AddAssign for Sum {
    fn add_assign(&mut self, other: Self) {
        self.rows += other.rows;
        self.total += other.total;
    }
}

/// Sums by the lowest bits of the rows' hashes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Buckets(Vec<Sum>);

impl Buckets {
    /// As many as a table of so many rows should have: some thousand rows in each.
    pub(super) fn count_for(rows: u64) -> usize {
        let wanted = usize::try_from(rows / 4096).unwrap_or(usize::MAX);
        wanted.clamp(64, 16_384).next_power_of_two()
    }

    pub(super) fn new(count: usize) -> Self {
        Self(vec![Sum::default(); count])
    }

    pub(super) fn of(&self, hash: u64) -> usize {
        usize::try_from(hash & (self.0.len() as u64 - 1)).unwrap_or(0)
    }

    pub(super) fn add(&mut self, hash: u64) {
        let bucket = self.of(hash);
        self.0[bucket].add(hash);
    }

    /// Adds what a database computed for one bucket.
    pub(super) fn add_sum(&mut self, bucket: usize, sum: Sum) {
        if let Some(own) = self.0.get_mut(bucket) {
            *own += sum;
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (own, other) in self.0.iter_mut().zip(&other.0) {
            *own += *other;
        }
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn rows(&self) -> u64 {
        self.0.iter().map(|sum| sum.rows).sum()
    }

    /// The buckets in which two sides are not the same.
    pub(super) fn differing(&self, other: &Self) -> Vec<usize> {
        let pairs = self.0.iter().zip(&other.0).enumerate();
        pairs.filter(|(_, (left, right))| left != right).map(|(bucket, _)| bucket).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn the_order_of_rows_does_not_matter(mut hashes in proptest::collection::vec(0_u64.., 0..50)) {
            let sums = |hashes: &[u64]| {
                let mut buckets = Buckets::new(64);
                for hash in hashes {
                    buckets.add(*hash);
                }
                buckets
            };
            let before = sums(&hashes);
            hashes.reverse();
            proptest::prop_assert_eq!(before, sums(&hashes));
        }

        #[test]
        fn a_row_more_is_seen_in_its_bucket(hashes in proptest::collection::vec(0_u64.., 0..50), more: u64) {
            let mut left = Buckets::new(64);
            for hash in &hashes {
                left.add(*hash);
            }
            let mut right = left.clone();
            right.add(more);
            proptest::prop_assert_eq!(left.differing(&right), vec![left.of(more)]);
        }
    }
}
