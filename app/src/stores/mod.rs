//! What the portal remembers while it is open: signals behind intents.
//!
//! Each store is provided once, by the shell or by the page that it belongs to, and copied
//! from there. None of them knows the server or the browser.

mod session;
mod theme;
mod sidebar;
mod notices;
mod run_watch;
mod plan_draft;
mod live;
mod failures;
mod shortcuts;

pub(crate) use failures::{Failure, Failures};
pub(crate) use live::Live;
pub(crate) use notices::{Notice, Notices, Tone};
pub(crate) use plan_draft::PlanDraft;
pub(crate) use run_watch::{Link, RunWatch};
pub(crate) use session::{Session, SessionState};
pub(crate) use shortcuts::Shortcuts;
pub(crate) use sidebar::Sidebar;
pub(crate) use theme::{Scheme, Theme, ThemeChoice};
