//! Values, each stored once and known by a number from 1.

use hashbrown::HashTable;

use super::ValueId;
use crate::hash;
use crate::number::compact;

/// Texts, each stored once. Number 0 is the empty text, which is no value.
pub struct Table {
    text: String,
    /// Where each text ends. Four bytes do until a table holds 4 GiB of distinct text.
    ends: Vec<u32>,
    hashes: Vec<u32>,
    counts: Vec<u32>,
    index: HashTable<u32>,
}

impl Default for Table {
    fn default() -> Self {
        Self {
            text: String::new(),
            ends: vec![0],
            hashes: vec![0],
            counts: vec![0],
            index: HashTable::new(),
        }
    }
}

impl Table {
    /// The number of a text, which is added when it is new.
    pub fn intern(&mut self, text: &str) -> ValueId {
        if text.is_empty() {
            return 0;
        }
        let content = hash::upper(hash::of(text));
        let (ends, held) = (&self.ends, &self.text);
        let is_it = |id: &u32| slice(held, ends, *id) == text;
        if let Some(id) = self.index.find(spread(content), is_it) {
            return *id;
        }
        let id = compact(self.ends.len());
        self.text.push_str(text);
        self.ends.push(compact(self.text.len()));
        self.hashes.push(content);
        self.counts.push(0);
        let hashes = &self.hashes;
        self.index.insert_unique(spread(content), id, |id| spread(hashes[*id as usize]));
        id
    }

    pub fn text(&self, id: ValueId) -> &str {
        slice(&self.text, &self.ends, id)
    }

    /// A hash of the text, the same wherever the text is met.
    pub fn content(&self, id: ValueId) -> u32 {
        self.hashes[id as usize]
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
        1..compact(self.ends.len())
    }

    /// Forgets how to add values, and what memory that takes.
    pub(super) fn seal(&mut self) {
        self.index = HashTable::new();
        self.text.shrink_to_fit();
        self.ends.shrink_to_fit();
        self.hashes.shrink_to_fit();
        self.counts.shrink_to_fit();
    }
}

/// Where a text belongs in an index, by the part of its hash that is kept: growing an index then
/// reads no text.
fn spread(content: u32) -> u64 {
    hash::mix(0, u64::from(content))
}

fn slice<'a>(text: &'a str, ends: &[u32], id: ValueId) -> &'a str {
    let at = id as usize;
    let start = if at == 0 { 0 } else { ends[at - 1] };
    &text[start as usize..ends[at] as usize]
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
    pub fn intern(&mut self, house: ValueId, street: ValueId) -> ValueId {
        if (house, street) == (0, 0) {
            return 0;
        }
        let key =
            |(house, street): (ValueId, ValueId)| hash::mix(u64::from(house), u64::from(street));
        let full = key((house, street));
        let parts = &self.parts;
        if let Some(id) = self.index.find(full, |id| parts[*id as usize] == (house, street)) {
            return *id;
        }
        let id = compact(self.parts.len());
        self.parts.push((house, street));
        self.counts.push(0);
        let parts = &self.parts;
        self.index.insert_unique(full, id, |id| key(parts[*id as usize]));
        id
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
        let ids: Vec<_> =
            ["moor", "ives", "moor", "", "söderlund"].map(|text| table.intern(text)).into();
        assert_eq!(ids, [1, 2, 1, 0, 3]);
        assert_eq!([table.text(0), table.text(1), table.text(3)], ["", "moor", "söderlund"]);
    }

    #[test]
    fn a_house_in_a_street_has_one_number() {
        let mut table = AddressTable::default();
        assert_eq!([table.intern(1, 2), table.intern(2, 1), table.intern(1, 2)], [1, 2, 1]);
        assert_eq!(table.intern(0, 0), 0);
        assert!(!table.is_whole(table.index.len().try_into().map_or(0, |_: u32| 0)));
    }
}
