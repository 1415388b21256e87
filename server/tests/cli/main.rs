//! The command line as a script meets it: exit statuses, messages, and what is written.

mod support;
mod usage;
mod plan;
mod migrate;
mod verify;
mod refused;
mod quarantine;
mod match_people;
mod merge;
mod evaluate;
mod assess;
mod report;
mod rollback;
mod backup;
mod restore;
mod generate;
mod user;
mod audit;
mod serve;
mod kill;
mod workers;
mod canary;
