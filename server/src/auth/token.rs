//! Access tokens: short-lived JWTs that name a user and their session.

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use shared::id::{SessionId, UserId};

use super::key::{InstallationKey, Purpose};

/// How long a token is good for.
pub const LIFETIME: TimeDelta = TimeDelta::minutes(15);

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    pub sub: UserId,
    pub sid: SessionId,
    pub iat: i64,
    pub exp: i64,
}

/// Issues access tokens and reads them back.
#[derive(Clone)]
pub struct AccessTokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
}

impl AccessTokens {
    pub fn new(key: &InstallationKey) -> Self {
        let secret = key.derive(Purpose::AccessTokens);
        Self {
            encoding: EncodingKey::from_secret(&secret),
            decoding: DecodingKey::from_secret(&secret),
        }
    }

    /// A token, and when it expires.
    pub fn issue(
        &self,
        user: &UserId,
        session: &SessionId,
        now: DateTime<Utc>,
    ) -> Result<(String, DateTime<Utc>), TokenError> {
        let expires_at = now + LIFETIME;
        let claims = Claims {
            sub: user.clone(),
            sid: session.clone(),
            iat: now.timestamp(),
            exp: expires_at.timestamp(),
        };
        let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.encoding)
            .map_err(TokenError)?;
        Ok((token, expires_at))
    }

    /// What a token says, unless it is not ours or has expired.
    pub fn read(&self, token: &str, now: DateTime<Utc>) -> Option<Claims> {
        let mut validation = Validation::new(Algorithm::HS256);
        // Compared below, with the clock that is passed in.
        validation.validate_exp = false;
        let claims =
            jsonwebtoken::decode::<Claims>(token, &self.decoding, &validation).ok()?.claims;
        (claims.exp > now.timestamp()).then_some(claims)
    }
}

#[derive(Debug, thiserror::Error)]
#[error("issuing an access token failed")]
pub struct TokenError(#[source] jsonwebtoken::errors::Error);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::at;

    #[test]
    fn a_token_names_its_user_until_it_expires() {
        let tokens = tokens(1);
        let (user, session) = ids();

        let (token, expires_at) = tokens.issue(&user, &session, at(0)).unwrap();

        assert_eq!(expires_at, at(900));
        let claims = tokens.read(&token, at(899)).unwrap();
        assert_eq!((claims.sub, claims.sid), (user, session));
        assert_eq!(tokens.read(&token, at(900)), None);
    }

    #[test]
    fn a_token_of_another_key_or_without_a_signature_is_refused() {
        let (user, session) = ids();
        let (token, _) = tokens(1).issue(&user, &session, at(0)).unwrap();
        assert_eq!(tokens(2).read(&token, at(1)), None);

        let payload = token.split('.').nth(1).unwrap();
        // {"alg":"none","typ":"JWT"}
        let unsigned = format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{payload}.");
        assert_eq!(tokens(1).read(&unsigned, at(1)), None);
    }

    fn tokens(seed: u8) -> AccessTokens {
        let text = crate::auth::hex(&[seed; 32]);
        let key = InstallationKey::load(std::path::Path::new("."), Some(&text)).expect("a key");
        AccessTokens::new(&key)
    }

    fn ids() -> (UserId, SessionId) {
        (UserId::parse("ada").expect("an id"), SessionId::parse("one").expect("an id"))
    }
}
