//! Whether the clinical checks of a plan name what will be there.

use std::collections::BTreeSet;

use shared::assessment::TableName;
use shared::clinical::Test;
use shared::error_code::ErrorCode;

use super::{Checked, hint, outputs_of, table_hint, target_name};

impl Checked<'_> {
    /// Tables and columns of the plan's own checks, and of those that are safety-critical. A shipped
    /// set may name what a target does not have.
    pub(super) fn clinical_checks(&mut self) {
        let checks = &self.plan.checks;
        for (index, check) in checks.own.iter().enumerate() {
            let at = format!("checks.own[{index}]");
            // Whether they are there is what these ask.
            let asks = matches!(check.test, Test::TablePresent {} | Test::ColumnPresent { .. });
            if asks {
                continue;
            }
            let mut test = check.test.clone();
            self.will_have(&check.table, None, &at);
            for (of, _, column) in test.columns_mut(&check.table) {
                self.will_have(&of, Some(column), &at);
            }
        }
        for (index, critical) in checks.critical.iter().enumerate() {
            let at = format!("checks.critical[{index}]");
            self.will_have(&critical.table, None, &at);
            for column in &critical.columns {
                self.will_have(&critical.table, Some(column), &at);
            }
        }
        // One name that is wrong in several places of a check is told once.
        let mut told = BTreeSet::new();
        self.problems.retain(|problem| {
            !problem.at.starts_with("checks.")
                || told.insert((problem.at.clone(), problem.message.clone()))
        });
    }

    fn will_have(&mut self, name: &TableName, column: Option<&str>, at: &str) {
        let Some(catalog) = self.target else { return };
        let engine = catalog.engine;
        let target = target_name(engine, name);
        let there = catalog.table(&target);
        let made: Vec<_> = self
            .plan
            .tables
            .iter()
            .filter(|mapping| target_name(engine, &mapping.target) == target)
            .collect();
        if there.is_none() && made.is_empty() {
            let names = catalog.tables.iter().map(|table| &table.name);
            let names = names.chain(self.plan.tables.iter().map(|mapping| &mapping.target));
            let hint = table_hint(name, names);
            let message = format!("the target will have no table {name}{hint}");
            self.add(ErrorCode::Map002, at, message);
            return;
        }
        let Some(column) = column else { return };
        let own = there.iter().flat_map(|table| &table.columns).map(|column| column.name.as_str());
        let more = made.iter().filter_map(|mapping| mapping.create.as_ref());
        let more = more.flat_map(|shape| &shape.more_columns).map(|column| column.name.as_str());
        let filled = made.iter().flat_map(|mapping| outputs_of(mapping));
        let names: BTreeSet<&str> = own.chain(more).chain(filled).collect();
        if !names.contains(column) {
            let hint = hint(column, names.into_iter().map(str::to_owned));
            let message = format!("{name} will have no column {column}{hint}");
            self.add(ErrorCode::Map002, at, message);
        }
    }
}
