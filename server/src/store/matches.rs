//! The pairs that a search found, as a queue for those who look at them.

use std::fmt;
use std::str::FromStr;

use chrono::DateTime;
use shared::duplicate::{Decision, Pair, RecordId, Verdict, Veto};
use shared::id::{ClusterKey, MatchId, MatchingId, MergeId};
use shared::matching::{MatchFilter, MatchItem, MatchOrder, ReviewState};
use sqlx::any::AnyRow;

use super::{Executor, InvalidPlace, StoreError, Transaction, column};

/// A pair on its way into the queue.
#[derive(Debug, Clone, PartialEq)]
pub struct NewMatch {
    pub id: MatchId,
    pub left_id: RecordId,
    pub right_id: RecordId,
    pub weight: f64,
    pub probability: f64,
    pub verdict: Verdict,
    pub vetoes: Vec<Veto>,
    pub frequency: u32,
}

/// Adds the pairs of a search.
pub async fn insert(
    tx: &mut Transaction,
    matching: &MatchingId,
    pairs: &[NewMatch],
) -> Result<(), StoreError> {
    for pair in pairs {
        sqlx::query(
            "insert into matches (id, matching_id, left_id, right_id, weight, probability, verdict,
                                  vetoes, certainty, frequency)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        )
        .bind(pair.id.as_str())
        .bind(matching.as_str())
        .bind(pair.left_id.as_str())
        .bind(pair.right_id.as_str())
        .bind(pair.weight)
        .bind(pair.probability)
        .bind(pair.verdict.as_str())
        .bind(vetoes_of(&pair.vetoes))
        .bind((pair.probability - 0.5).abs())
        .bind(i64::from(pair.frequency))
        .execute(&mut **tx)
        .await
        .map_err(StoreError::while_doing("adding a pair to the queue"))?;
    }
    Ok(())
}

/// Where a page of the queue ended.
#[derive(Debug, Clone, PartialEq)]
pub struct QueuePlace {
    value: f64,
    id: String,
}

impl QueuePlace {
    pub fn of(item: &MatchItem, order: MatchOrder) -> Self {
        let value = match order {
            MatchOrder::Doubt => (item.probability - 0.5).abs(),
            MatchOrder::Frequency => f64::from(item.frequency),
            MatchOrder::Weight => item.weight,
        };
        Self { value, id: item.id.to_string() }
    }
}

impl fmt::Display for QueuePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}", self.value, self.id)
    }
}

impl FromStr for QueuePlace {
    type Err = InvalidPlace;

    fn from_str(text: &str) -> Result<Self, InvalidPlace> {
        let (value, id) = text.split_once(' ').ok_or(InvalidPlace)?;
        Ok(Self { value: value.parse().map_err(|_| InvalidPlace)?, id: id.to_owned() })
    }
}

/// The queue in one of its orders. Where a pair stands is found out as it is read: a decision or a
/// merge, and their end, need no change of the pair.
macro_rules! queue {
    ($after:literal, $order:literal) => {
        concat!(
            "select id, left_id, right_id, weight, probability, verdict, vetoes, frequency, said,
                    said_by, said_at, merge_id
             from (
                 select matches.id, matches.left_id, matches.right_id, matches.weight,
                        matches.probability, matches.verdict, matches.vetoes, matches.frequency,
                        matches.certainty, said.verdict as said, said.decided_by as said_by,
                        said.decided_at as said_at,
                        (select min(merges.id)
                         from merge_members as one
                         join merge_members as other on other.merge_id = one.merge_id
                         join merges on merges.id = one.merge_id
                         where one.record_id = matches.left_id
                             and other.record_id = matches.right_id
                             and merges.state = 'applied'
                             and merges.people = matchings.people) as merge_id
                 from matches
                 join matchings on matchings.id = matches.matching_id
                 left join match_decisions as said
                     on said.people = matchings.people and said.withdrawn_at is null
                     and said.left_id = matches.left_id and said.right_id = matches.right_id
                 where matches.matching_id = $1
                     and (cast($2 as text) is null or matches.verdict = $2)
                     and (cast($4 as text) is null or matches.vetoes like $4)
                     and matches.weight >= $5 and matches.weight <= $6
             ) as queue
             where (cast($3 as text) is null or $3 = case
                     when merge_id is not null then 'merged'
                     when said is not null then 'decided'
                     else 'open' end)
                 and (",
            $after,
            ")
             order by ",
            $order,
            "
             limit $9"
        )
    };
}

const BY_DOUBT: &str = queue!("certainty > $7 or (certainty = $7 and id > $8)", "certainty, id");
const BY_FREQUENCY: &str =
    queue!("frequency < $7 or (frequency = $7 and id > $8)", "frequency desc, id");
const BY_WEIGHT: &str = queue!("weight < $7 or (weight = $7 and id > $8)", "weight desc, id");

/// One page of a search's queue.
pub async fn list(
    executor: impl Executor<'_>,
    matching: &MatchingId,
    filter: &MatchFilter,
    after: Option<&QueuePlace>,
    limit: u32,
) -> Result<Vec<MatchItem>, StoreError> {
    let (sql, first) = match filter.sort {
        MatchOrder::Doubt => (BY_DOUBT, -1.0),
        MatchOrder::Frequency => (BY_FREQUENCY, f64::MAX),
        MatchOrder::Weight => (BY_WEIGHT, f64::MAX),
    };
    let state = filter.state.map(|state| match state {
        ReviewState::Open => "open",
        ReviewState::Decided => "decided",
        ReviewState::Merged => "merged",
    });
    sqlx::query(sql)
        .bind(matching.as_str())
        .bind(filter.verdict.map(Verdict::as_str))
        .bind(state)
        .bind(filter.veto.map(|veto| format!("% {veto} %")))
        .bind(filter.from.unwrap_or(f64::MIN))
        .bind(filter.to.unwrap_or(f64::MAX))
        .bind(after.map_or(first, |place| place.value))
        .bind(after.map_or("", |place| place.id.as_str()))
        .bind(i64::from(limit))
        .fetch_all(executor)
        .await
        .and_then(|rows| rows.iter().map(item_of).collect())
        .map_err(StoreError::while_doing("listing pairs"))
}

/// All pairs that a search found, as the next one takes them.
pub async fn pairs(
    executor: impl Executor<'_>,
    matching: &MatchingId,
) -> Result<Vec<Pair>, StoreError> {
    sqlx::query(
        "select left_id, right_id, weight, probability, verdict
         from matches
         where matching_id = $1",
    )
    .bind(matching.as_str())
    .fetch_all(executor)
    .await
    .and_then(|rows| {
        rows.iter()
            .map(|row| {
                Ok(Pair {
                    left_id: RecordId(column::text(row, "left_id")?),
                    right_id: RecordId(column::text(row, "right_id")?),
                    weight: column::real(row, "weight")?,
                    probability: column::real(row, "probability")?,
                    decision: column::named(row, "verdict", Verdict::from_name)?,
                    // They are found anew.
                    vetoes: Vec::new(),
                })
            })
            .collect()
    })
    .map_err(StoreError::while_doing("reading all pairs of a search"))
}

/// Pairs as they stand, with the search that found them.
macro_rules! pairs {
    ($wanted:literal) => {
        concat!("select matches.id, matches.matching_id, matches.left_id, matches.right_id, matches.weight,
                matches.probability, matches.verdict, matches.vetoes, matches.frequency,
                said.verdict as said, said.decided_by as said_by, said.decided_at as said_at,
                (select min(merges.id)
                 from merge_members as one
                 join merge_members as other on other.merge_id = one.merge_id
                 join merges on merges.id = one.merge_id
                 where one.record_id = matches.left_id and other.record_id = matches.right_id
                     and merges.state = 'applied'
                     and merges.people = matchings.people) as merge_id
         from matches
         join matchings on matchings.id = matches.matching_id
         left join match_decisions as said
             on said.people = matchings.people and said.withdrawn_at is null
             and said.left_id = matches.left_id and said.right_id = matches.right_id
         where ", $wanted)
    };
}

const ONE: &str = pairs!("matches.id = $1");
const OF_A_CLUSTER: &str = pairs!(
    "matches.matching_id = $1
         and matches.left_id in (select record_id from cluster_members where cluster_key = $2)
         and matches.right_id in (select record_id from cluster_members where cluster_key = $2)
     order by matches.weight desc, matches.id"
);

/// Pairs whose two records are both in a cluster, the heaviest first.
pub async fn of_cluster(
    executor: impl Executor<'_>,
    matching: &MatchingId,
    key: &ClusterKey,
) -> Result<Vec<MatchItem>, StoreError> {
    sqlx::query(OF_A_CLUSTER)
        .bind(matching.as_str())
        .bind(key.as_str())
        .fetch_all(executor)
        .await
        .and_then(|rows| rows.iter().map(item_of).collect())
        .map_err(StoreError::while_doing("listing the pairs of a cluster"))
}

/// A pair of the queue, with the search that found it.
pub async fn find(
    executor: impl Executor<'_>,
    id: &MatchId,
) -> Result<Option<(MatchItem, MatchingId)>, StoreError> {
    sqlx::query(ONE)
        .bind(id.as_str())
        .fetch_optional(executor)
        .await
        .and_then(|row| {
            let Some(row) = row else { return Ok(None) };
            Ok(Some((item_of(&row)?, column::parsed(&row, "matching_id")?)))
        })
        .map_err(StoreError::while_doing("finding a pair"))
}

fn vetoes_of(vetoes: &[Veto]) -> String {
    vetoes.iter().fold(" ".to_owned(), |text, veto| text + veto.as_str() + " ")
}

fn item_of(row: &AnyRow) -> Result<MatchItem, sqlx::Error> {
    let left_id = RecordId(column::text(row, "left_id")?);
    let right_id = RecordId(column::text(row, "right_id")?);
    let vetoes = column::text(row, "vetoes")?;
    let vetoes = vetoes
        .split_whitespace()
        .map(|name| Veto::from_name(name).ok_or_else(|| column::unreadable("vetoes", "unknown")))
        .collect::<Result<_, _>>()?;
    let decision = match column::optional_text(row, "said")? {
        Some(_) => Some(Decision {
            left_id: left_id.clone(),
            right_id: right_id.clone(),
            verdict: column::named(row, "said", Verdict::from_name)?,
            decided_by: column::optional_text(row, "said_by")?,
            decided_at: column::optional_number(row, "said_at")?
                .and_then(DateTime::from_timestamp_micros),
        }),
        None => None,
    };
    let merge = match column::optional_text(row, "merge_id")? {
        Some(id) => Some(MergeId::parse(id).map_err(|e| column::unreadable("merge_id", e))?),
        None => None,
    };
    Ok(MatchItem {
        id: column::parsed(row, "id")?,
        left_id,
        right_id,
        weight: column::real(row, "weight")?,
        probability: column::real(row, "probability")?,
        verdict: column::named(row, "verdict", Verdict::from_name)?,
        vetoes,
        frequency: column::number(row, "frequency")?,
        decision,
        merge,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::match_decisions::{self, NewDecision};
    use crate::store::testing::{add_matching, at, on_both};
    use crate::store::{Store, commit};

    fn pair(id: &str, left: &str, right: &str, probability: f64, frequency: u32) -> NewMatch {
        NewMatch {
            id: MatchId::parse(id).expect("an id"),
            left_id: RecordId::from(left),
            right_id: RecordId::from(right),
            weight: (probability / (1.0 - probability)).log2(),
            probability,
            verdict: if probability > 0.9 { Verdict::Match } else { Verdict::Review },
            vetoes: if frequency > 2 { vec![Veto::Newborn] } else { Vec::new() },
            frequency,
        }
    }

    async fn queue(store: &Store) -> MatchingId {
        let matching = add_matching(store, "m1", 1).await;
        let pairs = [
            pair("a", "1", "2", 0.99, 1),
            pair("b", "1", "3", 0.55, 3),
            pair("c", "4", "5", 0.2, 2),
            pair("d", "6", "7", 0.55, 1),
        ];
        let mut tx = store.begin().await.expect("a transaction");
        insert(&mut tx, &matching, &pairs).await.expect("pairs");
        commit(tx).await.expect("a commit");
        matching
    }

    async fn ids(store: &Store, matching: &MatchingId, filter: &MatchFilter) -> String {
        let found = list(store.pool(), matching, filter, None, 9).await.unwrap();
        found.iter().map(|item| item.id.as_str()).collect::<Vec<_>>().join(" ")
    }

    #[tokio::test]
    async fn the_queue_is_in_the_order_that_is_asked_for() {
        on_both(async |store| {
            let matching = queue(&store).await;
            for (sort, expected) in [
                (MatchOrder::Doubt, "b d c a"),
                (MatchOrder::Frequency, "b c a d"),
                (MatchOrder::Weight, "a b d c"),
            ] {
                let filter = MatchFilter { sort, ..MatchFilter::default() };
                assert_eq!(ids(&store, &matching, &filter).await, expected, "{sort:?}");
                let first = list(store.pool(), &matching, &filter, None, 2).await.unwrap();
                let place = QueuePlace::of(&first[1], sort).to_string().parse().unwrap();
                let rest = list(store.pool(), &matching, &filter, Some(&place), 9).await.unwrap();
                let all: Vec<_> = first.iter().chain(&rest).map(|item| item.id.as_str()).collect();
                assert_eq!(all.join(" "), expected, "{sort:?}");
            }
        })
        .await;
    }

    #[tokio::test]
    async fn the_queue_is_narrowed() {
        on_both(async |store| {
            let matching = queue(&store).await;
            let all = MatchFilter::default();
            let only = async |filter: MatchFilter| ids(&store, &matching, &filter).await;
            let verdict = Some(Verdict::Match);
            assert_eq!(only(MatchFilter { verdict, ..all.clone() }).await, "a");
            let veto = Some(Veto::Newborn);
            assert_eq!(only(MatchFilter { veto, ..all.clone() }).await, "b");
            let narrow = MatchFilter { from: Some(-3.0), to: Some(1.0), ..all.clone() };
            assert_eq!(only(narrow).await, "b d c");
            let other = add_matching(&store, "m2", 2).await;
            assert_eq!(ids(&store, &other, &all).await, "");
        })
        .await;
    }

    #[tokio::test]
    async fn a_pair_stands_as_decisions_and_merges_say() {
        on_both(async |store| {
            let matching = queue(&store).await;
            let decision = NewDecision {
                id: "d1",
                people: "people",
                left_id: &RecordId::from("1"),
                right_id: &RecordId::from("3"),
                verdict: Verdict::NoMatch,
                decided_by: "Ada Example",
                weight: Some(1.0),
                is_vetoed: false,
            };
            match_decisions::insert(store.pool(), &decision, at(5)).await.unwrap();
            crate::store::merges::tests::add(&store, "merge", &["6", "7"]).await;
            let only = async |state| {
                let filter = MatchFilter { state: Some(state), ..MatchFilter::default() };
                ids(&store, &matching, &filter).await
            };

            assert_eq!(only(ReviewState::Open).await, "c a");
            assert_eq!(only(ReviewState::Decided).await, "b");
            assert_eq!(only(ReviewState::Merged).await, "d");
            let id = MatchId::parse("b").unwrap();
            let (item, of) = find(store.pool(), &id).await.unwrap().unwrap();
            assert_eq!(of, matching);
            let said = item.decision.unwrap();
            assert_eq!((said.verdict, said.decided_at), (Verdict::NoMatch, Some(at(5))));
            let id = MatchId::parse("d").unwrap();
            let (item, _) = find(store.pool(), &id).await.unwrap().unwrap();
            assert_eq!(item.merge.unwrap().as_str(), "merge");
        })
        .await;
    }
}
