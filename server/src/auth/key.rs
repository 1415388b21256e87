//! The installation's key, from which all other keys are made.

use std::fmt;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::{Zeroize as _, Zeroizing};

use super::hex;

/// The environment variable that holds the key where it is not to lie in a file.
pub const VARIABLE: &str = "TRANSFUSE_KEY";

const FILE: &str = "key";
const BYTES: usize = 32;

/// 32 random bytes that belong to one installation. Whoever has them and the control store can
/// read the secrets of its connections; whoever loses them has to enter those again.
#[derive(Clone)]
pub struct InstallationKey([u8; BYTES]);

/// What a key is for. Each purpose has its own, so that none can be used in another's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    AccessTokens,
    ConnectionSecrets,
    Quarantine,
    /// Secrets of accounts and settings: authenticators, signing secrets.
    AccountSecrets,
    /// Signing packs of evidence.
    Reports,
}

impl InstallationKey {
    /// The key of the environment or else of the data folder, where it is made at first use.
    pub fn load(data: &Path, from_environment: Option<&str>) -> Result<Self, KeyError> {
        if let Some(text) = from_environment {
            return Self::parse(text).ok_or(KeyError::Variable);
        }
        let path = data.join(FILE);
        match fs::read_to_string(&path) {
            Ok(text) => {
                let text = Zeroizing::new(text);
                Self::parse(&text).ok_or(KeyError::Malformed { path })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let key = Self(rand::random());
                match write_new(&path, &key) {
                    Ok(()) => Ok(key),
                    // Another process made it a moment ago.
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                        Self::load(data, None)
                    }
                    Err(source) => Err(KeyError::File { path, source }),
                }
            }
            Err(source) => Err(KeyError::File { path, source }),
        }
    }

    /// The key for one purpose.
    pub fn derive(&self, purpose: Purpose) -> [u8; BYTES] {
        let info = match purpose {
            Purpose::AccessTokens => "transfuse access tokens",
            Purpose::ConnectionSecrets => "transfuse connection secrets",
            Purpose::Quarantine => "transfuse quarantine",
            Purpose::AccountSecrets => "transfuse account secrets",
            Purpose::Reports => "transfuse reports",
        };
        let mut derived = [0; BYTES];
        Hkdf::<Sha256>::new(None, &self.0)
            .expand(info.as_bytes(), &mut derived)
            .expect("HKDF gives up to 255 times as many bytes");
        derived
    }

    /// The key under which the engine seals rows in quarantine.
    pub fn quarantine(&self) -> engine::seal::Key {
        engine::seal::Key::new(self.derive(Purpose::Quarantine))
    }

    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.len() != BYTES * 2 || !text.is_ascii() {
            return None;
        }
        let mut key = [0; BYTES];
        for (byte, digits) in key.iter_mut().zip(text.as_bytes().chunks(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        }
        Some(Self(key))
    }
}

impl fmt::Debug for InstallationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InstallationKey(…)")
    }
}

impl Drop for InstallationKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("{VARIABLE} does not hold a key: 64 hexadecimal digits")]
    Variable,
    #[error("{} does not hold a key: 64 hexadecimal digits", .path.display())]
    Malformed { path: PathBuf },
    #[error("the installation's key in {} cannot be read or made", .path.display())]
    File { path: PathBuf, source: io::Error },
}

/// For its owner only, from the first moment on.
fn write_new(path: &Path, key: &InstallationKey) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    let text = Zeroizing::new(hex(&key.0));
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_is_its_owners_only() {
        let data = tempfile::tempdir().unwrap();

        let first = InstallationKey::load(data.path(), None).unwrap();
        let second = InstallationKey::load(data.path(), None).unwrap();

        assert_eq!(first.0, second.0);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(data.path().join(FILE)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn the_environment_goes_before_the_file() {
        let data = tempfile::tempdir().unwrap();

        let key = InstallationKey::load(data.path(), Some(&"ab".repeat(32))).unwrap();

        assert_eq!(key.0, [0xab; 32]);
        assert!(!data.path().join(FILE).exists());
    }

    #[test]
    fn what_is_no_key_is_refused_and_never_replaced() {
        let data = tempfile::tempdir().unwrap();
        for text in ["", "ab", &"xy".repeat(32), &"ä".repeat(32)] {
            fs::write(data.path().join(FILE), text).unwrap();
            assert!(InstallationKey::load(data.path(), None).is_err(), "{text}");
            assert!(InstallationKey::load(data.path(), Some(text)).is_err(), "{text}");
            assert_eq!(fs::read_to_string(data.path().join(FILE)).unwrap(), text);
        }
    }

    #[test]
    fn each_purpose_has_its_own_key() {
        let key = InstallationKey([7; 32]);
        let purposes = [
            Purpose::AccessTokens,
            Purpose::ConnectionSecrets,
            Purpose::Quarantine,
            Purpose::AccountSecrets,
            Purpose::Reports,
        ];
        let keys: std::collections::BTreeSet<_> =
            purposes.into_iter().map(|purpose| key.derive(purpose)).collect();
        assert_eq!(keys.len(), 5);
        assert!(!keys.contains(&key.0));
    }
}
