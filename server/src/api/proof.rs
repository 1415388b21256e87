//! Proving once more who one is, and how often somebody may try.

use chrono::{DateTime, Utc};
use shared::audit::Action;

use super::{ApiError, Services};
use crate::audit::{self, Actor};
use crate::auth::{Caller, password, sha256_hex, throttle};
use crate::store::{self, sign_in_failures, users};

/// An attempt to prove something, counted as failed until it succeeds.
pub(super) struct Attempt {
    id: String,
    account_hash: String,
    address: String,
    /// Whether the next one will have to wait.
    is_last: bool,
    now: DateTime<Utc>,
}

impl Attempt {
    /// Counts an attempt for an account before anything is looked at, so that attempts made at
    /// once count as well. Refused when there were too many.
    pub(super) async fn begin(
        services: &Services,
        account: &str,
        address: &str,
    ) -> Result<Self, ApiError> {
        let Services { store, clock, .. } = services;
        let now = clock.now();
        let account_hash = sha256_hex(account);
        let since = now - throttle::WINDOW;
        let mut tx = store.begin().await?;
        let failures = sign_in_failures::count(&mut *tx, &account_hash, address, since).await?;
        if !throttle::allows(failures) {
            return Err(ApiError::TooManyAttempts);
        }
        let id = clock.fresh_id().to_string();
        sign_in_failures::insert(&mut *tx, &id, &account_hash, address, now).await?;
        store::commit(tx).await?;
        let is_last = !throttle::allows(failures.and_one());
        Ok(Self { id, account_hash, address: address.to_owned(), is_last, now })
    }

    /// It failed. The trail gets the first digits of a hash, not what was typed: people type
    /// their password into the wrong field.
    pub(super) async fn fail(self, services: &Services) -> Result<(), ApiError> {
        let mut tx = services.store.begin().await?;
        let subject = format!("account {}", &self.account_hash[..12]);
        let actor = || Actor::unknown(&self.address);
        let action = Action::SignInFailed;
        audit::record(&mut tx, self.now, actor(), action, &subject, None).await?;
        if self.is_last {
            let action = Action::SignInLocked;
            audit::record(&mut tx, self.now, actor(), action, &subject, None).await?;
        }
        Ok(store::commit(tx).await?)
    }

    /// It is not decided yet: the next step counts by itself.
    pub(super) async fn withdraw(self, services: &Services) -> Result<(), ApiError> {
        Ok(sign_in_failures::withdraw(services.store.pool(), &self.id).await?)
    }

    /// It succeeded: whoever it was starts again from nothing.
    pub(super) async fn succeed(&self, tx: &mut store::Transaction) -> Result<(), ApiError> {
        let before = self.now - throttle::WINDOW;
        let (hash, address) = (&self.account_hash, &self.address);
        Ok(sign_in_failures::forget(&mut **tx, hash, address, before).await?)
    }
}

/// Whoever was let in by another way starts again from nothing, from where they are.
pub(super) async fn forgive(
    tx: &mut store::Transaction,
    email: &str,
    address: &str,
    now: DateTime<Utc>,
) -> Result<(), ApiError> {
    let hash = sha256_hex(account_of(email));
    Ok(sign_in_failures::forget(&mut **tx, &hash, address, now - throttle::WINDOW).await?)
}

/// The name under which sign-ins with an address are counted.
pub(super) fn account_of(email: &str) -> String {
    email.trim().to_lowercase()
}

/// Whether whoever sits there knows the password of the account that is signed in.
pub(super) async fn by_password(
    services: &Services,
    caller: &Caller,
    password: &str,
) -> Result<(), ApiError> {
    let address = caller.address().unwrap_or_default();
    let attempt = Attempt::begin(services, &format!("proof {}", caller.id), address).await?;
    let account = users::find(services.store.pool(), &caller.id).await?;
    let hash = account.as_ref().map(|account| account.password_hash.as_str());
    if !password::verify(password, hash).await? {
        attempt.fail(services).await?;
        return Err(ApiError::WrongPassword);
    }
    let mut tx = services.store.begin().await?;
    attempt.succeed(&mut tx).await?;
    Ok(store::commit(tx).await?)
}
