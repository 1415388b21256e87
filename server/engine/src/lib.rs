//! Moves rows from a legacy database to the target, in steps that can stop and resume.
//!
//! The modules stand in the order in which data moves. A step never imports a sibling, save
//! along that flow; nothing here knows HTTP or the control store.

pub mod error;
pub mod clock;
pub mod ident;
pub mod seal;
pub mod value;
pub mod connect;
pub mod assess;
pub mod map;
pub mod extract;
pub mod transform;
pub mod load;
pub mod quarantine;
pub mod merge;
pub mod rollback;
pub mod backup;
pub mod run;
pub mod verify;
pub mod clinical;
pub mod evidence;
pub mod assessment;
pub mod sample;

pub use error::EngineError;
