//! A second factor: time-based codes of an authenticator, and recovery codes for its loss.

use chrono::{DateTime, Utc};
use qrcode::QrCode;
use qrcode::render::svg;
use totp_rs::{Builder, Totp};
use zeroize::Zeroizing;

use super::sha256_hex;

const ISSUER: &str = "Transfuse";
/// The length that the standard recommends for its hash.
const SECRET_BYTES: usize = 20;
const RECOVERY_CODES: usize = 10;

/// An authenticator's side of it: the same secret, the same codes.
pub struct Authenticator(Totp);

/// The secret or the account's name cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the authenticator's secret cannot be used")]
pub struct FactorError;

impl Authenticator {
    /// One that nobody has yet.
    pub fn fresh(account: &str) -> Result<(Self, Zeroizing<String>), FactorError> {
        let secret: [u8; SECRET_BYTES] = rand::random();
        let secret = totp_rs::Secret::from(secret);
        let text = Zeroizing::new(secret.to_base32());
        Ok((Self::of(secret, account)?, text))
    }

    /// The one with a secret, in base 32.
    pub fn with_secret(secret: &str, account: &str) -> Result<Self, FactorError> {
        let secret = totp_rs::Secret::try_from_base32(secret).map_err(|_| FactorError)?;
        Self::of(secret, account)
    }

    fn of(secret: totp_rs::Secret, account: &str) -> Result<Self, FactorError> {
        // A colon would end the issuer's part of the label.
        let account = account.replace(':', "_");
        Builder::new()
            .with_secret(secret)
            .with_account_name(account)
            .with_issuer(Some(ISSUER))
            .build()
            .map(Self)
            .map_err(|_| FactorError)
    }

    /// What an authenticator reads.
    pub fn url(&self) -> Result<Zeroizing<String>, FactorError> {
        self.0.to_url().map(Zeroizing::new).map_err(|_| FactorError)
    }

    /// The URL as a picture, an SVG element.
    pub fn qr_svg(&self) -> Result<String, FactorError> {
        let code = QrCode::new(self.url()?.as_bytes()).map_err(|_| FactorError)?;
        let picture = code.render::<svg::Color>().min_dimensions(240, 240).build();
        // A page takes the element, not a document's prologue.
        let start = picture.find("<svg").ok_or(FactorError)?;
        Ok(picture[start..].to_owned())
    }

    /// The half minute that a code is of, when it is one of now, or of just before or after.
    pub fn check(&self, code: &str, now: DateTime<Utc>) -> Option<u64> {
        let code: String = code.chars().filter(|c| !c.is_whitespace()).collect();
        let is_code = code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit());
        let seconds = u64::try_from(now.timestamp()).ok().filter(|_| is_code)?;
        self.0.check(&code, seconds)
    }
}

/// Fresh recovery codes, about 75 bits each.
pub fn recovery_codes() -> Vec<String> {
    (0..RECOVERY_CODES).map(|_| super::password::generate()[..17].to_owned()).collect()
}

/// What the store keeps of a recovery code, however it was typed.
pub fn recovery_hash(code: &str) -> String {
    let plain: String =
        code.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
    sha256_hex(format!("recovery code {plain}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).expect("a time")
    }

    /// RFC 6238, appendix B, SHA-1; its codes have eight digits, of which ours are the last six.
    #[test]
    fn codes_are_those_of_the_standard() {
        let secret = totp_rs::Secret::from(b"12345678901234567890".to_vec()).to_base32();
        let authenticator = Authenticator::with_secret(&secret, "ada@clinic.example").unwrap();
        for (seconds, code) in
            [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924")]
        {
            assert!(authenticator.check(code, at(seconds)).is_some(), "{code}");
            assert!(authenticator.check(code, at(seconds + 120)).is_none(), "{code}");
        }
    }

    #[test]
    fn a_code_is_taken_as_people_type_it_and_nothing_else_is() {
        let (authenticator, secret) = Authenticator::fresh("ada@clinic.example").unwrap();
        let same = Authenticator::with_secret(&secret, "ada@clinic.example").unwrap();
        let code = same.0.generate(1_790_000_000).to_string();
        let typed = format!(" {} {}", &code[..3], &code[3..]);

        assert_eq!(authenticator.check(&typed, at(1_790_000_000)), Some(1_790_000_000 / 30));
        for wrong in ["", "12345", "1234567", "abcdef", "١٢٣٤٥٦"] {
            assert_eq!(authenticator.check(wrong, at(1_790_000_000)), None, "{wrong}");
        }
    }

    #[test]
    fn the_url_names_issuer_and_account_and_the_picture_is_one_element() {
        let (authenticator, secret) = Authenticator::fresh("a:da@clinic.example").unwrap();
        let url = authenticator.url().unwrap();
        assert!(url.starts_with("otpauth://totp/Transfuse:a_da%40clinic.example?"), "{}", *url);
        assert!(url.contains(secret.as_str()));
        let svg = authenticator.qr_svg().unwrap();
        assert!(svg.starts_with("<svg") && svg.ends_with("</svg>"), "{svg}");
        assert!(!svg.contains("<script") && !svg.contains("href"));
    }

    #[test]
    fn recovery_codes_differ_and_are_known_however_they_are_typed() {
        let codes = recovery_codes();
        let different: std::collections::BTreeSet<_> = codes.iter().collect();
        assert_eq!(different.len(), RECOVERY_CODES);
        let typed = codes[0].to_uppercase().replace('-', " ");
        assert_eq!(recovery_hash(&codes[0]), recovery_hash(&typed));
        assert_ne!(recovery_hash(&codes[0]), recovery_hash(&codes[1]));
    }
}
