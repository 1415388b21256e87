//! Whether a model that was learned can be believed.

use std::fmt;

use serde::{Deserialize, Serialize};
use shared::duplicate::{Agreement, Field};

use super::em::Fit;
use crate::compare::levels;
use crate::model::Class;

/// What is wrong with a model that was learned, or worth knowing about it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "finding")]
pub enum Finding {
    /// So few pairs look like one person that nothing can be learned from them.
    TooFewMatches { expected: f64 },
    /// So many pairs look like one person that the explanations must have changed places.
    TooManyMatches { per_record: f64 },
    /// There are so many more pairs of a household than of one person that one was taken for the
    /// other.
    HouseholdOutOfProportion { household: f64, same: f64 },
    /// Records that agree less would weigh more.
    NotMonotone { field: Field, better: Agreement, worse: Agreement },
    /// Too few observations of a level: its chance is the shipped one, more or less.
    Borrowed { field: Field, agreement: Agreement, observations: f64 },
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooFewMatches { expected } => write!(
                f,
                "Pairs that look like one person: {expected:.0}, too few to learn from; the shipped \
                 tables are used."
            ),
            Self::TooManyMatches { per_record } => write!(
                f,
                "{per_record:.1} pairs per record look like one person, which cannot be; the \
                 shipped tables are used."
            ),
            Self::HouseholdOutOfProportion { household, same } => write!(
                f,
                "{household:.0} pairs look like one household and {same:.0} like one person, too \
                 few to tell the two apart; the shipped tables are used."
            ),
            Self::NotMonotone { field, better, worse } => write!(
                f,
                "{}: `{}` came out weightier than `{}`, which cannot be; the shipped tables are \
                 used.",
                field.label(),
                worse.label(),
                better.label()
            ),
            Self::Borrowed { field, agreement, observations } => write!(
                f,
                "{}: `{}` was seen {observations:.0} times; its weight is mostly the shipped one.",
                field.label(),
                agreement.label()
            ),
        }
    }
}

impl Finding {
    /// Whether a model with it must not be used.
    pub const fn is_fatal(&self) -> bool {
        !matches!(self, Self::Borrowed { .. })
    }
}

const FEWEST_MATCHES: f64 = 20.0;
const FEWEST_OBSERVATIONS: f64 = 30.0;
const MOST_HOUSEHOLD: f64 = 5.0;
const MOST_PER_RECORD: f64 = 6.0;
/// So many bits a worse level may outweigh a better one by chance.
const TOLERANCE: f64 = 0.5;

/// Looks at a model before it is used.
pub(crate) fn examine(fit: &Fit, records: f64) -> Vec<Finding> {
    let mut findings = Vec::new();
    let [same, household, ..] = fit.expected;
    if same < FEWEST_MATCHES {
        findings.push(Finding::TooFewMatches { expected: same });
    }
    if same > MOST_PER_RECORD * records {
        findings.push(Finding::TooManyMatches { per_record: same / records });
    }
    if household > MOST_HOUSEHOLD * same {
        findings.push(Finding::HouseholdOutOfProportion { household, same });
    }
    for field in Field::ALL {
        let observed: f64 =
            levels(field).iter().map(|level| fit.support[field as usize][*level as usize]).sum();
        if observed < 1.0 {
            continue;
        }
        findings.extend(order(fit, field));
        for &agreement in levels(field) {
            let observations = fit.support[field as usize][agreement as usize];
            if observations < FEWEST_OBSERVATIONS {
                findings.push(Finding::Borrowed { field, agreement, observations });
            }
        }
    }
    findings
}

/// The same value must speak for one person and be what one person mostly has, a different one
/// must speak against it more than any similar spelling does. (A similar spelling may weigh more
/// than the same value on average: it is rarer among strangers than the value `Smith` is.)
fn order(fit: &Fit, field: Field) -> Option<Finding> {
    let at = field as usize;
    let chance = |class: Class, level: Agreement| fit.tables.0[class as usize][at][level as usize];
    let weight =
        |level: Agreement| (chance(Class::Same, level) / chance(Class::Stranger, level)).log2();
    let is_similar = |level: Agreement| {
        matches!(
            level,
            Agreement::Near
                | Agreement::Close
                | Agreement::OneEdit
                | Agreement::TwoEdits
                | Agreement::Loose
        )
    };
    let (exact, different) = (Agreement::Exact, Agreement::Different);
    let is_known = fit.support[at][exact as usize] >= FEWEST_OBSERVATIONS;
    if is_known && weight(exact) + TOLERANCE < weight(different) {
        return Some(Finding::NotMonotone { field, better: exact, worse: different });
    }
    levels(field)
        .iter()
        .filter(|level| {
            is_similar(**level) && fit.support[at][**level as usize] >= FEWEST_OBSERVATIONS
        })
        .find_map(|level| {
            if chance(Class::Same, *level) > chance(Class::Same, exact) {
                Some(Finding::NotMonotone { field, better: exact, worse: *level })
            } else if weight(different) > weight(*level) + TOLERANCE {
                Some(Finding::NotMonotone { field, better: *level, worse: different })
            } else {
                None
            }
        })
}
