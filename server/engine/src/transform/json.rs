//! JSON that is checked, and JSON that is mended.

use serde::de::IgnoredAny;
use shared::error_code::ErrorCode;

use super::fault::Fault;

/// Deeper documents are left as they are: nothing that people wrote is that deep.
const DEEPEST: usize = 256;

/// Whether the text is one JSON document.
pub(super) fn check(text: &str) -> Result<(), Fault> {
    serde_json::from_str::<IgnoredAny>(text)
        .map(|_| ())
        .map_err(|_| Fault::new(ErrorCode::Data012, "the text is not JSON"))
}

/// What PostgreSQL's jsonb refuses in a text that is JSON: `\u0000`, and half of a pair.
pub(super) fn check_escapes(text: &str) -> Result<(), Fault> {
    let mut rest = text.as_bytes();
    let mut after_high = false;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        if after_high && at > 0 {
            return Err(HALF_A_PAIR);
        }
        let unit = utf16_unit(&rest[at..]);
        after_high = match (unit, after_high) {
            (Some(0), _) => return Err(Fault::new(ErrorCode::Data005, "the JSON contains 0x00")),
            (Some(0xD800..=0xDBFF), false) => true,
            (Some(0xDC00..=0xDFFF), true) => false,
            (Some(0xD800..=0xDFFF), _) | (_, true) => return Err(HALF_A_PAIR),
            _ => false,
        };
        let length = if unit.is_some() { 6 } else { 2 };
        rest = rest.get(at + length..).unwrap_or_default();
    }
    if after_high { Err(HALF_A_PAIR) } else { Ok(()) }
}

/// The document with its usual damages mended: single quotes, Python's words, trailing commas,
/// bare line breaks in texts, lone surrogates. None when it is broken otherwise.
pub(super) fn repair(text: &str) -> Option<String> {
    let mut mender = Mender { rest: text, out: String::with_capacity(text.len() + 8) };
    mender.value(0)?;
    mender.skip_blanks();
    (mender.rest.is_empty() && check(&mender.out).is_ok()).then_some(mender.out)
}

const HALF_A_PAIR: Fault = Fault::new(ErrorCode::Data012, "the JSON has half of a surrogate pair");

/// The number in an escape of the form `\u00e9` at the start of the bytes.
fn utf16_unit(bytes: &[u8]) -> Option<u16> {
    let digits = bytes.strip_prefix(b"\\u")?.get(..4)?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

struct Mender<'a> {
    rest: &'a str,
    out: String,
}

impl Mender<'_> {
    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn take(&mut self, c: char) -> bool {
        match self.rest.strip_prefix(c) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn next(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = &self.rest[c.len_utf8()..];
        Some(c)
    }

    fn value(&mut self, depth: usize) -> Option<()> {
        if depth > DEEPEST {
            return None;
        }
        self.skip_blanks();
        match self.rest.chars().next()? {
            'u' if self.rest[1..].starts_with(['"', '\'']) => self.text(),
            '{' => self.members('{', '}', depth),
            '[' => self.members('[', ']', depth),
            '"' | '\'' => self.text(),
            _ => self.word(),
        }
    }

    /// What stands between braces or brackets.
    fn members(&mut self, open: char, close: char, depth: usize) -> Option<()> {
        self.take(open);
        self.out.push(open);
        let mut first = true;
        loop {
            self.skip_blanks();
            if self.take(close) {
                self.out.push(close);
                return Some(());
            }
            if !first {
                self.out.push(',');
            }
            if open == '{' {
                self.text()?;
                self.skip_blanks();
                self.take(':').then_some(())?;
                self.out.push(':');
            }
            self.value(depth + 1)?;
            first = false;
            self.skip_blanks();
            if !self.take(',') && !self.rest.starts_with(close) {
                return None;
            }
        }
    }

    fn word(&mut self) -> Option<()> {
        let end = self
            .rest
            .find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '+' | '-' | '.'))
            .unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        let word = match word {
            "True" => "true",
            "False" => "false",
            "None" => "null",
            word => word,
        };
        check(word).ok()?;
        self.out.push_str(word);
        self.rest = rest;
        Some(())
    }

    fn text(&mut self) -> Option<()> {
        // Python 2 marks its texts.
        self.take('u');
        let quote = self.next().filter(|c| matches!(c, '"' | '\''))?;
        self.out.push('"');
        loop {
            match self.next()? {
                c if c == quote && (quote == '"' || self.ends_here()) => {
                    self.out.push('"');
                    return Some(());
                }
                '"' => self.out.push_str("\\\""),
                '\\' => self.escape()?,
                '\n' => self.out.push_str("\\n"),
                '\r' => self.out.push_str("\\r"),
                '\t' => self.out.push_str("\\t"),
                c if c < ' ' => self.push_unit(c as u16),
                c => self.out.push(c),
            }
        }
    }

    /// An apostrophe within a text stands before a letter, the end of a text before a sign.
    fn ends_here(&self) -> bool {
        self.rest.trim_start().chars().next().is_none_or(|c| matches!(c, ',' | ':' | '}' | ']'))
    }

    fn escape(&mut self) -> Option<()> {
        match self.next()? {
            '\'' => self.out.push('\''),
            'x' => {
                let digits = self.rest.get(..2)?;
                self.push_unit(u16::from(u8::from_str_radix(digits, 16).ok()?));
                self.rest = &self.rest[2..];
            }
            'u' => self.unicode_escape()?,
            c @ ('"' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't') => {
                self.out.push('\\');
                self.out.push(c);
            }
            _ => return None,
        }
        Some(())
    }

    fn unicode_escape(&mut self) -> Option<()> {
        let unit = u16::from_str_radix(self.rest.get(..4)?, 16).ok()?;
        self.rest = &self.rest[4..];
        let low = utf16_unit(self.rest.as_bytes()).filter(|low| (0xDC00..=0xDFFF).contains(low));
        match (unit, low) {
            (0xD800..=0xDBFF, Some(low)) => {
                self.push_unit(unit);
                self.push_unit(low);
                self.rest = &self.rest[6..];
            }
            (0xD800..=0xDFFF, _) => self.out.push(char::REPLACEMENT_CHARACTER),
            _ => self.push_unit(unit),
        }
        Some(())
    }

    fn push_unit(&mut self, unit: u16) {
        use std::fmt::Write as _;
        let _ = write!(self.out, "\\u{unit:04x}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_repair(broken: &str, mended: Option<&str>) {
        assert_eq!(repair(broken).as_deref(), mended);
    }

    #[test]
    fn usual_damages_are_mended() {
        check_repair("{'a': 'b'}", Some(r#"{"a":"b"}"#));
        check_repair(
            "{'a': True, 'b': None, 'c': False}",
            Some(r#"{"a":true,"b":null,"c":false}"#),
        );
        check_repair("[1, 2.5e3, -4,]", Some("[1,2.5e3,-4]"));
        check_repair("{'name': 'O'Neil', u'x': \"it's\"}", Some(r#"{"name":"O'Neil","x":"it's"}"#));
        check_repair(r#"{"a": "\ud83d"}"#, Some("{\"a\":\"\u{fffd}\"}"));
        check_repair(r#"{"a": "\ud83d\ude00"}"#, Some(r#"{"a":"\ud83d\ude00"}"#));
        check_repair(r"'\xe9\''", Some(r#""\u00e9'""#));
        check_repair("\"two\nlines\"", Some(r#""two\nlines""#));
    }

    #[test]
    fn what_is_broken_otherwise_stays_broken() {
        for text in ["", "{", "{'a'}", "{'a': }", "[1 2]", "[,]", "<circular>", "'open", "{1: 2}"] {
            check_repair(text, None);
        }
        check_repair(&"[".repeat(100_000), None);
    }

    #[test]
    fn jsonb_takes_whole_pairs_and_no_zero() {
        for text in [r#""\ud83d\ude00""#, r#""\\u0000""#, r#""\\""#, r#""\u00e9""#] {
            assert_eq!(check_escapes(text), Ok(()), "{text}");
        }
        for text in
            [r#""\u0000""#, r#""\ud83d""#, r#""\ude00""#, r#""\ud83dx\ude00""#, r#""\ud83d\n""#]
        {
            assert!(check_escapes(text).is_err(), "{text}");
        }
    }
}
