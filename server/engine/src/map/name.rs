//! Names: which of the target's are meant by the source's, and new ones that collide with none.

use std::collections::HashSet;

use shared::connection::Engine;

/// PostgreSQL cuts longer names, and then two can be one.
pub(super) const LONGEST: usize = 63;

/// Where a name stands in a list: spelled the same, or else the same but for case, underscores,
/// blanks and hyphens, when there is one such name only.
pub(super) fn find<'n>(
    wanted: &str,
    names: impl Iterator<Item = &'n str> + Clone,
) -> Option<usize> {
    if let Some(exact) = names.clone().position(|name| name == wanted) {
        return Some(exact);
    }
    let wanted = folded(wanted);
    let mut alike = names.enumerate().filter(|(_, name)| folded(name) == wanted);
    let (place, _) = alike.next()?;
    alike.next().is_none().then_some(place)
}

/// Names that are given out once.
#[derive(Debug, Default)]
pub(super) struct Names {
    taken: HashSet<String>,
    /// SQLite takes `A` and `a` for one name.
    folds_case: bool,
}

impl Names {
    pub(super) fn of(engine: Engine) -> Self {
        Self { taken: HashSet::new(), folds_case: engine == Engine::Sqlite }
    }

    pub(super) fn reserve(&mut self, name: &str) {
        let key = self.key(name);
        self.taken.insert(key);
    }

    /// The first of the names that is free, or the last with a number after it.
    pub(super) fn give(&mut self, wanted: &[&str]) -> String {
        for name in wanted {
            let name = cut(name, "");
            if self.take(&name) {
                return name;
            }
        }
        let base = wanted.last().copied().unwrap_or_default();
        let mut number = 2u64;
        loop {
            let name = cut(base, &format!("_{number}"));
            if self.take(&name) {
                return name;
            }
            number += 1;
        }
    }

    fn take(&mut self, name: &str) -> bool {
        !name.is_empty() && {
            let key = self.key(name);
            self.taken.insert(key)
        }
    }

    fn key(&self, name: &str) -> String {
        if self.folds_case { name.to_ascii_lowercase() } else { name.to_owned() }
    }
}

fn folded(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '_' | '-' | ' ')).flat_map(char::to_lowercase).collect()
}

/// The name with the suffix, no longer than names may be.
fn cut(name: &str, suffix: &str) -> String {
    let mut end = name.len().min(LONGEST - suffix.len());
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{suffix}", &name[..end])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check_find(wanted: &str, names: &[&str], expected: Option<usize>) {
        assert_eq!(find(wanted, names.iter().copied()), expected);
    }

    #[test]
    fn a_name_is_found_however_it_is_spelled() {
        check_find("Artist", &["artist", "Artist"], Some(1));
        check_find("ArtistId", &["album_id", "artist_id"], Some(1));
        check_find("first name", &["FirstName"], Some(0));
        check_find("artistid", &["artist_id", "ArtistId"], None);
        check_find("artist", &["artists"], None);
    }

    #[test]
    fn a_name_that_is_taken_gets_another() {
        let mut names = Names::of(Engine::Postgres);
        names.reserve("patients");
        assert_eq!(names.give(&["office_fk"]), "office_fk");
        assert_eq!(names.give(&["office_fk", "patients_office_fk"]), "patients_office_fk");
        assert_eq!(names.give(&["office_fk", "patients_office_fk"]), "patients_office_fk_2");
        assert_eq!(names.give(&["Patients"]), "Patients");
        assert_eq!(names.give(&[""]), "_2");

        let mut names = Names::of(Engine::Sqlite);
        names.reserve("patients");
        assert_eq!(names.give(&["Patients"]), "Patients_2");
    }

    proptest! {
        #[test]
        fn no_name_is_too_long_or_given_twice(
            wanted in prop::collection::vec("[aä\u{65e5}]{60,70}", 1..20),
        ) {
            let mut names = Names::of(Engine::Postgres);
            let given: Vec<String> = wanted.iter().map(|name| names.give(&[name])).collect();
            prop_assert!(given.iter().all(|name| name.len() <= LONGEST));
            prop_assert_eq!(given.iter().collect::<HashSet<_>>().len(), given.len());
        }
    }
}
