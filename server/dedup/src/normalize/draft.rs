//! Records, normalised and not yet stored.

use shared::duplicate::Attribute;

use super::address::{self, StreetAddress};
use super::contact;
use super::date::{self, BirthDate, OrderEvidence};
use super::identifier::{self, Sex};
use super::name::{self, NameKind, Names, RawNames};
use super::text;
use crate::column::Columns;

/// A text of a record that is stored once and referred to by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    RecordId,
    Given,
    Middle,
    Surname,
    Previous,
    Identifier,
    OtherIdentifier,
    Phone,
    SecondPhone,
    Email,
    House,
    Street,
    Unit,
    City,
    Postcode,
    State,
}

/// So many bytes most texts take.
const USUAL: usize = 10;

/// How many slots there are.
pub const SLOTS: usize = 16;

/// The normalised values of some records, slot by slot.
pub struct Drafts {
    texts: [Texts; SLOTS],
    pub others: Vec<Others>,
    room: Room,
}

/// Where a record is taken apart: allocated once for many.
#[derive(Default)]
struct Room {
    names: Names,
    address: StreetAddress,
    words: String,
}

/// What a record has beside its texts.
#[derive(Debug, Clone, Copy)]
pub struct Others {
    pub birth: BirthDate,
    pub order: Option<OrderEvidence>,
    pub sex: Sex,
    pub generation: u8,
    pub kind: NameKind,
}

/// The texts of one slot, one behind the other.
struct Texts {
    all: String,
    ends: Vec<u32>,
}

impl Drafts {
    /// Drafts with room for so many records.
    pub fn of(records: usize) -> Self {
        let usual = || Texts {
            all: String::with_capacity(records * USUAL),
            ends: Vec::with_capacity(records),
        };
        Self {
            texts: std::array::from_fn(|_| usual()),
            others: Vec::with_capacity(records),
            room: Room::default(),
        }
    }

    /// What each record has in a slot.
    pub fn texts(&self, slot: Slot) -> impl Iterator<Item = &str> {
        let Texts { all, ends } = &self.texts[slot as usize];
        let mut start = 0;
        ends.iter().map(move |end| {
            let end = *end as usize;
            let text = &all[start..end];
            start = end;
            text
        })
    }

    fn put(&mut self, slot: Slot, value: &str) {
        self.write(slot, |out| out.push_str(value));
    }

    fn write(&mut self, slot: Slot, write: impl FnOnce(&mut String)) {
        let Texts { all, ends } = &mut self.texts[slot as usize];
        write(all);
        ends.push(crate::number::compact(all.len()));
    }

    fn last(&self, slot: Slot) -> &str {
        let Texts { all, ends } = &self.texts[slot as usize];
        let start = ends.len().checked_sub(2).map_or(0, |before| ends[before] as usize);
        &all[start..]
    }
}

/// Normalises a row. `cell` gives the text of a column by its position, empty where there is none.
pub fn read<'a>(columns: &Columns, cell: impl Fn(usize) -> &'a str, drafts: &mut Drafts) {
    let says_something = |text: &&str| !text.chars().all(char::is_whitespace);
    let one = |attribute| columns.of(attribute).map(&cell).find(says_something).unwrap_or_default();

    let Room { mut names, mut address, mut words } = std::mem::take(&mut drafts.room);
    let raw = RawNames {
        full: one(Attribute::FullName),
        given: one(Attribute::GivenName),
        middle: one(Attribute::MiddleName),
        surname: one(Attribute::Surname),
        second_surname: one(Attribute::SecondSurname),
        previous_surname: one(Attribute::PreviousSurname),
        suffix: one(Attribute::Suffix),
    };
    name::parse(&raw, &mut names);
    address::parse(
        one(Attribute::HouseNumber),
        one(Attribute::Street),
        one(Attribute::Unit),
        &mut address,
        &mut words,
    );

    drafts.put(Slot::RecordId, one(Attribute::RecordId).trim());
    drafts.put(Slot::Given, &names.given);
    drafts.put(Slot::Middle, &names.middle);
    drafts.put(Slot::Surname, &names.surname);
    drafts.put(Slot::Previous, &names.previous);
    drafts.write(Slot::Identifier, |out| {
        identifier::identifier(one(Attribute::Identifier), out);
    });
    drafts.write(Slot::OtherIdentifier, |out| {
        identifier::identifier(one(Attribute::OtherIdentifier), out);
    });
    let mut phones = columns.of(Attribute::Phone).map(&cell);
    let mut second = String::new();
    drafts.write(Slot::Phone, |out| {
        for raw in phones.by_ref() {
            if contact::phone(raw, out) {
                break;
            }
        }
    });
    for raw in phones {
        if contact::phone(raw, &mut second) {
            if second != drafts.last(Slot::Phone) {
                break;
            }
            second.clear();
        }
    }
    drafts.put(Slot::SecondPhone, &second);
    drafts.write(Slot::Email, |out| {
        for raw in columns.of(Attribute::Email).map(&cell) {
            if contact::email(raw, out) {
                break;
            }
        }
    });
    drafts.put(Slot::House, &address.house);
    drafts.put(Slot::Street, &address.street);
    drafts.put(Slot::Unit, &address.unit);
    drafts.write(Slot::City, |out| address::city(one(Attribute::City), out, &mut words));
    drafts.write(Slot::Postcode, |out| address::postcode(one(Attribute::Postcode), out));
    drafts.write(Slot::State, |out| address::state(one(Attribute::State), out));

    let (birth, order) = birth(columns, one(Attribute::BirthDate), &cell);
    drafts.others.push(Others {
        birth,
        order,
        sex: identifier::sex(one(Attribute::Sex)),
        generation: names.generation,
        kind: names.kind,
    });
    drafts.room = Room { names, address, words };
}

fn birth<'a>(
    columns: &Columns,
    whole: &str,
    cell: impl Fn(usize) -> &'a str,
) -> (BirthDate, Option<OrderEvidence>) {
    if !text::is_blank(whole)
        && let Some((date, order)) = date::parse(whole)
    {
        return (date, Some(order));
    }
    let part = |attribute| columns.of(attribute).map(&cell).next().unwrap_or_default();
    let date = date::from_parts(
        part(Attribute::BirthYear),
        part(Attribute::BirthMonth),
        part(Attribute::BirthDay),
    );
    (date.unwrap_or_default(), None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_becomes_a_text_in_every_slot() {
        let headers = ["id", "first_name", "last_name", "mobile", "phone", "dob", "sex", "address"];
        let columns = Columns::recognise(&headers, &[]).unwrap();
        let row = [
            " 7 ",
            "Ida",
            "Moor",
            "617 555 0142",
            "(617) 555-0199",
            "1980-03-12",
            "F",
            "12 Mill Road",
        ];

        let mut drafts = Drafts::of(2);
        for _ in 0..2 {
            read(&columns, |at| row[at], &mut drafts);
        }

        let both = |slot, text: &str| {
            assert_eq!(drafts.texts(slot).collect::<Vec<_>>(), [text, text]);
        };
        both(Slot::RecordId, "7");
        both(Slot::Given, "ida");
        both(Slot::Surname, "moor");
        both(Slot::Phone, "6175550199");
        both(Slot::SecondPhone, "6175550142");
        both(Slot::House, "12");
        both(Slot::Street, "millrd");
        both(Slot::State, "");
        for others in &drafts.others {
            assert_eq!((others.birth, others.sex), (BirthDate::new(1980, 3, 12), Sex::Female));
        }
    }
}
