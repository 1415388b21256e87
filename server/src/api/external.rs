//! Who comes with a token of the identity provider.

use shared::audit::Action;
use shared::id::UserId;
use shared::user::{User, UserRole};

use super::{ApiError, Services};
use crate::audit::{self, Actor};
use crate::auth::external::Identity;
use crate::auth::{Access, Caller};
use crate::store::users::Account;
use crate::store::{self, users};

/// The user that a token of the provider names; nobody where none is accepted, or it is not valid.
/// Somebody whom the provider gives a role is let in, and added when they come the first time.
pub(super) async fn admit(
    services: &Services,
    token: &str,
    address: &str,
) -> Result<Option<Caller>, ApiError> {
    let now = services.clock.now();
    let Some(provider) = &services.provider else { return Ok(None) };
    let Some(identity) = provider.read(token, now).await else { return Ok(None) };
    let known = find(services, &identity, provider.matches_email()).await?;
    let user = match (known, identity.role) {
        (Some(account), _) if account.disabled => return Ok(None),
        (Some(account), Some(role)) if account.user.role != role => {
            change_role(services, account.user, role, address).await?
        }
        (Some(account), _) => account.user,
        (None, Some(role)) => add(services, &identity, role, address).await?,
        // The provider knows them and nobody here does.
        (None, None) => return Err(ApiError::Forbidden),
    };
    Ok(Some(Caller::new(user, Access::Token { until: identity.until }, address)))
}

async fn find(
    services: &Services,
    identity: &Identity,
    matches_email: bool,
) -> Result<Option<Account>, ApiError> {
    let pool = services.store.pool();
    if let Some(account) = users::find_by_subject(pool, &identity.subject).await? {
        return Ok(Some(account));
    }
    let Some(email) = identity.email.as_deref().filter(|_| matches_email) else {
        return Ok(None);
    };
    let Some(account) = users::find_by_email(pool, email).await? else { return Ok(None) };
    users::set_subject(pool, &account.user.id, &identity.subject).await?;
    Ok(Some(account))
}

async fn change_role(
    services: &Services,
    mut user: User,
    role: UserRole,
    address: &str,
) -> Result<User, ApiError> {
    let detail =
        Some(format!("{} to {}, by the identity provider", user.role.as_str(), role.as_str()));
    user.role = role;
    let now = services.clock.now();
    let mut tx = services.store.begin().await?;
    users::update(&mut *tx, &user.id, &user.name, role, None).await?;
    let (actor, action) = (Actor::system().at(address), Action::UserChanged);
    audit::record(&mut tx, now, actor, action, user.id.as_str(), detail).await?;
    store::commit(tx).await?;
    Ok(user)
}

async fn add(
    services: &Services,
    identity: &Identity,
    role: UserRole,
    address: &str,
) -> Result<User, ApiError> {
    let now = services.clock.now();
    let email = identity.email.clone().ok_or(ApiError::Forbidden)?.to_lowercase();
    let name = identity.name.clone().unwrap_or_else(|| email.clone());
    let user = User {
        id: UserId::parse(services.clock.fresh_id().to_string()).expect("a UUID is an id"),
        email,
        name,
        role,
        created_at: now,
    };
    let mut tx = services.store.begin().await?;
    match users::insert(&mut *tx, &user, "").await {
        Ok(()) => {}
        // Two requests of one page at once, or an account with this address that is somebody
        // else's as far as anyone can tell.
        Err(error) if error.is_taken() => {
            drop(tx);
            let found = users::find_by_subject(services.store.pool(), &identity.subject).await?;
            return found.map(|account| account.user).ok_or(ApiError::Forbidden);
        }
        Err(error) => return Err(error.into()),
    }
    users::set_subject(&mut *tx, &user.id, &identity.subject).await?;
    let detail = Some(format!("{}, by the identity provider", role.as_str()));
    let (actor, action) = (Actor::system().at(address), Action::UserAdded);
    audit::record(&mut tx, now, actor, action, user.id.as_str(), detail).await?;
    store::commit(tx).await?;
    Ok(user)
}
