//! The matcher from the outside: rows in, people out.

mod support;

mod households;
mod labelled;
mod passes;
mod same_answer;
mod decisions;
mod traps;
