//! The binary `transfuse`: command line, API, jobs and control store; serves the portal.

pub mod store;
pub mod auth;
pub mod audit;
