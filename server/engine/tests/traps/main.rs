//! The traps of each source engine: a database that falls into one, what is said of it, and what
//! becomes of its rows. `docs/migration/traps.md` tells the same to people.

#![expect(clippy::unwrap_used, reason = "what these tests call is part of them")]

#[expect(dead_code, reason = "the tests of drafts use more of it")]
#[path = "../draft/support.rs"]
mod support;
mod mysql;
mod sqlite;
mod postgres;
mod csv;

use shared::plan::{ColumnMapping, Plan};
use shared::run::RunOutcome;
use testbed::Database;

use crate::support::{completed, drafted, read_and_quarantined};

/// A source that was moved into a new PostgreSQL database by the plan that was drafted for it.
pub(crate) struct Moved {
    pub(crate) plan: Plan,
    pub(crate) outcome: RunOutcome,
    pub(crate) target: Database,
}

impl Moved {
    #[track_caller]
    pub(crate) fn from(source: &str) -> Self {
        let target = testbed::postgres().create_database();
        let plan = drafted(source, target.url());
        let outcome = completed(&plan);
        Self { plan, outcome, target }
    }

    /// The traps that the draft names, as it names them.
    pub(crate) fn named(&self) -> Vec<&str> {
        let notes = self.plan.description.as_deref().unwrap_or_default().lines();
        let mut names: Vec<&str> = notes
            .filter_map(|note| note.strip_suffix(']')?.rsplit_once('['))
            .map(|(_, name)| name)
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    pub(crate) fn column(&self, table: &str, column: &str) -> &ColumnMapping {
        let table = self.plan.tables.iter().find(|mapping| mapping.source.name == table).unwrap();
        table.columns.iter().find(|mapping| mapping.source.as_deref() == Some(column)).unwrap()
    }

    pub(crate) fn type_of(&self, table: &str, column: &str) -> String {
        self.column(table, column).data_type.to_string()
    }

    pub(crate) fn quarantined(&self) -> u64 {
        read_and_quarantined(&self.outcome).1
    }

    /// What the target answers: rows by lines, columns by tabs.
    pub(crate) fn query(&self, sql: &str) -> String {
        self.target.query(sql)
    }
}
