//! What is known about how records of one person, of a household, of twins and of strangers agree.
//!
//! A model is saved whole: with the conventions under which values were read and the passes that
//! found the pairs, so that the same records give the same weights as long as it is used.

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

    /// The tables that come with the program.
    pub(crate) fn shipped() -> Self {
        let mut tables = Self([[[1.0; LEVELS]; FIELDS]; CLASSES]);
        for (field, rows) in SHIPPED {
            for (agreement, chances) in *rows {
                let [same, household, twin, stranger] = *chances;
                // A namesake shares what a household shares, and what is written below.
                let namesake = NAMESAKE
                    .iter()
                    .find(|(other, _)| other == field)
                    .and_then(|(_, rows)| rows.iter().find(|(level, _)| level == agreement))
                    .map_or(household, |(_, chance)| *chance);
                let by_class = [same, household, twin, namesake, stranger];
                for (class, chance) in tables.0.iter_mut().zip(by_class) {
                    class[*field as usize][*agreement as usize] = chance;
                }
            }
        }
        tables
    }
}

use Agreement::{
    Close, Different, Exact, Initial, Loose, Near, Nickname, OneEdit, Part, SmallPart, Swapped,
    TwoEdits,
};

type ShippedRow = (Agreement, [f64; 4]);

/// Per level: same person, member of the household, twin, stranger.
const SHIPPED: &[(Field, &[ShippedRow])] = &[
    (
        Field::GivenName,
        &[
            (Exact, [0.800, 0.020, 0.020, 4e-3]),
            (Nickname, [0.035, 0.005, 0.005, 2e-3]),
            (Near, [0.060, 0.008, 0.008, 2e-3]),
            (Close, [0.030, 0.012, 0.012, 6e-3]),
            (Swapped, [0.010, 0.0003, 0.0003, 1e-6]),
            (Part, [0.008, 0.010, 0.010, 2e-3]),
            (Initial, [0.020, 0.010, 0.010, 6e-3]),
            (Loose, [0.015, 0.050, 0.050, 4e-2]),
            (Different, [0.022, 0.8847, 0.8847, 0.938]),
        ],
    ),
    (
        Field::MiddleName,
        &[
            (Exact, [0.700, 0.040, 0.040, 1e-2]),
            (Near, [0.040, 0.010, 0.010, 5e-3]),
            (Initial, [0.200, 0.080, 0.080, 6e-2]),
            (Different, [0.060, 0.870, 0.870, 0.925]),
        ],
    ),
    (
        Field::Surname,
        &[
            (Exact, [0.880, 0.720, 0.940, 1.5e-3]),
            (Near, [0.050, 0.030, 0.030, 1.5e-3]),
            (Part, [0.010, 0.030, 0.010, 1e-3]),
            (Close, [0.015, 0.010, 0.005, 4e-3]),
            (Initial, [0.001, 0.001, 0.001, 1e-3]),
            (Loose, [0.010, 0.025, 0.007, 3e-2]),
            (Different, [0.034, 0.184, 0.007, 0.961]),
        ],
    ),
    (
        Field::Suffix,
        &[(Exact, [0.970, 0.300, 0.900, 0.5]), (Different, [0.030, 0.700, 0.100, 0.5])],
    ),
    (
        Field::BirthDate,
        &[
            (Exact, [0.900, 0.006, 0.970, 4e-5]),
            (Swapped, [0.010, 0.0005, 0.003, 3e-5]),
            (OneEdit, [0.045, 0.004, 0.016, 7e-4]),
            (Part, [0.030, 0.012, 0.008, 2.5e-3]),
            (TwoEdits, [0.009, 0.012, 0.001, 1.5e-2]),
            (SmallPart, [0.003, 0.012, 0.001, 0.012]),
            (Different, [0.003, 0.9535, 0.001, 0.969_73]),
        ],
    ),
    (Field::Sex, &[(Exact, [0.985, 0.450, 0.600, 0.5]), (Different, [0.015, 0.550, 0.400, 0.5])]),
    (
        Field::Identifier,
        &[
            (Exact, [0.930, 0.004, 0.003, 1e-7]),
            (OneEdit, [0.045, 0.003, 0.200, 1e-6]),
            (TwoEdits, [0.015, 0.003, 0.100, 2e-5]),
            (Different, [0.010, 0.990, 0.697, 0.999_978]),
        ],
    ),
    (
        Field::OtherIdentifier,
        &[
            (Exact, [0.700, 0.060, 0.060, 1e-6]),
            (OneEdit, [0.020, 0.040, 0.040, 1e-5]),
            (Different, [0.280, 0.900, 0.900, 0.999_98]),
        ],
    ),
    (
        Field::Phone,
        &[
            (Exact, [0.750, 0.550, 0.850, 3e-6]),
            (OneEdit, [0.030, 0.020, 0.020, 1e-5]),
            (Different, [0.220, 0.430, 0.130, 0.999_98]),
        ],
    ),
    (
        Field::Email,
        &[
            (Exact, [0.750, 0.350, 0.750, 2e-6]),
            (OneEdit, [0.040, 0.008, 0.010, 1e-6]),
            (Part, [0.020, 0.010, 0.010, 5e-6]),
            (Different, [0.190, 0.632, 0.230, 0.999_992]),
        ],
    ),
    (
        Field::Address,
        &[
            (Exact, [0.650, 0.620, 0.780, 1e-5]),
            (Near, [0.100, 0.090, 0.090, 1e-5]),
            (Swapped, [0.010, 0.010, 0.010, 5e-5]),
            (Close, [0.060, 0.060, 0.050, 2e-3]),
            (Part, [0.020, 0.030, 0.010, 1e-2]),
            (Different, [0.160, 0.190, 0.060, 0.987_93]),
        ],
    ),
    (
        Field::Unit,
        &[
            (Exact, [0.750, 0.600, 0.700, 5e-3]),
            (Near, [0.050, 0.050, 0.050, 3e-3]),
            (Different, [0.200, 0.350, 0.250, 0.992]),
        ],
    ),
    (
        Field::City,
        &[
            (Exact, [0.850, 0.850, 0.900, 1e-2]),
            (Near, [0.050, 0.030, 0.030, 3e-3]),
            (Different, [0.100, 0.120, 0.070, 0.987]),
        ],
    ),
    (
        Field::Postcode,
        &[
            (Exact, [0.820, 0.840, 0.900, 2e-3]),
            (OneEdit, [0.050, 0.020, 0.020, 5e-3]),
            (Different, [0.130, 0.140, 0.080, 0.993]),
        ],
    ),
    (Field::State, &[(Exact, [0.950, 0.970, 0.980, 0.2]), (Different, [0.050, 0.030, 0.020, 0.8])]),
    (
        Field::Area,
        &[
            (Exact, [0.250, 0.350, 0.350, 2e-3]),
            (Part, [0.150, 0.150, 0.150, 1e-2]),
            (SmallPart, [0.350, 0.300, 0.300, 0.15]),
            (Different, [0.250, 0.200, 0.200, 0.838]),
        ],
    ),
];

/// Parent and child of one name: the names of one person, the dates of two.
const NAMESAKE: &[(Field, &[(Agreement, f64)])] = &[
    (
        Field::GivenName,
        &[
            (Exact, 0.850),
            (Nickname, 0.040),
            (Near, 0.060),
            (Close, 0.015),
            (Swapped, 0.010),
            (Part, 0.003),
            (Initial, 0.012),
            (Loose, 0.005),
            (Different, 0.005),
        ],
    ),
    (Field::MiddleName, &[(Exact, 0.450), (Near, 0.030), (Initial, 0.220), (Different, 0.300)]),
    (
        Field::Surname,
        &[
            (Exact, 0.920),
            (Near, 0.040),
            (Part, 0.008),
            (Close, 0.010),
            (Initial, 0.001),
            (Loose, 0.006),
            (Different, 0.015),
        ],
    ),
    (Field::Suffix, &[(Exact, 0.100), (Different, 0.900)]),
    (
        Field::BirthDate,
        &[
            (Exact, 0.001),
            (Swapped, 0.0005),
            (OneEdit, 0.002),
            (Part, 0.005),
            (TwoEdits, 0.006),
            (SmallPart, 0.0005),
            (Different, 0.985),
        ],
    ),
    (Field::Sex, &[(Exact, 0.980), (Different, 0.020)]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_tables_are_whole_and_each_sums_to_one() {
        let shipped = Tables::shipped();
        for field in Field::ALL {
            for class in &shipped.0 {
                let sum: f64 =
                    levels(field).iter().map(|level| class[field as usize][*level as usize]).sum();
                assert!((sum - 1.0).abs() < 2e-5, "{field}: {sum}");
            }
        }
        assert_eq!(Tables::of(&shipped.fields()), shipped);
    }
}
