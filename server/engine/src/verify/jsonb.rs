//! A JSON document as PostgreSQL writes it once it is a `jsonb`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// None for a document that no `jsonb` can hold, or that is nested too deep.
pub(super) fn written(text: &str) -> Option<String> {
    let mut reader = Reader { rest: text, out: String::with_capacity(text.len() + 16) };
    reader.value(0)?;
    reader.skip_blanks();
    reader.rest.is_empty().then_some(reader.out)
}

const DEEPEST: usize = 256;

struct Reader<'a> {
    rest: &'a str,
    out: String,
}

impl Reader<'_> {
    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    fn take(&mut self, token: &str) -> bool {
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn value(&mut self, depth: usize) -> Option<()> {
        if depth > DEEPEST {
            return None;
        }
        self.skip_blanks();
        for word in ["true", "false", "null"] {
            if self.take(word) {
                self.out.push_str(word);
                return Some(());
            }
        }
        match self.rest.as_bytes().first()? {
            b'{' => self.object(depth),
            b'[' => self.array(depth),
            b'"' => {
                let text = self.text()?;
                write_text(&text, &mut self.out);
                Some(())
            }
            _ => self.number(),
        }
    }

    fn array(&mut self, depth: usize) -> Option<()> {
        self.take("[");
        self.out.push('[');
        self.skip_blanks();
        if self.take("]") {
            self.out.push(']');
            return Some(());
        }
        loop {
            self.value(depth + 1)?;
            self.skip_blanks();
            if self.take("]") {
                self.out.push(']');
                return Some(());
            }
            self.take(",").then_some(())?;
            self.out.push_str(", ");
        }
    }

    /// Keys are sorted by length and then by bytes; of equal ones the last counts.
    fn object(&mut self, depth: usize) -> Option<()> {
        self.take("{");
        let mut members: BTreeMap<(usize, String), String> = BTreeMap::new();
        self.skip_blanks();
        if !self.take("}") {
            loop {
                self.skip_blanks();
                let key = self.text()?;
                self.skip_blanks();
                self.take(":").then_some(())?;
                let around = std::mem::take(&mut self.out);
                self.value(depth + 1)?;
                let value = std::mem::replace(&mut self.out, around);
                members.insert((key.len(), key), value);
                self.skip_blanks();
                if self.take("}") {
                    break;
                }
                self.take(",").then_some(())?;
            }
        }
        self.out.push('{');
        for (place, ((_, key), value)) in members.into_iter().enumerate() {
            if place > 0 {
                self.out.push_str(", ");
            }
            write_text(&key, &mut self.out);
            self.out.push_str(": ");
            self.out.push_str(&value);
        }
        self.out.push('}');
        Some(())
    }

    /// The text between quotes, without its escapes.
    fn text(&mut self) -> Option<String> {
        if !self.rest.starts_with('"') {
            return None;
        }
        let bytes = self.rest.as_bytes();
        let mut at = 1;
        loop {
            match bytes.get(at)? {
                b'"' => break,
                b'\\' => at += 2,
                _ => at += 1,
            }
        }
        let (quoted, rest) = self.rest.split_at_checked(at + 1)?;
        self.rest = rest;
        serde_json::from_str(quoted).ok()
    }

    /// A number keeps its digits and loses its exponent, as a `numeric` does.
    fn number(&mut self) -> Option<()> {
        let end = self
            .rest
            .find(|c: char| !matches!(c, '0'..='9' | '-' | '+' | '.' | 'e' | 'E'))
            .unwrap_or(self.rest.len());
        let (number, rest) = self.rest.split_at(end);
        serde_json::from_str::<serde::de::IgnoredAny>(number).ok()?;
        self.rest = rest;
        let (negative, number) =
            number.strip_prefix('-').map_or((false, number), |number| (true, number));
        let (digits, exponent) = match number.split_once(['e', 'E']) {
            Some((digits, exponent)) => (digits, exponent.parse::<i32>().ok()?),
            None => (number, 0),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let shifted = shift(whole, fraction, exponent)?;
        if negative && shifted.bytes().any(|byte| (b'1'..=b'9').contains(&byte)) {
            self.out.push('-');
        }
        self.out.push_str(&shifted);
        Some(())
    }
}

/// The digits with the point moved to the right, or to the left for a negative exponent.
fn shift(whole: &str, fraction: &str, exponent: i32) -> Option<String> {
    if exponent.unsigned_abs() > 20_000 {
        return None;
    }
    let digits = format!("{whole}{fraction}");
    let point = i64::try_from(whole.len()).ok()? + i64::from(exponent);
    let length = i64::try_from(digits.len()).ok()?;
    let (whole, fraction) = if point <= 0 {
        (String::new(), format!("{}{digits}", "0".repeat(usize::try_from(-point).ok()?)))
    } else if point >= length {
        (format!("{digits}{}", "0".repeat(usize::try_from(point - length).ok()?)), String::new())
    } else {
        let (whole, fraction) = digits.split_at(usize::try_from(point).ok()?);
        (whole.to_owned(), fraction.to_owned())
    };
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    Some(if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") })
}

fn write_text(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c < ' ' => {
                // Writing to a String does not fail.
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(written(text).as_deref(), Some(expected), "{text}");
    }

    #[test]
    fn a_document_is_written_as_postgresql_writes_it() {
        check(
            " {\"bb\":1,\"a\" : [ 1 ,2,{} ] , \"b\":null}",
            r#"{"a": [1, 2, {}], "b": null, "bb": 1}"#,
        );
        check(r#"{"a":1,"a":2}"#, r#"{"a": 2}"#);
        check("1.50", "1.50");
        check("1e2", "100");
        check("1.5e-3", "0.0015");
        check("-0.0", "0.0");
        check("12.34e1", "123.4");
        check(r#""\u00e9\u0001\/\ud83e\uddb7""#, "\"é\\u0001/🦷\"");
        check("[]", "[]");
    }

    #[test]
    fn what_is_no_document_has_no_text() {
        for text in ["", "{", "[1,]", "nul", "01", "\"a", "{a:1}", "1 2"] {
            assert_eq!(written(text), None, "{text}");
        }
    }
}
