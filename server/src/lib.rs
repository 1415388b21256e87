//! The binary `transfuse`: command line, API, jobs and control store; serves the portal.

pub mod causes;
pub mod egress;
pub mod store;
pub mod settings;
pub mod auth;
pub mod audit;
pub mod jobs;
pub mod manuals;
pub mod assistant;
pub mod api;
pub mod portal;
pub mod telemetry;
pub mod config;
pub mod startup;
pub mod demo;
pub mod cli;
