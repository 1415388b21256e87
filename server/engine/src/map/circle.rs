//! Foreign keys that a target has already and that lead in a circle: no row of it could come first.
//! Some of them are set aside. Their rows come in without the reference, which is put in when all
//! rows are there; a row that is there already keeps the one that it has. Every other key is held to,
//! and so are these, for everybody else all the time.

use std::collections::BTreeSet;

use shared::assessment::{Catalog, ForeignKey, Table};
use shared::connection::Engine;
use shared::plan::Plan;

use super::order::{circles, parents_by};
use super::{row_key, target_name};

/// A foreign key whose references are put in after the rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    /// The table's place in the plan.
    pub index: usize,
    pub key: ForeignKey,
    /// The columns of the key that wait until then, with their types as the target spells them.
    pub columns: Vec<(String, String)>,
}

/// The keys to be set aside so that the others lead in no circle; none where the target makes no
/// check while rows come in.
pub fn set_aside(plan: &Plan, target: &Catalog) -> Vec<SetAside> {
    if target.engine != Engine::Postgres {
        return Vec::new();
    }
    let mut aside: Vec<SetAside> = Vec::new();
    loop {
        let parents = parents_by(plan, target, |index, key| !is_aside(&aside, index, key));
        let circle = circles(&parents).into_iter().find_map(|circle| {
            let is_one = circle.len() > 1 || parents[circle[0]].contains(&circle[0]);
            let inside = circle.iter().copied().filter(|_| is_one);
            inside.flat_map(|index| candidates(plan, target, &aside, &circle, index)).next()
        });
        match circle {
            Some(next) => aside.push(next),
            None => return aside,
        }
    }
}

/// What the plan's tables refer to, keys that are set aside left out.
pub fn order_beside(plan: &Plan, target: &Catalog, aside: &[SetAside]) -> Vec<Vec<usize>> {
    super::order::parents_first(&parents_by(plan, target, |index, key| {
        !is_aside(aside, index, key)
    }))
}

fn is_aside(aside: &[SetAside], index: usize, key: &ForeignKey) -> bool {
    aside.iter().any(|known| known.index == index && known.key == *key)
}

/// Keys of a table that lead into the circle and may be null.
fn candidates(
    plan: &Plan,
    target: &Catalog,
    aside: &[SetAside],
    circle: &[usize],
    index: usize,
) -> Vec<SetAside> {
    let mapping = &plan.tables[index];
    let Some(table) = target.table(&target_name(target.engine, &mapping.target)) else {
        return Vec::new();
    };
    let own_key = row_key(mapping, Some(table));
    // Rows are found again by their key.
    if own_key.is_empty() {
        return Vec::new();
    }
    let targets: BTreeSet<_> = circle
        .iter()
        .map(|place| target_name(target.engine, &plan.tables[*place].target))
        .collect();
    table
        .foreign_keys
        .iter()
        .filter(|key| targets.contains(&target_name(target.engine, &key.references)))
        .filter(|key| !is_aside(aside, index, key))
        .filter_map(|key| {
            let columns = nullable(table, key, &own_key, |name| {
                mapping.columns.iter().any(|column| column.target == name)
            });
            (!columns.is_empty()).then(|| SetAside { index, key: key.clone(), columns })
        })
        .collect()
}

/// One null is enough for a key to refer to nothing.
fn nullable(
    table: &Table,
    key: &ForeignKey,
    own_key: &[String],
    is_filled: impl Fn(&str) -> bool,
) -> Vec<(String, String)> {
    key.columns
        .iter()
        .filter(|name| !own_key.contains(name) && is_filled(name))
        .filter_map(|name| table.column(name))
        .filter(|column| column.nullable)
        .map(|column| (column.name.clone(), column.native_type.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use shared::assessment::{Column, ReferentialAction, TableName};

    use super::*;

    fn plan(names: &[&str]) -> Plan {
        let mut yaml =
            "format: 1\nname: x\nsource: sqlite:a\ntarget: postgres://b/c\ntables:\n".to_owned();
        for name in names {
            let own = "  - {target: id, source: id, type: bigint}\n";
            yaml += &["- source: ", name, "\n  target: ", name, "\n  columns:\n", own].concat();
            for other in names {
                yaml +=
                    &["  - {target: ", other, "_id, source: ", other, ", type: bigint}\n"].concat();
            }
        }
        Plan::from_yaml(&yaml).unwrap()
    }

    /// Each table with its references: `?` before those that may be null.
    fn catalog(tables: &[(&str, &[&str])]) -> Catalog {
        let column = |name: String, nullable| Column {
            name,
            native_type: "bigint".to_owned(),
            data_type: shared::data_type::DataType::BigInt,
            nullable,
            default: None,
            default_left: false,
            generated: false,
            identity: false,
            comment: None,
        };
        let tables = tables.iter().map(|(name, references)| {
            let references =
                references.iter().map(|text| (text.trim_start_matches('?'), text.starts_with('?')));
            let columns =
                references.clone().map(|(name, nullable)| column(format!("{name}_id"), nullable));
            Table {
                name: TableName::new(Some("public"), *name),
                columns: std::iter::once(column("id".to_owned(), false)).chain(columns).collect(),
                primary_key: vec!["id".to_owned()],
                indexes: Vec::new(),
                foreign_keys: references
                    .map(|(parent, _)| ForeignKey {
                        name: format!("{name}_{parent}"),
                        columns: vec![format!("{parent}_id")],
                        references: TableName::new(Some("public"), parent),
                        referenced_columns: vec!["id".to_owned()],
                        on_delete: ReferentialAction::NoAction,
                        on_update: ReferentialAction::NoAction,
                    })
                    .collect(),
                estimated_rows: 0,
                estimated_bytes: 0,
                comment: None,
            }
        });
        Catalog {
            engine: Engine::Postgres,
            server: String::new(),
            tables: tables.collect(),
            enums: Vec::new(),
        }
    }

    #[track_caller]
    fn check(tables: &[(&str, &[&str])], expected: &[&str], order: &[&[usize]]) {
        let names: Vec<&str> = tables.iter().map(|(name, _)| *name).collect();
        let (plan, catalog) = (plan(&names), catalog(tables));
        let aside = set_aside(&plan, &catalog);
        let found: Vec<&str> = aside.iter().map(|aside| aside.key.name.as_str()).collect();
        assert_eq!(found, expected);
        assert_eq!(order_beside(&plan, &catalog, &aside), order);
    }

    #[test]
    fn as_few_keys_are_set_aside_as_break_the_circle() {
        check(&[("a", &[]), ("b", &["a"])], &[], &[&[0], &[1]]);
        check(&[("a", &["?b"]), ("b", &["a"])], &["a_b"], &[&[0], &[1]]);
        check(&[("a", &["b"]), ("b", &["?a"])], &["b_a"], &[&[1], &[0]]);
        check(&[("a", &["?a"])], &["a_a"], &[&[0]]);
        check(
            &[("a", &["?a", "?b"]), ("b", &["c"]), ("c", &["a"])],
            &["a_a", "a_b"],
            &[&[0], &[2], &[1]],
        );
        // Nothing here may be null: such rows could never have been written one by one.
        check(&[("a", &["b"]), ("b", &["a"])], &[], &[&[0, 1]]);
    }
}
