//! The tables that come with the program: what they are worth where nothing can be learned, and
//! what learning starts from.

use shared::duplicate::{Agreement, Field};

use super::{CLASSES, FIELDS, LEVELS, Tables};

impl Tables {
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
    use crate::compare::levels;

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
