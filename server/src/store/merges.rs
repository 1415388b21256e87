//! People who became one, as their targets told it. Lists are made from it; the truth is in the
//! target.

use std::collections::BTreeMap;

use shared::duplicate::RecordId;
use shared::error_code::ErrorCode;
use shared::id::{MergeId, RunId};
use shared::matching::{Merge, MergeRefusal, MergeState};
use sqlx::any::AnyRow;

use super::{Executor, Place, StoreError, Transaction, column};

/// Writes a merge down as it stands, whether or not it was known. `absorbed` are records that went
/// into its members before, and are one person with them now.
pub async fn save(
    tx: &mut Transaction,
    people: &str,
    run_id: Option<&RunId>,
    merge: &Merge,
    absorbed: &[RecordId],
) -> Result<(), StoreError> {
    let doing = "writing a merge down";
    let failed = StoreError::while_doing(doing);
    sqlx::query(
        "insert into merges (id, people, run_id, state, survivor, decided_by, decided_at, members,
                             removed, moved, refusal_code, refusal_reason)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
         on conflict (id) do update set state = excluded.state, survivor = excluded.survivor,
             removed = excluded.removed, moved = excluded.moved,
             refusal_code = excluded.refusal_code, refusal_reason = excluded.refusal_reason",
    )
    .bind(merge.id.as_str())
    .bind(people)
    .bind(run_id.map(RunId::as_str))
    .bind(merge.state.as_str())
    .bind(merge.survivor.as_ref().map(RecordId::as_str))
    .bind(merge.decided_by.as_deref())
    .bind(merge.decided_at.timestamp_micros())
    .bind(super::document(&merge.members, doing)?)
    .bind(super::document(&merge.removed, doing)?)
    .bind(super::document(&merge.moved, doing)?)
    .bind(merge.refusal.as_ref().map(|refusal| refusal.code.as_str()))
    .bind(merge.refusal.as_ref().map(|refusal| refusal.reason.as_str()))
    .execute(&mut **tx)
    .await
    .map_err(&failed)?;
    for member in merge.members.iter().chain(absorbed) {
        sqlx::query(
            "insert into merge_members (merge_id, record_id) values ($1, $2)
             on conflict (merge_id, record_id) do nothing",
        )
        .bind(merge.id.as_str())
        .bind(member.as_str())
        .execute(&mut **tx)
        .await
        .map_err(&failed)?;
    }
    Ok(())
}

/// A merge, and which people it is of.
pub async fn find(
    executor: impl Executor<'_>,
    id: &MergeId,
) -> Result<Option<(Merge, String)>, StoreError> {
    sqlx::query(
        "select id, people, state, survivor, decided_by, decided_at, members, removed, moved,
                refusal_code, refusal_reason
         from merges
         where id = $1",
    )
    .bind(id.as_str())
    .fetch_optional(executor)
    .await
    .and_then(|row| {
        let Some(row) = row else { return Ok(None) };
        Ok(Some((merge_of(&row)?, column::text(&row, "people")?)))
    })
    .map_err(StoreError::while_doing("finding a merge"))
}

/// Merges of these people, the newest first; of one state when it is named.
pub async fn list(
    executor: impl Executor<'_>,
    people: &str,
    state: Option<MergeState>,
    after: Option<&Place>,
    limit: u32,
) -> Result<Vec<Merge>, StoreError> {
    let (decided_at, id) = Place::bounds(after);
    sqlx::query(
        "select id, state, survivor, decided_by, decided_at, members, removed, moved, refusal_code,
                refusal_reason
         from merges
         where people = $1 and (cast($2 as text) is null or state = $2)
             and (decided_at < $3 or (decided_at = $3 and id < $4))
         order by decided_at desc, id desc
         limit $5",
    )
    .bind(people)
    .bind(state.map(MergeState::as_str))
    .bind(decided_at)
    .bind(id)
    .bind(i64::from(limit))
    .fetch_all(executor)
    .await
    .and_then(|rows| rows.iter().map(merge_of).collect())
    .map_err(StoreError::while_doing("listing merges"))
}

/// The merges that stand and that a record was part of.
pub async fn of_record(
    executor: impl Executor<'_>,
    people: &str,
    record: &RecordId,
) -> Result<Vec<Merge>, StoreError> {
    sqlx::query(
        "select merges.id, state, survivor, decided_by, decided_at, members, removed, moved,
                refusal_code, refusal_reason
         from merge_members
         join merges on merges.id = merge_members.merge_id
         where merge_members.record_id = $1 and merges.people = $2 and merges.state = 'applied'
         order by decided_at, merges.id",
    )
    .bind(record.as_str())
    .bind(people)
    .fetch_all(executor)
    .await
    .and_then(|rows| rows.iter().map(merge_of).collect())
    .map_err(StoreError::while_doing("listing the merges of a record"))
}

fn merge_of(row: &AnyRow) -> Result<Merge, sqlx::Error> {
    let refusal = match column::optional_text(row, "refusal_code")? {
        Some(_) => Some(MergeRefusal {
            code: column::named(row, "refusal_code", ErrorCode::from_name)?,
            reason: column::text(row, "refusal_reason")?,
        }),
        None => None,
    };
    Ok(Merge {
        id: column::parsed(row, "id")?,
        state: column::named(row, "state", MergeState::from_name)?,
        members: column::json(row, "members")?,
        survivor: column::optional_text(row, "survivor")?.map(RecordId),
        decided_by: column::optional_text(row, "decided_by")?,
        decided_at: column::time(row, "decided_at")?,
        removed: column::json::<BTreeMap<_, _>>(row, "removed")?,
        moved: column::json::<BTreeMap<_, _>>(row, "moved")?,
        refusal,
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::store::testing::{at, on_both};
    use crate::store::{Store, commit};

    /// A merge of these records, the first of which stays.
    pub(crate) async fn add(store: &Store, id: &str, members: &[&str]) -> Merge {
        let merge = Merge {
            id: MergeId::parse(id).expect("an id"),
            state: MergeState::Applied,
            members: members.iter().map(|id| RecordId::from(*id)).collect(),
            survivor: Some(RecordId::from(members[0])),
            decided_by: None,
            decided_at: at(1),
            removed: BTreeMap::from([("public.patients".parse().expect("a name"), 1)]),
            moved: BTreeMap::new(),
            refusal: None,
        };
        let mut tx = store.begin().await.expect("a transaction");
        save(&mut tx, "people", None, &merge, &[]).await.expect("a merge");
        commit(tx).await.expect("a commit");
        merge
    }

    #[tokio::test]
    async fn a_merge_is_written_down_again_when_it_stands_otherwise() {
        on_both(async |store| {
            let merge = add(&store, "m1", &["1", "2"]).await;
            let of = async |record: &str| {
                of_record(store.pool(), "people", &RecordId::from(record)).await.unwrap().len()
            };
            assert_eq!((of("2").await, of("3").await), (1, 0));

            let back = Merge { state: MergeState::TakenBack, ..merge.clone() };
            let mut tx = store.begin().await.unwrap();
            let absorbed = [RecordId::from("3")];
            save(&mut tx, "people", None, &back, &absorbed).await.unwrap();
            commit(tx).await.unwrap();

            let (found, people) = find(store.pool(), &merge.id).await.unwrap().unwrap();
            assert_eq!((found, people.as_str()), (back, "people"));
            assert_eq!(of("2").await, 0);
        })
        .await;
    }

    #[tokio::test]
    async fn pages_of_merges_have_each_once_and_one_state_when_asked() {
        on_both(async |store| {
            for id in ["a", "b", "c"] {
                add(&store, id, &["1", "2"]).await;
            }
            let page = async |state, after: Option<&Place>| {
                list(store.pool(), "people", state, after, 2).await.unwrap()
            };

            let first = page(None, None).await;
            let place = Place::of(first[1].decided_at, first[1].id.as_str());
            let rest = page(None, Some(&place)).await;

            let ids: Vec<_> = first.iter().chain(&rest).map(|merge| merge.id.as_str()).collect();
            assert_eq!(ids, ["c", "b", "a"]);
            assert!(page(Some(MergeState::Refused), None).await.is_empty());
        })
        .await;
    }
}
