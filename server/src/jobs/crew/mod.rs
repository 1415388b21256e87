//! Several processes at one run: its conductor offers chunks, and workers anywhere take them.

mod queue;
mod lead;
mod take_part;

pub use lead::Leader;
pub use queue::{QueueError, Queues};
pub use take_part::{Crewman, take_part};
