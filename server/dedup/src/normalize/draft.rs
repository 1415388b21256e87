//! One record, normalised and not yet stored.

use shared::duplicate::Attribute;

use super::address;
use super::contact;
use super::date::{self, BirthDate, OrderEvidence};
use super::identifier::{self, Sex};
use super::name::{self, NameKind, RawNames};
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

/// How many slots there are.
pub const SLOTS: usize = 16;

/// Most records fit into so many bytes.
const USUAL: usize = 160;

/// A record's normalised values, in one allocation.
#[derive(Clone, Default)]
pub struct Draft {
    text: String,
    ends: [u32; SLOTS],
    pub birth: BirthDate,
    pub order: Option<OrderEvidence>,
    pub sex: Sex,
    pub generation: u8,
    pub kind: NameKind,
}

impl Draft {
    pub fn get(&self, slot: Slot) -> &str {
        let at = slot as usize;
        let start = if at == 0 { 0 } else { self.ends[at - 1] as usize };
        &self.text[start..self.ends[at] as usize]
    }
}

/// Normalises a row. `cell` gives the text of a column by its position, empty where there is none.
pub fn read<'a>(columns: &Columns, cell: impl Fn(usize) -> &'a str) -> Draft {
    let first = |attribute| columns.of(attribute).map(&cell).find(|text| !text.trim().is_empty());
    let one = |attribute| first(attribute).unwrap_or_default();

    let names = name::parse(&RawNames {
        full: one(Attribute::FullName),
        given: one(Attribute::GivenName),
        middle: one(Attribute::MiddleName),
        surname: one(Attribute::Surname),
        second_surname: one(Attribute::SecondSurname),
        previous_surname: one(Attribute::PreviousSurname),
        suffix: one(Attribute::Suffix),
    });
    let street =
        address::parse(one(Attribute::HouseNumber), one(Attribute::Street), one(Attribute::Unit));

    let mut writer = Writer { text: String::with_capacity(USUAL), ..Writer::default() };
    writer.put(one(Attribute::RecordId).trim());
    writer.put(&names.given);
    writer.put(&names.middle);
    writer.put(&names.surname);
    writer.put(&names.previous);
    writer.write(|out| {
        identifier::identifier(one(Attribute::Identifier), out);
    });
    writer.write(|out| {
        identifier::identifier(one(Attribute::OtherIdentifier), out);
    });
    let mut phones = columns.of(Attribute::Phone).map(&cell);
    let mut second = String::new();
    writer.write(|out| {
        for raw in phones.by_ref() {
            if contact::phone(raw, out) {
                break;
            }
        }
    });
    for raw in phones {
        if contact::phone(raw, &mut second) {
            if second != writer.last() {
                break;
            }
            second.clear();
        }
    }
    writer.put(&second);
    writer.write(|out| {
        for raw in columns.of(Attribute::Email).map(&cell) {
            if contact::email(raw, out) {
                break;
            }
        }
    });
    writer.put(&street.house);
    writer.put(&street.street);
    writer.put(&street.unit);
    writer.write(|out| address::city(one(Attribute::City), out));
    writer.write(|out| address::postcode(one(Attribute::Postcode), out));
    writer.write(|out| address::state(one(Attribute::State), out));

    let (birth, order) = birth(columns, one(Attribute::BirthDate), &cell);
    Draft {
        text: writer.text,
        ends: writer.ends,
        birth,
        order,
        sex: identifier::sex(one(Attribute::Sex)),
        generation: names.generation,
        kind: names.kind,
    }
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

#[derive(Default)]
struct Writer {
    text: String,
    ends: [u32; SLOTS],
    slot: usize,
}

impl Writer {
    fn put(&mut self, value: &str) {
        self.write(|out| out.push_str(value));
    }

    fn write(&mut self, write: impl FnOnce(&mut String)) {
        write(&mut self.text);
        self.ends[self.slot] = crate::number::compact(self.text.len());
        self.slot += 1;
    }

    fn last(&self) -> &str {
        let start = if self.slot < 2 { 0 } else { self.ends[self.slot - 2] as usize };
        &self.text[start..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_becomes_one_draft() {
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

        let draft = read(&columns, |at| row[at]);

        assert_eq!(draft.get(Slot::RecordId), "7");
        assert_eq!((draft.get(Slot::Given), draft.get(Slot::Surname)), ("ida", "moor"));
        assert_eq!(draft.get(Slot::Phone), "6175550199");
        assert_eq!(draft.get(Slot::SecondPhone), "6175550142");
        assert_eq!((draft.get(Slot::House), draft.get(Slot::Street)), ("12", "millrd"));
        assert_eq!(draft.get(Slot::State), "");
        assert_eq!((draft.birth, draft.sex), (BirthDate::new(1980, 3, 12), Sex::Female));
    }
}
