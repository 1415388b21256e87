//! Digests that nobody without the installation's key can make.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use crate::seal::{self, Key};

/// Bytes of a digest.
pub(super) const DIGEST: usize = 8;

/// What digests of keys are made with.
pub(super) fn secret(key: &Key) -> [u8; 32] {
    Digests::of(key).secret
}

/// What is left in the target of a key, to tell later whether it is the same: nobody can get the
/// key from it.
pub fn key_check(key: &Key, run_id: &str) -> String {
    Digests::of(key).digest(run_id.as_bytes()).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Makes digests that nobody without the installation's key can make.
#[derive(Debug, Clone)]
pub(super) struct Digests {
    secret: [u8; 32],
}

impl Digests {
    pub(super) fn of(key: &Key) -> Self {
        Self { secret: seal::derive(key, b"digests of rows") }
    }

    pub(super) fn digest(&self, text: &[u8]) -> [u8; DIGEST] {
        let hash: [u8; 32] =
            Sha256::new().chain_update(self.secret).chain_update(text).finalize().into();
        std::array::from_fn(|place| hash[place])
    }
}
