//! Runs on real databases, from their first chunk to their closed books.

mod support;
mod copy;
mod kill;
mod real_data;
mod types;
