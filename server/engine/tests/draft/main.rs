//! Drafts from real databases: each passes its own check and runs at once.

mod support;
mod sqlite;
mod postgres;
mod csv;
mod mysql;
mod known;
