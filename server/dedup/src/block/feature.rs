//! What two records must share to meet in a block.

use serde::{Deserialize, Serialize};

use crate::hash::mix;
use crate::people::{People, Row};

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
    pub fn content(self, people: &People, row: &Row) -> Option<u64> {
        let known = |id: u32, content: u32| (id != 0).then_some(u64::from(content));
        let names = &people.names;
        let name = |id: u32| (id != 0).then(|| names.name(id));
        match self {
            Self::Identifier => known(row.identifier, people.identifiers.content(row.identifier)),
            Self::IdentifierEnd => identifier_end(people, row).map(u64::from),
            Self::OtherIdentifier => {
                known(row.other_identifier, people.other_identifiers.content(row.other_identifier))
            }
            Self::Email => known(row.email, people.emails.content(row.email)),
            Self::Phone => known(row.phones[0], people.phones.content(row.phones[0])),
            Self::BirthDate => whole_birth(row).map(u64::from),
            Self::BirthEitherWay => birth_either_way(row).map(u64::from),
            Self::BirthYear => birth_year(row).map(u64::from),
            Self::Birthday => birthday(row).map(u64::from),
            Self::Given => name(row.given)
                .filter(|given| !given.is_initial())
                .map(|given| u64::from(names.content(given.root))),
            Self::GivenInitial => start(people, row.given, 1),
            Self::GivenStart => start(people, row.given, 3),
            Self::GivenSound => sound(people, row.given).map(u64::from),
            Self::Surname => known(row.surname, names.content(row.surname)),
            Self::SurnameStart => start(people, row.surname, 2),
            Self::SurnameBegin => start(people, row.surname, 3),
            Self::SurnameSound => sound(people, row.surname).map(u64::from),
            Self::NamesEitherWay => (row.given != 0 && row.surname != 0).then(|| {
                let (given, surname) = (names.content(row.given), names.content(row.surname));
                mix(given.min(surname).into(), given.max(surname).into())
            }),
            Self::Sex => match row.sex() {
                crate::normalize::identifier::Sex::Unknown => None,
                crate::normalize::identifier::Sex::Male => Some(1),
                crate::normalize::identifier::Sex::Female => Some(2),
            },
            Self::Address => (people.addresses.is_whole(row.address)).then(|| {
                let (house, street) = people.addresses.parts(row.address);
                mix(people.houses.content(house).into(), people.places.content(street).into())
            }),
            Self::Unit => known(row.unit, people.places.content(row.unit)),
            Self::City => known(row.city, people.cities.content(row.city)),
            Self::Postcode => known(row.postcode, people.postcodes.content(row.postcode)),
        }
    }

    /// Whether two records share it. A record that has nothing of it shares nothing.
    pub fn is_shared(self, people: &People, a: &Row, b: &Row) -> bool {
        let same = |left: u32, right: u32| left == right && left != 0;
        let both = |left: Option<u32>, right: Option<u32>| left.is_some() && left == right;
        match self {
            Self::Identifier => same(a.identifier, b.identifier),
            Self::IdentifierEnd => {
                same(a.identifier, b.identifier)
                    || both(identifier_end(people, a), identifier_end(people, b))
            }
            Self::OtherIdentifier => same(a.other_identifier, b.other_identifier),
            Self::Email => same(a.email, b.email),
            Self::Phone => {
                a.phones.iter().any(|left| b.phones.iter().any(|right| same(*left, *right)))
            }
            Self::BirthDate => both(whole_birth(a), whole_birth(b)),
            Self::BirthEitherWay => both(birth_either_way(a), birth_either_way(b)),
            Self::BirthYear => both(birth_year(a), birth_year(b)),
            Self::Birthday => both(birthday(a), birthday(b)),
            Self::Surname => same(a.surname, b.surname),
            Self::City => same(a.city, b.city),
            Self::Postcode => same(a.postcode, b.postcode),
            Self::Unit => same(a.unit, b.unit),
            Self::Address => same(a.address, b.address) && people.addresses.is_whole(a.address),
            Self::GivenSound => both(sound(people, a.given), sound(people, b.given)),
            Self::SurnameSound => both(sound(people, a.surname), sound(people, b.surname)),
            Self::Given
            | Self::GivenInitial
            | Self::GivenStart
            | Self::SurnameStart
            | Self::SurnameBegin
            | Self::NamesEitherWay
            | Self::Sex => {
                let left = self.content(people, a);
                left.is_some() && left == self.content(people, b)
            }
        }
    }
}

const fn whole_birth(row: &Row) -> Option<u32> {
    if row.birth.month() != 0 && row.birth.day() != 0 { Some(row.birth.digits()) } else { None }
}

fn birth_either_way(row: &Row) -> Option<u32> {
    let birth = row.birth;
    whole_birth(row).map(|_| {
        let (low, high) = (birth.day().min(birth.month()), birth.day().max(birth.month()));
        birth.year() * 10_000 + high * 100 + low
    })
}

const fn birth_year(row: &Row) -> Option<u32> {
    match row.birth.year() {
        0 => None,
        year => Some(year),
    }
}

fn birthday(row: &Row) -> Option<u32> {
    whole_birth(row).map(|digits| digits % 10_000)
}

fn sound(people: &People, name: u32) -> Option<u32> {
    match people.names.name(name).sound {
        0 => None,
        sound => Some(sound.into()),
    }
}

fn start(people: &People, name: u32, letters: usize) -> Option<u64> {
    if name == 0 {
        return None;
    }
    let known = people.names.name(name);
    if known.is_latin {
        let mut held = [0; 8];
        held[..letters].copy_from_slice(&known.head[..letters]);
        return Some(u64::from_le_bytes(held));
    }
    let text = people.names.text(name);
    let end = text.char_indices().nth(letters).map_or(text.len(), |(at, _)| at);
    Some(crate::hash::of(&text[..end]))
}

fn identifier_end(people: &People, row: &Row) -> Option<u32> {
    let text = people.identifiers.text(row.identifier).as_bytes();
    text.last_chunk::<4>().map(|end| u32::from_le_bytes(*end))
}
