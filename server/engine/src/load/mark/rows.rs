//! SQLite: a run's rows by their row ids and digests.

use std::collections::BTreeSet;

use shared::assessment::TableName;
use shared::connection::Engine;
use shared::error_code::ErrorCode;

use super::digest::{DIGEST, Digests};
use super::keys::in_list;
use super::part::{Part, ROWS_A_PART, insert_part, part_content, parts};
use super::{Change, TableRecord, Writer, unreadable};
use crate::error::{EngineError, Result};
use crate::ident::{literal, quote, quote_table};
use crate::load::ledger::table;
use crate::load::{Param, Session};
use crate::seal::Key;

/// Bytes of a row id and its digest.
const ROW: usize = 8 + DIGEST;

/// Rows that are read at once to be digested.
const ROWS_AT_ONCE: u32 = 4_096;

/// What the session wrote, and what the run wrote before.
const CREATE_NOTED: &str = "
    create temp table if not exists transfuse_noted (
        target text not null, id integer not null, change text not null, primary key (target, id)
    ) without rowid";

/// Has the session note the ids of rows that it writes. The triggers are the session's own: nobody
/// else sees them, and they go with it. Rows that the run wrote in earlier transactions are kept
/// apart, as earlier ones.
pub(super) async fn begin<S: Session>(
    session: &mut S,
    run_id: &str,
    record: &TableRecord,
) -> Result<()> {
    let engine = session.engine();
    let target = &record.target;
    let text = literal(engine, &target.to_string());
    session.run_script(CREATE_NOTED).await?;
    let name = quote_table(engine, target);
    let known = "select name from sqlite_temp_master where type = 'trigger' and name = $1";
    let trigger = format!("transfuse_insert_{target}");
    let is_new = session.fetch(known, &[Param::Text(&trigger)]).await?.is_empty();
    for (event, change) in [("insert", Change::Brought), ("update", Change::Changed)] {
        let trigger = quote(engine, &format!("transfuse_{event}_{target}"));
        let sql = format!(
            "create temp trigger if not exists {trigger} after {event} on main.{name} begin
                 insert into transfuse_noted values ({text}, new._rowid_, '{}')
                 on conflict (target, id) do update set change = excluded.change
                 where change = 'earlier';
             end",
            change.as_str()
        );
        session.run_script(&sql).await.map_err(|error| {
            let doing = format!("watching {target}: it has no row ids");
            EngineError::new(ErrorCode::Load024, doing).because(error)
        })?;
    }
    if !record.existing.compares() {
        let sql = format!("delete from temp.transfuse_noted where target = {text}");
        return session.run_script(&sql).await;
    }
    if is_new {
        return note_earlier(session, run_id, record).await;
    }
    let sql = format!("update temp.transfuse_noted set change = 'earlier' where target = {text}");
    session.run_script(&sql).await
}

/// Tells a session which rows of a table the run wrote before.
async fn note_earlier<S: Session>(
    session: &mut S,
    run_id: &str,
    record: &TableRecord,
) -> Result<()> {
    let target = record.target.to_string();
    for part in parts(session, run_id, record.table_index, None).await? {
        let content = part_content(session, run_id, record.table_index, &part).await?;
        let (rows, _) = content.as_chunks::<ROW>();
        let ids: Vec<i64> = rows.iter().map(id_of).collect();
        let sql = "insert or ignore into temp.transfuse_noted (target, id, change)
                   select $1, value, 'earlier' from json_each($2)";
        session.execute(sql, &[Param::Text(&target), Param::Text(&json(&ids))]).await?;
    }
    Ok(())
}

/// Notes row ids and digests of the rows that the session wrote.
pub(super) async fn keep<S: Session>(
    session: &mut S,
    key: &Key,
    writer: Writer<'_>,
    record: &TableRecord,
) -> Result<()> {
    for change in [Change::Brought, Change::Changed] {
        keep_some(session, &Digests::of(key), writer, record, change).await?;
    }
    Ok(())
}

async fn keep_some<S: Session>(
    session: &mut S,
    digests: &Digests,
    writer: Writer<'_>,
    record: &TableRecord,
    change: Change,
) -> Result<()> {
    let target = record.target.to_string();
    let mut after = i64::MIN;
    let mut content = Vec::new();
    loop {
        let sql = format!(
            "select cast(id as text) from temp.transfuse_noted
             where target = $1 and change = $2 and id > $3
             order by transfuse_noted.id
             limit {ROWS_AT_ONCE}"
        );
        let params = [Param::Text(&target), Param::Text(change.as_str()), Param::Int(after)];
        let ids = session.fetch(&sql, &params).await?;
        let ids: Vec<i64> =
            ids.into_iter().flatten().flatten().filter_map(|id| id.parse().ok()).collect();
        let Some(last) = ids.last() else { break };
        after = *last;
        for (id, text) in contents_of_rows(session, record, &ids).await? {
            content.extend(id.to_le_bytes());
            content.extend(digests.digest(text.as_bytes()));
        }
        if content.len() >= ROWS_A_PART * ROW {
            insert_part(session, writer, change, &content, ROW).await?;
            content.clear();
        }
    }
    if !content.is_empty() {
        insert_part(session, writer, change, &content, ROW).await?;
    }
    Ok(())
}

/// What rows of a table hold, as one text each. Rows that are not there are left out.
async fn contents_of_rows<S: Session>(
    session: &mut S,
    record: &TableRecord,
    ids: &[i64],
) -> Result<Vec<(i64, String)>> {
    let engine = Engine::Sqlite;
    let cells: Vec<String> =
        record.columns.iter().map(|name| format!("quote(t.{})", quote(engine, name))).collect();
    let sql = format!(
        "select cast(t._rowid_ as text), {}
         from json_each($1) as wanted
         -- Crossed, so that each id is looked up, and not each row among the ids.
         cross join main.{} as t on t._rowid_ = wanted.value",
        cells.join(" || ',' || "),
        quote_table(engine, &record.target)
    );
    let rows = session.fetch(&sql, &[Param::Text(&json(ids))]).await?;
    rows.into_iter()
        .map(|row| {
            let [id, text] = <[_; 2]>::try_from(row).map_err(|_| unreadable())?;
            let id = id.and_then(|id| id.parse().ok()).ok_or_else(unreadable)?;
            Ok((id, text.ok_or_else(unreadable)?))
        })
        .collect()
}

/// Looks for the rows that a run noted in a SQLite table, and whether they are as it left them.
/// What is found lies in `temp.transfuse_own` until the next time.
pub async fn gather<S: Session>(
    session: &mut S,
    run_id: &str,
    key: &Key,
    records: &[&TableRecord],
    ordinals: Option<&[i32]>,
) -> Result<()> {
    let Some(first) = records.first() else { return Ok(()) };
    if session.engine() == Engine::Postgres {
        return Ok(());
    }
    let target = first.target.to_string();
    session
        .run_script(
            "create temp table if not exists transfuse_own (
                 target text not null, id integer not null, ordinal integer not null,
                 change text not null, is_same integer not null, primary key (target, id)
             ) without rowid",
        )
        .await?;
    let forget = "delete from temp.transfuse_own where target = $1";
    session.execute(forget, &[Param::Text(&target)]).await?;
    let columns = columns_of(session, &first.target).await?;
    let secret = Digests::of(key);
    for record in records {
        let parts = parts(session, run_id, record.table_index, ordinals).await?;
        for part in parts {
            let content = part_content(session, run_id, record.table_index, &part).await?;
            let (rows, _) = content.as_chunks::<ROW>();
            for rows in rows.chunks(ROWS_AT_ONCE as usize) {
                let found = look_up(session, &secret, record, rows).await?;
                // A table that got other columns since holds other rows.
                let same = if columns == record.columns { found } else { Vec::new() };
                let all: Vec<i64> = rows.iter().map(id_of).collect();
                insert_own(session, &target, &part, &all, &same).await?;
            }
        }
    }
    Ok(())
}

/// Forgets that a run changed rows: they are what they were before it.
pub(super) async fn forget_changed<S: Session>(
    session: &mut S,
    run_id: &str,
    record: &TableRecord,
    ids: &[i64],
) -> Result<()> {
    let rows = table(session.engine(), "rows");
    let ids: BTreeSet<i64> = ids.iter().copied().collect();
    for part in parts(session, run_id, record.table_index, None).await? {
        if part.change != Change::Changed.as_str() {
            continue;
        }
        let content = part_content(session, run_id, record.table_index, &part).await?;
        let (noted, _) = content.as_chunks::<ROW>();
        let left: Vec<&[u8; ROW]> = noted.iter().filter(|row| !ids.contains(&id_of(row))).collect();
        if left.len() == noted.len() {
            continue;
        }
        let of = "run_id = $1 and table_index = $2 and ordinal = $3 and part = $4";
        let mut params = vec![
            Param::Text(run_id),
            Param::Int(record.table_index.into()),
            Param::Int(part.ordinal.into()),
            Param::Int(part.number),
        ];
        if left.is_empty() {
            session.execute(&format!("delete from {rows} where {of}"), &params).await?;
            continue;
        }
        let content: Vec<u8> = left.iter().flat_map(|row| row.iter().copied()).collect();
        params.push(Param::Int(i64::try_from(left.len()).unwrap_or(i64::MAX)));
        params.push(Param::Bytes(&content));
        let sql = format!("update {rows} set row_count = $5, content = $6 where {of}");
        session.execute(&sql, &params).await?;
    }
    session.run_script(CREATE_NOTED).await?;
    let ids: Vec<i64> = ids.into_iter().collect();
    let (target, ids) = (record.target.to_string(), json(&ids));
    for known in ["transfuse_own", "transfuse_noted"] {
        let sql = format!(
            "delete from temp.{known} where target = $1 and id in (select value from json_each($2))"
        );
        session.execute(&sql, &[Param::Text(&target), Param::Text(&ids)]).await?;
    }
    Ok(())
}

/// Those of the noted rows that hold what they held.
async fn look_up<S: Session>(
    session: &mut S,
    secret: &Digests,
    record: &TableRecord,
    rows: &[[u8; ROW]],
) -> Result<Vec<i64>> {
    let ids: Vec<i64> = rows.iter().map(id_of).collect();
    let found = contents_of_rows(session, record, &ids).await;
    let found = match found {
        Ok(found) => found,
        // A column of the run's time is gone.
        Err(error) if error.code() == ErrorCode::Map002 => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut noted: Vec<(i64, &[u8])> = rows.iter().map(|row| (id_of(row), &row[8..])).collect();
    noted.sort_unstable();
    Ok(found
        .into_iter()
        .filter(|(id, text)| {
            let place = noted.partition_point(|(other, _)| other < id);
            noted.get(place).is_some_and(|(other, digest)| {
                other == id && *digest == secret.digest(text.as_bytes())
            })
        })
        .map(|(id, _)| id)
        .collect())
}

/// A row that the run itself changed after its chunk was noted twice: one of its digests has to
/// be the right one, it belongs to the chunk, and was brought if the chunk brought it.
async fn insert_own<S: Session>(
    session: &mut S,
    target: &str,
    part: &Part,
    all: &[i64],
    same: &[i64],
) -> Result<()> {
    let sql = "
        insert into temp.transfuse_own (target, id, ordinal, change, is_same)
        select $1, value, $2, $3, $5 from json_each($4) where true
        on conflict (target, id) do update set
            ordinal = max(ordinal, excluded.ordinal),
            change = min(change, excluded.change),
            is_same = max(is_same, excluded.is_same)";
    for (ids, is_same) in [(all, 0), (same, 1)] {
        let ids = json(ids);
        let params = [
            Param::Text(target),
            Param::Int(part.ordinal.into()),
            Param::Text(&part.change),
            Param::Text(&ids),
            Param::Int(is_same),
        ];
        session.execute(sql, &params).await?;
    }
    Ok(())
}

/// A condition that holds for rows that the run noted, as it left them or not: [`gather`] has to
/// have looked for them before.
pub fn is_noted(alias: &str, records: &[&TableRecord], ordinals: Option<&[i32]>) -> String {
    let Some(first) = records.first() else { return "false".to_owned() };
    format!(
        "{alias}._rowid_ in (
             select mark.id from temp.transfuse_own as mark
             where mark.target = {} and mark.change = 'brought'{}
         )",
        literal(Engine::Sqlite, &first.target.to_string()),
        in_list("mark.ordinal", ordinals)
    )
}

/// A SQLite table's columns, as its catalog lists them now.
async fn columns_of<S: Session>(session: &mut S, target: &TableName) -> Result<Vec<String>> {
    let sql = "select name from pragma_table_info($1) order by cid";
    let rows = session.fetch(sql, &[Param::Text(&target.name)]).await?;
    Ok(rows.into_iter().filter_map(|mut row| row.pop().flatten()).collect())
}

fn id_of(row: &[u8; ROW]) -> i64 {
    i64::from_le_bytes(std::array::from_fn(|place| row[place]))
}

fn json(ids: &[i64]) -> String {
    let list: Vec<String> = ids.iter().map(ToString::to_string).collect();
    format!("[{}]", list.join(","))
}
