//! Rules that watch, and what they found.

use chrono::{DateTime, Utc};
use shared::alert::{Alert, AlertFilter, AlertState, Rule};
use shared::assessment::Severity;
use shared::id::AlertId;
use sqlx::any::AnyRow;

use super::{Executor, Place, StoreError, column};

/// All rules, in the order of their names.
pub async fn list_rules(executor: impl Executor<'_>) -> Result<Vec<Rule>, StoreError> {
    sqlx::query(
        "select id, name, condition, severity, quiet_seconds, enabled
         from alert_rules
         order by name, id",
    )
    .fetch_all(executor)
    .await
    .and_then(|rows| rows.iter().map(rule_of).collect())
    .map_err(StoreError::while_doing("listing alert rules"))
}

pub async fn find_rule(
    executor: impl Executor<'_>,
    id: &AlertId,
) -> Result<Option<Rule>, StoreError> {
    sqlx::query(
        "select id, name, condition, severity, quiet_seconds, enabled
         from alert_rules
         where id = $1",
    )
    .bind(id.as_str())
    .fetch_optional(executor)
    .await
    .and_then(|row| row.as_ref().map(rule_of).transpose())
    .map_err(StoreError::while_doing("finding an alert rule"))
}

/// Adds a rule, or replaces the one with its id.
pub async fn save_rule(
    executor: impl Executor<'_>,
    rule: &Rule,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query(
        "insert into alert_rules (id, name, condition, severity, quiet_seconds, enabled, created_at)
         values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (id) do update
         set name = excluded.name, condition = excluded.condition, severity = excluded.severity,
             quiet_seconds = excluded.quiet_seconds, enabled = excluded.enabled",
    )
    .bind(rule.id.as_str())
    .bind(&rule.name)
    .bind(serde_json::to_string(&rule.condition).unwrap_or_default())
    .bind(severity_name(rule.severity))
    .bind(i64::try_from(rule.quiet_seconds).unwrap_or(i64::MAX))
    .bind(i64::from(rule.enabled))
    .bind(now.timestamp_micros())
    .execute(executor)
    .await
    .map(drop)
    .map_err(StoreError::while_doing("saving an alert rule"))
}

/// False when it was gone before. What it found stays.
pub async fn delete_rule(executor: impl Executor<'_>, id: &AlertId) -> Result<bool, StoreError> {
    sqlx::query("delete from alert_rules where id = $1")
        .bind(id.as_str())
        .execute(executor)
        .await
        .map(|done| done.rows_affected() == 1)
        .map_err(StoreError::while_doing("deleting an alert rule"))
}

/// Raises an alert for a cause. False when there is an open one for it: two servers that find the
/// same thing raise it once.
pub async fn raise(
    executor: impl Executor<'_>,
    alert: &Alert,
    cause: &str,
) -> Result<bool, StoreError> {
    sqlx::query(
        "insert into alerts
             (id, rule_id, cause, open_key, run_id, state, severity, message, raised_at, times,
              last_raised_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1, $9)
         on conflict (open_key) do nothing",
    )
    .bind(alert.id.as_str())
    .bind(alert.rule_id.as_str())
    .bind(cause)
    .bind(open_key(&alert.rule_id, cause))
    .bind(alert.run_id.as_ref().map(shared::id::RunId::as_str))
    .bind(AlertState::Raised.as_str())
    .bind(severity_name(alert.severity))
    .bind(&alert.message)
    .bind(alert.raised_at.timestamp_micros())
    .execute(executor)
    .await
    .map(|done| done.rows_affected() == 1)
    .map_err(StoreError::while_doing("raising an alert"))
}

/// Raises an open alert again, if nobody acknowledged it and it was last raised before `before`.
pub async fn raise_again(
    executor: impl Executor<'_>,
    id: &AlertId,
    before: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    sqlx::query(
        "update alerts set times = times + 1, last_raised_at = $1
         where id = $2 and state = 'raised' and last_raised_at <= $3",
    )
    .bind(now.timestamp_micros())
    .bind(id.as_str())
    .bind(before.timestamp_micros())
    .execute(executor)
    .await
    .map(|done| done.rows_affected() == 1)
    .map_err(StoreError::while_doing("raising an alert again"))
}

/// When a rule last raised an alert for a cause.
pub async fn last_raised(
    executor: impl Executor<'_>,
    rule: &AlertId,
    cause: &str,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    sqlx::query(
        "select last_raised_at
         from alerts
         where rule_id = $1 and cause = $2
         order by last_raised_at desc
         limit 1",
    )
    .bind(rule.as_str())
    .bind(cause)
    .fetch_optional(executor)
    .await
    .and_then(|row| row.map(|row| column::time(&row, "last_raised_at")).transpose())
    .map_err(StoreError::while_doing("finding when an alert was raised"))
}

/// An open alert with its cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Open {
    pub alert: Alert,
    pub cause: String,
}

/// All open alerts; there are no more than causes.
pub async fn list_open(executor: impl Executor<'_>) -> Result<Vec<Open>, StoreError> {
    sqlx::query(
        "select id, rule_id, cause, run_id, state, severity, message, raised_at, times,
             last_raised_at, acknowledged_by, acknowledged_at, cleared_at
         from alerts
         where open_key is not null
         order by raised_at, id",
    )
    .fetch_all(executor)
    .await
    .and_then(|rows| {
        let open = |row| Ok(Open { alert: alert_of(row)?, cause: column::text(row, "cause")? });
        rows.iter().map(open).collect()
    })
    .map_err(StoreError::while_doing("listing open alerts"))
}

pub async fn find(executor: impl Executor<'_>, id: &AlertId) -> Result<Option<Alert>, StoreError> {
    sqlx::query(
        "select id, rule_id, run_id, state, severity, message, raised_at, times, last_raised_at,
             acknowledged_by, acknowledged_at, cleared_at
         from alerts
         where id = $1",
    )
    .bind(id.as_str())
    .fetch_optional(executor)
    .await
    .and_then(|row| row.as_ref().map(alert_of).transpose())
    .map_err(StoreError::while_doing("finding an alert"))
}

/// The newest first.
pub async fn list(
    executor: impl Executor<'_>,
    filter: &AlertFilter,
    after: Option<&Place>,
    limit: u32,
) -> Result<Vec<Alert>, StoreError> {
    let (raised_at, id) = Place::bounds(after);
    sqlx::query(
        "select id, rule_id, run_id, state, severity, message, raised_at, times, last_raised_at,
             acknowledged_by, acknowledged_at, cleared_at
         from alerts
         where ($1 = '' or state = $1) and ($2 = '' or run_id = $2)
             and (raised_at < $3 or (raised_at = $3 and id < $4))
         order by raised_at desc, id desc
         limit $5",
    )
    .bind(filter.state.map_or("", AlertState::as_str))
    .bind(filter.run_id.as_ref().map_or("", shared::id::RunId::as_str))
    .bind(raised_at)
    .bind(id)
    .bind(i64::from(limit))
    .fetch_all(executor)
    .await
    .and_then(|rows| rows.iter().map(alert_of).collect())
    .map_err(StoreError::while_doing("listing alerts"))
}

/// Somebody saw it. False when it was acknowledged or cleared before.
pub async fn acknowledge(
    executor: impl Executor<'_>,
    id: &AlertId,
    by: &str,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    sqlx::query(
        "update alerts set state = 'acknowledged', acknowledged_by = $1, acknowledged_at = $2
         where id = $3 and state = 'raised'",
    )
    .bind(by)
    .bind(now.timestamp_micros())
    .bind(id.as_str())
    .execute(executor)
    .await
    .map(|done| done.rows_affected() == 1)
    .map_err(StoreError::while_doing("acknowledging an alert"))
}

/// Its cause is gone. False when it was cleared before.
pub async fn clear(
    executor: impl Executor<'_>,
    id: &AlertId,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    sqlx::query(
        "update alerts set state = 'cleared', open_key = null, cleared_at = $1
         where id = $2 and state <> 'cleared'",
    )
    .bind(now.timestamp_micros())
    .bind(id.as_str())
    .execute(executor)
    .await
    .map(|done| done.rows_affected() == 1)
    .map_err(StoreError::while_doing("clearing an alert"))
}

/// How many nobody acknowledged.
pub async fn count_raised(executor: impl Executor<'_>) -> Result<u64, StoreError> {
    sqlx::query("select count(*) as number from alerts where state = 'raised'")
        .fetch_one(executor)
        .await
        .and_then(|row| column::number(&row, "number"))
        .map_err(StoreError::while_doing("counting alerts"))
}

pub(super) const fn severity_name(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Blocking => "blocking",
    }
}

pub(super) fn severity_of(name: &str) -> Option<Severity> {
    [Severity::Info, Severity::Warning, Severity::Blocking]
        .into_iter()
        .find(|severity| severity_name(*severity) == name)
}

fn open_key(rule: &AlertId, cause: &str) -> String {
    format!("{rule} {cause}")
}

fn rule_of(row: &AnyRow) -> Result<Rule, sqlx::Error> {
    Ok(Rule {
        id: column::parsed(row, "id")?,
        name: column::text(row, "name")?,
        condition: column::json(row, "condition")?,
        severity: column::named(row, "severity", severity_of)?,
        quiet_seconds: column::number(row, "quiet_seconds")?,
        enabled: column::optional_number(row, "enabled")? == Some(1),
    })
}

fn alert_of(row: &AnyRow) -> Result<Alert, sqlx::Error> {
    Ok(Alert {
        id: column::parsed(row, "id")?,
        rule_id: column::parsed(row, "rule_id")?,
        run_id: column::optional_parsed(row, "run_id")?,
        state: column::named(row, "state", AlertState::from_name)?,
        severity: column::named(row, "severity", severity_of)?,
        message: column::text(row, "message")?,
        raised_at: column::time(row, "raised_at")?,
        times: column::number(row, "times")?,
        last_raised_at: column::time(row, "last_raised_at")?,
        acknowledged_by: column::optional_text(row, "acknowledged_by")?,
        acknowledged_at: column::optional_time(row, "acknowledged_at")?,
        cleared_at: column::optional_time(row, "cleared_at")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::{at, on_both};
    use shared::alert::Condition;

    #[tokio::test]
    async fn an_installation_begins_with_rules_that_can_be_changed_and_deleted() {
        on_both(async |store| {
            let rules = list_rules(store.pool()).await.unwrap();
            assert!(
                rules.len() >= 7 && rules.iter().all(|rule| rule.condition.problem().is_none())
            );
            let mut rule =
                rules.into_iter().find(|it| it.id.as_str() == "quarantine-high").unwrap();
            rule.condition = Condition::QuarantinePercent { above: 1.5 };
            rule.enabled = false;
            save_rule(store.pool(), &rule, at(1)).await.unwrap();

            assert_eq!(find_rule(store.pool(), &rule.id).await.unwrap(), Some(rule.clone()));
            assert!(delete_rule(store.pool(), &rule.id).await.unwrap());
            assert!(!delete_rule(store.pool(), &rule.id).await.unwrap());
            assert_eq!(find_rule(store.pool(), &rule.id).await.unwrap(), None);
        })
        .await;
    }

    #[tokio::test]
    async fn a_cause_has_one_open_alert() {
        on_both(async |store| {
            assert!(raise(store.pool(), &alert("one", 1), "run r1").await.unwrap());
            assert!(!raise(store.pool(), &alert("two", 2), "run r1").await.unwrap());
            assert!(raise(store.pool(), &alert("three", 3), "run r2").await.unwrap());
            let open = list_open(store.pool()).await.unwrap();
            assert_eq!((open.len(), open[0].cause.as_str()), (2, "run r1"));
            assert_eq!(open[0].alert, alert("one", 1));

            assert!(clear(store.pool(), &open[0].alert.id, at(4)).await.unwrap());
            assert!(!clear(store.pool(), &open[0].alert.id, at(4)).await.unwrap());
            assert!(raise(store.pool(), &alert("four", 5), "run r1").await.unwrap());

            let rule = &alert("four", 5).rule_id;
            assert_eq!(last_raised(store.pool(), rule, "run r1").await.unwrap(), Some(at(5)));
            assert_eq!(last_raised(store.pool(), rule, "run r9").await.unwrap(), None);
            assert_eq!(count_raised(store.pool()).await.unwrap(), 2);
        })
        .await;
    }

    #[tokio::test]
    async fn an_alert_is_raised_again_until_somebody_acknowledges_it() {
        on_both(async |store| {
            let alert = alert("one", 1);
            raise(store.pool(), &alert, "run r1").await.unwrap();
            assert!(!raise_again(store.pool(), &alert.id, at(0), at(5)).await.unwrap());
            assert!(raise_again(store.pool(), &alert.id, at(1), at(5)).await.unwrap());

            assert!(acknowledge(store.pool(), &alert.id, "Ada", at(6)).await.unwrap());
            assert!(!acknowledge(store.pool(), &alert.id, "Bea", at(7)).await.unwrap());
            assert!(!raise_again(store.pool(), &alert.id, at(9), at(9)).await.unwrap());

            let found = find(store.pool(), &alert.id).await.unwrap().unwrap();
            assert_eq!((found.times, found.last_raised_at), (2, at(5)));
            assert_eq!(found.acknowledged_by.as_deref(), Some("Ada"));
        })
        .await;
    }

    #[tokio::test]
    async fn alerts_are_listed_by_state_and_run_the_newest_first() {
        on_both(async |store| {
            raise(store.pool(), &alert("one", 1), "a").await.unwrap();
            raise(store.pool(), &alert("two", 2), "b").await.unwrap();
            acknowledge(store.pool(), &alert("one", 1).id, "Ada", at(6)).await.unwrap();
            let ids = async |filter: AlertFilter, after: Option<Place>| {
                let found = list(store.pool(), &filter, after.as_ref(), 9).await.unwrap();
                found.into_iter().map(|it| it.id.to_string()).collect::<Vec<_>>()
            };

            assert_eq!(ids(AlertFilter::default(), None).await, ["two", "one"]);
            let after = Place::of(at(2), "two");
            assert_eq!(ids(AlertFilter::default(), Some(after)).await, ["one"]);
            let raised = AlertFilter { state: Some(AlertState::Raised), run_id: None };
            assert_eq!(ids(raised, None).await, ["two"]);
            let other = AlertFilter { state: None, run_id: Some("r2".parse().unwrap()) };
            assert_eq!(ids(other, None).await, [] as [String; 0]);
        })
        .await;
    }

    fn alert(id: &str, second: i64) -> Alert {
        Alert {
            id: id.parse().expect("an id"),
            rule_id: "run-failed".parse().expect("an id"),
            run_id: Some("r1".parse().expect("an id")),
            state: AlertState::Raised,
            severity: Severity::Blocking,
            message: "Run r1 failed.".to_owned(),
            raised_at: at(second),
            times: 1,
            last_raised_at: at(second),
            acknowledged_by: None,
            acknowledged_at: None,
            cleared_at: None,
        }
    }
}
