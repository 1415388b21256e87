//! What crosses the wire: the vocabulary of Transfuse, in the order in which data moves.
//!
//! Both sides, server and portal, use these types; what they hold has been validated once,
//! here, when it was read. Nothing in this crate does I/O.

#[cfg(feature = "openapi")]
mod openapi;
pub mod id;
pub mod connection;
pub mod data_type;
pub mod assessment;
pub mod check;
pub mod clinical;
pub mod plan;
pub mod draft;
pub mod run;
pub mod event;
pub mod quarantine;
pub mod rehearsal;
pub mod duplicate;
pub mod matching;
pub mod verification;
pub mod sign_off;
pub mod sync;
pub mod cutover;
pub mod rollback;
pub mod evidence;
pub mod backup;
pub mod alert;
pub mod user;
pub mod password;
pub mod approval;
pub mod settings;
pub mod audit;
pub mod error_code;
pub mod manual;
pub mod assistant;
pub mod health;
mod time_of_day;
pub mod page;
pub mod problem;
pub mod route;
