//! Chooses the pairs worth comparing: those that meet in a block of one of several passes.
//!
//! Every choice depends on what records say, not on where they stand, so the same people give the
//! same pairs in any order, on any number of threads and shards.

mod feature;
mod plan;
mod refine;
mod scan;

pub use feature::Feature;
pub use plan::{DEFAULT_LARGEST_BLOCK, LeftOut, Pass, Plan, choose};
pub use refine::{Blocks, Refined, survey};
pub use scan::{Candidate, PassReport, Scan, Scope, Shard, meetings, scan};
