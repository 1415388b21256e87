//! Who is told of alerts, and messages that are to be sent.

use chrono::{DateTime, Utc};
use shared::alert::{Delivery, Target};
use shared::id::{AlertId, TargetId};
use sqlx::any::AnyRow;

use super::alerts::{severity_name, severity_of};
use super::{Executor, StoreError, column};

/// A target with the secret that signs its messages.
#[derive(Clone)]
pub struct SealedTarget {
    pub target: Target,
    pub sealed_secret: Option<String>,
}

/// A message that is to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queued {
    pub id: String,
    pub alert_id: AlertId,
    pub target_id: TargetId,
    /// How often it was tried.
    pub attempts: u32,
}

pub async fn insert_target(
    executor: impl Executor<'_>,
    sealed: &SealedTarget,
) -> Result<(), StoreError> {
    let target = &sealed.target;
    sqlx::query(
        "insert into notification_targets
             (id, name, channel, from_severity, enabled, created_at, sealed_secret)
         values ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(target.id.as_str())
    .bind(&target.name)
    .bind(serde_json::to_string(&target.channel).unwrap_or_default())
    .bind(severity_name(target.from_severity))
    .bind(i64::from(target.enabled))
    .bind(target.created_at.timestamp_micros())
    .bind(sealed.sealed_secret.as_deref())
    .execute(executor)
    .await
    .map(drop)
    .map_err(StoreError::while_doing("adding a notification target"))
}

/// Changes what a target is; its secret stays. False when it is gone.
pub async fn update_target(
    executor: impl Executor<'_>,
    target: &Target,
) -> Result<bool, StoreError> {
    sqlx::query(
        "update notification_targets
         set name = $1, channel = $2, from_severity = $3, enabled = $4
         where id = $5",
    )
    .bind(&target.name)
    .bind(serde_json::to_string(&target.channel).unwrap_or_default())
    .bind(severity_name(target.from_severity))
    .bind(i64::from(target.enabled))
    .bind(target.id.as_str())
    .execute(executor)
    .await
    .map(|done| done.rows_affected() == 1)
    .map_err(StoreError::while_doing("changing a notification target"))
}

/// False when it was gone before. Messages to it go with it.
pub async fn delete_target(executor: impl Executor<'_>, id: &TargetId) -> Result<bool, StoreError> {
    sqlx::query("delete from notification_targets where id = $1")
        .bind(id.as_str())
        .execute(executor)
        .await
        .map(|done| done.rows_affected() == 1)
        .map_err(StoreError::while_doing("deleting a notification target"))
}

pub async fn find_target(
    executor: impl Executor<'_>,
    id: &TargetId,
) -> Result<Option<SealedTarget>, StoreError> {
    sqlx::query(
        "select id, name, channel, from_severity, enabled, created_at, sealed_secret, last_at,
             last_delivered, last_problem
         from notification_targets
         where id = $1",
    )
    .bind(id.as_str())
    .fetch_optional(executor)
    .await
    .and_then(|row| row.as_ref().map(sealed_of).transpose())
    .map_err(StoreError::while_doing("finding a notification target"))
}

/// All targets, in the order of their names.
pub async fn list_targets(executor: impl Executor<'_>) -> Result<Vec<Target>, StoreError> {
    sqlx::query(
        "select id, name, channel, from_severity, enabled, created_at, sealed_secret, last_at,
             last_delivered, last_problem
         from notification_targets
         order by name, id",
    )
    .fetch_all(executor)
    .await
    .and_then(|rows| rows.iter().map(|row| Ok(sealed_of(row)?.target)).collect())
    .map_err(StoreError::while_doing("listing notification targets"))
}

/// Notes how the last message to a target went.
pub async fn note_delivery(
    executor: impl Executor<'_>,
    id: &TargetId,
    delivery: &Delivery,
) -> Result<(), StoreError> {
    sqlx::query(
        "update notification_targets
         set last_at = $1, last_delivered = $2, last_problem = $3
         where id = $4",
    )
    .bind(delivery.at.timestamp_micros())
    .bind(i64::from(delivery.delivered))
    .bind(delivery.problem.as_deref())
    .bind(id.as_str())
    .execute(executor)
    .await
    .map(drop)
    .map_err(StoreError::while_doing("noting how a message went"))
}

pub async fn queue(
    executor: impl Executor<'_>,
    message: &Queued,
    due_at: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query(
        "insert into notifications (id, alert_id, target_id, attempts, due_at)
         values ($1, $2, $3, $4, $5)",
    )
    .bind(&message.id)
    .bind(message.alert_id.as_str())
    .bind(message.target_id.as_str())
    .bind(i64::from(message.attempts))
    .bind(due_at.timestamp_micros())
    .execute(executor)
    .await
    .map(drop)
    .map_err(StoreError::while_doing("queueing a message"))
}

/// Messages that are due, the longest waiting first.
pub async fn list_due(
    executor: impl Executor<'_>,
    now: DateTime<Utc>,
    limit: u32,
) -> Result<Vec<Queued>, StoreError> {
    sqlx::query(
        "select id, alert_id, target_id, attempts
         from notifications
         where due_at <= $1
         order by due_at, id
         limit $2",
    )
    .bind(now.timestamp_micros())
    .bind(i64::from(limit))
    .fetch_all(executor)
    .await
    .and_then(|rows| {
        let queued = |row: &AnyRow| {
            Ok(Queued {
                id: column::text(row, "id")?,
                alert_id: column::parsed(row, "alert_id")?,
                target_id: column::parsed(row, "target_id")?,
                attempts: column::number(row, "attempts")?,
            })
        };
        rows.iter().map(queued).collect()
    })
    .map_err(StoreError::while_doing("finding messages to send"))
}

/// Takes a message, so that nobody else sends it before `until`. False when somebody was faster.
pub async fn claim(
    executor: impl Executor<'_>,
    message: &Queued,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<bool, StoreError> {
    sqlx::query(
        "update notifications set attempts = attempts + 1, due_at = $1
         where id = $2 and attempts = $3 and due_at <= $4",
    )
    .bind(until.timestamp_micros())
    .bind(&message.id)
    .bind(i64::from(message.attempts))
    .bind(now.timestamp_micros())
    .execute(executor)
    .await
    .map(|done| done.rows_affected() == 1)
    .map_err(StoreError::while_doing("taking a message"))
}

/// It was delivered, or given up.
pub async fn forget(executor: impl Executor<'_>, id: &str) -> Result<(), StoreError> {
    sqlx::query("delete from notifications where id = $1")
        .bind(id)
        .execute(executor)
        .await
        .map(drop)
        .map_err(StoreError::while_doing("forgetting a message"))
}

fn sealed_of(row: &AnyRow) -> Result<SealedTarget, sqlx::Error> {
    let last = match column::optional_time(row, "last_at")? {
        Some(at) => Some(Delivery {
            at,
            delivered: column::optional_number(row, "last_delivered")? == Some(1),
            problem: column::optional_text(row, "last_problem")?,
        }),
        None => None,
    };
    Ok(SealedTarget {
        target: Target {
            id: column::parsed(row, "id")?,
            name: column::text(row, "name")?,
            channel: column::json(row, "channel")?,
            from_severity: column::named(row, "from_severity", severity_of)?,
            enabled: column::optional_number(row, "enabled")? == Some(1),
            created_at: column::time(row, "created_at")?,
            last,
        },
        sealed_secret: column::optional_text(row, "sealed_secret")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::{at, on_both};
    use shared::alert::Channel;
    use shared::assessment::Severity;

    #[tokio::test]
    async fn a_target_is_kept_changed_and_deleted() {
        on_both(async |store| {
            let mut duty = target();
            insert_target(store.pool(), &duty).await.unwrap();
            duty.target.name = "Night duty".to_owned();
            assert!(update_target(store.pool(), &duty.target).await.unwrap());
            let delivery =
                Delivery { at: at(3), delivered: false, problem: Some("no answer".to_owned()) };
            note_delivery(store.pool(), &duty.target.id, &delivery).await.unwrap();
            duty.target.last = Some(delivery);

            let found = find_target(store.pool(), &duty.target.id).await.unwrap().unwrap();
            assert_eq!((&found.target, &found.sealed_secret), (&duty.target, &duty.sealed_secret));
            assert_eq!(list_targets(store.pool()).await.unwrap(), [duty.target.clone()]);
            assert!(delete_target(store.pool(), &duty.target.id).await.unwrap());
            assert!(!update_target(store.pool(), &duty.target).await.unwrap());
        })
        .await;
    }

    #[tokio::test]
    async fn a_message_is_taken_by_one_and_comes_back_when_it_was_not_delivered() {
        on_both(async |store| {
            insert_target(store.pool(), &target()).await.unwrap();
            let message = Queued {
                id: "m1".to_owned(),
                alert_id: "a1".parse().unwrap(),
                target_id: target().target.id,
                attempts: 0,
            };
            queue(store.pool(), &message, at(5)).await.unwrap();
            assert_eq!(list_due(store.pool(), at(4), 9).await.unwrap(), []);
            assert_eq!(
                list_due(store.pool(), at(5), 9).await.unwrap(),
                std::slice::from_ref(&message)
            );

            assert!(claim(store.pool(), &message, at(5), at(60)).await.unwrap());
            assert!(!claim(store.pool(), &message, at(5), at(60)).await.unwrap());

            assert_eq!(list_due(store.pool(), at(59), 9).await.unwrap(), []);
            let again = list_due(store.pool(), at(60), 9).await.unwrap();
            assert_eq!(again, [Queued { attempts: 1, ..message }]);
            forget(store.pool(), "m1").await.unwrap();
            assert_eq!(list_due(store.pool(), at(60), 9).await.unwrap(), []);
        })
        .await;
    }

    fn target() -> SealedTarget {
        SealedTarget {
            target: Target {
                id: "t1".parse().expect("an id"),
                name: "Duty".to_owned(),
                channel: Channel::Webhook { url: "https://hooks.example/duty".to_owned() },
                from_severity: Severity::Warning,
                enabled: true,
                created_at: at(1),
                last: None,
            },
            sealed_secret: Some("sealed".to_owned()),
        }
    }
}
