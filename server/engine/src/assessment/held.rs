//! Tells whoever waits for an assessment that the source may not be read now.

use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;

use crate::run::governor::Watcher;

/// What is heard of how the source is spared.
#[derive(Debug)]
pub(super) struct Heard {
    held: watch::Sender<Option<String>>,
    notes: Mutex<Vec<String>>,
}

impl Heard {
    pub(super) fn new(held: watch::Sender<Option<String>>) -> Self {
        Self { held, notes: Mutex::default() }
    }

    pub(super) fn notes(&self) -> Vec<String> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Watcher for Heard {
    fn hold(&self, reason: Option<String>) {
        self.held.send_if_modified(|known| {
            let is_new = *known != reason;
            known.clone_from(&reason);
            is_new
        });
    }

    fn note(&self, note: String) {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        if !notes.contains(&note) {
            notes.push(note);
        }
    }
}
