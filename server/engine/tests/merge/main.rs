//! People made one and taken apart again, on real databases.

#![expect(clippy::unwrap_used, reason = "what these tests call is part of them")]

mod support;
mod merging;
mod taking_back;
mod identity;
