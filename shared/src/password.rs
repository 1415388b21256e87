//! What a password has to be like: long, and not what everybody tries first.

/// The least that a password has.
pub const MIN_LENGTH: usize = 12;
/// Longer ones cost time and protect nobody.
pub const MAX_LENGTH: usize = 256;

/// What is wrong with a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weakness {
    TooShort,
    TooLong,
    /// The e-mail address, or what stands before its `@`, and little else.
    Address,
    /// Common words, rows of keys and numbers, and little else.
    Common,
}

impl Weakness {
    /// What to tell whoever chose it.
    pub const fn message(self) -> &'static str {
        match self {
            Self::TooShort => "A password has at least 12 characters.",
            Self::TooLong => "A password has at most 256 characters.",
            Self::Address => "The password is too close to the e-mail address.",
            Self::Common => {
                "The password is among those that are tried first. Several unrelated words are \
                 good."
            }
        }
    }
}

/// What is wrong with a password for the account of an e-mail address.
pub fn weakness(password: &str, email: &str) -> Option<Weakness> {
    let length = password.chars().count();
    if length < MIN_LENGTH {
        return Some(Weakness::TooShort);
    }
    if length > MAX_LENGTH {
        return Some(Weakness::TooLong);
    }
    let plain = plain(password);
    let without_own = own_parts(email).fold(plain.clone(), |left, part| left.replace(&part, ""));
    if without_own.len() < plain.len() && without_own.chars().count() < OWN {
        return Some(Weakness::Address);
    }
    // A digit may stand for a letter, or be one of a row of digits.
    let forms = [plain, password.to_lowercase()];
    forms.iter().any(|form| rest(form).chars().count() < OWN).then_some(Weakness::Common)
}

/// So many characters have to be left that are neither known nor repeated.
const OWN: usize = 6;

/// One a line, in lower case, letters only, the longest first: parts of the passwords that stand
/// at the top of every list of stolen ones, and what belongs to this place.
const COMMON: &str = include_str!("common_passwords.txt");

/// In lower case, and with the digits and signs that stand for letters read as those.
fn plain(password: &str) -> String {
    password
        .to_lowercase()
        .chars()
        .map(|c| match c {
            '0' => 'o',
            '1' | '!' | '|' => 'i',
            '3' | '€' => 'e',
            '4' | '@' => 'a',
            '5' | '$' => 's',
            '7' => 't',
            c => c,
        })
        .collect()
}

/// The address and what stands before its `@`, the longer one first.
fn own_parts(email: &str) -> impl Iterator<Item = String> {
    let email = email.trim();
    let local = email.split('@').next().unwrap_or_default();
    [email, local].map(plain).into_iter().filter(|part| part.len() >= 4)
}

/// What is left when common words, numbers, signs and repetitions are taken away.
fn rest(form: &str) -> String {
    let left = COMMON.lines().fold(form.to_owned(), |left, word| left.replace(word, " "));
    let mut rest = String::new();
    for c in left.chars().filter(|c| c.is_alphabetic()) {
        // Each character counts twice at most: `aaaaaaaaaaaa` and `abababababab` are short.
        if rest.chars().filter(|seen| *seen == c).count() < 2 && !follows(rest.chars().last(), c) {
            rest.push(c);
        }
    }
    rest
}

/// Whether it is the next letter of the alphabet, as in `abcdef`.
fn follows(last: Option<char>, c: char) -> bool {
    last.is_some_and(|last| u32::from(last) + 1 == u32::from(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(password: &str, expected: Option<Weakness>) {
        assert_eq!(weakness(password, "ada.lovelace@clinic.example"), expected, "{password}");
    }

    #[test]
    fn a_password_is_long_enough_and_not_endless() {
        check("short one", Some(Weakness::TooShort));
        check(&"x7 q".repeat(65), Some(Weakness::TooLong));
        check("correct horse battery", None);
        check("wardrobe-pelican-7", None);
        check("Mein Rad ist grün", None);
        check("私の自転車は緑色で古いです", None);
    }

    #[test]
    fn what_everybody_tries_first_is_refused() {
        for password in [
            "password1234",
            "P@ssw0rd!2024",
            "Password123!",
            "qwertyuiop123",
            "1234567890123",
            "aaaaaaaaaaaa",
            "abcdefghijkl",
            "ababababababab",
            "Welcome2Transfuse",
            "letmeinletmein",
            "Summer2026!!!!",
            "iloveyou123456",
            "hospital12345",
        ] {
            check(password, Some(Weakness::Common));
        }
    }

    #[test]
    fn the_address_is_no_password() {
        check("ada.lovelace@clinic.example", Some(Weakness::Address));
        check("Ada.Lovelace1", Some(Weakness::Address));
        check("ada.lovelace likes pelicans", None);
    }

    #[test]
    fn the_list_is_what_the_code_takes_it_for() {
        let words: Vec<_> = COMMON.lines().collect();
        assert!(words.iter().all(|word| word.len() >= 3 && *word == plain(word)));
        assert!(words.is_sorted_by_key(|word| std::cmp::Reverse(word.len())));
    }
}
