//! What a clerk writes down at a visit: most of it as it is, some of it wrong, some not at all.

use super::household::{Person, Society};
use super::names::short_forms;
use super::record::{Column, Record};

use Column::{
    Address, BirthDate, City, Email, FirstName, LastName, MiddleName, Phone, Sex, Ssn, State,
    Suffix, Unit, Zip,
};

impl Society {
    pub(super) fn write_down(&mut self, person: &Person) -> Record {
        let mut record = person.now.clone();
        // Most records have no error, and those that have one often have more.
        let errors = match self.dice.below(100) {
            0..65 => 0,
            65..90 => self.dice.between(1, 2),
            _ => self.dice.between(3, 5),
        };
        for _ in 0..errors {
            self.err(&mut record);
        }
        self.leave_out(&mut record);
        self.fill_in(&mut record);
        if person.age == 0 && self.dice.permille(300) {
            let name = if person.now[Sex] == "M" { "Baby Boy" } else { "Baby Girl" };
            record.set(FirstName, name);
            record[MiddleName].clear();
        }
        record
    }

    fn leave_out(&mut self, record: &mut Record) {
        let missing =
            [(Ssn, 350), (Email, 450), (Phone, 120), (MiddleName, 200), (Suffix, 300), (Sex, 20)];
        for (column, permille) in missing {
            if self.dice.permille(permille) {
                record[column].clear();
            }
        }
        if self.dice.permille(50) {
            for column in [Address, Unit, City, State, Zip] {
                record[column].clear();
            }
        }
    }

    /// What is written where a field must not stay empty.
    fn fill_in(&mut self, record: &mut Record) {
        let fillers =
            [(Ssn, "999-99-9999", 4), (Phone, "555-555-5555", 6), (BirthDate, "1900-01-01", 3)];
        for (column, filler, permille) in fillers {
            if self.dice.permille(permille) {
                record.set(column, filler);
            }
        }
    }

    fn err(&mut self, record: &mut Record) {
        match self.dice.below(100) {
            0..25 => {
                let column = self.dice.any(&[FirstName, LastName, LastName, Address, City, Email]);
                self.mistype(&mut record[column]);
            }
            25..37 => {
                let column = self.dice.any(&[Ssn, Phone, Zip, BirthDate]);
                self.mistype_a_digit(&mut record[column]);
            }
            37..42 => {
                let column = self.dice.any(&[FirstName, LastName, Address]);
                misread(&mut record[column], self.dice.index(MISREAD.len()));
            }
            42..52 => self.shorten(&mut record[FirstName]),
            52..58 => record[FirstName].truncate(1),
            58..63 => record.swap(FirstName, LastName),
            63..67 if record[MiddleName].len() > 1 => record.swap(FirstName, MiddleName),
            63..74 => day_before_month(&mut record[BirthDate]),
            74..80 => {
                let slip = self.dice.any(&[-10, -1, 1, 10]);
                slip_a_year(&mut record[BirthDate], slip);
            }
            80..84 => record[BirthDate].replace_range(5.., "01-01"),
            84..92 => write_by_ear(&mut record[LastName], self.dice.index(BY_EAR.len())),
            _ => abbreviate(&mut record[Address]),
        }
    }

    /// One letter replaced, added, left out, or exchanged with its neighbour.
    fn mistype(&mut self, text: &mut String) {
        let mut letters: Vec<char> = text.chars().collect();
        if letters.len() < 3 {
            return;
        }
        let at = 1 + self.dice.index(letters.len() - 2);
        let letter = char::from(b'a' + u8::try_from(self.dice.below(26)).unwrap_or_default());
        match self.dice.below(4) {
            0 => letters[at] = letter,
            1 => letters.insert(at, letter),
            2 => {
                letters.remove(at);
            }
            _ => letters.swap(at, at + 1),
        }
        *text = letters.into_iter().collect();
    }

    fn mistype_a_digit(&mut self, text: &mut String) {
        let places: Vec<usize> =
            text.char_indices().filter(|(_, c)| c.is_ascii_digit()).map(|(at, _)| at).collect();
        if !places.is_empty() {
            let at = self.dice.any(&places);
            text.replace_range(at..=at, &self.dice.below(10).to_string());
        }
    }

    fn shorten(&mut self, name: &mut String) {
        match short_forms(name) {
            [] => self.mistype(name),
            short => *name = self.dice.pick(short).to_owned(),
        }
    }
}

/// What a scanner takes for something else.
const MISREAD: [(&str, &str); 10] = [
    ("rn", "m"),
    ("m", "rn"),
    ("cl", "d"),
    ("l", "1"),
    ("o", "0"),
    ("e", "c"),
    ("h", "b"),
    ("u", "v"),
    ("i", "l"),
    ("g", "q"),
];

const BY_EAR: [(&str, &str); 10] = [
    ("ph", "f"),
    ("ck", "k"),
    ("ie", "y"),
    ("ee", "ea"),
    ("ei", "ie"),
    ("c", "k"),
    ("s", "z"),
    ("i", "y"),
    ("tt", "t"),
    ("z", "s"),
];

/// The first of the confusions, from this one on, that the text allows.
fn confuse(text: &mut String, confusions: &[(&str, &str)], from: usize) {
    let (before, after) = confusions.split_at(from);
    if let Some((right, wrong)) = after.iter().chain(before).find(|(right, _)| text.contains(right))
    {
        *text = text.replacen(right, wrong, 1);
    }
}

fn misread(text: &mut String, from: usize) {
    confuse(text, &MISREAD, from);
}

fn write_by_ear(name: &mut String, from: usize) {
    confuse(name, &BY_EAR, from);
}

fn day_before_month(date: &mut String) {
    *date = format!("{}-{}-{}", &date[..4], &date[8..10], &date[5..7]);
}

fn slip_a_year(date: &mut String, by: i32) {
    let year: i32 = date[..4].parse().unwrap_or(1980);
    date.replace_range(..4, &format!("{:04}", year + by));
}

fn abbreviate(address: &mut String) {
    const SHORT: [(&str, &str); 5] =
        [("Street", "St"), ("Avenue", "Ave."), ("Road", "Rd"), ("Drive", "Dr."), ("Lane", "Ln")];
    for (long, short) in SHORT {
        *address = address.replace(long, short);
    }
}
