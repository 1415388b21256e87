//! Cuts a table at keys, so that every chunk has about the same number of rows, or of bytes where
//! rows are large.

mod pace;

use shared::connection::Engine;

use self::pace::{Pace, Went};
use super::{Chunk, ChunkRange, Cut, sql};
use crate::error::Result;

/// A source that can be asked for keys.
pub(super) trait Keys {
    const ENGINE: Engine;

    /// Runs a statement that yields the key's columns and then a number. Keys come as literals.
    async fn keys(&mut self, statement: String, columns: usize) -> Result<Vec<(Vec<String>, u64)>>;

    /// Runs a statement that yields one number.
    async fn number(&mut self, statement: String) -> Result<u64>;
}

/// What is cut: where the rows come from, the columns of their key, and how large one of them is,
/// each in the source's own SQL.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rows<'a> {
    pub(super) from: &'a str,
    pub(super) key: &'a [String],
    pub(super) bytes: &'a str,
}

/// What is known of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    /// An index of the database holds it to be unique, in this order, and never null.
    Indexed,
    /// Only the plan says so.
    Claimed,
}

/// Cuts at keys; none when some rows have no key, for which no range would stand.
pub(super) async fn at_keys<K: Keys>(
    source: &mut K,
    rows: Rows<'_>,
    proof: Proof,
    cut: Cut,
) -> Result<Option<Vec<Chunk>>> {
    let Rows { from, key, .. } = rows;
    let bounds = match proof {
        Proof::Indexed => walk(source, rows, cut).await?,
        Proof::Claimed => {
            let nulls: Vec<_> = key.iter().map(|name| format!("{name} is null")).collect();
            let nulls = nulls.join(" or ");
            let keyless =
                source.number(format!("select count(*) from {from} where {nulls}")).await?;
            if keyless > 0 {
                return Ok(None);
            }
            sort(source, from, key, cut.rows).await?
        }
    };
    Ok(Some(chunks(bounds)))
}

/// The last key of each chunk, and the rows up to it; the last one is the table's end.
struct Bounds {
    cuts: Vec<(Vec<String>, u64)>,
    rows: u64,
}

/// Steps through the index, a part of a chunk at a time, and looks at a few rows of each. What is
/// found depends on the rows alone, so that the same rows are cut the same way again.
async fn walk<K: Keys>(source: &mut K, table: Rows<'_>, cut: Cut) -> Result<Bounds> {
    let Rows { from, key, .. } = table;
    let columns = key.join(", ");
    let mut pace = Pace::new(cut, row_bytes(source, table, "", Seen::First(ROWS_SEEN)).await?);
    let mut cuts: Vec<(Vec<String>, u64)> = Vec::new();
    let mut after: Option<Vec<String>> = None;
    let mut rows = 0;
    loop {
        let step = pace.step();
        let rest = sql::between(K::ENGINE, key, after.as_deref(), None);
        let statement = format!(
            "select {columns}, 0 from {from}{rest} order by {columns} limit 1 offset {}",
            step - 1
        );
        let bound = source.keys(statement, key.len()).await?.into_iter().next();
        let bound = bound.map(|(bound, _)| bound);
        let count = match bound {
            Some(_) => step,
            None => source.number(format!("select count(*) from {from}{rest}")).await?,
        };
        if count == 0 {
            return Ok(Bounds { cuts, rows });
        }
        let range = sql::between(K::ENGINE, key, after.as_deref(), bound.as_deref());
        let bytes = row_bytes(source, table, &range, Seen::Last(count.min(ROWS_SEEN))).await?;
        let is_full = match pace.went(count, bytes) {
            Went::TooFar => continue,
            Went::On => false,
            Went::ToTheEnd => true,
        };
        rows += count;
        let Some(bound) = bound else { return Ok(Bounds { cuts, rows }) };
        if is_full {
            cuts.push((bound.clone(), rows));
        }
        after = Some(bound);
    }
}

/// At which end of a range rows are looked at, and how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    First(u64),
    Last(u64),
}

/// How large a row is, by those that stand at one end of a range.
async fn row_bytes<K: Keys>(
    source: &mut K,
    Rows { from, key, bytes }: Rows<'_>,
    range: &str,
    seen: Seen,
) -> Result<u64> {
    let (order, count) = match seen {
        Seen::First(count) => (key.join(", "), count),
        Seen::Last(count) => {
            let names: Vec<_> = key.iter().map(|name| format!("{name} desc")).collect();
            (names.join(", "), count)
        }
    };
    let sum = source
        .number(format!(
            "select coalesce(sum(transfuse_bytes), 0) from (select {bytes} as transfuse_bytes \
             from {from}{range} order by {order} limit {count}) as transfuse_seen"
        ))
        .await?;
    Ok(sum / count)
}

/// How many rows are looked at to tell how large the others around them are.
const ROWS_SEEN: u64 = 4;

/// Sorts all keys once. Rows of equal keys stay together and are counted together.
async fn sort<K: Keys>(
    source: &mut K,
    from: &str,
    key: &[String],
    chunk_rows: u64,
) -> Result<Bounds> {
    let columns = key.join(", ");
    let rows = source.number(format!("select count(*) from {from}")).await?;
    if rows <= chunk_rows {
        return Ok(Bounds { cuts: Vec::new(), rows });
    }
    let mut cuts = source
        .keys(
            format!(
                "select {columns}, transfuse_up_to from ( \
                 select {columns}, row_number() over (order by {columns}) as transfuse_place, \
                 count(*) over (order by {columns}) as transfuse_up_to from {from} \
                 ) as transfuse_keys where transfuse_place % {chunk_rows} = 0 \
                 order by transfuse_up_to"
            ),
            key.len(),
        )
        .await?;
    cuts.dedup_by_key(|(_, rows)| *rows);
    Ok(Bounds { cuts, rows })
}

fn chunks(bounds: Bounds) -> Vec<Chunk> {
    let Bounds { mut cuts, rows } = bounds;
    if rows == 0 {
        return Vec::new();
    }
    // The last chunk is open, so that it needs no cut of its own.
    while cuts.last().is_some_and(|(_, up_to)| *up_to == rows) {
        cuts.pop();
    }
    let mut chunks = Vec::with_capacity(cuts.len() + 1);
    let (mut after, mut before) = (None, 0);
    let ends = cuts.into_iter().map(|(key, up_to)| (Some(key), up_to)).chain([(None, rows)]);
    for (ordinal, (to, up_to)) in (0..).zip(ends) {
        let range = ChunkRange::Keys { after: after.take(), to: to.clone() };
        chunks.push(Chunk { ordinal, range, rows: up_to - before });
        (after, before) = (to, up_to);
    }
    chunks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_meet_and_the_last_one_is_open() {
        let cut = |key: &str, up_to| (vec![key.to_owned()], up_to);
        let planned = chunks(Bounds { cuts: vec![cut("1", 2), cut("5", 4)], rows: 4 });

        assert_eq!(planned.iter().map(|chunk| chunk.rows).collect::<Vec<_>>(), [2, 2]);
        assert_eq!(
            planned[1].range,
            ChunkRange::Keys { after: Some(vec!["1".to_owned()]), to: None }
        );
        assert!(chunks(Bounds { cuts: Vec::new(), rows: 0 }).is_empty());
    }
}
