//! Finds the records that are one person, says why, and what survives of them.

mod hash;
mod number;
pub mod column;
pub mod normalize;
pub mod people;
