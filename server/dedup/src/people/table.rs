//! Values, each stored once and known by a number from 1.

use std::hint::black_box;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use super::ValueId;
use crate::hash;
use crate::number::compact;

/// Texts, each stored once. Number 0 is the empty text, which is no value.
pub struct Table {
    entries: Vec<Value>,
    /// The texts that do not fit into their entries.
    long: String,
    counts: Vec<u32>,
    index: HashTable<u32>,
}

/// A text of up to ten bytes, or where a longer one is held: most phones, identifiers and
/// postcodes are looked at in one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(align(16))]
struct Value {
    /// The upper half of the text's hash.
    content: u32,
    held: Held,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Held {
    Here {
        length: u8,
        bytes: [u8; SHORT],
    },
    /// Four bytes do until a table holds 4 GiB of long texts.
    There {
        start: u32,
        length: u32,
    },
}

const SHORT: usize = 10;

impl Held {
    fn here(text: &str) -> Option<Self> {
        let mut bytes = [0; SHORT];
        bytes.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
        Some(Self::Here { length: u8::try_from(text.len()).ok()?, bytes })
    }

    fn bytes<'a>(&'a self, long: &'a str) -> &'a [u8] {
        match self {
            Self::Here { length, bytes } => &bytes[..usize::from(*length)],
            Self::There { start, length } => {
                &long.as_bytes()[*start as usize..][..*length as usize]
            }
        }
    }
}

impl Default for Table {
    fn default() -> Self {
        let nothing = Value { content: 0, held: Held::Here { length: 0, bytes: [0; SHORT] } };
        Self {
            entries: vec![nothing],
            long: String::new(),
            counts: vec![0],
            index: HashTable::new(),
        }
    }
}

impl Table {
    /// Adds the numbers of texts, as [`Self::intern`] gives them. Where they are found is looked up
    /// for many first: such reads do not wait for each other.
    pub(super) fn intern_all<'a>(
        &mut self,
        texts: impl Iterator<Item = &'a str>,
        numbers: &mut Vec<ValueId>,
    ) {
        in_steps(texts.map(|text| (text, content_of(text))), |some| {
            for (_, content) in some.iter().filter(|(text, _)| !text.is_empty()) {
                let entries = &self.entries;
                black_box(
                    self.index
                        .find(spread(*content), |id| entries[*id as usize].content == *content),
                );
            }
            numbers.extend(some.iter().map(|(text, content)| self.intern_known(text, *content)));
        });
    }

    /// The number of a text, which is added when it is new.
    pub fn intern(&mut self, text: &str) -> ValueId {
        self.intern_known(text, content_of(text))
    }

    fn intern_known(&mut self, text: &str, content: u32) -> ValueId {
        if text.is_empty() {
            return 0;
        }
        let short = Held::here(text);
        let (entries, long) = (&self.entries, &self.long);
        let is_it = |id: &u32| {
            let entry = &entries[*id as usize];
            entry.content == content
                && short.map_or_else(
                    || entry.held.bytes(long) == text.as_bytes(),
                    |short| entry.held == short,
                )
        };
        let hash_of = |id: &u32| spread(entries[*id as usize].content);
        let vacant = match self.index.entry(spread(content), is_it, hash_of) {
            Entry::Occupied(known) => return *known.get(),
            Entry::Vacant(vacant) => vacant,
        };
        let id = compact(self.entries.len());
        vacant.insert(id);
        let held = short.unwrap_or_else(|| {
            let start = compact(self.long.len());
            self.long.push_str(text);
            Held::There { start, length: compact(text.len()) }
        });
        self.entries.push(Value { content, held });
        self.counts.push(0);
        id
    }

    pub fn text(&self, id: ValueId) -> &str {
        match &self.entries[id as usize].held {
            held @ Held::Here { .. } => std::str::from_utf8(held.bytes("")).unwrap_or_default(),
            Held::There { start, length } => &self.long[*start as usize..][..*length as usize],
        }
    }

    /// The bytes of a text.
    pub fn bytes(&self, id: ValueId) -> &[u8] {
        self.entries[id as usize].held.bytes(&self.long)
    }

    /// A hash of the text, the same wherever the text is met.
    pub fn content(&self, id: ValueId) -> u32 {
        self.entries[id as usize].content
    }

    /// In how many records a value stands.
    pub fn count(&self, id: ValueId) -> u32 {
        self.counts[id as usize]
    }

    /// How often each value stands in a record, by number; the first is no value.
    pub fn counts(&self) -> &[u32] {
        &self.counts
    }

    pub(super) fn counts_mut(&mut self) -> &mut [u32] {
        &mut self.counts
    }

    /// All numbers that are values.
    pub fn values(&self) -> impl Iterator<Item = ValueId> + use<> {
        1..compact(self.entries.len())
    }

    /// Forgets how to add values, and what memory that takes.
    pub(super) fn seal(&mut self) {
        self.index = HashTable::new();
        self.entries.shrink_to_fit();
        self.long.shrink_to_fit();
        self.counts.shrink_to_fit();
    }
}

/// Gives values to `step`, as many at a time as are looked up at once.
fn in_steps<T>(mut values: impl Iterator<Item = T>, mut step: impl FnMut(&[T])) {
    const AT_ONCE: usize = 32;
    let mut some = Vec::with_capacity(AT_ONCE);
    loop {
        some.extend(values.by_ref().take(AT_ONCE));
        if some.is_empty() {
            return;
        }
        step(&some);
        some.clear();
    }
}

fn content_of(text: &str) -> u32 {
    hash::upper(hash::of(text))
}

/// Where a text belongs in an index, by the part of its hash that is kept: growing an index then
/// reads no text.
fn spread(content: u32) -> u64 {
    hash::mix(0, u64::from(content))
}

fn key((house, street): (ValueId, ValueId)) -> u64 {
    hash::mix(house.into(), street.into())
}

/// House numbers with streets, each pair stored once.
pub struct AddressTable {
    parts: Vec<(ValueId, ValueId)>,
    counts: Vec<u32>,
    index: HashTable<u32>,
}

impl Default for AddressTable {
    fn default() -> Self {
        Self { parts: vec![(0, 0)], counts: vec![0], index: HashTable::new() }
    }
}

impl AddressTable {
    /// Adds the numbers of addresses, looked up as [`Table::intern_all`] looks up texts.
    pub(super) fn intern_all(
        &mut self,
        addresses: impl Iterator<Item = (ValueId, ValueId)>,
        numbers: &mut Vec<ValueId>,
    ) {
        in_steps(addresses, |some| {
            for address in some {
                black_box(self.find(*address));
            }
            numbers.extend(some.iter().map(|(house, street)| self.intern(*house, *street)));
        });
    }

    pub fn intern(&mut self, house: ValueId, street: ValueId) -> ValueId {
        if (house, street) == (0, 0) {
            return 0;
        }
        let parts = &self.parts;
        let vacant = match self.index.entry(
            key((house, street)),
            |id| parts[*id as usize] == (house, street),
            |id| key(parts[*id as usize]),
        ) {
            Entry::Occupied(known) => return *known.get(),
            Entry::Vacant(vacant) => vacant,
        };
        let id = compact(self.parts.len());
        vacant.insert(id);
        self.parts.push((house, street));
        self.counts.push(0);
        id
    }

    fn find(&self, address: (ValueId, ValueId)) -> Option<ValueId> {
        self.index.find(key(address), |id| self.parts[*id as usize] == address).copied()
    }

    /// House number and street of an address.
    pub fn parts(&self, id: ValueId) -> (ValueId, ValueId) {
        self.parts[id as usize]
    }

    /// Whether both the house and the street are known.
    pub fn is_whole(&self, id: ValueId) -> bool {
        let (house, street) = self.parts(id);
        house != 0 && street != 0
    }

    pub fn counts(&self) -> &[u32] {
        &self.counts
    }

    pub(super) fn counts_mut(&mut self) -> &mut [u32] {
        &mut self.counts
    }

    pub(super) fn seal(&mut self) {
        self.index = HashTable::new();
        self.parts.shrink_to_fit();
        self.counts.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_one_number_and_nothing_has_none() {
        let mut table = Table::default();
        let long = "ida.moor@example.org";
        let ids = ["moor", "ives", "moor", "", "söderlund", long, "söderlinds", long]
            .map(|text| table.intern(text));
        assert_eq!(ids, [1, 2, 1, 0, 3, 4, 5, 4]);
        assert_eq!(ids.map(|id| table.text(id))[3..6], ["", "söderlund", long]);
        assert_eq!(table.bytes(5), "söderlinds".as_bytes());
    }

    #[test]
    fn a_house_in_a_street_has_one_number() {
        let mut table = AddressTable::default();
        assert_eq!([table.intern(1, 2), table.intern(2, 1), table.intern(1, 2)], [1, 2, 1]);
        assert_eq!(table.intern(0, 0), 0);
        assert!(!table.is_whole(table.index.len().try_into().map_or(0, |_: u32| 0)));
    }
}
