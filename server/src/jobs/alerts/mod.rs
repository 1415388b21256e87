//! Watches what goes on, raises alerts, and tells people.

mod decide;
mod mail;
mod notify;
mod watch;

pub use mail::{MailError, Mailer};
pub use notify::Notifier;
pub use watch::Watcher;
