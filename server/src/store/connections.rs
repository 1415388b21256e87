//! Databases to read or write, their URLs sealed.

use chrono::{DateTime, Utc};
use shared::connection::{Connection, Engine, Role, TestedAt};
use shared::id::ConnectionId;
use sqlx::any::AnyRow;

use super::{Executor, Place, StoreError, column};

/// A connection with its sealed URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedConnection {
    pub connection: Connection,
    pub sealed_url: String,
}

/// Adds a connection. Fails with `is_taken` when the name is.
pub async fn insert(
    executor: impl Executor<'_>,
    sealed: &SealedConnection,
) -> Result<(), StoreError> {
    let connection = &sealed.connection;
    sqlx::query(
        "insert into connections (id, name, role, engine, shown_url, sealed_url, created_at)
         values ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(connection.id.as_str())
    .bind(&connection.name)
    .bind(role_name(connection.role))
    .bind(engine_name(connection.engine))
    .bind(&connection.url)
    .bind(&sealed.sealed_url)
    .bind(connection.created_at.timestamp_micros())
    .execute(executor)
    .await
    .map(drop)
    .map_err(StoreError::while_doing("adding a connection"))
}

pub async fn find(
    executor: impl Executor<'_>,
    id: &ConnectionId,
) -> Result<Option<SealedConnection>, StoreError> {
    sqlx::query(
        "select id, name, role, engine, shown_url, sealed_url, created_at, tested_at, test_passed
         from connections
         where id = $1",
    )
    .bind(id.as_str())
    .fetch_optional(executor)
    .await
    .and_then(|row| row.as_ref().map(sealed_of).transpose())
    .map_err(StoreError::while_doing("finding a connection"))
}

/// The connection that plans know by this name.
pub async fn find_by_name(
    executor: impl Executor<'_>,
    name: &str,
) -> Result<Option<SealedConnection>, StoreError> {
    sqlx::query(
        "select id, name, role, engine, shown_url, sealed_url, created_at, tested_at, test_passed
         from connections
         where name = $1",
    )
    .bind(name)
    .fetch_optional(executor)
    .await
    .and_then(|row| row.as_ref().map(sealed_of).transpose())
    .map_err(StoreError::while_doing("finding a connection by name"))
}

/// The newest first.
pub async fn list(
    executor: impl Executor<'_>,
    after: Option<&Place>,
    limit: u32,
) -> Result<Vec<Connection>, StoreError> {
    let (created_at, id) = Place::bounds(after);
    sqlx::query(
        "select id, name, role, engine, shown_url, sealed_url, created_at, tested_at, test_passed
         from connections
         where created_at < $1 or (created_at = $1 and id < $2)
         order by created_at desc, id desc
         limit $3",
    )
    .bind(created_at)
    .bind(id)
    .bind(i64::from(limit))
    .fetch_all(executor)
    .await
    .and_then(|rows| rows.iter().map(|row| Ok(sealed_of(row)?.connection)).collect())
    .map_err(StoreError::while_doing("listing connections"))
}

/// Replaces what a connection is; its last test no longer says anything. False when it is gone.
pub async fn update(
    executor: impl Executor<'_>,
    sealed: &SealedConnection,
) -> Result<bool, StoreError> {
    let connection = &sealed.connection;
    sqlx::query(
        "update connections
         set name = $1, role = $2, engine = $3, shown_url = $4, sealed_url = $5,
             tested_at = null, test_passed = null
         where id = $6",
    )
    .bind(&connection.name)
    .bind(role_name(connection.role))
    .bind(engine_name(connection.engine))
    .bind(&connection.url)
    .bind(&sealed.sealed_url)
    .bind(connection.id.as_str())
    .execute(executor)
    .await
    .map(|done| done.rows_affected() == 1)
    .map_err(StoreError::while_doing("changing a connection"))
}

/// Notes how its last test went. False when the connection is gone.
pub async fn record_test(
    executor: impl Executor<'_>,
    id: &ConnectionId,
    passed: bool,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    sqlx::query("update connections set tested_at = $1, test_passed = $2 where id = $3")
        .bind(now.timestamp_micros())
        .bind(i64::from(passed))
        .bind(id.as_str())
        .execute(executor)
        .await
        .map(|done| done.rows_affected() == 1)
        .map_err(StoreError::while_doing("noting a connection's test"))
}

/// False when it was gone before.
pub async fn delete(executor: impl Executor<'_>, id: &ConnectionId) -> Result<bool, StoreError> {
    sqlx::query("delete from connections where id = $1")
        .bind(id.as_str())
        .execute(executor)
        .await
        .map(|done| done.rows_affected() == 1)
        .map_err(StoreError::while_doing("deleting a connection"))
}

fn sealed_of(row: &AnyRow) -> Result<SealedConnection, sqlx::Error> {
    let tested = match column::optional_time(row, "tested_at")? {
        Some(at) => {
            Some(TestedAt { at, passed: column::optional_number(row, "test_passed")? == Some(1) })
        }
        None => None,
    };
    Ok(SealedConnection {
        connection: Connection {
            id: column::parsed(row, "id")?,
            name: column::text(row, "name")?,
            role: column::named(row, "role", role_of)?,
            engine: column::named(row, "engine", engine_of)?,
            url: column::text(row, "shown_url")?,
            created_at: column::time(row, "created_at")?,
            tested,
        },
        sealed_url: column::text(row, "sealed_url")?,
    })
}

const fn role_name(role: Role) -> &'static str {
    match role {
        Role::Source => "source",
        Role::Target => "target",
    }
}

fn role_of(name: &str) -> Option<Role> {
    [Role::Source, Role::Target].into_iter().find(|role| role_name(*role) == name)
}

const fn engine_name(engine: Engine) -> &'static str {
    match engine {
        Engine::Postgres => "postgres",
        Engine::Mysql => "mysql",
        Engine::Sqlite => "sqlite",
        Engine::Csv => "csv",
    }
}

fn engine_of(name: &str) -> Option<Engine> {
    [Engine::Postgres, Engine::Mysql, Engine::Sqlite, Engine::Csv]
        .into_iter()
        .find(|engine| engine_name(*engine) == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::{at, on_both};

    #[tokio::test]
    async fn a_connection_is_found_as_it_was_added() {
        on_both(async |store| {
            let legacy = connection("legacy", 1);
            insert(store.pool(), &legacy).await.unwrap();

            let by_id = find(store.pool(), &legacy.connection.id).await.unwrap();
            assert_eq!(by_id.as_ref(), Some(&legacy));
            let by_name = find_by_name(store.pool(), "legacy").await.unwrap();
            assert_eq!(by_name.as_ref(), Some(&legacy));
            assert_eq!(find_by_name(store.pool(), "other").await.unwrap(), None);
        })
        .await;
    }

    #[tokio::test]
    async fn a_name_belongs_to_one_connection() {
        on_both(async |store| {
            let legacy = connection("legacy", 1);
            insert(store.pool(), &legacy).await.unwrap();
            let mut other = legacy.clone();
            other.connection.id = ConnectionId::parse("other").unwrap();

            assert!(insert(store.pool(), &other).await.unwrap_err().is_taken());
        })
        .await;
    }

    #[tokio::test]
    async fn pages_of_connections_have_each_once() {
        on_both(async |store| {
            for (name, second) in [("a", 1), ("b", 2), ("c", 2)] {
                insert(store.pool(), &connection(name, second)).await.unwrap();
            }

            let first = list(store.pool(), None, 2).await.unwrap();
            let last = first.last().unwrap();
            let place = Place::of(last.created_at, last.id.as_str());
            let second = list(store.pool(), Some(&place), 2).await.unwrap();

            let names: Vec<_> = first.iter().chain(&second).map(|c| c.name.as_str()).collect();
            assert_eq!(names, ["c", "b", "a"]);
        })
        .await;
    }

    #[tokio::test]
    async fn a_changed_connection_is_no_longer_tested() {
        on_both(async |store| {
            let mut legacy = connection("legacy", 1);
            insert(store.pool(), &legacy).await.unwrap();
            let id = legacy.connection.id.clone();
            assert!(record_test(store.pool(), &id, true, at(5)).await.unwrap());
            let tested = find(store.pool(), &id).await.unwrap().unwrap().connection.tested;
            assert_eq!(tested, Some(TestedAt { at: at(5), passed: true }));

            legacy.connection.name = "renamed".to_owned();
            assert!(update(store.pool(), &legacy).await.unwrap());

            assert_eq!(find(store.pool(), &id).await.unwrap(), Some(legacy));
        })
        .await;
    }

    #[tokio::test]
    async fn a_deleted_connection_is_gone() {
        on_both(async |store| {
            let legacy = connection("legacy", 1);
            insert(store.pool(), &legacy).await.unwrap();
            let id = &legacy.connection.id;

            assert!(delete(store.pool(), id).await.unwrap());

            assert!(!delete(store.pool(), id).await.unwrap());
            assert!(!update(store.pool(), &legacy).await.unwrap());
            assert!(!record_test(store.pool(), id, true, at(5)).await.unwrap());
            assert_eq!(find(store.pool(), id).await.unwrap(), None);
        })
        .await;
    }

    fn connection(name: &str, second: i64) -> SealedConnection {
        SealedConnection {
            connection: Connection {
                id: ConnectionId::parse(name).expect("an id"),
                name: name.to_owned(),
                role: Role::Source,
                engine: Engine::Mysql,
                url: "mysql://reader:***@db/mdw".to_owned(),
                created_at: at(second),
                tested: None,
            },
            sealed_url: "c2VhbGVk".to_owned(),
        }
    }
}
