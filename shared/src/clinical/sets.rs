//! Checks that are shipped: for a legacy system that is known, and for schemas of a known shape.

use super::ClinicalCheck;

/// Checks that go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckSet {
    /// The name by which a plan asks for it.
    pub name: &'static str,
    /// One sentence for people who choose.
    pub description: &'static str,
    document: &'static str,
}

/// All sets.
pub const SETS: &[CheckSet] = &[
    CheckSet {
        name: "mdw",
        description: "What the template mdw makes: patients, doctors, offices, orders and payments.",
        document: include_str!("sets/mdw.yaml"),
    },
    CheckSet {
        name: "fhir",
        description: "Tables shaped and named like FHIR resources, in snake case.",
        document: include_str!("sets/fhir.yaml"),
    },
];

impl CheckSet {
    pub fn named(name: &str) -> Option<&'static Self> {
        SETS.iter().find(|set| set.name == name)
    }

    pub fn checks(&self) -> Vec<ClinicalCheck> {
        serde_norway::from_str(self.document)
            .expect("a set is part of the program and tested with it")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_set_reads_and_each_of_its_keys_is_there_once() {
        let mut keys = BTreeSet::new();
        for set in SETS {
            for check in set.checks() {
                assert!(check.key.starts_with(set.name), "{}", check.key);
                assert_eq!(check.test.problems(), Vec::<String>::new(), "{}", check.key);
                assert!(keys.insert(check.key.clone()), "{} twice", check.key);
            }
        }
    }
}
