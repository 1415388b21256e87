//! A run's quarantine, worked on real databases: fixed, replayed, undone, and the books in order.

#![expect(clippy::unwrap_used, reason = "what these tests call is part of them")]

#[expect(dead_code, reason = "the tests of runs use more of it")]
#[path = "../flow/support.rs"]
mod support;
mod desk;
mod fix;
mod replay;
mod orphans;
