//! Pairs that were made to be mistaken for one person.
