//! What the parts of the page share while somebody works on rows.

use leptos::prelude::*;
use shared::id::RunId;
use shared::quarantine::{QuarantineFilter, QuarantinedRow, Selection, WorkOutcome};

#[derive(Clone, Copy)]
pub(super) struct Desk {
    run: StoredValue<RunId>,
    outcome: RwSignal<Option<WorkOutcome>>,
    /// What came of it, while the page is read anew.
    coming: StoredValue<Option<WorkOutcome>>,
    changed: Callback<()>,
}

impl Desk {
    /// `changed` is called when rows are no longer what they were.
    pub(super) fn new(run: RunId, changed: impl Fn() + Send + Sync + 'static) -> Self {
        Self {
            run: StoredValue::new(run),
            outcome: RwSignal::new(None),
            coming: StoredValue::new(None),
            changed: Callback::new(move |()| changed()),
        }
    }

    pub(super) fn run(self) -> RunId {
        self.run.get_value()
    }

    /// What came of the last thing that was done here.
    pub(super) fn outcome(self) -> Option<WorkOutcome> {
        self.outcome.get()
    }

    /// Something was done: the page is read anew, and then says what came of it. Whoever goes on as
    /// soon as that stands there works on the rows as they are now.
    pub(super) fn finish(self, outcome: WorkOutcome) {
        self.outcome.set(None);
        self.coming.set_value(Some(outcome));
        self.changed.run(());
    }

    /// The page was read anew: it says what came of what was done, if that was not said yet.
    pub(super) fn announce(self) {
        if let Some(outcome) = self.coming.try_update_value(Option::take).flatten() {
            self.outcome.set(Some(outcome));
        }
    }

    pub(super) fn forget_outcome(self) {
        self.outcome.set(None);
    }
}

/// The rows with which something is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chosen {
    pub(super) selection: Selection,
    /// How many there are, as far as that is known.
    pub(super) rows: Option<u64>,
    /// The first of them, which knows the columns.
    pub(super) first: Option<QuarantinedRow>,
}

impl Chosen {
    /// All rows that a filter leaves.
    pub(super) const fn all(
        filter: QuarantineFilter,
        rows: Option<u64>,
        first: Option<QuarantinedRow>,
    ) -> Self {
        Self { selection: Selection { filter, rows: Vec::new() }, rows, first }
    }

    /// These rows and no others.
    pub(super) fn these(rows: &[QuarantinedRow]) -> Self {
        let selection = Selection {
            filter: QuarantineFilter::default(),
            rows: rows.iter().map(|row| row.id.clone()).collect(),
        };
        Self { selection, rows: Some(rows.len() as u64), first: rows.first().cloned() }
    }

    pub(super) fn in_words(&self) -> String {
        match (self.selection.rows.len(), self.rows) {
            (0, Some(rows)) => {
                format!(
                    "all {}",
                    crate::format::counted(rows, "row of the list", "rows of the list")
                )
            }
            (0, None) => "all rows of the list".to_owned(),
            (rows, _) => crate::format::counted(rows as u64, "chosen row", "chosen rows"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_worked_on_is_said_before_it_is_done() {
        let all = |rows| Chosen::all(QuarantineFilter::default(), rows, None).in_words();
        assert_eq!(all(Some(1_200)), "all 1,200 rows of the list");
        assert_eq!(all(None), "all rows of the list");
    }
}
