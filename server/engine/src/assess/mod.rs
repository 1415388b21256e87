//! Finds out what a database holds, before anything moves.

pub mod catalog;
