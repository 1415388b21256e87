//! People in memory: a row of 64 bytes each, every value stored once.

mod table;
mod name_table;
mod traits;
mod builder;

use shared::duplicate::{Exclusion, Field};

pub use builder::{Builder, ReadError, Reading};
pub(crate) use name_table::letter;
pub use name_table::{Name, NameTable, Role};
pub use table::{AddressTable, Table};
pub use traits::{Start, Traits};

use crate::normalize::date::BirthDate;
use crate::normalize::identifier::Sex;

/// A record's place among [`People`]. It depends on the order of the input and appears in no
/// result.
pub type Index = u32;

/// A value's place in its table. 0 is no value.
pub type ValueId = u32;

/// A record, as it is compared. One cache line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[repr(align(64))]
pub struct Row {
    pub given: ValueId,
    pub middle: ValueId,
    pub surname: ValueId,
    pub previous: ValueId,
    pub birth: BirthDate,
    pub identifier: ValueId,
    pub other_identifier: ValueId,
    pub phones: [ValueId; 2],
    pub email: ValueId,
    pub address: ValueId,
    pub unit: ValueId,
    pub city: ValueId,
    pub postcode: ValueId,
    pub state: ValueId,
    /// Sr is 1, Jr and II are 2; 0 is not known.
    pub generation: u8,
    sex: u8,
    flags: u8,
}

const NEWBORN: u8 = 1;
const TEST: u8 = 2;
const ANONYMOUS: u8 = 4;
const EMPTY: u8 = 8;
const NOBODY: u8 = 16;

impl Row {
    pub const fn sex(&self) -> Sex {
        match self.sex {
            1 => Sex::Male,
            2 => Sex::Female,
            _ => Sex::Unknown,
        }
    }

    pub const fn is_newborn(&self) -> bool {
        self.flags & NEWBORN != 0
    }

    /// A test record or an unknown person that is compared all the same.
    pub const fn is_nobodys(&self) -> bool {
        self.flags & NOBODY != 0
    }

    /// Why the record is not compared, when it is not.
    pub const fn exclusion(&self) -> Option<Exclusion> {
        match self.flags {
            flags if flags & TEST != 0 => Some(Exclusion::TestRecord),
            flags if flags & ANONYMOUS != 0 => Some(Exclusion::Anonymous),
            flags if flags & EMPTY != 0 => Some(Exclusion::Empty),
            _ => None,
        }
    }
}

/// All records that are compared with each other.
pub struct People {
    ids: String,
    id_ends: Vec<u64>,
    rows: Vec<Row>,
    traits: Vec<Traits>,
    compared: u64,
    pub names: NameTable,
    pub identifiers: Table,
    pub other_identifiers: Table,
    pub phones: Table,
    pub emails: Table,
    /// House number and street together.
    pub addresses: AddressTable,
    pub houses: Table,
    /// Street names and second address lines, in one table because they change places.
    pub places: Table,
    pub cities: Table,
    pub postcodes: Table,
    pub states: Table,
    reading: Reading,
}

impl People {
    /// How many records there are, those included that are not compared.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// How many records take part in the comparison.
    pub const fn compared(&self) -> u64 {
        self.compared
    }

    pub fn row(&self, record: Index) -> &Row {
        &self.rows[record as usize]
    }

    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// What blocks are made by.
    pub fn traits(&self, record: Index) -> &Traits {
        &self.traits[record as usize]
    }

    /// A record's own id, as it was read.
    pub fn id(&self, record: Index) -> &str {
        let at = record as usize;
        let start = if at == 0 { 0 } else { self.id_ends[at - 1] };
        &self.ids[range(start, self.id_ends[at])]
    }

    /// The records that are not compared, and why.
    pub fn excluded(&self) -> impl Iterator<Item = (Index, Exclusion)> + '_ {
        let records = 0..crate::number::compact(self.len());
        records.filter_map(|record| Some((record, self.row(record).exclusion()?)))
    }

    /// A hash of a record's id: an order that the order of the input does not change.
    pub fn id_hash(&self, record: Index) -> u64 {
        crate::hash::of(self.id(record))
    }

    /// The conventions under which the values were read; a saved model keeps them.
    pub const fn reading(&self) -> &Reading {
        &self.reading
    }

    /// The value of a field as it is compared, for people to read.
    pub fn shown(&self, record: Index, field: Field) -> Option<String> {
        let row = self.row(record);
        let text =
            |table: &Table, value: ValueId| (value != 0).then(|| table.text(value).to_owned());
        match field {
            Field::GivenName => (row.given != 0).then(|| self.names.text(row.given).to_owned()),
            Field::MiddleName => (row.middle != 0).then(|| self.names.text(row.middle).to_owned()),
            Field::Surname => (row.surname != 0).then(|| self.names.text(row.surname).to_owned()),
            Field::Suffix => match row.generation {
                0 => None,
                1 => Some("Sr".to_owned()),
                2 => Some("Jr/II".to_owned()),
                3 => Some("III".to_owned()),
                _ => Some("IV or later".to_owned()),
            },
            Field::BirthDate => row.birth.is_known().then(|| {
                let part =
                    |value: u32| if value == 0 { "??".to_owned() } else { format!("{value:02}") };
                let BirthParts { year, month, day } = BirthParts::of(row.birth);
                format!("{year}-{}-{}", part(month), part(day))
            }),
            Field::Sex => match row.sex() {
                Sex::Male => Some("male".to_owned()),
                Sex::Female => Some("female".to_owned()),
                Sex::Unknown => None,
            },
            Field::Identifier => text(&self.identifiers, row.identifier),
            Field::OtherIdentifier => text(&self.other_identifiers, row.other_identifier),
            Field::Phone => text(&self.phones, row.phones[0]).map(|first| {
                text(&self.phones, row.phones[1])
                    .map_or(first.clone(), |second| format!("{first}, {second}"))
            }),
            Field::Email => text(&self.emails, row.email),
            Field::Address => (row.address != 0).then(|| {
                let (house, street) = self.addresses.parts(row.address);
                format!("{} {}", self.houses.text(house), self.places.text(street))
                    .trim()
                    .to_owned()
            }),
            Field::Unit => text(&self.places, row.unit),
            Field::City => text(&self.cities, row.city),
            Field::Postcode => text(&self.postcodes, row.postcode),
            Field::State => text(&self.states, row.state),
            Field::Area => {
                let parts = [Field::Postcode, Field::City, Field::State];
                let known: Vec<String> =
                    parts.into_iter().filter_map(|part| self.shown(record, part)).collect();
                (!known.is_empty()).then(|| known.join(" "))
            }
        }
    }
}

struct BirthParts {
    year: u32,
    month: u32,
    day: u32,
}

impl BirthParts {
    const fn of(date: BirthDate) -> Self {
        Self { year: date.year(), month: date.month(), day: date.day() }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "offsets into memory that is held")]
const fn range(start: u64, end: u64) -> std::ops::Range<usize> {
    start as usize..end as usize
}
