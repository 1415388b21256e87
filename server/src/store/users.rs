//! Who may sign in.

use chrono::{DateTime, Utc};
use shared::id::UserId;
use shared::user::{User, UserAccount, UserRole};
use sqlx::any::AnyRow;

use super::{Executor, StoreError, column};

/// Somebody with the hash of their password, which is empty where they have none.
#[derive(Clone)]
pub struct Account {
    pub user: User,
    pub password_hash: String,
    pub disabled: bool,
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
        "select id, email, name, role, password_hash, created_at, disabled_at
         from users
         where email = $1",
    )
    .bind(canonical(email))
    .fetch_optional(executor)
    .await
    .and_then(|row| row.as_ref().map(account_of).transpose())
    .map_err(StoreError::while_doing("finding a user by address"))
}

pub async fn find(executor: impl Executor<'_>, id: &UserId) -> Result<Option<Account>, StoreError> {
    sqlx::query(
        "select id, email, name, role, password_hash, created_at, disabled_at
         from users
         where id = $1",
    )
    .bind(id.as_str())
    .fetch_optional(executor)
    .await
    .and_then(|row| row.as_ref().map(account_of).transpose())
    .map_err(StoreError::while_doing("finding a user"))
}

/// The account that tokens of an identity provider name.
pub async fn find_by_subject(
    executor: impl Executor<'_>,
    subject: &str,
) -> Result<Option<Account>, StoreError> {
    sqlx::query(
        "select id, email, name, role, password_hash, created_at, disabled_at
         from users
         where external_subject = $1",
    )
    .bind(subject)
    .fetch_optional(executor)
    .await
    .and_then(|row| row.as_ref().map(account_of).transpose())
    .map_err(StoreError::while_doing("finding a user by their provider's name"))
}

/// Notes which tokens name a user. Fails with `is_taken` when they name another one.
pub async fn set_subject(
    executor: impl Executor<'_>,
    id: &UserId,
    subject: &str,
) -> Result<bool, StoreError> {
    sqlx::query("update users set external_subject = $1 where id = $2")
        .bind(subject)
        .bind(id.as_str())
        .execute(executor)
        .await
        .map(|done| done.rows_affected() == 1)
        .map_err(StoreError::while_doing("noting a provider's name of a user"))
}

/// Users as administrators see them, in the order of their addresses, after one of them.
pub async fn list_accounts(
    executor: impl Executor<'_>,
    after: &str,
    limit: u32,
) -> Result<Vec<UserAccount>, StoreError> {
    sqlx::query(
        "select users.id, email, name, role, password_hash, created_at, disabled_at,
             external_subject, second_factors.confirmed_at,
             (select max(coalesce(sessions.active_at, sessions.created_at))
              from sessions
              where sessions.user_id = users.id) as last_active_at
         from users
         left join second_factors on second_factors.user_id = users.id
         where email > $1
         order by email
         limit $2",
    )
    .bind(after)
    .bind(i64::from(limit))
    .fetch_all(executor)
    .await
    .and_then(|rows| rows.iter().map(user_account_of).collect())
    .map_err(StoreError::while_doing("listing accounts"))
}

/// A user as administrators see them.
pub async fn find_account(
    executor: impl Executor<'_>,
    id: &UserId,
) -> Result<Option<UserAccount>, StoreError> {
    sqlx::query(
        "select users.id, email, name, role, password_hash, created_at, disabled_at,
             external_subject, second_factors.confirmed_at,
             (select max(coalesce(sessions.active_at, sessions.created_at))
              from sessions
              where sessions.user_id = users.id) as last_active_at
         from users
         left join second_factors on second_factors.user_id = users.id
         where users.id = $1",
    )
    .bind(id.as_str())
    .fetch_optional(executor)
    .await
    .and_then(|row| row.as_ref().map(user_account_of).transpose())
    .map_err(StoreError::while_doing("finding an account"))
}

/// Changes what a user is called and may do. False when there is no such user.
pub async fn update(
    executor: impl Executor<'_>,
    id: &UserId,
    name: &str,
    role: UserRole,
    disabled_at: Option<DateTime<Utc>>,
) -> Result<bool, StoreError> {
    sqlx::query("update users set name = $1, role = $2, disabled_at = $3 where id = $4")
        .bind(name)
        .bind(role.as_str())
        .bind(disabled_at.map(|at| at.timestamp_micros()))
        .bind(id.as_str())
        .execute(executor)
        .await
        .map(|done| done.rows_affected() == 1)
        .map_err(StoreError::while_doing("changing a user"))
}

/// How many administrators may sign in.
pub async fn count_administrators(executor: impl Executor<'_>) -> Result<u64, StoreError> {
    sqlx::query("select count(*) as number from users where role = 'admin' and disabled_at is null")
        .fetch_one(executor)
        .await
        .and_then(|row| column::number(&row, "number"))
        .map_err(StoreError::while_doing("counting administrators"))
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
    Ok(Account {
        user: user_of(row)?,
        password_hash: column::text(row, "password_hash")?,
        disabled: column::optional_number(row, "disabled_at")?.is_some(),
    })
}

fn user_account_of(row: &AnyRow) -> Result<UserAccount, sqlx::Error> {
    Ok(UserAccount {
        user: user_of(row)?,
        disabled_at: column::optional_time(row, "disabled_at")?,
        second_factor: column::optional_number(row, "confirmed_at")?.is_some(),
        has_password: !column::text(row, "password_hash")?.is_empty(),
        external: column::optional_text(row, "external_subject")?.is_some(),
        last_active_at: column::optional_time(row, "last_active_at")?,
    })
}

fn canonical(email: &str) -> String {
    email.trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::{add_user, at, on_both};

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

    #[tokio::test]
    async fn an_account_changes_its_name_role_and_whether_it_may_sign_in() {
        on_both(async |store| {
            let ada = add_user(&store, "ada").await;
            assert_eq!(count_administrators(store.pool()).await.unwrap(), 0);

            let admin = UserRole::Admin;
            assert!(update(store.pool(), &ada.id, "Ada L.", admin, None).await.unwrap());
            assert_eq!(count_administrators(store.pool()).await.unwrap(), 1);
            assert!(update(store.pool(), &ada.id, "Ada L.", admin, Some(at(5))).await.unwrap());

            assert_eq!(count_administrators(store.pool()).await.unwrap(), 0);
            let account = find_account(store.pool(), &ada.id).await.unwrap().unwrap();
            assert_eq!((account.user.role, account.disabled_at), (admin, Some(at(5))));
            assert!(account.has_password && !account.external && !account.second_factor);
            assert!(find(store.pool(), &ada.id).await.unwrap().unwrap().disabled);
            let nobody = UserId::parse("nobody").unwrap();
            assert!(!update(store.pool(), &nobody, "x", admin, None).await.unwrap());
            assert_eq!(find_account(store.pool(), &nobody).await.unwrap(), None);
        })
        .await;
    }

    #[tokio::test]
    async fn accounts_come_in_the_order_of_their_addresses_page_by_page() {
        on_both(async |store| {
            for id in ["bea", "ada", "cid"] {
                add_user(&store, id).await;
            }

            let first = list_accounts(store.pool(), "", 2).await.unwrap();
            let rest = list_accounts(store.pool(), &first[1].user.email, 2).await.unwrap();

            let ids: Vec<_> = first.iter().chain(&rest).map(|it| it.user.id.as_str()).collect();
            assert_eq!(ids, ["ada", "bea", "cid"]);
        })
        .await;
    }

    #[tokio::test]
    async fn a_subject_of_a_provider_names_one_user() {
        on_both(async |store| {
            let ada = add_user(&store, "ada").await;
            let bea = add_user(&store, "bea").await;
            assert!(set_subject(store.pool(), &ada.id, "issuer 1").await.unwrap());

            let found = find_by_subject(store.pool(), "issuer 1").await.unwrap().unwrap();
            assert_eq!(found.user, ada);
            assert!(find_by_subject(store.pool(), "issuer 2").await.unwrap().is_none());
            let taken = set_subject(store.pool(), &bea.id, "issuer 1").await.unwrap_err();
            assert!(taken.is_taken());
        })
        .await;
    }
}
