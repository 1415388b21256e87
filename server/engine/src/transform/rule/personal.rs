//! How to reach people, and how to hide who they are.

use std::borrow::Cow;
use std::fmt::Write as _;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use shared::error_code::ErrorCode;

use crate::transform::fault::Fault;
use crate::value::Value;

/// E.164, with the extension after it where there is one.
pub(super) fn phone(text: &str, region: Option<phonenumber::country::Id>) -> Option<String> {
    let number = phonenumber::parse(region, text).ok().filter(phonenumber::is_valid)?;
    let written = number.format().mode(phonenumber::Mode::E164).to_string();
    Some(match number.extension() {
        Some(extension) => format!("{written} ext. {extension}"),
        None => written,
    })
}

/// Something, an @, and a domain with a point in it, all without blanks.
pub(super) fn email(text: &str) -> Option<String> {
    let address = text.trim();
    let (local, domain) = address.rsplit_once('@')?;
    let is_name = |part: &str| {
        !part.is_empty() && !part.starts_with('.') && !part.ends_with('.') && !part.contains("..")
    };
    let is_plain = !address.chars().any(|c| c.is_whitespace() || c.is_control())
        && !local.contains(['@', '<', '>', ',', ';', '(', ')']);
    let is_domain = domain.contains('.')
        && domain.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-'));
    (is_plain && is_name(local) && is_name(domain) && is_domain).then(|| address.to_lowercase())
}

pub(super) fn hash<'a>(key: &[u8], text: &str) -> Result<Value<'a>, Fault> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key)
        .map_err(|_| Fault::new(ErrorCode::Sys001, "the installation's key cannot be used"))?;
    mac.update(text.as_bytes());
    let digest = mac.finalize().into_bytes();
    let mut shown = String::with_capacity(64);
    for byte in digest {
        let _ = write!(shown, "{byte:02x}");
    }
    Ok(Value::Text(Cow::Owned(shown)))
}

pub(super) fn mask(text: &str, keep_last: usize) -> String {
    let hidden = text.chars().filter(|c| c.is_alphanumeric()).count().saturating_sub(keep_last);
    let mut seen = 0;
    text.chars()
        .map(|c| {
            seen += usize::from(c.is_alphanumeric());
            if c.is_alphanumeric() && seen <= hidden { '*' } else { c }
        })
        .collect()
}
