//! Who somebody is, and what they may do.

pub mod key;
pub mod password;
pub mod throttle;
pub mod token;
pub mod session;
pub mod second_factor;
pub mod external;
pub mod permission;
pub mod caller;
pub mod secret;

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

pub use caller::{Access, Caller};

/// SHA-256 in hexadecimal digits.
pub(crate) fn sha256_hex(bytes: impl AsRef<[u8]>) -> String {
    hex(&Sha256::digest(bytes))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
