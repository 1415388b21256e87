//! After the data: indexes, orphans, foreign keys, sequences, statistics.

use std::collections::BTreeMap;

use shared::assessment::{Catalog, ForeignKey, TableName};
use shared::connection::Engine;
use shared::error_code::ErrorCode;
use shared::plan::{Orphans, TableMapping};

use super::Request;
use super::board::Board;
use super::transaction::end;
use crate::error::{EngineError, Result};
use crate::ident::{literal, quote, quote_table};
use crate::load::ledger::{self, Entry, Origin, RunRecord};
use crate::load::mark::{self, TableRecord, Writer};
use crate::load::schema::{self, Kind};
use crate::load::{Param, Session, Target, orphans};
use crate::map::target_name;
use crate::rollback::foreign_key_name;

/// Makes everything that comes after the data. What is there already is left alone, so that a
/// run that stopped here goes on here.
pub(super) async fn finish<T: Target>(
    target: &T,
    session: &mut T::Session,
    request: &Request,
    run: &RunRecord,
    board: &Board,
) -> Result<()> {
    let engine = target.engine();
    let records = ledger::tables(session, &run.run_id).await?;
    note_indexes(session, request, run, &records).await?;
    for mapping in &request.plan.tables {
        for (name, sql) in schema::indexes(engine, mapping) {
            session.run_script(&sql).await.map_err(|error| because(&name, error))?;
        }
    }
    take_out_orphans(session, request, run, &records, board).await?;
    let catalog = session.catalog().await?;
    for (index, mapping) in request.plan.tables.iter().enumerate() {
        if engine == Engine::Postgres {
            add_foreign_keys(session, &catalog, run, mapping).await?;
            set_sequences(session, run, &records[index], mapping).await?;
        }
        let table = quote_table(engine, &target_name(engine, &mapping.target));
        session.run_script(&format!("analyze {table}")).await?;
        board.finished(index);
    }
    match engine {
        Engine::Postgres if !request.plan.target_sql.after.trim().is_empty() => {
            run_sql_after(session, request, run, &records).await?;
        }
        Engine::Sqlite => check_foreign_keys(session).await?,
        _ => {}
    }
    count_again(session, request, run, &records).await
}

/// Writes down which indexes of tables that were there before are about to be made.
async fn note_indexes<S: Session>(
    session: &mut S,
    request: &Request,
    run: &RunRecord,
    records: &[TableRecord],
) -> Result<()> {
    let engine = session.engine();
    let catalog = session.catalog().await?;
    let tables = request.plan.tables.iter().zip(records).filter(|(_, record)| !record.made);
    for (mapping, record) in tables {
        let Some(known) = catalog.table(&record.target) else { continue };
        for (name, _) in schema::indexes(engine, mapping) {
            if known.indexes.iter().any(|index| index.name == name) {
                continue;
            }
            let undo = schema::drop_index(engine, &record.target, &name);
            note(session, run, Kind::Index, &name, &undo).await?;
        }
    }
    Ok(())
}

/// Writes down that something is about to be made. It is taken back even if it never was made.
async fn note<S: Session>(
    session: &mut S,
    run: &RunRecord,
    kind: Kind,
    name: &str,
    undo: &str,
) -> Result<()> {
    if ledger::has_object(session, &run.run_id, kind, name).await? {
        return Ok(());
    }
    ledger::insert_object(session, &run.run_id, kind, name, undo).await
}

/// Takes out rows without a parent until no key finds any: a row that goes may leave others
/// without theirs.
async fn take_out_orphans<S: Session>(
    session: &mut S,
    request: &Request,
    run: &RunRecord,
    records: &[TableRecord],
    board: &Board,
) -> Result<()> {
    let tables = &request.plan.tables;
    let all = || {
        tables.iter().enumerate().flat_map(|(index, mapping)| {
            let keys = mapping.create.iter().flat_map(|shape| &shape.foreign_keys);
            keys.map(move |key| (index, key))
        })
    };
    let mut keys: Vec<(usize, &ForeignKey)> = all().collect();
    loop {
        let mut went = Vec::new();
        for &(index, key) in &keys {
            let mapping = &tables[index];
            if matches!(orphans::policy(mapping, key), Orphans::KeepIn(_)) {
                keep_orphans(session, request, run, &records[index], key).await?;
            } else if take_out(session, request, run, board, index, key).await? {
                went.push(target_name(session.engine(), &mapping.target));
            }
        }
        if went.is_empty() {
            return Ok(());
        }
        // Only a table that lost rows can have left others without a parent.
        let engine = session.engine();
        let all = tables.iter().enumerate().flat_map(|(index, mapping)| {
            let keys = mapping.create.iter().flat_map(|shape| &shape.foreign_keys);
            keys.map(move |key| (index, key))
        });
        keys =
            all.filter(|(_, key)| went.contains(&target_name(engine, &key.references))).collect();
    }
}

/// Leaves orphans where they are, without the reference: the rows are still the run's.
async fn keep_orphans<S: Session>(
    session: &mut S,
    request: &Request,
    run: &RunRecord,
    record: &TableRecord,
    key: &ForeignKey,
) -> Result<()> {
    session.run_script("begin").await?;
    let kept = orphans::keep(session, key, &run.run_id, record, &request.key).await;
    end(session, kept).await.map(drop)
}

fn after_the_data<'a>(run: &'a RunRecord, record: &TableRecord) -> Writer<'a> {
    Writer { run_id: &run.run_id, table_index: record.table_index, ordinal: mark::AFTER_THE_DATA }
}

/// True when rows went.
async fn take_out<S: Session>(
    session: &mut S,
    request: &Request,
    run: &RunRecord,
    board: &Board,
    index: usize,
    key: &ForeignKey,
) -> Result<bool> {
    let mapping = &request.plan.tables[index];
    let table_index = u32::try_from(index).unwrap_or(u32::MAX);
    let target = target_name(session.engine(), &mapping.target);
    let mut any = false;
    loop {
        let now = request.clock.now();
        session.run_script("begin").await?;
        let taken = async {
            let fresh_id = || request.clock.fresh_id().simple().to_string();
            let rows = orphans::take_out(session, mapping, key, &request.key, fresh_id).await?;
            if rows.is_empty() {
                return Ok(None);
            }
            let ordinal = ledger::next_correction(session, &run.run_id, table_index).await?;
            let origin = Origin {
                run_id: &run.run_id,
                table_index,
                ordinal,
                source: &mapping.source,
                target: &target,
            };
            ledger::insert_quarantined(session, origin, &rows, now).await?;
            let books = orphans::correction(rows.len());
            let entry = Entry { table_index, ordinal, books, bytes: 0, seconds: 0.0 };
            ledger::insert_entry(session, &run.run_id, &entry, now).await?;
            Ok(Some(entry))
        }
        .await;
        match end(session, taken).await? {
            Some(entry) => board.committed(&entry),
            None => return Ok(any),
        }
        any = true;
    }
}

async fn add_foreign_keys<S: Session>(
    session: &mut S,
    catalog: &Catalog,
    run: &RunRecord,
    mapping: &TableMapping,
) -> Result<()> {
    let Some(shape) = &mapping.create else { return Ok(()) };
    let known = catalog.table(&target_name(Engine::Postgres, &mapping.target));
    for key in &shape.foreign_keys {
        let there =
            known.is_some_and(|table| table.foreign_keys.iter().any(|k| k.name == key.name));
        if !there {
            let undo = schema::drop_foreign_key(&mapping.target, &key.name);
            let table = target_name(Engine::Postgres, &mapping.target);
            let name = foreign_key_name(&table, &key.name);
            note(session, run, Kind::ForeignKey, &name, &undo).await?;
            let sql = schema::add_foreign_key(mapping, key);
            session.run_script(&sql).await.map_err(|error| because(&key.name, error))?;
        }
    }
    Ok(())
}

/// SQLite has the keys from the start and checks them only when asked.
async fn check_foreign_keys<S: Session>(session: &mut S) -> Result<()> {
    let broken =
        session.fetch("select \"table\" from pragma_foreign_key_check limit 1", &[]).await?;
    match broken.first().and_then(|row| row.first()?.as_deref()) {
        None => Ok(()),
        Some(table) => Err(EngineError::new(
            ErrorCode::Load004,
            format!("checking the foreign keys of {table}: a row refers to nothing"),
        )),
    }
}

/// Asks the target itself how many rows of the run it has: a trigger may have added or removed
/// some, and then the ledger does not tell the truth. Rows of others do not count.
pub(super) async fn count_again<S: Session>(
    session: &mut S,
    request: &Request,
    run: &RunRecord,
    records: &[TableRecord],
) -> Result<()> {
    let mut loaded: BTreeMap<TableName, i64> = BTreeMap::new();
    for entry in ledger::entries(session, &run.run_id).await? {
        if let Some(record) = records.get(entry.table_index as usize) {
            *loaded.entry(record.target.clone()).or_default() += entry.books.loaded;
        }
    }
    for (table, loaded) in loaded {
        let own = mark::records_of(records, &table);
        let there = mark::count(session, &run.run_id, &request.key, &own).await?;
        if !there.is_what_was_loaded(loaded) {
            return Err(EngineError::new(
                ErrorCode::Load005,
                format!(
                    "counting {table}: {loaded} rows were loaded, {} of them are there, and {} are not as they were loaded",
                    there.own + there.changed,
                    there.changed
                ),
            ));
        }
    }
    Ok(())
}

/// The next value that a column gives out by itself comes after the largest one loaded. A sequence
/// that was there before only ever moves forward, because others draw from it.
async fn set_sequences<S: Session>(
    session: &mut S,
    run: &RunRecord,
    record: &TableRecord,
    mapping: &TableMapping,
) -> Result<()> {
    let engine = Engine::Postgres;
    let table = quote_table(engine, &record.target);
    for column in &mapping.columns {
        let name = quote(engine, &column.target);
        let sql = format!(
            "select pg_get_serial_sequence({}, {})",
            literal(engine, &table),
            literal(engine, &column.target)
        );
        let found = session.fetch(&sql, &[] as &[Param<'_>]).await?;
        let Some(sequence) = found.into_iter().flatten().flatten().next() else { continue };
        let literal = literal(engine, &sequence);
        if record.made {
            let sql = format!(
                "select setval({literal}, greatest(coalesce(max({name}), 1), 1),
                               coalesce(max({name}) >= 1, false))::text
                 from {table}"
            );
            session.fetch(&sql, &[]).await?;
            continue;
        }
        let sql = format!(
            "select max({name})::text, last_value::text, is_called::text
             from {table} right join {sequence} on true
             group by last_value, is_called
             having max({name}) > last_value or max({name}) = last_value and not is_called"
        );
        let behind = session.fetch(&sql, &[]).await?.into_iter().next();
        let Some([Some(largest), Some(last), Some(is_called)]) =
            behind.and_then(|row| <[_; 3]>::try_from(row).ok())
        else {
            continue;
        };
        let undo = format!(
            "select setval({literal}, {last}, {is_called})::text from {sequence}
             where last_value = {largest} and is_called"
        );
        note(session, run, Kind::Sequence, &sequence, &undo).await?;
        let sql = format!(
            "select setval({literal}, {largest})::text from {sequence} where last_value <= {largest}"
        );
        session.fetch(&sql, &[]).await?;
    }
    Ok(())
}

/// Runs the plan's last statements, once a run.
async fn run_sql_after<S: Session>(
    session: &mut S,
    request: &Request,
    run: &RunRecord,
    records: &[TableRecord],
) -> Result<()> {
    if ledger::has_object(session, &run.run_id, Kind::Sql, "after").await? {
        return Ok(());
    }
    session.run_script("begin").await?;
    let done = async {
        session
            .run_script(&request.plan.target_sql.after)
            .await
            .map_err(|error| because("target_sql.after", error))?;
        // In a table that was there before, the statements may have changed rows of others.
        for record in records.iter().filter(|record| record.made) {
            mark::keep(session, &request.key, after_the_data(run, record), record).await?;
        }
        ledger::insert_object(session, &run.run_id, Kind::Sql, "after", "").await
    }
    .await;
    end(session, done).await
}

fn because(name: &str, error: EngineError) -> EngineError {
    let code = match error.code() {
        ErrorCode::Sys001 | ErrorCode::Load002 => ErrorCode::Load004,
        code => code,
    };
    EngineError::new(code, format!("making {name}")).because(error)
}
