//! What the checks found, as they go.

use std::collections::BTreeMap;

use shared::assessment::{Finding, Severity, TableName};
use shared::check::{Check, CheckResult, CheckSelection, CheckState};

use crate::error::{EngineError, Result};

/// What one check came to.
#[derive(Debug)]
pub(super) enum Outcome {
    /// What was found; nothing means that it passed.
    Looked(Vec<Found>),
    NotApplicable(&'static str),
}

impl Outcome {
    pub(super) const fn passed() -> Self {
        Self::Looked(Vec::new())
    }
}

impl From<Vec<Found>> for Outcome {
    fn from(found: Vec<Found>) -> Self {
        Self::Looked(found)
    }
}

/// One finding, on its way into the notebook.
#[derive(Debug)]
pub(super) struct Found {
    severity: Severity,
    table: Option<TableName>,
    column: Option<String>,
    message: String,
    action: Option<String>,
}

impl Found {
    pub(super) fn new(severity: Severity, message: impl Into<String>) -> Self {
        Self { severity, table: None, column: None, message: message.into(), action: None }
    }

    pub(super) fn blocking(message: impl Into<String>) -> Self {
        Self::new(Severity::Blocking, message)
    }

    pub(super) fn warning(message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, message)
    }

    pub(super) fn info(message: impl Into<String>) -> Self {
        Self::new(Severity::Info, message)
    }

    #[must_use]
    pub(super) fn at(mut self, table: &TableName) -> Self {
        self.table = Some(table.clone());
        self
    }

    #[must_use]
    pub(super) fn column(mut self, column: impl Into<String>) -> Self {
        self.column = Some(column.into());
        self
    }

    /// What mends it, where that is more than the catalogue says.
    #[must_use]
    pub(super) fn mend(mut self, action: impl Into<String>) -> Self {
        self.action = Some(action.into());
        self
    }
}

/// Takes down how each check ended.
#[derive(Debug)]
pub(super) struct Notebook {
    selection: CheckSelection,
    results: BTreeMap<Check, CheckResult>,
    findings: Vec<Finding>,
}

impl Notebook {
    pub(super) const fn new(selection: CheckSelection) -> Self {
        Self { selection, results: BTreeMap::new(), findings: Vec::new() }
    }

    pub(super) fn wants(&self, check: Check) -> bool {
        self.selection.has(check)
    }

    /// Takes down a check's outcome, if it is among those that were asked for.
    pub(super) fn note(&mut self, check: Check, outcome: Result<Outcome>) {
        if !self.wants(check) {
            return;
        }
        let (state, note) = match outcome {
            Ok(Outcome::NotApplicable(why)) => (CheckState::NotApplicable, Some(why.to_owned())),
            Ok(Outcome::Looked(found)) if found.is_empty() => (CheckState::Passed, None),
            Ok(Outcome::Looked(found)) => {
                self.findings.extend(found.into_iter().map(|found| Finding {
                    check,
                    severity: found.severity,
                    table: found.table,
                    column: found.column,
                    message: found.message,
                    action: found.action.unwrap_or_else(|| check.description().action.to_owned()),
                }));
                (CheckState::Found, None)
            }
            Err(error) => (CheckState::Failed, Some(words(&error))),
        };
        // A check that looks at both sides is one: what was found on either counts.
        let result = CheckResult { check, group: check.group(), state, note };
        let known = self.results.entry(check).or_insert_with(|| result.clone());
        if weight(result.state) > weight(known.state) {
            *known = result;
        }
    }

    /// Everything, checks in the catalogue's order and findings the heaviest first. A check that
    /// nobody came to make says so.
    pub(super) fn close(mut self) -> (Vec<CheckResult>, Vec<Finding>) {
        let results = Check::ALL.iter().filter(|check| self.selection.has(**check));
        let results = results
            .map(|check| {
                self.results.remove(check).unwrap_or_else(|| CheckResult {
                    check: *check,
                    group: check.group(),
                    state: CheckState::NotApplicable,
                    note: Some("what it looks at could not be opened".to_owned()),
                })
            })
            .collect();
        self.findings.sort_by_key(|finding| (std::cmp::Reverse(finding.severity), finding.check));
        (results, self.findings)
    }
}

/// An error in one sentence, with its cause.
pub(super) fn words(error: &EngineError) -> String {
    let cause = std::error::Error::source(error).map(|cause| format!(" ({cause})"));
    format!("{error}{}", cause.unwrap_or_default())
}

const fn weight(state: CheckState) -> u8 {
    match state {
        CheckState::NotApplicable => 0,
        CheckState::Passed => 1,
        CheckState::Failed => 2,
        CheckState::Found => 3,
    }
}
