//! Tokens of an identity provider, Supabase Auth above all, where the deployment accepts them.
//!
//! Such a token is taken for what its issuer signed and nothing more: the algorithm is the
//! configured key's and not the token's, issuer and audience have to be the configured ones, and
//! what users can write themselves (`user_metadata`) is never looked at.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::Value;
use shared::user::UserRole;
use tokio::sync::Mutex;

/// What the deployment says of the provider.
#[derive(Clone)]
pub struct Configuration {
    pub keys: Keys,
    /// The `iss` that tokens have to have.
    pub issuer: String,
    /// The `aud` that tokens have to have.
    pub audience: String,
    /// Where in the token a role stands, as `app_metadata.transfuse_role`.
    pub role_claim: String,
    /// Whether a user that is known here may be found by the token's e-mail address. Only for a
    /// provider that lets nobody have an address that they did not prove to be theirs.
    pub match_email: bool,
}

/// What signatures are checked with.
#[derive(Clone)]
pub enum Keys {
    /// One secret that provider and server share: HS256.
    Secret(zeroize::Zeroizing<String>),
    /// The provider's public keys, at a URL.
    Published(String),
}

impl std::fmt::Debug for Configuration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Configuration").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

/// Whom a token names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Issuer and subject: the same for ever.
    pub subject: String,
    pub email: Option<String>,
    pub name: Option<String>,
    /// The role that the provider gives them.
    pub role: Option<UserRole>,
    pub until: DateTime<Utc>,
}

/// Checks tokens of the provider.
pub struct Provider {
    configuration: Configuration,
    client: reqwest::Client,
    published: Mutex<Published>,
}

/// The provider's keys as they were last read.
#[derive(Default)]
struct Published {
    keys: Option<JwkSet>,
    read_at: Option<DateTime<Utc>>,
}

/// Keys are read again after so long.
const FRESH: TimeDelta = TimeDelta::minutes(10);
/// A token with a key that is not known may be of a new one. Anybody can make such tokens, so the
/// provider is not asked for each.
const BETWEEN_READS: TimeDelta = TimeDelta::seconds(30);
/// Clocks differ.
const LEEWAY: TimeDelta = TimeDelta::seconds(30);
/// A set of keys has a few kilobytes.
const MOST_BYTES: usize = 256 << 10;

impl Provider {
    pub fn new(configuration: Configuration, client: reqwest::Client) -> Self {
        Self { configuration, client, published: Mutex::default() }
    }

    pub const fn matches_email(&self) -> bool {
        self.configuration.match_email
    }

    /// Whom the token names, unless it is not the provider's, not for us, or not valid now.
    pub async fn read(&self, token: &str, now: DateTime<Utc>) -> Option<Identity> {
        let header = decode_header(token).ok()?;
        let claims = match &self.configuration.keys {
            Keys::Secret(secret) => {
                let key = DecodingKey::from_secret(secret.as_bytes());
                self.claims(token, &key, Algorithm::HS256)?
            }
            Keys::Published(url) => {
                let key_id = header.kid?;
                // Never the token's word alone: what a public key signs is no shared secret.
                if !matches!(
                    header.alg,
                    Algorithm::RS256
                        | Algorithm::RS384
                        | Algorithm::RS512
                        | Algorithm::ES256
                        | Algorithm::ES384
                        | Algorithm::EdDSA
                ) {
                    return None;
                }
                let key = self.published_key(url, &key_id, now).await?;
                self.claims(token, &key, header.alg)?
            }
        };
        self.identity(&claims, now)
    }

    fn claims(&self, token: &str, key: &DecodingKey, algorithm: Algorithm) -> Option<Value> {
        let mut validation = Validation::new(algorithm);
        validation.set_issuer(&[&self.configuration.issuer]);
        validation.set_audience(&[&self.configuration.audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // Compared below, with the clock that is passed in.
        validation.validate_exp = false;
        decode::<Value>(token, key, &validation).ok().map(|token| token.claims)
    }

    fn identity(&self, claims: &Value, now: DateTime<Utc>) -> Option<Identity> {
        let time =
            |name: &str| claims[name].as_i64().and_then(|it| DateTime::from_timestamp(it, 0));
        let until = time("exp")?;
        let begins = time("nbf").or_else(|| time("iat"));
        if until + LEEWAY <= now || begins.is_some_and(|begins| begins - LEEWAY > now) {
            return None;
        }
        if claims["is_anonymous"] == Value::Bool(true) {
            return None;
        }
        let text = |value: &Value| {
            value.as_str().filter(|it| (1..=320).contains(&it.len())).map(str::to_owned)
        };
        let subject = text(&claims["sub"])?;
        let role = self.configuration.role_claim.split('.').fold(claims, |at, name| &at[name]);
        Some(Identity {
            subject: format!("{} {subject}", self.configuration.issuer),
            email: text(&claims["email"]),
            name: text(&claims["app_metadata"]["name"]),
            role: role.as_str().and_then(UserRole::from_name),
            until,
        })
    }

    async fn published_key(
        &self,
        url: &str,
        key_id: &str,
        now: DateTime<Utc>,
    ) -> Option<DecodingKey> {
        let mut published = self.published.lock().await;
        let age = published.read_at.map(|read| now - read);
        let is_known = published.keys.as_ref().is_some_and(|keys| keys.find(key_id).is_some());
        let wait = if is_known { FRESH } else { BETWEEN_READS };
        if age.is_none_or(|age| age >= wait) {
            published.read_at = Some(now);
            match self.fetch(url).await {
                Ok(keys) => published.keys = Some(keys),
                // The keys from before still count: a provider that is down ends no sessions.
                Err(problem) => {
                    tracing::warn!("the identity provider's keys cannot be read: {problem}");
                }
            }
        }
        let key = published.keys.as_ref()?.find(key_id)?;
        DecodingKey::from_jwk(key).ok()
    }

    async fn fetch(&self, url: &str) -> Result<JwkSet, &'static str> {
        let asked = self.client.get(url).timeout(Duration::from_secs(5)).send().await;
        let answer = asked.map_err(|_| "it does not answer")?;
        if !answer.status().is_success() {
            return Err("it refuses");
        }
        let bytes = answer.bytes().await.map_err(|_| "its answer breaks off")?;
        if bytes.len() > MOST_BYTES {
            return Err("its answer is too long");
        }
        serde_json::from_slice(&bytes).map_err(|_| "its answer is no set of keys")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jsonwebtoken::{EncodingKey, Header, encode};
    use serde_json::json;

    const SECRET: &str = "a secret that provider and server share";
    const ISSUER: &str = "https://project.supabase.example/auth/v1";

    #[tokio::test]
    async fn a_token_of_the_provider_names_somebody_with_a_role() {
        let identity = provider().read(&token(&claims()), at(0)).await.unwrap();

        assert_eq!(identity.subject, format!("{ISSUER} user-1"));
        assert_eq!(identity.email.as_deref(), Some("ada@clinic.example"));
        assert_eq!((identity.role, identity.until), (Some(UserRole::Viewer), at(3600)));
    }

    #[tokio::test]
    async fn a_token_for_others_of_others_or_of_another_time_is_refused() {
        for (name, value) in [
            ("iss", json!("https://elsewhere.example")),
            ("aud", json!("anon")),
            ("sub", json!("")),
            ("sub", json!(7)),
            ("exp", json!(at(-31).timestamp())),
            ("exp", Value::Null),
            ("nbf", json!(at(31).timestamp())),
            ("is_anonymous", json!(true)),
        ] {
            let mut claims = claims();
            claims[name] = value.clone();
            assert_eq!(provider().read(&token(&claims), at(0)).await, None, "{name} {value}");
        }
        let other = encode(&Header::default(), &claims(), &EncodingKey::from_secret(b"guess"));
        assert_eq!(provider().read(&other.unwrap(), at(0)).await, None);
    }

    #[tokio::test]
    async fn a_token_without_a_signature_or_with_another_algorithm_is_refused() {
        let signed = token(&claims());
        let payload = signed.split('.').nth(1).unwrap();
        // {"alg":"none","typ":"JWT"}
        let unsigned = format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{payload}.");
        assert_eq!(provider().read(&unsigned, at(0)).await, None);

        let header = Header::new(Algorithm::HS384);
        let other = encode(&header, &claims(), &EncodingKey::from_secret(SECRET.as_bytes()));
        assert_eq!(provider().read(&other.unwrap(), at(0)).await, None);
    }

    #[tokio::test]
    async fn what_users_write_themselves_gives_no_role() {
        let mut claims = claims();
        claims["app_metadata"] = json!({});
        claims["user_metadata"] = json!({"transfuse_role": "admin"});
        claims["role"] = json!("admin");

        let identity = provider().read(&token(&claims), at(0)).await.unwrap();

        assert_eq!(identity.role, None);
    }

    #[test]
    fn no_text_is_taken_for_a_token_and_none_breaks_the_reader() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let provider = provider();
        let texts = "(\\PC{0,200}|[A-Za-z0-9_-]{0,80}\\.[A-Za-z0-9_-]{0,80}\\.[A-Za-z0-9_-]{0,80})";
        let mut runner = proptest::test_runner::TestRunner::default();
        let outcome = runner.run(&texts, |text| {
            proptest::prop_assert_eq!(runtime.block_on(provider.read(&text, at(0))), None);
            Ok(())
        });
        outcome.unwrap();
    }

    fn provider() -> Provider {
        crate::egress::use_ring();
        let configuration = Configuration {
            keys: Keys::Secret(SECRET.to_owned().into()),
            issuer: ISSUER.to_owned(),
            audience: "authenticated".to_owned(),
            role_claim: "app_metadata.transfuse_role".to_owned(),
            match_email: false,
        };
        Provider::new(configuration, reqwest::Client::new())
    }

    fn claims() -> Value {
        json!({
            "iss": ISSUER, "aud": "authenticated", "sub": "user-1",
            "iat": at(0).timestamp(), "exp": at(3600).timestamp(),
            "email": "ada@clinic.example", "role": "authenticated",
            "app_metadata": { "transfuse_role": "viewer" },
        })
    }

    fn token(claims: &Value) -> String {
        let key = EncodingKey::from_secret(SECRET.as_bytes());
        encode(&Header::default(), claims, &key).expect("a token")
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_790_000_000 + seconds, 0).expect("a time")
    }
}
