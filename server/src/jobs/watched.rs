//! A run under way, as others see it.

use std::sync::Mutex;

use engine::run::Stop;
use shared::event::RunEvent;
use shared::run::{Failure, Progress, RunState};
use tokio::sync::watch;

use crate::audit::Actor;

/// What is known here of a run that this process works on.
pub(super) struct Watched {
    pub(super) stop: Stop,
    events: watch::Sender<RunEvent>,
    stopped_by: Mutex<Option<Actor>>,
}

impl Watched {
    /// Events are numbered after the last one that was written down.
    pub(super) fn new(last_number: u64, progress: Option<Progress>) -> Self {
        let first =
            RunEvent { number: last_number + 1, state: RunState::Running, progress, failure: None };
        Self {
            stop: Stop::default(),
            events: watch::Sender::new(first),
            stopped_by: Mutex::new(None),
        }
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<RunEvent> {
        self.events.subscribe()
    }

    pub(super) fn latest(&self) -> RunEvent {
        self.events.borrow().clone()
    }

    /// Asks the run to stop, and remembers who asked first.
    pub(super) fn stop(&self, actor: Actor) {
        self.stopped_by.lock().expect("nobody panics with the lock").get_or_insert(actor);
        self.stop.request();
    }

    /// Asks the run to stop within the chunks under way, which are rolled back.
    pub(super) fn stop_at_once(&self, actor: Actor) {
        self.stop(actor);
        self.stop.request_at_once();
    }

    pub(super) fn stopped_by(&self) -> Option<Actor> {
        self.stopped_by.lock().expect("nobody panics with the lock").clone()
    }

    /// Shows a new picture.
    pub(super) fn show(&self, progress: Progress) {
        self.events.send_modify(|event| {
            event.number += 1;
            event.progress = Some(progress);
        });
    }

    /// Shows how the run ended.
    pub(super) fn show_end(&self, state: RunState, failure: Option<Failure>) {
        self.events.send_modify(|event| {
            event.number += 1;
            event.state = state;
            event.failure = failure;
        });
    }
}
