//! What a value looks like, without what it says.

use crate::value::{Value, display};

/// Longer texts are cut: their form is told by then.
const LONGEST: usize = 60;

/// Letters become x or X, digits 9, and what stands between them stays. Null has no form.
pub(crate) fn shape(value: &Value<'_>) -> Option<String> {
    Some(match value {
        Value::Null => return None,
        // One of two: any form would say which.
        Value::Bool(_) => "(true or false)".to_owned(),
        Value::Bytes(bytes) | Value::Raw(bytes) => format!("({} bytes)", bytes.len()),
        Value::Invalid(_, bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => of_text(text),
            Err(_) => format!("({} bytes, no text)", bytes.len()),
        },
        other => display(other).map_or_else(|| "(no text)".to_owned(), |text| of_text(&text)),
    })
}

fn of_text(text: &str) -> String {
    let mut shape: String = text
        .chars()
        .take(LONGEST)
        .map(|c| match c {
            c if c.is_numeric() => '9',
            c if c.is_uppercase() => 'X',
            c if c.is_alphanumeric() => 'x',
            // What can hardly be told from nothing is made visible; it is often what is wrong.
            '\0' => '␀',
            '\t' => '␉',
            '\n' => '␊',
            '\r' => '␍',
            c if c.is_control() => '�',
            c if c.is_ascii() || c.is_whitespace() => c,
            _ => 'x',
        })
        .collect();
    if text.chars().nth(LONGEST).is_some() {
        shape.push('…');
    }
    shape
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::value::Flaw;

    #[test]
    fn a_mask_tells_the_form_and_not_the_value() {
        let check = |value: Value<'_>, expected: &str| {
            assert_eq!(shape(&value).as_deref(), Some(expected));
        };
        check(Value::Text("Ann-Marie O'Hara 3rd".into()), "Xxx-Xxxxx X'Xxxx 9xx");
        check(Value::Text("04/31/1999".into()), "99/99/9999");
        check(Value::Text("a\0b\t".into()), "x␀x␉");
        check(Value::Text("Zoë 田中 €".into()), "Xxx xx x");
        check(Value::Int(-42), "-99");
        check(Value::Date(0), "9999-99-99");
        check(Value::Bool(true), "(true or false)");
        check(Value::Bytes(vec![1, 2].into()), "(2 bytes)");
        check(Value::Invalid(Flaw::Malformed, b"7 kg".as_slice().into()), "9 xx");
        check(Value::Invalid(Flaw::NotText, [0xff].as_slice().into()), "(1 bytes, no text)");
        check(Value::Text("y".repeat(99).into()), &format!("{}…", "x".repeat(60)));
        assert_eq!(shape(&Value::Null), None);
    }

    proptest! {
        #[test]
        fn no_letter_and_no_digit_of_a_text_is_in_its_mask(text in "\\PC{0,80}") {
            let shape = shape(&Value::Text(text.into())).unwrap();
            prop_assert!(shape.chars().all(|c| !c.is_alphanumeric() || "xX9".contains(c)), "{}", shape);
        }
    }
}
