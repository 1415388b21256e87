//! Cuts a table at keys, so that every chunk has about the same number of rows.

use shared::connection::Engine;

use super::{Chunk, ChunkRange, sql};
use crate::error::Result;

/// A source that can be asked for keys.
pub(super) trait Keys {
    const ENGINE: Engine;

    /// Runs a statement that yields the key's columns and then a number. Keys come as literals.
    async fn keys(&mut self, statement: String, columns: usize) -> Result<Vec<(Vec<String>, u64)>>;

    /// Runs a statement that yields one number.
    async fn number(&mut self, statement: String) -> Result<u64>;
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
    from: &str,
    key: &[String],
    proof: Proof,
    chunk_rows: u64,
) -> Result<Option<Vec<Chunk>>> {
    let bounds = match proof {
        Proof::Indexed => walk(source, from, key, chunk_rows).await?,
        Proof::Claimed => {
            let nulls: Vec<_> = key.iter().map(|name| format!("{name} is null")).collect();
            let nulls = nulls.join(" or ");
            let keyless =
                source.number(format!("select count(*) from {from} where {nulls}")).await?;
            if keyless > 0 {
                return Ok(None);
            }
            sort(source, from, key, chunk_rows).await?
        }
    };
    Ok(Some(chunks(bounds)))
}

/// The last key of each chunk, and the rows up to it; the last one is the table's end.
struct Bounds {
    cuts: Vec<(Vec<String>, u64)>,
    rows: u64,
}

/// Steps through the index, a chunk at a time.
async fn walk<K: Keys>(
    source: &mut K,
    from: &str,
    key: &[String],
    chunk_rows: u64,
) -> Result<Bounds> {
    let columns = key.join(", ");
    let mut cuts: Vec<(Vec<String>, u64)> = Vec::new();
    loop {
        let after = cuts.last().map(|(key, _)| key.as_slice());
        let rest = sql::between(K::ENGINE, key, after, None);
        let statement = format!(
            "select {columns}, 0 from {from}{rest} order by {columns} limit 1 offset {}",
            chunk_rows - 1
        );
        let Some((bound, _)) = source.keys(statement, key.len()).await?.into_iter().next() else {
            let rest = source.number(format!("select count(*) from {from}{rest}")).await?;
            let before = cuts.last().map_or(0, |(_, rows)| *rows);
            return Ok(Bounds { cuts, rows: before + rest });
        };
        let rows = cuts.last().map_or(0, |(_, rows)| *rows) + chunk_rows;
        cuts.push((bound, rows));
    }
}

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
