//! Runs on real databases, from their first chunk to their closed books.

#![expect(clippy::unwrap_used, reason = "what these tests call is part of them")]

mod support;
mod circles;
mod clinical;
mod copy;
mod passing;
mod conditions;
mod duplicates;
mod keys;
mod lookups;
mod kill;
mod faults;
mod governor;
mod rehearse;
mod real_data;
mod types;
mod undo;
mod backup;
mod verify;
mod sign_off;
mod assessment;
