//! Letters: case, accents, width and script folded away, so that what was typed on different
//! keyboards meets.

use std::borrow::Cow;
use std::ops::Range;

use unicode_normalization::UnicodeNormalization;

use super::kana;

/// Lower case, without accents; full-width letters, kana, Cyrillic and Greek as Latin letters.
/// Other scripts (Thai, Han, Hangul, Arabic) stay what they are.
pub fn fold(raw: &str) -> Cow<'_, str> {
    let raw = raw.trim();
    if raw.is_ascii() {
        return if raw.bytes().any(|byte| byte.is_ascii_uppercase()) {
            Cow::Owned(raw.to_ascii_lowercase())
        } else {
            Cow::Borrowed(raw)
        };
    }
    let bare: String = raw.nfkd().filter(|c| !is_accent(*c)).nfc().collect();
    let mut folded = String::with_capacity(bare.len());
    for c in bare.chars().flat_map(char::to_lowercase) {
        match latin(c) {
            Some(text) => folded.push_str(text),
            None => folded.push(c),
        }
    }
    Cow::Owned(if folded.chars().any(kana::is_kana) { kana::romanise(&folded) } else { folded })
}

/// Words of letters and digits with one space between them, folded. Apostrophes and full stops
/// vanish (`O'Brien` → `obrien`), everything else that is no letter separates.
pub fn words(raw: &str, out: &mut String) {
    if raw.is_ascii() {
        ascii_words(raw, out);
    } else {
        folded_words(&fold(raw), out);
    }
}

/// The same of a text that was folded, or is ASCII.
pub fn folded_words(folded: &str, out: &mut String) {
    if folded.is_ascii() {
        ascii_words(folded, out);
        return;
    }
    let start = out.len();
    for c in folded.chars() {
        if is_letter(c) {
            out.push(c);
        } else if !matches!(c, '\'' | '’' | '‘' | '`' | '´' | 'ʼ' | '.')
            && out.len() > start
            && !out.ends_with(' ')
        {
            out.push(' ');
        }
    }
    if out.len() > start && out.ends_with(' ') {
        out.pop();
    }
}

/// Run by run instead of letter by letter.
fn ascii_words(raw: &str, out: &mut String) {
    let start = out.len();
    let mut end = 0;
    for run in ascii_runs(raw) {
        let vanishes = |byte: &u8| matches!(byte, b'\'' | b'`' | b'.');
        if out.len() > start && !raw.as_bytes()[end..run.start].iter().all(vanishes) {
            out.push(' ');
        }
        end = run.end;
        out.push_str(&raw[run]);
    }
    out[start..].make_ascii_lowercase();
}

/// As [`words`], without the spaces: `st james` and `stjames` become one.
pub fn joined(raw: &str, out: &mut String) {
    if raw.is_ascii() {
        let start = out.len();
        ascii_runs(raw).for_each(|run| out.push_str(&raw[run]));
        out[start..].make_ascii_lowercase();
    } else {
        out.extend(fold(raw).chars().filter(|c| is_letter(*c)));
    }
}

/// Where the runs of letters and digits stand in a text in ASCII.
fn ascii_runs(raw: &str) -> impl Iterator<Item = Range<usize>> {
    let bytes = raw.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        at += bytes[at..].iter().position(u8::is_ascii_alphanumeric)?;
        let start = at;
        at += bytes[at..]
            .iter()
            .position(|byte| !byte.is_ascii_alphanumeric())
            .unwrap_or(bytes.len() - at);
        Some(start..at)
    })
}

/// Whether a cell says that it says nothing.
pub fn is_blank(raw: &str) -> bool {
    // Most values begin as nothing of the following does.
    let first = raw.bytes().next().unwrap_or_default();
    if first.is_ascii_alphanumeric() && !b"dnruDNRU".contains(&first) {
        return false;
    }
    let raw = raw.trim();
    // The exact case matters: `NA` is how R writes nothing, `Na` is a family.
    matches!(
        raw,
        "" | "NA" | "N/A" | "n/a" | "NULL" | "null" | "None" | "NaN" | "nan" | "\\N" | "#N/A"
    ) || raw.bytes().all(|b| matches!(b, b'-' | b'.' | b'?' | b'_' | b'*' | b' ' | b'/'))
        || [
            "unknown",
            "not known",
            "unk",
            "not provided",
            "not available",
            "declined",
            "refused",
            "none given",
        ]
        .iter()
        .any(|word| raw.eq_ignore_ascii_case(word))
}

/// The writing system of a folded text's first letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Script {
    Latin,
    Thai,
    /// Han, Hangul: family name first.
    EastAsian,
    Other,
}

pub fn script(folded: &str) -> Script {
    match folded.chars().find(|c| c.is_alphabetic()).map_or(0, u32::from) {
        0..=0x024f | 0x1e00..=0x1eff => Script::Latin,
        0x0e00..=0x0e7f => Script::Thai,
        0x2e80..=0x9fff | 0xac00..=0xd7af | 0xf900..=0xfaff | 0x2_0000..=0x3_ffff => {
            Script::EastAsian
        }
        _ => Script::Other,
    }
}

fn is_letter(c: char) -> bool {
    c.is_alphanumeric()
        // Thai tone marks and other signs belong to their word although Unicode calls them marks.
        || (!c.is_ascii()
            && !c.is_whitespace()
            && !matches!(u32::from(c), 0x80..=0xbf | 0x2000..=0x206f | 0x3000..=0x303f | 0x30fb | 0xff00..=0xff0f))
}

const fn is_accent(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}')
}

fn latin(c: char) -> Option<&'static str> {
    Some(match c {
        'ß' => "ss",
        'æ' => "ae",
        'œ' => "oe",
        'ħ' => "h",
        'а' | 'α' => "a",
        'б' => "b",
        'в' | 'β' => "v",
        'г' | 'ґ' | 'γ' => "g",
        'đ' | 'ð' | 'д' | 'δ' => "d",
        'е' | 'ё' | 'э' | 'ε' | 'є' => "e",
        'ж' => "zh",
        'з' | 'ζ' => "z",
        'ı' | 'и' | 'і' | 'ї' | 'ι' | 'η' => "i",
        'й' | 'ы' | 'υ' => "y",
        'к' | 'κ' => "k",
        'ł' | 'л' | 'λ' => "l",
        'м' | 'μ' => "m",
        'ŋ' | 'н' | 'ν' => "n",
        'ø' | 'о' | 'ο' | 'ω' => "o",
        'п' | 'π' => "p",
        'р' | 'ρ' => "r",
        'с' | 'σ' | 'ς' => "s",
        'т' | 'τ' => "t",
        'у' => "u",
        'ф' | 'φ' => "f",
        'х' => "kh",
        'ц' => "ts",
        'ч' | 'χ' => "ch",
        'ш' => "sh",
        'щ' => "shch",
        'ъ' | 'ь' => "",
        'ю' => "yu",
        'я' => "ya",
        'þ' | 'θ' => "th",
        'ξ' => "x",
        'ψ' => "ps",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(raw: &str, expected: &str) {
        let mut out = String::new();
        words(raw, &mut out);
        assert_eq!(out, expected);
    }

    #[test]
    fn case_accents_and_punctuation_are_folded_away() {
        check("  O’Brien ", "obrien");
        check("D'Angelo-Núñez", "dangelo nunez");
        check("MÜLLER", "muller");
        check("Großmann", "grossmann");
        check("Łukasz Åkesson", "lukasz akesson");
        check("J. R.", "j r");
    }

    #[test]
    fn full_width_kana_cyrillic_and_greek_become_latin() {
        check("ＴＡＲＯ", "taro");
        check("さとう", "sato");
        check("ｻﾄｳ", "sato");
        check("Наталья", "natalya");
        check("Γεωργίου", "georgioy");
    }

    #[test]
    fn thai_and_han_stay_whole() {
        check("สมชาย ใจดี", "สมชาย ใจดี");
        check("ดวงใจ", "ดวงใจ");
        check("山田　太郎", "山田 太郎");
        check("김민준", "김민준");
        assert_eq!(script("สมชาย"), Script::Thai);
        assert_eq!(script("山田"), Script::EastAsian);
        assert_eq!(script("김"), Script::EastAsian);
        assert_eq!(script("smith"), Script::Latin);
    }

    #[test]
    fn one_text_in_two_encodings_is_one_text() {
        assert_eq!(fold("น้ำฝน"), fold("น้\u{e4d}าฝน"));
        assert_eq!(fold("が"), fold("か\u{3099}"));
        assert_eq!(fold("é"), fold("e\u{301}"));
    }

    #[test]
    fn a_cell_that_says_nothing_is_blank_and_a_family_named_na_is_not() {
        for blank in ["", "  ", "NA", "N/A", "null", "-", "--", "?", "Unknown", "UNK"] {
            assert!(is_blank(blank), "{blank:?}");
        }
        for value in ["Na", "0", "Nan", "Noone"] {
            assert!(!is_blank(value), "{value:?}");
        }
    }
}
