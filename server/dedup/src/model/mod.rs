//! What is known about how records of one person, of a household, of twins and of strangers agree.
//!
//! A model is saved whole: with the conventions under which values were read and the passes that
//! found the pairs, so that the same records give the same weights as long as it is used.

mod shipped;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use shared::duplicate::{Agreement, Field, LevelChances, ModelOrigin};

use crate::block::Plan;
use crate::compare::levels;
use crate::number::{pairs, real, settled};
use crate::people::Reading;

/// The version of a saved model's format that this build writes.
pub const FORMAT: u32 = 1;

/// Who two records can be to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    Same,
    Household,
    Twin,
    /// Parent and child, or other relatives, of one name.
    Namesake,
    Stranger,
}

impl Class {
    pub const ALL: [Self; 5] =
        [Self::Same, Self::Household, Self::Twin, Self::Namesake, Self::Stranger];
}

/// How probable a level is, for each class.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chances {
    pub same: f64,
    pub household: f64,
    pub twin: f64,
    pub namesake: f64,
    pub stranger: f64,
}

/// How many of all pairs are of a class. The rest are strangers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rates {
    pub same: f64,
    pub household: f64,
    pub twin: f64,
    pub namesake: f64,
}

/// How often the values of a field occur, where they occur often.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Frequencies {
    /// How much more often than on average two strangers share a value that is none of the common
    /// ones; mostly less than 1.
    pub rare: f64,
    /// The same for each common value, by the hash of its content.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub common: BTreeMap<u64, f64>,
}

/// All that turns agreements into weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// The version of this document's format.
    pub format: u32,
    pub origin: ModelOrigin,
    /// How many records it was fitted to. The rates hold for a table of about this size.
    pub records: u64,
    pub rates: Rates,
    pub fields: BTreeMap<Field, BTreeMap<Agreement, Chances>>,
    pub frequencies: BTreeMap<Field, Frequencies>,
    pub reading: Reading,
    pub plan: Plan,
}

/// A saved model that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    #[error("the model has format {found}, this program reads format {FORMAT}")]
    Format { found: u32 },
    #[error("the model has no chances for {field} {agreement}")]
    Incomplete { field: Field, agreement: Agreement },
    #[error("the model's chances for {field} {agreement} are not between 0 and 1")]
    OutOfRange { field: Field, agreement: Agreement },
    #[error("the model's rates are not between 0 and 1")]
    Rates,
}

impl Model {
    /// Refuses a model that would give no weight, or a wrong one.
    pub fn check(&self) -> Result<(), ModelError> {
        if self.format != FORMAT {
            return Err(ModelError::Format { found: self.format });
        }
        let is_chance = |value: f64| value > 0.0 && value <= 1.0;
        let may_be = |rate: f64| rate > 0.0 && rate <= 1.0;
        if !self.rates.by_class().into_iter().all(may_be) {
            return Err(ModelError::Rates);
        }
        for field in Field::ALL {
            for &agreement in levels(field) {
                let chances = self
                    .fields
                    .get(&field)
                    .and_then(|levels| levels.get(&agreement))
                    .ok_or(ModelError::Incomplete { field, agreement })?;
                if !chances.by_class().into_iter().all(is_chance) {
                    return Err(ModelError::OutOfRange { field, agreement });
                }
            }
        }
        Ok(())
    }

    /// The model for a table of another size: as many duplicates per record, so fewer per pair in
    /// a larger table.
    #[must_use]
    pub fn rescaled_to(mut self, records: u64) -> Self {
        let per_pair = |records: u64| real(records) / real(pairs(records).max(1));
        let factor = per_pair(records) / per_pair(self.records);
        let Rates { same, household, twin, namesake } = &mut self.rates;
        for rate in [same, household, twin, namesake] {
            *rate = (*rate * factor).min(0.2);
        }
        self.records = records;
        self
    }

    /// Says how many pairs of one person there are per record.
    pub(crate) fn set_matches_per_record(&mut self, matches: f64) {
        let rate = matches * real(self.records) / real(pairs(self.records).max(1));
        self.rates.same = rate.clamp(1e-12, 0.2);
    }

    /// How many pairs of one person there are per record, by the model's own count.
    pub fn matches_per_record(&self) -> f64 {
        self.rates.same * real(pairs(self.records)) / real(self.records.max(1))
    }

    /// The chances of every level, in the order in which fields and agreements are shown.
    pub fn levels(&self) -> Vec<LevelChances> {
        let row = |(&field, chances): (&Field, &BTreeMap<Agreement, Chances>)| {
            chances
                .iter()
                .map(|(&agreement, chances)| LevelChances {
                    field,
                    agreement,
                    same_person: chances.same,
                    household_member: chances.household,
                    twin: chances.twin,
                    namesake: chances.namesake,
                    stranger: chances.stranger,
                    observations: None,
                })
                .collect::<Vec<_>>()
        };
        self.fields.iter().flat_map(row).collect()
    }

    /// A short name for exactly this model, to tell which one decided.
    pub fn fingerprint(&self) -> String {
        let text = serde_norway::to_string(self).unwrap_or_default();
        format!("{:016x}", crate::hash::of(&text))
    }
}

impl Chances {
    pub const fn by_class(self) -> [f64; CLASSES] {
        [self.same, self.household, self.twin, self.namesake, self.stranger]
    }

    pub(crate) const fn of(by_class: [f64; CLASSES]) -> Self {
        let [same, household, twin, namesake, stranger] = by_class;
        Self { same, household, twin, namesake, stranger }
    }
}

impl Rates {
    /// The same to as many digits as a saved model keeps.
    pub(crate) fn settled(self) -> Self {
        Self {
            same: settled(self.same),
            household: settled(self.household),
            twin: settled(self.twin),
            namesake: settled(self.namesake),
        }
    }

    pub fn by_class(self) -> [f64; CLASSES] {
        let Self { same, household, twin, namesake } = self;
        [same, household, twin, namesake, 1.0 - same - household - twin - namesake]
    }
}

/// The codes of agreements, and fields, as array bounds.
pub(crate) const LEVELS: usize = 16;
pub(crate) const FIELDS: usize = Field::ALL.len();
pub(crate) const CLASSES: usize = Class::ALL.len();

/// Chances by class, field and code of the agreement, for arithmetic. A missing value has chance 1
/// in every class.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tables(pub [[[f64; LEVELS]; FIELDS]; CLASSES]);

impl Tables {
    pub(crate) fn of(fields: &BTreeMap<Field, BTreeMap<Agreement, Chances>>) -> Self {
        let mut tables = Self([[[1.0; LEVELS]; FIELDS]; CLASSES]);
        for (field, levels) in fields {
            for (agreement, chances) in levels {
                for (class, chance) in tables.0.iter_mut().zip(chances.by_class()) {
                    class[*field as usize][*agreement as usize] = chance;
                }
            }
        }
        tables
    }

    pub(crate) fn fields(&self) -> BTreeMap<Field, BTreeMap<Agreement, Chances>> {
        let chances = |field: Field, agreement: Agreement| {
            Chances::of(self.0.map(|class| class[field as usize][agreement as usize]))
        };
        Field::ALL
            .into_iter()
            .map(|field| {
                (
                    field,
                    levels(field).iter().map(|level| (*level, chances(field, *level))).collect(),
                )
            })
            .collect()
    }

    /// The same to as many digits as a saved model keeps.
    pub(crate) fn settled(mut self) -> Self {
        for chance in self.0.iter_mut().flatten().flatten() {
            *chance = settled(*chance);
        }
        self
    }
}
