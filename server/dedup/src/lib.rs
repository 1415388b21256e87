//! Finds the records that are one person, says why, and what survives of them.
//!
//! The modules stand in the order in which a record passes through them:
//!
//! | step | module | what it promises |
//! | --- | --- | --- |
//! | a policy and columns | [`policy`], [`mod@column`] | what may be decided beforehand, and which column says what |
//! | normalize | [`normalize`], [`people`] | one form for what was written in many, in 64 bytes a record |
//! | block | [`block`] | the pairs worth comparing, each once, none dropped in silence |
//! | compare | [`compare`] | how far two records agree, field by field |
//! | train | [`model`], [`train`] | how much each agreement weighs, learned without labels |
//! | score | [`score`] | a weight in bits, its explanation, and what vetoes a merge |
//! | cluster | [`cluster`] | people from pairs, without chains of weak links |
//! | find | [`mod@find`], [`update`] | the whole way, at once or for what changed |
//! | survive | [`survive`] | the golden record, each value with where it came from |
//! | evaluate | [`evaluate`] | how right it is, where the truth is known |
//!
//! ```
//! # use dedup::{Builder, Columns, Policy, find};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let policy = Policy::parse("thresholds: {automatic: 8}")?;
//! let header = ["id", "first_name", "last_name", "dob", "phone"];
//! let rows = [
//!     ["1", "Idalia", "Moor", "1980-03-12", "617-555-0142"],
//!     ["2", "Idalia", "Moore", "12/03/1980", "(617) 555-0142"],
//! ];
//! let columns = Columns::recognise(&header, &policy.named_columns())?.without(&policy.ignore)?;
//! let mut builder = Builder::excluding(columns, &policy.exclude);
//! builder.extend(&rows, |row, at| row[at]);
//! let people = builder.finish(None)?;
//!
//! let findings = find::find(&people, &policy, None, &[])?;
//!
//! for pair in findings.pairs(&people) {
//!     assert_eq!((pair.left_id.as_str(), pair.right_id.as_str()), ("1", "2"));
//! }
//! assert!(findings.clusters(&people).len() <= 1);
//! # Ok(())
//! # }
//! ```
//!
//! Nothing here reads a file, a database or a clock. The same records give the same result in any
//! order and on any number of threads.

mod hash;
mod number;
pub mod policy;
pub mod column;
pub mod normalize;
pub mod people;
pub mod block;
pub mod compare;
pub mod model;
pub mod train;
pub mod score;
pub mod cluster;
pub mod find;
pub mod update;
pub mod survive;
pub mod evaluate;

pub use column::Columns;
pub use find::{Findings, find};
pub use model::Model;
pub use people::{Builder, People};
pub use policy::Policy;
