//! Names with what is asked of them a million times: letters, sound, root, other forms.

use super::{Table, ValueId};
use crate::normalize::nickname;

/// Where a name stands in a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Given = 0,
    Middle = 1,
    Surname = 2,
}

/// Given names, middle names and surnames in one table, because they change places.
#[derive(Default)]
pub struct NameTable {
    table: Table,
    names: Vec<Name>,
    counts: [Vec<u32>; 3],
}

/// What is asked of a name. 32 bytes, so that two of them are one cache line.
#[derive(Debug, Clone, Copy, Default)]
pub struct Name {
    /// The first letters when all are ASCII; the rest is 0.
    pub head: [u8; 16],
    /// Which letters occur.
    pub letters: u32,
    /// The form that other forms are filed under; the name itself mostly.
    pub root: ValueId,
    /// Its place in the list of names that have other forms.
    nicknames: u16,
    /// Soundex; for a script that has none, the name itself hashed.
    pub sound: u16,
    /// How many bytes, 255 for more than that.
    pub length: u8,
    /// Latin letters only.
    pub is_latin: bool,
    /// A name of several words.
    pub is_double: bool,
}

impl Name {
    /// The first letter of a Latin name, else 0.
    pub const fn initial(&self) -> u8 {
        self.head[0]
    }

    /// A single letter that stands for a name.
    pub const fn is_initial(&self) -> bool {
        self.length == 1
    }

    /// All letters, when [`Name::head`] holds them.
    pub fn short(&self) -> Option<&[u8]> {
        (self.is_latin && self.length <= 16).then(|| &self.head[..usize::from(self.length)])
    }
}

impl NameTable {
    pub fn intern(&mut self, text: &str) -> ValueId {
        if self.names.is_empty() {
            self.names.push(Name::default());
        }
        let id = self.table.intern(text);
        if id as usize == self.names.len() {
            self.names.push(describe(text));
            // The root is a name too; it may be new.
            let root = match nickname::root(text) {
                Some(root) if root != text => self.intern(root),
                _ => id,
            };
            self.names[id as usize].root = root;
        }
        id
    }

    pub fn name(&self, id: ValueId) -> &Name {
        &self.names[id as usize]
    }

    pub fn text(&self, id: ValueId) -> &str {
        self.table.text(id)
    }

    pub fn content(&self, id: ValueId) -> u32 {
        self.table.content(id)
    }

    pub const fn table(&self) -> &Table {
        &self.table
    }

    /// How often each name stands in a place, by number; the first is no name.
    pub fn counts(&self, role: Role) -> &[u32] {
        &self.counts[role as usize]
    }

    pub(super) fn reset_counts(&mut self) {
        if self.names.is_empty() {
            self.names.push(Name::default());
        }
        for counts in &mut self.counts {
            counts.clear();
            counts.resize(self.names.len(), 0);
        }
    }

    pub(super) fn count(&mut self, id: ValueId, role: Role) {
        if id != 0 {
            self.counts[role as usize][id as usize] += 1;
        }
    }

    pub(super) fn seal(&mut self) {
        self.table.seal();
        self.names.shrink_to_fit();
    }

    /// Whether two names are forms of one: Bill and William.
    pub fn are_forms_of_one_name(&self, left: ValueId, right: ValueId) -> bool {
        let (first, second) = (self.name(left), self.name(right));
        first.nicknames != 0
            && second.nicknames != 0
            && nickname::are_forms_of_one_name(
                nickname::groups_at(first.nicknames),
                nickname::groups_at(second.nicknames),
            )
    }
}

fn describe(text: &str) -> Name {
    let bytes = text.as_bytes();
    let mut name = Name {
        length: u8::try_from(bytes.len()).unwrap_or(u8::MAX),
        is_latin: text.is_ascii(),
        is_double: text.contains(' '),
        nicknames: nickname::position(text),
        ..Name::default()
    };
    for byte in bytes {
        name.letters |= letter(*byte);
    }
    if name.is_latin {
        let held = bytes.len().min(name.head.len());
        name.head[..held].copy_from_slice(&bytes[..held]);
        name.sound = soundex(bytes);
    } else {
        name.sound = 0x8000 | u16::try_from(crate::hash::of(text) >> 49).unwrap_or_default();
    }
    name
}

/// A bit per letter; what is no letter shares the last.
pub(crate) const fn letter(byte: u8) -> u32 {
    match byte {
        b'a'..=b'z' => 1 << (byte - b'a'),
        b'0'..=b'9' => 1 << (26 + byte % 5),
        _ => 1 << 31,
    }
}

/// Soundex in two bytes: the letter and three digits. 0 when there is no letter.
fn soundex(bytes: &[u8]) -> u16 {
    const fn code(byte: u8) -> u16 {
        match byte {
            b'b' | b'f' | b'p' | b'v' => 1,
            b'c' | b'g' | b'j' | b'k' | b'q' | b's' | b'x' | b'z' => 2,
            b'd' | b't' => 3,
            b'l' => 4,
            b'm' | b'n' => 5,
            b'r' => 6,
            _ => 0,
        }
    }
    let Some((first, rest)) = bytes.split_first() else { return 0 };
    if !first.is_ascii_lowercase() {
        return 0;
    }
    let mut sound = u16::from(first - b'a') + 1;
    let (mut digits, mut last) = (0, code(*first));
    for byte in rest {
        let next = code(*byte);
        if next != 0 && next != last {
            sound = sound << 3 | next;
            digits += 1;
            if digits == 3 {
                return sound;
            }
        }
        // h and w do not separate letters of one sound.
        if !matches!(byte, b'h' | b'w') {
            last = next;
        }
    }
    sound << (3 * (3 - digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_sound_alike_have_one_sound() {
        let sound = |text: &str| soundex(text.as_bytes());
        assert_eq!(sound("robert"), sound("rupert"));
        assert_eq!(sound("ashcraft"), sound("ashcroft"));
        assert_eq!(sound("meier"), sound("meyer"));
        assert_ne!(sound("robert"), sound("rubin"));
        assert_ne!(sound("lee"), sound("leon"));
        assert_eq!(sound(""), 0);
    }

    #[test]
    fn a_short_form_is_filed_under_its_name() {
        let mut names = NameTable::default();
        let (bob, robert, quillan) =
            (names.intern("bob"), names.intern("robert"), names.intern("quillan"));
        assert_eq!(names.name(bob).root, robert);
        assert_eq!(names.name(robert).root, robert);
        assert_eq!(names.name(quillan).root, quillan);
        assert!(names.are_forms_of_one_name(bob, robert));
        assert!(!names.are_forms_of_one_name(bob, quillan));
    }

    #[test]
    fn a_name_takes_half_a_cache_line() {
        assert_eq!(size_of::<Name>(), 32);
        assert_eq!(size_of::<crate::people::Row>(), 64);
    }
}
