//! What nobody may do alone, who asked for it, and who said what.

use chrono::{DateTime, Utc};
use shared::approval::{Approval, ApprovalState, Person};
use shared::id::ApprovalId;
use sqlx::any::AnyRow;

use super::{Executor, Place, StoreError, column};

pub async fn insert(executor: impl Executor<'_>, approval: &Approval) -> Result<(), StoreError> {
    sqlx::query(
        "insert into approvals
             (id, kind, act, act_hash, state, reason, requested_by, requested_by_name,
              requested_at, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(approval.id.as_str())
    .bind(approval.act.kind().as_str())
    .bind(serde_json::to_string(&approval.act).unwrap_or_default())
    .bind(&approval.act_hash)
    .bind(approval.state.as_str())
    .bind(&approval.reason)
    .bind(&approval.requested_by.id)
    .bind(&approval.requested_by.name)
    .bind(approval.requested_at.timestamp_micros())
    .bind(approval.expires_at.timestamp_micros())
    .execute(executor)
    .await
    .map(drop)
    .map_err(StoreError::while_doing("asking for an approval"))
}

pub async fn find(
    executor: impl Executor<'_>,
    id: &ApprovalId,
) -> Result<Option<Approval>, StoreError> {
    sqlx::query(
        "select id, act, act_hash, state, reason, requested_by, requested_by_name, requested_at,
             expires_at, answered_by, answered_by_name, answered_at, answer
         from approvals
         where id = $1",
    )
    .bind(id.as_str())
    .fetch_optional(executor)
    .await
    .and_then(|row| row.as_ref().map(approval_of).transpose())
    .map_err(StoreError::while_doing("finding an approval"))
}

/// The newest first.
pub async fn list(
    executor: impl Executor<'_>,
    state: Option<ApprovalState>,
    after: Option<&Place>,
    limit: u32,
) -> Result<Vec<Approval>, StoreError> {
    let (requested_at, id) = Place::bounds(after);
    sqlx::query(
        "select id, act, act_hash, state, reason, requested_by, requested_by_name, requested_at,
             expires_at, answered_by, answered_by_name, answered_at, answer
         from approvals
         where ($1 = '' or state = $1)
             and (requested_at < $2 or (requested_at = $2 and id < $3))
         order by requested_at desc, id desc
         limit $4",
    )
    .bind(state.map_or("", ApprovalState::as_str))
    .bind(requested_at)
    .bind(id)
    .bind(i64::from(limit))
    .fetch_all(executor)
    .await
    .and_then(|rows| rows.iter().map(approval_of).collect())
    .map_err(StoreError::while_doing("listing approvals"))
}

/// Those about an object, the oldest first.
pub async fn list_of(
    executor: impl Executor<'_>,
    object: &str,
) -> Result<Vec<Approval>, StoreError> {
    // What an act is about stands in its document, as a text that nothing else has.
    sqlx::query(
        "select id, act, act_hash, state, reason, requested_by, requested_by_name, requested_at,
             expires_at, answered_by, answered_by_name, answered_at, answer
         from approvals
         where act like $1
         order by requested_at, id",
    )
    .bind(format!("%\"{object}\"%"))
    .fetch_all(executor)
    .await
    .and_then(|rows| rows.iter().map(approval_of).collect::<Result<Vec<_>, _>>())
    .map(|found| found.into_iter().filter(|approval| approval.act.object() == object).collect())
    .map_err(StoreError::while_doing("listing approvals"))
}

/// What the second person said.
#[derive(Debug, Clone, Copy)]
pub struct Said<'a> {
    pub state: ApprovalState,
    pub by: &'a Person,
    pub answer: &'a str,
}

/// Writes an answer down. False when the request no longer waits for one, has expired, or is of
/// the same person.
pub async fn answer(
    executor: impl Executor<'_>,
    id: &ApprovalId,
    said: Said<'_>,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    sqlx::query(
        "update approvals
         set state = $1, answered_by = $2, answered_by_name = $3, answered_at = $4, answer = $5
         where id = $6 and state = 'requested' and expires_at > $4 and requested_by <> $2",
    )
    .bind(said.state.as_str())
    .bind(&said.by.id)
    .bind(&said.by.name)
    .bind(now.timestamp_micros())
    .bind(said.answer)
    .bind(id.as_str())
    .execute(executor)
    .await
    .map(|done| done.rows_affected() == 1)
    .map_err(StoreError::while_doing("answering a request"))
}

/// Takes a request back. False when it was answered with no, used, or is somebody else's.
pub async fn withdraw(
    executor: impl Executor<'_>,
    id: &ApprovalId,
    by: &str,
) -> Result<bool, StoreError> {
    sqlx::query(
        "update approvals set state = 'withdrawn'
         where id = $1 and requested_by = $2 and state in ('requested', 'approved')",
    )
    .bind(id.as_str())
    .bind(by)
    .execute(executor)
    .await
    .map(|done| done.rows_affected() == 1)
    .map_err(StoreError::while_doing("withdrawing a request"))
}

/// Uses an approval up, for exactly the act with this hash and the person who asked for it. False
/// when it does not count for that, or not any more.
pub async fn take(
    executor: impl Executor<'_>,
    id: &ApprovalId,
    act_hash: &str,
    by: &str,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    sqlx::query(
        "update approvals set state = 'used', used_at = $1
         where id = $2 and state = 'approved' and act_hash = $3 and requested_by = $4
             and expires_at > $1",
    )
    .bind(now.timestamp_micros())
    .bind(id.as_str())
    .bind(act_hash)
    .bind(by)
    .execute(executor)
    .await
    .map(|done| done.rows_affected() == 1)
    .map_err(StoreError::while_doing("using an approval"))
}

/// Requests that were not answered, or not used, in time and are not marked so yet.
pub async fn list_overdue(
    executor: impl Executor<'_>,
    now: DateTime<Utc>,
) -> Result<Vec<ApprovalId>, StoreError> {
    sqlx::query(
        "select id from approvals
         where state in ('requested', 'approved') and expires_at <= $1
         order by expires_at
         limit 100",
    )
    .bind(now.timestamp_micros())
    .fetch_all(executor)
    .await
    .and_then(|rows| rows.iter().map(|row| column::parsed(row, "id")).collect())
    .map_err(StoreError::while_doing("finding requests that nobody answered"))
}

/// Marks one of them. False when somebody else did.
pub async fn expire(executor: impl Executor<'_>, id: &ApprovalId) -> Result<bool, StoreError> {
    sqlx::query(
        "update approvals set state = 'expired'
         where id = $1 and state in ('requested', 'approved')",
    )
    .bind(id.as_str())
    .execute(executor)
    .await
    .map(|done| done.rows_affected() == 1)
    .map_err(StoreError::while_doing("ending a request that nobody answered"))
}

/// How many wait for an answer.
pub async fn count_waiting(
    executor: impl Executor<'_>,
    now: DateTime<Utc>,
) -> Result<u64, StoreError> {
    sqlx::query(
        "select count(*) as number from approvals where state = 'requested' and expires_at > $1",
    )
    .bind(now.timestamp_micros())
    .fetch_one(executor)
    .await
    .and_then(|row| column::number(&row, "number"))
    .map_err(StoreError::while_doing("counting requests"))
}

fn approval_of(row: &AnyRow) -> Result<Approval, sqlx::Error> {
    let act: shared::approval::Act = column::json(row, "act")?;
    let answered_by = match column::optional_text(row, "answered_by")? {
        Some(id) => Some(Person {
            id,
            name: column::optional_text(row, "answered_by_name")?.unwrap_or_default(),
        }),
        None => None,
    };
    Ok(Approval {
        id: column::parsed(row, "id")?,
        summary: act.summary(),
        act,
        act_hash: column::text(row, "act_hash")?,
        state: column::named(row, "state", ApprovalState::from_name)?,
        reason: column::text(row, "reason")?,
        requested_by: Person {
            id: column::text(row, "requested_by")?,
            name: column::text(row, "requested_by_name")?,
        },
        requested_at: column::time(row, "requested_at")?,
        expires_at: column::time(row, "expires_at")?,
        answered_by,
        answered_at: column::optional_time(row, "answered_at")?,
        answer: column::optional_text(row, "answer")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::{at, on_both};
    use shared::approval::Act;

    #[tokio::test]
    async fn a_request_comes_back_as_it_was_made_and_with_its_answer() {
        on_both(async |store| {
            let asked = request("one", 0);
            insert(store.pool(), &asked).await.unwrap();
            assert_eq!(find(store.pool(), &asked.id).await.unwrap().as_ref(), Some(&asked));
            assert_eq!(count_waiting(store.pool(), at(5)).await.unwrap(), 1);

            assert!(answer(store.pool(), &asked.id, yes(&person("bea")), at(5)).await.unwrap());

            let answered = find(store.pool(), &asked.id).await.unwrap().unwrap();
            assert_eq!(
                (answered.state, answered.answered_by),
                (ApprovalState::Approved, Some(person("bea")))
            );
            assert_eq!(count_waiting(store.pool(), at(5)).await.unwrap(), 0);
            assert!(!answer(store.pool(), &asked.id, yes(&person("cid")), at(6)).await.unwrap());
        })
        .await;
    }

    #[tokio::test]
    async fn nobody_answers_their_own_request_nor_one_that_has_expired() {
        on_both(async |store| {
            let asked = request("one", 0);
            insert(store.pool(), &asked).await.unwrap();

            assert!(!answer(store.pool(), &asked.id, yes(&person("ada")), at(5)).await.unwrap());
            assert!(!answer(store.pool(), &asked.id, yes(&person("bea")), at(100)).await.unwrap());
            assert_eq!(list_overdue(store.pool(), at(99)).await.unwrap(), []);
            assert_eq!(
                list_overdue(store.pool(), at(100)).await.unwrap(),
                std::slice::from_ref(&asked.id)
            );
            assert!(expire(store.pool(), &asked.id).await.unwrap());
            assert!(!expire(store.pool(), &asked.id).await.unwrap());
        })
        .await;
    }

    #[tokio::test]
    async fn an_approval_is_used_once_for_its_act_by_whoever_asked() {
        on_both(async |store| {
            let asked = request("one", 0);
            let id = &asked.id;
            insert(store.pool(), &asked).await.unwrap();
            assert!(!take(store.pool(), id, "hash", "ada", at(5)).await.unwrap());
            answer(store.pool(), id, yes(&person("bea")), at(5)).await.unwrap();

            assert!(!take(store.pool(), id, "other", "ada", at(6)).await.unwrap());
            assert!(!take(store.pool(), id, "hash", "bea", at(6)).await.unwrap());
            assert!(!take(store.pool(), id, "hash", "ada", at(100)).await.unwrap());
            assert!(take(store.pool(), id, "hash", "ada", at(6)).await.unwrap());
            assert!(!take(store.pool(), id, "hash", "ada", at(6)).await.unwrap());
        })
        .await;
    }

    #[tokio::test]
    async fn requests_are_found_by_what_they_are_about() {
        on_both(async |store| {
            let asked = request("one", 0);
            insert(store.pool(), &asked).await.unwrap();
            let about = asked.act.object().to_owned();

            let found = list_of(store.pool(), &about).await.unwrap();

            assert_eq!(found, std::slice::from_ref(&asked));
            assert_eq!(list_of(store.pool(), "another").await.unwrap(), []);
            assert_eq!(list_of(store.pool(), "%").await.unwrap(), []);
        })
        .await;
    }

    #[tokio::test]
    async fn whoever_asked_takes_it_back_and_nobody_else() {
        on_both(async |store| {
            let asked = request("one", 0);
            insert(store.pool(), &asked).await.unwrap();

            assert!(!withdraw(store.pool(), &asked.id, "bea").await.unwrap());
            assert!(withdraw(store.pool(), &asked.id, "ada").await.unwrap());
            assert!(!withdraw(store.pool(), &asked.id, "ada").await.unwrap());
        })
        .await;
    }

    #[tokio::test]
    async fn requests_are_listed_by_state_the_newest_first() {
        on_both(async |store| {
            for (id, second) in [("one", 0), ("two", 1)] {
                insert(store.pool(), &request(id, second)).await.unwrap();
            }
            withdraw(store.pool(), &"one".parse().unwrap(), "ada").await.unwrap();

            let all = list(store.pool(), None, None, 9).await.unwrap();
            assert_eq!(all.iter().map(|it| it.id.as_str()).collect::<Vec<_>>(), ["two", "one"]);
            let place = Place::of(all[0].requested_at, "two");
            assert_eq!(list(store.pool(), None, Some(&place), 9).await.unwrap(), all[1..]);
            let waiting = Some(ApprovalState::Requested);
            assert_eq!(list(store.pool(), waiting, None, 9).await.unwrap(), all[..1]);
        })
        .await;
    }

    fn request(id: &str, second: i64) -> Approval {
        let act = Act::RollBack {
            run_id: "run".parse().expect("an id"),
            scope: shared::rollback::Scope::Run,
            changed: shared::rollback::Changed::Leave,
        };
        Approval {
            id: id.parse().expect("an id"),
            summary: act.summary(),
            act,
            act_hash: "hash".to_owned(),
            state: ApprovalState::Requested,
            reason: "it went wrong".to_owned(),
            requested_by: person("ada"),
            requested_at: at(second),
            expires_at: at(100),
            answered_by: None,
            answered_at: None,
            answer: None,
        }
    }

    fn yes(by: &Person) -> Said<'_> {
        Said { state: ApprovalState::Approved, by, answer: "seen and agreed" }
    }

    fn person(id: &str) -> Person {
        Person { id: id.to_owned(), name: format!("{id} Example") }
    }
}
