//! What went wrong while the portal was open, for who wants to look back.

use chrono::{DateTime, Utc};
use leptos::prelude::*;

/// One thing that could not be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) id: String,
    pub(crate) at: DateTime<Utc>,
    /// What happened, as one sentence.
    pub(crate) title: String,
    /// All that is known of it, to be handed on.
    pub(crate) details: String,
}

#[derive(Clone, Copy)]
pub(crate) struct Failures(RwSignal<Vec<Failure>>);

impl Failures {
    /// More is a flood, of which the last ones say enough.
    const AT_MOST: usize = 50;

    pub(crate) fn new() -> Self {
        Self(RwSignal::new(Vec::new()))
    }

    pub(crate) fn expect() -> Self {
        expect_context()
    }

    pub(crate) fn add(self, failure: Failure) {
        self.0.update(|failures| {
            failures.push(failure);
            let surplus = failures.len().saturating_sub(Self::AT_MOST);
            failures.drain(..surplus);
        });
    }

    pub(crate) fn dismiss(self, id: &str) {
        self.0.update(|failures| failures.retain(|failure| failure.id != id));
    }

    pub(crate) fn clear(self) {
        self.0.update(Vec::clear);
    }

    /// Latest first.
    pub(crate) fn all(self) -> Vec<Failure> {
        self.0.with(|failures| failures.iter().rev().cloned().collect())
    }

    pub(crate) fn count(self) -> usize {
        self.0.with(Vec::len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(number: usize) -> Failure {
        Failure {
            id: format!("error_{number}"),
            at: "2026-01-01T00:00:00Z".parse().unwrap(),
            title: "The server could not answer".to_owned(),
            details: "{}".to_owned(),
        }
    }

    #[test]
    fn the_latest_comes_first_and_a_flood_is_cut() {
        Owner::new().with(|| {
            let failures = Failures::new();
            for number in 0..60 {
                failures.add(failure(number));
            }
            assert_eq!(failures.count(), Failures::AT_MOST);
            assert_eq!(failures.all()[0].id, "error_59");
            failures.dismiss("error_59");
            assert_eq!(failures.all()[0].id, "error_58");
            failures.clear();
            assert_eq!(failures.count(), 0);
        });
    }
}
