//! Reads a database's own description of itself.
