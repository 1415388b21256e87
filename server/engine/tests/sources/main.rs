//! Sources on real databases: what is read is what is there, all of it, once.

mod reading;
mod postgres;
mod mysql;
mod sqlite;
mod csv;
mod chunks;
mod connecting;
mod probing;
