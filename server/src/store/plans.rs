//! Plans and their versions. A version never changes.

use chrono::{DateTime, Utc};
use shared::id::PlanId;
use shared::plan::{PlanSummary, SavedPlan};
use sqlx::any::AnyRow;

use super::{Executor, Place, StoreError, column, document};

/// Adds a plan that has no version yet; [`insert_version`] belongs into the same transaction.
pub async fn insert(
    executor: impl Executor<'_>,
    id: &PlanId,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query("insert into plans (id, version, created_at) values ($1, $2, $3)")
        .bind(id.as_str())
        .bind(0_i64)
        .bind(now.timestamp_micros())
        .execute(executor)
        .await
        .map(drop)
        .map_err(StoreError::while_doing("adding a plan"))
}

/// Moves a plan on to its next version. False when it is at another version by now.
pub async fn advance(
    executor: impl Executor<'_>,
    id: &PlanId,
    from: u32,
) -> Result<bool, StoreError> {
    sqlx::query("update plans set version = version + 1 where id = $1 and version = $2")
        .bind(id.as_str())
        .bind(i64::from(from))
        .execute(executor)
        .await
        .map(|done| done.rows_affected() == 1)
        .map_err(StoreError::while_doing("moving a plan to its next version"))
}

pub async fn insert_version(
    executor: impl Executor<'_>,
    saved: &SavedPlan,
) -> Result<(), StoreError> {
    let doing = "adding a version of a plan";
    sqlx::query(
        "insert into plan_versions
             (plan_id, version, name, hash, table_count, document, saved_at, saved_by)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(saved.id.as_str())
    .bind(i64::from(saved.version))
    .bind(&saved.name)
    .bind(&saved.hash)
    .bind(i64::try_from(saved.plan.tables.len()).unwrap_or(i64::MAX))
    .bind(document(&saved.plan, doing)?)
    .bind(saved.saved_at.timestamp_micros())
    .bind(&saved.saved_by)
    .execute(executor)
    .await
    .map(drop)
    .map_err(StoreError::while_doing(doing))
}

/// The latest version of a plan.
pub async fn find(
    executor: impl Executor<'_>,
    id: &PlanId,
) -> Result<Option<SavedPlan>, StoreError> {
    sqlx::query(
        "select plan_id, plan_versions.version, name, hash, document, saved_at, saved_by
         from plans
         join plan_versions
             on plan_versions.plan_id = plans.id and plan_versions.version = plans.version
         where plans.id = $1",
    )
    .bind(id.as_str())
    .fetch_optional(executor)
    .await
    .and_then(|row| row.as_ref().map(saved_of).transpose())
    .map_err(StoreError::while_doing("finding a plan"))
}

pub async fn find_version(
    executor: impl Executor<'_>,
    id: &PlanId,
    version: u32,
) -> Result<Option<SavedPlan>, StoreError> {
    sqlx::query(
        "select plan_id, version, name, hash, document, saved_at, saved_by
         from plan_versions
         where plan_id = $1 and version = $2",
    )
    .bind(id.as_str())
    .bind(i64::from(version))
    .fetch_optional(executor)
    .await
    .and_then(|row| row.as_ref().map(saved_of).transpose())
    .map_err(StoreError::while_doing("finding a version of a plan"))
}

/// A plan in a list, and where the list goes on after it.
pub struct Listed {
    pub summary: PlanSummary,
    pub place: Place,
}

/// The newest plan first, each with its latest version.
pub async fn list(
    executor: impl Executor<'_>,
    after: Option<&Place>,
    limit: u32,
) -> Result<Vec<Listed>, StoreError> {
    let (created_at, id) = Place::bounds(after);
    sqlx::query(
        "select plan_id, plan_versions.version, name, table_count, saved_at, saved_by, created_at
         from plans
         join plan_versions
             on plan_versions.plan_id = plans.id and plan_versions.version = plans.version
         where created_at < $1 or (created_at = $1 and id < $2)
         order by created_at desc, id desc
         limit $3",
    )
    .bind(created_at)
    .bind(id)
    .bind(i64::from(limit))
    .fetch_all(executor)
    .await
    .and_then(|rows| {
        rows.iter()
            .map(|row| {
                let summary = summary_of(row)?;
                let place = Place::of(column::time(row, "created_at")?, summary.id.as_str());
                Ok(Listed { summary, place })
            })
            .collect()
    })
    .map_err(StoreError::while_doing("listing plans"))
}

/// All versions of a plan before one, the latest first.
pub async fn list_versions(
    executor: impl Executor<'_>,
    id: &PlanId,
    before: u32,
    limit: u32,
) -> Result<Vec<PlanSummary>, StoreError> {
    sqlx::query(
        "select plan_id, version, name, table_count, saved_at, saved_by
         from plan_versions
         where plan_id = $1 and version < $2
         order by version desc
         limit $3",
    )
    .bind(id.as_str())
    .bind(i64::from(before))
    .bind(i64::from(limit))
    .fetch_all(executor)
    .await
    .and_then(|rows| rows.iter().map(summary_of).collect())
    .map_err(StoreError::while_doing("listing versions of a plan"))
}

fn saved_of(row: &AnyRow) -> Result<SavedPlan, sqlx::Error> {
    Ok(SavedPlan {
        id: column::parsed(row, "plan_id")?,
        name: column::text(row, "name")?,
        version: column::number(row, "version")?,
        hash: column::text(row, "hash")?,
        saved_at: column::time(row, "saved_at")?,
        saved_by: column::text(row, "saved_by")?,
        plan: column::json(row, "document")?,
    })
}

fn summary_of(row: &AnyRow) -> Result<PlanSummary, sqlx::Error> {
    Ok(PlanSummary {
        id: column::parsed(row, "plan_id")?,
        name: column::text(row, "name")?,
        version: column::number(row, "version")?,
        table_count: column::number(row, "table_count")?,
        saved_at: column::time(row, "saved_at")?,
        saved_by: column::text(row, "saved_by")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::{add_plan, at, on_both, version_of_plan};

    #[tokio::test]
    async fn every_version_of_a_plan_stays_as_it_was() {
        on_both(async |store| {
            let first = add_plan(&store, "plan", 1).await;
            let second = SavedPlan { name: "renamed".to_owned(), ..version_of_plan("plan", 2) };
            assert!(advance(store.pool(), &first.id, 1).await.unwrap());
            insert_version(store.pool(), &second).await.unwrap();

            assert_eq!(find(store.pool(), &first.id).await.unwrap(), Some(second.clone()));
            let old = find_version(store.pool(), &first.id, 1).await.unwrap();
            assert_eq!(old.as_ref(), Some(&first));
            assert_eq!(find_version(store.pool(), &first.id, 3).await.unwrap(), None);
            let versions = list_versions(store.pool(), &first.id, u32::MAX, 10).await.unwrap();
            let names: Vec<_> = versions.iter().map(|v| (v.version, v.name.as_str())).collect();
            assert_eq!(names, [(2, "renamed"), (1, "plan")]);
        })
        .await;
    }

    #[tokio::test]
    async fn a_plan_that_somebody_else_saved_does_not_advance() {
        on_both(async |store| {
            let plan = add_plan(&store, "plan", 1).await;

            assert!(advance(store.pool(), &plan.id, 1).await.unwrap());
            assert!(!advance(store.pool(), &plan.id, 1).await.unwrap());
        })
        .await;
    }

    #[tokio::test]
    async fn plans_are_listed_page_by_page() {
        on_both(async |store| {
            for (id, second) in [("a", 1), ("b", 2), ("c", 3)] {
                let mut tx = store.begin().await.unwrap();
                let plan = version_of_plan(id, 1);
                insert(&mut *tx, &plan.id, at(second)).await.unwrap();
                advance(&mut *tx, &plan.id, 0).await.unwrap();
                insert_version(&mut *tx, &plan).await.unwrap();
                crate::store::commit(tx).await.unwrap();
            }

            let first = list(store.pool(), None, 2).await.unwrap();
            let rest = list(store.pool(), Some(&first[1].place), 2).await.unwrap();

            let ids: Vec<_> = first.iter().chain(&rest).map(|l| l.summary.id.as_str()).collect();
            assert_eq!(ids, ["c", "b", "a"]);
            assert_eq!(rest[0].summary.table_count, 1);
        })
        .await;
    }
}
