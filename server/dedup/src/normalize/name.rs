//! Names taken apart: titles off, suffixes and middle names to their own places, particles joined
//! to the name they belong to, and names that are nobody's recognised.

use super::text::{self, Script};

/// What a record's name columns say.
#[derive(Debug, Default, Clone, Copy)]
pub struct RawNames<'a> {
    pub full: &'a str,
    pub given: &'a str,
    pub middle: &'a str,
    pub surname: &'a str,
    pub second_surname: &'a str,
    pub previous_surname: &'a str,
    pub suffix: &'a str,
}

/// The same, normalised. Empty means not known.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Names {
    pub given: String,
    pub middle: String,
    pub surname: String,
    pub previous: String,
    /// Sr is 1, Jr and II are 2, III is 3. 0 is not known.
    pub generation: u8,
    pub kind: NameKind,
}

/// Whose name it is.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum NameKind {
    #[default]
    Person,
    /// A newborn that has no name yet.
    Newborn,
    /// `John Doe`, `Unknown Unknown`.
    Anonymous,
    /// `Test Test`, `Dummy`.
    Test,
}

/// Takes a record's names apart. `names` is overwritten.
pub fn parse(raw: &RawNames<'_>, names: &mut Names) {
    names.clear();
    if plain(raw, names) {
        return;
    }
    names.clear();
    let (mut given, mut surname) = (clean(raw.given), clean(raw.surname));
    if given.is_empty() && surname.is_empty() && !text::is_blank(raw.full) {
        (given, surname) = split_full(raw.full);
    }
    let second = clean(raw.second_surname);
    if !second.is_empty() && second != surname {
        if !surname.is_empty() {
            surname.push(' ');
        }
        surname.push_str(&second);
    }
    names.generation = generation(&clean(raw.suffix)).unwrap_or(0);
    names.kind = kind(&given, &surname);
    names.surname = surname_of(&surname, &mut names.generation);
    names.previous = surname_of(&clean(raw.previous_surname), &mut 0);
    given_of(&given, &clean(raw.middle), names);
}

impl Names {
    fn clear(&mut self) {
        for name in [&mut self.given, &mut self.middle, &mut self.surname, &mut self.previous] {
            name.clear();
        }
        (self.generation, self.kind) = (0, NameKind::Person);
    }
}

/// Most names are plain words, and need none of what follows. False where they are not.
fn plain(raw: &RawNames<'_>, names: &mut Names) -> bool {
    let RawNames { full: _, given, middle, surname, second_surname, previous_surname, suffix } =
        raw;
    let is_plain =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_alphabetic()) && !text::is_blank(text);
    if !is_plain(given)
        || !is_plain(surname)
        || !(middle.is_empty() || is_plain(middle))
        || ![second_surname, previous_surname].iter().all(|part| part.is_empty())
    {
        return false;
    }
    for (raw, name) in
        [(given, &mut names.given), (middle, &mut names.middle), (surname, &mut names.surname)]
    {
        name.push_str(raw);
        name.make_ascii_lowercase();
    }
    let is_special = |word: &str| {
        is_unknown(word) || is_test_word(word) || generation(word).is_some() || is_degree(word)
    };
    if is_special(&names.given)
        || is_special(&names.surname)
        || is_unknown(&names.middle)
        || names.middle == names.given
        || kind(&names.given, &names.surname) != NameKind::Person
    {
        return false;
    }
    if !suffix.is_empty() {
        names.generation = generation(&clean(suffix)).unwrap_or(0);
    }
    true
}

fn clean(raw: &str) -> String {
    let mut out = String::new();
    if !text::is_blank(raw) {
        text::words(raw, &mut out);
    }
    out
}

/// `Surname, Given Middle`, `Given Middle Surname`, and surname first where the script says so.
fn split_full(full: &str) -> (String, String) {
    if let Some((surname, given)) = full.split_once(',')
        && !clean(given).split(' ').all(|word| generation(word).is_some() || is_degree(word))
    {
        return (clean(given), clean(surname));
    }
    let all = clean(full);
    let mut words: Vec<&str> = all.split(' ').collect();
    if text::script(full) == Script::EastAsian {
        let surname = words.remove(0).to_owned();
        return (words.join(" "), surname);
    }
    let mut tail = Vec::new();
    while words.len() > 2
        && words.last().is_some_and(|word| generation(word).is_some() || is_degree(word))
    {
        tail.extend(words.pop());
    }
    let Some(last) = words.pop() else { return Default::default() };
    let mut surname = vec![last];
    while words.len() > 1 && words.last().is_some_and(|word| is_particle(word)) {
        surname.extend(words.pop());
    }
    surname.reverse();
    surname.extend(tail.iter().rev());
    (words.join(" "), surname.join(" "))
}

fn surname_of(cleaned: &str, suffix: &mut u8) -> String {
    let mut words: Vec<&str> = cleaned.split_ascii_whitespace().collect();
    while words.len() > 1 {
        let Some(last) = words.last() else { break };
        if let Some(found) = generation(last) {
            *suffix = found;
        } else if !is_degree(last) {
            break;
        }
        words.pop();
    }
    while words.len() > 1 && is_title(words[0]) {
        words.remove(0);
    }
    if words.iter().all(|word| is_unknown(word)) {
        return String::new();
    }
    let mut out = String::with_capacity(cleaned.len());
    let mut glue = true;
    for (at, word) in words.iter().enumerate() {
        if !glue {
            out.push(' ');
        }
        out.push_str(word);
        glue = at + 1 < words.len() && is_particle(word);
    }
    out
}

fn given_of(cleaned: &str, middle: &str, names: &mut Names) {
    let mut words: Vec<&str> = cleaned.split_ascii_whitespace().collect();
    while words.len() > 1 && is_title(words[0]) {
        words.remove(0);
    }
    while words.len() > 1
        && let Some(found) = words.last().and_then(|last| generation(last))
        // A single letter is an initial: `John V`.
        && words.last().is_some_and(|last| last.len() > 1)
    {
        names.generation = found;
        words.pop();
    }
    let nameless = matches!(names.kind, NameKind::Newborn)
        || words.first().is_some_and(|word| is_unknown(word));
    if nameless {
        return;
    }
    let mut rest = String::new();
    if let Some((first, others)) = words.split_first() {
        names.given.push_str(first);
        rest = others.join(" ");
    }
    if !middle.is_empty() && !is_unknown(middle) && middle != names.given && middle != rest {
        if !rest.is_empty() {
            rest.push(' ');
        }
        rest.push_str(middle);
    }
    names.middle = rest;
}

fn kind(given: &str, surname: &str) -> NameKind {
    let first = given.split_ascii_whitespace().next().unwrap_or_default();
    let is_test = |name: &str| {
        let mut words = name.split_ascii_whitespace();
        words.next().is_some_and(is_test_word) && words.all(is_test_word)
    };
    if is_test(given) && (surname.is_empty() || is_test_word(first) || is_test(surname))
        || is_test(surname) && (given.is_empty() || is_test(given) || given == "patient")
        || [given, surname].iter().any(|name| name.starts_with("zztest") || *name == "testpatient")
    {
        return NameKind::Test;
    }
    if matches!(first, "john" | "jane") && surname == "doe"
        || is_unknown(first)
            && !surname.is_empty()
            && surname.split_ascii_whitespace().all(is_unknown)
    {
        return NameKind::Anonymous;
    }
    if matches!(
        first,
        "baby" | "babyboy" | "babygirl" | "newborn" | "infant" | "neonate" | "bb" | "bg"
    ) || matches!(
        given,
        "boy"
            | "girl"
            | "male"
            | "female"
            | "twin a"
            | "twin b"
            | "boy a"
            | "boy b"
            | "girl a"
            | "girl b"
    ) {
        return NameKind::Newborn;
    }
    NameKind::Person
}

fn is_test_word(word: &str) -> bool {
    matches!(
        word,
        "test"
            | "testing"
            | "tester"
            | "testpatient"
            | "dummy"
            | "fake"
            | "demo"
            | "zztest"
            | "asdf"
            | "qwerty"
    )
}

fn is_unknown(word: &str) -> bool {
    matches!(
        word,
        "unknown"
            | "unk"
            | "noname"
            | "none"
            | "null"
            | "nil"
            | "nn"
            | "anonymous"
            | "xx"
            | "xxx"
            | "xxxx"
            | "fnu"
            | "lnu"
            | "missing"
            | "notgiven"
            | "unnamed"
            | "patient"
    )
}

fn is_title(word: &str) -> bool {
    matches!(
        word,
        "mr" | "mrs"
            | "ms"
            | "miss"
            | "mx"
            | "dr"
            | "prof"
            | "rev"
            | "sir"
            | "dame"
            | "herr"
            | "frau"
            | "mme"
            | "sra"
            | "dra"
    )
}

fn is_degree(word: &str) -> bool {
    matches!(word, "md" | "phd" | "dds" | "rn" | "esq" | "dvm" | "jd" | "cpa")
}

/// Words that belong to the name that follows them.
fn is_particle(word: &str) -> bool {
    matches!(
        word,
        "van"
            | "von"
            | "der"
            | "den"
            | "de"
            | "del"
            | "della"
            | "di"
            | "da"
            | "dos"
            | "das"
            | "do"
            | "du"
            | "la"
            | "le"
            | "las"
            | "los"
            | "ter"
            | "ten"
            | "tot"
            | "zu"
            | "zum"
            | "zur"
            | "af"
            | "av"
            | "al"
            | "el"
            | "bin"
            | "ibn"
            | "ben"
            | "abu"
            | "mac"
            | "mc"
            | "o"
            | "st"
            | "saint"
            | "san"
            | "santa"
            | "ap"
            | "vom"
            | "vander"
    )
}

fn generation(word: &str) -> Option<u8> {
    Some(match word {
        "sr" | "senior" | "snr" | "1st" => 1,
        "jr" | "junior" | "jnr" | "ii" | "2nd" => 2,
        "iii" | "3rd" => 3,
        "iv" | "4th" => 4,
        "v" | "5th" => 5,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(raw: &RawNames<'_>) -> Names {
        let mut names = Names::default();
        super::parse(raw, &mut names);
        names
    }

    #[track_caller]
    fn check(raw: RawNames<'_>, given: &str, middle: &str, surname: &str) -> Names {
        let names = parse(&raw);
        assert_eq!(
            (names.given.as_str(), names.middle.as_str(), names.surname.as_str()),
            (given, middle, surname)
        );
        names
    }

    fn two<'a>(given: &'a str, surname: &'a str) -> RawNames<'a> {
        RawNames { given, surname, ..RawNames::default() }
    }

    fn full(full: &str) -> RawNames<'_> {
        RawNames { full, ..RawNames::default() }
    }

    #[test]
    fn plain_names_are_read_as_all_others_are() {
        const WORDS: [&str; 18] = [
            "", "Ida", "IDA", "moor", "Jo", "J", "V", "Jr", "MD", "Mr", "Test", "ZZTEST", "Baby",
            "BG", "John", "Doe", "unk", "NA",
        ];
        let check = |given, middle, surname, suffix| {
            let raw = RawNames { middle, suffix, ..two(given, surname) };
            // A name that says nothing keeps the short way from being taken.
            let slow = parse(&RawNames { previous_surname: "-", ..raw });
            assert_eq!(parse(&raw), slow, "{given} {middle} {surname} {suffix}");
        };
        for given in WORDS {
            for middle in WORDS {
                for surname in WORDS {
                    for suffix in ["", "III", "M"] {
                        check(given, middle, surname, suffix);
                    }
                }
            }
        }
    }

    #[test]
    fn particles_join_the_name_they_belong_to() {
        check(two("Vincent", "van der Berg"), "vincent", "", "vanderberg");
        check(two("Ana", "de la Cruz"), "ana", "", "delacruz");
        check(two("Ian", "Mc Donald"), "ian", "", "mcdonald");
        check(two("Maeve", "O Brien"), "maeve", "", "obrien");
        check(two("Rosa", "Garcia-Lopez"), "rosa", "", "garcia lopez");
    }

    #[test]
    fn titles_and_suffixes_go_to_their_own_places() {
        let names = check(two("Dr. Henry", "Oakley Jr."), "henry", "", "oakley");
        assert_eq!(names.generation, 2);
        let names = check(full("Henry T Oakley III, MD"), "henry", "t", "oakley");
        assert_eq!(names.generation, 3);
        assert_eq!(parse(&RawNames { suffix: "Senior", ..two("Henry", "Oakley") }).generation, 1);
    }

    #[test]
    fn further_given_names_are_middle_names() {
        check(two("Mary Ann", "Ives"), "mary", "ann", "ives");
        let raw = RawNames { middle: "Q.", ..two("Mary Ann", "Ives") };
        check(raw, "mary", "ann q", "ives");
    }

    #[test]
    fn a_full_name_is_split_by_comma_by_order_or_by_script() {
        check(full("Ives, Mary Ann"), "mary", "ann", "ives");
        check(full("Mary Ann Ives"), "mary", "ann", "ives");
        check(full("Ludwig van Moor"), "ludwig", "", "vanmoor");
        check(full("山田 太郎"), "太郎", "", "山田");
        check(full("Cher"), "", "", "cher");
    }

    #[test]
    fn a_second_surname_makes_a_double_name() {
        let raw = RawNames { second_surname: "Lopez", ..two("Ana", "Garcia") };
        check(raw, "ana", "", "garcia lopez");
    }

    #[test]
    fn names_that_are_nobodys_are_recognised() {
        for (given, surname, kind) in [
            ("Test", "Test", NameKind::Test),
            ("TEST", "Patient", NameKind::Test),
            ("Patient", "Test", NameKind::Test),
            ("John", "Doe", NameKind::Anonymous),
            ("Unknown", "Unknown", NameKind::Person),
            ("unnamed", "unnamed", NameKind::Anonymous),
            ("Baby Boy", "Ives", NameKind::Newborn),
            ("Girl", "Ives", NameKind::Newborn),
            ("Jane", "Ives", NameKind::Person),
            ("Mary", "Test", NameKind::Person),
        ] {
            assert_eq!(parse(&two(given, surname)).kind, kind, "{given} {surname}");
        }
        check(two("Baby Boy", "Ives"), "", "", "ives");
    }
}
