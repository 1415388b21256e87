//! How far to step next through the rows of a table, and when a chunk is full.

use crate::extract::Cut;

/// Where one is within a chunk.
#[derive(Debug)]
pub(super) struct Pace {
    cut: Cut,
    /// In the chunk so far; the bytes are guessed.
    rows: u64,
    bytes: u64,
    /// How large rows were that were seen last.
    row_bytes: u64,
    /// The next step is no longer than this.
    longest: u64,
}

/// What became of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Went {
    /// Rows became so much larger on the way that a shorter step is to be tried from where it began.
    TooFar,
    On,
    /// The chunk ends here.
    ToTheEnd,
}

impl Pace {
    pub(super) fn new(cut: Cut, row_bytes: u64) -> Self {
        Self { cut, rows: 0, bytes: 0, row_bytes, longest: cut.part() }
    }

    /// How many rows to go; at least one.
    pub(super) fn step(&self) -> u64 {
        let room = self.cut.bytes.saturating_sub(self.bytes) / self.row_bytes.max(1);
        self.longest.min(self.cut.rows - self.rows).min(room).max(1)
    }

    /// Takes note of a step over so many rows, the last of which are so large.
    pub(super) fn went(&mut self, rows: u64, row_bytes: u64) -> Went {
        // Of two sizes, the smaller one may reach no further than the first row.
        let bytes = self.row_bytes.max(row_bytes).saturating_mul(rows);
        if rows > 1 && self.bytes.saturating_add(bytes) > self.cut.bytes.saturating_mul(2) {
            self.longest = rows / 2;
            return Went::TooFar;
        }
        self.rows += rows;
        self.bytes = self.bytes.saturating_add(bytes);
        self.row_bytes = row_bytes;
        self.longest = self.cut.part();
        if self.rows < self.cut.rows && self.bytes < self.cut.bytes / 8 * 7 {
            return Went::On;
        }
        *self = Self::new(self.cut, row_bytes);
        Went::ToTheEnd
    }
}

impl Cut {
    /// Rows that are stepped over at once where nothing else is known.
    const fn part(self) -> u64 {
        self.rows.div_ceil(PARTS)
    }
}

/// In how many steps one goes through a chunk: what is larger than one is found.
const PARTS: u64 = 4;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The rows of each chunk of a table whose rows are of these sizes.
    fn chunks(sizes: &[u64], cut: Cut) -> Vec<Vec<u64>> {
        let (mut chunks, mut begin, mut at) = (Vec::new(), 0, 0);
        let mut pace = Pace::new(cut, sizes.first().copied().unwrap_or_default());
        while at < sizes.len() {
            let left = u64::try_from(sizes.len() - at).unwrap();
            let rows = pace.step().min(left);
            let next = at + usize::try_from(rows).unwrap();
            let went = pace.went(rows, sizes[next - 1]);
            if went == Went::TooFar {
                continue;
            }
            at = next;
            if went == Went::ToTheEnd || at == sizes.len() {
                chunks.push(sizes[begin..at].to_vec());
                begin = at;
            }
        }
        chunks
    }

    fn bytes(chunk: &[u64]) -> u64 {
        chunk.iter().sum()
    }

    #[test]
    fn rows_that_are_small_are_cut_by_their_number() {
        let cut = Cut { rows: 100, bytes: 1_000_000 };

        let lengths: Vec<usize> = chunks(&[10; 250], cut).iter().map(Vec::len).collect();

        assert_eq!(lengths, [100, 100, 50]);
    }

    #[test]
    fn a_row_that_is_larger_than_a_chunk_is_one() {
        let cut = Cut { rows: 100, bytes: 1_000 };

        assert_eq!(chunks(&[5_000; 3], cut), [[5_000]; 3]);
    }

    #[test]
    fn the_edge_of_a_region_of_large_rows_is_found() {
        let cut = Cut { rows: 1_000, bytes: 100_000 };
        let sizes = [vec![10; 1_700], vec![10_000; 300], vec![10; 1_500]].concat();

        let chunks = chunks(&sizes, cut);

        let largest = chunks.iter().map(|chunk| bytes(chunk)).max();
        assert!(largest <= Some(200_000), "{largest:?}");
        assert!(chunks.len() < 50, "{}", chunks.len());
    }

    proptest! {
        #[test]
        fn every_row_is_in_one_chunk_and_none_has_too_many(
            sizes in prop::collection::vec(0_u64..10_000, 0..500),
            rows in 1_u64..200,
            bytes in 1_u64..100_000,
        ) {
            let cut = Cut { rows, bytes };

            let chunks = chunks(&sizes, cut);

            prop_assert_eq!(chunks.concat(), sizes);
            let most = chunks.iter().map(|chunk| u64::try_from(chunk.len()).unwrap()).max();
            prop_assert!(most <= Some(rows));
        }

        #[test]
        fn in_regions_of_like_rows_a_chunk_has_at_most_twice_its_bytes(
            regions in prop::collection::vec((200_usize..400, 1_u64..5_000), 1..6),
            rows in 1_u64..700,
        ) {
            let cut = Cut { rows, bytes: 20_000 };
            let sizes: Vec<u64> =
                regions.iter().flat_map(|&(count, size)| vec![size; count]).collect();

            for chunk in chunks(&sizes, cut) {
                prop_assert!(bytes(&chunk) <= 2 * cut.bytes, "{} bytes", bytes(&chunk));
            }
        }
    }
}
