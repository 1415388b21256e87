//! Short and other forms of given names.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

/// A name's place in the list of names that have other forms. 0 for a name that is not in it.
pub fn position(name: &str) -> u16 {
    TABLE.positions.get(name).copied().unwrap_or(0)
}

/// The groups of names that the name at a place belongs to; two names agree when they share one.
pub fn groups_at(position: u16) -> &'static [u16] {
    TABLE.groups.get(usize::from(position)).map_or(&[], Vec::as_slice)
}

/// The form under which a name is filed, when it has exactly one: `bill` → `william`.
pub fn root(name: &str) -> Option<&'static str> {
    match groups_at(position(name)) {
        [only] => TABLE.roots.get(usize::from(*only)).copied(),
        _ => None,
    }
}

/// Whether two names are forms of one name, by their groups.
pub fn are_forms_of_one_name(left: &[u16], right: &[u16]) -> bool {
    left.iter().any(|group| right.contains(group))
}

/// Whether a name is one in use, and not some misspelling.
pub fn is_in_use(name: &str) -> bool {
    position(name) != 0 || IN_USE.contains(name)
}

static IN_USE: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
    let lines = include_str!("given_names.txt").lines();
    lines.filter(|line| !line.starts_with('#')).flat_map(str::split_whitespace).collect()
});

struct Table {
    positions: HashMap<&'static str, u16>,
    groups: Vec<Vec<u16>>,
    roots: Vec<&'static str>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let mut table =
        Table { positions: HashMap::new(), groups: vec![Vec::new()], roots: Vec::new() };
    for line in include_str!("nicknames.txt").lines().filter(|line| !line.starts_with('#')) {
        let Some(root) = line.split_whitespace().next() else { continue };
        let Ok(group) = u16::try_from(table.roots.len()) else { break };
        table.roots.push(root);
        for name in line.split_whitespace() {
            let Ok(next) = u16::try_from(table.groups.len()) else { break };
            let position = *table.positions.entry(name).or_insert(next);
            if position == next {
                table.groups.push(Vec::new());
            }
            let groups = &mut table.groups[usize::from(position)];
            if !groups.contains(&group) {
                groups.push(group);
            }
        }
    }
    table
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_forms_agree_with_their_name_and_not_with_another() {
        let groups = |name| groups_at(position(name));
        let agree = |left, right| are_forms_of_one_name(groups(left), groups(right));

        assert!(agree("bill", "william"));
        assert!(agree("liz", "beth"));
        assert!(agree("pat", "patricia"));
        assert!(agree("pat", "patrick"));
        assert!(!agree("patricia", "patrick"));
        assert!(!agree("william", "robert"));
        assert!(!agree("quillan", "quillan"));
    }

    #[test]
    fn names_in_use_are_told_from_misspellings() {
        for name in ["jaden", "kaden", "bill", "wilhelm", "maya"] {
            assert!(is_in_use(name), "{name}");
        }
        for name in ["jhon", "micheal", "patrcik", ""] {
            assert!(!is_in_use(name), "{name}");
        }
    }

    #[test]
    fn a_form_of_several_names_is_filed_under_itself() {
        assert_eq!(root("bob"), Some("robert"));
        assert_eq!(root("chris"), None);
        assert_eq!(root("quillan"), None);
    }
}
