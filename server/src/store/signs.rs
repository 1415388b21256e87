//! Signs of life of work under way, and what counts as abandoned without them.

use chrono::{DateTime, Utc};

use super::{Executor, StoreError};

/// Work of which a row says that it is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    Assessment,
    Rehearsal,
    Rollback,
    Repair,
    Checking,
    SignOff,
    Matching,
}

/// Whose work under way counts as abandoned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Abandoned<'a> {
    /// All of an installation that just began; none while it works.
    pub owner: Option<&'a str>,
    /// That of anybody who gave signs of life and none since then.
    pub silent_since: DateTime<Utc>,
}

/// Says that somebody works on something.
pub async fn give(
    executor: impl Executor<'_>,
    work: Work,
    id: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let statement = match work {
        Work::Assessment => {
            "update assessments set heartbeat_at = $1 where id = $2 and state = 'running'"
        }
        Work::Rehearsal => {
            "update rehearsals set heartbeat_at = $1 where id = $2 and state = 'running'"
        }
        Work::Rollback => {
            "update rollbacks set heartbeat_at = $1 where id = $2 and state = 'running'"
        }
        Work::Repair => "update repairs set heartbeat_at = $1 where id = $2 and state = 'running'",
        Work::Checking => {
            "update checkings set heartbeat_at = $1 where id = $2 and state = 'running'"
        }
        Work::SignOff => {
            "update sign_offs set heartbeat_at = $1 where id = $2 and state = 'drawing'"
        }
        Work::Matching => {
            "update matchings set heartbeat_at = $1 where id = $2 and state = 'running'"
        }
    };
    sqlx::query(statement)
        .bind(now.timestamp_micros())
        .bind(id)
        .execute(executor)
        .await
        .map(drop)
        .map_err(StoreError::while_doing("saying that work is alive"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::matchings::{fail, list_abandoned};
    use crate::store::testing::{add_matching, at, on_both};
    use shared::error_code::ErrorCode;
    use shared::run::Failure;

    #[tokio::test]
    async fn only_what_is_under_way_gives_signs_of_life() {
        on_both(async |store| {
            let [ended, under_way] =
                [add_matching(&store, "m1", 1).await, add_matching(&store, "m2", 2).await];
            let failure = Failure { code: ErrorCode::Sys006, message: "gone".to_owned() };
            fail(store.pool(), &ended, &failure, at(3)).await.unwrap();

            for id in [&ended, &under_way] {
                give(store.pool(), Work::Matching, id.as_str(), at(4)).await.unwrap();
            }

            let abandoned = Abandoned { owner: None, silent_since: at(5) };
            assert_eq!(list_abandoned(store.pool(), abandoned).await.unwrap(), [under_way]);
        })
        .await;
    }
}
