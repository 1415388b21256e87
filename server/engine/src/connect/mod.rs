//! Opens a source, read-only, and a target.
