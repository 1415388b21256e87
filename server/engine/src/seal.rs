//! Keeps rows from being read by whoever comes across them.

use chacha20poly1305::aead::{Aead, KeyInit};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use shared::error_code::ErrorCode;

use crate::error::{EngineError, Result};

const NONCE_BYTES: usize = 24;

/// The installation's key. Whoever has it can read what is in quarantine.
#[derive(Clone)]
pub struct Key([u8; 32]);

impl Key {
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, for keyed hashes of the same installation.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(…)")
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.0);
    }
}

/// XChaCha20-Poly1305: a random nonce, then the sealed bytes.
pub fn seal(key: &Key, plain: &[u8]) -> Result<Vec<u8>> {
    let mut nonce = [0; NONCE_BYTES];
    getrandom::fill(&mut nonce).map_err(|error| fault("sealing a row").because(error))?;
    let sealed =
        cipher(key).encrypt(&XNonce::from(nonce), plain).map_err(|_| fault("sealing a row"))?;
    Ok([nonce.as_slice(), &sealed].concat())
}

/// A key of its own for one use, from which the installation's key cannot be told.
pub fn derive(key: &Key, purpose: &[u8]) -> [u8; 32] {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&key.0).expect("a MAC takes any key");
    mac.update(purpose);
    mac.finalize().into_bytes().into()
}

/// Fails when the bytes were sealed with another key, or changed since.
pub fn open(key: &Key, sealed: &[u8]) -> Result<Vec<u8>> {
    let doing = "opening a sealed row: it was sealed with another key, or changed since";
    let (nonce, sealed) = sealed.split_first_chunk().ok_or_else(|| fault(doing))?;
    cipher(key).decrypt(&XNonce::from(*nonce), sealed).map_err(|_| fault(doing))
}

fn cipher(key: &Key) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(&key.0.into())
}

fn fault(doing: &str) -> EngineError {
    EngineError::new(ErrorCode::Sys001, doing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_row_opens_with_its_key_only() {
        let sealed = seal(&Key::new([7; 32]), b"row").unwrap();

        assert_eq!(open(&Key::new([7; 32]), &sealed).unwrap(), b"row");
        assert!(open(&Key::new([8; 32]), &sealed).is_err());
        assert!(open(&Key::new([7; 32]), &sealed[..10]).is_err());
        assert!(!sealed.windows(3).any(|window| window == b"row"));
    }
}
