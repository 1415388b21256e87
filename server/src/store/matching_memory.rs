//! What a search for duplicates leaves for the next one among the same people.

use shared::id::MatchingId;

use super::{Executor, StoreError, Transaction, column};

/// Keeps the parts of a search, and forgets those of the searches before it.
pub async fn replace(
    tx: &mut Transaction,
    people: &str,
    matching: &MatchingId,
    parts: &[String],
) -> Result<(), StoreError> {
    let failed = StoreError::while_doing("keeping what the next search needs");
    sqlx::query(
        "delete from matching_memory
         where matching_id in (select id from matchings where people = $1)",
    )
    .bind(people)
    .execute(&mut **tx)
    .await
    .map_err(&failed)?;
    for (part, content) in (0_i64..).zip(parts) {
        sqlx::query("insert into matching_memory (matching_id, part, content) values ($1, $2, $3)")
            .bind(matching.as_str())
            .bind(part)
            .bind(content.as_str())
            .execute(&mut **tx)
            .await
            .map_err(&failed)?;
    }
    Ok(())
}

/// The parts of a search in their order; none when a later one replaced them.
pub async fn read(
    executor: impl Executor<'_>,
    matching: &MatchingId,
) -> Result<Vec<String>, StoreError> {
    sqlx::query("select content from matching_memory where matching_id = $1 order by part")
        .bind(matching.as_str())
        .fetch_all(executor)
        .await
        .and_then(|rows| rows.iter().map(|row| column::text(row, "content")).collect())
        .map_err(StoreError::while_doing("reading what the last search left"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::commit;
    use crate::store::testing::{add_matching, on_both};

    #[tokio::test]
    async fn only_the_latest_search_among_these_people_is_remembered() {
        on_both(async |store| {
            let (first, second) =
                (add_matching(&store, "m1", 1).await, add_matching(&store, "m2", 2).await);
            for (matching, parts) in [(&first, ["a", "b"]), (&second, ["c", "d"])] {
                let mut tx = store.begin().await.unwrap();
                replace(&mut tx, "people", matching, &parts.map(str::to_owned)).await.unwrap();
                commit(tx).await.unwrap();
            }
            let mut tx = store.begin().await.unwrap();
            replace(&mut tx, "others", &second, &[]).await.unwrap();
            commit(tx).await.unwrap();

            assert!(read(store.pool(), &first).await.unwrap().is_empty());
            assert_eq!(read(store.pool(), &second).await.unwrap(), ["c", "d"]);
        })
        .await;
    }
}
