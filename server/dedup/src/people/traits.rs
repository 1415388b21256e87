//! What blocks are made by and no row says, looked up once for each record.

use super::{People, Row, ValueId};

/// What a record's names, identifier and address are known by. 0 where there is nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[repr(align(32))]
pub struct Traits {
    /// The name that the given name is a form of; nothing for an initial.
    pub given_root: ValueId,
    pub given_start: Start,
    pub surname_start: Start,
    pub given_sound: u16,
    pub surname_sound: u16,
    /// The last four characters of the identifier.
    pub identifier_end: u32,
    /// The address, when both house and street are known.
    pub address: ValueId,
}

/// The first three letters of a name in Latin letters, the first in the lowest byte.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Start(u32);

impl Start {
    /// A name in other letters.
    const OTHER: Self = Self(u32::MAX);

    /// Up to three letters; None when the name is not in Latin letters.
    pub const fn letters(self, count: u32) -> Option<u32> {
        if self.0 == Self::OTHER.0 { None } else { Some(self.0 & ((1 << (8 * count)) - 1)) }
    }
}

impl Traits {
    pub(super) fn of(people: &People, row: &Row) -> Self {
        let (given, surname) = (people.names.name(row.given), people.names.name(row.surname));
        let start = |name: &super::Name| {
            let [first, second, third, ..] = name.head;
            // No name at all has no letters, in no script.
            if name.is_latin || name.length == 0 {
                Start(u32::from_le_bytes([first, second, third, 0]))
            } else {
                Start::OTHER
            }
        };
        let identifier = people.identifiers.bytes(row.identifier);
        Self {
            given_root: if given.is_initial() { 0 } else { given.root },
            given_start: start(given),
            surname_start: start(surname),
            given_sound: given.sound,
            surname_sound: surname.sound,
            identifier_end: identifier.last_chunk::<4>().map_or(0, |end| u32::from_le_bytes(*end)),
            address: if people.addresses.is_whole(row.address) { row.address } else { 0 },
        }
    }
}
