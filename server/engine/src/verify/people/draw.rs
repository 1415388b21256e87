//! Who is drawn: everybody of the source's rows has a lot, made of the seed and of what tells the
//! row apart, and of each stratum those with the smallest lots are taken. The order of reading, and
//! how many read, change nothing.

use std::collections::{BTreeMap, BinaryHeap, HashMap, HashSet};

use chrono::NaiveDate;
use sha2::{Digest as _, Sha256};
use shared::assessment::TableName;
use shared::connection::Engine;
use shared::error_code::ErrorCode;
use shared::plan::Plan;
use shared::sign_off::Stratum;
use tokio::sync::mpsc;

use super::super::canonical::{RowText, value};
use super::super::table::Comparison;
use super::links::{Link, Place};
use super::{
    Opened, PostgresTarget, Session, Sides, SqliteTarget, absent, handle_of, open, rows,
    unreadable, unsupported,
};
use crate::error::{EngineError, Result};
use crate::extract::{Chunk, ChunkRange};
use crate::ident::{literal, quote, quote_table};
use crate::merge;
use crate::run::Stop;
use crate::seal::{self, Key};
use crate::transform::Verdict;
use crate::value::{Batch, Value};

/// Of whom people are drawn, and how many.
pub struct DrawRequest {
    pub plan: Plan,
    pub source_url: String,
    pub target_url: String,
    /// The table of the target in which each row is a person.
    pub table: TableName,
    pub size: u32,
    pub seed: u64,
    /// Strata by age; without it, by how many rows of other tables refer to somebody.
    pub ages: Option<Ages>,
    /// The key of the run; who was drawn is sealed with it.
    pub key: Key,
    pub stop: Stop,
}

/// How somebody's age is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ages {
    /// The column of the table of people that has the birth date.
    pub born: String,
    /// The day on which they are so old.
    pub on: NaiveDate,
}

/// Who was drawn, by stratum and within it by lot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drawn {
    pub strata: Vec<DrawnStratum>,
    pub people: Vec<DrawnPerson>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DrawnStratum {
    pub stratum: Stratum,
    pub people: u64,
    /// Everybody was looked at, and not only a part from which the number is told.
    pub is_counted: bool,
    pub drawn: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrawnPerson {
    pub stratum: Stratum,
    /// Where their row is found again, sealed.
    pub sealed: Vec<u8>,
}

/// Draws people of a run's source.
pub async fn draw(request: DrawRequest) -> Result<Drawn> {
    let sides = Sides {
        plan: &request.plan,
        source_url: &request.source_url,
        table: &request.table,
        key: &request.key,
    };
    let url = request.target_url.as_str();
    match Engine::of_url(url) {
        Some(Engine::Postgres) => {
            drawn(open(&PostgresTarget::new(url), url, sides).await?, &request).await
        }
        Some(Engine::Sqlite) => {
            drawn(open(&SqliteTarget::new(url), url, sides).await?, &request).await
        }
        _ => Err(unsupported("opening the target to draw people")),
    }
}

/// Of those who were carried over so many are looked at for each that is drawn, to tell how many
/// rows refer to them.
const LOOKED_AT: usize = 20;
const LOOKED_AT_MOST: usize = 2_000;
const LOOKED_AT_LEAST: usize = 400;
/// Keys in one statement.
const KEYS_AT_ONCE: usize = 500;
const BATCHES_AHEAD: usize = 2;
const BATCH_BYTES: usize = 1 << 20;

/// Somebody, by lot.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Lot {
    number: [u8; 32],
    handle: Vec<u8>,
    /// What others refer to them by, in the order of [`referred`].
    keys: Vec<Option<String>>,
}

/// The smallest lots of many.
struct Smallest {
    most: usize,
    seen: u64,
    lots: BinaryHeap<Lot>,
}

impl Smallest {
    const fn new(most: usize) -> Self {
        Self { most, seen: 0, lots: BinaryHeap::new() }
    }

    /// Takes a lot if it is among the smallest; the rest of it is made only then.
    fn offer(&mut self, number: [u8; 32], rest: impl FnOnce() -> (Vec<u8>, Vec<Option<String>>)) {
        self.seen += 1;
        if self.lots.len() == self.most
            && self.lots.peek().is_some_and(|last| last.number <= number)
        {
            return;
        }
        let (handle, keys) = rest();
        self.lots.push(Lot { number, handle, keys });
        if self.lots.len() > self.most {
            self.lots.pop();
        }
    }
}

async fn drawn<S: Session>(mut opened: Opened<S>, request: &DrawRequest) -> Result<Drawn> {
    let size = request.size as usize;
    let looked_at = (size * LOOKED_AT).clamp(LOOKED_AT_LEAST, LOOKED_AT_MOST);
    let mut found = Found {
        not_carried: Smallest::new(size),
        merged: Smallest::new(size),
        carried: Smallest::new(looked_at),
        by_age: BTreeMap::new(),
    };
    let referred = referred(&opened);
    let ages = places_of_ages(&opened, request)?;
    for part in 0..opened.comparisons[opened.people].parts.len() {
        read(&mut opened, request, part, (&referred, ages), &mut found).await?;
    }
    let (carried, looked_at) = (found.carried.seen, found.carried.lots.len() as u64);
    let lots = found.carried.lots.into_sorted_vec();
    let records = records(&mut opened, &referred, &lots).await?;
    let mut strata: BTreeMap<Stratum, (u64, Vec<Lot>)> = BTreeMap::new();
    for (stratum, smallest) in
        [(Stratum::NotCarried, found.not_carried), (Stratum::Merged, found.merged)]
    {
        strata.insert(stratum, (smallest.seen, smallest.lots.into_sorted_vec()));
    }
    for (lot, records) in lots.into_iter().zip(records) {
        let (people, lots) = strata.entry(Stratum::of_records(records)).or_default();
        *people += 1;
        lots.push(lot);
    }
    for (stratum, (people, _)) in &mut strata {
        if !matches!(stratum, Stratum::NotCarried | Stratum::Merged) && carried > looked_at {
            *people = share_of(carried, *people, looked_at);
        }
    }
    for (stratum, smallest) in found.by_age {
        strata.insert(stratum, (smallest.seen, smallest.lots.into_sorted_vec()));
    }
    strata.retain(|_, (_, lots)| !lots.is_empty());
    let people: Vec<u64> = strata.values().map(|(people, _)| *people).collect();
    let limits: Vec<usize> = strata.values().map(|(_, lots)| lots.len()).collect();
    let sizes = allocate(size, &people, &limits);
    let mut drawn = Drawn { strata: Vec::new(), people: Vec::new() };
    for ((stratum, (people, lots)), size) in strata.into_iter().zip(sizes) {
        let is_special = matches!(stratum, Stratum::NotCarried | Stratum::Merged);
        drawn.strata.push(DrawnStratum {
            stratum,
            people,
            is_counted: is_special || carried == looked_at,
            drawn: u32::try_from(size).unwrap_or(u32::MAX),
        });
        for lot in lots.into_iter().take(size) {
            let sealed = seal::seal(&request.key, &lot.handle)?;
            drawn.people.push(DrawnPerson { stratum, sealed });
        }
    }
    Ok(drawn)
}

/// `carried * part / looked_at`, to the nearest.
fn share_of(carried: u64, part: u64, looked_at: u64) -> u64 {
    let share = u128::from(carried) * u128::from(part) + u128::from(looked_at) / 2;
    u64::try_from(share / u128::from(looked_at.max(1))).unwrap_or(u64::MAX)
}

/// How many are drawn of each stratum: a tenth of all of each, as far as there are so many, and of
/// the rest each according to how many people it has.
fn allocate(size: usize, people: &[u64], limits: &[usize]) -> Vec<usize> {
    let least = (size / 10).max(1);
    let mut sizes: Vec<usize> = Vec::with_capacity(limits.len());
    let mut left = size;
    for limit in limits {
        let first = least.min(*limit).min(left);
        sizes.push(first);
        left -= first;
    }
    while left > 0 {
        // The one that is furthest behind its share comes next; of equals, the first.
        let behind =
            (0..limits.len()).filter(|at| sizes[*at] < limits[*at]).max_by(|one, other| {
                let share =
                    |at: usize, next: usize| u128::from(people[at]) * (2 * sizes[next] as u128 + 1);
                share(*one, *other).cmp(&share(*other, *one)).then(other.cmp(one))
            });
        let Some(behind) = behind else { break };
        sizes[behind] += 1;
        left -= 1;
    }
    sizes
}

struct Found {
    not_carried: Smallest,
    merged: Smallest,
    carried: Smallest,
    /// Instead, where strata are by age.
    by_age: BTreeMap<Stratum, Smallest>,
}

/// Columns of the table of people to which others refer.
fn referred<S>(opened: &Opened<S>) -> Vec<usize> {
    let parents = opened.links.iter().map(|link| link.parent);
    let mut columns: Vec<usize> =
        parents.filter(|parent| parent.table == opened.people).map(|it| it.column).collect();
    columns.sort_unstable();
    columns.dedup();
    columns
}

/// Where the birth date stands, and the day on which ages are told; none where strata are not by age.
fn places_of_ages<S>(
    opened: &Opened<S>,
    request: &DrawRequest,
) -> Result<Option<(usize, NaiveDate)>> {
    let Some(ages) = &request.ages else { return Ok(None) };
    let comparison = &opened.comparisons[opened.people];
    let place = comparison.columns.iter().position(|column| column.name == ages.born);
    let place = place.ok_or_else(|| {
        let doing = format!("looking for the column {} of {}", ages.born, comparison.target);
        EngineError::new(ErrorCode::Map001, doing)
    })?;
    Ok(Some((place, ages.on)))
}

/// Reads the rows of one mapping.
async fn read<S: Session>(
    opened: &mut Opened<S>,
    request: &DrawRequest,
    number: usize,
    (referred, ages): (&[usize], Option<(usize, NaiveDate)>),
    found: &mut Found,
) -> Result<()> {
    let comparison = &opened.comparisons[opened.people];
    let part = &comparison.parts[number];
    let members = &opened.merged;
    let run_id = opened.run_id.as_deref();
    let mut absent = absent(&mut opened.session, run_id, &request.key, comparison, part).await?;
    let (send, mut receive) = mpsc::channel::<Batch>(BATCHES_AHEAD);
    let chunk = Chunk { ordinal: 0, range: ChunkRange::Whole, rows: 0 };
    let reading = opened.from.read(&part.read, &chunk, BATCH_BYTES, send);
    let taking = async move {
        let mut text = RowText::default();
        while let Some(batch) = receive.recv().await {
            if request.stop.is_requested() {
                return Err(EngineError::new(ErrorCode::Sys004, "drawing people"));
            }
            let mut values = Vec::with_capacity(part.places.len());
            for row in batch.iter() {
                let turned = part.turn.apply(&row, &mut values);
                if turned == Ok(Verdict::Filtered) {
                    continue;
                }
                let handle = handle_of(number, part, &row);
                let handle = serde_json::to_vec(&handle).map_err(|_| unreadable())?;
                let lot = lot(request, &handle);
                let is_absent = !absent.is_empty()
                    && absent.takes_source(rows::source_text(part, &row, &mut text).hash());
                if is_absent || turned.is_err() {
                    found.not_carried.offer(lot, || (handle, Vec::new()));
                    continue;
                }
                rows::write_target(comparison, part, &values, &mut text);
                if absent.has_identities()
                    && absent.takes_target(rows::identity_hash(comparison, &text))
                {
                    found.not_carried.offer(lot, || (handle, Vec::new()));
                    continue;
                }
                if is_merged(members, comparison, &text) {
                    found.merged.offer(lot, || (handle, Vec::new()));
                    continue;
                }
                if let Some((place, on)) = ages {
                    let data_type = &comparison.columns[place].data_type;
                    let born = day_of(comparison.engine, text.field(place), data_type);
                    let smallest = found.by_age.entry(Stratum::of_age(born, on));
                    let smallest = smallest.or_insert_with(|| Smallest::new(request.size as usize));
                    smallest.offer(lot, || (handle, Vec::new()));
                    continue;
                }
                let keys = || {
                    let key = |column: &usize| {
                        let data_type = &comparison.columns[*column].data_type;
                        key_text(comparison.engine, text.field(*column), data_type)
                    };
                    (handle, referred.iter().map(key).collect())
                };
                found.carried.offer(lot, keys);
            }
        }
        Ok(())
    };
    rows::both(tokio::join!(reading, taking))
}

/// Whether somebody is among those whose ids are known.
fn is_merged(members: &HashSet<String>, comparison: &Comparison, row: &RowText) -> bool {
    if members.is_empty() {
        return false;
    }
    let texts = comparison.identity.iter().map(|place| {
        let data_type = &comparison.columns[*place].data_type;
        key_text(comparison.engine, row.field(*place), data_type).unwrap_or_default()
    });
    members.contains(&merge::id_of(texts.collect()).0)
}

fn lot(request: &DrawRequest, handle: &[u8]) -> [u8; 32] {
    let mut lot = Sha256::new();
    lot.update(request.seed.to_le_bytes());
    lot.update(handle);
    lot.finalize().into()
}

/// A key of the target as its server writes it as a text.
fn key_text(
    engine: Engine,
    field: &[u8],
    data_type: &shared::data_type::DataType,
) -> Option<String> {
    match value(engine, field, data_type)? {
        Value::Int(number) => Some(number.to_string()),
        Value::Text(text) => Some(text.into_owned()),
        _ => None,
    }
}

/// The day that a date, a moment, or a text that begins with one, says.
fn day_of(
    engine: Engine,
    field: &[u8],
    data_type: &shared::data_type::DataType,
) -> Option<NaiveDate> {
    match value(engine, field, data_type)? {
        Value::Text(text) => text.get(..10)?.parse().ok(),
        _ => None,
    }
}

/// How many rows of other tables refer to each.
async fn records<S: Session>(
    opened: &mut Opened<S>,
    referred: &[usize],
    lots: &[Lot],
) -> Result<Vec<u64>> {
    let mut records = vec![0; lots.len()];
    let to_people = |link: &&Link| link.parent.table == opened.people;
    let links: Vec<Link> = opened.links.iter().filter(to_people).copied().collect();
    for link in links {
        let Some(at) = referred.iter().position(|column| *column == link.parent.column) else {
            continue;
        };
        for (first, some) in lots.chunks(KEYS_AT_ONCE).enumerate() {
            let by_key: HashMap<&str, usize> = some
                .iter()
                .enumerate()
                .filter_map(|(place, lot)| {
                    Some((lot.keys.get(at)?.as_deref()?, first * KEYS_AT_ONCE + place))
                })
                .collect();
            if by_key.is_empty() {
                continue;
            }
            let sql = counting(opened, link.child, by_key.keys().copied());
            for row in opened.session.fetch(&sql, &[]).await? {
                let [Some(key), Some(count)] = row.as_slice() else { continue };
                let count: u64 = count.parse().map_err(|_| unreadable())?;
                if let Some(place) = by_key.get(key.as_str()) {
                    records[*place] += count;
                }
            }
        }
    }
    Ok(records)
}

fn counting<'k, S>(
    opened: &Opened<S>,
    child: Place,
    keys: impl Iterator<Item = &'k str>,
) -> String {
    let comparison = &opened.comparisons[child.table];
    let engine = comparison.engine;
    let column = &comparison.columns[child.column];
    let name = quote(engine, &column.name);
    let keys: Vec<String> = keys.map(|key| key_literal(engine, key, &column.data_type)).collect();
    format!(
        "select cast({name} as text), cast(count(*) as text) from {} where {name} in ({}) \
         group by {name}",
        quote_table(engine, &comparison.target),
        keys.join(", ")
    )
}

/// A key as a literal of its column's type.
pub(super) fn key_literal(
    engine: Engine,
    key: &str,
    data_type: &shared::data_type::DataType,
) -> String {
    if data_type.is_integer() && key.parse::<i128>().is_ok() {
        key.to_owned()
    } else {
        literal(engine, key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_each_stratum_somebody_is_drawn_and_of_large_ones_more() {
        assert_eq!(allocate(30, &[10, 1_000, 9_000], &[30, 400, 400]), [3, 3, 24]);
        assert_eq!(allocate(30, &[2, 1_000], &[2, 400]), [2, 28]);
        assert_eq!(allocate(30, &[4, 5], &[4, 5]), [4, 5], "there are no more");
        assert_eq!(allocate(1, &[4, 5], &[4, 5]), [1, 0]);
        assert!(allocate(3, &[], &[]).is_empty());
    }

    #[test]
    fn the_smallest_lots_are_kept_in_whatever_order_they_come() {
        let kept = |lots: &[u8]| {
            let mut smallest = Smallest::new(3);
            for lot in lots {
                smallest.offer([*lot; 32], || (vec![*lot], Vec::new()));
            }
            let lots = smallest.lots.into_sorted_vec();
            (smallest.seen, lots.into_iter().map(|lot| lot.handle[0]).collect::<Vec<_>>())
        };
        assert_eq!(kept(&[5, 1, 4, 2, 3]), (5, vec![1, 2, 3]));
        assert_eq!(kept(&[3, 2, 1, 5, 4]), (5, vec![1, 2, 3]));
    }
}
