//! The people that a search found to be there more than once.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use shared::duplicate::{ClusterId, RecordId, Refusal, RefusalReason, Verdict};
use shared::id::{ClusterKey, MatchingId, MergeId};
use shared::matching::{ClusterItem, ClusterOrder};
use sqlx::any::AnyRow;

use super::{Executor, InvalidPlace, StoreError, Transaction, column};

/// Adds the clusters of a search.
pub async fn insert(
    tx: &mut Transaction,
    matching: &MatchingId,
    clusters: &[ClusterItem],
) -> Result<(), StoreError> {
    let failed = StoreError::while_doing("adding a cluster");
    for cluster in clusters {
        sqlx::query(
            "insert into clusters (key, matching_id, id, cohesion, decision, size)
             values ($1, $2, $3, $4, $5, $6)",
        )
        .bind(cluster.key.as_str())
        .bind(matching.as_str())
        .bind(cluster.id.as_str())
        .bind(cluster.cohesion)
        .bind(cluster.decision.as_str())
        .bind(size(cluster))
        .execute(&mut **tx)
        .await
        .map_err(&failed)?;
        for member in &cluster.members {
            sqlx::query("insert into cluster_members (cluster_key, record_id) values ($1, $2)")
                .bind(cluster.key.as_str())
                .bind(member.as_str())
                .execute(&mut **tx)
                .await
                .map_err(&failed)?;
        }
    }
    Ok(())
}

/// Adds what kept clusters of a search apart.
pub async fn insert_refusals(
    tx: &mut Transaction,
    matching: &MatchingId,
    refusals: &[Refusal],
) -> Result<(), StoreError> {
    for refusal in refusals {
        // What was said of a pair and what was computed of it are each refused.
        sqlx::query(
            "insert into cluster_refusals (matching_id, left_id, right_id, weight, reason)
             values ($1, $2, $3, $4, $5)
             on conflict (matching_id, left_id, right_id) do nothing",
        )
        .bind(matching.as_str())
        .bind(refusal.left_id.as_str())
        .bind(refusal.right_id.as_str())
        .bind(refusal.weight)
        .bind(refusal.reason.as_str())
        .execute(&mut **tx)
        .await
        .map_err(StoreError::while_doing("adding what kept clusters apart"))?;
    }
    Ok(())
}

/// So many at most are told of one cluster.
const MOST_REFUSALS: i64 = 200;

/// Pairs that lead out of a cluster and joined nothing, the heaviest first.
pub async fn refusals(
    executor: impl Executor<'_>,
    matching: &MatchingId,
    key: &ClusterKey,
) -> Result<Vec<Refusal>, StoreError> {
    sqlx::query(
        "select left_id, right_id, weight, reason
         from (
             select left_id, right_id, weight, reason,
                    left_id in (select record_id from cluster_members where cluster_key = $2)
                        as has_left,
                    right_id in (select record_id from cluster_members where cluster_key = $2)
                        as has_right
             from cluster_refusals
             where matching_id = $1
         ) as refused
         where has_left <> has_right
         order by weight desc, left_id, right_id
         limit $3",
    )
    .bind(matching.as_str())
    .bind(key.as_str())
    .bind(MOST_REFUSALS)
    .fetch_all(executor)
    .await
    .and_then(|rows| {
        rows.iter()
            .map(|row| {
                Ok(Refusal {
                    left_id: RecordId(column::text(row, "left_id")?),
                    right_id: RecordId(column::text(row, "right_id")?),
                    weight: column::real(row, "weight")?,
                    reason: column::named(row, "reason", RefusalReason::from_name)?,
                })
            })
            .collect()
    })
    .map_err(StoreError::while_doing("reading what kept a cluster apart"))
}

/// Where a page of clusters ended.
#[derive(Debug, Clone, PartialEq)]
pub struct ClusterPlace {
    value: f64,
    key: String,
}

impl ClusterPlace {
    pub fn of(item: &ClusterItem, order: ClusterOrder) -> Self {
        let value = match order {
            #[expect(clippy::cast_precision_loss, reason = "nobody has so many records")]
            ClusterOrder::Size => item.members.len() as f64,
            ClusterOrder::WeakestLink => item.cohesion,
        };
        Self { value, key: item.key.to_string() }
    }
}

impl fmt::Display for ClusterPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}", self.value, self.key)
    }
}

impl FromStr for ClusterPlace {
    type Err = InvalidPlace;

    fn from_str(text: &str) -> Result<Self, InvalidPlace> {
        let (value, key) = text.split_once(' ').ok_or(InvalidPlace)?;
        Ok(Self { value: value.parse().map_err(|_| InvalidPlace)?, key: key.to_owned() })
    }
}

/// The clusters of a search in one of their orders.
macro_rules! clusters {
    ($after:literal, $order:literal) => {
        concat!(
            "select key, id, cohesion, decision
             from clusters
             where matching_id = $1 and (",
            $after,
            ")
             order by ",
            $order,
            ", key
             limit $4"
        )
    };
}

const BY_SIZE: &str = clusters!(
    "size < cast($2 as double precision) or (size = cast($2 as double precision) and key > $3)",
    "size desc"
);
const BY_WEAKEST_LINK: &str =
    clusters!("cohesion > $2 or (cohesion = $2 and key > $3)", "cohesion");

/// One page of the clusters of a search.
pub async fn list(
    executor: impl Executor<'_> + Copy,
    matching: &MatchingId,
    order: ClusterOrder,
    after: Option<&ClusterPlace>,
    limit: u32,
) -> Result<Vec<ClusterItem>, StoreError> {
    let failed = StoreError::while_doing("listing clusters");
    let (sql, first) = match order {
        ClusterOrder::Size => (BY_SIZE, f64::MAX),
        ClusterOrder::WeakestLink => (BY_WEAKEST_LINK, f64::MIN),
    };
    let rows = sqlx::query(sql)
        .bind(matching.as_str())
        .bind(after.map_or(first, |place| place.value))
        .bind(after.map_or("", |place| place.key.as_str()))
        .bind(i64::from(limit))
        .fetch_all(executor)
        .await
        .map_err(&failed)?;
    let mut items = Vec::with_capacity(rows.len());
    for row in &rows {
        let mut item = item_of(row).map_err(&failed)?;
        complete(executor, &mut item, matching).await?;
        items.push(item);
    }
    Ok(items)
}

/// A cluster, with the search that found it.
pub async fn find(
    executor: impl Executor<'_> + Copy,
    key: &ClusterKey,
) -> Result<Option<(ClusterItem, MatchingId)>, StoreError> {
    let failed = StoreError::while_doing("finding a cluster");
    let row =
        sqlx::query("select key, matching_id, id, cohesion, decision from clusters where key = $1")
            .bind(key.as_str())
            .fetch_optional(executor)
            .await
            .map_err(&failed)?;
    let Some(row) = row else { return Ok(None) };
    let mut item = item_of(&row).map_err(&failed)?;
    let matching = column::parsed(&row, "matching_id").map_err(&failed)?;
    complete(executor, &mut item, &matching).await?;
    Ok(Some((item, matching)))
}

/// The cluster of a search that has this id.
pub async fn find_by_id(
    executor: impl Executor<'_>,
    matching: &MatchingId,
    id: &ClusterId,
) -> Result<Option<ClusterKey>, StoreError> {
    sqlx::query("select key from clusters where matching_id = $1 and id = $2")
        .bind(matching.as_str())
        .bind(id.as_str())
        .fetch_optional(executor)
        .await
        .and_then(|row| row.map(|row| column::parsed(&row, "key")).transpose())
        .map_err(StoreError::while_doing("finding a cluster by its id"))
}

/// Which cluster each record of a search was in.
pub async fn of_records(
    executor: impl Executor<'_>,
    matching: &MatchingId,
) -> Result<BTreeMap<RecordId, ClusterId>, StoreError> {
    sqlx::query(
        "select cluster_members.record_id, clusters.id
         from clusters
         join cluster_members on cluster_members.cluster_key = clusters.key
         where clusters.matching_id = $1",
    )
    .bind(matching.as_str())
    .fetch_all(executor)
    .await
    .and_then(|rows| {
        rows.iter()
            .map(|row| {
                let record = RecordId(column::text(row, "record_id")?);
                Ok((record, ClusterId(column::text(row, "id")?)))
            })
            .collect()
    })
    .map_err(StoreError::while_doing("reading the clusters of records"))
}

async fn complete(
    executor: impl Executor<'_> + Copy,
    item: &mut ClusterItem,
    matching: &MatchingId,
) -> Result<(), StoreError> {
    let failed = StoreError::while_doing("reading the members of a cluster");
    let rows = sqlx::query(
        "select record_id from cluster_members where cluster_key = $1 order by record_id",
    )
    .bind(item.key.as_str())
    .fetch_all(executor)
    .await
    .map_err(&failed)?;
    item.members = rows
        .iter()
        .map(|row| column::text(row, "record_id").map(RecordId))
        .collect::<Result<_, _>>()
        .map_err(&failed)?;
    // All of them have to be in it.
    let row = sqlx::query(
        "select min(joined.id) as merge_id
         from (
             select merges.id
             from merges
             join merge_members on merge_members.merge_id = merges.id
             join cluster_members on cluster_members.record_id = merge_members.record_id
             join matchings on matchings.id = $2
             where cluster_members.cluster_key = $1 and merges.state = 'applied'
                 and merges.people = matchings.people
             group by merges.id
             having count(*) >= $3
         ) as joined",
    )
    .bind(item.key.as_str())
    .bind(matching.as_str())
    .bind(size(item))
    .fetch_one(executor)
    .await
    .map_err(&failed)?;
    let merge = column::optional_text(&row, "merge_id").map_err(&failed)?;
    item.merge = merge.and_then(|id| MergeId::parse(id).ok());
    Ok(())
}

fn size(item: &ClusterItem) -> i64 {
    i64::try_from(item.members.len()).unwrap_or(i64::MAX)
}

fn item_of(row: &AnyRow) -> Result<ClusterItem, sqlx::Error> {
    Ok(ClusterItem {
        key: column::parsed(row, "key")?,
        id: ClusterId(column::text(row, "id")?),
        members: Vec::new(),
        cohesion: column::real(row, "cohesion")?,
        decision: column::named(row, "decision", Verdict::from_name)?,
        merge: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::commit;
    use crate::store::testing::{add_matching, on_both};

    fn cluster(key: &str, members: &[&str]) -> ClusterItem {
        ClusterItem {
            key: ClusterKey::parse(key).expect("a key"),
            id: ClusterId(members[0].to_owned()),
            members: members.iter().map(|id| RecordId::from(*id)).collect(),
            cohesion: 9.5,
            decision: Verdict::Review,
            merge: None,
        }
    }

    #[tokio::test]
    async fn clusters_come_with_their_members_the_largest_first_and_each_once() {
        on_both(async |store| {
            let matching = add_matching(&store, "m1", 1).await;
            let all = [
                cluster("k1", &["1", "2"]),
                cluster("k2", &["3", "4", "5"]),
                cluster("k3", &["6", "7"]),
            ];
            let mut tx = store.begin().await.unwrap();
            insert(&mut tx, &matching, &all).await.unwrap();
            commit(tx).await.unwrap();

            let order = ClusterOrder::Size;
            let first = list(store.pool(), &matching, order, None, 2).await.unwrap();
            let place = ClusterPlace::of(&first[1], order).to_string().parse().unwrap();
            let rest = list(store.pool(), &matching, order, Some(&place), 2).await.unwrap();

            assert_eq!(first, [all[1].clone(), all[0].clone()]);
            assert_eq!(rest, [all[2].clone()]);
            let of = of_records(store.pool(), &matching).await.unwrap();
            assert_eq!(of[&RecordId::from("4")], ClusterId("3".to_owned()));
            let by_id = find_by_id(store.pool(), &matching, &ClusterId("6".to_owned())).await;
            assert_eq!(by_id.unwrap().unwrap().as_str(), "k3");
        })
        .await;
    }

    #[tokio::test]
    async fn the_weakest_link_comes_first_and_what_kept_clusters_apart_is_told() {
        on_both(async |store| {
            let matching = add_matching(&store, "m1", 1).await;
            let of = |key: &str, members: &[&str], cohesion: f64| ClusterItem {
                cohesion,
                ..cluster(key, members)
            };
            let all = [
                of("k1", &["1", "2"], 9.0),
                of("k2", &["3", "4"], -0.5),
                of("k3", &["5", "6"], 9.0),
            ];
            let apart = |left: &str, right: &str, weight, reason| Refusal {
                left_id: RecordId::from(left),
                right_id: RecordId::from(right),
                weight,
                reason,
            };
            let refused = [
                apart("2", "3", 4.0, RefusalReason::WeakChain),
                apart("1", "9", 6.0, RefusalReason::Vetoed),
                apart("4", "9", 1.0, RefusalReason::TooLarge),
                // Both are in it by now, through others.
                apart("1", "2", 3.0, RefusalReason::WeakChain),
                apart("1", "9", 7.0, RefusalReason::Decided),
            ];
            let mut tx = store.begin().await.unwrap();
            insert(&mut tx, &matching, &all).await.unwrap();
            insert_refusals(&mut tx, &matching, &refused).await.unwrap();
            commit(tx).await.unwrap();

            let order = ClusterOrder::WeakestLink;
            let first = list(store.pool(), &matching, order, None, 2).await.unwrap();
            let place = ClusterPlace::of(&first[1], order).to_string().parse().unwrap();
            let rest = list(store.pool(), &matching, order, Some(&place), 2).await.unwrap();
            assert_eq!(first, [all[1].clone(), all[0].clone()]);
            assert_eq!(rest, [all[2].clone()]);
            let told = refusals(store.pool(), &matching, &all[0].key).await.unwrap();
            assert_eq!(told, [refused[1].clone(), refused[0].clone()]);
            assert!(refusals(store.pool(), &matching, &all[2].key).await.unwrap().is_empty());
        })
        .await;
    }

    #[tokio::test]
    async fn a_cluster_is_merged_when_one_merge_has_all_of_it() {
        on_both(async |store| {
            let matching = add_matching(&store, "m1", 1).await;
            let all = [cluster("k1", &["1", "2"]), cluster("k2", &["3", "4", "5"])];
            let mut tx = store.begin().await.unwrap();
            insert(&mut tx, &matching, &all).await.unwrap();
            commit(tx).await.unwrap();
            crate::store::merges::tests::add(&store, "x", &["1", "2"]).await;
            crate::store::merges::tests::add(&store, "y", &["3", "4"]).await;

            let of = async |key| {
                let key = ClusterKey::parse(key).unwrap();
                let (item, found_by) = find(store.pool(), &key).await.unwrap().unwrap();
                assert_eq!(found_by, matching);
                item.merge.map(|id| id.to_string())
            };

            assert_eq!(of("k1").await.as_deref(), Some("x"));
            assert_eq!(of("k2").await, None);
        })
        .await;
    }
}
