//! Secrets of connections and accounts: sealed before they are stored, opened when they are used.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use engine::EngineError;
use shared::error_code::ErrorCode;
use zeroize::Zeroizing;

use super::key::{InstallationKey, Purpose};

/// Seals and opens URLs of connections, or secrets of accounts.
#[derive(Clone)]
pub struct Secrets(engine::seal::Key);

impl Secrets {
    pub fn new(key: &InstallationKey) -> Self {
        Self(engine::seal::Key::new(key.derive(Purpose::ConnectionSecrets)))
    }

    /// For secrets of accounts and settings.
    pub fn of_accounts(key: &InstallationKey) -> Self {
        Self(engine::seal::Key::new(key.derive(Purpose::AccountSecrets)))
    }

    pub fn seal(&self, url: &str) -> Result<String, EngineError> {
        Ok(STANDARD.encode(engine::seal::seal(&self.0, url.as_bytes())?))
    }

    /// Fails when the URL was sealed with another installation's key.
    pub fn open(&self, sealed: &str) -> Result<Zeroizing<String>, EngineError> {
        let doing = "opening a stored secret: it was sealed with another key";
        let bytes = STANDARD
            .decode(sealed)
            .map_err(|error| EngineError::new(ErrorCode::Sys005, doing).because(error))?;
        let url = engine::seal::open(&self.0, &bytes)
            .map_err(|error| EngineError::new(ErrorCode::Sys005, doing).because(error))?;
        String::from_utf8(url)
            .map(Zeroizing::new)
            .map_err(|error| EngineError::new(ErrorCode::Sys005, doing).because(error.utf8_error()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_url_shows_nothing_and_opens_with_its_key_only() {
        let url = "postgres://ann:s3cret@db/mdw";
        let sealed = secrets(1).seal(url).unwrap();

        assert!(!sealed.contains("s3cret"));
        assert_eq!(secrets(1).open(&sealed).unwrap().as_str(), url);
        assert_eq!(secrets(2).open(&sealed).unwrap_err().code(), ErrorCode::Sys005);
        assert!(secrets(1).open("not sealed").is_err());
    }

    fn secrets(seed: u8) -> Secrets {
        let text = crate::auth::hex(&[seed; 32]);
        let key = InstallationKey::load(std::path::Path::new("."), Some(&text)).expect("a key");
        Secrets::new(&key)
    }
}
