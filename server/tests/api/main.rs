//! The API as a client meets it: each resource works, is refused to whoever may not, and is
//! audited.

mod support;
mod session;
mod sessions;
mod profile;
mod users;
mod connections;
mod plans;
mod runs;
mod events;
mod quarantine;
mod rollbacks;
mod reports;
mod duplicates;
mod audit;
mod approvals;
mod alerts;
mod portal_events;
mod security;
mod reference;
mod hostile;
mod identity;
mod documents;
mod manuals;
mod assistant;
