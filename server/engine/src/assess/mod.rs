//! Finds out what a database holds, before anything moves.

pub(crate) mod ask;
pub mod catalog;
pub mod profile;
