//! Phones and e-mail addresses.

use super::text;

/// The digits by which a phone is told: without trunk zero, country code and extension.
/// False, and nothing written, for what is no phone of anybody's.
pub fn phone(raw: &str, out: &mut String) -> bool {
    let raw = raw.trim();
    let start = out.len();
    let extension = raw.find(char::is_alphabetic).filter(|at| *at > 0);
    let number = extension.map_or(raw, |extension| &raw[..extension]);
    out.extend(number.bytes().filter(u8::is_ascii_digit).map(char::from));
    let digits = &out[start..];
    let mut from = zeros(digits, 0);
    if raw.starts_with('+') || from >= 2 {
        from = zeros(digits, from + country_code(&digits[from..]));
    } else if digits.len() - from == 11 && digits[from..].starts_with('1') {
        from += 1;
    }
    let digits = &digits[from..];
    if !(6..=15).contains(&digits.len()) || is_filler(digits) {
        out.truncate(start);
        return false;
    }
    if from > 0 {
        out.replace_range(start..start + from, "");
    }
    true
}

/// The mailbox behind an address: lower case, without what providers ignore.
/// False, and nothing written, for what is no address of anybody's.
pub fn email(raw: &str, out: &mut String) -> bool {
    let raw = raw.trim();
    let Some((mut local, domain)) = raw.rsplit_once('@') else { return false };
    while let Some(rest) = local.strip_prefix("mailto:") {
        local = rest;
    }
    let local = local.split('+').next().unwrap_or_default();
    if local.is_empty() || !domain.contains('.') || raw.contains(char::is_whitespace) {
        return false;
    }
    let start = out.len();
    out.push_str(&text::fold(local));
    let nobody = matches!(
        &out[start..],
        "none"
            | "noemail"
            | "no-email"
            | "no.email"
            | "unknown"
            | "na"
            | "noreply"
            | "no-reply"
            | "nobody"
            | "declined"
            | "refused"
            | "notprovided"
            | "test"
            | "xxx"
            | "email"
            | "nomail"
    );
    if nobody {
        out.truncate(start);
        return false;
    }
    let domain = text::fold(domain);
    let domain = if domain == "googlemail.com" { "gmail.com" } else { domain.as_ref() };
    if domain == "gmail.com" {
        let dotless: String = out[start..].chars().filter(|c| *c != '.').collect();
        out.truncate(start);
        out.push_str(&dotless);
    }
    out.push('@');
    out.push_str(domain);
    true
}

/// Where the zeros end that begin at a place.
fn zeros(digits: &str, from: usize) -> usize {
    let from = from.min(digits.len());
    from + digits[from..].bytes().take_while(|byte| *byte == b'0').count()
}

/// How long the country code is with which international digits begin.
fn country_code(digits: &str) -> usize {
    match digits.as_bytes() {
        [b'1' | b'7', ..] => 1,
        [b'2', b'0' | b'7', ..]
        | [b'3', b'0'..=b'4' | b'6' | b'9', ..]
        | [b'4', b'0' | b'1' | b'3'..=b'9', ..]
        | [b'5', b'1'..=b'8', ..]
        | [b'6', b'0'..=b'6', ..]
        | [b'8', b'1' | b'2' | b'4' | b'6', ..]
        | [b'9', b'0'..=b'5' | b'8', ..] => 2,
        _ => 3,
    }
}

/// Digits that somebody typed because a form insisted.
pub(super) fn is_filler(digits: &str) -> bool {
    let bytes = digits.as_bytes();
    let Some(first) = bytes.first() else { return true };
    // 555 is what a made-up number begins with; with one repeated digit behind it, it is nobody's.
    let tail = bytes.get(3..).unwrap_or_default();
    // Looking for a text in another costs more than most numbers are worth.
    let counts = |step: u8| {
        bytes
            .windows(2)
            .all(|two| two[1] == b'0' + two[0].wrapping_sub(b'0').wrapping_add(step) % 10)
    };
    bytes.iter().all(|byte| byte == first)
        || (digits.starts_with("555") && tail.iter().all(|byte| Some(byte) == tail.first()))
        || (counts(1) && "01234567890123456789".contains(digits))
        || (counts(9) && "98765432109876543210".contains(digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(reader: fn(&str, &mut String) -> bool, raw: &str, expected: &str) {
        let mut out = "kept ".to_owned();
        assert_eq!(reader(raw, &mut out), !expected.is_empty(), "{raw}");
        assert_eq!(out, format!("kept {expected}"), "{raw}");
    }

    #[test]
    fn a_phone_is_the_same_however_it_is_written() {
        for raw in ["(617) 555-0142", "+1 617 555 0142", "1-617-555-0142", "617.555.0142 x12"] {
            check(phone, raw, "6175550142");
        }
        check(phone, "030 1234567", "301234567");
        check(phone, "+49 (0)30 1234567", "301234567");
        check(phone, "0049 30 1234567", "301234567");
    }

    #[test]
    fn a_phone_that_is_nobodys_is_none() {
        for raw in ["555-555-5555", "0000000000", "1234567890", "999", "n/a", "555-000-0000"] {
            check(phone, raw, "");
        }
    }

    #[test]
    fn an_address_is_the_mailbox_behind_it() {
        check(email, " Ida.Moor@Example.ORG ", "ida.moor@example.org");
        check(email, "mailto:mailto:ida.moor@example.org", "ida.moor@example.org");
        check(email, "ida.moor+shop@gmail.com", "idamoor@gmail.com");
        check(email, "idamoor@googlemail.com", "idamoor@gmail.com");
    }

    #[test]
    fn an_address_that_is_nobodys_is_none() {
        for raw in ["none@example.org", "noreply@example.org", "ida.moor", "@example.org", "ida@x"]
        {
            check(email, raw, "");
        }
    }
}
