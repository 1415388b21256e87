//! Passwords: argon2id, and never more of it at once than the machine can bear.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use shared::password::{Weakness, weakness};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use zeroize::Zeroizing;

/// Each hash takes 19 MiB and a core for a while: whoever tries passwords by the thousand waits,
/// and nobody else does.
static AT_ONCE: Semaphore = Semaphore::const_new(2);

/// A hash of no password that anybody has, so that an address without an account takes as long.
const NOBODYS: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$Tm9ib2R5J3Mgc2FsdA$Yk5Rw1xrCUkP8Y5BMaCRsXQpl7ZXaoQWi0EJVfOVJ1Q";

#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    #[error("{}", .0.message())]
    Weak(Weakness),
    #[error("hashing a password failed")]
    Hash(#[source] argon2::password_hash::Error),
    #[error("hashing a password was cut short")]
    CutShort(#[source] tokio::task::JoinError),
}

/// What the store keeps in the place of the password that somebody with this address chose, if it
/// is good enough.
pub async fn hash_chosen(password: &str, email: &str) -> Result<String, PasswordError> {
    match weakness(password, email) {
        Some(weakness) => Err(PasswordError::Weak(weakness)),
        None => hash(password).await,
    }
}

/// What the store keeps in the password's place.
pub async fn hash(password: &str) -> Result<String, PasswordError> {
    let password = Zeroizing::new(password.as_bytes().to_vec());
    let _turn = AT_ONCE.acquire().await;
    let hash: PasswordHash = spawn_blocking(move || Argon2::default().hash_password(&password))
        .await
        .map_err(PasswordError::CutShort)?
        .map_err(PasswordError::Hash)?;
    Ok(hash.to_string())
}

/// Whether it is the password that was hashed. Without a hash, or with the empty one of an account
/// that has no password, the answer is no, and takes as long.
pub async fn verify(password: &str, hash: Option<&str>) -> Result<bool, PasswordError> {
    let password = Zeroizing::new(password.as_bytes().to_vec());
    let hash = hash.filter(|hash| !hash.is_empty());
    let known = hash.is_some();
    let hash = hash.unwrap_or(NOBODYS).to_owned();
    let _turn = AT_ONCE.acquire().await;
    let verified = spawn_blocking(move || {
        let hash = PasswordHash::new(&hash).ok()?;
        Argon2::default().verify_password(&password, &hash).ok()
    })
    .await
    .map_err(PasswordError::CutShort)?;
    Ok(known && verified.is_some())
}

/// A password that can be read out over a telephone: about 100 bits.
pub fn generate() -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let bytes: [u8; 20] = rand::random();
    bytes
        .chunks(5)
        .map(|part| {
            part.iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect::<String>()
        })
        .collect::<Vec<_>>()
        .join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_is_known_by_its_hash_and_no_other_is() {
        let hashed = hash("correct horse").await.unwrap();

        assert!(hashed.starts_with("$argon2id$"));
        assert!(verify("correct horse", Some(&hashed)).await.unwrap());
        assert!(!verify("Correct horse", Some(&hashed)).await.unwrap());
        assert!(!verify("correct horse", Some("garbage")).await.unwrap());
    }

    #[tokio::test]
    async fn an_unknown_account_costs_a_real_verification() {
        PasswordHash::new(NOBODYS).unwrap();
        assert!(!verify("whatever it is", None).await.unwrap());
        assert!(!verify("", Some("")).await.unwrap());
    }

    #[tokio::test]
    async fn a_weak_password_is_not_hashed() {
        for password in ["12345678901", "password1234", "ada@clinic.example", &"x".repeat(257)] {
            let refused = hash_chosen(password, "ada@clinic.example").await;
            assert!(matches!(refused, Err(PasswordError::Weak(_))), "{password}");
        }
    }

    #[test]
    fn generated_passwords_differ_and_have_no_letter_to_mistake() {
        let password = generate();
        assert_ne!(password, generate());
        assert_eq!(password.len(), 23);
        assert!(!password.contains(['0', 'o', '1', 'l']), "{password}");
    }
}
