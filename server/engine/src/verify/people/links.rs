//! How tables of a plan refer to each other.

use std::collections::HashSet;

use shared::assessment::{Catalog, ForeignKey, TableName};
use shared::plan::{Plan, Transform};

use super::super::table::{Comparison, Part};
use crate::map::target_name;

/// A column of a table that is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) table: usize,
    pub(super) column: usize,
}

/// A reference of one column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Link {
    pub(super) child: Place,
    pub(super) parent: Place,
}

/// The references that the target holds, and those that the plan gives it.
pub(super) fn links(plan: &Plan, comparisons: &[Comparison], catalog: &Catalog) -> Vec<Link> {
    let mut seen = HashSet::new();
    let mut links = Vec::new();
    for (table, comparison) in comparisons.iter().enumerate() {
        let there = catalog.table(&comparison.target);
        let held = there.iter().flat_map(|table| &table.foreign_keys);
        let shapes = comparison.parts.iter().filter_map(|part| {
            plan.tables.get(part.index).and_then(|mapping| mapping.create.as_ref())
        });
        let planned = shapes.flat_map(|shape| &shape.foreign_keys);
        let found = held.chain(planned).filter_map(|key| link(comparisons, table, key));
        links.extend(found.filter(|link| seen.insert(*link)));
    }
    links
}

fn link(comparisons: &[Comparison], child: usize, key: &ForeignKey) -> Option<Link> {
    let ([column], [referenced]) = (key.columns.as_slice(), key.referenced_columns.as_slice())
    else {
        return None;
    };
    let parent = named(comparisons, &key.references)?;
    Some(Link {
        child: place(comparisons, child, column)?,
        parent: place(comparisons, parent, referenced)?,
    })
}

fn named(comparisons: &[Comparison], name: &TableName) -> Option<usize> {
    comparisons.iter().position(|known| known.target == target_name(known.engine, name))
}

fn place(comparisons: &[Comparison], table: usize, column: &str) -> Option<Place> {
    let columns = &comparisons[table].columns;
    let column = columns.iter().position(|known| known.name == column)?;
    Some(Place { table, column })
}

/// The column of the source that alone decides a column of the target, and by what rules.
pub(super) fn origin<'p>(
    plan: &'p Plan,
    comparison: &Comparison,
    part: &Part,
    column: usize,
) -> Option<(&'p str, &'p [Transform])> {
    let name = &comparison.columns[column].name;
    let mapping = plan.tables.get(part.index)?;
    let column = mapping.columns.iter().find(|column| column.target == *name)?;
    let reads_more = |rule: &Transform| {
        !rule.other_columns().is_empty() || matches!(rule, Transform::Lookup { .. })
    };
    let source = column.source.as_deref()?;
    (!column.transform.iter().any(reads_more)).then_some((source, column.transform.as_slice()))
}
