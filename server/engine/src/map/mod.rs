//! Makes a plan from two catalogs, and checks one against them.
