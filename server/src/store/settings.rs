//! What an administrator set, and the secrets that it needs.

use chrono::{DateTime, Utc};
use shared::settings::Settings;

use super::{Executor, StoreError, column};

/// A saved version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saved {
    pub version: u32,
    pub settings: Settings,
    pub changed_at: DateTime<Utc>,
    pub changed_by: String,
}

/// None when nothing was ever changed.
pub async fn find(executor: impl Executor<'_>) -> Result<Option<Saved>, StoreError> {
    sqlx::query("select version, document, changed_at, changed_by from settings where id = 1")
        .fetch_optional(executor)
        .await
        .and_then(|row| {
            let Some(row) = row else { return Ok(None) };
            Ok(Some(Saved {
                version: column::number(&row, "version")?,
                settings: column::json(&row, "document")?,
                changed_at: column::time(&row, "changed_at")?,
                changed_by: column::text(&row, "changed_by")?,
            }))
        })
        .map_err(StoreError::while_doing("reading the settings"))
}

/// Saves the version after `saved.version - 1`. False when that is not the latest one.
pub async fn save(executor: impl Executor<'_>, saved: &Saved) -> Result<bool, StoreError> {
    sqlx::query(
        "insert into settings (id, version, document, changed_at, changed_by)
         values (1, $1, $2, $3, $4)
         on conflict (id) do update
         set version = excluded.version, document = excluded.document,
             changed_at = excluded.changed_at, changed_by = excluded.changed_by
         where settings.version = excluded.version - 1",
    )
    .bind(i64::from(saved.version))
    .bind(serde_json::to_string(&saved.settings).unwrap_or_default())
    .bind(saved.changed_at.timestamp_micros())
    .bind(&saved.changed_by)
    .execute(executor)
    .await
    .map(|done| done.rows_affected() == 1)
    .map_err(StoreError::while_doing("saving the settings"))
}

/// A sealed secret.
pub async fn find_secret(
    executor: impl Executor<'_>,
    name: &str,
) -> Result<Option<String>, StoreError> {
    sqlx::query("select sealed from setting_secrets where name = $1")
        .bind(name)
        .fetch_optional(executor)
        .await
        .and_then(|row| row.map(|row| column::text(&row, "sealed")).transpose())
        .map_err(StoreError::while_doing("reading a secret of the settings"))
}

pub async fn set_secret(
    executor: impl Executor<'_>,
    name: &str,
    sealed: &str,
) -> Result<(), StoreError> {
    sqlx::query(
        "insert into setting_secrets (name, sealed) values ($1, $2)
         on conflict (name) do update set sealed = excluded.sealed",
    )
    .bind(name)
    .bind(sealed)
    .execute(executor)
    .await
    .map(drop)
    .map_err(StoreError::while_doing("keeping a secret of the settings"))
}

pub async fn forget_secret(executor: impl Executor<'_>, name: &str) -> Result<(), StoreError> {
    sqlx::query("delete from setting_secrets where name = $1")
        .bind(name)
        .execute(executor)
        .await
        .map(drop)
        .map_err(StoreError::while_doing("forgetting a secret of the settings"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::{at, on_both};

    #[tokio::test]
    async fn settings_are_saved_on_the_version_that_was_read() {
        on_both(async |store| {
            assert_eq!(find(store.pool()).await.unwrap(), None);
            let first = version(1, 5);
            assert!(save(store.pool(), &first).await.unwrap());
            assert_eq!(find(store.pool()).await.unwrap(), Some(first));

            assert!(save(store.pool(), &version(2, 10)).await.unwrap());
            assert!(!save(store.pool(), &version(2, 20)).await.unwrap());
            assert_eq!(find(store.pool()).await.unwrap(), Some(version(2, 10)));
        })
        .await;
    }

    #[tokio::test]
    async fn a_secret_is_replaced_and_forgotten() {
        on_both(async |store| {
            set_secret(store.pool(), "key", "one").await.unwrap();
            set_secret(store.pool(), "key", "two").await.unwrap();
            assert_eq!(find_secret(store.pool(), "key").await.unwrap().as_deref(), Some("two"));

            forget_secret(store.pool(), "key").await.unwrap();
            assert_eq!(find_secret(store.pool(), "key").await.unwrap(), None);
        })
        .await;
    }

    fn version(version: u32, idle_minutes: u32) -> Saved {
        let mut settings = Settings::default();
        settings.sessions.idle_minutes = idle_minutes;
        Saved { version, settings, changed_at: at(1), changed_by: "Ada".to_owned() }
    }
}
