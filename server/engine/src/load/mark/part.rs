//! Where digests lie in the target: many of them in one value.

use super::{Change, Writer, unreadable};
use crate::error::Result;
use crate::load::ledger::table;
use crate::load::{Param, Session};

/// Rows of which the digests lie in one value of the target.
pub(super) const ROWS_A_PART: usize = 16_384;

pub(super) async fn insert_part<S: Session>(
    session: &mut S,
    writer: Writer<'_>,
    change: Change,
    content: &[u8],
    size: usize,
) -> Result<()> {
    let rows = table(session.engine(), "rows");
    let sql = format!(
        "insert into {rows} (run_id, table_index, ordinal, part, change, row_count, content)
         select $1, $2, $3, coalesce(max(part), 0) + 1, $4, $5, $6
         from {rows}
         where run_id = $1 and table_index = $2 and ordinal = $3"
    );
    let params = [
        Param::Text(writer.run_id),
        Param::Int(writer.table_index.into()),
        Param::Int(writer.ordinal.into()),
        Param::Text(change.as_str()),
        Param::Int(i64::try_from(content.len() / size).unwrap_or(i64::MAX)),
        Param::Bytes(content),
    ];
    session.execute(&sql, &params).await.map(drop)
}

/// A value with the digests of some rows.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) ordinal: i32,
    pub(super) number: i64,
    pub(super) change: String,
}

/// The parts in which a table's rows were noted.
pub(super) async fn parts<S: Session>(
    session: &mut S,
    run_id: &str,
    table_index: u32,
    ordinals: Option<&[i32]>,
) -> Result<Vec<Part>> {
    let sql = format!(
        "select cast(ordinal as text), cast(part as text), change from {} as noted
         where run_id = $1 and table_index = $2
         order by noted.ordinal, noted.part",
        table(session.engine(), "rows")
    );
    let params = [Param::Text(run_id), Param::Int(table_index.into())];
    let rows = session.fetch(&sql, &params).await?;
    let mut parts = Vec::new();
    for row in rows {
        let mut cells = row.into_iter().flatten();
        let mut next = || cells.next().ok_or_else(unreadable);
        let part = Part {
            ordinal: next()?.parse().map_err(|_| unreadable())?,
            number: next()?.parse().map_err(|_| unreadable())?,
            change: next()?,
        };
        if ordinals.is_none_or(|wanted| wanted.contains(&part.ordinal)) {
            parts.push(part);
        }
    }
    Ok(parts)
}

pub(super) async fn part_content<S: Session>(
    session: &mut S,
    run_id: &str,
    table_index: u32,
    part: &Part,
) -> Result<Vec<u8>> {
    let sql = format!(
        "select content from {}
         where run_id = $1 and table_index = $2 and ordinal = $3 and part = $4",
        table(session.engine(), "rows")
    );
    let params = [
        Param::Text(run_id),
        Param::Int(table_index.into()),
        Param::Int(part.ordinal.into()),
        Param::Int(part.number),
    ];
    session.fetch_bytes(&sql, &params).await?.ok_or_else(unreadable)
}
