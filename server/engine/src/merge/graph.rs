//! Which rows refer to which, as the target's catalog and the plan say.

use std::collections::BTreeSet;

use shared::assessment::{Catalog, ForeignKey, TableName};
use shared::connection::Engine;
use shared::plan::Plan;

use crate::load::ledger;
use crate::load::row_image::ImageTable;
use crate::map::target_name;

/// Tables of a target and the references between them.
#[derive(Debug)]
pub struct Graph {
    pub(super) engine: Engine,
    pub(super) nodes: Vec<Node>,
}

#[derive(Debug)]
pub(super) struct Node {
    pub(super) table: ImageTable,
    /// Columns that no two rows may share; the primary key is among them.
    pub(super) uniques: Vec<Vec<usize>>,
    /// References of other rows, or of its own, to rows of this table.
    pub(super) referred: Vec<Reference>,
    /// References of its rows to others.
    pub(super) refers: Vec<Outward>,
}

/// Columns of a child by which it refers to columns of a parent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reference {
    pub(super) child: usize,
    pub(super) columns: Vec<usize>,
    pub(super) parent_columns: Vec<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outward {
    pub(super) parent: usize,
    pub(super) columns: Vec<usize>,
    pub(super) parent_columns: Vec<usize>,
}

impl Graph {
    /// References count that the target has, and those that a plan knows of where the target
    /// could not be given them.
    pub fn new(catalog: &Catalog, plan: Option<&Plan>) -> Self {
        let engine = catalog.engine;
        let known: Vec<_> =
            catalog.tables.iter().filter(|table| !ledger::is_own(engine, &table.name)).collect();
        let mut nodes: Vec<Node> = known
            .iter()
            .map(|table| {
                let image = ImageTable::of(engine, table);
                let indexes = table.indexes.iter().filter(|index| index.unique);
                let uniques: BTreeSet<Vec<usize>> = std::iter::once(&table.primary_key)
                    .chain(indexes.map(|index| &index.columns))
                    .filter_map(|columns| image.places(columns))
                    .filter(|places| !places.is_empty())
                    .collect();
                Node {
                    uniques: uniques.into_iter().collect(),
                    referred: Vec::new(),
                    refers: Vec::new(),
                    table: image,
                }
            })
            .collect();
        let place = |name: &TableName| {
            let name = target_name(engine, name);
            known.iter().position(|table| table.name == name)
        };
        let planned = plan.iter().flat_map(|plan| &plan.tables).flat_map(|mapping| {
            let keys = mapping.create.iter().flat_map(|shape| &shape.foreign_keys);
            keys.map(|key| (&mapping.target, key))
        });
        let there =
            known.iter().flat_map(|table| table.foreign_keys.iter().map(|key| (&table.name, key)));
        let keys: Vec<(usize, usize, &ForeignKey)> = there
            .chain(planned)
            .filter_map(|(child, key)| Some((place(child)?, place(&key.references)?, key)))
            .collect();
        for (child, parent, key) in keys {
            let columns = nodes[child].table.places(&key.columns);
            let parent_columns = nodes[parent].table.places(&key.referenced_columns);
            let (Some(columns), Some(parent_columns)) = (columns, parent_columns) else {
                continue;
            };
            let reference = Reference { child, columns, parent_columns };
            if columns_are_new(&nodes[parent].referred, &reference) {
                nodes[child].refers.push(Outward {
                    parent,
                    columns: reference.columns.clone(),
                    parent_columns: reference.parent_columns.clone(),
                });
                nodes[parent].referred.push(reference);
            }
        }
        Self { engine, nodes }
    }

    pub(super) fn node(&self, place: usize) -> &Node {
        &self.nodes[place]
    }

    /// The table of this name, as a record of a merge has it.
    pub(super) fn named(&self, name: &TableName) -> Option<usize> {
        self.nodes.iter().position(|node| node.table.name == *name)
    }

    /// Whether a change of these columns can make a row collide with another one, or has to be
    /// followed by rows that refer to it.
    pub(super) fn identifies(&self, child: usize, columns: &[usize]) -> bool {
        let node = &self.nodes[child];
        let touches = |others: &[usize]| others.iter().any(|place| columns.contains(place));
        node.table.key.is_empty()
            || node.uniques.iter().any(|unique| touches(unique))
            || node.referred.iter().any(|reference| touches(&reference.parent_columns))
    }
}

/// The plan and the target say the same of most references.
fn columns_are_new(known: &[Reference], reference: &Reference) -> bool {
    !known.contains(reference)
}
