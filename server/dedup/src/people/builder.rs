//! Reads rows into [`People`]: in parallel where values are normalised, in order where they are
//! stored.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use shared::duplicate::{Exclusion, Field};

use super::{
    ANONYMOUS, AddressTable, EMPTY, NEWBORN, NOBODY, NameTable, People, Role, Row, TEST, Table,
    Traits, ValueId,
};
use crate::column::Columns;
use crate::hash;
use crate::normalize::date::{DateOrder, OrderEvidence};
use crate::normalize::draft::{self, Drafts, Others, SLOTS, Slot};
use crate::normalize::identifier::Sex;
use crate::normalize::name::NameKind;
use crate::number::{real, size, wide};

/// What only a whole column can tell about its values. It belongs to a model: the same values must
/// be read in the same way as long as the model is used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reading {
    pub date_order: DateOrder,
    /// Whether most records have more than a name and a date: an identifier, a phone, an address.
    /// Where they have, two that share a name and a date alone may be namesakes.
    pub has_contacts: bool,
    /// Values that so many records share that they are nobody's, as hashes of their content.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub placeholders: BTreeMap<Field, BTreeSet<u64>>,
}

/// A table that cannot be read as people. Records are named by their place in it, from 1 on: an id
/// may tell who somebody is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    #[error("record {0} has no id")]
    NoRecordId(u64),
    #[error("records {0} and {1} have the same id")]
    DuplicateRecordId(u64, u64),
}

/// Takes rows, gives [`People`].
pub struct Builder {
    columns: Columns,
    ids: String,
    id_ends: Vec<u64>,
    rows: Vec<Row>,
    names: NameTable,
    identifiers: Table,
    other_identifiers: Table,
    phones: Table,
    emails: Table,
    addresses: AddressTable,
    houses: Table,
    places: Table,
    cities: Table,
    postcodes: Table,
    states: Table,
    day_first: u64,
    month_first: u64,
    excluded: Vec<Exclusion>,
}

/// So many rows are normalised at a time.
const AT_ONCE: usize = 1024;

impl Builder {
    /// Takes rows with these columns. Records that are nobody's are read and not compared.
    pub fn new(columns: Columns) -> Self {
        Self::excluding(columns, &[Exclusion::TestRecord, Exclusion::Anonymous])
    }

    /// The same, with a choice of which records are not compared.
    pub fn excluding(columns: Columns, excluded: &[Exclusion]) -> Self {
        Self {
            columns,
            excluded: excluded.to_vec(),
            ids: String::new(),
            id_ends: Vec::new(),
            rows: Vec::new(),
            names: NameTable::default(),
            identifiers: Table::default(),
            other_identifiers: Table::default(),
            phones: Table::default(),
            emails: Table::default(),
            addresses: AddressTable::default(),
            houses: Table::default(),
            places: Table::default(),
            cities: Table::default(),
            postcodes: Table::default(),
            states: Table::default(),
            day_first: 0,
            month_first: 0,
        }
    }

    /// Reads rows. `cell` gives the text of a row's column, empty where there is none.
    /// A batch of some ten thousand rows keeps all cores busy and memory small.
    pub fn extend<R: Sync>(&mut self, rows: &[R], cell: impl Fn(&R, usize) -> &str + Sync) {
        let columns = &self.columns;
        let drafts: Vec<Drafts> = rows
            .par_chunks(AT_ONCE)
            .map(|rows| {
                let mut drafts = Drafts::of(rows.len());
                for row in rows {
                    draft::read(columns, |at| cell(row, at), &mut drafts);
                }
                drafts
            })
            .collect();
        self.store(&drafts);
    }

    /// How many records were read.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The people read, under the conventions of a saved model or those that the columns show.
    pub fn finish(mut self, reading: Option<&Reading>) -> Result<People, ReadError> {
        self.names.seal();
        for table in [
            &mut self.identifiers,
            &mut self.other_identifiers,
            &mut self.phones,
            &mut self.emails,
            &mut self.houses,
            &mut self.places,
            &mut self.cities,
            &mut self.postcodes,
            &mut self.states,
        ] {
            table.seal();
        }
        self.addresses.seal();
        self.rows.shrink_to_fit();
        let reading = reading.cloned().unwrap_or_else(|| self.show_reading());
        let mut people = People {
            ids: self.ids,
            id_ends: self.id_ends,
            rows: self.rows,
            traits: Vec::new(),
            compared: 0,
            names: self.names,
            identifiers: self.identifiers,
            other_identifiers: self.other_identifiers,
            phones: self.phones,
            emails: self.emails,
            addresses: self.addresses,
            houses: self.houses,
            places: self.places,
            cities: self.cities,
            postcodes: self.postcodes,
            states: self.states,
            reading,
        };
        check_ids(&people)?;
        people.settle();
        Ok(people)
    }

    fn store(&mut self, drafts: &[Drafts]) {
        for id in drafts.iter().flat_map(|drafts| drafts.texts(Slot::RecordId)) {
            self.ids.push_str(id);
            self.id_ends.push(wide(self.ids.len()));
        }
        let others = || drafts.iter().flat_map(|drafts| &drafts.others);
        for Others { order, .. } in others() {
            match order {
                Some(OrderEvidence::For(DateOrder::DayFirst)) => self.day_first += 1,
                Some(OrderEvidence::For(DateOrder::MonthFirst)) => self.month_first += 1,
                _ => {}
            }
        }
        let numbers = self.numbers(drafts);
        let [houses, streets] = [Slot::House, Slot::Street].map(|slot| &numbers[slot as usize]);
        let mut addresses = Vec::with_capacity(houses.len());
        let parts = houses.iter().copied().zip(streets.iter().copied());
        self.addresses.intern_all(parts, &mut addresses);
        for (at, draft) in others().enumerate() {
            let number = |slot: Slot| numbers[slot as usize][at];
            self.rows.push(Row {
                given: number(Slot::Given),
                middle: number(Slot::Middle),
                surname: number(Slot::Surname),
                previous: number(Slot::Previous),
                birth: draft.birth,
                identifier: number(Slot::Identifier),
                other_identifier: number(Slot::OtherIdentifier),
                phones: [Slot::Phone, Slot::SecondPhone].map(number),
                email: number(Slot::Email),
                address: addresses[at],
                unit: number(Slot::Unit),
                city: number(Slot::City),
                postcode: number(Slot::Postcode),
                state: number(Slot::State),
                generation: draft.generation,
                sex: match draft.sex {
                    Sex::Unknown => 0,
                    Sex::Male => 1,
                    Sex::Female => 2,
                },
                flags: match draft.kind {
                    NameKind::Person => 0,
                    NameKind::Newborn => NEWBORN,
                    NameKind::Test if self.excluded.contains(&Exclusion::TestRecord) => TEST,
                    NameKind::Anonymous if self.excluded.contains(&Exclusion::Anonymous) => {
                        ANONYMOUS
                    }
                    NameKind::Test | NameKind::Anonymous => NOBODY,
                },
            });
        }
    }

    /// The numbers of all values, by slot. One table is filled after the other, and several at
    /// once: a table stays in the cache while it is filled, and each is numbered in order.
    fn numbers(&mut self, drafts: &[Drafts]) -> [Vec<ValueId>; SLOTS] {
        type Intern<'a> = &'a mut (dyn FnMut(&Drafts, Slot, &mut Vec<ValueId>) + Send);
        fn into(table: &mut Table) -> impl FnMut(&Drafts, Slot, &mut Vec<ValueId>) {
            |drafts, slot, numbers| table.intern_all(drafts.texts(slot), numbers)
        }
        let mut tables: [(Intern<'_>, &[Slot]); 10] = [
            (
                &mut |drafts, slot, numbers| {
                    numbers.extend(drafts.texts(slot).map(|text| self.names.intern(text)));
                },
                &[Slot::Given, Slot::Middle, Slot::Surname, Slot::Previous],
            ),
            (&mut into(&mut self.identifiers), &[Slot::Identifier]),
            (&mut into(&mut self.other_identifiers), &[Slot::OtherIdentifier]),
            (&mut into(&mut self.phones), &[Slot::Phone, Slot::SecondPhone]),
            (&mut into(&mut self.emails), &[Slot::Email]),
            (&mut into(&mut self.houses), &[Slot::House]),
            (&mut into(&mut self.places), &[Slot::Street, Slot::Unit]),
            (&mut into(&mut self.cities), &[Slot::City]),
            (&mut into(&mut self.postcodes), &[Slot::Postcode]),
            (&mut into(&mut self.states), &[Slot::State]),
        ];
        let count = drafts.iter().map(|drafts| drafts.others.len()).sum();
        let columns: Vec<(Slot, Vec<ValueId>)> = tables
            .par_iter_mut()
            .with_max_len(1)
            .flat_map_iter(|(intern, slots)| {
                slots.iter().map(move |slot| {
                    let mut numbers = Vec::with_capacity(count);
                    for drafts in drafts {
                        intern(drafts, *slot, &mut numbers);
                    }
                    (*slot, numbers)
                })
            })
            .collect();
        let mut numbers = [const { Vec::new() }; SLOTS];
        for (slot, column) in columns {
            numbers[slot as usize] = column;
        }
        numbers
    }

    fn show_reading(&self) -> Reading {
        let rows = &self.rows;
        let limit = (size(rows.len()) / 10_000.0).max(50.0);
        let mut placeholders = BTreeMap::new();
        let mut look = |field: Field, table: &Table, values: &dyn Fn(&Row) -> [ValueId; 2]| {
            let mut counts = vec![0_u32; table.counts().len()];
            for row in rows {
                for value in values(row) {
                    counts[value as usize] += 1;
                }
            }
            let shared: BTreeSet<u64> = table
                .values()
                .filter(|value| real(u64::from(counts[*value as usize])) > limit)
                .map(|value| hash::of(table.text(value)))
                .collect();
            if !shared.is_empty() {
                placeholders.insert(field, shared);
            }
        };
        look(Field::Identifier, &self.identifiers, &|row| [row.identifier, 0]);
        look(Field::OtherIdentifier, &self.other_identifiers, &|row| [row.other_identifier, 0]);
        look(Field::Phone, &self.phones, &|row| row.phones);
        look(Field::Email, &self.emails, &|row| [row.email, 0]);
        Reading {
            date_order: if self.day_first > self.month_first {
                DateOrder::DayFirst
            } else {
                DateOrder::MonthFirst
            },
            has_contacts: 2 * rows.iter().filter(|row| row.can_be_reached()).count() > rows.len(),
            placeholders,
        }
    }
}

impl People {
    /// Applies the reading, then counts what is left.
    fn settle(&mut self) {
        let banned = |field: Field, table: &Table| -> Vec<ValueId> {
            let Some(hashes) = self.reading.placeholders.get(&field) else { return Vec::new() };
            table.values().filter(|value| hashes.contains(&hash::of(table.text(*value)))).collect()
        };
        let identifiers = banned(Field::Identifier, &self.identifiers);
        let others = banned(Field::OtherIdentifier, &self.other_identifiers);
        let phones = banned(Field::Phone, &self.phones);
        let emails = banned(Field::Email, &self.emails);
        let order = self.reading.date_order;
        let clear = |value: &mut ValueId, banned: &[ValueId]| {
            // Numbers of values ascend, so the list is sorted.
            if *value != 0 && banned.binary_search(value).is_ok() {
                *value = 0;
            }
        };
        self.rows.par_iter_mut().with_min_len(4096).for_each(|row| {
            row.birth = row.birth.in_order(order);
            clear(&mut row.identifier, &identifiers);
            clear(&mut row.other_identifier, &others);
            clear(&mut row.email, &emails);
            for phone in &mut row.phones {
                clear(phone, &phones);
            }
            if row.phones[0] == 0 {
                row.phones.swap(0, 1);
            }
            if row.says_nothing() {
                row.flags |= EMPTY;
            }
        });
        self.count();
        let rows = self.rows.par_iter().with_min_len(4096);
        self.traits = rows.map(|row| Traits::of(self, row)).collect();
    }

    fn count(&mut self) {
        self.names.reset_counts();
        for row in self.rows.iter().filter(|row| row.exclusion().is_none()) {
            self.compared += 1;
            self.names.count(row.given, Role::Given);
            self.names.count(row.middle, Role::Middle);
            self.names.count(row.surname, Role::Surname);
        }
        let rows = &self.rows;
        let tally = |counts: &mut [u32], values: fn(&Row) -> [ValueId; 2]| {
            for row in rows.iter().filter(|row| row.exclusion().is_none()) {
                for value in values(row) {
                    if value != 0 {
                        counts[value as usize] += 1;
                    }
                }
            }
        };
        tally(self.identifiers.counts_mut(), |row| [row.identifier, 0]);
        tally(self.other_identifiers.counts_mut(), |row| [row.other_identifier, 0]);
        tally(self.phones.counts_mut(), |row| row.phones);
        tally(self.emails.counts_mut(), |row| [row.email, 0]);
        tally(self.addresses.counts_mut(), |row| [row.address, 0]);
        tally(self.places.counts_mut(), |row| [row.unit, 0]);
        tally(self.cities.counts_mut(), |row| [row.city, 0]);
        tally(self.postcodes.counts_mut(), |row| [row.postcode, 0]);
        tally(self.states.counts_mut(), |row| [row.state, 0]);
    }
}

impl Row {
    const fn can_be_reached(&self) -> bool {
        self.identifier != 0
            || self.other_identifier != 0
            || self.phones[0] != 0
            || self.email != 0
            || self.address != 0
            || self.postcode != 0
    }

    /// Whether nothing in it belongs to few enough people to tell one by.
    const fn says_nothing(&self) -> bool {
        self.given == 0
            && self.surname == 0
            && self.identifier == 0
            && self.other_identifier == 0
            && self.phones[0] == 0
            && self.email == 0
    }
}

fn check_ids(people: &People) -> Result<(), ReadError> {
    let count = crate::number::compact(people.len());
    let hashes: Vec<(u64, u32)> =
        (0..count).into_par_iter().map(|record| (people.id_hash(record), record)).collect();
    if let Some(record) = (0..count).find(|record| people.id(*record).is_empty()) {
        return Err(ReadError::NoRecordId(u64::from(record) + 1));
    }
    let mut shared = hash::perhaps_shared(&[&hashes]);
    shared.sort_unstable();
    let twice = shared
        .windows(2)
        .filter(|two| two[0].0 == two[1].0 && people.id(two[0].1) == people.id(two[1].1))
        .map(|two| (two[1].1, two[0].1))
        .min();
    match twice {
        Some((later, earlier)) => {
            let place = |record: u32| u64::from(record) + 1;
            Err(ReadError::DuplicateRecordId(place(earlier), place(later)))
        }
        None => Ok(()),
    }
}
