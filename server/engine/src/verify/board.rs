//! The picture of a verification that goes to whoever watches.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use shared::assessment::TableName;
use shared::verification::{Progress, TableProgress};
use tokio::sync::watch;

use super::record::Counts;
use crate::run::governor::Watcher;

pub(super) struct Board {
    began: Instant,
    notes: Mutex<Vec<String>>,
    picture: Mutex<Progress>,
    out: watch::Sender<Option<Progress>>,
}

impl Board {
    pub(super) fn new(out: watch::Sender<Option<Progress>>) -> Self {
        let (notes, picture) = (Mutex::default(), Mutex::default());
        Self { began: Instant::now(), notes, picture, out }
    }

    pub(super) fn seconds(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    /// Adds a table that is to be compared in so many segments.
    pub(super) fn plan(&self, target: &TableName, segments: usize) {
        self.change(|picture| {
            picture.tables.push(TableProgress {
                target: target.clone(),
                segments_total: u32::try_from(segments).unwrap_or(u32::MAX),
                segments_done: 0,
                rows_compared: 0,
                mismatches: 0,
            });
        });
    }

    /// Segments of a table, by its place, are through.
    pub(super) fn done(&self, table: usize, segments: usize, counts: Counts) {
        self.change(|picture| {
            if let Some(table) = picture.tables.get_mut(table) {
                table.segments_done += u32::try_from(segments).unwrap_or(u32::MAX);
                table.rows_compared += counts.compared;
                table.mismatches += counts.missing + counts.extra + counts.different;
            }
        });
    }

    /// What limits the reading, for the statement.
    pub(super) fn notes(&self) -> Vec<String> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change(&self, change: impl FnOnce(&mut Progress)) {
        let mut picture = self.picture.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut picture);
        picture.elapsed_seconds = self.began.elapsed().as_secs_f64();
        self.out.send_replace(Some(picture.clone()));
    }
}

impl Watcher for Board {
    fn hold(&self, reason: Option<String>) {
        let is_known = |picture: &Progress| picture.held == reason;
        if is_known(&self.picture.lock().unwrap_or_else(PoisonError::into_inner)) {
            return;
        }
        self.change(|picture| picture.held.clone_from(&reason));
    }

    fn note(&self, note: String) {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        if !notes.contains(&note) {
            notes.push(note);
        }
    }
}
