//! Databases and tables to try things on, made from a seed.

mod dice;
pub mod mdw;
pub mod people;
