//! What two records must share to meet in a block.

use serde::{Deserialize, Serialize};

use crate::hash::mix;
use crate::normalize::identifier::Sex;
use crate::people::{Index, People, Row, Start, Traits, ValueId};

/// A property of a record by which passes make their blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Feature {
    Identifier,
    /// The last four characters of the identifier.
    IdentifierEnd,
    OtherIdentifier,
    Email,
    /// Any phone of one is any phone of the other.
    Phone,
    BirthDate,
    /// The date with day and month in either order.
    BirthEitherWay,
    BirthYear,
    /// Day and month without the year.
    Birthday,
    /// The name that the given name is a form of.
    Given,
    GivenInitial,
    /// The first three letters.
    GivenStart,
    GivenSound,
    Surname,
    /// The first two letters.
    SurnameStart,
    /// The first three letters.
    SurnameBegin,
    SurnameSound,
    /// Given name and surname, whichever stands first.
    NamesEitherWay,
    Sex,
    Address,
    Unit,
    City,
    Postcode,
}

impl Feature {
    /// A hash of what a record has of it; None when it has nothing. Of two phones, the first.
    pub fn content(self, people: &People, record: Index) -> Option<u64> {
        let number = self.number(people, record)?;
        let row = people.row(record);
        let names = &people.names;
        Some(match self {
            Self::Identifier => people.identifiers.content(row.identifier).into(),
            Self::OtherIdentifier => people.other_identifiers.content(row.other_identifier).into(),
            Self::Email => people.emails.content(row.email).into(),
            Self::Phone => people.phones.content(row.phones[0]).into(),
            Self::Given => names.content(people.traits(record).given_root).into(),
            Self::Surname => names.content(row.surname).into(),
            Self::NamesEitherWay => {
                let (given, surname) = (names.content(row.given), names.content(row.surname));
                mix(given.min(surname).into(), given.max(surname).into())
            }
            Self::Address => {
                let (house, street) = people.addresses.parts(row.address);
                mix(people.houses.content(house).into(), people.places.content(street).into())
            }
            Self::Unit => people.places.content(row.unit).into(),
            Self::City => people.cities.content(row.city).into(),
            Self::Postcode => people.postcodes.content(row.postcode).into(),
            // Dates, sounds, letters and digits are their own content.
            Self::IdentifierEnd
            | Self::BirthDate
            | Self::BirthEitherWay
            | Self::BirthYear
            | Self::Birthday
            | Self::GivenInitial
            | Self::GivenStart
            | Self::GivenSound
            | Self::SurnameStart
            | Self::SurnameBegin
            | Self::SurnameSound
            | Self::Sex => number,
        })
    }

    /// A number for what a record has of it, as [`Self::numbers`] gives it; None where it has none.
    pub(super) fn number(self, people: &People, record: Index) -> Option<u64> {
        let mut number = [0];
        self.numbers(people, &[record], &mut number);
        (number != [0]).then_some(number[0])
    }

    /// A number for what each record has of it, 0 where it has nothing: the same where the content
    /// is the same, and found without looking at the content. It depends on the order of the input,
    /// so it appears in no result.
    pub(super) fn numbers(self, people: &People, records: &[Index], numbers: &mut [u64]) {
        let put = Put { people, records, numbers };
        let given = |letters| {
            move |row: &Row, traits: &Traits| start(people, row.given, traits.given_start, letters)
        };
        let surname = |letters| {
            move |row: &Row, traits: &Traits| {
                start(people, row.surname, traits.surname_start, letters)
            }
        };
        match self {
            Self::Identifier => put.each(|row, _| row.identifier.into()),
            Self::IdentifierEnd => put.each(|_, traits| traits.identifier_end.into()),
            Self::OtherIdentifier => put.each(|row, _| row.other_identifier.into()),
            Self::Email => put.each(|row, _| row.email.into()),
            Self::Phone => put.each(|row, _| row.phones[0].into()),
            Self::BirthDate => put.each(|row, _| whole_birth(row).into()),
            Self::BirthEitherWay => put.each(|row, _| birth_either_way(row).into()),
            Self::BirthYear => put.each(|row, _| row.birth.year().into()),
            Self::Birthday => put.each(|row, _| (whole_birth(row) % 10_000).into()),
            Self::Given => put.each(|_, traits| traits.given_root.into()),
            Self::GivenInitial => put.each(given(1)),
            Self::GivenStart => put.each(given(3)),
            Self::GivenSound => put.each(|_, traits| traits.given_sound.into()),
            Self::Surname => put.each(|row, _| row.surname.into()),
            Self::SurnameStart => put.each(surname(2)),
            Self::SurnameBegin => put.each(surname(3)),
            Self::SurnameSound => put.each(|_, traits| traits.surname_sound.into()),
            Self::NamesEitherWay => put.each(|row, _| match (row.given, row.surname) {
                (0, _) | (_, 0) => 0,
                (given, surname) => {
                    u64::from(given.min(surname)) << 32 | u64::from(given.max(surname))
                }
            }),
            Self::Sex => put.each(|row, _| match row.sex() {
                Sex::Unknown => 0,
                Sex::Male => 1,
                Sex::Female => 2,
            }),
            Self::Address => put.each(|_, traits| traits.address.into()),
            Self::Unit => put.each(|row, _| row.unit.into()),
            Self::City => put.each(|row, _| row.city.into()),
            Self::Postcode => put.each(|row, _| row.postcode.into()),
        }
    }

    /// Whether two records share it. A record that has nothing of it shares nothing.
    pub fn is_shared(self, people: &People, one: Index, other: Index) -> bool {
        if self == Self::Phone {
            let (ours, theirs) = (people.row(one).phones, people.row(other).phones);
            return ours.iter().any(|phone| *phone != 0 && theirs.contains(phone));
        }
        let number = self.number(people, one);
        number.is_some() && number == self.number(people, other)
    }
}

/// Where the numbers of records go.
struct Put<'a> {
    people: &'a People,
    records: &'a [Index],
    numbers: &'a mut [u64],
}

impl Put<'_> {
    #[inline]
    fn each(self, read: impl Fn(&Row, &Traits) -> u64) {
        for (record, number) in self.records.iter().zip(self.numbers) {
            *number = read(self.people.row(*record), self.people.traits(*record));
        }
    }
}

/// The digits of a date of which day and month are known, else 0.
const fn whole_birth(row: &Row) -> u32 {
    if row.birth.month() != 0 && row.birth.day() != 0 { row.birth.digits() } else { 0 }
}

fn birth_either_way(row: &Row) -> u32 {
    let birth = row.birth;
    if whole_birth(row) == 0 {
        return 0;
    }
    let (low, high) = (birth.day().min(birth.month()), birth.day().max(birth.month()));
    birth.year() * 10_000 + high * 100 + low
}

fn start(people: &People, name: ValueId, start: Start, letters: u32) -> u64 {
    if let Some(known) = start.letters(letters) {
        return known.into();
    }
    let text = people.names.text(name);
    let end = text.char_indices().nth(letters as usize).map_or(text.len(), |(at, _)| at);
    crate::hash::of(&text[..end])
}
