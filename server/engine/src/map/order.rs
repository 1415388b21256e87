//! In what order tables can be loaded, so that a row's parent is there before it.

use std::collections::{BTreeMap, BTreeSet};

use shared::assessment::{Catalog, ForeignKey, TableName};
use shared::plan::Plan;

use super::target_name;

/// The plan's tables in groups, parents first. Tables of one group refer to each other in a
/// circle; most groups are of one table. Within what this leaves open, the plan's order stays.
///
/// Keys count that the plan makes and, where a table is there already, those that it has.
pub fn order(plan: &Plan, target: &Catalog) -> Vec<Vec<usize>> {
    parents_first(&parents_by(plan, target, |_, _| true))
}

/// What each of the plan's tables refers to, by those of its keys that count.
pub(super) fn parents_by(
    plan: &Plan,
    target: &Catalog,
    counts: impl Fn(usize, &ForeignKey) -> bool,
) -> Vec<BTreeSet<usize>> {
    let mut places: BTreeMap<TableName, Vec<usize>> = BTreeMap::new();
    for (place, mapping) in plan.tables.iter().enumerate() {
        places.entry(target_name(target.engine, &mapping.target)).or_default().push(place);
    }
    plan.tables
        .iter()
        .enumerate()
        .map(|(index, mapping)| {
            let there = target.table(&target_name(target.engine, &mapping.target));
            let made = mapping.create.as_ref().filter(|_| there.is_none());
            let keys = there
                .map(|table| table.foreign_keys.as_slice())
                .or(made.map(|shape| shape.foreign_keys.as_slice()))
                .unwrap_or_default();
            keys.iter()
                .filter(|key| counts(index, key))
                .filter_map(|key| places.get(&target_name(target.engine, &key.references)))
                .flatten()
                .copied()
                .collect()
        })
        .collect()
}

/// Groups of places, each after all that it refers to. `parents[place]` is what a place refers to.
pub fn parents_first(parents: &[BTreeSet<usize>]) -> Vec<Vec<usize>> {
    let groups = circles(parents);
    let mut group_of = vec![0; parents.len()];
    for (group, places) in groups.iter().enumerate() {
        for place in places {
            group_of[*place] = group;
        }
    }
    let mut waits_for: Vec<BTreeSet<usize>> = groups
        .iter()
        .enumerate()
        .map(|(group, places)| {
            let all = places.iter().flat_map(|place| &parents[*place]);
            all.map(|parent| group_of[*parent]).filter(|parent| *parent != group).collect()
        })
        .collect();
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); groups.len()];
    for (group, parents) in waits_for.iter().enumerate() {
        for parent in parents {
            children[*parent].push(group);
        }
    }
    // By first place, so that the plan's order decides where nothing else does.
    let mut ready: BTreeSet<(usize, usize)> = BTreeSet::new();
    let first = |group: usize| groups[group].first().copied().unwrap_or(0);
    ready.extend(
        (0..groups.len()).filter(|group| waits_for[*group].is_empty()).map(|g| (first(g), g)),
    );
    let mut order = Vec::with_capacity(groups.len());
    while let Some((_, group)) = ready.pop_first() {
        order.push(groups[group].clone());
        for child in &children[group] {
            waits_for[*child].remove(&group);
            if waits_for[*child].is_empty() {
                ready.insert((first(*child), *child));
            }
        }
    }
    order
}

/// The strongly connected components (Tarjan, without recursion), each in ascending order.
pub(crate) fn circles(parents: &[BTreeSet<usize>]) -> Vec<Vec<usize>> {
    const UNSEEN: usize = usize::MAX;
    let mut numbers = vec![UNSEEN; parents.len()];
    let mut lowest = vec![0; parents.len()];
    let mut is_open = vec![false; parents.len()];
    let mut open = Vec::new();
    let mut groups = Vec::new();
    let mut next = 0;
    for root in 0..parents.len() {
        if numbers[root] != UNSEEN {
            continue;
        }
        let mut path = vec![(root, parents[root].iter())];
        while let Some((place, rest)) = path.last_mut() {
            let place = *place;
            if numbers[place] == UNSEEN {
                numbers[place] = next;
                lowest[place] = next;
                next += 1;
                open.push(place);
                is_open[place] = true;
            }
            if let Some(parent) = rest.next() {
                if numbers[*parent] == UNSEEN {
                    path.push((*parent, parents[*parent].iter()));
                } else if is_open[*parent] {
                    lowest[place] = lowest[place].min(numbers[*parent]);
                }
                continue;
            }
            path.pop();
            if let Some((child, _)) = path.last() {
                lowest[*child] = lowest[*child].min(lowest[place]);
            }
            if lowest[place] == numbers[place] {
                let start = open.iter().rposition(|open| *open == place).unwrap_or(0);
                let mut group = open.split_off(start);
                for place in &group {
                    is_open[*place] = false;
                }
                group.sort_unstable();
                groups.push(group);
            }
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(parents: &[&[usize]], expected: &[&[usize]]) {
        let parents: Vec<BTreeSet<usize>> =
            parents.iter().map(|parents| parents.iter().copied().collect()).collect();
        assert_eq!(parents_first(&parents), expected);
    }

    #[test]
    fn parents_come_first_and_circles_together() {
        check(&[], &[]);
        check(&[&[], &[], &[]], &[&[0], &[1], &[2]]);
        check(&[&[2], &[], &[1]], &[&[1], &[2], &[0]]);
        check(&[&[0]], &[&[0]]);
        check(&[&[3], &[2], &[1], &[]], &[&[1, 2], &[3], &[0]]);
        check(&[&[1], &[2], &[0], &[0]], &[&[0, 1, 2], &[3]]);
    }

    fn reaches(parents: &[BTreeSet<usize>], from: usize, to: usize) -> bool {
        let mut seen = BTreeSet::new();
        let mut open = vec![from];
        while let Some(place) = open.pop() {
            for parent in &parents[place] {
                if *parent == to {
                    return true;
                }
                if seen.insert(*parent) {
                    open.push(*parent);
                }
            }
        }
        false
    }

    proptest! {
        #[test]
        fn every_table_comes_once_after_its_parents(
            edges in prop::collection::vec((0usize..12, 0usize..12), 0..40),
            count in 12usize..15,
        ) {
            let mut parents = vec![BTreeSet::new(); count];
            for (child, parent) in edges {
                parents[child].insert(parent);
            }
            let order = parents_first(&parents);

            let mut all: Vec<usize> = order.iter().flatten().copied().collect();
            all.sort_unstable();
            prop_assert_eq!(all, (0..count).collect::<Vec<_>>());
            let position = |place: usize| order.iter().position(|g| g.contains(&place)).unwrap();
            for (child, parents_of) in parents.iter().enumerate() {
                for parent in parents_of {
                    prop_assert!(position(*parent) <= position(child));
                }
            }
            for group in order.iter().filter(|group| group.len() > 1) {
                for one in group {
                    for other in group {
                        prop_assert!(one == other || reaches(&parents, *one, *other));
                    }
                }
            }
        }
    }
}
