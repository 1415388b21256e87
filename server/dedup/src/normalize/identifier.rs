//! Numbers that one person has, and the sex.

use super::contact::is_filler;
use super::text;

/// Letters and digits of an identifier. False, and nothing written, for a number that nobody has.
pub fn identifier(raw: &str, out: &mut String) -> bool {
    if text::is_blank(raw) {
        return false;
    }
    let start = out.len();
    text::joined(raw, out);
    let value = &out[start..];
    let nobodys = value.len() < 4
        || is_filler(value)
        || is_filler(value.trim_start_matches('0'))
        // Printed on sample cards, and used thousands of times since.
        || matches!(value, "078051120" | "219099999" | "457555462" | "111223333" | "123121234");
    if nobodys {
        out.truncate(start);
    }
    !nobodys
}

/// Male and female can contradict each other; anything else is no evidence.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sex {
    #[default]
    Unknown,
    Male,
    Female,
}

/// The sex as forms, codes and languages write it.
pub fn sex(raw: &str) -> Sex {
    let raw = raw.trim();
    let is = |words: &[&str]| words.iter().any(|word| raw.eq_ignore_ascii_case(word));
    if is(&[
        "m",
        "male",
        "1",
        "man",
        "boy",
        "mann",
        "männlich",
        "homme",
        "h",
        "hombre",
        "masculino",
        "maschio",
    ]) {
        Sex::Male
    } else if is(&[
        "f", "female", "2", "w", "woman", "girl", "frau", "weiblich", "femme", "mujer", "femenino",
        "femmina",
    ]) {
        Sex::Female
    } else {
        Sex::Unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(raw: &str, expected: &str) {
        let mut out = String::new();
        assert_eq!(identifier(raw, &mut out), !expected.is_empty(), "{raw}");
        assert_eq!(out, expected, "{raw}");
    }

    #[test]
    fn punctuation_does_not_change_an_identifier() {
        check("123-45-6780", "123456780");
        check(" 4943 0128 A ", "49430128a");
    }

    #[test]
    fn an_identifier_that_nobody_has_is_none() {
        for raw in ["999-99-9999", "000000000", "123-45-6789", "078-05-1120", "12", "unknown"] {
            check(raw, "");
        }
    }

    #[test]
    fn the_sex_is_read_in_the_ways_it_is_coded() {
        assert_eq!([sex("M"), sex("male"), sex("1")], [Sex::Male; 3]);
        assert_eq!([sex("F"), sex("Female"), sex("2")], [Sex::Female; 3]);
        assert_eq!([sex(""), sex("U"), sex("other"), sex("0")], [Sex::Unknown; 4]);
    }
}
