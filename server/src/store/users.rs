//! Who may sign in.

use shared::id::UserId;
use shared::user::{User, UserRole};
use sqlx::any::AnyRow;

use super::{Executor, StoreError, column};

/// Somebody with the hash of their password.
#[derive(Clone)]
pub struct Account {
    pub user: User,
    pub password_hash: String,
}

/// Adds somebody. Fails with `is_taken` when the address has an account.
pub async fn insert(
    executor: impl Executor<'_>,
    user: &User,
    password_hash: &str,
) -> Result<(), StoreError> {
    sqlx::query(
        "insert into users (id, email, name, role, password_hash, created_at)
         values ($1, $2, $3, $4, $5, $6)",
    )
    .bind(user.id.as_str())
    .bind(canonical(&user.email))
    .bind(&user.name)
    .bind(user.role.as_str())
    .bind(password_hash)
    .bind(user.created_at.timestamp_micros())
    .execute(executor)
    .await
    .map(drop)
    .map_err(StoreError::while_doing("adding a user"))
}

/// The account of an address, however it is capitalised.
pub async fn find_by_email(
    executor: impl Executor<'_>,
    email: &str,
) -> Result<Option<Account>, StoreError> {
    sqlx::query(
        "select id, email, name, role, password_hash, created_at
         from users
         where email = $1",
    )
    .bind(canonical(email))
    .fetch_optional(executor)
    .await
    .and_then(|row| row.as_ref().map(account_of).transpose())
    .map_err(StoreError::while_doing("finding a user by address"))
}

/// Everybody, in the order of their addresses.
pub async fn list(executor: impl Executor<'_>) -> Result<Vec<User>, StoreError> {
    sqlx::query("select id, email, name, role, created_at from users order by email")
        .fetch_all(executor)
        .await
        .and_then(|rows| rows.iter().map(user_of).collect())
        .map_err(StoreError::while_doing("listing users"))
}

/// Gives somebody another password. False when there is no such user.
pub async fn set_password(
    executor: impl Executor<'_>,
    id: &UserId,
    password_hash: &str,
) -> Result<bool, StoreError> {
    sqlx::query("update users set password_hash = $1 where id = $2")
        .bind(password_hash)
        .bind(id.as_str())
        .execute(executor)
        .await
        .map(|done| done.rows_affected() == 1)
        .map_err(StoreError::while_doing("setting a password"))
}

pub(super) fn user_of(row: &AnyRow) -> Result<User, sqlx::Error> {
    Ok(User {
        id: column::parsed(row, "id")?,
        email: column::text(row, "email")?,
        name: column::text(row, "name")?,
        role: column::named(row, "role", UserRole::from_name)?,
        created_at: column::time(row, "created_at")?,
    })
}

fn account_of(row: &AnyRow) -> Result<Account, sqlx::Error> {
    Ok(Account { user: user_of(row)?, password_hash: column::text(row, "password_hash")? })
}

fn canonical(email: &str) -> String {
    email.trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::{add_user, on_both};

    #[tokio::test]
    async fn an_account_is_found_by_its_address_however_it_is_typed() {
        on_both(async |store| {
            let ada = add_user(&store, "ada").await;

            let found = find_by_email(store.pool(), " Ada@Clinic.Example").await.unwrap().unwrap();

            assert_eq!((found.user, found.password_hash.as_str()), (ada, "hash"));
            assert!(find_by_email(store.pool(), "bea@clinic.example").await.unwrap().is_none());
        })
        .await;
    }

    #[tokio::test]
    async fn an_address_has_one_account() {
        on_both(async |store| {
            let ada = add_user(&store, "ada").await;
            let again = User {
                id: UserId::parse("other").unwrap(),
                email: ada.email.to_uppercase(),
                ..ada
            };

            let refused = insert(store.pool(), &again, "hash").await.unwrap_err();

            assert!(refused.is_taken());
            assert_eq!(list(store.pool()).await.unwrap().len(), 1);
        })
        .await;
    }

    #[tokio::test]
    async fn a_password_is_replaced_for_one_user() {
        on_both(async |store| {
            let ada = add_user(&store, "ada").await;
            let bea = add_user(&store, "bea").await;

            assert!(set_password(store.pool(), &ada.id, "new").await.unwrap());

            let hash_of = async |user: &User| {
                find_by_email(store.pool(), &user.email).await.unwrap().unwrap().password_hash
            };
            assert_eq!((hash_of(&ada).await, hash_of(&bea).await), ("new".into(), "hash".into()));
            let nobody = UserId::parse("nobody").unwrap();
            assert!(!set_password(store.pool(), &nobody, "new").await.unwrap());
        })
        .await;
    }
}
