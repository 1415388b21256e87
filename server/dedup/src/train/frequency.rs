//! How often values occur: two strangers share `Smith` more easily than `Quillfeather`.

use shared::duplicate::Field;

use crate::hash;
use crate::model::Frequencies;
use crate::number::{compact, real, settled, size};
use crate::people::{People, Role, ValueId};

/// Values that fewer records have are rare, and stay out of a saved model.
const COMMON: u32 = 5;
/// As many common values per field as a saved model keeps.
const KEPT: usize = 20_000;
/// No value's rarity counts for more than this factor.
const MOST: f64 = 1024.0;

/// The fields whose values differ in frequency enough to matter.
pub(crate) const FIELDS: [Field; 11] = [
    Field::GivenName,
    Field::MiddleName,
    Field::Surname,
    Field::BirthDate,
    Field::Phone,
    Field::Email,
    Field::Address,
    Field::Unit,
    Field::City,
    Field::Postcode,
    Field::State,
];

/// The frequencies of a field's values.
pub(crate) fn measure(people: &People, field: Field) -> Frequencies {
    let counted = counts(people, field);
    // In whole numbers: sums of fractions would depend on the order of the input.
    let total = real(counted.iter().map(|(_, count)| u64::from(*count)).sum());
    if counted.is_empty() {
        return Frequencies { rare: 1.0, ..Frequencies::default() };
    }
    // How often a value is shared on average, weighted as agreeing pairs are.
    let squares: u64 = counted.iter().map(|(_, count)| u64::from(*count).pow(2)).sum();
    let average = real(squares) / total / total;
    let ratio = |count: f64| settled((count / total / average).clamp(1.0 / MOST, MOST));
    let mut common: Vec<(u32, u64)> = counted
        .iter()
        .filter(|(_, count)| *count >= COMMON)
        .map(|(value, count)| (*count, content(people, field, *value)))
        .collect();
    common.sort_unstable_by(|a, b| b.cmp(a));
    common.truncate(KEPT);
    let kept: u64 = common.iter().map(|(count, _)| u64::from(*count)).sum();
    let rare = (total - real(kept)) / size(counted.len() - common.len()).max(1.0);
    Frequencies {
        rare: ratio(rare.max(1.0)),
        common: common
            .into_iter()
            .map(|(count, content)| (content, ratio(real(u64::from(count)))))
            .collect(),
    }
}

/// A hash of a value, the same in every file.
pub(crate) fn content(people: &People, field: Field, value: ValueId) -> u64 {
    match field {
        Field::GivenName | Field::MiddleName | Field::Surname => hash::of(people.names.text(value)),
        Field::Phone => hash::of(people.phones.text(value)),
        Field::Email => hash::of(people.emails.text(value)),
        Field::Address => {
            let (house, street) = people.addresses.parts(value);
            let [house, street] = [people.houses.content(house), people.places.content(street)];
            hash::mix(house.into(), street.into())
        }
        Field::Unit => hash::of(people.places.text(value)),
        Field::City => hash::of(people.cities.text(value)),
        Field::Postcode => hash::of(people.postcodes.text(value)),
        Field::State => hash::of(people.states.text(value)),
        // A date is its own content, and its own number.
        Field::BirthDate
        | Field::Suffix
        | Field::Area
        | Field::Sex
        | Field::Identifier
        | Field::OtherIdentifier => u64::from(value),
    }
}

/// The upper half of [`content`], without reading the value where it is kept.
pub(crate) fn half(people: &People, field: Field, value: ValueId) -> u32 {
    match field {
        Field::GivenName | Field::MiddleName | Field::Surname => people.names.content(value),
        Field::Phone => people.phones.content(value),
        Field::Email => people.emails.content(value),
        Field::Unit => people.places.content(value),
        Field::City => people.cities.content(value),
        Field::Postcode => people.postcodes.content(value),
        Field::State => people.states.content(value),
        _ => hash::upper(content(people, field, value)),
    }
}

/// The values of a field that occur, with how often. A date's digits are its number.
pub(crate) fn counts(people: &People, field: Field) -> Vec<(ValueId, u32)> {
    let of = |counts: &[u32]| {
        counts
            .iter()
            .enumerate()
            .filter(|(value, count)| *value != 0 && **count > 0)
            .map(|(value, count)| (compact(value), *count))
            .collect()
    };
    match field {
        Field::GivenName => of(people.names.counts(Role::Given)),
        Field::MiddleName => of(people.names.counts(Role::Middle)),
        Field::Surname => of(people.names.counts(Role::Surname)),
        Field::Phone => of(people.phones.counts()),
        Field::Email => of(people.emails.counts()),
        Field::Address => of(people.addresses.counts()),
        Field::Unit => of(people.places.counts()),
        Field::City => of(people.cities.counts()),
        Field::Postcode => of(people.postcodes.counts()),
        Field::State => of(people.states.counts()),
        Field::BirthDate => {
            let mut dates: Vec<u32> = people
                .rows()
                .iter()
                .filter(|row| row.exclusion().is_none() && row.birth.is_known())
                .map(|row| row.birth.digits())
                .collect();
            dates.sort_unstable();
            dates.chunk_by(|a, b| a == b).map(|run| (run[0], compact(run.len()))).collect()
        }
        Field::Suffix | Field::Sex | Field::Identifier | Field::OtherIdentifier | Field::Area => {
            Vec::new()
        }
    }
}
