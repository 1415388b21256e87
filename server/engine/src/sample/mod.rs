//! Databases to try things on, made from a seed.

pub mod mdw;
